"""A policy followed in memory: signals in, events kept as the record would keep them."""

from __future__ import annotations

from datetime import UTC, datetime

from burnish.policy import Facts, Inputs, Signal, decide, events_of, standing_after
from burnish.policy.periods import moved
from burnish.policy.recording import as_event

START = "2026-03-01"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def day(number):
    return moved(START, number)


def loss(value, *, key="", name="measured_loss", room=0.02, rows=400):
    basis = "labels" if name in {"measured_loss", "label_drift"} else "no labels"
    return Signal(name, key, value, value - room, value + room, rows, basis)


class Followed:
    """Decides window by window, and keeps what the record would."""

    def __init__(self, policy):
        self.policy, self.events = policy, []

    def take(self, new):
        self.events.append(as_event(new, seq=len(self.events) + 1, dataset="pets"))

    def look(self, number, *signals, facts=None):
        known = facts or Facts(new_labels=1000)
        period = day(number)
        made = decide(self.policy, signals, period=period, history=self.events, facts=known)
        state = standing_after(self.events)
        inputs = Inputs(self.policy, known)
        for new in events_of(made, period=period, inputs=inputs, state=state):
            self.take(new)
        return made

    def one(self, number, *signals, facts=None):
        [made] = self.look(number, *signals, facts=facts)
        return made

    def open(self):
        return sorted(standing_after(self.events).open)
