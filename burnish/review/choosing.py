"""Which item a person gets next.

What belongs here: one query an urgency, each along an index. What does not: leasing what was found
(`burnish.review.leases`, `burnish.review.desk`).

Rework for the person comes first, then what is assigned to them, then the others by position. An
item that is assigned to somebody else keeps a place for them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, or_, select

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
    for query in _QUERIES:
        row = connection.execute(query, known | times).mappings().first()
        if row is not None:
            return item_from(row)
    return None


def before_others(connection: Connection, batch: OpenBatch, name: str, now: datetime) -> int:
    """How many items others have before them just now that this person may still be asked about."""
    known = {"dataset": batch.dataset, "iteration": batch.iteration, "name": name}
    return connection.scalar(_BEFORE_OTHERS, known | {"now": now, "soon": now + SLACK}) or 0


def _query(group: ColumnElement[bool]) -> Select[Any]:
    return (
        select(desk_items)
        .where(_C.dataset == bindparam("dataset"), _C.iteration == bindparam("iteration"))
        .where(group, ~_leased_to_them(), _is_free())
        .order_by(_C.position)
        .limit(1)
    )


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
    has_open = (
        select(1)
        .where(*_of_item(lease), lease.c.person == _C.assignee, _live(lease))
        .correlate(desk_items)
        .exists()
    )
    # A rework asks those whom it was sent back to, whoever the item is assigned to.
    nobody_else = or_(_C.assignee == "", _C.assignee == _NAME, _C.state == "rework")
    return case((nobody_else, 0), (or_(has_open, answered_by(_C.assignee)), 0), else_=1)


def _leased_to_them() -> ColumnElement[bool]:
    lease = desk_leases.alias()
    query = select(1).where(*_of_item(lease), lease.c.person == _NAME)
    return query.correlate(desk_items).exists()


def _leased_to_others() -> ColumnElement[bool]:
    lease = desk_leases.alias()
    query = select(1).where(*_of_item(lease), lease.c.person != _NAME, _live(lease))
    return query.correlate(desk_items).exists()


def _live(lease: Any) -> ColumnElement[bool]:
    return live(bindparam("now"), bindparam("soon"), lease)


def _of_item(other: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        other.c.dataset == _C.dataset,
        other.c.iteration == _C.iteration,
        other.c.example_id == _C.example_id,
    )


# Made once: to put such a query together takes ten times as long as to run it.
_QUERIES = (
    _query(and_(_C.state == "rework", asked_again(_NAME))),
    _query(and_(_C.state == "open", _C.assignee == _NAME, ~answered_by(_NAME))),
    _query(and_(_C.state == "open", _C.assignee != _NAME, ~answered_by(_NAME))),
)
_BEFORE_OTHERS = (
    select(func.count())
    .select_from(desk_items)
    .where(_C.dataset == bindparam("dataset"), _C.iteration == bindparam("iteration"))
    .where(_leased_to_others())
    .where(
        or_(
            and_(_C.state == "rework", asked_again(_NAME)),
            and_(_C.state == "open", ~answered_by(_NAME)),
        )
    )
)
