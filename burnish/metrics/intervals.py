"""Confidence intervals of proportions: single, of two groups, and paired.

What belongs here: closed-form intervals in plain arithmetic. What does not: deciding anything
from them (`burnish.workflows.promote`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits; `value` is NaN where there was nothing to count."""

    value: float
    low: float
    high: float


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), `successes` out of `n`.

    With `n = 0` nothing is known: value is NaN, low 0, high 1. `value` is the plain proportion,
    which is not the middle of the interval. Raises `DataError` where the counts are impossible
    or `confidence` is not inside (0, 1).

    >>> wilson_interval(8, 10)  # doctest: +ELLIPSIS
    Interval(value=0.8, low=0.4901..., high=0.9433...)
    >>> wilson_interval(0, 0)
    Interval(value=nan, low=0.0, high=1.0)
    """
    if n < 0 or not 0 <= successes <= n:
        raise DataError(
            f"{successes} successes out of {n}",
            expected="0 <= successes <= n",
            hint="count both on the same rows",
        )
    z = _normal_quantile(confidence)
    if n == 0:
        return Interval(nan, 0.0, 1.0)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n the limit is exactly 0 and 1; rounding must not push it past the proportion.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(share, low, high)


def exact_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """The exact interval of a proportion (Clopper and Pearson 1934), `successes` out of `n`.

    Either limit is missed at most (1 - confidence) / 2 of the time, of however few rows: for
    decisions with a stated error rate. Wilson's is narrower, and holds its rate on average alone:
    one failure of one already shows to it that a proportion is below 0.8. `n = 0` and errors as
    `wilson_interval`.

    >>> exact_interval(8, 10)  # doctest: +ELLIPSIS
    Interval(value=0.8, low=0.4439..., high=0.9747...)
    """
    from scipy.special import betaincinv

    rough = wilson_interval(successes, n, confidence=confidence)
    if n == 0:
        return rough
    tail, failures = (1 - confidence) / 2, n - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return Interval(rough.value, low, high)


def newcombe_difference(
    successes_a: int, n_a: int, successes_b: int, n_b: int, *, confidence: float = 0.95
) -> Interval:
    """Proportion of group A minus proportion of group B, different rows in each.

    The interval is Newcombe's hybrid of two Wilson intervals (Newcombe 1998, 'Interval estimation
    for the difference between independent proportions', method 10): it lies inside [-1, 1] and
    keeps its coverage in small groups. Where a group has no rows: value NaN, low -1, high 1. Raises
    `DataError` as `wilson_interval` does.

    >>> newcombe_difference(56, 70, 48, 80)  # doctest: +ELLIPSIS
    Interval(value=0.2..., low=0.0524..., high=0.3338...)
    """
    a = wilson_interval(successes_a, n_a, confidence=confidence)
    b = wilson_interval(successes_b, n_b, confidence=confidence)
    if not (n_a and n_b):
        return Interval(nan, -1.0, 1.0)
    value = a.value - b.value
    below = sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    above = sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(value, value - below, value + above)


def paired_difference(
    correct_a: ArrayLike, correct_b: ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Accuracy of A minus accuracy of B on the same rows, with a paired interval.

    `correct_a` and `correct_b` are booleans, shape (n,), row by row of the same examples. The
    interval is Tango's asymptotic score interval (Tango 1998, 'Equivalence test and confidence
    interval for the difference in proportions for the paired-sample design'): the differences
    that a score test does not reject. It keeps its coverage in small samples, lies inside
    [-1, 1], and has a width even where A and B never disagree (then z^2 / (n + z^2) each way).
    With no rows: value NaN, low -1, high 1. Raises `DataError` where shapes differ or a value is
    not a boolean.

    >>> a = [True] * 90 + [False] * 10
    >>> b = [True] * 80 + [False] * 20
    >>> paired_difference(a, b)  # doctest: +ELLIPSIS
    Interval(value=0.1, low=0.0552..., high=0.1743...)
    """
    a = _booleans(correct_a, "correct_a")
    b = _booleans(correct_b, "correct_b")
    if a.shape != b.shape:
        raise DataError(
            f"{a.size} and {b.size} outcomes",
            expected="the same examples in the same order",
            hint="join the two tables on example_id first",
        )
    z = _normal_quantile(confidence)
    n = a.size
    if n == 0:
        return Interval(nan, -1.0, 1.0)
    only_a = int(np.count_nonzero(a & ~b))
    only_b = int(np.count_nonzero(b & ~a))
    high = _tango_upper(only_a, only_b, n, z)
    low = -_tango_upper(only_b, only_a, n, z)
    return Interval((only_a - only_b) / n, low, high)


def _tango_upper(only_a: int, only_b: int, n: int, z: float) -> float:
    """Largest difference that the score test does not reject, by bisection from the estimate."""
    inside, outside = (only_a - only_b) / n, 1.0
    if inside >= 1.0:
        return 1.0
    for _ in range(60):
        middle = (inside + outside) / 2
        if _tango_score(only_a, only_b, n, middle) >= -z:
            inside = middle
        else:
            outside = middle
    return inside


def _tango_score(only_a: int, only_b: int, n: int, difference: float) -> float:
    """Tango's score of a difference in (-1, 1): negative above the estimate."""
    # The nuisance parameter is P(only B), at its maximum likelihood for the given difference.
    linear = -only_a - only_b + (2 * n - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    root = sqrt(max(0.0, linear * linear - 8 * n * constant))
    q = max(0.0, (root - linear) / (4 * n))
    variance = n * (2 * q + difference * (1 - difference))
    distance = only_a - only_b - n * difference
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else float("-inf") if distance < 0 else float("inf")
    return distance / sqrt(variance)


def _normal_quantile(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _booleans(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=bool)
    if array.ndim != 1 or array.dtype != np.bool_:
        raise DataError(
            f"{name} has shape {array.shape} and type {array.dtype}",
            expected="booleans in one dimension",
            hint="pass `labels == predicted`",
        )
    return array
