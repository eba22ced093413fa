"""How well scores rank: the area under the ROC curve, alone and by group.

What belongs here: metrics of order. What does not: metrics of the size of probabilities
(`burnish.metrics.probabilities`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray, codes, one_dimension, probabilities
from burnish.metrics.grouped import Groups, midranks, ratio
from burnish.metrics.intervals import Interval
from burnish.metrics.limits import Estimates, bounded_limits
from burnish.typing import Labels, PredProbs


@dataclass(frozen=True)
class GroupedAreas:
    """AUROC by group, its sampling variance, and rows of the rarer side; each of shape (G,).

    `influence`, shape (n,), is the part of each row in the error; it sums to 0 in each group.
    """

    value: FloatArray
    variance: FloatArray
    rarer: IntArray
    influence: FloatArray

    def limits(self, confidence: float) -> Estimates:
        """Confidence limits, as sure as the rows of the rarer side allow."""
        return bounded_limits(
            self.value, self.variance, self.rarer, confidence=confidence, freedom=self.rarer - 1
        )


def auroc(
    y_true: Labels,
    pred_probs: PredProbs,
    *,
    classes: Sequence[object],
    positive: object = None,
    confidence: float = 0.95,
) -> Interval:
    """Chance that a row of a class is scored above a row of none, ties counting half; in [0, 1].

    Of `positive` against all others where it is given; else the mean over the classes that both
    occur and are not all, each against the rest. NaN where there is no such class. The variance is
    DeLong's (DeLong et al. 1988, 'Comparing the areas under two or more correlated receiver
    operating characteristic curves'), over classes by the sum of each row's influence; the limits
    are those of `burnish.metrics.limits.bounded_limits`. `pred_probs` has shape (n, K).

    >>> probs = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> auroc(["a", "a", "b", "b"], probs, classes=["a", "b"], positive="b").value
    0.75
    """
    labels = one_dimension(y_true, "y_true")
    truth = codes(labels, classes, "y_true")
    probs = probabilities(pred_probs, labels.size, len(classes))
    if positive is not None and positive not in classes:
        raise DataError(f"positive is {positive!r}", expected=f"one of {list(classes)}")
    chosen = range(len(classes)) if positive is None else [list(classes).index(positive)]
    whole = Groups(np.zeros(labels.size, dtype=np.int64), 1)
    found = grouped_auroc(truth, probs, whole, columns=chosen)
    limits = found.limits(confidence)
    return Interval(float(limits.value[0]), float(limits.low[0]), float(limits.high[0]))


def grouped_auroc(
    truth: IntArray, probs: FloatArray, groups: Groups, *, columns: Sequence[int]
) -> GroupedAreas:
    """Mean AUROC of some columns of (n, K) probabilities, each against the rest, by group.

    `truth` holds each row's true column. A column counts in the groups where it is true of some
    rows and not of all.
    """
    areas = np.zeros(groups.size)
    counted = np.zeros(groups.size)
    influence = np.zeros(truth.size)
    rarer = np.full(groups.size, np.iinfo(np.int64).max, dtype=np.int64)
    for column in columns:
        inside = truth == column
        area, own, fewest = _one_column(inside, probs[:, column], groups)
        known = ~np.isnan(area)
        areas += np.where(known, area, 0.0)
        counted += known
        influence += own
        rarer = np.where(known, np.minimum(rarer, fewest), rarer)
    scaled = influence * ratio(np.ones(groups.size), counted)[groups.codes]
    return GroupedAreas(
        value=ratio(areas, counted),
        variance=groups.total(scaled**2),
        rarer=np.where(counted > 0, rarer, 0).astype(np.int64),
        influence=np.nan_to_num(scaled),
    )


def _one_column(
    inside: NDArray[np.bool_], scores: FloatArray, groups: Groups
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Area by group, each row's part in its error (0 where unknown), and rows of the rarer side."""
    n_in = groups.total(inside).astype(np.int64)
    n_out = groups.count() - n_in
    # The share of the other side that a row beats is the gap of its ranks among all and its own.
    own_side = np.empty(scores.size)
    for side in (inside, ~inside):
        own_side[side] = midranks(scores[side], groups.take(side))
    beaten = midranks(scores, groups) - own_side
    others = np.where(inside, n_out[groups.codes], n_in[groups.codes])
    placed = ratio(beaten, others)
    placed = np.where(inside, placed, 1 - placed)
    area = ratio(groups.total(np.where(inside, placed, 0.0)), n_in)
    area = np.where(n_out > 0, area, np.nan)
    mates = np.where(inside, n_in[groups.codes], n_out[groups.codes])
    # m (m - 1) in place of m^2, as DeLong has it.
    step = np.sqrt(np.maximum(mates, 1) * np.maximum(mates - 1.0, 1.0))
    influence = (placed - area[groups.codes]) / step
    return area, np.nan_to_num(influence, nan=0.0), np.minimum(n_in, n_out)
