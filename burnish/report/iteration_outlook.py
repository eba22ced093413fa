"""What an iteration's report cannot say, and what its figures suggest to do next.

What belongs here: sentences about limits and the next step, made of `IterationFacts` alone. What
does not: what happened (`burnish.report.iteration_words`).
"""

from __future__ import annotations

from burnish.report.iteration_facts import IterationFacts
from burnish.report.iteration_words import STAGES, brief, counted, named

SMALL_EXPECTED = 0.005


def limits(facts: IterationFacts) -> tuple[str, ...]:
    """Those limits that apply to this very iteration."""
    said: list[str] = []
    if facts.changes.simulated:
        whose = "The" if facts.changes.simulated == "all" else "Some of the"
        said.append(
            f"{whose} decisions were drawn by a program that stands in for people. Real people "
            "tire, err more on hard rows, and agree with a suggestion more often."
        )
    said.append(
        "Accuracy is against the labels of the held-out rows, errors and all: where such a label "
        "is wrong, a model that is right is counted wrong."
    )
    said.append(
        "Intervals cover the draw of the rows measured, not the randomness of training: the model "
        "was trained once."
    )
    if facts.number > 1:
        said.append(
            "The held-out rows are the same in every iteration. A choice made by looking at them "
            "over and over makes the last figure look better than it is."
        )
    if facts.effect is not None and facts.effect.split == "validation":
        said.append(
            "There are no test rows, so the effect is shown on the validation rows that the "
            "decision looked at too."
        )
    said.append(_noise_limit(facts))
    return (*said, *facts.notes)


def _noise_limit(facts: IterationFacts) -> str:
    if facts.noise.value is None:
        return (
            "How many labels are still wrong is not known: no row was drawn at random and decided."
        )
    known = "gold items, which are few, too" if facts.noise.corrected else "reviewers being right"
    return (
        f"What is left of wrong labels is estimated from few rows ({facts.noise.basis}), and "
        f"rests on {known}."
    )


def what_next(facts: IterationFacts) -> tuple[str, ...]:
    """What the figures suggest to do now."""
    said: list[str] = []
    if not facts.decision.promoted:
        said.append(
            "The champion before goes on serving. Look at what got worse, and at the labels "
            "changed there, before the next batch."
        )
    said.append(_next_labels(facts))
    effect = facts.effect
    if effect is not None:
        worse = [brief(line.slice) for line in effect.found("worse")]
        few = [brief(line.slice) for line in effect.found("too few")]
        if worse:
            said.append(f"Have rows of {named(worse)} looked at first.")
        if few:
            said.append(f"Hold out more rows of {named(few)}: there are too few to judge by.")
    found = facts.calibration
    if found is not None and found.advice not in {"", "identity"}:
        said.append(f"Recalibrate before probabilities are used ({found.advice}).")
    away = [gate for gate in facts.gates if gate.turned_away]
    if away:
        said.append(
            "Mend at the source what gates turned away: "
            + named(f"{counted(g.turned_away, 'row')} of {STAGES[g.stage]}" for g in away)
            + "."
        )
    return tuple(said)


def _next_labels(facts: IterationFacts) -> str:
    noise = facts.noise
    if noise.value is None:
        return "Have some rows drawn at random decided, so that the labels left wrong are known."
    what = "still wrong" if noise.corrected else "such that reviewers would change them"
    low, value, high = (
        round(noise.rows * share)
        for share in (noise.value.low, noise.value.value, noise.value.high)
    )
    said = (
        f"About {value:,} of {noise.rows:,} training labels are estimated to be {what} "
        f"({low:,} to {high:,})"
    )
    if noise.value.high < SMALL_EXPECTED:
        return f"{said}: further reviews will find little."
    if noise.value.low == 0.0:
        return f"{said}: go on reviewing, and have more rows drawn at random, which narrows that."
    return f"{said}: go on reviewing."
