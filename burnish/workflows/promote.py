"""Promote: whether a new model takes the place of the one that serves.

What belongs here: the rule and its reasons. What does not: training (`burnish.workflows.train`),
the paired interval (`burnish.metrics`), nor moving any alias (the tracker does that).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from burnish.metrics import paired_difference

RULE = (
    "promoted unless its validation accuracy is worse with 95 % confidence: both models on the "
    "same validation rows with their current labels, Tango's paired interval of the difference "
    "wholly below zero"
)


@dataclass(frozen=True)
class Promotion:
    """Whether the challenger was promoted, by which rule, and why.

    `difference` is the challenger's accuracy minus the incumbent's on `rows` common validation
    rows, `low` and `high` its paired 95 % interval; None where there was nothing to compare.
    """

    promoted: bool
    rule: str
    reason: str
    difference: float | None
    low: float | None
    high: float | None
    rows: int


def decide_promotion(challenger: pa.Table, incumbent: pa.Table | None) -> Promotion:
    """Holds the challenger's predictions against the incumbent's.

    Both are tables of predictions (example_id, split, label, predicted). They are compared on the
    validation rows of the challenger that the incumbent predicted too, each held against the
    challenger's labels: those are current, and the incumbent's may be from before they were
    mended. An incumbent's row that has since left the validation split counts for nothing.

    >>> rows = {"example_id": ["1", "2"], "split": ["validation"] * 2, "label": ["a", "b"]}
    >>> found = decide_promotion(pa.table({**rows, "predicted": ["a", "b"]}), None)
    >>> found.promoted, found.reason
    (True, 'the first model: there is none to compare with')
    """
    if incumbent is None:
        return _without_comparison("the first model: there is none to compare with")
    theirs: dict[str, str] = dict(
        zip(incumbent["example_id"].to_pylist(), incumbent["predicted"].to_pylist(), strict=True)
    )
    common = [
        row
        for row in challenger.select(["example_id", "split", "label", "predicted"]).to_pylist()
        if row["split"] == "validation" and row["example_id"] in theirs
    ]
    rows = len(common)
    if rows == 0:
        return _without_comparison("no validation row in common: nothing shows that it is worse")
    found = paired_difference(
        [row["predicted"] == row["label"] for row in common],
        [theirs[row["example_id"]] == row["label"] for row in common],
    )
    return Promotion(
        promoted=not found.high < 0,
        rule=RULE,
        reason=_reason(found.value, found.low, found.high, rows=rows),
        difference=found.value,
        low=found.low,
        high=found.high,
        rows=rows,
    )


def _without_comparison(reason: str) -> Promotion:
    return Promotion(
        promoted=True, rule=RULE, reason=reason, difference=None, low=None, high=None, rows=0
    )


def _reason(value: float, low: float, high: float, *, rows: int) -> str:
    word = "worse" if high < 0 else "better" if low > 0 else "not shown to be worse"
    return (
        f"{word}: accuracy {100 * value:+.1f} points on {rows} common validation rows "
        f"(95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
    )
