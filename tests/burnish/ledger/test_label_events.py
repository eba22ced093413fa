"""What the ledger takes, refuses, folds and hands back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from burnish.database import open_database
from burnish.errors import LedgerError, LedgerMoved, LedgerTampered
from burnish.ledger import SqlLedger
from burnish.records import LabelRequest, Verdict, Watermark
from burnish.typing import LabelLedger

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CHANGE = Verdict("a", "change", "1", "7", author="ann", evidence={"margin": 0.25, "seen": ["x"]})
KEEP = Verdict("b", "keep", "2", "2", author="bob", role="simulated", reason="clear")
DROP = Verdict("c", "drop", None, None, author="ann")


@pytest.fixture
def engine(database):
    return open_database(database)


@pytest.fixture
def sqlite(tmp_path):
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
    assert now.decisions["label"].to_pylist() == ["2", None, "9"]
    assert now.decisions["event_id"].to_pylist() == [2, 3, 4]
    again = ledger.fold("digits", 3)
    assert (again.digest, again.watermark) == (before.digest, before.watermark)
    assert again.decisions.equals(before.decisions)
    assert now.digest != before.digest
    assert ledger.fold("digits", 0).decisions.num_rows == 0
    with pytest.raises(LedgerError, match="no event 5"):
        ledger.fold("digits", 5)


def test_an_undo_is_an_event_and_what_stood_before_stands_again(ledger):
    ledger.append("digits", [CHANGE, replace(CHANGE, from_label="7", to_label="9", supersedes=1)])
    undone = ledger.undo("digits", 2, author="bob")
    assert (undone.event_id, undone.verdict.supersedes) == (3, 2)
    assert undone.verdict.evidence == {"undoes": 2}
    assert ledger.fold("digits").decisions["label"].to_pylist() == ["7"]
    with pytest.raises(LedgerError, match="event 1 on 'a' does not stand any more"):
        ledger.undo("digits", 1, author="bob")
    with pytest.raises(LedgerError, match="no event 9"):
        ledger.undo("digits", 9, author="bob")
    ledger.append("digits", [DROP])
    ledger.undo("digits", 4, author="bob")
    assert ledger.fold("digits").decisions["decision"].to_pylist()[-1] == "unsure"
    assert len(ledger.events("digits")) == 5


def test_folds_in_steps_are_the_fold_in_one(ledger, engine):
    names = [f"e{n}" for n in range(40)]
    for step in range(12):
        ledger.append("digits", [replace(CHANGE, example_id=n, to_label=f"{step} {n}")
                                 for n in names[step : 40 - step]])  # fmt: skip
        fresh = SqlLedger(engine, clock=lambda: NOW).fold("digits")
        assert ledger.fold("digits").decisions.to_pylist() == fresh.decisions.to_pylist()
    early = ledger.fold("digits", 50)
    assert early.decisions.equals(SqlLedger(engine).fold("digits", 50).decisions)
    assert ledger.fold("digits").watermark == ledger.head("digits")


@pytest.mark.parametrize("text", ["a\nb", "tab\t", '"quoted", and', "ünï", "𝕌", "\\x1f", " lead"])
def test_any_text_survives_the_fold(ledger, text):
    ledger.append("digits", [Verdict(text, "change", None, text, author=text)])
    [row] = ledger.fold("digits").decisions.to_pylist()
    assert (row["example_id"], row["label"], row["author"]) == (text, text, text)


def test_a_fold_goes_over_the_edge_of_a_text(ledger, monkeypatch):
    monkeypatch.setattr("burnish.ledger.fold.EVENTS_PER_TEXT", 3)
    ledger.append("digits", [replace(CHANGE, example_id=f"e{n % 5}") for n in range(11)])
    assert ledger.fold("digits").decisions["event_id"].to_pylist() == [7, 8, 9, 10, 11]


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
        (replace(DROP, author="a\x1fb"), "author that no database can hold"),
        (replace(DROP, evidence={"p": float("nan")}), "cannot be written as JSON"),
        (replace(DROP, evidence={"p": {1}}), "cannot be written as JSON"),
        (replace(CHANGE, to_label=np.int64(2)), "has the to_label np.int64\\(2\\)"),
        (replace(CHANGE, example_id=5), "has the example_id 5"),
        (replace(DROP, role=None), "has the role None"),
        (replace(DROP, supersedes=True), "supersedes True"),
        (replace(DROP, example_id="x" * 601), "an example_id of 601 characters"),
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
def test_tampering_is_found_at_the_first_event_that_does_not_hold(sqlite, tampering, first):
    ledger = SqlLedger(sqlite, clock=lambda: NOW)
    ledger.append("digits", [replace(CHANGE, example_id=name) for name in "abcd"])
    ledger.verify("digits")
    with sqlite.begin() as connection:
        for action in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER label_events_no_{action}"))
        connection.execute(sa.text(tampering))
    with pytest.raises(LedgerTampered, match=f"event {first} of digits"):
        ledger.verify("digits")


def test_tampering_is_found_on_postgresql_too(postgres_url, ledger, engine, request):
    if engine.dialect.name != "postgresql":
        pytest.skip("the cases above are SQLite's")
    ledger.append("digits", [replace(CHANGE, example_id=name) for name in "abcd"])
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE label_events DISABLE TRIGGER ALL"))
        connection.execute(sa.text("UPDATE label_events SET author = 'eve' WHERE event_id = 3"))
    with pytest.raises(LedgerTampered, match="event 3 of digits"):
        ledger.verify("digits")


def test_a_second_ledger_on_the_same_database_goes_on(ledger, database):
    ledger.append("digits", [CHANGE])
    again = SqlLedger(open_database(database), clock=lambda: NOW)
    again.append("digits", [KEEP])
    assert ledger.verify("digits").event_id == 2


def test_sqlite_is_set_up_to_last(sqlite):
    with sqlite.connect() as connection:
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


def test_a_conditional_append_is_refused_where_somebody_came_first(ledger):
    head = ledger.head("digits")
    ledger.append("digits", [CHANGE], expected=head)
    with pytest.raises(LedgerMoved, match="digits is at event 1"):
        ledger.append("digits", [KEEP], expected=head)
    assert len(ledger.events("digits")) == 1


def test_many_undos_of_one_event_at_once_are_one(ledger):
    ledger.append("digits", [CHANGE])

    def undo(_: int) -> bool:
        try:
            ledger.undo("digits", 1, author="bob")
        except LedgerError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(undo, range(4))) == 1
    assert len(ledger.events("digits")) == 2


def test_a_large_append_lands_beside_many_small_ones(ledger):
    large = [replace(DROP, example_id=f"big-{n}") for n in range(3_000)]
    done: list[int] = []

    def small(name: int) -> None:
        while not done:
            ledger.append("digits", [replace(DROP, example_id=f"small-{name}")])

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(small, name) for name in range(3)]
        ledger.append("digits", large)
        done.append(1)
        for writer in writers:
            writer.result()
    names = [event.verdict.example_id for event in ledger.events("digits")]
    at = names.index("big-0")
    assert names[at : at + 3_000] == [f"big-{n}" for n in range(3_000)]
    ledger.verify("digits")
