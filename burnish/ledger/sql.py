"""The ledger in a SQL database: SQLite for one machine, PostgreSQL for several.

What belongs here: `SqlLedger`, which numbers, chains, stores and reads events and requests. What
does not: what makes a verdict fit and how events chain and fold (`burnish.ledger.events`), or
how a transaction holds (`burnish.database`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, String, func, or_, select, type_coerce

from burnish.database import create_tables, transact, utc_text
from burnish.errors import LedgerError, LedgerTampered
from burnish.ledger.events import (
    EMPTY,
    canonical_json,
    chain_after,
    check_verdict,
    decisions_digest,
    fold_events,
)
from burnish.ledger.rows import event_from, event_row, request_from
from burnish.ledger.schema import label_events, label_requests, metadata
from burnish.records import LabelEvent, LabelRequest, LabelVersion, Verdict, Watermark
from burnish.typing import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlLedger:
    """Append-only label events and label requests; a `burnish.typing.LabelLedger`.

    Events of a dataset are numbered 1, 2, ... without a gap, and each carries a hash over itself
    and all before it. Open the engine with `open_database`; tables are created if absent.

    >>> import tempfile
    >>> from burnish.database import open_database
    >>> ledger = SqlLedger(open_database(tempfile.mkdtemp() + "/ledger.db"))
    >>> [event] = ledger.append("digits", [Verdict("a", "change", "1", "7", author="ann")])
    >>> event.event_id, ledger.fold("digits").decisions["label"].to_pylist()
    (1, ['7'])
    """

    def __init__(self, engine: Engine, *, clock: Clock = _utc_now) -> None:
        self._engine = engine
        self._clock = clock
        create_tables(engine, metadata)

    def append(self, dataset: str, verdicts: Sequence[Verdict]) -> list[LabelEvent]:
        """Take verdicts into the ledger, all or none, in their order.

        Raises `LedgerError` for a verdict that contradicts itself, or that supersedes what is no
        earlier event of the same example.
        """
        _check_dataset(dataset)
        evidence: list[str] = []
        for verdict in verdicts:
            check_verdict(verdict)
            what = f"the evidence on {verdict.example_id!r}"
            evidence.append(canonical_json(dict(verdict.evidence), what=what))
        if not verdicts:
            return []

        def add(connection: Connection) -> list[LabelEvent]:
            head, at = _head(connection, dataset), self._clock()
            rows: list[dict[str, Any]] = []
            for verdict, text in zip(verdicts, evidence, strict=True):
                row = event_row(dataset, verdict, text, event_id=head.event_id + 1, at=at)
                _check_superseded(connection, row, rows)
                row["chain"] = chain_after(head.chain, row)
                head = Watermark(row["event_id"], row["chain"])
                rows.append(row)
            connection.execute(label_events.insert(), rows)
            return [event_from(row) for row in rows]

        return transact(self._engine, add)

    def events(self, dataset: str, *, after: int = 0, until: int | None = None) -> list[LabelEvent]:
        """Events with `after` < event_id <= `until` (None: to the newest), in order."""
        query = _events_of(dataset).where(label_events.c.event_id > after)
        if until is not None:
            query = query.where(label_events.c.event_id <= until)
        return self._read(query)

    def blame(self, dataset: str, example_id: str) -> list[LabelEvent]:
        """Every event of one example, oldest first: who decided what, when, and why."""
        return self._read(_events_of(dataset).where(label_events.c.example_id == example_id))

    def head(self, dataset: str) -> Watermark:
        """The newest event's number and chain hash; 0 and 64 zeros for an empty ledger."""
        with self._engine.connect() as connection:
            return _head(connection, dataset)

    def fold(self, dataset: str, watermark: int | None = None) -> LabelVersion:
        """The standing decision of each example up to a watermark (None: the newest event).

        An example's later event wins. The same watermark gives the same fold for ever. Raises
        `LedgerError` for a watermark beyond the newest event.
        """
        with self._engine.connect() as connection:
            mark = _mark(connection, dataset, watermark)
            newest = (
                select(func.max(label_events.c.event_id))
                .where(label_events.c.dataset == dataset, label_events.c.event_id <= mark.event_id)
                .group_by(label_events.c.example_id)
            )
            query = _events_of(dataset).where(label_events.c.event_id.in_(newest))
            standing = [event_from(row) for row in connection.execute(query).mappings()]
        decisions = fold_events(standing)
        return LabelVersion(dataset, mark, decisions, decisions_digest(decisions))

    def request(self, dataset: str, request: LabelRequest) -> LabelRequest:
        """Ask for rows to be looked at; returns the request with its number and time.

        Raises `LedgerError` for a request of no rows, of nobody, or without a reason.
        """
        _check_dataset(dataset)
        if not request.example_ids or not all(request.example_ids):
            raise LedgerError("a label request names no example", expected="one example_id or more")
        if not (request.asked_by.strip() and request.reason.strip()):
            raise LedgerError("a label request without asked_by or reason", hint="say who and why")
        if request.until is not None:
            utc_text(request.until)
        names = canonical_json(list(request.example_ids), what="the request's example_ids")

        def add(connection: Connection) -> LabelRequest:
            newest = select(func.max(label_requests.c.request_id)).where(
                label_requests.c.dataset == dataset
            )
            row = {
                "dataset": dataset,
                "request_id": (connection.scalar(newest) or 0) + 1,
                "example_ids": names,
                "asked_by": request.asked_by,
                "reason": request.reason,
                "until": request.until,
                "at": self._clock(),
            }
            connection.execute(label_requests.insert(), row)
            return request_from(row)

        return transact(self._engine, add)

    def requests(self, dataset: str, *, now: datetime | None = None) -> list[LabelRequest]:
        """Requests that still stand at `now` (None: by the ledger's clock), oldest first."""
        until = label_requests.c.until
        query = (
            select(label_requests)
            .where(label_requests.c.dataset == dataset)
            .where(or_(until.is_(None), until >= (now or self._clock())))
            .order_by(label_requests.c.request_id)
        )
        with self._engine.connect() as connection:
            return [request_from(row) for row in connection.execute(query).mappings()]

    def verify(self, dataset: str) -> Watermark:
        """Recompute the whole chain; returns its head.

        Raises `LedgerTampered` naming the first event that does not hold. Events cut off at the
        end leave a chain that holds: compare the head with a watermark kept elsewhere.
        """
        mark = EMPTY
        stored_time = type_coerce(label_events.c.at, String).label("at")
        columns = [stored_time if column.name == "at" else column for column in label_events.c]
        query = select(*columns).where(label_events.c.dataset == dataset)
        with self._engine.connect() as connection:
            for row in connection.execute(query.order_by(label_events.c.event_id)).mappings():
                event = {str(name): value for name, value in row.items()}
                if not _holds(mark, event):
                    raise LedgerTampered(
                        f"event {mark.event_id + 1} of {dataset} is not what was appended",
                        expected=f"the chain that holds up to event {mark.event_id}",
                        hint="restore the database from a backup that verifies",
                    )
                mark = Watermark(event["event_id"], event["chain"])
        return mark

    def _read(self, query: Select[Any]) -> list[LabelEvent]:
        with self._engine.connect() as connection:
            ordered = query.order_by(label_events.c.event_id)
            return [event_from(row) for row in connection.execute(ordered).mappings()]


