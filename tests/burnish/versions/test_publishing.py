"""Write, audit, publish: nobody reads past a gate, and the last good version stays readable."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
import sqlalchemy as sa

from burnish.database import open_database
from burnish.errors import GateError, StoreError, VersionNotFound
from burnish.ledger import SqlLedger
from burnish.records import GateReport
from burnish.store import DeltaStore
from burnish.versions import QUARANTINE, Versions

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
STAGE = ("digits", "raw_examples")


def rows(*ids: str) -> pa.Table:
    return pa.table({"example_id": list(ids), "x": [1.0] * len(ids)})


def report(*stopped_by: str, turned_away: tuple[int, ...] = (), total: int = 3) -> GateReport:
    lines = [
        {"row": row, "example_id": "?", "code": code, "expectation": "e", "column": "x"}
        for row in turned_away
        for code in ("RAW-X", "RAW-Y")
    ]
    found = pa.Table.from_pylist(lines, schema=QUARANTINE)
    return GateReport("raw_examples", total, (), found, stopped_by, "suite")


@pytest.fixture
def store(tmp_path):
    return DeltaStore(tmp_path / "tables", clock=lambda: NOW)


@pytest.fixture
def engine(tmp_path):
    return open_database(tmp_path / "burnish.db")


@pytest.fixture
def versions(engine, store):
    return Versions(engine, store, SqlLedger(engine), clock=lambda: NOW)


def ids(table: pa.Table | None) -> list[str]:
    assert table is not None
    return table["example_id"].to_pylist()


def test_what_was_never_materialized_is_refused(versions):
    with pytest.raises(GateError, match="never materialized") as caught:
        versions.read(*STAGE)
    assert "materialize raw_examples together with its check" in str(caught.value)
    with pytest.raises(GateError, match="never materialized"):
        versions.read_candidate(*STAGE)
    assert versions.candidate(*STAGE) is None
    assert versions.published(*STAGE) is None
    assert versions.verdict(*STAGE) is None
    assert versions.read_last_good(*STAGE) is None
    assert versions.quarantined(*STAGE).schema == QUARANTINE


def test_a_candidate_is_not_read_before_its_gate_passed(versions):
    written = versions.write(*STAGE, rows("a", "b"), iteration=3, properties={"from": "x.csv"})
    assert written.properties == {"from": "x.csv"}
    assert versions.newest_output(*STAGE) == (3, written.version)
    assert versions.candidate(*STAGE) == written
    assert ids(versions.read_candidate(*STAGE)) == ["a", "b"]
    with pytest.raises(GateError, match="raw_examples@1 was not checked") as caught:
        versions.read(*STAGE)
    assert "materialize raw_examples together with its check" in str(caught.value)
    verdict = versions.record_verdict(*STAGE, 1, report(), report_path="reports/1.html")
    assert (verdict.passed, verdict.version, verdict.data_digest) == (True, 1, written.digest)
    assert (verdict.at, verdict.report, verdict.suite_digest) == (NOW, "reports/1.html", "suite")
    assert versions.verdict(*STAGE) == verdict
    assert versions.published(*STAGE) == written
    assert versions.read(*STAGE, columns=["x"]).column_names == ["x"]
    assert versions.refusal(*STAGE) is None


def test_the_same_content_is_no_new_version(versions):
    first = versions.write(*STAGE, rows("a", "b"))
    assert versions.write(*STAGE, rows("b", "a"), iteration=2) == first
    assert versions.write(*STAGE, rows("a")).version == 2


def test_rows_in_quarantine_are_not_read(versions, store):
    versions.write(*STAGE, rows("a", "b", "c"))
    verdict = versions.record_verdict(*STAGE, 1, report(turned_away=(1,)))
    assert verdict.quarantined == 1
    assert ids(versions.read(*STAGE)) == ["a", "c"]
    assert versions.read(*STAGE, columns=["x"]).num_rows == 2
    assert versions.quarantined(*STAGE)["code"].to_pylist() == ["RAW-X", "RAW-Y"]
    assert store.describe("digits/raw_examples_quarantine").properties["stage_version"] == "1"


def test_a_new_suite_on_the_same_rows_moves_the_quarantine(versions):
    versions.write(*STAGE, rows("a", "b", "c"))
    versions.record_verdict(*STAGE, 1, report(turned_away=(1,)))
    versions.record_verdict(*STAGE, 1, report(turned_away=(0, 2)))
    assert ids(versions.read(*STAGE)) == ["b"]
    versions.record_verdict(*STAGE, 1, report())
    assert ids(versions.read(*STAGE)) == ["a", "b", "c"]
    assert versions.quarantined(*STAGE).num_rows == 0
    versions.record_verdict(*STAGE, 1, report("RAW-STOP", turned_away=(0,)))
    assert ids(versions.read_last_good(*STAGE)) == ["a", "b", "c"]
    assert versions.refusal(*STAGE) is not None


def test_a_failed_gate_refuses_downstream_and_people_keep_the_last_good(versions):
    versions.write(*STAGE, rows("a", "b"))
    versions.record_verdict(*STAGE, 1, report(turned_away=(0,)))
    versions.write(*STAGE, rows("z"))
    versions.record_verdict(*STAGE, 2, report("RAW-NULL", "RAW-ROWS"))
    with pytest.raises(GateError, match="version 2: RAW-NULL, RAW-ROWS") as caught:
        versions.read(*STAGE)
    assert "the last good version is 1" in str(caught.value)
    assert "mend the source and materialize raw_examples again" in str(caught.value)
    assert ids(versions.read_last_good(*STAGE)) == ["b"]
    published = versions.published(*STAGE)
    assert published is not None
    assert published.version == 1
    mended = versions.write(*STAGE, rows("a", "b"))
    assert mended.version == 3
    versions.record_verdict(*STAGE, 3, report())
    assert ids(versions.read(*STAGE)) == ["a", "b"]
    assert [verdict.passed for verdict in versions.verdicts("digits")] == [True, False, True]
    assert versions.verdicts("wine") == []


def test_a_verdict_never_publishes_backwards(versions):
    versions.write(*STAGE, rows("a"))
    versions.write(*STAGE, rows("b"))
    versions.record_verdict(*STAGE, 1, report())
    assert versions.published(*STAGE) is None
    versions.record_verdict(*STAGE, 2, report())
    versions.record_verdict(*STAGE, 1, report())
    assert ids(versions.read(*STAGE)) == ["b"]
    versions.record_verdict(*STAGE, 1, report("RAW-LATE"))
    assert ids(versions.read(*STAGE)) == ["b"]


def test_a_source_that_cannot_be_read_refuses_until_a_newer_verdict_passes(versions):
    versions.record_failure(*STAGE, "RAW-SOURCE", "no such file: x.csv")
    with pytest.raises(GateError, match=r"before there was a version: RAW-SOURCE\n  no such file"):
        versions.read(*STAGE)
    versions.write(*STAGE, rows("a"))
    versions.record_verdict(*STAGE, 1, report())
    failed = versions.record_failure(*STAGE, "RAW-SOURCE", "no such file: x.csv")
    assert (failed.version, failed.passed, failed.stopped_by) == (0, False, ("RAW-SOURCE",))
    with pytest.raises(GateError, match="RAW-SOURCE"):
        versions.read(*STAGE)
    assert ids(versions.read_last_good(*STAGE)) == ["a"]
    assert versions.write(*STAGE, rows("a")).version == 1
    with pytest.raises(GateError, match="RAW-SOURCE"):
        versions.read(*STAGE)
    versions.record_verdict(*STAGE, 1, report())
    assert ids(versions.read(*STAGE)) == ["a"]


def test_a_stage_without_a_gate_is_published_at_once(versions):
    versions.write(*STAGE, rows("a"), gated=False)
    assert ids(versions.read(*STAGE)) == ["a"]
    versions.record_failure(*STAGE, "X", "broken")
    assert versions.refusal(*STAGE) is not None
    versions.write(*STAGE, rows("a"), gated=False)
    assert ids(versions.read(*STAGE)) == ["a"]
    assert versions.write(*STAGE, rows("b"), gated=False).version == 2
    assert ids(versions.read(*STAGE)) == ["b"]


def test_vacuum_spares_what_is_published(versions, store):
    versions.write(*STAGE, rows("a", "b", "c"))
    versions.record_verdict(*STAGE, 1, report(turned_away=(0,)))
    for number in range(4):
        written = versions.write(*STAGE, rows("z", str(number)))
        versions.record_verdict(*STAGE, written.version, report("STOP", turned_away=(1,)))
    assert store.vacuum("digits/raw_examples", keep_last=1) == [2, 3, 4]
    store.vacuum("digits/raw_examples_quarantine", keep_last=1)
    assert ids(versions.read_last_good(*STAGE)) == ["b", "c"]


def test_many_stages_read_in_one_pass_are_what_each_gives_by_itself(versions):
    stages = {name: f"batch/{name}" for name in ("d1", "d2", "d3", "d4", "d5")}
    versions.write("digits", stages["d1"], rows("a", "b", "c"))
    versions.record_verdict("digits", stages["d1"], 1, report(turned_away=(1,)))
    versions.write("digits", stages["d2"], rows("d"))
    versions.record_verdict("digits", stages["d2"], 1, report(total=1))
    # What is newer and was stopped, or was never judged, is read by nobody.
    versions.write("digits", stages["d2"], rows("d", "e"))
    versions.record_verdict("digits", stages["d2"], 2, report("RAW-X", total=2))
    versions.write("digits", stages["d3"], rows("f"))
    versions.write("digits", stages["d5"], rows("g"), gated=False)
    versions.write("wine", stages["d4"], rows("h"), gated=False)
    names = ["d5", "d4", "d3", "d2", "d1"]
    found = versions.each_last_good("digits", names, under="batch/", columns=["example_id"])
    told = {name: table.to_pydict() for name, table in found}
    assert told == {
        "d5": {"example_id": ["g"]},
        "d2": {"example_id": ["d"]},
        "d1": {"example_id": ["a", "c"]},
    }
    assert list(told) == ["d5", "d2", "d1"]
    for name, stage in stages.items():
        table = versions.read_last_good("digits", stage, columns=["example_id"])
        assert told.get(name) == (None if table is None else table.to_pydict())


def test_a_stage_published_anew_during_the_pass_is_read_as_it_is_now(versions, store):
    for name in ("d1", "d2"):
        versions.write("digits", f"batch/{name}", rows(name), gated=False)
    found = versions.each_last_good("digits", ["d1", "d2"], under="batch/")
    assert next(found)[0] == "d1"
    for name in ("x", "y"):
        versions.write("digits", "batch/d2", rows(name), gated=False)
    assert store.vacuum("digits/batch/d2", keep_last=1)
    name, table = next(found)
    assert (name, ids(table)) == ("d2", ["y"])


@pytest.mark.parametrize("row", [-1, 3])
def test_positions_outside_the_version_are_refused(versions, row):
    versions.write(*STAGE, rows("a", "b", "c"))
    with pytest.raises(GateError, match=f"names the row {row}"):
        versions.record_verdict(*STAGE, 1, report(turned_away=(row,)))
    assert versions.verdict(*STAGE) is None


def test_a_quarantine_of_another_shape_is_refused(versions):
    versions.write(*STAGE, rows("a"))
    wrong = GateReport("raw_examples", 1, (), pa.table({"row": [0]}), (), "suite")
    with pytest.raises(GateError, match="has the columns row"):
        versions.record_verdict(*STAGE, 1, wrong)


def test_a_verdict_on_no_version_and_a_stage_of_no_name_are_refused(versions):
    versions.write(*STAGE, rows("a"))
    with pytest.raises(VersionNotFound):
        versions.record_verdict(*STAGE, 2, report())
    with pytest.raises(StoreError, match="cannot be the name of a table"):
        versions.write("digits", "Raw Examples", rows("a"))


def test_the_record_of_gates_is_append_only(versions, engine):
    versions.write(*STAGE, rows("a"))
    versions.record_verdict(*STAGE, 1, report("STOP"))
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text("UPDATE gate_verdicts SET passed = 1"))
