"""How far a batch is, counted once and then kept in step with what is done.

What belongs here: the counts of items by state and of answers by person, as of an event's number,
and bringing them up to the newest one. What does not: the life of an item
(`burnish.review.states`), or what a page says of the counts (`burnish.review.showing`).

Counting a million items takes half a second, and each answer asks for it. Events are numbered in
the order in which they are stored, and whatever changes an item's state is one: so the counts of
then, and the items that events have touched since, give the counts of now. Rows that a new queue
brings have no event; the queue's version is a part of what the counts are kept by.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select

from burnish.review import events, items
from burnish.review.records import DeskEvent, OpenBatch, Policy, State
from burnish.review.schema import desk_events
from burnish.review.states import Standing, stand

Name = TypeVar("Name", bound=str)
AT_ONCE = 500
"""Events that are caught up with one by one; beyond, all is counted anew."""
_C = desk_events.c
_SINCE = (
    select(_C.seq, _C.dataset, _C.iteration, _C.example_id)
    .where(_C.seq > bindparam("after"))
    .order_by(_C.seq)
    .limit(AT_ONCE + 1)
)


@dataclass(frozen=True)
class Tally:
    """The counts of a batch as of the event `seq`.

    `final` are the items that a reviewer settled; zero where one person answers an item.
    """

    seq: int
    states: Mapping[State, int]
    by_person: Mapping[str, int]
    final: int


class Tallies:
    """The tally of each open batch, brought up to the newest event whenever it is asked for.

    Safe between threads; each process keeps its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[tuple[int, int], Tally]] = {}

    def of(self, connection: Connection, batch: OpenBatch) -> Tally:
        """The tally of a batch as this connection sees it."""
        key = batch.iteration, batch.queue_version
        with self._lock:
            kept = self._kept.get(batch.dataset)
        known = kept[1] if kept is not None and kept[0] == key else None
        tally = None if known is None else _caught_up(connection, batch, known)
        tally = tally or counted(connection, batch)
        with self._lock:
            self._kept[batch.dataset] = key, tally
        return tally


def counted(connection: Connection, batch: OpenBatch) -> Tally:
    """The tally of a batch, by counting all of it."""
    # In one statement with the number: it sees one moment, whoever writes meanwhile.
    seq, states, final = items.counted(connection, batch)
    people = events.counts(connection, batch.dataset, batch.iteration, until=seq)
    return Tally(seq, states, people, final)


def _caught_up(connection: Connection, batch: OpenBatch, known: Tally) -> Tally | None:
    """`known` with what was done since; None where that is too much to look at one by one."""
    rows = connection.execute(_SINCE, {"after": known.seq}).all()
    if not rows:
        return known
    if len(rows) > AT_ONCE:
        return None
    until = rows[-1].seq
    place = (batch.dataset, batch.iteration)
    names = sorted({row.example_id for row in rows if (row.dataset, row.iteration) == place})
    done = events.of_items(connection, batch.dataset, batch.iteration, names)
    states: Counter[State] = Counter(known.states)
    people, final = Counter(known.by_person), known.final
    for one in done.values():
        old = [event for event in one if event.seq <= known.seq]
        new = [event for event in one if event.seq <= until]
        was, now = stand(old, batch.policy), stand(new, batch.policy)
        states[was.state] -= 1
        states[now.state] += 1
        final += _is_final(now, batch.policy) - _is_final(was, batch.policy)
        people.update(_answers(new))
        people.subtract(_answers(old))
    return Tally(until, _positive(states), _positive(people), final)


def _is_final(standing: Standing, policy: Policy) -> bool:
    by_reviewer = standing.decision is not None or standing.approved_by != ""
    return policy.answers > 1 and standing.state == "settled" and by_reviewer


def _answers(done: Sequence[DeskEvent]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for event in done:
        counts[event.actor.name] += {"answer": 1, "undo": -1}.get(event.action, 0)
    return counts


def _positive(counts: Counter[Name]) -> dict[Name, int]:
    return {name: count for name, count in counts.items() if count}
