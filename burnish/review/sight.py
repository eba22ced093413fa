"""What a person may see of an item before all have answered, and of an example's history.

What belongs here: the rules of blindness, as functions of a standing and a person. What does not:
which rows a list may tell of (`burnish.review.listing`), or who may act (`burnish.review.states`).

Whoever is still asked must not be led: not by the label as given, not by the model, and not by
what others said. An annotator sees label and model once they have answered in this round, and
others' answers when the item is settled; before that an answer could be taken back and given
again, knowing better. Reviewers judge answers, so they may see them; that they did is their trade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.review.items import RANDOM_CHECK
from burnish.review.listing import is_secret
from burnish.review.records import DeskEvent, Item, Person
from burnish.review.states import Standing

NOT_YET = (
    "You may still be asked about this example, so its label, the model's opinion and what others "
    "said are not shown yet."
)


@dataclass(frozen=True)
class Opinion:
    """The label as given and what the model thinks of it; None where there is none."""

    label: str | None = None
    suggested: str | None = None
    error_probability: float | None = None
    reason: str = ""
    why: str = ""


@dataclass(frozen=True)
class Sight:
    """What one person may see of one item."""

    label: bool
    others: bool

    @property
    def everything(self) -> bool:
        return self.label and self.others


def sight_of(standing: Standing | None, person: Person) -> Sight:
    """What `person` may see of an item; None: the example is in no open batch.

    >>> sight_of(Standing(), Person("ada", "annotator")), sight_of(None, Person("ada", "annotator"))
    (Sight(label=False, others=False), Sight(label=True, others=True))
    """
    if standing is None or standing.state == "settled" or person.role != "annotator":
        return Sight(label=True, others=True)
    return Sight(label=person.name in standing.people, others=False)


def visible_events(events: Sequence[DeskEvent], sight: Sight, person: Person) -> list[DeskEvent]:
    """The events that a person may see: their own, and what reviewers wrote who sent it back."""
    if sight.others:
        return list(events)
    return [e for e in events if e.actor.name == person.name or e.action == "send_back"]


def opinion_of(item: Item) -> Opinion:
    """The label as given and the model's opinion, from the row of the queue.

    Why a random row is there stays untold until it is settled.
    """
    facts: Mapping[str, Any] = item.facts
    reason = str(facts.get("reason") or "")
    secret = is_secret(reason, item.state)
    return Opinion(
        label=facts.get("label"),
        suggested=facts.get("suggested_label"),
        error_probability=None if secret else facts.get("error_probability"),
        reason=RANDOM_CHECK if secret else reason,
        why="" if secret else str(facts.get("why") or ""),
    )
