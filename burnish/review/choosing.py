"""Which item a person gets next.

What belongs here: one part of a query an urgency, each along an index. What does not: leasing what
was found (`burnish.review.leases`, `burnish.review.desk`).

Rework for the person comes first, then what is assigned to them, then the others; of each what is
urgent, then what is of high priority, then the others by position. An item that is assigned to
somebody else keeps a place for them (`burnish.review.items.spare`), unless they are away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy import literal_column as sql

from burnish.review.events import there_is
from burnish.review.glancing import spoken_of
from burnish.review.items import answered_by, asked_again, item_from
from burnish.review.leases import SLACK, live
from burnish.review.records import Item, OpenBatch
from burnish.review.schema import desk_items, desk_leases, desk_people

_C = desk_items.c
_NAME: Any = bindparam("name")


@dataclass(frozen=True)
class Next:
    """An item for a person.

    `leases`: how many it has, live or not. `spoken`: the ledger has heard of its example since the
    batch opened.
    """

    item: Item
    leases: int
    spoken: bool


def next_item(connection: Connection, batch: OpenBatch, name: str, now: datetime) -> Next | None:
    """The first item with a free place that this person may answer and has not open already."""
    known: dict[str, Any] = {
        "dataset": batch.dataset,
        "iteration": batch.iteration,
        "name": name,
        "since": batch.watermark.event_id,
    }
    known |= {"now": now, "soon": now + SLACK}
    away = list(connection.scalars(_AWAY, {"now": now}))
    query, known = (_FIRST_WITH_AWAY, known | {"away": away}) if away else (_FIRST, known)
    row = connection.execute(query, known).mappings().first()
    return None if row is None else Next(item_from(row), row["leases"], bool(row["spoken"]))


def before_others(connection: Connection, batch: OpenBatch, name: str, now: datetime) -> int:
    """How many items others have before them just now that this person may still be asked about."""
    known = {"dataset": batch.dataset, "iteration": batch.iteration, "name": name}
    return connection.scalar(_BEFORE_OTHERS, known | {"now": now, "soon": now + SLACK}) or 0


def _first_of(urgency: int, *group: ColumnElement[bool]) -> Select[Any]:
    found = (
        select(desk_items, sql(str(urgency)).label("urgency"))
        .where(_C.dataset == bindparam("dataset"), _C.iteration == bindparam("iteration"))
        .where(*group, ~_leased_to_them())
        .order_by(_C.turn)
        .limit(1)
    )
    # SQLite takes no order and no limit within a union but in a query of its own.
    return select(found.subquery())


def _has_place() -> ColumnElement[bool]:
    return _C.places > _held()


def _has_spare_place() -> ColumnElement[bool]:
    """A place that is kept for nobody: whom the item is assigned to has theirs beside it."""
    return _C.spare > _held(but_of=_C.assignee)


def _held(*, but_of: ColumnElement[str] | None = None) -> Any:
    """How many places others hold just now."""
    lease = desk_leases.alias()
    theirs = (*_of_item(lease), lease.c.person != _NAME, _live(lease))
    if but_of is not None:
        theirs = (*theirs, lease.c.person != but_of)
    query = select(func.count()).select_from(lease).where(*theirs)
    return query.correlate(desk_items).scalar_subquery()


def _leased_to_them() -> ColumnElement[bool]:
    lease = desk_leases.alias()
    query = select(1).where(*_of_item(lease), lease.c.person == _NAME)
    return there_is(query.correlate(desk_items))


def _leased_to_others() -> ColumnElement[bool]:
    lease = desk_leases.alias()
    query = select(1).where(*_of_item(lease), lease.c.person != _NAME, _live(lease))
    return there_is(query.correlate(desk_items))


def _live(lease: Any) -> ColumnElement[bool]:
    return live(bindparam("now"), bindparam("soon"), lease)


def _of_item(other: Any) -> tuple[ColumnElement[bool], ...]:
    return _same_item(other, desk_items)


def _same_item(other: Any, item: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        other.c.dataset == item.c.dataset,
        other.c.iteration == item.c.iteration,
        other.c.example_id == item.c.example_id,
    )


# Spelled out: of a bound value no database knows that an index of open items serves.
_IN_REWORK, _IS_OPEN = _C.state == sql("'rework'"), _C.state == sql("'open'")

# Made once: to put such a query together takes ten times as long as to run it.
_OTHERS = and_(_C.assignee != _NAME, ~answered_by(_NAME))
_GROUPS = (
    _first_of(1, _IN_REWORK, asked_again(_NAME), _has_place()),
    _first_of(2, _IS_OPEN, _C.assignee == _NAME, ~answered_by(_NAME), _has_place()),
    # Of open items alone; with the state beside it SQLite would take another index.
    _first_of(3, _OTHERS, _C.spare > sql("0"), _has_spare_place()),
)
# Nobody waits for those who are away. Named one by one: of a subquery PostgreSQL makes a join.
_KEPT_FOR_AWAY = _C.assignee.in_(bindparam("away", expanding=True))
_AWAY = select(desk_people.c.name).where(desk_people.c.paused_until > bindparam("now"))


def _first(*groups: Select[Any]) -> Select[Any]:
    found = union_all(*groups).subquery()
    chosen = select(found).order_by(found.c.urgency, found.c.turn).limit(1).subquery()
    count = select(func.count()).where(*_same_item(desk_leases, chosen)).correlate(chosen)
    # Of the one that was chosen: asked of each urgency it would take three times as long.
    return select(
        chosen, count.scalar_subquery().label("leases"), spoken_of(chosen).label("spoken")
    )


_FIRST = _first(*_GROUPS)
_FIRST_WITH_AWAY = _first(*_GROUPS, _first_of(3, _IS_OPEN, _OTHERS, _KEPT_FOR_AWAY, _has_place()))
_BEFORE_OTHERS = (
    select(func.count())
    .select_from(desk_items)
    .where(_C.dataset == bindparam("dataset"), _C.iteration == bindparam("iteration"))
    .where(_leased_to_others())
    .where(
        or_(
            and_(_IN_REWORK, asked_again(_NAME)),
            and_(_IS_OPEN, ~answered_by(_NAME)),
        )
    )
)
