"""The ledger in a SQL database: SQLite for one machine, PostgreSQL for several.

What belongs here: `SqlLedger`, which numbers, chains, stores and reads events and requests. What
does not: what makes a verdict fit and how events chain (`burnish.ledger.events`) and fold
(`burnish.ledger.fold`), or how a transaction holds (`burnish.database`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Engine, Select, bindparam, func, or_, select, type_coerce
from sqlalchemy.types import NullType

from burnish.database import migrate, read_once, reading, transact, utc_text
from burnish.errors import LedgerError, LedgerMoved, LedgerTampered
from burnish.ledger.events import EMPTY, canonical_json, chain_after, check_verdict
from burnish.ledger.fold import Fold, empty_fold, read_events
from burnish.ledger.rows import (
    EventRow,
    event_facts,
    event_from,
    events_from,
    request_from,
    ticks,
)
from burnish.ledger.schema import label_events, label_requests
from burnish.records import LabelEvent, LabelRequest, LabelVersion, Verdict, Watermark
from burnish.typing import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


# What the chain covers, in this order: all columns but `dataset` and `chain`.
CHAINED = tuple(column.name for column in label_events.c)[1:-1]


# Made once: to put a query together takes longer than to run it.
_E = label_events.c
_NEWEST = (
    select(_E.event_id, _E.chain)
    .where(_E.dataset == bindparam("of_dataset"))
    .order_by(_E.event_id.desc())
    .limit(1)
)
_COURSE = (
    select(label_events)
    .where(_E.dataset == bindparam("of_dataset"), _E.example_id == bindparam("of_example"))
    .where(_E.event_id > bindparam("after"))
    .order_by(_E.event_id)
)


# A comparison needs two folds at a time, the next night a third.
FOLDS_KEPT = 3


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
        self._folds: dict[str, list[Fold]] = {}
        migrate(engine)

    def append(
        self, dataset: str, verdicts: Sequence[Verdict], *, expected: Watermark | None = None
    ) -> list[LabelEvent]:
        """Take verdicts into the ledger, all or none, in their order.

        With `expected`, only if that is the head still: else `LedgerMoved`. Raises `LedgerError`
        for a verdict that contradicts itself, or that supersedes what is no earlier event of the
        same example.
        """
        work = self.appending(dataset, verdicts, expected=expected)
        return transact(self._engine, work) if verdicts else []

    def appending(
        self,
        dataset: str,
        verdicts: Sequence[Verdict],
        *,
        expected: Watermark | None = None,
        head: Watermark | None = None,
    ) -> Callable[[Connection], list[LabelEvent]]:
        """What `append` does, as a part of somebody else's transaction (see `transact`).

        What can be told of the verdicts by themselves is checked at once. `head` is the newest
        event as that very transaction has read it (None: it is read again); a wrong one would take
        a number that is taken, and the key refuses it.
        """
        _check_dataset(dataset)
        evidence: list[str] = []
        for verdict in verdicts:
            check_verdict(verdict)
            what = f"the evidence on {verdict.example_id!r}"
            evidence.append(canonical_json(dict(verdict.evidence), what=what))

        def add(connection: Connection) -> list[LabelEvent]:
            newest, at = head or _head(connection, dataset), self._clock()
            if expected is not None and newest != expected:
                raise LedgerMoved(
                    f"{dataset} is at event {newest.event_id}",
                    expected=f"event {expected.event_id}, which the decisions were made after",
                    hint="look at what was decided since, and decide again",
                )
            count, chain, moment = newest.event_id, bytes.fromhex(newest.chain), ticks(at)
            _check_superseded(connection, dataset, verdicts, after=count)
            rows: list[EventRow] = []
            for event_id, (verdict, text) in enumerate(
                zip(verdicts, evidence, strict=True), start=count + 1
            ):
                facts = event_facts(event_id, verdict, text, moment)
                chain = chain_after(chain, facts)
                rows.append((dataset, *facts, chain))
            _insert(connection, rows)
            return events_from(verdicts, rows, at)

        return add

    def newest(self, connection: Connection, dataset: str) -> Watermark:
        """The head as a transaction of somebody else's sees it."""
        return _head(connection, dataset)

    def course(
        self, connection: Connection, dataset: str, example_id: str, *, after: int = 0
    ) -> list[LabelEvent]:
        """What `blame` does, as a part of somebody else's transaction; events beyond `after`."""
        of = {"of_dataset": dataset, "of_example": example_id, "after": after}
        return _events(connection, _COURSE, of)

    def undo(self, dataset: str, event_id: int, *, author: str, reason: str = "") -> LabelEvent:
        """Take an event back, by an event: what stood on the example before stands again.

        Where nothing stood before, the example is open again (`unsure`). Raises `LedgerError`
        where there is no such event, or it does not stand any more.
        """
        head = self.head(dataset)
        [undone] = self.events(dataset, after=event_id - 1, until=event_id) or [None]
        if undone is None:
            raise LedgerError(f"{dataset} has no event {event_id}", expected="an event's number")
        course = self.blame(dataset, undone.verdict.example_id)
        if course[-1].event_id != event_id:
            raise LedgerError(
                f"event {event_id} on {undone.verdict.example_id!r} does not stand any more",
                expected=f"its newest event, {course[-1].event_id}",
            )
        before = course[-2].verdict if len(course) > 1 else None
        verdict = Verdict(
            example_id=undone.verdict.example_id,
            decision=before.decision if before else "unsure",
            from_label=before.from_label if before else undone.verdict.from_label,
            to_label=before.to_label if before else None,
            author=author,
            role=undone.verdict.role,
            reason=reason or "undo",
            evidence={"undoes": event_id},
            supersedes=event_id,
        )
        try:
            return self.append(dataset, [verdict], expected=head)[0]
        except LedgerMoved:
            return self.undo(dataset, event_id, author=author, reason=reason)

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
        with read_once(self._engine) as connection:
            return _head(connection, dataset)

    def fold(self, dataset: str, watermark: int | None = None) -> LabelVersion:
        """The standing decision of each example up to a watermark (None: the newest event).

        An example's later event wins. The same watermark gives the same fold for ever; a later one
        is made from the last one asked for and the events since. Raises `LedgerError` for a
        watermark beyond the newest event.
        """
        with reading(self._engine) as connection:
            mark = _mark(connection, dataset, watermark)
            known = self._nearest(connection, dataset, mark)
            try:
                events = read_events(
                    connection, dataset, after=known.watermark.event_id, until=mark.event_id
                )
            except ValueError as error:
                raise _undecodable(error) from error
        fold = known.then(events, mark)
        self._folds[dataset] = [fold, *self._folds.get(dataset, [])][:FOLDS_KEPT]
        return fold.to_version(dataset)

    def _nearest(self, connection: Connection, dataset: str, mark: Watermark) -> Fold:
        """The latest fold still known that lies on the way to `mark`; an empty one otherwise."""
        before = [f for f in self._folds.get(dataset, []) if f.watermark.event_id <= mark.event_id]
        for fold in sorted(before, key=lambda fold: -fold.watermark.event_id):
            if _mark(connection, dataset, fold.watermark.event_id) == fold.watermark:
                return fold
        return empty_fold(EMPTY)

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
        with reading(self._engine) as connection:
            return [request_from(row) for row in connection.execute(query).mappings()]

    def verify(self, dataset: str) -> Watermark:
        """Recompute the whole chain; returns its head.

        Raises `LedgerTampered` naming the first event that does not hold. Events cut off at the
        end leave a chain that holds: compare the head with a watermark kept elsewhere.
        """
        mark = EMPTY
        # Values as they are stored, whatever type they have by now.
        columns = [_as_stored(column) for column in label_events.c]
        query = select(*columns).where(label_events.c.dataset == dataset)
        with reading(self._engine) as connection:
            for row in connection.execute(query.order_by(label_events.c.event_id)).mappings():
                event = {str(name): value for name, value in row.items()}
                found = _follows(mark, event)
                if found is None:
                    raise LedgerTampered(
                        f"event {mark.event_id + 1} of {dataset} is not what was appended",
                        expected=f"the chain that holds up to event {mark.event_id}",
                        hint="restore the database from a backup that verifies",
                    )
                mark = found
        return mark

    def _read(self, query: Select[Any]) -> list[LabelEvent]:
        with read_once(self._engine) as connection:
            return _events(connection, query.order_by(label_events.c.event_id))


