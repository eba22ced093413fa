"""Leases: which item is before whom, so that two people never hold one place unknowingly.

What belongs here: rows of `desk_leases`, when a lease is live, and which are ended to make room.
What does not: which item a person gets (`burnish.review.choosing`), and what an answer under a
lease does (`burnish.review.desk`).

The row is the fence: an answer is taken while it is there, even after the lease has run out, since
whoever is given its place deletes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, select

from burnish.review.items import is_held_out
from burnish.review.records import Item, Lease, OpenBatch
from burnish.review.schema import desk_leases

SLACK = timedelta(seconds=2)
"""How far ahead of ours the clock may be that a lease was taken by; further, it was set back."""

_C = desk_leases.c
# Made once: to put a query together takes longer than to run it.
_OF_BATCH = (_C.dataset == bindparam("of_dataset"), _C.iteration == bindparam("of_iteration"))
_OF_ITEM = select(desk_leases).where(*_OF_BATCH, _C.example_id == bindparam("of_example"))
_OF_PERSON = (
    select(desk_leases)
    .where(*_OF_BATCH, _C.person == bindparam("of_person"))
    .order_by(_C.taken_at, _C.token)
)
_BY_TOKEN = select(desk_leases).where(_C.token == bindparam("named"))
_END_OF_ITEM = desk_leases.delete().where(*_OF_BATCH, _C.example_id == bindparam("of_example"))
_END = desk_leases.delete().where(_C.token == bindparam("named"))
_RENEW = (
    desk_leases.update()
    .where(_C.token == bindparam("named"))
    .values(taken_at=bindparam("new_taken_at"), expires_at=bindparam("new_expires_at"))
)


@dataclass(frozen=True)
class Held:
    """The row of a lease."""

    token: str
    dataset: str
    iteration: int
    example_id: str
    person: str
    shown: bool
    taken_at: datetime
    expires_at: datetime

    def with_item(self, item: Item) -> Lease:
        return Lease(self.token, item, self.person, self.taken_at, self.expires_at, self.shown)

    def is_live(self, now: datetime) -> bool:
        """Whether it holds its place: a lease from the future is of a clock that was set back."""
        return self.taken_at - SLACK <= now < self.expires_at


def live(now: Any, soon: Any, lease: Any) -> ColumnElement[bool]:
    """The SQL condition of a lease to be live, as `Held.is_live` says; `soon` is now + `SLACK`."""
    return and_(lease.c.taken_at <= soon, lease.c.expires_at > now)


_COUNT_LIVE = (
    select(func.count())
    .select_from(desk_leases)
    .where(*_OF_BATCH, live(bindparam("now"), bindparam("soon"), desk_leases))
)


def find(connection: Connection, token: str) -> Held | None:
    """The lease of a token; None where it is there no more."""
    row = connection.execute(_BY_TOKEN, {"named": token}).mappings().first()
    return None if row is None else held_from(row)


def of_item(connection: Connection, batch: OpenBatch, example_id: str) -> list[Held]:
    """All leases of an item, live or not."""
    rows = connection.execute(_OF_ITEM, _named(batch) | {"of_example": example_id})
    return [held_from(row) for row in rows.mappings()]


def of_person(connection: Connection, batch: OpenBatch, name: str) -> list[Held]:
    """All leases of a person in a batch, live or not, oldest first."""
    rows = connection.execute(_OF_PERSON, _named(batch) | {"of_person": name})
    return [held_from(row) for row in rows.mappings()]


def count_live(connection: Connection, batch: OpenBatch, now: datetime) -> int:
    """How many leases of a batch are live."""
    moment = {"now": now, "soon": now + SLACK}
    return int(connection.scalar(_COUNT_LIVE, _named(batch) | moment) or 0)


def new(
    batch: OpenBatch, item: Item, person: str, *, token: str, now: datetime, seconds: float
) -> Lease:
    """A lease that is not stored yet."""
    shown = not is_held_out(item) and is_shown(batch, item.example_id, person)
    return Lease(token, item, person, now, now + timedelta(seconds=seconds), shown)


def add(connection: Connection, lease: Lease) -> None:
    """Store a lease."""
    connection.execute(
        desk_leases.insert(),
        {
            "token": lease.token,
            "dataset": lease.item.dataset,
            "iteration": lease.item.iteration,
            "example_id": lease.item.example_id,
            "person": lease.person,
            "shown": lease.shown,
            "taken_at": lease.taken_at,
            "expires_at": lease.expires_at,
        },
    )


def renew(connection: Connection, held: Held, now: datetime, seconds: float) -> Held:
    """Let a lease last from now on."""
    taken = min(held.taken_at, now)
    until = now + timedelta(seconds=seconds)
    new = {"new_taken_at": taken, "new_expires_at": until}
    connection.execute(_RENEW, {"named": held.token} | new)
    return replace(held, taken_at=taken, expires_at=until)


def end(connection: Connection, tokens: Sequence[str]) -> None:
    """End leases: what is answered under them from now on is not taken."""
    if tokens:
        connection.execute(_END, [{"named": token} for token in tokens])


def end_of_item(connection: Connection, batch: OpenBatch, example_id: str) -> None:
    """End all leases of an item."""
    connection.execute(_END_OF_ITEM, _named(batch) | {"of_example": example_id})


def end_others(connection: Connection, batch: OpenBatch) -> None:
    """End what is left of the batches before this one."""
    connection.execute(
        desk_leases.delete().where(_C.dataset == batch.dataset, _C.iteration != batch.iteration)
    )


def end_of_items(
    connection: Connection, batch: OpenBatch, example_ids: Sequence[str], name: str
) -> None:
    """End what a person holds of these items."""
    wanted = set(example_ids)
    held = of_person(connection, batch, name)
    end(connection, [one.token for one in held if one.example_id in wanted])


def end_of_person(connection: Connection, name: str) -> None:
    """End all leases of a person, in all batches."""
    connection.execute(desk_leases.delete().where(_C.person == name))


def make_room(connection: Connection, held: Sequence[Held], *, places: int, now: datetime) -> None:
    """End leases of an item beyond its places: those that are over first, then the latest taken."""
    order = sorted(held, key=lambda one: (one.is_live(now), one.taken_at, one.token))
    surplus = len(held) - places
    over = [one for one in order if not one.is_live(now)][: max(0, surplus)]
    alive = [one for one in order if one.is_live(now)]
    late = alive[len(alive) - max(0, surplus - len(over)) :]
    end(connection, [one.token for one in [*over, *late]])


def is_shown(batch: OpenBatch, example_id: str, person: str) -> bool:
    """Whether label and model's opinion are shown first: a draw that is the same each time."""
    text = f"{batch.dataset}\0{batch.iteration}\0{example_id}\0{person}"
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return drawn < batch.shown_share


def _named(batch: OpenBatch) -> dict[str, Any]:
    return {"of_dataset": batch.dataset, "of_iteration": batch.iteration}


def held_from(row: RowMapping) -> Held:
    """The lease of a row."""
    return Held(**{name: row[name] for name in Held.__dataclass_fields__})
