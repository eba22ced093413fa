"""One metric of one part of the rows: estimated without labels, and measured where labels came in.

What belongs here: the doubly robust estimate, its interval, and its check against labels. What does
not: weights (`burnish.drift.performance_density`), probabilities
(`burnish.drift.performance_recalibrated`), or whether to trust it
(`burnish.drift.performance_trust`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.drift.limits import share_gap
from burnish.drift.performance_expected import METRICS, known
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.intervals import Interval
from burnish.metrics.limits import bounded_limits, student_quantile

Mask = NDArray[np.bool_]
# Below so many labels, strata would hold too few each.
LABELS_A_STRATUM = 20
MOST_STRATA = 10
MOST_RATIO = 10.0
NOT_KNOWN = Interval(nan, -1.0, 1.0)


@dataclass(frozen=True)
class Sides:
    """Reference (m) and current (n) rows: labels, claims as they are and mended, density ratios.

    `labels` (n,) are columns of the labels that came in, -1 where there is none; `drawn` (n,) how
    many rows each labelled one stands for, None where that is not known; `control` (n,) which were
    drawn at random.
    """

    truth: IntArray
    before: FloatArray
    after: FloatArray
    mended_before: FloatArray
    mended_after: FloatArray
    weights: FloatArray
    ratio: FloatArray
    labels: IntArray
    drawn: FloatArray | None
    control: Mask | None
    confidence: float

    @property
    def classes(self) -> int:
        return self.before.shape[1]

    def urgency(self) -> FloatArray:
        """What rows are asked for by (n,): probability of error, times the density ratio."""
        return self.errors() * np.minimum(self.ratio, MOST_RATIO)

    def errors(self) -> FloatArray:
        """Probability (n,) that the first class claimed is not the label."""
        rows = np.arange(len(self.after))
        return 1.0 - self.mended_after[rows, self.after.argmax(axis=1)]


class RowsOf(NamedTuple):
    """A part of the rows by its name: masks over reference (m,) and current rows (n,)."""

    name: str
    before: Mask
    after: Mask


@dataclass(frozen=True)
class Estimate:
    """What the metric was on reference rows, is estimated to be, and lost; `off` is the correction.

    `off` is what weighted residuals add to what mended confidences alone would say.
    """

    reference: float
    reference_variance: float
    reference_rows: int
    value: Interval
    loss: Interval
    off: float
    off_error: float


@dataclass(frozen=True)
class Checked:
    """The metric by the labels that came in; `surprise` is that less what was expected of them.

    `loss` is what the metric was on reference rows less what it is by these labels.
    """

    labels: int
    measured: Interval
    surprise: Interval
    loss: Interval


def estimate(sides: Sides, metric: str, before: Mask, after: Mask) -> Estimate:
    """The metric of the current rows `after` (n,), held against reference rows `before` (m,).

    What mended probabilities expect of current rows, and what weighted reference rows truly were
    beyond what was expected of them (Robins, Rotnitzky and Zhao 1994): right where either the
    weights or the probabilities are. The variance is that of all sides' influences together.
    """
    of = METRICS[metric]
    hot = known(sides.truth[before], sides.classes)
    scores, weights = sides.before[before], sides.weights[before]
    now = of(sides.mended_after[after], sides.after[after], np.ones(int(after.sum())))
    real = of(hot, scores, weights)
    foretold = of(sides.mended_before[before], scores, weights)
    was = of(hot, scores, np.ones(hot.shape[0]))
    off = real.influence - foretold.influence
    off_variance = float((off**2).sum())
    correction = real.value - foretold.value
    value = float(np.clip(now.value + correction, 0.0, 1.0))
    worth = _worth(weights)
    limits = bounded_limits(
        np.array([value]),
        np.array([now.variance + off_variance]),
        np.array([min(int(after.sum()), worth)]),
        confidence=sides.confidence,
        freedom=np.array([worth - 1]),
    )
    lost = float(((was.influence - off) ** 2).sum()) + now.variance
    half = float(student_quantile(np.array([worth - 1]), sides.confidence)[0]) * sqrt(lost)
    loss = was.value - value
    return Estimate(
        was.value,
        float((was.influence**2).sum()),
        hot.shape[0],
        Interval(value, float(limits.low[0]), float(limits.high[0])),
        Interval(loss, max(-1.0, loss - half), min(1.0, loss + half)),
        correction,
        sqrt(off_variance),
    )


def check(
    sides: Sides,
    metric: str,
    after: Mask,
    found: Estimate,
    *,
    confidence: float,
    loss_confidence: float,
) -> Checked:
    """The metric by labels among the rows `after`, each counting for the rows it stands for.

    Labels are rarely drawn at random: those asked for lie where errors are likely. Without known
    chances, rows are put into strata of like `urgency` and each stratum counts as much as it has
    rows (Holt and Smith 1979, 'Post Stratification'). `surprise` has the limits of
    `confidence`, the loss those of `loss_confidence`; both allow for the reference's own error.
    """
    rows = np.flatnonzero(after & (sides.labels >= 0))
    unknown = Interval(nan, 0.0, 1.0)
    if rows.size == 0 or not _stand_for(sides, after, rows):
        return Checked(int(rows.size), unknown, NOT_KNOWN, NOT_KNOWN)
    of = METRICS[metric]
    stands = sides.drawn[rows] if sides.drawn is not None else _strata(sides, after, rows)
    hot, scores = known(sides.labels[rows], sides.classes), sides.after[rows]
    real = of(hot, scores, stands)
    foretold = of(sides.mended_after[rows], scores, stands)
    if np.isnan(real.value) or np.isnan(foretold.value):
        return Checked(int(rows.size), unknown, NOT_KNOWN, NOT_KNOWN)
    worth = _worth(stands)
    # Few labels that are all alike have no spread of their own, but are not certain.
    variance = max(float((real.influence**2).sum()), foretold.variance)
    measured = _limits(real.value, variance, worth, sides.confidence)
    before = _limits(
        found.reference, found.reference_variance, found.reference_rows, loss_confidence
    )
    surprise = real.value - (foretold.value + found.off)
    error = sqrt(foretold.variance + found.off_error**2)
    half = float(student_quantile(np.array([worth - 1]), confidence)[0]) * error
    return Checked(
        int(rows.size),
        measured,
        Interval(surprise, surprise - half, surprise + half),
        share_gap(_limits(real.value, variance, worth, loss_confidence), before),
    )


def _stand_for(sides: Sides, after: Mask, rows: IntArray) -> bool:
    """Whether the labelled `rows` stand for all of `after`: those picked do for themselves."""
    if sides.control is None or rows.size == int(after.sum()):
        return True
    return bool(sides.control[rows].any())


def _limits(value: float, variance: float, worth: float, confidence: float) -> Interval:
    found = bounded_limits(
        np.array([value]),
        np.array([variance]),
        np.array([worth]),
        confidence=confidence,
        freedom=np.array([worth - 1]),
    )
    return Interval(value, float(found.low[0]), float(found.high[0]))


def _strata(sides: Sides, after: Mask, rows: IntArray) -> FloatArray:
    """How many of the rows `after` each labelled row stands for."""
    urgency = sides.urgency()
    strata = int(np.clip(rows.size // LABELS_A_STRATUM, 1, MOST_STRATA))
    edges = np.unique(np.quantile(urgency[rows], np.linspace(0, 1, strata + 1)[1:-1]))
    own = np.searchsorted(edges, urgency[rows], side="right")
    here = np.searchsorted(edges, urgency[after], side="right")
    labelled = np.bincount(own, minlength=edges.size + 1)
    there = np.bincount(here, minlength=edges.size + 1)
    return np.asarray((there / np.maximum(labelled, 1))[own], dtype=np.float64)


def _worth(weights: FloatArray) -> float:
    squares = float((weights**2).sum())
    return max(1.0, float(weights.sum()) ** 2 / squares) if squares > 0 else 1.0
