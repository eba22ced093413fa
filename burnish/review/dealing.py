"""From the desk's tables to a deal: who is at work, what is before them, and what they answered.

What belongs here: reading what `burnish.review.assigning.deal` is given. What does not: the deal
itself, the doors by which a reviewer asks for one (`burnish.review.sharing`), or counting right
answers (`burnish.workflows.skills`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from burnish.review import people
from burnish.review.assigning import Dealt, How, deal
from burnish.review.items import answered_by, of_batch
from burnish.review.records import OpenBatch
from burnish.review.schema import desk_events, desk_items
from burnish.review.skill import Skills, pair_of

LATELY = timedelta(days=7)
"""Over which somebody's pace is taken."""
AT_ONCE = 300
_C = desk_items.c


def at_work(connection: Connection, now: datetime) -> list[str]:
    """Who can be asked: annotators who are active and not away; without any, the others.

    Reviewers who answered an item cannot decide on it, so none is dealt to them beside annotators.
    """
    found = [one for one in people.list_people(connection) if one.active and not one.is_away(now)]
    return [one.name for one in found if one.role == "annotator"] or [one.name for one in found]


def new_items(
    connection: Connection, batch: OpenBatch, rows: Sequence[Mapping[str, Any]]
) -> list[Dealt]:
    """The rows of a queue that the desk has not taken yet, as a deal sees them."""
    query = select(_C.example_id).where(of_batch(batch.dataset, batch.iteration))
    known = set(connection.scalars(query))
    return [
        Dealt(row["example_id"], pair_of(row.get("label"), row.get("suggested_label")))
        for row in rows
        if row["example_id"] not in known
    ]


def open_items(connection: Connection, batch: OpenBatch, ids: Iterable[str]) -> list[Dealt]:
    """The open ones of these items, and who has answered them."""
    names, found = sorted(set(ids)), list[Dealt]()
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        done = _answered(connection, batch, some)
        query = select(_C.example_id, _C.label, _C.suggested_label).where(
            of_batch(batch.dataset, batch.iteration), _C.example_id.in_(some), _C.state == "open"
        )
        found += [
            Dealt(row[0], pair_of(row[1], row[2]), frozenset(done.get(row[0], ())))
            for row in connection.execute(query.order_by(_C.position))
        ]
    return found


def dealt(
    connection: Connection,
    batch: OpenBatch,
    items: Sequence[Dealt],
    *,
    how: How,
    skills: Skills | None,
    now: datetime,
) -> dict[str, str]:
    """Whom to ask first for items of a batch, by those at work now; the same draw each time."""
    among = [item.example_id for item in items]
    return deal(
        items,
        at_work(connection, now),
        how=how,
        skills=skills,
        loads=_loads(connection, batch, but=among),
        answers=_answers(connection, batch, now - LATELY),
        random_state=_drawn(batch),
    )


def _loads(connection: Connection, batch: OpenBatch, *, but: Iterable[str]) -> dict[str, int]:
    """How many open items of the batch wait for each, those not counted that are dealt anew."""
    query = select(_C.example_id, _C.assignee).where(
        of_batch(batch.dataset, batch.iteration),
        _C.state == "open",
        _C.assignee != "",
        ~answered_by(_C.assignee),
    )
    counts, anew = dict[str, int](), frozenset(but)
    for example_id, name in connection.execute(query):
        if example_id not in anew:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _answers(connection: Connection, batch: OpenBatch, since: datetime) -> dict[str, int]:
    """How many answers each gave lately, to any batch of the dataset."""
    event = desk_events.c
    query = (
        select(event.actor, func.count())
        .where(event.dataset == batch.dataset, event.action == "answer", event.at >= since)
        .group_by(event.actor)
    )
    return {name: int(count) for name, count in connection.execute(query)}


def _answered(connection: Connection, batch: OpenBatch, ids: Sequence[str]) -> dict[str, set[str]]:
    """Who has answered each of these items, whether or not they took it back."""
    event = desk_events.c
    query = select(event.example_id, event.actor).where(
        event.dataset == batch.dataset,
        event.iteration == batch.iteration,
        event.example_id.in_(ids),
        event.action == "answer",
    )
    found: dict[str, set[str]] = {}
    for example_id, actor in connection.execute(query):
        found.setdefault(example_id, set()).add(actor)
    return found


def _drawn(batch: OpenBatch) -> int:
    text = f"{batch.dataset}\0{batch.iteration}\0{batch.queue_version}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
