"""The policy's record: what was read once is kept, and is what the database holds all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

from burnish.database import open_database
from burnish.policy import Signal, SqlPolicyRecord

DECIDED = ("decided", "2026-03-01", None, {"decisions": []})


def periods(record: SqlPolicyRecord) -> list[str]:
    return [event.period for event in record.events("digits")]


def test_what_another_process_appended_is_read_and_datasets_are_kept_apart(tmp_path: Path):
    mine, theirs = (SqlPolicyRecord(open_database(tmp_path / "burnish.db")) for _ in range(2))
    mine.append("digits", [DECIDED])
    assert periods(mine) == periods(theirs) == ["2026-03-01"]
    theirs.append("flowers", [DECIDED])
    theirs.append("digits", [("closed", "2026-03-02", 1, {})])
    assert periods(mine) == ["2026-03-01", "2026-03-02"]
    assert [event.seq for event in mine.events("digits", after=1)] == [2]
    assert [event.seq for event in mine.events("flowers")] == [1]


def test_a_database_that_was_put_back_to_an_earlier_day_is_read_anew(tmp_path: Path):
    file, kept = tmp_path / "burnish.db", tmp_path / "backup.db"
    engine = open_database(file)
    record = SqlPolicyRecord(engine)
    record.append("digits", [DECIDED])
    engine.dispose()
    shutil.copy(file, kept)
    record.append("digits", [("closed", "2026-03-02", 1, {})])
    assert periods(record) == ["2026-03-01", "2026-03-02"]
    engine.dispose()
    shutil.copy(kept, file)
    assert periods(record) == ["2026-03-01"]
    record.append("digits", [("closed", "2026-03-03", 1, {})])
    assert periods(record) == ["2026-03-01", "2026-03-03"]


def test_the_newest_event_of_a_kind_is_that_of_one_dataset(tmp_path: Path):
    record = SqlPolicyRecord(open_database(tmp_path / "burnish.db"))
    assert record.newest("digits", "rebased") is None
    record.append("flowers", [("rebased", "2026-03-09", None, {})])
    record.append("digits", [("rebased", f"2026-03-0{day}", None, {}) for day in (1, 2)])
    record.append("digits", [DECIDED])
    newest = record.newest("digits", "rebased")
    assert newest is not None
    assert (newest.seq, newest.period) == (2, "2026-03-02")


def test_open_alarms_are_those_of_the_record_that_no_event_has_closed(tmp_path: Path):
    record = SqlPolicyRecord(open_database(tmp_path / "burnish.db"))
    signal = Signal("row_drift", "", 0.8, 0.7, 0.9, 100, "no labels").to_json()
    opened = [("opened", f"2026-03-0{day}", day, {"signal": signal}) for day in (1, 2, 3)]
    record.append("digits", [DECIDED, *opened])
    record.append("digits", [("closed", "2026-03-04", 2, {"why": "a new model"})])
    record.append("digits", [("acknowledged", "2026-03-04", 3, {"who": "Ann"})])
    found = record.open_alarms("digits")
    assert found == [one for one in record.alarms("digits") if one.is_open]
    assert [(one.number, one.status) for one in found] == [(1, "open"), (3, "acknowledged")]
    assert record.open_alarms("wine") == []
