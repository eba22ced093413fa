"""Signals in words, for who is told of them.

What belongs here: what each signal is called, in which unit, and a sentence of one. What does not:
what to do about it (`burnish.policy.playbooks`), or a page (`burnish.report.playbook_page`).
"""

from __future__ import annotations

from collections.abc import Mapping

from burnish.policy.records import Signal
from burnish.spec.production import SignalName

TITLES: Mapping[SignalName, str] = {
    "column_drift": "A column has changed",
    "prediction_drift": "The model's answers have changed",
    "label_drift": "The mix of true labels has changed",
    "row_drift": "Rows look different from those the model learned from",
    "estimated_loss": "The model is estimated to have become less accurate",
    "measured_loss": "The model has become less accurate, as labels show",
    "late_data": "Data is late",
    "refused_data": "A delivery was refused",
    "reports": "Users reported wrong answers",
}

EFFECTS: Mapping[str, str] = {
    "ks": "greatest gap between the two distributions (0: the same, 1: apart)",
    "total_variation": "share of rows that would have to change to make the two alike",
    "missing": "change in the share of missing values",
    "new": "share of rows with a value never seen before",
    "auroc": "how well new and old rows can be told apart (0.5: not at all, 1: always)",
}
"""What an effect size means."""


def subject_of(signal: Signal) -> str:
    """What a signal is about: a column, a slice, a day, or all rows.

    >>> subject_of(Signal("column_drift", "age", 0.3, 0.2, 0.4, 90, "no labels"))
    'the column age'
    """
    if signal.name == "column_drift":
        return f"the column {signal.key}"
    if signal.name in {"estimated_loss", "measured_loss"} and signal.key:
        return f"the slice {signal.where.get('slice', signal.key)}"
    if signal.name in {"late_data", "refused_data"}:
        return f"the period {signal.key}"
    return f"the model's {signal.key}" if signal.key else "all rows"


def figure_of(signal: Signal) -> str:
    """The figure with its interval, in its unit.

    >>> figure_of(Signal("measured_loss", "", 0.091, 0.06, 0.12, 500, "labels"))
    '9.1 points of accuracy (6.0 to 12.0)'
    """
    if signal.name in {"estimated_loss", "measured_loss"}:
        value, low, high = (100 * one for one in (signal.value, signal.low, signal.high))
        return f"{value:.1f} points of accuracy ({low:.1f} to {high:.1f})"
    if signal.name in {"late_data", "refused_data"}:
        return "yes" if signal.value else "no"
    if signal.name == "reports":
        return f"{signal.value:.0f} rows"
    return f"{signal.value:.2f} ({signal.low:.2f} to {signal.high:.2f})"


def alarm_sentence(signal: Signal) -> str:
    """An alarm in a sentence.

    >>> alarm_sentence(Signal("late_data", "2026-03-07", 1.0, 1.0, 1.0, 0, "no labels"))
    'Data is late: the period 2026-03-07.'
    """
    said = f"{TITLES[signal.name]}: {subject_of(signal)}"
    if signal.name in {"late_data", "refused_data"}:
        return f"{said}."
    return (
        f"{said}, by {figure_of(signal)}."
        if signal.name != "reports"
        else (f"{TITLES[signal.name]}: {figure_of(signal)}.")
    )
