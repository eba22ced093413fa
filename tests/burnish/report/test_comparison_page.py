"""The page of two iterations: plain, escaped, and legible without colour."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from burnish.errors import DataError
from burnish.report.comparison_page import (
    CheckLine,
    ComparisonContext,
    LabelLine,
    RulerLine,
    SliceLine,
    SplitPart,
    difference_chart,
    render_comparison_page,
)

EVIL = "<b>&\"'</b>"
LINES = (
    SliceLine("worse one", 80, 0.9, 0.7, -0.2, -0.3, -0.1, "worse"),
    SliceLine("better one", 80, 0.7, 0.9, 0.2, 0.1, 0.3, "better"),
    SliceLine("same one", 80, 0.7, 0.7, 0.0, -0.1, 0.1, "not shown"),
)


def page(**changes):
    part = SplitPart("validation", 240, "", (RulerLine("a", "1", "2", "3"),), (), LINES)
    told = {
        "dataset": "pets", "before": "pets@iter1", "after": "pets@iter2",
        "before_version": "pets@1", "after_version": "pets@2", "headline": "h", "by_slice": "s",
        "ruler": "r", "rows": "n", "decision": "d", "rule": "", "promoted": True,
        "confidence": 0.95, "min_support": 20, "splits": (part,), "labels": (), "checks": (),
    }  # fmt: skip
    return render_comparison_page(ComparisonContext(**told | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"headline": EVIL},
        {"rule": EVIL},
        {"labels": (LabelLine(EVIL, EVIL, EVIL, EVIL, EVIL, None),)},
        {"checks": (CheckLine(EVIL, False, EVIL),)},
        {
            "splits": (
                SplitPart("test", 1, EVIL, (), (), (SliceLine(EVIL, 1, 1, 1, 0, 0, 0, "worse"),)),
            )
        },
    ],
)
def test_nothing_that_a_name_holds_becomes_markup(changes):
    html = page(**changes)
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html


def test_worse_better_and_not_shown_differ_by_shape_alone():
    drawn = ET.fromstring(difference_chart(LINES, title="t"))
    marks = [
        (path.get("d").split(",", 1)[1].split("l")[-1].split("h")[-1].split("a")[-1], path)
        for path in drawn.iter("{http://www.w3.org/2000/svg}path")
        if "one:" in (path[0].text or "")
    ]
    assert len({shape for shape, _ in marks}) == 3


def test_a_chart_is_told_in_words_and_has_a_line_at_no_change():
    drawn = difference_chart(LINES, title="Change")
    assert "3 slices: 1 worse, 1 better, 1 not shown." in drawn
    assert 'stroke-dasharray="5 3"' in drawn
    assert "same one: +0.0 points (-10.0 to +10.0), not shown" in drawn


def test_slices_that_are_too_small_are_in_the_table_and_not_in_the_chart():
    small = SliceLine("small one", 3, 1.0, 0.0, -1.0, -1.0, 1.0, "too few")
    html = page(splits=(SplitPart("validation", 3, "", (), (), (small,)),))
    assert "small one" in html
    assert "<svg" not in html


def test_a_chart_of_nothing_is_refused():
    with pytest.raises(DataError, match="no slices"):
        difference_chart([], title="t")


@pytest.mark.parametrize(("promoted", "kind"), [(True, "good"), (False, "bad"), (None, "warn")])
def test_the_decision_is_marked_as_what_it_is(promoted, kind):
    assert f'class="note {kind}"' in page(promoted=promoted)
