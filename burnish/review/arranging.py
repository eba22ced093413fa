"""Arrangements: who is asked first for an item, how urgent it is, who looks after a batch.

What belongs here: changing one of these in a caller's transaction, and the lines of
`desk_arrangements` that say who changed it from what to what, when and why. What does not: choosing
the person (`burnish.review.assigning`), or when an item is due (`burnish.review.promises`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from burnish.review.items import answered_by, of_batch
from burnish.review.promises import due_again, turn_of
from burnish.review.records import OpenBatch
from burnish.review.schema import desk_arrangements, desk_items
from burnish.spec import Priority

What = Literal["assignee", "priority", "owner"]
Line = tuple[str, int, str, What, str, str]
"""dataset, iteration, example_id, what, before, after."""
AT_ONCE = 300
"""Items that one statement names: databases bound how many values it may have."""
_C = desk_items.c
_A = desk_arrangements.c


@dataclass(frozen=True)
class Arrangement:
    """One change of what was arranged of an item, or (`example_id` empty) of its batch."""

    seq: int
    dataset: str
    iteration: int
    example_id: str
    what: What
    before: str
    after: str
    actor: str
    why: str
    at: datetime


def assign(
    connection: Connection,
    batch: OpenBatch,
    to: Mapping[str, str],
    *,
    actor: str,
    why: str,
    at: datetime,
) -> int:
    """Ask of each example the person first that `to` names (nobody: an empty name).

    Returns how many items of the batch there were. An item that is arranged so already gets no
    line.
    """
    found = 0
    by_person: dict[str, list[str]] = {}
    for example_id, person in to.items():
        by_person.setdefault(person, []).append(example_id)
    for person, ids in sorted(by_person.items()):
        for start in range(0, len(ids), AT_ONCE):
            some = _C.example_id.in_(ids[start : start + AT_ONCE])
            mine = and_(of_batch(batch.dataset, batch.iteration), some)
            found += _arrange(connection, mine, "assignee", person, actor=actor, why=why, at=at)
    return found


def set_priority(
    connection: Connection,
    batch: OpenBatch,
    example_ids: Sequence[str],
    priority: Priority,
    *,
    actor: str,
    why: str,
    at: datetime,
) -> int:
    """Give these examples a priority, and with it the time by which they are due.

    Returns how many of them wait at the desk. One that has the priority already gets no line, and
    keeps its due time.
    """
    found, ids = 0, sorted(set(example_ids))
    for start in range(0, len(ids), AT_ONCE):
        some = and_(
            of_batch(batch.dataset, batch.iteration),
            _C.example_id.in_(ids[start : start + AT_ONCE]),
            _C.state.not_in(["settled", "withdrawn"]),
        )
        query = select(_C.example_id, _C.position, _C.priority, _C.due_at, _C.added_at)
        rows = list(connection.execute(query.where(some)).mappings())
        changed = [row for row in rows if row["priority"] != priority]
        for row in changed:
            due = due_again(
                batch.promises,
                before=row["priority"],
                now=priority,
                due_at=row["due_at"],
                added_at=row["added_at"],
                at=at,
            )
            turn = turn_of(priority, row["position"])
            new = {"priority": priority, "due_at": due, "turn": turn}
            one = and_(some, _C.example_id == row["example_id"])
            connection.execute(desk_items.update().where(one).values(new))
        place = (batch.dataset, batch.iteration)
        lines: list[Line] = [
            (*place, row["example_id"], "priority", row["priority"], priority) for row in changed
        ]
        note(connection, lines, actor=actor, why=why, at=at)
        found += len(rows)
    return found


def leave_to_anybody(
    connection: Connection, assignee: str, *, actor: str, why: str, at: datetime
) -> int:
    """Assign what somebody was asked first, and is not settled, to nobody, in all batches."""
    theirs = and_(_C.assignee == assignee, _C.state != "settled")
    return _arrange(connection, theirs, "assignee", "", actor=actor, why=why, at=at)


def of_item(
    connection: Connection, dataset: str, iteration: int, example_id: str
) -> list[Arrangement]:
    """What was arranged of an item, oldest first."""
    query = select(desk_arrangements).where(
        _A.dataset == dataset, _A.iteration == iteration, _A.example_id == example_id
    )
    rows = connection.execute(query.order_by(_A.seq)).mappings()
    return [Arrangement(**cast("dict[str, Any]", dict(row))) for row in rows]


def note(
    connection: Connection,
    lines: Sequence[Line],
    *,
    actor: str,
    why: str,
    at: datetime,
) -> None:
    """Store lines of `desk_arrangements`."""
    seq = connection.scalar(select(func.max(_A.seq))) or 0
    names = ("dataset", "iteration", "example_id", "what", "before", "after")
    rows = [
        dict(zip(names, line, strict=True))
        | {"seq": seq + place, "actor": actor, "why": why, "at": at}
        for place, line in enumerate(lines, start=1)
    ]
    if rows:
        connection.execute(desk_arrangements.insert(), rows)


def _spare(assignee: str) -> ColumnElement[int]:
    """How many places of an item are for anybody, as `burnish.review.items.spare` counts them."""
    if not assignee:
        return case((_C.state == "open", _C.places), else_=0)
    kept = case((answered_by(assignee), 0), else_=1)
    return case((_C.state == "open", _C.places - kept), else_=0)


def _arrange(
    connection: Connection,
    which: ColumnElement[bool],
    what: What,
    after: str,
    *,
    actor: str,
    why: str,
    at: datetime,
) -> int:
    column = _C.priority if what == "priority" else _C.assignee
    query = select(_C.dataset, _C.iteration, _C.example_id, column).where(which)
    rows = [(row[0], row[1], row[2], str(row[3])) for row in connection.execute(query)]
    changed: list[Line] = [(*row[:3], what, row[3], after) for row in rows if row[3] != after]
    if changed:
        new: dict[Any, Any] = {column: after}
        if what == "assignee":
            new |= {_C.spare: _spare(after)}
        connection.execute(desk_items.update().where(which).values(new))
        note(connection, changed, actor=actor, why=why, at=at)
    return len(rows)
