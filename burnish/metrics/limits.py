"""Confidence limits of many values at once, in plain array arithmetic.

What belongs here: limits of shares, of means and of other values inside [0, 1], for arrays of
them. What does not: one interval of one proportion, nor differences
(`burnish.metrics.intervals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray
from burnish.metrics.grouped import Groups, ratio


@dataclass(frozen=True)
class Estimates:
    """Values with their confidence limits, each of shape (G,); NaN where nothing is known."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


def wilson_limits(
    successes: NDArray[np.generic], n: NDArray[np.generic], *, confidence: float = 0.95
) -> Estimates:
    """Wilson's score interval (Wilson 1927) of each of many proportions; NaN where n is 0.

    >>> found = wilson_limits(np.array([8, 0]), np.array([10, 0]))
    >>> found.low.round(4).tolist(), found.high.round(4).tolist()
    ([0.4902, nan], [0.9433, nan])
    """
    share = ratio(successes, n)
    low, high = _wilson(share, np.asarray(n, dtype=np.float64), normal_quantile(confidence))
    return Estimates(share, low, high)


def bounded_limits(
    value: FloatArray,
    variance: FloatArray,
    n: NDArray[np.generic],
    *,
    confidence: float = 0.95,
    freedom: NDArray[np.generic] | None = None,
) -> Estimates:
    """Limits of values in [0, 1] from their sampling variance, such as a mean F1 or an AUROC.

    Wilson's interval at the effective number of rows, value (1 - value) / variance (Dean and
    Pagano 2015, 'Evaluating confidence interval methods for binomial proportions in clustered
    surveys'): it stays inside [0, 1] and has a width at both ends. Where the variance is 0, as at
    a value of exactly 1, the effective number is `n`; nowhere is it more than 1e3 times `n`. With
    `freedom`, Student's quantile of so many degrees stands for the normal one, as where the
    variance rests on few rows.

    >>> one = bounded_limits(np.array([0.8]), np.array([0.016]), np.array([10]))
    >>> one.low.round(4).tolist()
    [0.4902]
    """
    rows = np.asarray(n, dtype=np.float64)
    plain = np.clip(value * (1 - value), 0.0, None)
    effective = ratio(plain, variance)
    effective = np.where(np.isfinite(effective) & (effective > 0), effective, rows)
    effective = np.minimum(effective, 1e3 * rows)
    z = normal_quantile(confidence) if freedom is None else student_quantile(freedom, confidence)
    low, high = _wilson(value, effective, z)
    return Estimates(value, low, high)


def mean_limits(values: FloatArray, groups: Groups, *, confidence: float = 0.95) -> Estimates:
    """Mean of a value of each row by group, with limits that allow for skewness; none below 2 rows.

    Student's interval, its statistic transformed by Hall's cubic (Hall 1992, 'On the removal of
    skewness by transformation'): losses have a long upper tail, so that the plain interval of their
    mean too often ends below the truth. Without skewness it is Student's.

    >>> found = mean_limits(np.array([1.0, 2.0, 3.0]), Groups(np.array([0, 0, 0]), 1))
    >>> found.value.tolist(), found.low.round(1).tolist()
    ([2.0], [-0.5])
    """
    n = groups.count()
    mean = groups.mean(values)
    spread = groups.total((values - mean[groups.codes]) ** 2)
    error = np.sqrt(ratio(ratio(spread, n - 1), n))
    quantile = np.where(n > 1, student_quantile(n - 1, confidence), np.nan)
    third = ratio(groups.total((values - mean[groups.codes]) ** 3), n)
    skewness = np.nan_to_num(ratio(third, ratio(spread, n) ** 1.5))
    slant = skewness / np.sqrt(np.maximum(n, 1))
    low = mean - error * unskewed(quantile, slant)
    return Estimates(mean, low, mean - error * unskewed(-quantile, slant))


def student_quantile(freedom: NDArray[np.generic], confidence: float) -> FloatArray:
    """Two-sided quantile of Student's t, exact at 1 and 2 degrees, else within 1 % at 95 %.

    Cornish and Fisher's expansion about the normal (Abramowitz and Stegun 26.7.5), so that no
    scipy is needed.

    >>> student_quantile(np.array([1, 2, 9, 99]), 0.95).round(2).tolist()
    [12.71, 4.3, 2.26, 1.98]
    """
    z = normal_quantile(confidence)
    v = np.maximum(np.asarray(freedom, dtype=np.float64), 1.0)
    terms: Sequence[float] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    series = z + sum(term / v ** (power + 1) for power, term in enumerate(terms))
    p = 0.5 + confidence / 2
    one = np.tan(np.pi * (p - 0.5))
    two = (2 * p - 1) * np.sqrt(2 / (4 * p * (1 - p)))
    return np.select([v < 1.5, v < 2.5], [one, two], series).astype(np.float64)


def unskewed(quantile: FloatArray, slant: FloatArray) -> FloatArray:
    """Hall's cubic solved for the statistic; `slant` is the skewness over the root of n."""
    flat = np.abs(slant) < 1e-4
    safe = np.where(flat, 1.0, slant)
    return np.where(flat, quantile, 3 / safe * (np.cbrt(1 + safe * (quantile - safe / 6)) - 1))


def _wilson(
    share: FloatArray, n: FloatArray, z: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    n = np.where(n > 0, n, np.nan)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and 1 the limit is exact; rounding must not push it past the share.
    low = np.where(share <= 0.0, share, np.maximum(0.0, centre - half))
    high = np.where(share >= 1.0, share, np.minimum(1.0, centre + half))
    return low, high


def normal_quantile(confidence: float) -> float:
    """Two-sided quantile of the normal: 1.96 at 0.95."""
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    return NormalDist().inv_cdf(0.5 + confidence / 2)
