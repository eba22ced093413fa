"""Which item a person gets next.

What belongs here: one part of a query an urgency, each along an index. What does not: leasing what
was found (`burnish.review.leases`, `burnish.review.desk`).

Rework for the person comes first, then what is assigned to them, then the others by position. An
item that is assigned to somebody else keeps a place for them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy import literal_column as sql

from burnish.review.events import there_is
from burnish.review.items import answered_by, asked_again, item_from
from burnish.review.leases import SLACK, live
from burnish.review.records import Item, OpenBatch
from burnish.review.schema import desk_items, desk_leases

_C = desk_items.c
_NAME: Any = bindparam("name")


def next_item(connection: Connection, batch: OpenBatch, name: str, now: datetime) -> Item | None:
    """The first item with a free place that this person may answer and has not open already."""
    known = {"dataset": batch.dataset, "iteration": batch.iteration, "name": name}
    times = {"now": now, "soon": now + SLACK}
    row = connection.execute(_FIRST, known | times).mappings().first()
    return None if row is None else item_from(row)


def before_others(connection: Connection, batch: OpenBatch, name: str, now: datetime) -> int:
    """How many items others have before them just now that this person may still be asked about."""
    known = {"dataset": batch.dataset, "iteration": batch.iteration, "name": name}
    return connection.scalar(_BEFORE_OTHERS, known | {"now": now, "soon": now + SLACK}) or 0


def _first_of(urgency: int, group: ColumnElement[bool]) -> Select[Any]:
    found = (
        select(desk_items, sql(str(urgency)).label("urgency"))
        .where(_C.dataset == bindparam("dataset"), _C.iteration == bindparam("iteration"))
        .where(group, ~_leased_to_them(), _is_free())
        .order_by(_C.position)
        .limit(1)
    )
    # SQLite takes no order and no limit within a union but in a query of its own.
    return select(found.subquery())


def _is_free() -> ColumnElement[bool]:
    lease = desk_leases.alias()
    held: Any = (
        select(func.count())
        .select_from(lease)
        .where(*_of_item(lease), lease.c.person != _NAME, _live(lease))
        .correlate(desk_items)
        .scalar_subquery()
    )
    return _C.places > held + _kept()


def _kept() -> ColumnElement[int]:
    """1 where a place is kept for whom the item is assigned to, until they have it or are done."""
    lease = desk_leases.alias()
    theirs = (*_of_item(lease), lease.c.person == _C.assignee, _live(lease))
    has_open = there_is(select(1).where(*theirs).correlate(desk_items))
    # A rework asks those whom it was sent back to, whoever the item is assigned to.
    nobody_else = or_(_C.assignee == "", _C.assignee == _NAME, _C.state == "rework")
    return case((nobody_else, 0), (or_(has_open, answered_by(_C.assignee)), 0), else_=1)


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
    return (
        other.c.dataset == _C.dataset,
        other.c.iteration == _C.iteration,
        other.c.example_id == _C.example_id,
    )


# Spelled out: of a bound value no database knows that an index of open items serves.
_IN_REWORK, _IS_OPEN = _C.state == sql("'rework'"), _C.state == sql("'open'")

# Made once: to put such a query together takes ten times as long as to run it.
_FOUND = union_all(
    _first_of(1, and_(_IN_REWORK, asked_again(_NAME))),
    _first_of(2, and_(_IS_OPEN, _C.assignee == _NAME, ~answered_by(_NAME))),
    _first_of(3, and_(_IS_OPEN, _C.assignee != _NAME, ~answered_by(_NAME))),
).subquery()
_FIRST = select(_FOUND).order_by(_FOUND.c.urgency).limit(1)
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
