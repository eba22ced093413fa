"""Metrics on each slice, as one long table.

What belongs here: the door `slice_metrics`, checking what it is given, and its table. What does
not: the metrics (`burnish.slices.measures`, `burnish.slices.measures_of_numbers`), nor which
slices there are (`burnish.slices.resolving`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import IntArray
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import Estimates
from burnish.slices.coded_rows import classified, regressed
from burnish.slices.measures import CLASSIFIED, NEED_PROBS, Measured
from burnish.slices.measures_of_numbers import REGRESSED
from burnish.slices.own_metrics import OwnMetric, bootstrapped
from burnish.slices.partitions import Partition, SliceMask, SliceName, grouped_rows
from burnish.typing import Labels, PredProbs

SLICE_METRICS: tuple[str, ...] = ("accuracy", "f1_macro", "log_loss", "ece")
"""What is measured of classes where nothing is asked for."""
REGRESSION_METRICS: tuple[str, ...] = ("mae", "rmse", "bias", "r2")
MIN_ROWS, MIN_RARER = 30, 10
"""Below either, a value is marked `uncertain`: the limits were not shown to hold there."""

SLICE_METRICS_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("support", pa.int64()),
        ("uncertain", pa.bool_()),
    ]
)


def slice_metrics(
    y_true: Labels,
    y_pred: Labels,
    slices: Sequence[SliceMask | Partition],
    *,
    pred_probs: PredProbs | None = None,
    classes: Sequence[object] | None = None,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    positive: object = None,
    task: Literal["classification", "regression"] = "classification",
    own: Mapping[str, OwnMetric] | None = None,
    resamples: int = 500,
    random_state: int = 0,
) -> pa.Table:
    """One row a slice and metric: slice, slice_id, metric, value, low, high, support, uncertain.

    Of classes (`SLICE_METRICS` where `metrics` is None):

    - accuracy: share predicted right; Wilson's interval.
    - precision, recall, f1: of `positive`, by Wilson's interval (f1 through the hits' share of
      what is called positive by either side); without `positive`, their mean over the classes
      that occur in the slice. f1_macro is that mean always.
    - auroc: of `positive` against the rest, else the mean over the classes; DeLong's variance.
    - log_loss (nats), brier (in [0, 2]): means of the rows; Student's interval, which allows for
      their skewness.
    - ece: calibration error over bins of equal mass. It has no interval (null): it is biased
      upwards in small slices, and resampling adds to the bias.
    - support: the rows of the slice.

    Of numbers (`task="regression"`, all of `REGRESSION_METRICS` by default): mae, rmse, bias
    (predicted - true), in the unit of the target, and r2; the interval of the mean behind each.

    `own` gives metrics of your own by name: `(y_true, y_pred, probs or None) -> float` on the rows
    of one slice, with the percentile interval of `resamples` bootstrap samples (Efron 1979) drawn
    by `random_state`.

    Means over classes and auroc use the delta method inside [0, 1]
    (`burnish.metrics.limits.bounded_limits`). `pred_probs` has shape (n, K), columns as `classes`;
    without it, what needs it is left out. An empty slice, or one where a metric has nothing to
    count, has null for its value: unknown, never zero. `uncertain` marks values of fewer than 30
    rows, or where the rarer outcome that the limits rest on (right or wrong, hit or miss, class
    or rest) was seen fewer than 10 times. A `Partition` is measured in one pass over the rows.
    Raises `DataError` where shapes differ, a label is missing or a metric is unknown.

    >>> from burnish.slices import everything
    >>> table = slice_metrics(["a", "b"], ["a", "a"], [everything(2)], metrics=["accuracy"])
    >>> table.to_pylist()[0]["value"], table.to_pylist()[0]["support"]
    (0.5, 2)
    """
    regression = task == "regression"
    known = tuple(REGRESSED if regression else CLASSIFIED)
    asked = (REGRESSION_METRICS if regression else SLICE_METRICS) if metrics is None else metrics
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    same_rows(true, predicted, slices)
    _known_metrics(asked, known, own or {})
    probs = None if pred_probs is None else np.asarray(pred_probs)
    measure: Callable[[Groups, NDArray[np.intp] | None], Mapping[str, Measured]]
    if true.size == 0:
        measure = _nothing(asked)
    elif regression:
        measure = regressed(true, predicted, metrics=asked, confidence=confidence)
    else:
        measure = classified(
            true,
            predicted,
            probs,
            classes=classes,
            metrics=[name for name in asked if probs is not None or name not in NEED_PROBS],
            positive=positive,
            confidence=confidence,
        )
    extra = bootstrapped(
        (true, predicted, probs),
        own or {},
        confidence=confidence,
        resamples=resamples,
        random_state=random_state,
    )
    blocks: list[_Block] = []
    for parts, groups, rows in map(grouped_rows, slices):
        found = {**measure(groups, rows), **extra(groups, rows)}
        blocks.append(_block(parts, groups.count(), found))
    return _table(blocks)


_Block = Mapping[str, Sequence[str] | NDArray[Any]]
"""The columns of the rows of one slicing, slice by slice."""


def _block(parts: Sequence[SliceName], support: IntArray, found: Mapping[str, Measured]) -> _Block:
    def side_by_side(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.column_stack(columns).ravel() if columns else np.zeros(0)

    measured = list(found.values())
    few = support < MIN_ROWS
    return {
        "slice": [part.name for part in parts for _ in found],
        "slice_id": [part.slice_id for part in parts for _ in found],
        "metric": list(found) * len(parts),
        "value": side_by_side([one.found.value for one in measured]),
        "low": side_by_side([one.found.low for one in measured]),
        "high": side_by_side([one.found.high for one in measured]),
        "support": np.repeat(support, len(measured)),
        "uncertain": side_by_side(
            [few if one.rarer is None else few | (one.rarer < MIN_RARER) for one in measured]
        ).astype(bool),
    }


def _table(blocks: Sequence[_Block]) -> pa.Table:
    columns = {
        field.name: pa.chunked_array(
            [pa.array(block[field.name], field.type, from_pandas=True) for block in blocks],
            field.type,
        ).combine_chunks()
        for field in SLICE_METRICS_SCHEMA
    }
    return pa.table(columns, schema=SLICE_METRICS_SCHEMA)


def _nothing(
    metrics: Sequence[str],
) -> Callable[[Groups, NDArray[np.intp] | None], Mapping[str, Measured]]:
    def measure(groups: Groups, _: NDArray[np.intp] | None) -> Mapping[str, Measured]:
        unknown = np.full(groups.size, np.nan)
        return {name: Measured(Estimates(unknown, unknown, unknown)) for name in metrics}

    return measure


def same_rows(
    true: NDArray[np.generic],
    predicted: NDArray[np.generic],
    slices: Sequence[SliceMask | Partition],
) -> None:
    """Refuses labels, predictions and slices of different rows."""
    for part in slices:
        mask = isinstance(part, SliceMask)
        shape = part.mask.shape if mask else part.codes.shape
        name = part.name if mask else ", ".join(one.name for one in part.parts[:1])
        if shape != true.shape or true.shape != predicted.shape:
            raise DataError(
                f"slice {name!r} has a mask of shape {shape}, the labels have "
                f"{true.shape} and the predictions {predicted.shape}",
                expected="one shape (n,) for all",
                hint="resolve the slices on the very rows that were predicted",
            )


def _known_metrics(
    metrics: Sequence[str], known: Sequence[str], own: Mapping[str, OwnMetric]
) -> None:
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise DataError(f"metric {unknown[0]!r}", expected="one of: " + ", ".join(known))
    taken = [name for name in own if name in known]
    if taken:
        raise DataError(f"a metric of your own is called {taken[0]!r}", expected="another name")
