"""Bins of numbers: of equal mass, and of equal width over [0, 1].

What belongs here: which bin a value falls into. What does not: what is measured in a bin
(`burnish.metrics.probabilities`, `burnish.calibration`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, sorted_within


def equal_mass_bins(values: ArrayLike, bins: int) -> IntArray:
    """The bin of each value, shape (n,), in 0 .. bins - 1: groups of (nearly) equal size.

    Equal values share a bin, that of the first of them, so that the order of rows does not
    matter. With ties, or fewer rows than bins, some bins stay empty. Raises `DataError` for less
    than one bin.

    >>> equal_mass_bins([0.9, 0.1, 0.5, 0.5], 2).tolist()
    [1, 0, 0, 0]
    """
    _check(bins)
    array = np.asarray(values, dtype=np.float64)
    first_rank = np.searchsorted(np.sort(array), array, side="left")
    return np.asarray(first_rank * bins // max(array.size, 1), dtype=np.int64)


def grouped_equal_mass_bins(values: FloatArray, groups: Groups, bins: int) -> IntArray:
    """As `equal_mass_bins`, among the rows of each row's own group.

    >>> grouped_equal_mass_bins(np.array([0.9, 7, 0.1]), Groups(np.array([0, 1, 0]), 2), 2).tolist()
    [1, 0, 0]
    """
    _check(bins)
    n = groups.count()
    order = sorted_within(values, groups)
    value, code = values[order], groups.codes[order]
    starts = np.ones(value.size, dtype=bool)
    starts[1:] = (value[1:] != value[:-1]) | (code[1:] != code[:-1])
    first = np.flatnonzero(starts)[np.cumsum(starts) - 1] - (np.cumsum(n) - n)[code]
    found = np.empty(value.size, dtype=np.int64)
    found[order] = first * bins // np.maximum(n, 1)[code]
    return found


def equal_width_bins(values: ArrayLike, bins: int) -> IntArray:
    """The bin of each value of [0, 1], shape (n,): ((m - 1) / bins, m / bins], 0 in the first.

    >>> equal_width_bins([0.0, 0.5, 0.51, 1.0], 2).tolist()
    [0, 0, 1, 1]
    """
    _check(bins)
    inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    return np.searchsorted(inner, np.asarray(values, dtype=np.float64), side="left").astype(
        np.int64
    )


def _check(bins: int) -> None:
    if bins < 1:
        raise DataError(f"bins is {bins}", expected="one bin or more")
