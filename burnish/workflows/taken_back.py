"""Verdicts that were taken back, and those that were not.

What belongs here: reading off the ledger which events an `undo` took back. What does not: taking
one back (`burnish.ledger`), or which decision stands (the ledger's fold, which needs none of this).

Who learns from verdicts must not learn from a slip that somebody took back. The fold cannot tell:
after an undo it holds what stood before, and why a row was asked about, and in which batch, is
written on the event that was undone.
"""

from __future__ import annotations

from collections.abc import Iterable

from burnish.records import LabelEvent


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
