"""Two models on the same rows: what changed, by slice and metric, and whether it is shown.

What belongs here: the door `compare`, its checks and its table. What does not: how a change and
its limits are had (`burnish.slices.comparing_classes`, `burnish.slices.comparing_limits`), metrics
of one model (`burnish.slices.measuring`), what follows from a comparison
(`burnish.workflows.promote`), or which rows two iterations share
(`burnish.workflows.compare_iterations`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups
from burnish.metrics.paired_together import bonferroni
from burnish.slices.coded_rows import Rows
from burnish.slices.comparing_classes import CHANGES_OF_CLASSES
from burnish.slices.comparing_limits import Correction, Weighed, confidence_of_each
from burnish.slices.comparing_numbers import CHANGES_OF_NUMBERS
from burnish.slices.comparing_rows import (
    Changing,
    changes_of_classes,
    changes_of_numbers,
)
from burnish.slices.measures import NEED_PROBS
from burnish.slices.measuring import same_rows
from burnish.slices.partitions import Partition, SliceMask, SliceName, grouped_rows
from burnish.slices.significance import group_codes
from burnish.typing import Labels, PredProbs

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "mae", "rmse", "bias"})
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
    correction: Correction = "bonferroni",
    family: Literal["metric", "all"] = "metric",
    min_support: int = 20,
    positive: object = None,
    task: Literal["classification", "regression"] = "classification",
    groups: Labels | None = None,
    resamples: int = 4000,
    random_state: int = 0,
) -> Comparison:
    """Holds the predictions `after` against `before` on the same rows, by slice and metric.

    Metrics of classes mean what they mean in `slice_metrics`: accuracy, precision, recall, f1 (of
    `positive`, else means over the classes), f1_macro, auroc, log_loss, brier, ece; of numbers
    (`task="regression"`): mae, rmse, r2, and bias, here the size of the mean error. Both models
    are measured on one and the same rows, so that what is hard for both falls out:

    - accuracy, recall of `positive`: Tango's score interval (Tango 1998), one a slice.
    - log_loss, brier, mae: Student's interval of the mean difference, which allows for skewness.
    - precision, f1, means over classes, auroc (DeLong et al. 1988), rmse, r2: the same, of each
      row's part in the difference (delta method).
    - ece, bias: the same, widened by what noise alone may add to either of them.

    Two models that agree everywhere differ by 0, with the width that so few rows allow.

    `correction` says how the limits of one slice are widened to hold for all: "bonferroni", at
    1 - (1 - confidence) / m; "max-t", by the correlation of slices that share rows (`resamples`
    draws with `random_state`), narrower where slices overlap much; "none". The family is every
    slice given with enough rows, the whole among them if it is given, of one metric; with
    `family="all"`, of all metrics, and a finding anywhere is wrong at most as often as said.

    `finding` is "too few" below `min_support` rows that the metric speaks of (of a recall the
    positive ones; of a precision those called positive; of an auroc also below 10 of the rarer
    side). `uncertain` marks these, and changes that rest on fewer than 10 rows that changed where
    the limits are not Tango's. Of a loss, less is better, and the findings are so. Empty slices
    and what cannot be counted are null.

    `groups`, shape (n,), names what each row belongs to, where the rows of one patient or session
    stand or fall together: errors are added up by group, and support is counted in groups for the
    finding. Without both probabilities, what needs them is left out. Raises `DataError` where
    shapes differ, a label or a group is missing, or a metric is unknown.

    >>> from burnish.slices import everything
    >>> y = [0, 1] * 100
    >>> found = compare(y, [0] * 150 + y[150:], y, [everything(200)])
    >>> [(row["difference"], row["finding"]) for row in found.rows()]
    [(0.375, 'better')]
    """
    true, old, new = np.asarray(y_true), np.asarray(before), np.asarray(after)
    same_rows(true, old, slices)
    same_rows(true, new, slices)
    _check(metrics, task, (correction, family), (probs_before, probs_after))
    units = group_codes(groups, true.size).astype(np.int64)
    probs = None
    if probs_before is not None and probs_after is not None:
        probs = np.asarray(probs_before), np.asarray(probs_after)
    asked = [name for name in metrics if probs is not None or name not in NEED_PROBS]
    cuts = [grouped_rows(one) for one in slices]
    if true.size == 0 or not asked or not cuts:
        return Comparison(_unknown(cuts, asked), confidence, correction)
    changing = (
        changes_of_numbers(true, old, new)
        if task == "regression"
        else changes_of_classes(true, old, new, probs, classes=classes, positive=positive)
    )
    together = len(asked) if family == "all" and correction != "none" else 1
    columns: list[_Columns] = []
    for metric in asked:
        weighed = [
            _weighed(changing, metric, cut, None if groups is None else units, min_support)
            for cut in cuts
        ]
        each = confidence_of_each(
            weighed,
            units=int(units.max()) + 1,
            confidence=bonferroni(confidence, together),
            correction=correction,
            draws=resamples,
            random_state=random_state,
        )
        by_cut = zip(weighed, cuts, strict=True)
        columns.append(_joined([_columns(one, cut[1], confidence, each) for one, cut in by_cut]))
    return Comparison(_table(cuts, asked, columns), confidence, correction)


_Cut = tuple[Sequence[SliceName], Groups, Rows]
_Columns = dict[str, NDArray[Any]]


def _weighed(
    changing: Changing, metric: str, cut: _Cut, units: IntArray | None, min_support: int
) -> Weighed:
    _, groups, rows = cut
    own = np.arange(groups.codes.size, dtype=np.int64) if rows is None else rows
    return Weighed.of(
        changing(metric, groups, rows),
        groups,
        own.astype(np.int64) if units is None else units[own],
        clustered=units is not None,
        min_support=min_support,
    )


def _columns(weighed: Weighed, rows: Groups, confidence: float, each: float) -> _Columns:
    """The numbers of one metric on the slices of one slicing."""
    own, wide = weighed.limits(confidence, rows), weighed.limits(each, rows)
    change = weighed.change
    return {
        "before": change.before,
        "after": change.after,
        "difference": change.after - change.before,
        "low": own.low,
        "high": own.high,
        "low_all": wide.low,
        "high_all": wide.high,
        "few": weighed.few,
        "uncertain": weighed.uncertain,
    }


def _joined(parts: Sequence[_Columns]) -> _Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _table(cuts: Sequence[_Cut], metrics: Sequence[str], columns: Sequence[_Columns]) -> pa.Table:
    """A row a slice and metric: the metrics of a slice stand together."""
    names = [part for parts, _, _ in cuts for part in parts]
    words = [
        _findings(one["low_all"], one["high_all"], one["few"], metric in LOWER_IS_BETTER)
        for metric, one in zip(metrics, columns, strict=True)
    ]

    def woven(name: str) -> NDArray[Any]:
        return np.column_stack([one[name] for one in columns]).ravel()

    numbers = ("before", "after", "difference", "low", "high", "low_all", "high_all")
    supports = np.concatenate([groups.count() for _, groups, _ in cuts])
    data: dict[str, Any] = {
        "slice": [part.name for part in names for _ in metrics],
        "slice_id": [part.slice_id for part in names for _ in metrics],
        "metric": list(metrics) * len(names),
        "support": np.repeat(supports, len(metrics)),
        "finding": np.column_stack(words).ravel().tolist(),
        "uncertain": woven("uncertain"),
        **{name: woven(name) for name in numbers},
    }
    arrays = [pa.array(data[f.name], f.type, from_pandas=True) for f in COMPARISON_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=COMPARISON_SCHEMA)


def _findings(
    low: FloatArray, high: FloatArray, few: NDArray[np.bool_], lower_is_better: bool
) -> NDArray[Any]:
    up, down = ("worse", "better") if lower_is_better else ("better", "worse")
    return np.select([few, low > 0, high < 0], ["too few", up, down], "not shown")


def _unknown(cuts: Sequence[_Cut], metrics: Sequence[str]) -> pa.Table:
    rows = [
        {
            "slice": part.name,
            "slice_id": part.slice_id,
            "metric": metric,
            "support": 0,
            "finding": "too few",
            "uncertain": True,
        }
        for parts, _, _ in cuts
        for part in parts
        for metric in metrics
    ]
    return pa.Table.from_pylist(rows, COMPARISON_SCHEMA)


def _check(
    metrics: Sequence[str],
    task: str,
    together: tuple[str, str],
    probs: tuple[PredProbs | None, PredProbs | None],
) -> None:
    known = tuple(CHANGES_OF_NUMBERS if task == "regression" else CHANGES_OF_CLASSES)
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise DataError(f"metric {unknown[0]!r}", expected="one of: " + ", ".join(known))
    correction, family = together
    if correction not in {"max-t", "bonferroni", "none"}:
        raise DataError(f"correction {correction!r}", expected="max-t, bonferroni or none")
    if family not in {"metric", "all"}:
        raise DataError(f"family {family!r}", expected="metric or all")
    if (probs[0] is None) != (probs[1] is None):
        raise DataError(
            "the probabilities of one model alone",
            expected="probs_before and probs_after, or neither",
        )
