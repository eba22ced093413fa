"""Accuracy and AUROC where labels are known, or known as probabilities alone, of weighted rows.

What belongs here: the value, the part of each row in its error, and the variance of labels drawn
anew. What does not: metrics of plain labels (`burnish.metrics`), or putting estimates together
(`burnish.drift.performance`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from burnish.metrics.checked import FloatArray, IntArray


@dataclass(frozen=True)
class Expected:
    """A metric of n rows. `influence` (n,) sums to 0; its squares sum to the sampling variance.

    `variance` is that of rows and labels both drawn anew, the labels from their probabilities.
    `value` is NaN where the metric has no meaning, as an AUROC of one class.
    """

    value: float
    influence: FloatArray
    variance: float


def expected_accuracy(probs: FloatArray, scores: FloatArray, weights: FloatArray) -> Expected:
    """Share of rows whose first class by `scores` (n, K) is the label, drawn from `probs` (n, K).

    Known labels are rows of 0 and 1.

    >>> probs = np.array([[0.8, 0.2], [0.4, 0.6]])
    >>> round(expected_accuracy(probs, probs, np.ones(2)).value, 3)
    0.7
    """
    right = probs[np.arange(len(probs)), scores.argmax(axis=1)]
    total = float(weights.sum())
    if total <= 0:
        return Expected(nan, np.zeros(len(probs)), nan)
    value = float(weights @ right) / total
    share = weights / total
    spread = right * (1 - value) ** 2 + (1 - right) * value**2
    return Expected(value, share * (right - value), float((share**2) @ spread))


def expected_auroc(probs: FloatArray, scores: FloatArray, weights: FloatArray) -> Expected:
    """Chance that a row of a class is scored above a row of none, labels drawn from `probs`.

    Of two classes it is that of the second; of more the mean over classes, each against the rest.
    Variance by the influence of rows (DeLong et al. 1988).

    >>> probs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> scores = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [0.2, 0.8]])
    >>> expected_auroc(probs, scores, np.ones(4)).value
    0.75
    """
    n, K = probs.shape
    columns = [1] if K == 2 else range(K)
    values: list[float] = []
    if_own, if_other = np.zeros((n, K)), np.zeros((n, K))
    for k in columns:
        found = _column(probs[:, k], scores[:, k], weights)
        if found is not None:
            values.append(found[0])
            if_own[:, k], if_other[:, k] = found[1], found[2]
    if not values:
        return Expected(nan, np.zeros(n), nan)
    # A label of class k brings the part of its own column as inside, of all others as outside.
    by_label = (if_own - if_other + if_other.sum(axis=1, keepdims=True)) / len(values)
    influence = (probs * by_label).sum(axis=1)
    return Expected(float(np.mean(values)), influence, float((probs * by_label**2).sum()))


def _column(
    inside: FloatArray, score: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray, FloatArray] | None:
    """Area, and each row's part in it were it of the class, or of none; None without both sides."""
    own, other = weights * inside, weights * (1 - inside)
    total_own, total_other = float(own.sum()), float(other.sum())
    if total_own <= 1e-9 or total_other <= 1e-9:
        return None
    levels, place = np.unique(score, return_inverse=True)
    at_own = np.bincount(place, weights=own, minlength=levels.size)
    at_other = np.bincount(place, weights=other, minlength=levels.size)
    below = (np.cumsum(at_other) - at_other / 2)[place] / total_other
    above = (total_own - np.cumsum(at_own) + at_own / 2)[place] / total_own
    area = float(own @ below) / total_own
    return area, weights * (below - area) / total_own, weights * (above - area) / total_other


METRICS = {"accuracy": expected_accuracy, "auroc": expected_auroc}


def known(truth: IntArray, classes: int) -> FloatArray:
    """Labels as probabilities of 0 and 1, shape (n, K); those of -1, unknown, are rows of 0.

    >>> known(np.array([1, -1]), 2).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    return np.vstack([np.eye(classes), np.zeros((1, classes))])[truth]
