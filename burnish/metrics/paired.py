"""Differences of two models on the same rows, with paired limits, for many groups at once.

What belongs here: Tango's interval over arrays of counts, and limits from each row's part in a
difference. What does not: one paired interval of one proportion (`burnish.metrics.intervals`),
limits that hold for many groups together (`burnish.metrics.paired_together`), nor which
differences there are (`burnish.slices.comparing_classes`).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, ratio
from burnish.metrics.limits import Estimates, normal_quantile, student_quantile, unskewed


def tango_limits(
    only_a: NDArray[np.generic],
    only_b: NDArray[np.generic],
    n: NDArray[np.generic],
    *,
    confidence: float = 0.95,
) -> Estimates:
    """Share of A minus share of B among `n` rows, by Tango's score interval, for arrays of counts.

    `only_a` counts the rows where A alone is right, `only_b` those of B alone; all of shape (G,).
    As `burnish.metrics.paired_difference` one by one (Tango 1998, 'Equivalence test and confidence
    interval for the difference in proportions for the paired-sample design'). Where n is 0 the
    value is NaN and the limits are -1 and 1.

    >>> found = tango_limits(np.array([10, 0]), np.array([0, 0]), np.array([100, 100]))
    >>> found.low.round(4).tolist(), found.high.round(4).tolist()
    ([0.0552, -0.037], [0.1744, 0.037])
    """
    a, b, rows = (np.asarray(one, dtype=np.float64) for one in (only_a, only_b, n))
    z = normal_quantile(confidence)
    high = _tango_upper(a, b, rows, z)
    low = -_tango_upper(b, a, rows, z)
    return Estimates(ratio(a - b, rows), low, high)


def influence_limits(
    value: FloatArray,
    influence: FloatArray,
    groups: Groups,
    *,
    freedom: NDArray[np.generic],
    scale: FloatArray | None = None,
    rests: NDArray[np.generic] | None = None,
    confidence: float = 0.95,
) -> Estimates:
    """Limits of a difference from the part that each row has in its error, for each group.

    `influence`, shape (n,), sums to 0 in each group, and the sum of its squares is the variance
    (the infinitesimal jackknife; Efron 1982, 'The Jackknife, the Bootstrap and Other Resampling
    Plans'). At either end the wider of Student's interval with `freedom` degrees and the one that
    allows for skewness, as in `burnish.metrics.limits.mean_limits`: far out, where limits of many
    groups together lie, the skewness of a few rows is too uncertain to narrow anything. `scale`
    and `rests` add, as an independent error would, what may change though it was not seen to:
    `scale` times q^2 / (rests + q^2) at the quantile q, the reach of Tango's interval where none
    of `rests` pairs changed. NaN below one degree of freedom.

    >>> part = np.array([-1.0, 0.0, 1.0]) / 3
    >>> groups = Groups(np.zeros(3, dtype=np.int64), 1)
    >>> found = influence_limits(np.array([2.0]), part, groups, freedom=np.array([2]))
    >>> found.low.round(1).tolist(), found.high.round(1).tolist()
    ([-0.5], [4.5])
    """
    degrees = np.asarray(freedom, dtype=np.float64)
    square = influence * influence
    squares = groups.total(square)
    error = np.sqrt(squares * ratio(degrees + 1, degrees))
    slant = np.nan_to_num(ratio(groups.total(square * influence), squares**1.5))
    quantile = np.where(degrees >= 1, student_quantile(degrees, confidence), np.nan)
    hidden = np.zeros(groups.size)
    if scale is not None and rests is not None:
        hidden = scale * ratio(quantile**2, rests + quantile**2)
    below = np.hypot(error * np.fmax(quantile, unskewed(quantile, slant)), hidden)
    above = np.hypot(error * np.fmax(quantile, -unskewed(-quantile, slant)), hidden)
    return Estimates(value, value - below, value + above)


def gathered(
    influence: FloatArray, groups: Groups, units: IntArray
) -> tuple[FloatArray, Groups, IntArray]:
    """The same error by unit in place of row, where the rows of a unit stand or fall together.

    `units`, shape (n,), codes what each row belongs to: a patient, a session, a document. The
    parts of a unit's rows in one group are added (a sandwich variance over clusters; Liang and
    Zeger 1986). Returns the parts, their groups, and the unit of each.

    >>> part, by, unit = gathered(
    ...     np.array([1.0, 1.0, -2.0]), Groups(np.array([0, 0, 0]), 1), np.array([5, 5, 2])
    ... )
    >>> part.tolist(), by.codes.tolist(), unit.tolist()
    ([-2.0, 2.0], [0, 0], [2, 5])
    """
    span = int(units.max()) + 1 if units.size else 1
    cells, inverse = np.unique(groups.codes * span + units, return_inverse=True)
    total = np.bincount(inverse, weights=influence, minlength=cells.size)
    return total.astype(np.float64), Groups(cells // span, groups.size), cells % span


def fold_bias(mean: FloatArray, error: FloatArray) -> FloatArray:
    """By how much |estimate| is too large on average, if `mean` is the truth and `error` its own.

    The mean of a folded normal less |mean| (Leone, Nelson and Nottingham 1961): sqrt(2 / pi) times
    the error where the truth is 0, nothing where it is far from 0. 0 where the error is 0.

    >>> fold_bias(np.array([0.0, 5.0]), np.array([1.0, 1.0])).round(3).tolist()
    [0.798, 0.0]
    """
    far = np.abs(np.nan_to_num(ratio(mean, error)))
    tail = np.array([NormalDist().cdf(-one) for one in far.ravel().tolist()]).reshape(far.shape)
    return error * (np.sqrt(2 / np.pi) * np.exp(-(far**2) / 2) - 2 * far * tail)


def _tango_upper(only_a: FloatArray, only_b: FloatArray, n: FloatArray, z: float) -> FloatArray:
    """Largest differences that the score test does not reject, by bisection from the estimates."""
    rows = np.maximum(n, 1.0)
    inside, outside = (only_a - only_b) / rows, np.ones(n.shape)
    for _ in range(60):
        middle = (inside + outside) / 2
        kept = _tango_score(only_a, only_b, rows, middle) >= -z
        inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
    return np.where(n > 0, inside, 1.0)


def _tango_score(
    only_a: FloatArray, only_b: FloatArray, n: FloatArray, difference: FloatArray
) -> FloatArray:
    """Tango's score of differences in (-1, 1]: negative above the estimates."""
    # The nuisance parameter is P(only B), at its maximum likelihood for the given difference.
    linear = -only_a - only_b + (2 * n - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    root = np.sqrt(np.maximum(0.0, linear * linear - 8 * n * constant))
    q = np.maximum(0.0, (root - linear) / (4 * n))
    variance = n * (2 * q + difference * (1 - difference))
    distance = only_a - only_b - n * difference
    certain = np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance))
    error = np.sqrt(np.where(variance > 0.0, variance, 1.0))
    return np.where(variance > 0.0, distance / error, certain)