def _check_dataset(dataset: str) -> None:
    if not dataset.strip() or len(dataset) > 200:
        raise LedgerError(
            f"the ledger is written for the dataset {dataset[:40]!r}",
            expected="a name of 1 to 200 characters",
        )


def _events_of(dataset: str) -> Select[Any]:
    return select(label_events).where(label_events.c.dataset == dataset)


def _events(
    connection: Connection, query: Select[Any], of: Mapping[str, Any] | None = None
) -> list[LabelEvent]:
    rows = connection.execute(query, of or {}).mappings().all()
    try:
        return [event_from(row) for row in rows]
    except (ValueError, TypeError, OverflowError) as error:
        raise _undecodable(error) from error


def _undecodable(error: Exception) -> LedgerTampered:
    return LedgerTampered(
        f"an event cannot be read: {error}",
        expected="events as they were appended",
        hint="`burnish verify` names the first event that does not hold",
    )


def _as_stored(column: Column[Any]) -> Any:
    return type_coerce(column, NullType()).label(column.name)


def _follows(mark: Watermark, event: Mapping[str, Any]) -> Watermark | None:
    """The watermark after an event, if it is the one that follows `mark`."""
    facts = [event[name] for name in CHAINED]
    try:
        chain = chain_after(bytes.fromhex(mark.chain), facts)
    except (TypeError, ValueError):  # a value that no append would have taken
        return None
    stored = event["chain"]
    same = isinstance(stored, bytes | memoryview) and bytes(stored) == chain
    if event["event_id"] != mark.event_id + 1 or not same:
        return None
    return Watermark(event["event_id"], chain.hex())


