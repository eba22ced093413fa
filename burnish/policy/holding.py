"""Whether an action may be taken now: cool-down, budget, labels at hand, and one at a time.

What belongs here: which of the signals that are over acts, and what holds the others back. What
does not: whether a signal is over (`burnish.policy.deciding`), or acting
(`burnish.workflows.policy_actions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from burnish.policy.records import CAUSES, Facts, Key, Signal
from burnish.policy.standing import Standing
from burnish.spec.production import Action, Policy, Rule, SignalName

RANK: tuple[SignalName, ...] = (
    "measured_loss",
    "reports",
    "estimated_loss",
    "row_drift",
    "prediction_drift",
    "label_drift",
    "column_drift",
    "refused_data",
    "late_data",
)
"""The graver first: what labels say, before what is estimated, before what merely differs."""

Chosen: TypeAlias = dict[Key, tuple[Action, int, str]]
"""By signal: the action, for how many rows, and what held the rule's action back."""


@dataclass(frozen=True)
class Case:
    """What a decision rests on. `present` is the newest window that was ever decided, or this."""

    state: Standing
    policy: Policy
    period: str
    present: str
    facts: Facts

    def windows(self, signal: Signal) -> list[Signal]:
        """The windows of a signal up to this one that speak of the model that serves."""
        return self.state.windows(signal, self.period, champion=self.facts.champion)


def ranked(signals: Sequence[Signal]) -> list[Signal]:
    """The gravest first; the order they are given in has no say.

    >>> both = [Signal("row_drift", key, low, low, 1, 9, "no labels") for key, low in
    ...         (("a", 0.7), ("b", 0.8))]
    >>> [one.key for one in ranked(both)]
    ['b', 'a']
    """
    return sorted(signals, key=lambda one: (RANK.index(one.name), -one.low, one.key))


def actions_of(case: Case, over: Sequence[Signal]) -> Chosen:
    """What is done for the signals that are over: one action of a kind in a window."""
    made: Chosen = {}
    model_moves = False
    for action in ("roll_back", "retrain", "label"):
        acting: Signal | None = None
        for signal in ranked(over):
            rule = case.policy.rule_of(signal.name)
            if rule.action != action:
                continue
            held = _held_back(case, signal, rule)
            if not held and action == "retrain" and model_moves:
                held = "the model is rolled back in this window"
            if not held and acting is not None:
                held = f"another signal of this window acts: {_named(acting)}"
            if held:
                made[signal.of] = ("watch", 0, held)
                continue
            acting = signal
            rows = min(rule.rows, _budget_left(case)) if action == "label" else 0
            made[signal.of] = (rule.action, rows, "")
        model_moves = model_moves or (acting is not None and action == "roll_back")
    return made


def _held_back(case: Case, signal: Signal, rule: Rule) -> str:
    """Why the action of the rule is not taken now; empty where nothing holds it back."""
    ago = case.state.since(rule.action, case.present, cause=CAUSES[signal.name])
    if ago is not None and ago < rule.cooldown:
        return f"cool-down: done for this cause {ago} periods ago, again after {rule.cooldown}"
    if case.state.since(rule.action, case.present) == 0:
        return f"one {rule.action} a window: there was one in this"
    if rule.action == "label":
        return "" if _budget_left(case) > 0 else _spent(case.policy)
    if rule.action == "retrain":
        return _retrain_waits(case)
    return _no_way_back(case, signal)


def _retrain_waits(case: Case) -> str:
    policy, labels = case.policy, case.facts.new_labels
    if labels < policy.min_labels:
        return f"{labels} new labels, of {policy.min_labels} that a retrain takes"
    ago = case.state.since("retrain", case.present)
    if ago is not None and ago < policy.retrain_every:
        return f"retrained {ago} periods ago: at most once in {policy.retrain_every}"
    if case.state.since("roll_back", case.present) == 0:
        return "the model is rolled back in this window"
    return ""


def _no_way_back(case: Case, signal: Signal) -> str:
    facts = case.facts
    if signal.basis != "labels":
        return "no label says so: a model is rolled back on labels alone"
    if facts.champion_before is None:
        return "there is no earlier champion"
    if facts.champion_period is None or case.period < facts.champion_period:
        return "the window is older than the champion"
    if facts.worse_low is None:
        return "the champion before was not compared on the same rows"
    if facts.worse_low <= 0:
        return (
            f"the champion is not shown to be worse than the one before on the same "
            f"{facts.paired_rows} rows"
        )
    return ""


def _budget_left(case: Case) -> int:
    policy = case.policy
    asked = case.state.asked_within(policy.label_budget_periods, case.present)
    return max(0, policy.label_budget - asked)


def _spent(policy: Policy) -> str:
    return (
        f"the budget is spent: {policy.label_budget} rows in {policy.label_budget_periods} periods"
    )


def _named(signal: Signal) -> str:
    name = signal.name.replace("_", " ")
    return f"{name} of {signal.key}" if signal.key else name
