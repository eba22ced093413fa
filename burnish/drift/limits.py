"""What is sure of an effect: limits that hold at a stated level, of few rows as of many.

What belongs here: intervals of the effect sizes that decide. What does not: the statistics
themselves (`burnish.drift.statistics`), or rows that come in clumps (`burnish.drift.blocks`).
"""

from __future__ import annotations

from math import lgamma, log, sqrt

import numpy as np
from numpy.typing import NDArray

from burnish.metrics import Interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WEI_DUDLEY_ROWS = 458
WEI_DUDLEY = 2.16863
FEWEST_EXPECTED = 5.0
KEPT_APART = 8
HEADS = (0.5, 0.8, 0.9)


def room(m: float, n: float, alpha: float) -> float:
    """How far a distance of samples of `m` and `n` rows may lie from the truth, but for `alpha`.

    Of the statistic of Kolmogorov and Smirnov by the inequality of Dvoretzky, Kiefer and
    Wolfowitz with Massart's constant, for two samples (Wei and Dudley 2012: below 458 rows the
    constant is 2.16863 in place of 2). The same figure bounds how far a total variation lies from
    its expectation (McDiarmid 1989), either way with half of `alpha`.

    >>> round(room(10_000, 1_000, 0.001), 4)
    0.0647
    """
    constant = 2.0 if min(m, n) >= WEI_DUDLEY_ROWS else WEI_DUDLEY
    return sqrt(log(constant / alpha) / 2.0 * (1.0 / m + 1.0 / n))


def chance_variation(before: IntArray, after: IntArray) -> float:
    """How much of the total variation of two rows of counts is owed to chance.

    Shares of samples differ even where those of the world do not: most with many categories and
    few rows. Of a category that did not change, its part is known exactly from the hypergeometric
    distribution of its rows over the two samples (mean deviation: Ramasubban 1958), which also
    holds for categories seen once. Of one that changed it is less, by the folded normal
    distribution at the difference seen, taken one standard error nearer to 0.

    >>> once = np.ones(100, dtype=np.int64)
    >>> round(chance_variation(np.r_[once, once * 0], np.r_[once * 0, once]), 6)  # all unique
    1.0
    >>> chance_variation(np.array([900, 100]), np.array([100, 900])) < 1e-6
    True
    """
    from scipy.special import ndtr

    m, n = float(before.sum()), float(after.sum())
    total = m + n
    counts = before + after
    values, places = np.unique(counts, return_inverse=True)
    deviation = np.array([_mean_deviation(int(c), int(n), int(total)) for c in values])[places]
    part = deviation * total / (m * n) / 2
    share = counts / total
    error = np.sqrt(share * (1 - share) * (1 / m + 1 / n))
    gap = np.abs(before / m - after / n)
    # Too few rows for a normal distribution: as if it had not changed, which takes off more.
    many = (counts * min(m, n) / total >= FEWEST_EXPECTED) & (error > 0)
    far = np.where(many, np.maximum(0.0, gap - error) / np.where(error > 0, error, 1.0), 0.0)
    density = np.exp(-(far**2) / 2) / np.sqrt(2 * np.pi)
    left = (density - far * ndtr(-far)) * np.sqrt(2 * np.pi)
    return float((part * left).sum())


def joined(before: IntArray, after: IntArray) -> list[tuple[IntArray, IntArray]]:
    """The counts of categories as they are, and with the rare ones joined in some ways.

    With all but the 8 most frequent in one; and as two, the frequent ones that make up half (8, 9
    tenths) of the rows and all others. How frequent is told from both sides together, which favours
    neither.

    >>> ways = joined(np.array([5, 3, 1, 1]), np.array([5, 3, 0, 2]))
    >>> [way[1].tolist() for way in ways]
    [[5, 3, 2, 0], [5, 5], [8, 2], [10, 0]]
    """
    order = np.argsort(-(before + after), kind="stable")
    first, second = before[order], after[order]
    counts = first + second
    reached = np.cumsum(counts)
    heads = np.searchsorted(reached, np.array(HEADS) * reached[-1])
    # As frequent ones stay on one side: their order is that of the tables.
    heads = np.searchsorted(-counts, -counts[heads], side="right")
    cuts = [np.array([0, head]) for head in np.unique(heads) if head < order.size]
    if order.size > KEPT_APART + 1:
        kept = int(np.searchsorted(-counts, -counts[KEPT_APART], side="left"))
        cuts += [np.arange(kept + 1)] if kept > 1 else []
    ways = [(np.add.reduceat(first, cut), np.add.reduceat(second, cut)) for cut in cuts]
    return [(first, second), *ways]


def _mean_deviation(kept: int, drawn: int, total: int) -> float:
    """Mean absolute deviation of how many of `kept` among `total` are among `drawn`."""
    mean = kept * drawn / total
    at = int(mean) + 1
    if at > min(kept, drawn):
        return 0.0
    chance = (
        _log_choose(kept, at) + _log_choose(total - kept, drawn - at) - _log_choose(total, drawn)
    )
    return 2.0 * at * (total - kept - drawn + at) / total * float(np.exp(chance))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) if 0 <= k <= n else -np.inf


def share_limits(successes: float, n: float, alpha: float) -> Interval:
    """The exact interval of a share (Clopper and Pearson 1934); counts may be of effective rows.

    >>> share_limits(0, 100, 0.05)  # doctest: +ELLIPSIS
    Interval(value=0.0, low=0.0, high=0.036...)
    """
    low, high, tail = 0.0, 1.0, alpha / 2
    failures = n - successes
    if successes <= 0:
        return Interval(0.0, 0.0, 1.0 - tail ** (1.0 / n))
    if failures <= 0:
        return Interval(1.0, tail ** (1.0 / n), 1.0)
    from scipy.special import betaincinv

    low = float(betaincinv(successes, failures + 1, tail))
    high = 1.0 - float(betaincinv(failures, successes + 1, tail))
    return Interval(successes / n, low, high)


def share_gap(before: Interval, after: Interval) -> Interval:
    """`after` minus `before`, of different rows: Newcombe's (1998) way with two intervals.

    >>> share_gap(share_limits(10, 100, 0.05), share_limits(60, 100, 0.05)).low > 0.35
    True
    """
    value = after.value - before.value
    below = sqrt((after.value - after.low) ** 2 + (before.high - before.value) ** 2)
    above = sqrt((after.high - after.value) ** 2 + (before.value - before.low) ** 2)
    return Interval(value, max(-1.0, value - below), min(1.0, value + above))


def size_of(gap: Interval) -> Interval:
    """The size of a difference, whichever its sign.

    >>> size_of(Interval(-0.3, -0.4, -0.2))
    Interval(value=0.3, low=0.2, high=0.4)
    """
    low = max(0.0, gap.low, -gap.high)
    return Interval(abs(gap.value), low, max(abs(gap.low), abs(gap.high)))
