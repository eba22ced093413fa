"""Deciding by a policy: signals of a window and what was decided before, to what is done now.

What belongs here: the pure function `decide`. What does not: keeping decisions
(`burnish.policy.sql`), or carrying them out (`burnish.workflows.policy_actions`).
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.policy.records import Decision, Facts, PolicyEvent, Signal
from burnish.spec.production import Policy


def decide(
    policy: Policy,
    signals: Sequence[Signal],
    *,
    period: str,
    history: Sequence[PolicyEvent] = (),
    facts: Facts | None = None,
) -> list[Decision]:
    """One decision a signal, those to do nothing as well. The same inputs give the same answer.

    >>> signal = Signal("measured_loss", "", 0.09, 0.06, 0.12, 500, "labels")
    >>> [made] = decide(Policy(), [signal], period="2026-03-07", facts=Facts(new_labels=400))
    >>> made.action, made.alarm
    ('retrain', 'raise')
    """
    del history, period
    known = facts or Facts()
    made: list[Decision] = []
    for signal in signals:
        rule = policy.rule_of(signal.name)
        over = signal.low > rule.over
        starved = rule.action == "retrain" and known.new_labels < policy.min_labels
        acts = over and not starved
        made.append(
            Decision(
                signal,
                action=rule.action if acts else "watch" if over else "ignore",
                alarm="raise" if over else "none",
                rows=rule.rows if acts and rule.action == "label" else 0,
                reason=f"{signal.name} is {'' if over else 'not '}shown to be over {rule.over:g}",
                held_back=f"{known.new_labels} new labels" if over and starved else "",
            )
        )
    return made
