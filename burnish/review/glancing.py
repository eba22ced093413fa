"""What an answer has to know before it is taken, read at one glance.

What belongs here: one statement for what would be seven, since people who answer at once wait for
each other's transactions, and most of a transaction's time is that of its statements. What does
not: what follows from it (`burnish.review.acting`), or why there is no such lease
(`burnish.review.leasing`).

A glance is of one transaction, and of the first thing that is done in it: what it tells is not true
any more once something was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from burnish.ledger.events import EMPTY
from burnish.ledger.schema import label_events
from burnish.records import Watermark
from burnish.review.events import there_is
from burnish.review.items import item_from
from burnish.review.leases import held_from
from burnish.review.records import Lease, OpenBatch, Person
from burnish.review.schema import desk_events, desk_items, desk_leases
from burnish.versions.schema import iterations

_I, _L, _E = desk_items.c, desk_leases.c, label_events.c


@dataclass(frozen=True)
class Glance:
    """What one statement found.

    `lease`: with its item. `closed`: the iteration is. `newest_seq`: of the desk's events, `head`
    that of the ledger. `spoken`: the ledger has heard of the example since the batch opened.
    """

    lease: Lease
    closed: bool
    newest_seq: int
    head: Watermark
    spoken: bool


def at_lease(connection: Connection, batch: OpenBatch, person: Person, token: str) -> Glance | None:
    """A glance at what a person leases; None where they do not, or have answered it by now."""
    known = {
        "of_dataset": batch.dataset,
        "of_iteration": batch.iteration,
        "of_person": person.name,
        "named": token,
        "since": batch.watermark.event_id,
    }
    row = connection.execute(_AT_LEASE, known).mappings().first()
    if row is None:
        return None
    head = EMPTY
    if row["head"] is not None:
        head = Watermark(row["head"], bytes(row["head_chain"]).hex())
    return Glance(
        lease=held_from(row).with_item(item_from(row)),
        closed=row["closed_at"] is not None,
        newest_seq=row["newest_seq"] or 0,
        head=head,
        spoken=bool(row["spoken"]),
    )


def spoken_of(item: Any) -> ColumnElement[bool]:
    """The SQL condition that the ledger has heard of an item's example beyond the event `since`.

    `item` is `desk_items`, or what was selected from it.
    """
    # Of `SELECT *` SQLite would read all that was said of any example since then.
    heard = select(1).where(
        _E.dataset == item.c.dataset,
        _E.example_id == item.c.example_id,
        _E.event_id > bindparam("since"),
    )
    return there_is(heard.correlate(item))


_DATASET = bindparam("of_dataset")
_CLOSED = (
    select(iterations.c.closed_at)
    .where(iterations.c.dataset == _DATASET, iterations.c.number == bindparam("of_iteration"))
    .scalar_subquery()
)
_NEWEST_SEQ = select(func.max(desk_events.c.seq)).scalar_subquery()
_HEAD = select(_E.event_id).where(_E.dataset == _DATASET).order_by(_E.event_id.desc()).limit(1)
_HEAD_CHAIN = select(_E.chain).where(_E.dataset == _DATASET).order_by(_E.event_id.desc()).limit(1)
_ANSWERED = there_is(select(1).where(desk_events.c.request_key == _L.token).correlate(desk_leases))

# Made once: to put such a query together takes ten times as long as to run it.
_AT_LEASE = (
    select(
        desk_items,
        *(_L.token, _L.person, _L.shown, _L.taken_at, _L.expires_at),
        _CLOSED.label("closed_at"),
        _NEWEST_SEQ.label("newest_seq"),
        _HEAD.scalar_subquery().label("head"),
        _HEAD_CHAIN.scalar_subquery().label("head_chain"),
        spoken_of(desk_items).label("spoken"),
    )
    .join(
        desk_leases,
        (_L.dataset == _I.dataset)
        & (_L.iteration == _I.iteration)
        & (_L.example_id == _I.example_id),
    )
    .where(_L.token == bindparam("named"), _L.person == bindparam("of_person"))
    .where(_L.dataset == _DATASET, _L.iteration == bindparam("of_iteration"), ~_ANSWERED)
)
