"""The page of an audit: its sentences, its order, and that nothing on it is markup of the data."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from burnish.metrics import Interval
from burnish.report.audit_page import (
    AuditSummary,
    ClassNoise,
    NextStep,
    PairNoise,
    QualityFinding,
    SliceNoise,
    Suspect,
    audit_context,
    headline,
    render_audit_page,
)
from burnish.report.looking import Looked, ShownValue

NASTY = "<img src=http://127.0.0.1:9/x onerror=alert(1)>\"'"
SHARE = Interval(0.1, 0.05, 0.2)


def summary(*, text: str = "cat") -> AuditSummary:
    looked = Looked(texts=((text, text),), values=(ShownValue(text, text, text),), more=3)
    return AuditSummary(
        dataset="pets",
        source=text,
        labels=f"labels: {text}",
        rows=120,
        labeled=100,
        unlabeled=20,
        held_out=5,
        share=SHARE,
        classes=(ClassNoise(text, 60, SHARE, text), ClassNoise("dog", 40, SHARE)),
        pairs=(PairNoise(text, "dog", 9, 6.2),),
        suspects=(Suspect(1, text, 17, text, "dog", 0.97, looked, "test"),),
        slices=(SliceNoise(text, 30, SHARE),),
        findings=(QualityFinding(text, 3, text, (text, text)),),
        queue=30,
        control=3,
        forecast=text,
        steps=(NextStep(text, text),),
        notes=(text,),
        limits=(text,),
        generated_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def test_everything_of_the_data_is_escaped_wherever_it_stands():
    page = render_audit_page(summary(text=NASTY))
    assert "<img" not in page
    assert "<script" not in page
    assert page.count("&lt;img src=http") > 15


def test_nothing_is_fetched_and_no_script_may_run():
    page = render_audit_page(summary())
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", page)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page


def test_the_page_says_what_the_summary_says():
    page = render_audit_page(summary())
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in (
        "About 10 of 100 labels look wrong",
        "20 without a label",
        "3 of them drawn at random",
        "row 17",
        "test row",
        "97 %",
        "and 3 more columns",
        "Nothing was changed in the data",
    ):
        assert said in text, said


def test_sections_without_anything_to_show_are_left_out():
    bare = replace(summary(), pairs=(), slices=(), forecast="", notes=())
    page = render_audit_page(bare)
    assert 'id="pairs"' not in page
    assert 'href="#slices"' not in page
    assert "Noticed while reading" not in page


def test_texts_take_the_whole_width_and_values_alone_do_not():
    assert audit_context(summary()).wide
    (suspect,) = summary().suspects
    bare = replace(suspect, looked=Looked(values=(ShownValue("x", "1"),)))
    context = audit_context(replace(summary(), suspects=(bare,)))
    assert not context.wide
    assert not context.marked


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "None of 100 labels look wrong"),
        (0.004, "None of 100 labels look wrong"),
        (0.01, "About 1 of 100 labels looks wrong"),
        (0.25, "About 25 of 100 labels look wrong"),
    ],
)
def test_the_headline_counts_in_words(share, said):
    assert headline(replace(summary(), share=Interval(share, 0, 1))) == said
