"""Metrics of predicted labels: accuracy, confusion, and precision, recall and F1 by class.

What belongs here: what can be counted without probabilities. What does not: what needs them
(`burnish.metrics.probabilities`), nor intervals (`burnish.metrics.intervals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.checked import FloatArray, IntArray, codes, paired_labels
from burnish.typing import Labels


@dataclass(frozen=True)
class ClassMetrics:
    """Precision, recall and F1 of each class, NaN where nothing of the class was there to count.

    `precision` is NaN for a class that was never predicted, `recall` for a class without rows
    (`support` 0), `f1` for a class that is neither. Arrays have shape (K,), in the order of
    `classes`.
    """

    classes: tuple[object, ...]
    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    support: IntArray


def accuracy(y_true: Labels, y_pred: Labels) -> float:
    """Share of rows that are predicted right, in [0, 1].

    Raises `DataError` on no rows, missing labels or different lengths, as all metrics here.

    >>> accuracy(["a", "b", "b", "a"], ["a", "b", "a", "a"])
    0.75
    """
    true, predicted = paired_labels(y_true, y_pred)
    return float(np.mean(true == predicted))


def balanced_accuracy(y_true: Labels, y_pred: Labels) -> float:
    """Mean recall of the classes that occur in `y_true`, in [0, 1].

    >>> balanced_accuracy(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    0.5
    """
    return float(np.nanmean(class_metrics(y_true, y_pred).recall))


def f1_macro(y_true: Labels, y_pred: Labels) -> float:
    """Mean F1 of the classes that occur in `y_true` or `y_pred`, in [0, 1].

    >>> round(f1_macro(["a", "a", "b", "b"], ["a", "a", "a", "b"]), 3)
    0.733
    """
    return float(np.nanmean(class_metrics(y_true, y_pred).f1))


def confusion_matrix(
    y_true: Labels, y_pred: Labels, *, classes: Sequence[object] | None = None
) -> IntArray:
    """Counts of shape (K, K): row the true class, column the predicted one.

    `classes` gives the order, by default all labels of either side, sorted. Raises `DataError`
    where a label is none of the classes.

    >>> confusion_matrix(["a", "a", "b"], ["a", "b", "b"]).tolist()
    [[1, 1], [0, 1]]
    """
    true, predicted = paired_labels(y_true, y_pred)
    order = _classes(true, predicted) if classes is None else tuple(classes)
    rows, columns = codes(true, order, "y_true"), codes(predicted, order, "y_pred")
    size = len(order)
    counts = np.bincount(rows * size + columns, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64)


def class_metrics(
    y_true: Labels, y_pred: Labels, *, classes: Sequence[object] | None = None
) -> ClassMetrics:
    """Precision, recall and F1 of each class; unknown is NaN, never zero.

    >>> found = class_metrics(["a", "a", "b"], ["a", "b", "b"])
    >>> found.precision.tolist(), found.recall.tolist()
    ([1.0, 0.5], [0.5, 1.0])
    """
    true, predicted = paired_labels(y_true, y_pred)
    order = _classes(true, predicted) if classes is None else tuple(classes)
    counts = confusion_matrix(true, predicted, classes=order)
    hits = np.diag(counts)
    support, guessed = counts.sum(axis=1), counts.sum(axis=0)
    return ClassMetrics(
        classes=order,
        precision=_ratio(hits, guessed),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + guessed),
        support=support.astype(np.int64),
    )


def _classes(true: NDArray[np.generic], predicted: NDArray[np.generic]) -> tuple[object, ...]:
    return tuple(sorted(set(true.tolist()) | set(predicted.tolist())))


def _ratio(top: NDArray[np.int64], bottom: NDArray[np.int64]) -> FloatArray:
    unknown = np.full(top.shape, np.nan)
    return np.divide(top, bottom, out=unknown, where=bottom > 0)
