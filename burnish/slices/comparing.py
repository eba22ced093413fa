"""Two models on the same rows: what changed, by slice and metric, and whether it is shown.

What belongs here: the door `compare`, its checks and its table. What does not: metrics of one
model (`burnish.slices.measuring`), what follows from a comparison (`burnish.workflows.promote`),
or which rows two iterations share (`burnish.workflows.compare_iterations`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from burnish.errors import DataError
from burnish.metrics import paired_difference
from burnish.slices.partitions import Partition, SliceMask
from burnish.typing import Labels, PredProbs

Finding = Literal["better", "worse", "not shown", "too few"]

COMPARISON_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("metric", pa.string()),
        ("support", pa.int64()),
        ("before", pa.float64()),
        ("after", pa.float64()),
        ("difference", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("low_all", pa.float64()),
        ("high_all", pa.float64()),
        ("finding", pa.string()),
        ("uncertain", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of two models: a row a slice and metric, columns of COMPARISON_SCHEMA.

    difference = after - before, in the metric's own unit (of a loss, less is better). `low` and
    `high` are the paired limits of this slice alone; `low_all` and `high_all` hold for all slices
    of the metric at once, and `finding` is read off these: better, worse, not shown, too few.
    """

    table: pa.Table
    confidence: float
    correction: str

    def to_table(self) -> pa.Table:
        return self.table

    def rows(
        self, *, metric: str | None = None, finding: Finding | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows of a metric and of a finding (None: of all), in the order of the table."""
        for row in self.table.to_pylist():
            if metric in {None, row["metric"]} and finding in {None, row["finding"]}:
                yield row


def compare(
    y_true: Labels,
    before: Labels,
    after: Labels,
    slices: Sequence[SliceMask | Partition],
    *,
    probs_before: PredProbs | None = None,
    probs_after: PredProbs | None = None,
    classes: Sequence[object] | None = None,
    metrics: Sequence[str] = ("accuracy",),
    confidence: float = 0.95,
    correction: Literal["max-t", "bonferroni", "none"] = "bonferroni",
    min_support: int = 20,
    resamples: int = 1000,
    random_state: int = 0,
) -> Comparison:
    """Holds the predictions `after` against `before` on the same rows, by slice and metric."""
    del probs_before, probs_after, classes, resamples, random_state
    if tuple(metrics) != ("accuracy",):
        raise DataError(f"metrics {tuple(metrics)}", expected="('accuracy',)")
    true, old, new = np.asarray(y_true), np.asarray(before), np.asarray(after)
    masks = [
        one for cut in slices for one in ([cut] if isinstance(cut, SliceMask) else cut.masks())
    ]
    level = confidence if correction == "none" else 1 - (1 - confidence) / max(1, len(masks))
    rows: list[dict[str, Any]] = []
    for one in masks:
        a, b = (new == true)[one.mask], (old == true)[one.mask]
        own = paired_difference(a, b, confidence=confidence)
        wide = paired_difference(a, b, confidence=level)
        few = one.support < min_support
        known = bool(one.support)
        word = "too few" if few else "worse" if wide.high < 0 else "better" if wide.low > 0 else ""
        rows.append(
            {
                "slice": one.name,
                "slice_id": one.slice_id,
                "metric": "accuracy",
                "support": one.support,
                "before": float(b.mean()) if known else None,
                "after": float(a.mean()) if known else None,
                "difference": own.value if known else None,
                "low": own.low,
                "high": own.high,
                "low_all": wide.low,
                "high_all": wide.high,
                "finding": word or "not shown",
                "uncertain": few,
            }
        )
    return Comparison(pa.Table.from_pylist(rows, COMPARISON_SCHEMA), confidence, correction)
