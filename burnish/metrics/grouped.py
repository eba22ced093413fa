"""Many groups of rows at once: sums, means and ranks by integer code.

What belongs here: arithmetic on `Groups`, in one pass over the rows however many groups there
are. What does not: what a group stands for (`burnish.slices`), nor limits of a value
(`burnish.metrics.limits`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.checked import FloatArray, IntArray


@dataclass(frozen=True)
class Groups:
    """Rows dealt into `size` groups: `codes`, shape (n,), holds each row's group, 0 to size - 1."""

    codes: IntArray
    size: int

    def count(self) -> IntArray:
        """Rows of each group, shape (size,)."""
        return np.bincount(self.codes, minlength=self.size).astype(np.int64)

    def total(self, values: NDArray[np.generic]) -> FloatArray:
        """Sum of a value of each row, by group."""
        return np.bincount(self.codes, weights=values, minlength=self.size).astype(np.float64)

    def mean(self, values: NDArray[np.generic]) -> FloatArray:
        """Mean by group, NaN for a group without rows."""
        return ratio(self.total(values), self.count())

    def table(self, column: IntArray, columns: int) -> IntArray:
        """Counts of shape (size, columns): rows of each group that hold each code."""
        cells = np.bincount(self.codes * columns + column, minlength=self.size * columns)
        return cells.reshape(self.size, columns).astype(np.int64)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Groups:
        """The same groups over some of the rows."""
        return Groups(self.codes[rows], self.size)


def ratio(top: NDArray[np.generic], bottom: NDArray[np.generic]) -> FloatArray:
    """Top / bottom, NaN where there is nothing to divide by.

    >>> ratio(np.array([1, 0]), np.array([2, 0])).tolist()
    [0.5, nan]
    """
    unknown = np.full(np.shape(top), np.nan)
    return np.divide(top, bottom, out=unknown, where=np.asarray(bottom) != 0)


def sorted_within(values: FloatArray, groups: Groups) -> NDArray[np.intp]:
    """Order of the rows by group and then by value; equal values in any order.

    >>> sorted_within(np.array([3.0, 9.0, 1.0]), Groups(np.array([1, 0, 1]), 2)).tolist()
    [1, 2, 0]
    """
    order = np.argsort(values)
    code = groups.codes[order]
    # A stable sort of 16-bit integers counts, and takes a fifth of the time of a lexsort.
    small = code.astype(np.int16) if groups.size < 2**15 else code
    return order[np.argsort(small, kind="stable")]


def midranks(values: FloatArray, groups: Groups) -> FloatArray:
    """Rank of each row among the rows of its own group, from 1; equal values share their mean rank.

    >>> midranks(np.array([3.0, 1.0, 3.0, 9.0]), Groups(np.array([0, 0, 0, 1]), 2)).tolist()
    [2.5, 1.0, 2.5, 1.0]
    """
    order = sorted_within(values, groups)
    value, code = values[order], groups.codes[order]
    starts = np.ones(value.size, dtype=bool)
    starts[1:] = (value[1:] != value[:-1]) | (code[1:] != code[:-1])
    first = np.flatnonzero(starts)
    length = np.diff(np.append(first, value.size))
    before = np.cumsum(groups.count()) - groups.count()
    ranks = np.empty(value.size)
    ranks[order] = np.repeat(first + (length + 1) / 2, length) - before[code]
    return ranks
