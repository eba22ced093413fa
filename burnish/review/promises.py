"""By when an item is due: how urgent a row of a queue is, and what a spec promises of it.

What belongs here: priorities and due times, as functions. What does not: the hours of work
(`burnish.review.working`), how far a batch is from what was promised (`burnish.review.keeping`),
or telling people of it (`burnish.workflows.keeping_promises`).

Nobody may tell from an item's due time that it is a check: whoever asked for a known answer, a
random row or a held-out row, it is as urgent as other rows of its queue, drawn
(`burnish.review.items.priorities_of`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from burnish.review.working import after
from burnish.spec import Priority, Promises

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""The most urgent first."""

BEFORE: Mapping[Priority, int] = {"urgent": 2_000_000_000, "high": 1_000_000_000, "normal": 0}
"""How many places an item is put forward: more than a batch has rows, as far as databases count."""

REQUESTED = "requested"
ASKED_BY: Mapping[Priority, re.Pattern[str]] = {
    "urgent": re.compile(r"Asked for by policy: alarm \d+: "),
    "high": re.compile(r"Asked for by user reports: "),
}
"""How a queue says that an alarm, or those who use the model, asked for a row."""


def priority_of(facts: Mapping[str, Any]) -> Priority:
    """How urgent a row of a queue is: urgent where an alarm asked for it, high where users did.

    >>> asked = "Asked for by policy: alarm 3: accuracy 2026-03-01."
    >>> priority_of({"reason": "requested", "why": asked})
    'urgent'
    >>> priority_of({"reason": "held_out", "why": asked}), priority_of({"reason": "gold"})
    ('normal', 'normal')
    """
    if facts.get("reason") != REQUESTED:
        return "normal"
    why = str(facts.get("why") or "")
    for priority, words in ASKED_BY.items():
        if words.match(why):
            return priority
    return "normal"


def turn_of(priority: Priority, position: int) -> int:
    """What items are given out by: the least first.

    >>> sorted([turn_of("normal", 1), turn_of("urgent", 3), turn_of("high", 2)]) == [
    ...     turn_of("urgent", 3), turn_of("high", 2), turn_of("normal", 1)]
    True
    """
    return position - BEFORE[priority]


def due_times(promises: Promises | None, at: datetime) -> dict[Priority, datetime]:
    """When what comes to the desk at a moment is due, by priority; empty: nothing is promised.

    >>> from datetime import UTC
    >>> due_times(Promises(urgent=2), datetime(2026, 11, 26, 9, tzinfo=UTC))["urgent"].hour
    11
    """
    if promises is None:
        return {}
    return {name: _due(promises, name, at) for name in PRIORITIES}


def due_again(
    promises: Promises | None,
    *,
    before: Priority,
    now: Priority,
    due_at: datetime | None,
    added_at: datetime,
    at: datetime,
) -> datetime | None:
    """When an item is due whose priority is changed `at` a moment.

    One that becomes more urgent has the hours of that from the change, and never longer than it
    had: what waited for days is not overdue at once. Where it becomes less urgent, its hours count
    from when it came to the desk, and it is due no sooner than it was.
    """
    if promises is None or before == now:
        return due_at
    if PRIORITIES.index(now) > PRIORITIES.index(before):
        later = _due(promises, now, added_at)
        return later if due_at is None else max(due_at, later)
    sooner = _due(promises, now, at)
    return sooner if due_at is None else min(due_at, sooner)


def _due(promises: Promises, priority: Priority, at: datetime) -> datetime:
    return after(at, promises.hours_of(priority), promises.working_hours)
