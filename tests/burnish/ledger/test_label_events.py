"""What the ledger takes, refuses, folds and hands back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from burnish.database import open_database
from burnish.errors import LedgerError, LedgerTampered
from burnish.ledger import SqlLedger
from burnish.records import LabelRequest, Verdict, Watermark
from burnish.typing import LabelLedger

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CHANGE = Verdict("a", "change", "1", "7", author="ann", evidence={"margin": 0.25, "seen": ["x"]})
KEEP = Verdict("b", "keep", "2", "2", author="bob", role="simulated", reason="clear")
DROP = Verdict("c", "drop", None, None, author="ann")


@pytest.fixture
def engine(tmp_path):
    return open_database(tmp_path / "home" / "ledger.db")


@pytest.fixture
def ledger(engine):
    return SqlLedger(engine, clock=lambda: NOW)


def test_it_is_a_label_ledger(ledger):
    assert isinstance(ledger, LabelLedger)


def test_an_empty_ledger_has_a_head(ledger):
    assert ledger.head("digits") == Watermark(0, "0" * 64)
    assert ledger.verify("digits") == ledger.head("digits")
    assert ledger.fold("digits").decisions.num_rows == 0
    assert ledger.append("digits", []) == []


def test_events_are_numbered_by_dataset_and_read_as_appended(ledger):
    events = ledger.append("digits", [CHANGE, KEEP])
    other = ledger.append("wine", [DROP])
    events += ledger.append("digits", [DROP])
    assert [event.event_id for event in events] == [1, 2, 3]
    assert other[0].event_id == 1
    assert ledger.events("digits") == events
    assert [event.verdict for event in events] == [CHANGE, KEEP, DROP]
    assert {event.at for event in events} == {NOW}
    assert ledger.events("digits", after=1, until=2) == events[1:2]
    assert ledger.head("digits") == Watermark(3, events[-1].chain)
    assert ledger.verify("digits") == ledger.head("digits")


def test_the_later_verdict_wins_and_a_watermark_holds_the_past(ledger):
    ledger.append("digits", [CHANGE, KEEP, DROP])
    before = ledger.fold("digits")
    ledger.append("digits", [replace(CHANGE, to_label="9", supersedes=1, author="bob")])
    now = ledger.fold("digits")
    assert before.decisions.to_pylist() == [
        {"example_id": name, "decision": decision, "label": label, "author": author}
        | {"at": NOW, "event_id": number}
        for name, decision, label, author, number in [
            ("a", "change", "7", "ann", 1),
            ("b", "keep", "2", "bob", 2),
            ("c", "drop", None, "ann", 3),
        ]
    ]
    assert now.decisions["label"].to_pylist() == ["9", "2", None]
    assert now.decisions["event_id"].to_pylist() == [4, 2, 3]
    again = ledger.fold("digits", 3)
    assert (again.digest, again.watermark) == (before.digest, before.watermark)
    assert again.decisions.equals(before.decisions)
    assert now.digest != before.digest
    assert ledger.fold("digits", 0).decisions.num_rows == 0
    with pytest.raises(LedgerError, match="no event 5"):
        ledger.fold("digits", 5)


def test_blame_tells_the_story_of_one_example(ledger):
    ledger.append("digits", [CHANGE, KEEP, replace(CHANGE, to_label="9", supersedes=1)])
    assert [event.event_id for event in ledger.blame("digits", "a")] == [1, 3]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (replace(CHANGE, decision="relabel"), "is 'relabel'"),
        (replace(CHANGE, to_label="1"), "changes '1' to '1'"),
        (replace(CHANGE, to_label=None), "changes '1' to None"),
        (replace(CHANGE, to_label=""), "changes '1' to ''"),
        (replace(KEEP, to_label="3"), "keeps '2' as '3'"),
        (replace(KEEP, from_label=None, to_label=None), "keeps None"),
        (replace(DROP, to_label="1"), "drop with the label '1'"),
        (replace(DROP, decision="unsure", to_label="1"), "unsure with the label '1'"),
        (replace(DROP, author=" "), "no author"),
        (replace(DROP, example_id=""), "names no example"),
        (replace(DROP, comment="\0"), "comment that no database can hold"),
        (replace(DROP, example_id="\ud800"), "no database can hold"),
        (replace(DROP, evidence={"p": float("nan")}), "cannot be written as JSON"),
        (replace(DROP, evidence={"p": {1}}), "cannot be written as JSON"),
        (replace(DROP, supersedes=1), "supersedes event 1, which is on 'a'"),
        (replace(DROP, supersedes=9), "supersedes event 9, which does not exist"),
        (replace(DROP, supersedes=3), "supersedes event 3, which does not exist"),
    ],
)
def test_a_bad_verdict_is_refused_and_takes_its_neighbours_along(ledger, bad, found):
    ledger.append("digits", [CHANGE])
    head = ledger.head("digits")
    with pytest.raises(LedgerError, match=found):
        ledger.append("digits", [KEEP, bad])
    assert ledger.head("digits") == head


def test_the_first_label_of_an_unlabeled_example_is_a_change_from_none(ledger):
    ledger.append("digits", [Verdict("u", "change", None, "3", author="ann")])
    assert ledger.fold("digits").decisions["label"].to_pylist() == ["3"]


def test_unsure_takes_a_label_back(ledger):
    ledger.append("digits", [CHANGE, replace(CHANGE, decision="unsure", to_label=None)])
    [standing] = ledger.fold("digits").decisions.to_pylist()
    assert (standing["decision"], standing["label"]) == ("unsure", None)


def test_a_clock_without_a_zone_is_refused(engine):
    ledger = SqlLedger(engine, clock=lambda: datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(LedgerError, match="no time zone"):
        ledger.append("digits", [KEEP])


def test_requests_stand_until_their_time(ledger):
    for_good = ledger.request("digits", LabelRequest(("a", "b"), "slice", "dark scans"))
    for_a_day = ledger.request(
        "digits", LabelRequest(("c",), "drift", "new scanner", until=NOW + timedelta(days=1))
    )
    assert (for_good.request_id, for_a_day.request_id) == (1, 2)
    assert for_a_day.at == NOW
    assert ledger.requests("digits") == [for_good, for_a_day]
    assert ledger.requests("digits", now=NOW + timedelta(days=1)) == [for_good, for_a_day]
    assert ledger.requests("digits", now=NOW + timedelta(days=2)) == [for_good]
    assert ledger.requests("wine") == []
    for bad in (
        LabelRequest((), "slice", "why"),
        LabelRequest(("a", ""), "slice", "why"),
        LabelRequest(("a",), "", "why"),
        LabelRequest(("a",), "slice", " "),
        LabelRequest(("a",), "slice", "why", until=datetime(2026, 1, 1)),  # noqa: DTZ001
    ):
        with pytest.raises(LedgerError):
            ledger.request("digits", bad)


@pytest.mark.parametrize("table", ["label_events", "label_requests"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_the_past(ledger, engine, table, statement):
    ledger.append("digits", [CHANGE])
    ledger.request("digits", LabelRequest(("a",), "slice", "why"))
    with (
        pytest.raises(sa.exc.IntegrityError, match=f"{table} is append-only"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text(statement.format(table)))
    assert len(ledger.events("digits")) == 1


@pytest.mark.parametrize(
    ("tampering", "first"),
    [
        ("UPDATE label_events SET to_label = '8' WHERE event_id = 2", 2),
        ("UPDATE label_events SET author = 'eve' WHERE event_id = 1", 1),
        ("UPDATE label_events SET at = 'long ago' WHERE event_id = 3", 3),
        ("UPDATE label_events SET evidence = x'00' WHERE event_id = 2", 2),
        ("UPDATE label_events SET chain = '' WHERE event_id = 3", 3),
        ("UPDATE label_events SET event_id = 9 WHERE event_id = 3", 3),
        ("UPDATE label_events SET dataset = 'wine' WHERE event_id = 1", 1),
        ("DELETE FROM label_events WHERE event_id = 2", 2),
    ],
)
def test_tampering_is_found_at_the_first_event_that_does_not_hold(ledger, engine, tampering, first):
    ledger.append("digits", [replace(CHANGE, example_id=name) for name in "abcd"])
    ledger.verify("digits")
    with engine.begin() as connection:
        for action in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER label_events_no_{action}"))
        connection.execute(sa.text(tampering))
    with pytest.raises(LedgerTampered, match=f"event {first} of digits"):
        ledger.verify("digits")


def test_a_second_ledger_on_the_same_database_goes_on(ledger, engine, tmp_path):
    ledger.append("digits", [CHANGE])
    again = SqlLedger(open_database(f"sqlite:///{tmp_path}/home/ledger.db"), clock=lambda: NOW)
    again.append("digits", [KEEP])
    assert ledger.verify("digits").event_id == 2


def test_sqlite_is_set_up_to_last(engine):
    with engine.connect() as connection:
        settings = {
            name: connection.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(LedgerError, match="one thread alone"):
        open_database(url)


def test_the_same_tables_and_queries_compile_for_postgresql():
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    from burnish.ledger import schema
    from burnish.versions import schema as versions_schema

    dialect = postgresql.dialect()
    texts = [
        str(CreateTable(table).compile(dialect=dialect))
        for metadata in (schema.metadata, versions_schema.metadata)
        for table in metadata.sorted_tables
    ]
    assert len(texts) == 8
    [index] = [i for i in versions_schema.iterations.indexes if i.unique]
    assert "WHERE closed_at IS NULL" in str(CreateIndex(index).compile(dialect=dialect))
