"""Distances between two samples of one column, the same numbers as scipy's.

What belongs here: statistics of sorted numbers and of counts. What does not: what is sure of them
(`burnish.drift.limits`), or which cells they are computed of (`burnish.drift.cells`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BINS = 10

FLOOR = 1e-4
"""The least share a bin counts with in the PSI, whose logarithm has no value at 0."""

# Loading numba takes as long as numpy does with about so many sorted values.
COMPILED_FROM = 4_000_000


@dataclass(frozen=True)
class Distances:
    """Distances of two samples; None where one has no meaning for the kind of column."""

    ks: float | None = None
    wasserstein: float | None = None
    psi: float | None = None
    jensen_shannon: float | None = None
    chi_square: float | None = None
    total_variation: float | None = None


def number_distances(before: FloatArray, after: FloatArray, *, compiled: bool = False) -> Distances:
    """Distances of two samples of finite numbers, both sorted and of one value or more.

    `ks` is the statistic of Kolmogorov and Smirnov, `wasserstein` the distance of the first order,
    in the unit of the numbers. `psi` and `jensen_shannon` compare shares of the bins between the
    tenths of `before` (fewer where values repeat).

    >>> found = number_distances(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    >>> round(found.ks, 3), found.wasserstein
    (0.333, 1.0)
    """
    if compiled:
        from burnish.drift.kernels import gaps

        ks, area = gaps(before, after)
    else:
        ks, area = _gaps(before, after)
    shares = [counts / counts.sum() for counts in binned(before, after)]
    return Distances(
        ks=float(ks),
        wasserstein=float(area),
        psi=_psi(*shares),
        jensen_shannon=_jensen_shannon(*shares),
    )


def count_distances(before: IntArray, after: IntArray) -> Distances:
    """Distances of two rows of counts (k,), of the same k categories, neither of them all zero.

    `jensen_shannon` is the distance in base 2, in [0, 1]; `chi_square` Pearson's statistic of the
    table 2 x k without correction; `total_variation` half the sum of the differences of shares.

    >>> found = count_distances(np.array([50, 50]), np.array([25, 75]))
    >>> found.total_variation, round(found.chi_square, 3)
    (0.25, 13.333)
    """
    kept = (before + after) > 0
    before, after = before[kept], after[kept]
    shares = (before / before.sum(), after / after.sum())
    return Distances(
        psi=_psi(*shares),
        jensen_shannon=_jensen_shannon(*shares),
        chi_square=_chi_square(before, after),
        total_variation=float(np.abs(shares[0] - shares[1]).sum() / 2),
    )


def binned(before: FloatArray, after: FloatArray, bins: int = BINS) -> tuple[IntArray, IntArray]:
    """Counts of both sorted samples between the quantiles of `before`, those of each bin.

    >>> a = np.arange(100.0)
    >>> [counts.tolist() for counts in binned(a, a + 50, 2)]
    [[51, 49], [1, 99]]
    """
    places = np.ceil(np.arange(1, bins) / bins * before.size).astype(np.int64)
    edges = np.unique(before[np.minimum(places, before.size - 1)])
    found: list[IntArray] = []
    for side in (before, after):
        ends = np.concatenate([[0], np.searchsorted(side, edges, side="right"), [side.size]])
        found.append(np.diff(ends).astype(np.int64))
    return found[0], found[1]


def _gaps(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    both = np.concatenate([before, after])
    both.sort(kind="stable")
    below = [np.searchsorted(side, both, side="right") / side.size for side in (before, after)]
    gap = np.abs(below[0] - below[1])
    return float(gap.max()), float((gap[:-1] * np.diff(both)).sum())


def _psi(before: FloatArray, after: FloatArray) -> float:
    p, q = np.maximum(before, FLOOR), np.maximum(after, FLOOR)
    return float(((q - p) * np.log(q / p)).sum())


def _jensen_shannon(before: FloatArray, after: FloatArray) -> float:
    middle = (before + after) / 2
    total = 0.0
    for side in (before, after):
        some = side > 0
        total += float((side[some] * np.log2(side[some] / middle[some])).sum())
    return float(np.sqrt(max(0.0, total / 2)))


def _chi_square(before: IntArray, after: IntArray) -> float:
    pooled = (before + after) / (before.sum() + after.sum())
    expected = (pooled * before.sum(), pooled * after.sum())
    return float(
        sum(
            ((seen - hoped) ** 2 / hoped).sum()
            for seen, hoped in zip((before, after), expected, strict=True)
        )
    )
