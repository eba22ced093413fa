"""The page of the return on labeling: its sentences, and that it is safe to open anywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from burnish.report.return_page import (
    ForetoldLine,
    GainLine,
    ReturnStory,
    render_return_page,
    return_context,
    return_headline,
)


def line(name: str, gain: float = 0.0, finding: str = "not shown", **parts: Any) -> GainLine:
    made = GainLine(
        name=name, reviews=60, changed=30, hours=0.5, timed="as the spec says", split="held out",
        slice="overall", support=400, without=0.8, having=0.8 + gain, gain=gain, low=gain - 0.01,
        high=gain + 0.01, low_all=gain - 0.02, high_all=gain + 0.02, finding=finding,
    )  # fmt: skip
    return replace(made, **parts)


def story(**parts: Any) -> ReturnStory:
    made = ReturnStory(
        dataset="digits",
        came=(line("batch 1", 0.03, "better"), line("batch 2")),
        left_out=(line("batch 1", 0.03, "better"), line("batch 2")),
        together=(line("all these batches", 0.04, "better"),),
        reasons=(line("audit", 0.03), line("control", 0.0, changed=0)),
        slices=(),
        by_split=(line("batch 1", 0.03, split="validation"), line("batch 1", 0.02, split="test")),
        forecast="",
        errors="",
        foretold=(),
        seeds=5,
        fits=133,
        resampled=False,
        measured_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    return replace(made, **parts)


def test_a_batch_that_helped_and_the_sum_are_the_headline():
    assert return_headline(story()) == (
        "Batch 1 made the model better. "
        "Together the last 2 batches bought +4.0 points (+2.0 to +6.0)."
    )


def test_a_batch_that_hurt_comes_first_with_the_slice_it_hurt_most():
    bad = line("batch 2", -0.05, "worse")
    cut = line("batch 2", -0.2, "worse", slice="site:east")
    worst = line("batch 2", -0.3, "worse", slice="site:west")
    by_class = line("batch 2", -0.4, "worse", slice="class:8")
    left_out = (line("batch 1", 0.03, "better"), bad)
    found = story(left_out=left_out, slices=(by_class, cut, worst))
    assert return_headline(found).startswith(
        "Batch 2 made the model worse by 5.0 points (3.0 to 7.0), most in site:west. "
        "Batch 1 made it better."
    )
    assert return_context(found).tone == "bad"
    assert "take them back" in render_return_page(found)


def test_a_batch_that_hurt_one_slice_alone_is_named_as_well():
    cut = line("batch 2", -0.2, "worse", slice="site:east")
    assert "Batch 2 made site:east worse." in return_headline(story(slices=(cut,)))


def test_a_batch_that_hurt_on_the_day_alone_is_named():
    found = story(came=(line("batch 1", 0.03), line("batch 2", -0.05, "worse")))
    assert return_headline(found).startswith("Batch 2 made the model worse by 5.0 points")


def test_what_chance_may_have_done_is_claimed_of_nobody():
    plain = (line("batch 1"), line("batch 2"))
    found = story(came=plain, left_out=plain, together=(line("all these batches", 0.004),))
    assert return_headline(found) == (
        "None of the last 2 batches alone is shown to have made the model better or worse. "
        "Together the last 2 batches bought +0.4 points (\N{MINUS SIGN}1.6 to +2.4), "
        "which may be chance."
    )


@pytest.mark.parametrize("production", [True, False])
def test_production_is_shown_once_there_is_any(production: bool):
    lines = story().by_split
    if production:
        lines = (*lines, line("batch 1", 0.015, split="production"))
    page = render_return_page(story(by_split=lines))
    assert ("There are no production labels yet" in page) != production
    assert (">+1.5<" in page) == production


def test_what_is_not_known_of_the_next_batch_is_not_invented():
    assert "What the next batch will bring is not known" in render_return_page(story())
    told = ForetoldLine("batch 4", 0.01, 0.0, 0.02, 0.03, held=False)
    page = render_return_page(story(forecast="It brings a point.", foretold=(told,)))
    assert "It brings a point." in page
    assert "not known: it takes" not in page
    assert "<td>no</td>" in page


def test_gains_are_told_by_review_and_by_hour():
    one = line("batch 1", 0.03)
    assert one.per_hundred == pytest.approx(0.05)
    assert one.per_hour == pytest.approx(0.06)
    assert line("x", reviews=0, hours=0.0).per_hundred is None


def test_names_from_data_are_text_and_the_page_fetches_nothing():
    nasty = "<script>alert(1)</script>"
    page = render_return_page(
        story(
            reasons=(line(nasty, 0.01),),
            slices=(line("batch 1", 0.1, "better", slice=nasty),),
            together=(line("all", 0.1), line("all", 0.1, slice=nasty)),
        )
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<caption>") >= 5


def test_limits_are_those_that_apply():
    assert "resample" not in render_return_page(story())
    assert "resample" in render_return_page(story(resampled=True))
    few = (line("batch 1", support=90),)
    assert "Only 90 rows are held out" in render_return_page(story(left_out=few))
