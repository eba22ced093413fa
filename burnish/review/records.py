"""The frozen records that the desk's parts speak of.

What belongs here: plain immutable data. What does not: the life of an item
(`burnish.review.states`), the database (`burnish.review.desk`), or what a page shows
(`burnish.review.contexts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from burnish.records import Decision, Watermark
from burnish.spec import Priority, Promises

Role = Literal["annotator", "reviewer", "admin"]
State = Literal["open", "rework", "disagreed", "submitted", "settled", "withdrawn"]
Action = Literal[
    "answer", "undo", "approve", "send_back", "decide", "release", "withdraw", "restore"
]
Assign = Literal["nobody", "round_robin", "skill"]
PolicyName = Literal["single", "double_blind", "n_of_m"]
ROLES_HINT = "an admin gives out roles"
"""What to do about something that one may not do."""


@dataclass(frozen=True)
class Policy:
    """How many people answer an item, how many must agree, and whether a reviewer approves.

    >>> Policy().name, Policy(answers=2, agree=2).name, Policy(answers=3, agree=2).name
    ('single', 'double_blind', 'n_of_m')
    """

    answers: int = 1
    agree: int = 1
    approval: bool = False

    @property
    def name(self) -> PolicyName:
        if self.answers == 1:
            return "single"
        return "double_blind" if self.answers == self.agree == 2 else "n_of_m"


@dataclass(frozen=True)
class Person:
    """Who acts at the desk. A `simulated` one is marked so wherever it appears."""

    name: str
    role: Role
    simulated: bool = False


@dataclass(frozen=True)
class Said:
    """What a person says of an item, before it is stored.

    `label` is the label that the example has: with the decision `keep` or `change` (which of the
    two it is follows from the label as it stands), else None. `seconds` is the time it took,
    `shown` whether label and model's opinion were on the screen before the answer.
    """

    decision: Decision
    label: str | None = None
    comment: str = ""
    seconds: float | None = None
    shown: bool = False

    @property
    def meaning(self) -> str | None:
        """The label that is meant, or the word `drop`; None for `unsure`, which means neither."""
        if self.decision == "drop":
            return "\0drop"
        return self.label if self.decision in {"keep", "change"} else None


@dataclass(frozen=True)
class Origin:
    """Where an answer was given that did not come in at the desk itself.

    `tool` is the labeling tool, `task` and `annotation` are its own numbers (empty where it has
    none), `answered_at` is its time of the answer (None where it tells none).
    """

    tool: str
    task: str = ""
    annotation: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True)
class DeskEvent:
    """One thing that was done to an item at the desk; append-only, numbered over all items.

    `said` is there for `answer` and `decide`; `undoes` names the answer that an `undo` takes back.
    `round` is the item's, when it was done. `ledger_events` are the numbers of what it appended to
    the ledger, `guide` the version of the labeling guide that it was said under. `origin` is
    there for an answer that was brought from another tool.
    """

    seq: int
    example_id: str
    actor: Person
    action: Action
    at: datetime
    said: Said | None = None
    comment: str = ""
    undoes: int | None = None
    round: int = 1
    ledger_events: tuple[int, ...] = ()
    guide: int | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class OpenBatch:
    """The batch of the open iteration of a dataset, as the loop published it.

    `promises` are those of the spec now; what came to the desk before keeps what it was given.
    """

    dataset: str
    iteration: int
    watermark: Watermark
    queue_version: int
    policy: Policy
    classes: tuple[str, ...]
    owner: str = ""
    shown_share: float = 0.0
    assign: Assign = "nobody"
    promises: Promises | None = None


@dataclass(frozen=True)
class Item:
    """One row of a batch at the desk.

    `answers` counts those of this round that stand, `places` how many more people may have it
    before them at once. `note` is what a reviewer wrote who sent it back. `facts` is the row of the
    queue: reason, why, label, suggested_label and the rest. `due_at` is by when it was promised.
    """

    dataset: str
    iteration: int
    example_id: str
    position: int
    state: State
    round: int
    answers: int
    last_seq: int
    updated_at: datetime
    assignee: str = ""
    note: str = ""
    places: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    priority: Priority = "normal"
    due_at: datetime | None = None


@dataclass(frozen=True)
class Lease:
    """An item that is before one person: nobody else gets this place until it ends.

    An answer names the `token`; it is taken while nobody else has been given the place.
    """

    token: str
    item: Item
    person: str
    taken_at: datetime
    expires_at: datetime
    shown: bool = False


@dataclass(frozen=True)
class Answered:
    """What came of an answer or a reviewer's action: the event, and the item after it.

    `known` says that the very same had been taken before. `ledger_events` are the numbers of the
    ledger's events that settled the item, if it did.
    """

    event: DeskEvent
    item: Item
    known: bool = False
    ledger_events: tuple[int, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a batch is: items by state, and of each person the answers in it that stand.

    `final` counts the items that a reviewer settled, where several people are asked.
    """

    batch: OpenBatch
    states: Mapping[State, int]
    leased: int
    by_person: Mapping[str, int]
    final: int = 0

    @property
    def total(self) -> int:
        return sum(self.states.values()) - self.states.get("withdrawn", 0)

    @property
    def settled(self) -> int:
        return self.states.get("settled", 0)


@dataclass(frozen=True)
class Filters:
    """Which items of a batch are listed; what is empty filters nothing."""

    states: tuple[State, ...] = ()
    reason: str = ""
    slice_name: str = ""
    label: str = ""
    suggested: str = ""
    assignee: str = ""
    text: str = ""
    min_age_hours: float = 0.0
