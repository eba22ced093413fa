"""A gate in a few lines: the causes in order, the rows by name, and what to do."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assets.gates import GATED_STAGES
from burnish.records import Expectation, ExpectationResult, GateReport
from burnish.report.gate_story import ADVICE, MOST_FAILURES, gate_story

EMPTY = pa.table({"row": pa.array([], pa.int64()), "code": pa.array([], pa.string())})


def failed(code: str, failing: int, *examples: str, on_fail: str = "stop") -> ExpectationResult:
    expectation = Expectation("expect_x", code, on_fail, {"column": "label"}, f"Why {code}.")
    return ExpectationResult(expectation, False, failing, examples, f"{failing} fail")


def story(*results: ExpectationResult, stopped_by: tuple[str, ...], last_good: int | None = 3):
    report = GateReport("raw_examples", 90, results, EMPTY, stopped_by, "ab12")
    return gate_story(
        report, dataset="pets", stage="raw_examples", last_good=last_good, page="http://x/r.html"
    )


def test_what_stops_comes_first_then_what_hurts_more_rows_and_the_sum_of_them_last():
    told = story(
        failed("RAW-QUARANTINE-SHARE", 20),
        failed("RAW-LABEL-KNOWN", 19, "e1: x", on_fail="quarantine"),
        failed("RAW-FEW", 1, "e2: y"),
        failed("RAW-MANY", 7, "e3: z"),
        stopped_by=("RAW-FEW", "RAW-MANY", "RAW-QUARANTINE-SHARE"),
    )
    order = ["RAW-MANY", "RAW-FEW", "RAW-LABEL-KNOWN", "RAW-QUARANTINE-SHARE"]
    assert sorted(order, key=told.index) == order
    assert "4 of 4 expectations do not hold" in told
    assert "e1: x" in told


def test_advice_and_report_come_before_the_table_so_that_no_table_hides_them():
    told = story(failed("RAW-A", 1), stopped_by=("RAW-A",))
    assert told.index("What to do") < told.index("http://x/r.html") < told.index("| What does not")


@pytest.mark.parametrize(
    ("last_good", "words"), [(3, "Readers keep version 3"), (None, "There is no version before")]
)
def test_it_says_what_readers_have(last_good: int | None, words: str):
    assert words in story(failed("RAW-A", 1), stopped_by=("RAW-A",), last_good=last_good)


def test_of_many_failures_the_first_are_shown_and_all_are_counted():
    many = [failed(f"RAW-{n:02d}", n + 1) for n in range(MOST_FAILURES + 4)]
    told = story(*many, stopped_by=tuple(one.expectation.code for one in many))
    assert told.count("| Why RAW-") == MOST_FAILURES
    assert f"{MOST_FAILURES} of {MOST_FAILURES + 4} are shown" in told


def test_an_id_at_fault_is_named_once():
    told = story(failed("RAW-ID", 2, "e7: e7", "e7: e7"), stopped_by=("RAW-ID",))
    assert "| e7 |" in told


def test_values_from_data_are_no_markup():
    told = story(failed("RAW-A", 1, "e1: [a](http://x) | <b> `c`"), stopped_by=("RAW-A",))
    assert "[a](" not in told.replace("\\[", "").replace("\\]", "")
    assert "<b>" not in told


def test_every_gated_stage_has_advice():
    assert set(ADVICE) == set(GATED_STAGES)