def _insert(connection: Connection, rows: list[EventRow]) -> None:
    """Many rows at once, by the driver itself: compiling them one by one takes most of the time."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = ", ".join(column.name for column in label_events.c)
    marks = ", ".join([mark] * len(label_events.c))
    connection.exec_driver_sql(f"INSERT INTO label_events ({names}) VALUES ({marks})", rows)  # noqa: S608


def _head(connection: Connection, dataset: str) -> Watermark:
    row = connection.execute(_NEWEST, {"of_dataset": dataset}).first()
    return EMPTY if row is None else Watermark(row.event_id, bytes(row.chain).hex())


def _mark(connection: Connection, dataset: str, watermark: int | None) -> Watermark:
    if watermark is None:
        return _head(connection, dataset)
    if watermark == 0:
        return EMPTY
    event = label_events.c
    query = select(event.chain).where(event.dataset == dataset, event.event_id == watermark)
    chain = connection.scalar(query)
    if chain is None:
        newest = _head(connection, dataset).event_id
        raise LedgerError(
            f"{dataset} has no event {watermark}", expected=f"a watermark from 0 to {newest}"
        )
    return Watermark(watermark, bytes(chain).hex())


def _check_superseded(
    connection: Connection, dataset: str, verdicts: Sequence[Verdict], *, after: int
) -> None:
    """Raise `LedgerError` for a verdict that supersedes what is no earlier event of its example."""
    pending = {after + place: verdict.example_id for place, verdict in enumerate(verdicts, start=1)}
    for event_id, verdict in zip(pending, verdicts, strict=True):
        number = verdict.supersedes
        if number is None:
            continue
        event = label_events.c
        query = select(event.example_id).where(event.dataset == dataset, event.event_id == number)
        named = pending.get(number) if number > after else connection.scalar(query)
        if number >= event_id or named != verdict.example_id:
            found = "does not exist" if named is None or number >= event_id else f"is on {named!r}"
            raise LedgerError(
                f"the verdict on {verdict.example_id!r} supersedes event {number}, which {found}",
                expected="an earlier event of the same example",
            )
