"""Decisions as events: what is appended to the record, with all that a decision rested on.

What belongs here: the bodies of events. What does not: deciding (`burnish.policy.deciding`), or the
table they are kept in (`burnish.policy.sql`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from burnish.policy.records import Decision, Facts, PolicyEvent
from burnish.policy.sql import NewEvent
from burnish.policy.standing import BY_POLICY, Standing, fold
from burnish.spec.production import Period, Policy

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Inputs:
    """What a decision rested on, beside its signals. `sources` name the versions of the tables."""

    policy: Policy
    facts: Facts = field(default_factory=Facts)
    every: Period = "day"
    sources: Mapping[str, Any] = field(default_factory=dict[str, Any])


def policy_digest(policy: Policy) -> str:
    """A name for what a policy says, the same for equal policies.

    >>> policy_digest(Policy()) == policy_digest(Policy(min_labels=50))
    True
    """
    text = json.dumps(policy.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decided_body(decisions: Sequence[Decision], inputs: Inputs) -> dict[str, Any]:
    """The body of an event `decided`: all inputs, and one decision a signal in the same order."""
    return {
        "signals": [one.signal.to_json() for one in decisions],
        "decisions": [one.to_json() for one in decisions],
        "facts": inputs.facts.to_json(),
        "policy": inputs.policy.model_dump(mode="json"),
        "policy_digest": policy_digest(inputs.policy),
        "every": inputs.every,
        "sources": dict(inputs.sources),
    }


def events_of(
    decisions: Sequence[Decision], *, period: str, inputs: Inputs, state: Standing
) -> list[NewEvent]:
    """All that one look at a window appends: the decisions, alarms opened, and alarms closed.

    `state` is the one that was decided from; it is left as it is.
    """
    body = decided_body(decisions, inputs)
    events: list[NewEvent] = [("decided", period, None, body)]
    for one in decisions:
        if one.alarm == "raise":
            why = {"signal": one.signal.to_json(), "why": one.reason, "by": BY_POLICY}
            events.append(("opened", period, one.number, why))
    after = deepcopy(state)
    for event in events:
        fold(after, as_event(event))
    for number in sorted(number for number, one in after.open.items() if one.over):
        reasons = [one.reason for one in decisions if one.number == number and one.alarm == "clear"]
        why = "; ".join(reasons) or "none of its signals stands any more"
        events.append(("closed", period, number, {"why": why, "by": BY_POLICY}))
    return events


def as_event(new: NewEvent, *, seq: int = 0, dataset: str = "") -> PolicyEvent:
    """A new event as it would stand in the record, for folding it before it is written."""
    kind, period, alarm, body = new
    return PolicyEvent(dataset, seq, kind, period, alarm, _NEVER, body)
