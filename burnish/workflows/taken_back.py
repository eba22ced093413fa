"""Verdicts that were taken back, those that were not, and those that settled an item.

What belongs here: reading off the ledger which events an `undo` took back, and which of several
answers to an item is what came of it. What does not: taking one back or settling (`burnish.ledger`,
`burnish.review`), or which decision stands (the ledger's fold, which needs none of this).

Who learns from verdicts must not learn from a slip that somebody took back. The fold cannot tell:
after an undo it holds what stood before, and why a row was asked about, and in which batch, is
written on the event that was undone.

The review desk writes down every answer to an item when it is settled, the one that stands last:
all of them say how well people judge, the last alone says what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable

from burnish.records import LabelEvent, Verdict


def not_taken_back(events: Iterable[LabelEvent]) -> list[LabelEvent]:
    """The events that no later one of `events` took back, in their order.

    An undo that was undone itself took nothing back.
    """
    ordered = sorted(events, key=lambda event: event.event_id)
    undone: set[int] = set()
    for event in reversed(ordered):
        took_back = event.verdict.evidence.get("undoes")
        if isinstance(took_back, int) and event.event_id not in undone:
            undone.add(took_back)
    return [event for event in ordered if event.event_id not in undone]


def is_undo(verdict: Verdict) -> bool:
    """Whether a verdict takes another back, and is nobody's opinion of the example.

    >>> is_undo(Verdict("a", "unsure", "8", None, author="Ada", evidence={"undoes": 1}))
    True
    """
    return "undoes" in verdict.evidence


def settles(verdict: Verdict) -> bool:
    """Whether a verdict is what came of an item, and not one of several answers before it.

    >>> settles(Verdict("a", "keep", "8", "8", author="Ada", evidence={"settles": False}))
    False
    """
    return verdict.evidence.get("settles") is not False
