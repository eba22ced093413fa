"""Metrics on each slice, as one long table.

What belongs here: which metrics a slice is given, and with which interval. What does not: the
metrics (`burnish.metrics`), nor which slices there are (`burnish.slices.resolving`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics import (
    Interval,
    accuracy,
    expected_calibration_error,
    f1_macro,
    log_loss,
    wilson_interval,
)
from burnish.slices.resolving import SliceMask
from burnish.typing import Labels, PredProbs

SLICE_METRICS: tuple[str, ...] = ("accuracy", "f1_macro", "log_loss", "ece")
_NEED_PROBS = frozenset({"log_loss", "ece"})

SLICE_METRICS_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("support", pa.int64()),
    ]
)


def slice_metrics(
    y_true: Labels,
    y_pred: Labels,
    slices: Sequence[SliceMask],
    *,
    pred_probs: PredProbs | None = None,
    classes: Sequence[object] | None = None,
    metrics: Sequence[str] = SLICE_METRICS,
    confidence: float = 0.95,
) -> pa.Table:
    """One row a slice and metric: slice, slice_id, metric, value, low, high, support.

    - accuracy: share predicted right, with Wilson's interval.
    - f1_macro: mean F1 of the classes that occur in the slice, by label or prediction.
    - log_loss: mean in nats, with the normal interval of a mean.
    - ece: calibration error over bins of equal mass.

    f1_macro and ece have no interval (null). log_loss and ece are left out where `pred_probs`
    (shape (n, K), columns as `classes`) is not given. An empty slice has null for its value and
    support 0: unknown, never zero. Raises `DataError` where shapes differ or a metric is unknown.

    >>> from burnish.slices import everything
    >>> table = slice_metrics(["a", "b"], ["a", "a"], [everything(2)], metrics=["accuracy"])
    >>> table.to_pylist()[0]["value"], table.to_pylist()[0]["support"]
    (0.5, 2)
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    _check(true, predicted, slices, metrics)
    if pred_probs is not None and classes is None:
        raise DataError("pred_probs without classes", expected="the classes of its columns")
    wanted = [name for name in metrics if pred_probs is not None or name not in _NEED_PROBS]
    rows: list[dict[str, object]] = []
    for part in slices:
        probs = None if pred_probs is None else np.asarray(pred_probs)[part.mask]
        for name in wanted:
            found = _measure(
                name,
                true[part.mask],
                predicted[part.mask],
                probs,
                classes=classes or (),
                confidence=confidence,
            )
            rows.append(
                {
                    "slice": part.name,
                    "slice_id": part.slice_id,
                    "metric": name,
                    "value": _null_for_nan(found.value),
                    "low": _null_for_nan(found.low),
                    "high": _null_for_nan(found.high),
                    "support": part.support,
                }
            )
    return pa.Table.from_pylist(rows, schema=SLICE_METRICS_SCHEMA)


def _measure(
    name: str,
    true: NDArray[np.generic],
    predicted: NDArray[np.generic],
    probs: PredProbs | None,
    *,
    classes: Sequence[object],
    confidence: float,
) -> Interval:
    unknown = float("nan")
    if true.size == 0:
        return Interval(unknown, unknown, unknown)
    if name == "accuracy":
        accuracy(true, predicted)  # refuses missing labels
        return wilson_interval(int((true == predicted).sum()), true.size, confidence=confidence)
    if name == "f1_macro":
        return Interval(f1_macro(true, predicted), unknown, unknown)
    assert probs is not None
    if name == "ece":
        return Interval(expected_calibration_error(true, probs, classes=classes), unknown, unknown)
    return _mean_log_loss(true, probs, classes, confidence)


def _mean_log_loss(
    true: NDArray[np.generic], probs: PredProbs, classes: Sequence[object], confidence: float
) -> Interval:
    value = log_loss(true, probs, classes=classes)
    if true.size < 2:
        return Interval(value, float("nan"), float("nan"))
    place = {label: position for position, label in enumerate(classes)}
    own = probs[np.arange(true.size), [place[label] for label in true.tolist()]]
    losses = -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * losses.std(ddof=1) / sqrt(true.size)
    return Interval(value, max(0.0, value - half), value + half)


def _check(
    true: NDArray[np.generic],
    predicted: NDArray[np.generic],
    slices: Sequence[SliceMask],
    metrics: Sequence[str],
) -> None:
    for part in slices:
        if part.mask.shape != true.shape or true.shape != predicted.shape:
            raise DataError(
                f"slice {part.name!r} has a mask of shape {part.mask.shape}, the labels have "
                f"{true.shape} and the predictions {predicted.shape}",
                expected="one shape (n,) for all",
                hint="resolve the slices on the very rows that were predicted",
            )
    unknown = set(metrics) - set(SLICE_METRICS)
    if unknown:
        raise DataError(
            f"metric {sorted(unknown)[0]!r}", expected="one of: " + ", ".join(SLICE_METRICS)
        )


def _null_for_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