def _check_dataset(dataset: str) -> None:
    if not dataset.strip():
        raise LedgerError("the ledger is written without a dataset", expected="its name")


def _events_of(dataset: str) -> Select[Any]:
    return select(label_events).where(label_events.c.dataset == dataset)


def _holds(mark: Watermark, event: Mapping[str, Any]) -> bool:
    """Whether an event is the one that follows `mark`."""
    try:
        chain = chain_after(mark.chain, event)
    except LedgerError:  # a value that no append would have taken
        return False
    return event["event_id"] == mark.event_id + 1 and event["chain"] == chain


def _head(connection: Connection, dataset: str) -> Watermark:
    newest = _events_of(dataset).order_by(label_events.c.event_id.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    return EMPTY if row is None else Watermark(row["event_id"], row["chain"])


def _mark(connection: Connection, dataset: str, watermark: int | None) -> Watermark:
    if watermark is None:
        return _head(connection, dataset)
    if watermark == 0:
        return EMPTY
    query = _events_of(dataset).where(label_events.c.event_id == watermark)
    row = connection.execute(query).mappings().first()
    if row is None:
        newest = _head(connection, dataset).event_id
        raise LedgerError(
            f"{dataset} has no event {watermark}", expected=f"a watermark from 0 to {newest}"
        )
    return Watermark(row["event_id"], row["chain"])


def _check_superseded(
    connection: Connection, row: Mapping[str, Any], pending: Sequence[Mapping[str, Any]]
) -> None:
    number = row["supersedes"]
    if number is None:
        return
    query = _events_of(row["dataset"]).where(label_events.c.event_id == number)
    stored = connection.execute(query).mappings().first()
    named = stored or next((other for other in pending if other["event_id"] == number), None)
    if named is None or named["example_id"] != row["example_id"]:
        found = "does not exist" if named is None else f"is on {named['example_id']!r}"
        raise LedgerError(
            f"the verdict on {row['example_id']!r} supersedes event {number}, which {found}",
            expected="an earlier event of the same example",
        )
