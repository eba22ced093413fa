"""The runner of gates: every failing row is found, and nothing broken passes for good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from burnish.errors import SpecError
from burnish.records import Expectation, GateReport, Suite
from burnish.typing import GateRunner
from resources.expectations import QUARANTINE_SCHEMA, GateRunnerResource, GreatExpectationsRunner

IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"
UNIQUE = "expect_column_values_to_be_unique"


def check(kind: str, code: str, on_fail: Any, **kwargs: Any) -> Expectation:
    return Expectation(kind, code, on_fail, kwargs, why="a test")


def run(
    data: dict[str, Any] | pa.Table,
    *expectations: Expectation,
    max_share: float = 0.05,
    key: str | None = "example_id",
) -> GateReport:
    table = data if isinstance(data, pa.Table) else pa.table(data)
    suite = Suite("raw_examples", tuple(expectations), max_share)
    return GreatExpectationsRunner().run(suite, table, key=key)


def ids(n: int) -> list[str]:
    return [f"e{i}" for i in range(n)]


def result(report: GateReport, code: str) -> Any:
    return next(item for item in report.results if item.expectation.code == code)


def test_it_is_a_gate_runner() -> None:
    assert isinstance(GreatExpectationsRunner(), GateRunner)


def test_every_planted_row_is_quarantined_not_just_the_first_few_hundred() -> None:
    planted = set(range(0, 10_000, 10))
    labels = ["bad" if i in planted else "cat" for i in range(10_000)]
    report = run(
        {"example_id": ids(10_000), "label": labels},
        check(IN_SET, "RAW-LABEL-KNOWN", "quarantine", column="label", value_set=["cat", "dog"]),
        max_share=0.2,
    )
    assert report.passed
    assert set(report.quarantined["row"].to_pylist()) == planted
    assert report.quarantined.schema == QUARANTINE_SCHEMA
    assert report.quarantined.slice(1, 1).to_pylist() == [
        {
            "row": 10,
            "example_id": "e10",
            "code": "RAW-LABEL-KNOWN",
            "expectation": IN_SET,
            "column": "label",
            "value": "bad",
        }
    ]
    found = result(report, "RAW-LABEL-KNOWN")
    assert (found.passed, found.failing) == (False, 1000)
    assert found.examples[0] == "e0: bad"


def test_a_stop_stops_and_quarantines_nothing() -> None:
    report = run(
        {"example_id": ["a", "a", "b"]}, check(UNIQUE, "RAW-ID-UNIQUE", "stop", column="example_id")
    )
    assert report.stopped_by == ("RAW-ID-UNIQUE",)
    assert report.quarantined.num_rows == 0
    assert result(report, "RAW-ID-UNIQUE").failing == 2


def test_too_large_a_share_stops_and_counts_a_row_once() -> None:
    data = {"example_id": ids(20), "label": [None, ""] + ["cat"] * 18, "x": [None] + [1.0] * 19}
    checks = [
        check(NOT_NULL, "RAW-LABEL-MISSING", "quarantine", column="label"),
        check(NOT_NULL, "RAW-X-MISSING", "quarantine", column="x"),
    ]
    assert run(data, *checks, max_share=0.05).passed
    report = run(data, *checks, max_share=0.04)
    assert report.stopped_by == ("RAW-QUARANTINE-SHARE",)
    assert report.quarantined["code"].to_pylist() == ["RAW-LABEL-MISSING", "RAW-X-MISSING"]
    assert report.quarantined["value"].to_pylist() == ["(missing)", "(missing)"]


def test_an_empty_table_passes_no_gate() -> None:
    empty = pa.table({"example_id": pa.array([], pa.string())})
    assert run(empty).stopped_by == ("RAW-EMPTY",)
    assert "RAW-EMPTY" in run(empty, check(NOT_NULL, "A", "stop", column="example_id")).stopped_by


def test_a_missing_column_stops_even_where_rows_would_be_quarantined() -> None:
    report = run({"example_id": ids(3)}, check(NOT_NULL, "RAW-X-MISSING", "quarantine", column="x"))
    assert report.stopped_by == ("RAW-X-MISSING",)
    assert '"x"' in result(report, "RAW-X-MISSING").observed


def test_a_failed_table_level_expectation_cannot_quarantine_so_it_stops() -> None:
    mean = check("expect_column_mean_to_be_between", "M", "quarantine", column="x", min_value=5)
    report = run({"example_id": ids(3), "x": [1.0, 2.0, 3.0]}, mean)
    assert report.stopped_by == ("M",)
    assert result(report, "M").observed == "2"


def test_a_broken_expectation_hides_no_other_result() -> None:
    report = run(
        {"example_id": ids(50), "label": ["bird"] + ["cat"] * 49, "x": ["text"] * 50},
        check(BETWEEN, "BROKEN", "quarantine", column="x", min_value=0, max_value=1),
        check(IN_SET, "KNOWN", "quarantine", column="label", value_set=["cat"]),
        check(UNIQUE, "UNIQUE", "stop", column="example_id"),
    )
    assert report.stopped_by == ("BROKEN",)
    assert result(report, "BROKEN").observed.startswith("could not be checked: ")
    assert report.quarantined["example_id"].to_pylist() == ["e0"]
    assert result(report, "UNIQUE").passed


def test_a_condition_on_a_missing_column_is_blamed_alone() -> None:
    on = {"type": "comparison", "column": {"name": "gone"}, "operator": "==", "parameter": "a"}
    report = run(
        {"example_id": ids(3)},
        check(NOT_NULL, "CONDITION", "stop", column="example_id", row_condition=on),
        check(NOT_NULL, "PLAIN", "stop", column="example_id"),
    )
    assert report.stopped_by == ("CONDITION",)


def test_a_condition_keeps_the_row_positions() -> None:
    on = {"type": "comparison", "column": {"name": "split"}, "operator": "==", "parameter": "b"}
    data = {"example_id": ids(4), "split": ["a", "b", "a", "b"], "label": ["x", "cat", "x", "x"]}
    known = check(IN_SET, "K", "quarantine", column="label", value_set=["cat"], row_condition=on)
    assert run(data, known, max_share=0.5).quarantined["row"].to_pylist() == [3]


def test_rows_that_fail_a_mostly_expectation_leave_all_the_same() -> None:
    mostly = check(NOT_NULL, "M", "quarantine", column="x", mostly=0.5)
    report = run({"example_id": ids(40), "x": [None] + [1.0] * 39}, mostly)
    assert report.passed
    assert result(report, "M").passed
    assert report.quarantined["row"].to_pylist() == [0]


def test_an_unknown_expectation_is_refused_with_the_closest_known() -> None:
    with pytest.raises(SpecError, match="RAW-EXTRA-01") as caught:
        run({"x": [1]}, check("expect_column_value_to_not_be_null", "RAW-EXTRA-01", "stop"))
    assert NOT_NULL in caught.value.expected


def test_wrong_arguments_are_refused_with_the_closest_known() -> None:
    with pytest.raises(SpecError, match="colum") as caught:
        run({"x": [1]}, check(NOT_NULL, "RAW-EXTRA-01", "stop", colum="x"))
    assert caught.value.hint == "did you mean column?"
    assert "column" in caught.value.expected


def test_two_expectations_of_one_code_are_refused() -> None:
    twice = check(NOT_NULL, "A", "stop", column="x")
    with pytest.raises(SpecError, match="stands for two"):
        run({"x": [1]}, twice, twice)


def test_rows_without_a_key_are_named_by_position() -> None:
    missing = check(NOT_NULL, "A", "quarantine", column="x")
    report = run({"x": [None, 1.0]}, missing, key=None, max_share=0.9)
    assert report.quarantined["example_id"].to_pylist() == [""]
    assert result(report, "A").examples == ("row 0: (missing)",)


def test_images_are_checked_for_missing_and_equal_cells() -> None:
    images = pa.array([[1.0, 2.0], None, [1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64()))
    table = pa.table({"example_id": ids(4), "image": images, "raw": [b"a", b"b", b"b", None]})
    report = run(
        table,
        check(NOT_NULL, "IMAGE", "quarantine", column="image"),
        check(UNIQUE, "SAME", "quarantine", column="image"),
        check(NOT_NULL, "BYTES", "quarantine", column="raw"),
        check("expect_table_columns_to_match_set", "SET", "stop", column_set=table.column_names),
        max_share=0.99,
    )
    assert set(report.stopped_by) == {"RAW-QUARANTINE-SHARE"}
    by_code = {
        code: [row["row"] for row in report.quarantined.to_pylist() if row["code"] == code]
        for code in ("IMAGE", "SAME", "BYTES")
    }
    assert by_code == {"IMAGE": [1], "SAME": [0, 2], "BYTES": [3]}


def test_bounds_of_dates_and_times_may_be_text() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=i) for i in range(4)]
    table = pa.table(
        {
            "example_id": ids(4),
            "at": pa.array(days, pa.timestamp("us", tz="UTC")),
            "naive": pa.array([day.replace(tzinfo=None) for day in days], pa.timestamp("ns")),
            "day": pa.array([day.date() for day in days], pa.date32()),
        }
    )
    report = run(
        table,
        check(BETWEEN, "AT", "quarantine", column="at", min_value="2026-01-02"),
        check(BETWEEN, "NAIVE", "quarantine", column="naive", max_value=date(2026, 1, 3)),
        check(BETWEEN, "DAY", "quarantine", column="day", min_value="2026-01-02"),
        max_share=0.9,
    )
    assert report.passed
    assert report.quarantined["row"].to_pylist() == [0, 0, 3]


def test_types_of_text_columns_are_seen_as_str_both_ways() -> None:
    table = pa.table({"x": pa.array(["a", "b"]), "c": pa.array(["a", "b"]).dictionary_encode()})
    report = run(
        table,
        check("expect_column_values_to_be_of_type", "OF", "stop", column="x", type_="str"),
        check(
            "expect_column_values_to_be_in_type_list", "IN", "stop", column="c", type_list=["str"]
        ),
        key=None,
    )
    assert report.passed


def test_the_same_data_and_suite_give_the_same_report() -> None:
    data = {"example_id": ids(30), "x": [None] + [1.0] * 29}
    checks = [
        check(NOT_NULL, "A", "quarantine", column="x"),
        check(UNIQUE, "B", "stop", column="x"),
    ]
    first, second = run(data, *checks), run(data, *checks)
    assert first.results == second.results
    assert first.quarantined.equals(second.quarantined)
    assert first.suite_digest == second.suite_digest


def test_an_asset_gets_the_plain_runner_from_the_resource() -> None:
    @dg.asset
    def gate(gates: dg.ResourceParam[GateRunner]) -> str:
        return type(gates).__name__

    instance = dg.DagsterInstance.ephemeral()
    done = dg.materialize([gate], resources={"gates": GateRunnerResource()}, instance=instance)
    assert done.output_for_node("gate") == "GreatExpectationsRunner"
