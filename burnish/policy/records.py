"""Signals, decisions and alarms: what a policy is asked, and what it answers.

What belongs here: frozen records. What does not: deciding (`burnish.policy.deciding`), keeping
them (`burnish.policy.sql`), or measuring a signal (`burnish.drift`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from burnish.spec.production import Action, SignalName

EventKind: TypeAlias = Literal[
    "decided",  # the policy looked at the signals of a window: its inputs, and what it decided
    "opened",  # an alarm was raised
    "acted",  # something was done for it: rows asked for, a retrain begun, a rollback
    "notified",  # somebody was told, or could not be
    "acknowledged",  # somebody has seen it, and is at it
    "overruled",  # a person said otherwise
    "closed",  # an alarm is over, and why
    "rebased",  # what is compared with changed: from this window on, it is another reference
]

AlarmChange: TypeAlias = Literal["none", "raise", "join", "keep", "clear"]

Key: TypeAlias = tuple[str, str]
"""Which signal: its name, and its key."""

CAUSES: Mapping[str, str] = {
    "column_drift": "rows",
    "prediction_drift": "rows",
    "row_drift": "rows",
    "estimated_loss": "rows",
    "label_drift": "labels",
    "measured_loss": "labels",
    "late_data": "delivery",
    "refused_data": "delivery",
    "reports": "reports",
}
"""Which signals rise for one cause: what is seen without labels is kept apart from what labels
say."""


@dataclass(frozen=True)
class Signal:
    """One thing that was measured of one window, with its interval and where it is greatest.

    `key` tells signals of one name apart: a column, a slice's id, a day; empty for all rows.
    `value`, `low` and `high` are in the unit of the signal; the policy looks at `low` (is it shown
    to be over) and `high` (can it still be). `basis` is `labels` where true labels say so, and
    `no labels` where it is estimated or of features alone.
    """

    name: SignalName
    key: str
    value: float
    low: float
    high: float
    rows: int
    basis: Literal["labels", "no labels"]
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def of(self) -> Key:
        """Name and key: what one alarm at most is open for."""
        return self.name, self.key

    def to_json(self) -> dict[str, Any]:
        """The signal as the record holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Facts:
    """What else a decision rests on: labels at hand, what is under way, which model serves.

    `worse_by` is how much accuracy the champion lost against the one before, on the same labelled
    rows that both were met after; `worse_low` its lower limit, `paired_rows` how many rows. None
    where that is not known.
    """

    new_labels: int = 0
    iteration_open: bool = False
    champion: int | None = None
    champion_before: int | None = None
    champion_period: str | None = None  # the period in which the champion was promoted
    worse_by: float | None = None
    worse_low: float | None = None
    paired_rows: int = 0

    def to_json(self) -> dict[str, Any]:
        """The facts as the record holds them."""
        return asdict(self)


@dataclass(frozen=True)
class PolicyEvent:
    """One line of the record: numbered by dataset, timed in UTC, never changed.

    `period` is the last period of the window that it is about (2026-03-07, say); `alarm` the
    number of an alarm, None for what belongs to none. `body` holds what its kind needs.
    """

    dataset: str
    seq: int
    kind: EventKind
    period: str
    alarm: int | None
    at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What the policy says of one signal in one window, and why; `action` may be to do nothing.

    `alarm` is what becomes of the alarm of this signal: none; raise (a new one); join (it is
    evidence of another signal's alarm); keep; clear. `number` is that alarm. `held_back` says why
    an action that the rule names is not taken (cool-down, budget, no labels), else empty.
    """

    signal: Signal
    action: Action
    alarm: AlarmChange
    rows: int
    reason: str
    held_back: str = ""
    number: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The decision as the record holds it, beside its signal."""
        told = asdict(self)
        del told["signal"]
        return told


@dataclass(frozen=True)
class Alarm:
    """An alarm as its events have left it.

    `signal` is what it was raised for, as it stood then; `evidence` the other signals that were
    taken for the same cause. `overruled` says that a person closed it as none.
    """

    dataset: str
    number: int
    signal: Signal
    opened: str  # the period
    opened_at: datetime
    closed_at: datetime | None
    why_closed: str
    events: tuple[PolicyEvent, ...]
    evidence: tuple[Signal, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def overruled(self) -> bool:
        return any(event.kind == "overruled" for event in self.events)

    @property
    def status(self) -> str:
        """One word for lists: open, acknowledged, overruled or closed."""
        if self.is_open:
            seen = any(event.kind == "acknowledged" for event in self.events)
            return "acknowledged" if seen else "open"
        return "overruled" if self.overruled else "closed"
