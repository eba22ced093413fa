"""What a policy's record leaves to go by: folding events into the state that a decision starts at.

What belongs here: the fold, and questions to the state it gives. What does not: deciding
(`burnish.policy.deciding`), or the record itself (`burnish.policy.sql`).

Nothing is kept between decisions but the record: the state is made of it anew each time, so that
a decision can be made again from the same events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from burnish.policy.periods import apart
from burnish.policy.records import CAUSES, Key, PolicyEvent, Signal
from burnish.spec.production import Action, Period

BY_POLICY = "policy"
"""Who closed an alarm, where the policy did: its signals were not over any more."""


@dataclass(frozen=True)
class Taken:
    """An action that was decided: for which rule, when, and for how many rows."""

    action: Action
    rule: str
    rows: int
    present: str


@dataclass
class Open:
    """An open alarm: which signals it is about, and which of them still stand."""

    number: int
    members: dict[Key, bool] = field(default_factory=dict[Key, bool])

    @property
    def over(self) -> bool:
        return not any(self.members.values())


@dataclass
class Standing:
    """Where things stand after some events.

    `present` is the newest window that was ever decided; `seen` what was measured of each signal,
    by window, of the model `champion`; `newest` the newest window of each signal and `latest` its
    value there; `quiet` the level of signals that a person overruled, `settled` the window up to
    which a person or another model has answered them.
    """

    every: Period = "day"
    present: str | None = None
    seen: dict[Key, dict[str, Signal]] = field(default_factory=dict[Key, dict[str, Signal]])
    newest: dict[Key, str] = field(default_factory=dict[Key, str])
    latest: dict[Key, float] = field(default_factory=dict[Key, float])
    open: dict[int, Open] = field(default_factory=dict[int, Open])
    quiet: dict[Key, float] = field(default_factory=dict[Key, float])
    settled: dict[Key, str] = field(default_factory=dict[Key, str])
    champion: int | None = None
    taken: list[Taken] = field(default_factory=list[Taken])
    last_number: int = 0

    def alarm_of(self, key: Key) -> Open | None:
        """The open alarm that a signal belongs to."""
        return next((one for one in self.open.values() if key in one.members), None)

    def windows(self, signal: Signal, period: str, *, champion: int | None) -> list[Signal]:
        """The windows of a signal up to this one, oldest first, this one as it is now.

        Windows in which it was not measured are not there: they speak neither for nor against.
        Nor do those of another model than `champion`, which is the one that serves now.
        """
        before = self.seen.get(signal.of, {}) if champion == self.champion else {}
        return [before[at] for at in sorted(before) if at < period] + [signal]

    def since(self, action: Action, present: str, *, cause: str | None = None) -> int | None:
        """Periods since an action was decided last (for one cause); None where it never was."""
        ago = [
            apart(one.present, present, self.every)
            for one in self.taken
            if one.action == action and cause in (None, CAUSES[one.rule])
        ]
        return min(ago, default=None)

    def asked_within(self, periods: int, present: str) -> int:
        """How many rows were asked for in so many periods up to `present`, itself included."""
        return sum(
            one.rows
            for one in self.taken
            if one.action == "label" and 0 <= apart(one.present, present, self.every) < periods
        )


def standing_after(events: Iterable[PolicyEvent], *, every: Period = "day") -> Standing:
    """The state that these events leave, in the order of their numbers."""
    state = Standing(every)
    for event in sorted(events, key=lambda one: one.seq):
        fold(state, event)
    return state


def fold(state: Standing, event: PolicyEvent) -> None:
    """Take one more event into the state."""
    if event.kind == "decided":
        _decided(state, event)
    elif event.kind == "opened" and event.alarm is not None:
        lead = Signal(**event.body["signal"]).of
        state.last_number = max(state.last_number, event.alarm)
        known = state.open.setdefault(event.alarm, Open(event.alarm))
        known.members.setdefault(lead, True)
    elif event.kind == "overruled" and event.alarm is not None:
        _overruled(state, event.alarm)
    elif event.kind == "closed" and event.alarm is not None:
        _closed(state, event.alarm, event.period, by_policy=event.body.get("by") == BY_POLICY)
    elif event.kind == "rebased":
        # Held against another reference, earlier windows are figures of something else.
        state.seen.clear()


def _decided(state: Standing, event: PolicyEvent) -> None:
    state.present = max(event.period, state.present or event.period)
    champion = event.body.get("facts", {}).get("champion")
    if champion != state.champion:
        # What another model did, or was compared with, says nothing of this one.
        state.seen.clear()
        state.champion = champion
    signals = [Signal(**one) for one in event.body.get("signals", [])]
    for signal, made in zip(signals, event.body.get("decisions", []), strict=True):
        key = signal.of
        state.seen.setdefault(key, {})[event.period] = signal
        state.newest[key] = max(event.period, state.newest.get(key, event.period))
        if state.newest[key] == event.period:
            state.latest[key] = signal.value
        if made["action"] in {"label", "retrain", "roll_back"}:
            state.taken.append(Taken(made["action"], signal.name, made["rows"], state.present))
        _joined(state, key, made["alarm"], made["number"])


def _joined(state: Standing, key: Key, change: str, number: int | None) -> None:
    if number is None:
        return
    if change in {"raise", "join", "keep"}:
        known = state.open.setdefault(number, Open(number))
        known.members[key] = True
        state.last_number = max(state.last_number, number)
        state.quiet.pop(key, None)
    elif change == "clear" and number in state.open:
        state.open[number].members[key] = False


def _overruled(state: Standing, number: int) -> None:
    known = state.open.get(number)
    for key in known.members if known else ():
        if key in state.latest:
            state.quiet[key] = state.latest[key]


def _closed(state: Standing, number: int, period: str, *, by_policy: bool) -> None:
    closed = state.open.pop(number, None)
    if closed is None or by_policy:
        return
    for key in closed.members:
        # What a person or a new model ended has to be shown anew, from here on.
        state.seen.pop(key, None)
        state.settled[key] = max(period, state.newest.get(key, period))
