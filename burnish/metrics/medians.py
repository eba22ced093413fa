"""The median of a sample, with limits that hold for any distribution.

What belongs here: order statistics. What does not: intervals of proportions
(`burnish.metrics.intervals`).
"""

from __future__ import annotations

from math import inf, nan

import numpy as np
from numpy.typing import ArrayLike

from burnish.errors import DataError
from burnish.metrics.intervals import Interval


def median_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """The median of `values`, shape (n,), in their unit, with distribution-free limits.

    How many of n values lie below the median is binomial with probability 1/2, whatever the
    distribution; the limits are the order statistics that this leaves at least `confidence` between
    (Thompson 1936, 'On confidence ranges for the median'; David and Nagaraja 2003, 'Order
    Statistics', 7.1). With fewer than six values no two of them enclose the median in 95 of 100
    samples: low is -inf and high inf. Of no value the median is NaN.

    Raises `DataError` for values that are not finite numbers in one dimension.

    >>> median_interval([2, 3, 3, 4, 5, 8, 9, 30])
    Interval(value=4.5, low=2.0, high=30.0)
    >>> median_interval([3, 5, 4])
    Interval(value=4.0, low=-inf, high=inf)
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise DataError("values that are no finite numbers in a row", expected="shape (n,)")
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    if found.size == 0:
        return Interval(nan, -inf, inf)
    ordered, place = np.sort(found), _outside(found.size, (1.0 - confidence) / 2)
    if place == 0:
        return Interval(float(np.median(ordered)), -inf, inf)
    return Interval(float(np.median(ordered)), float(ordered[place - 1]), float(ordered[-place]))


def _outside(n: int, tail: float) -> int:
    """The largest r with P(fewer than r of n values lie below the median) <= tail; 0 if none."""
    from scipy.special import bdtr

    below = np.arange((n + 1) // 2)
    return int(np.count_nonzero(bdtr(below, n, 0.5) <= tail))
