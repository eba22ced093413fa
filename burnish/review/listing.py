"""The rows of a batch as a list: filtered, counted by what can be filtered, sorted, in pages.

What belongs here: SQL over `desk_items` in which every filter is a bound value, and which of a
row's facts a list may show. What does not: how an item changes (`burnish.review.desk`), the page
(`burnish.review.pages_queue`), or the file (`burnish.review.exporting`).

Until an item is settled nobody may tell a known answer from a random draw: both read `random
check`, and their labels, their suggestion and their probability are neither shown, nor counted,
nor found by a filter. A count is a fact too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast, get_args

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, case, func, not_, select

from burnish.database import reading
from burnish.records import HELD_OUT
from burnish.review.items import HIDDEN_REASONS, RANDOM_CHECK
from burnish.review.records import Filters, OpenBatch, State
from burnish.review.schema import desk_items
from burnish.spec import Priority

PAGE = 50
CHUNK = 500
MOST_PAIRS = 30
MOST_SLICED = 20_000
"""Slices are counted and filtered in batches up to this size: who is in one takes reading rows."""

NOBODY = "nobody"
"""As a filter: what is assigned to nobody. No person may have this name at a desk."""

ON_THE_DESK: tuple[State, ...] = tuple(s for s in get_args(State) if s != "withdrawn")

Sort = Literal["position", "age", "due"]
SliceNames = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Listed:
    """A row of the list. What may not be shown of it yet is None, and `reason` says why."""

    example_id: str
    position: int
    state: State
    round: int
    answers: int
    last_seq: int
    assignee: str
    note: str
    reason: str
    why: str
    label: str | None
    suggested: str | None
    error_probability: float | None
    waiting: timedelta
    priority: Priority = "normal"
    due_at: datetime | None = None

    @property
    def hours(self) -> float:
        """How long nothing has happened to it."""
        return self.waiting.total_seconds() / 3600


@dataclass(frozen=True)
class Count:
    """How many rows a filter would leave; `second` is the suggested label of a pair."""

    value: str
    count: int
    second: str = ""


@dataclass(frozen=True)
class Counts:
    """Of each filter its values, with all other filters applied."""

    states: tuple[Count, ...] = ()
    reasons: tuple[Count, ...] = ()
    pairs: tuple[Count, ...] = ()
    assignees: tuple[Count, ...] = ()
    slices: tuple[Count, ...] = ()


@dataclass(frozen=True)
class Listing:
    """A page of the list: its rows, how many there are in all, and the counts by filter."""

    rows: tuple[Listed, ...]
    total: int
    offset: int
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True)
class Queue:
    """The open batch of a dataset, ready to be listed as it stood at `now`.

    `slice_names` tells of examples which slices they are in.
    """

    engine: Engine
    batch: OpenBatch
    now: datetime
    slice_names: SliceNames | None = None

    def page(
        self,
        filters: Filters,
        *,
        sort: Sort = "position",
        offset: int = 0,
        limit: int = PAGE,
        counted: bool = True,
    ) -> Listing:
        """A page of what the filters leave; `counted`, with the counts of each filter."""
        with reading(self.engine) as connection:
            wants_slices = counted or filters.slice_name
            sliced = self._sliced(connection) if wants_slices else {}
            names, total = self._page(
                connection, filters, sort, sliced, slice(offset, offset + limit)
            )
            rows = self._rows(connection, names)
            counts = self._counts(connection, filters, sliced) if counted else Counts()
        return Listing(rows, total, offset, counts)

    def rows(self, filters: Filters, *, sort: Sort = "position") -> Iterator[Listed]:
        """All that the filters leave, read a few hundred at a time."""
        with reading(self.engine) as connection:
            sliced = self._sliced(connection) if filters.slice_name else {}
            names = self._names(connection, filters, sort, sliced)
            for start in range(0, len(names), CHUNK):
                yield from self._rows(connection, names[start : start + CHUNK])

    def held_out(self) -> frozenset[str]:
        """The held-out rows of the batch: their labels are told in no list before it is closed."""
        query = self._mine(select(desk_items.c.example_id))
        with reading(self.engine) as connection:
            names = connection.execute(query.where(desk_items.c.reason == HELD_OUT)).scalars()
            return frozenset(names)

    def _page(
        self,
        connection: Connection,
        filters: Filters,
        sort: Sort,
        sliced: Mapping[str, Sequence[str]],
        part: slice,
    ) -> tuple[Sequence[str], int]:
        """The ids of one page, and how many there are in all."""
        if filters.slice_name:
            names = self._names(connection, filters, sort, sliced)
            return names[part], len(names)
        counting = self._where(select(func.count()).select_from(desk_items), filters)
        query = self._in_order(filters, sort).offset(part.start).limit(part.stop - part.start)
        return list(connection.execute(query).scalars()), connection.execute(counting).scalar_one()

    def _names(
        self,
        connection: Connection,
        filters: Filters,
        sort: Sort,
        sliced: Mapping[str, Sequence[str]],
    ) -> list[str]:
        names = list(connection.execute(self._in_order(filters, sort)).scalars())
        if not filters.slice_name:
            return names
        return [name for name in names if filters.slice_name in sliced.get(name, ())]

    def _in_order(self, filters: Filters, sort: Sort) -> Select[Any]:
        order: list[ColumnElement[Any]] = [desk_items.c.position, desk_items.c.example_id]
        if sort == "age":
            order.insert(0, desk_items.c.updated_at)
        if sort == "due":
            # What is settled has kept its promise or not; databases differ in where no time stands.
            settled = case((desk_items.c.state == "settled", 1), else_=0)
            order[:0] = [settled, desk_items.c.due_at.is_(None), desk_items.c.due_at]
        return self._where(select(desk_items.c.example_id), filters).order_by(*order)

    def _rows(self, connection: Connection, names: Sequence[str]) -> tuple[Listed, ...]:
        if not names:
            return ()
        query = self._mine(select(desk_items)).where(desk_items.c.example_id.in_(names))
        found = {row["example_id"]: row for row in connection.execute(query).mappings()}
        return tuple(self._listed(found[name]) for name in names if name in found)

    def _listed(self, row: Mapping[Any, Any]) -> Listed:
        facts: Mapping[str, Any] = json.loads(row["facts"])
        secret = is_secret(row["reason"], row["state"])
        return Listed(
            **{name: row[name] for name in _PLAIN},
            reason=RANDOM_CHECK if secret else row["reason"],
            why="" if secret else str(facts.get("why") or ""),
            label=None if secret else row["label"],
            suggested=None if secret else row["suggested_label"],
            error_probability=None if secret else facts.get("error_probability"),
            waiting=self.now - row["updated_at"],
        )

    def _counts(
        self, connection: Connection, filters: Filters, sliced: Mapping[str, Sequence[str]]
    ) -> Counts:
        def grouped(columns: Sequence[ColumnElement[Any]], others: Filters) -> list[Any]:
            # By label: a repeated expression with bound values is another one to PostgreSQL.
            named = [column.label(f"counted_{at}") for at, column in enumerate(columns)]
            if not filters.slice_name:
                counting = self._where(select(*named, func.count()), others).group_by(*named)
                return [tuple(row) for row in connection.execute(counting)]
            query = self._where(select(*named, desk_items.c.example_id), others)
            kept = [
                tuple(row[:-1])
                for row in connection.execute(query)
                if filters.slice_name in sliced.get(row[-1], ())
            ]
            return [(*key, count) for key, count in Counter(kept).items()]

        columns = desk_items.c
        pairs = grouped(
            [_open_fact(columns.label), _open_fact(columns.suggested_label)],
            replace(filters, label="", suggested=""),
        )
        names = connection.execute(
            self._where(select(columns.example_id), replace(filters, slice_name=""))
        ).scalars()
        in_slices = Counter(cut for name in names for cut in sliced.get(name, ()))
        return Counts(
            states=_ordered(grouped([columns.state], replace(filters, states=get_args(State)))),
            reasons=_ordered(grouped([_shown_reason()], replace(filters, reason=""))),
            pairs=tuple(
                Count(a, count, b)
                for a, b, count in sorted(pairs, key=lambda p: (-p[2], str(p[:2])))
                if a is not None and b is not None
            )[:MOST_PAIRS],
            assignees=tuple(
                replace(one, value=one.value or NOBODY)
                for one in _ordered(grouped([columns.assignee], replace(filters, assignee="")))
            ),
            slices=_ordered(list(in_slices.items())),
        )

    def _sliced(self, connection: Connection) -> Mapping[str, Sequence[str]]:
        """Which slices each example of the batch is in; nothing where the batch is too large."""
        if self.slice_names is None:
            return {}
        query = self._mine(select(desk_items.c.example_id)).limit(MOST_SLICED + 1)
        names = list(connection.execute(query).scalars())
        return {} if len(names) > MOST_SLICED else self.slice_names(names)

    def _mine(self, query: Select[Any]) -> Select[Any]:
        return query.where(
            desk_items.c.dataset == self.batch.dataset,
            desk_items.c.iteration == self.batch.iteration,
        )

    def _where(self, query: Select[Any], filters: Filters) -> Select[Any]:
        """The query with every filter but the slice, which no column tells.

        What is off the desk is found where its state is asked for.
        """
        columns = desk_items.c
        wanted: list[ColumnElement[bool]] = [columns.state.in_(filters.states or ON_THE_DESK)]
        if filters.reason:
            wanted.append(_shown_reason() == filters.reason)
        if filters.label:
            wanted.append(and_(not_(_secret()), columns.label == filters.label))
        if filters.suggested:
            wanted.append(and_(not_(_secret()), columns.suggested_label == filters.suggested))
        if filters.assignee:
            name = "" if filters.assignee == NOBODY else filters.assignee
            wanted.append(columns.assignee == name)
        if filters.text:
            wanted.append(columns.example_id.contains(filters.text, autoescape=True))
        if filters.min_age_hours > 0:
            since = self.now - timedelta(hours=filters.min_age_hours)
            wanted.append(columns.updated_at <= since)
        return self._mine(query).where(*wanted)


_PLAIN = ("example_id", "position", "state", "round", "answers", "last_seq", "assignee", "note",
          "priority", "due_at")  # fmt: skip


def is_secret(reason: str, state: str) -> bool:
    """Whether nobody may be told yet why the row is there.

    >>> is_secret("gold", "open"), is_secret("gold", "settled"), is_secret("audit", "open")
    (True, False, False)
    """
    return reason in HIDDEN_REASONS and state != "settled"


def _secret() -> ColumnElement[bool]:
    columns = desk_items.c
    return and_(columns.reason.in_(HIDDEN_REASONS), columns.state != "settled")


def _shown_reason() -> ColumnElement[Any]:
    return case((_secret(), RANDOM_CHECK), else_=desk_items.c.reason)


def _open_fact(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((_secret(), None), else_=column)


def _ordered(counted: Sequence[Any]) -> tuple[Count, ...]:
    pairs = cast("Sequence[tuple[str, int]]", counted)
    return tuple(Count(value, n) for value, n in sorted(pairs, key=lambda p: (-p[1], p[0])))
