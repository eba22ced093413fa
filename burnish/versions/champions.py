"""The champion as a record: which model serves, since when, by whose word, and why.

What belongs here: appending promotions and rollbacks, and reading them. What does not: whether a
model is promoted (`burnish.workflows.promote`), whether one may be rolled back to
(`burnish.workflows.rolling_back`), or the alias of a tracking server, which follows this record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from burnish.database import transact
from burnish.errors import ChampionMoved
from burnish.records import ChampionEvent
from burnish.versions.ground import Ground, Row, first
from burnish.versions.schema import champion_events, iterations

PROMOTED, ROLLED_BACK = "promoted", "rolled back"
GATE = "promotion gate"
"""Who promotes: nobody in person."""


class Champions(Ground):
    """Promotions and rollbacks of every dataset, append-only."""

    def champion_events(self, dataset: str) -> list[ChampionEvent]:
        """Every promotion and rollback, oldest first.

        Promotions of before there was this record come first, with `seq` 0: the iterations say
        that they were promoted, and when they were closed.
        """
        told = [_event_from(row) for row in self._rows(_of(dataset).order_by(_C.seq))]
        known = {one.iteration for one in told if one.what == PROMOTED}
        query = select(iterations).where(
            iterations.c.dataset == dataset,
            iterations.c.promoted.is_(True),
            iterations.c.closed_at.is_not(None),
        )
        rows = self._rows(query.order_by(iterations.c.number))
        before = [_implied(row) for row in rows if row["number"] not in known]
        return [*before, *told]

    def champion_seq(self, dataset: str) -> int:
        """The `seq` of the newest event, 0 where none was recorded; what decisions rest on."""
        rows = self._rows(_newest(dataset).limit(1))
        return int(rows[0]["seq"]) if rows else 0

    def roll_back(
        self, dataset: str, iteration: int, *, who: str, why: str, expected: int
    ) -> ChampionEvent:
        """Record that an earlier model serves again.

        `expected` is the `champion_seq` that the decision rests on. Raises `ChampionMoved` where
        another model became champion since. The iteration is not looked at here.
        """
        at = self._now()

        def record(connection: Connection) -> ChampionEvent:
            require_champion(connection, dataset, expected=expected)
            return crown(connection, dataset, iteration, what=ROLLED_BACK, who=who, why=why, at=at)

        return transact(self._engine, record)


_C = champion_events.c


def serving(events: Sequence[ChampionEvent]) -> list[int]:
    """The iterations that would serve, the present champion last: a rollback takes off the top.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> def event(number: int, what: str) -> ChampionEvent:
    ...     return ChampionEvent("digits", 1, number, what, "", "", now)
    >>> serving([event(1, "promoted"), event(2, "promoted"), event(1, "rolled back")])
    [1]
    """
    stack: list[int] = []
    for one in events:
        if one.what == ROLLED_BACK and one.iteration in stack:
            stack = stack[: stack.index(one.iteration)]
        stack.append(one.iteration)
    return stack


def require_champion(connection: Connection, dataset: str, *, expected: int) -> None:
    """Raise `ChampionMoved` where the newest event is not the one of that `seq`."""
    row = first(connection, _newest(dataset))
    if row is not None and row["seq"] != expected:
        raise ChampionMoved(
            f"{dataset}@iter{row['iteration']} became champion meanwhile "
            f"({row['what']} by {row['who']})",
            expected="the champion that this was decided against",
            hint="look at it, and decide anew",
        )


def crown(
    connection: Connection,
    dataset: str,
    iteration: int,
    *,
    what: str,
    who: str,
    why: str,
    at: datetime,
) -> ChampionEvent:
    """Append an event, as a part of somebody's transaction."""
    newest = first(connection, _newest(dataset))
    row: Row = {
        "dataset": dataset,
        "seq": newest["seq"] + 1 if newest else 1,
        "iteration": iteration,
        "what": what,
        "who": who,
        "why": why,
        "at": at,
    }
    connection.execute(champion_events.insert(), row)
    return _event_from(row)


def _of(dataset: str) -> Select[Any]:
    return select(champion_events).where(_C.dataset == dataset)


def _newest(dataset: str) -> Select[Any]:
    return _of(dataset).order_by(_C.seq.desc())


def _event_from(row: Row) -> ChampionEvent:
    return ChampionEvent(**row)


def _implied(row: Row) -> ChampionEvent:
    return ChampionEvent(
        dataset=row["dataset"],
        seq=0,
        iteration=row["number"],
        what=PROMOTED,
        who=GATE,
        why="recorded with the iteration",
        at=row["closed_at"],
    )
