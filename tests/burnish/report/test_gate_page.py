"""The page of a gate: the verdict first, every failure with its reason, and nothing that runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.records import Expectation, ExpectationResult, GateReport
from burnish.report.gate_page import MOST_ROWS, render_gate_page

VOID = {"meta", "img", "br", "hr", "link", "input"}
KNOWN = Expectation(
    "expect_column_values_to_be_in_set",
    "RAW-LABEL-KNOWN",
    "quarantine",
    {"column": "label", "value_set": ["cat", "dog"]},
    "Labels are cat or dog.",
)
ROWS = Expectation(
    "expect_table_row_count_to_be_between", "RAW-ROWS", "stop", {"min_value": 20}, "Enough rows."
)


class Reader(HTMLParser):
    """Collects tags and text, and that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def away(*cells: tuple[int, str, str]) -> pa.Table:
    return pa.table(
        {
            "row": pa.array([row for row, _, _ in cells], pa.int64()),
            "example_id": pa.array([name for _, name, _ in cells], pa.string()),
            "code": pa.array([KNOWN.code] * len(cells), pa.string()),
            "expectation": pa.array([KNOWN.kind] * len(cells), pa.string()),
            "column": pa.array(["label"] * len(cells), pa.string()),
            "value": pa.array([value for _, _, value in cells], pa.string()),
        }
    )


def made_report(
    *results: ExpectationResult, quarantined: pa.Table | None = None, stopped_by: Any = ()
) -> GateReport:
    rows = away() if quarantined is None else quarantined
    return GateReport("raw_examples", 100, results, rows, tuple(stopped_by), "ab12" * 16)


def read(report: GateReport, **changes: Any) -> tuple[str, Reader]:
    given_ = {
        "dataset": "pets",
        "stage": "raw_examples",
        "version": 3,
        "at": datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        **changes,
    }
    page = render_gate_page(report, **given_)
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    reader.text = re.sub(r"\s+", " ", reader.text)
    return page, reader


def test_a_stopped_gate_says_by_what_and_what_follows() -> None:
    failed = ExpectationResult(ROWS, False, 0, (), "7")
    held = ExpectationResult(KNOWN, True, 0, (), "0 of 7 values fail")
    _, page = read(made_report(held, failed, stopped_by=["RAW-ROWS"]))
    assert "Stopped by RAW-ROWS" in page.text
    assert "Readers keep the last version that passed" in page.text
    assert "2026-03-04 05:06 UTC" in page.text
    assert page.text.index("Enough rows.") < page.text.index("Labels are cat or dog.")
    assert "stops the gate" in page.text
    assert "value set: cat, dog" in page.text


def test_a_pass_with_rows_turned_away_lists_them_with_their_value() -> None:
    failed = ExpectationResult(KNOWN, False, 2, ("e4: dgo", "e9: ctt"), "2 of 100 values fail")
    report = made_report(failed, quarantined=away((4, "e4", "dgo"), (9, "e9", "ctt")))
    _, page = read(report)
    assert "Passed, 2 of 100 rows turned away" in page.text
    assert "All 2 failures on 2 rows" in page.text
    assert "2.00 % of all" in page.text
    assert page.text.count("dgo") == 2


def test_a_clean_pass_says_so() -> None:
    _, page = read(made_report(ExpectationResult(ROWS, True, 0, (), "100")))
    assert "Passed: all 1 expectations hold" in page.text
    assert "What did not hold" not in page.text
    assert "Rows turned away" in page.text  # as a figure: none


def test_a_long_quarantine_is_cut_and_the_total_said() -> None:
    rows = [(i, f"e{i}", "dgo") for i in range(1234)]
    failed = ExpectationResult(KNOWN, False, 1234, (), "")
    page, read_page = read(made_report(failed, quarantined=away(*rows)))
    assert f"The first {MOST_ROWS} of 1,234 failures on 1,234 rows" in read_page.text
    assert "e199" in page
    assert "e200" not in page


def test_failures_that_an_expectation_allows_are_shown_as_tolerated() -> None:
    mostly = Expectation(
        "expect_column_values_to_not_be_null", "RAW-FEATURE-MISSING-AGE", "stop", {"column": "age"}
    )
    _, page = read(made_report(ExpectationResult(mostly, True, 3, (), "3 of 100 values fail")))
    assert "tolerated" in page.text


def test_conditions_are_put_into_words() -> None:
    on = {
        "type": "and",
        "conditions": [
            {"type": "comparison", "column": {"name": "a"}, "operator": "==", "parameter": "b"},
            {"type": "nullity", "column": {"name": "c"}, "is_null": False},
        ],
    }
    where = Expectation("expect_x", "RAW-X", "stop", {"row_condition": on})
    _, page = read(made_report(ExpectationResult(where, True, 0, (), "")))
    assert "row condition: a == b and c is not missing" in page.text


@pytest.mark.parametrize("where", ["value", "id", "example", "observed", "why", "code", "dataset"])
def test_script_from_data_or_spec_is_escaped_wherever_it_comes_from(where: str) -> None:
    evil = "<script>alert(1)</script>"

    def pick(name: str, plain: str) -> str:
        return evil if where == name else plain

    expectation = Expectation(
        KNOWN.kind, pick("code", "RAW-X"), "quarantine", KNOWN.kwargs, pick("why", "Because.")
    )
    failed = ExpectationResult(
        expectation, False, 1, (pick("example", "e1: x"),), pick("observed", "one")
    )
    report = made_report(failed, quarantined=away((1, pick("id", "e1"), pick("value", "x"))))
    page, reader = read(report, dataset=pick("dataset", "pets"))
    assert "<script" not in page
    assert "script" not in reader.tags
    assert "alert(1)" in reader.text


def test_the_page_fetches_nothing() -> None:
    page, reader = read(made_report(ExpectationResult(ROWS, True, 0, (), "100")))
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert not re.search(r"url\(|@import|https?://", page)
    assert {"script", "link", "iframe", "img"}.isdisjoint(reader.tags)


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text(), st.text(max_size=20))
def test_any_text_gives_a_whole_page(value: str, why: str, name: str) -> None:
    expectation = Expectation(KNOWN.kind, "RAW-X", "stop", {"column": name}, why)
    failed = ExpectationResult(expectation, False, 1, (value,), value)
    _, page = read(made_report(failed, quarantined=away((0, name, value)), stopped_by=["RAW-X"]))
    assert page.tags.count("h1") == 1
