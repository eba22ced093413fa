"""How far an open batch is from what was promised: what is overdue, how old, how fast, until when.

What belongs here: counting items and acts in SQL, and what the pages, the command and Dagster show
of it. What does not: when an item is due (`burnish.review.promises`), the forecast itself
(`burnish.review.forecast`), or telling people (`burnish.workflows.keeping_promises`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    and_,
    case,
    func,
    or_,
    select,
    type_coerce,
)

from burnish.database import reading
from burnish.review.events import counted
from burnish.review.forecast import Forecast, forecast, in_words
from burnish.review.items import answered_by, asked_again, of_batch
from burnish.review.promises import PRIORITIES
from burnish.review.records import OpenBatch, State
from burnish.review.schema import desk_events, desk_items
from burnish.spec import Priority, Promises, WorkingHours

WAITS: tuple[State, ...] = ("open", "rework", "disagreed", "submitted")
AGES: tuple[tuple[str, timedelta], ...] = (
    ("under a day", timedelta()),
    ("a day or more", timedelta(days=1)),
    ("three days or more", timedelta(days=3)),
    ("a week or more", timedelta(days=7)),
)
SOON = timedelta(hours=24)
MOST = 200
DAYS_SHOWN = 14
_TEN_MINUTES = len("2026-11-26T14:3")
_C = desk_items.c
_E = desk_events.c


@dataclass(frozen=True)
class Promised:
    """One item that waits, and by when it is due."""

    example_id: str
    position: int
    state: State
    priority: Priority
    assignee: str
    due_at: datetime

    def late(self, now: datetime) -> timedelta:
        """How long it is overdue; negative before that."""
        return now - self.due_at


@dataclass(frozen=True)
class Day:
    """What was done in a day by the clock of the zone: acts of people, and items settled."""

    day: date
    acts: int
    settled: int


@dataclass(frozen=True)
class Keeping:
    """How far an open batch is from what was promised, as of `now`.

    `waiting` and `overdue` count items by priority, `ages` those that wait by how long they have
    been at the desk, `soon` those that are due within a day. Of settled items with a due time
    `in_time` were settled by then, and `late` were not. `days` are the last ones on which something
    was done. `zone` is that of the working hours, else UTC.
    """

    dataset: str
    iteration: int
    now: datetime
    zone: str
    waiting: Mapping[Priority, int]
    overdue: Mapping[Priority, int]
    soon: int
    next_due: datetime | None
    ages: Mapping[str, int]
    in_time: int
    late: int
    days: tuple[Day, ...]
    forecast: Forecast

    @property
    def kept(self) -> float | None:
        """The share of promises that were kept, of those whose time has come; None: of none yet."""
        broken = self.late + sum(self.overdue.values())
        return self.in_time / (self.in_time + broken) if self.in_time + broken else None

    @property
    def sentence(self) -> str:
        """When the batch is done, in words."""
        return in_words(self.forecast, now=self.now, zone=self.zone)


def keeping(engine: Engine, batch: OpenBatch, *, now: datetime) -> Keeping:
    """How far a batch is from what was promised.

    Where the spec promises nothing, ages, days and the forecast are told all the same.
    """
    zone = zone_of(batch.promises)
    with reading(engine) as connection:
        waiting = _by_priority(connection, batch, _waits())
        in_time, late = _settled(connection, batch)
        acts = acts_of(connection, batch)
        told = forecast(
            acts, needed_acts(connection, batch), now=now, working=_hours(batch.promises)
        )
        return Keeping(
            dataset=batch.dataset,
            iteration=batch.iteration,
            now=now,
            zone=zone,
            waiting=waiting,
            overdue=_by_priority(connection, batch, _overdue(now)),
            soon=_count(connection, batch, and_(_waits(), _C.due_at.between(now, now + SOON))),
            next_due=connection.scalar(
                select(func.min(_C.due_at)).where(_mine(batch), _waits(), _C.due_at >= now)
            ),
            ages=_ages(connection, batch, now),
            in_time=in_time,
            late=late,
            days=_days(acts, _settled_at(connection, batch), zone),
            forecast=told,
        )


def breaches(
    connection: Connection, batch: OpenBatch, *, now: datetime, limit: int | None = MOST
) -> list[Promised]:
    """The items whose time has passed while they wait, the longest overdue first."""
    return _listed(connection, batch, _overdue(now), limit)


def asked_of(connection: Connection, batch: OpenBatch, name: str) -> list[Promised]:
    """What is assigned to somebody, asks them, and has a due time.

    What was sent back to others is no business of theirs, nor that others have answered it.
    """
    asks = or_(and_(_C.state == "open", ~answered_by(name)), _in_rework_of(name))
    theirs = and_(_C.assignee == name, asks, _C.due_at.is_not(None))
    return _listed(connection, batch, theirs, MOST)


def _in_rework_of(name: str) -> ColumnElement[bool]:
    return and_(_C.state == "rework", asked_again(name))


def acts_of(connection: Connection, batch: OpenBatch) -> dict[datetime, int]:
    """How much was done in each ten minutes: answers that stand, decisions and approvals."""
    return _in_tens(connection, batch, ("answer", "decide", "approve"))


def needed_acts(connection: Connection, batch: OpenBatch) -> int:
    """How many more answers, decisions and approvals a batch needs, if it goes on as so far.

    Of items that still ask people, as many need a reviewer as did so far (with approval: all).
    """
    asks = _C.state.in_(["open", "rework"])
    row = connection.execute(
        select(
            func.coalesce(func.sum(case((asks, _C.places), else_=0)), 0),
            func.coalesce(func.sum(case((asks, 1), else_=0)), 0),
            func.coalesce(
                func.sum(case((_C.state.in_(["disagreed", "submitted"]), 1), else_=0)), 0
            ),
            func.coalesce(func.sum(case((_C.state == "settled", 1), else_=0)), 0),
        ).where(_mine(batch))
    ).one()
    answers, open_items, reviews, settled = (int(cell) for cell in row)
    if batch.policy.approval:
        return answers + open_items + reviews
    decided = sum(_in_tens(connection, batch, ("decide",)).values())
    looked_at = settled + reviews
    share = (decided + reviews) / looked_at if batch.policy.answers > 1 and looked_at else 0.0
    return answers + reviews + ceil(min(1.0, share) * open_items)


def zone_of(promises: Promises | None) -> str:
    """The zone by whose clock times are told in words."""
    hours = _hours(promises)
    return hours.timezone if hours else "UTC"


def _hours(promises: Promises | None) -> WorkingHours | None:
    return promises.working_hours if promises else None


def _mine(batch: OpenBatch) -> ColumnElement[bool]:
    return of_batch(batch.dataset, batch.iteration)


def _waits() -> ColumnElement[bool]:
    return _C.state.in_(WAITS)


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(_waits(), _C.due_at < now)


def _count(connection: Connection, batch: OpenBatch, which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(desk_items).where(_mine(batch), which)
    return connection.scalar(query) or 0


def _by_priority(
    connection: Connection, batch: OpenBatch, which: ColumnElement[bool]
) -> dict[Priority, int]:
    query = select(_C.priority, func.count()).where(_mine(batch), which).group_by(_C.priority)
    found = {row[0]: int(row[1]) for row in connection.execute(query)}
    return {name: found.get(name, 0) for name in PRIORITIES}


def _settled(connection: Connection, batch: OpenBatch) -> tuple[int, int]:
    """How many promised items were settled in time, and how many late."""
    done = and_(_C.state == "settled", _C.due_at.is_not(None))
    late = _count(connection, batch, and_(done, _C.updated_at > _C.due_at))
    return _count(connection, batch, done) - late, late


def _ages(connection: Connection, batch: OpenBatch, now: datetime) -> dict[str, int]:
    """How many wait so long and no longer."""
    at_least = [
        _count(connection, batch, and_(_waits(), _C.added_at <= now - age)) for _, age in AGES
    ]
    beyond = [*at_least[1:], 0]
    return {AGES[at][0]: n - beyond[at] for at, n in enumerate(at_least)}


def _listed(
    connection: Connection, batch: OpenBatch, which: ColumnElement[bool], limit: int | None
) -> list[Promised]:
    columns = (_C.example_id, _C.position, _C.state, _C.priority, _C.assignee, _C.due_at)
    query = select(*columns).where(_mine(batch), which).order_by(_C.due_at, _C.turn)
    return [Promised(**row) for row in connection.execute(query.limit(limit)).mappings()]


def _in_tens(
    connection: Connection, batch: OpenBatch, actions: tuple[str, ...]
) -> dict[datetime, int]:
    since = func.substr(type_coerce(_E.at, String), 1, _TEN_MINUTES).label("since")
    query = (
        select(since, func.sum(counted(actions)))
        .where(_E.dataset == batch.dataset, _E.iteration == batch.iteration)
        .group_by(since)
    )
    return {_moment(text): int(n) for text, n in connection.execute(query) if n}


def _settled_at(connection: Connection, batch: OpenBatch) -> dict[datetime, int]:
    since = func.substr(type_coerce(_C.updated_at, String), 1, _TEN_MINUTES).label("since")
    query = select(since, func.count()).where(_mine(batch), _C.state == "settled").group_by(since)
    return {_moment(text): int(n) for text, n in connection.execute(query)}


def _moment(text: str) -> datetime:
    """The moment at which the ten minutes begin that a time as text begins with."""
    return datetime.fromisoformat(f"{text}0:00+00:00")


def _days(
    acts: Mapping[datetime, int], settled: Mapping[datetime, int], zone: str
) -> tuple[Day, ...]:
    local, counts = ZoneInfo(zone), dict[date, list[int]]()
    for place, found in enumerate((acts, settled)):
        for at, n in found.items():
            counts.setdefault(at.astimezone(local).date(), [0, 0])[place] += n
    return tuple(Day(day, *counts[day]) for day in sorted(counts)[-DAYS_SHOWN:])
