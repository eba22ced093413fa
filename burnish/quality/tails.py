"""How far a value may lie from the middle before it is more than the tail of its column.

What belongs here: the tails of a sample of numbers, however skewed or long they are, and the fences
they lead to. What does not: what lies beyond them (`burnish.quality.univariate`,
`burnish.quality.rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LEVELS = (0.75, 0.85, 0.9, 0.95, 0.975)
EXPECTED = 0.002
"""How many values beyond a fence would be expected, if the tail went on as it begins."""
FEWEST = 30
POWERS = (1.0, 1 / 2, 1 / 3, 0.0)
"""Scales on which a column may be judged; 0 is that of logarithms."""
MARGIN = 0.6
"""Added to the length of a tail, over the root of n, for the error of its estimate."""
_HUGE = 1e150  # beyond it, differences and products overflow
_FARTHEST = 40.0  # normal quantiles beyond which one value is as far as another


class Side(NamedTuple):
    """One tail: `distance = scale * z * exp(length * z^2 / 2)`, z the normal quantile."""

    scale: float
    length: float

    def distance(self, z: Numbers) -> Numbers:
        """How far from the middle the quantiles `z` lie."""
        with np.errstate(over="ignore"):
            return self.scale * z * np.exp(self.length * z**2 / 2)


@dataclass(frozen=True)
class Tails:
    """The two tails of `n` numbers about their median `middle`, both on a scale of powers.

    `power` 1 leaves the numbers as they are, 1/2 and 1/3 take roots, 0 logarithms.
    """

    n: int
    middle: float
    low: Side
    high: Side
    power: float = 1.0

    @property
    def fences(self) -> tuple[float, float]:
        """Below and above which only .002 of the n values would be expected."""
        from scipy.special import ndtri

        last = np.array([-float(ndtri(EXPECTED / self.n))])
        ends = np.append(-self.low.distance(last), self.high.distance(last)) + self.middle
        low, high = _turned_back(ends, self.power)
        return float(low), float(high)

    @property
    def median(self) -> float:
        return float(_turned_back(np.array([self.middle]), self.power)[0])

    def scores(self, values: Numbers) -> Numbers:
        """The normal quantile that each value would be: 2 for one of the 2.5 % on the high side."""
        away = _turned(values, self.power) - self.middle
        z = np.linspace(0, _FARTHEST, 1001)
        up, down = (
            np.interp(np.abs(away), np.minimum(side.distance(z), 1e300), z)
            for side in (self.high, self.low)
        )
        return np.where(away < 0, -down, up)


def tails_of(
    ordered: Numbers, *, powers: Sequence[float] = POWERS, margin: float = MARGIN
) -> Tails | None:
    """The tails of numbers in rising order; None for fewer than 30, or half of one value.

    Each side is fitted by itself with its quantiles from .75 to .975, so that two in a hundred odd
    values change little: the h of Tukey's g-and-h family, never below 0, nor the curve below a
    quantile that it is fitted to. Numbers that are never negative are fitted on the scale of
    `powers` where they are least skewed. `margin` lengthens both tails. After Xu, Iglewicz &
    Chervoneva 2014, 'Robust estimation of the parameters of g-and-h distributions, with
    applications to outlier detection'; quantiles of tied values after Ma, Genton & Parzen 2011,
    'Asymptotic properties of sample quantiles of discrete distributions'.

    >>> rows = np.sort(np.random.default_rng(0).normal(size=1000))
    >>> low, high = tails_of(rows).fences
    >>> bool(low < rows[0] and rows[-1] < high), round(high)
    (True, 6)
    """
    if ordered.size < FEWEST or ordered[-1] == ordered[0] or max(np.abs(ordered[[0, -1]])) > _HUGE:
        return None
    levels, counts = np.unique(ordered, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / ordered.size
    wanted = np.array([0.05, 0.5, 0.95, *LEVELS, *(1 - level for level in LEVELS)])
    at = np.interp(wanted, middles, levels)
    fit = [power for power in powers if levels[0] > 0 or (power and levels[0] >= 0)]
    power = min(fit or [1.0], key=lambda power: abs(_skew(_turned(at[:3], power))))
    at = _turned(at, power)
    middle, size = float(at[1]), len(LEVELS)
    high = _side(at[3 : 3 + size] - middle, ordered.size, margin)
    low = _side(middle - at[3 + size :], ordered.size, margin)
    return Tails(ordered.size, middle, low, high, power) if low and high else None


def _side(distances: Numbers, n: int, margin: float) -> Side | None:
    """A tail, by how far the quantiles of `LEVELS` lie from the median."""
    from scipy.special import ndtri

    z = ndtri(np.array(LEVELS))
    if not 0 < distances[0] <= distances[-1] < np.inf:
        return None
    height, lean = np.log(distances / z), z**2 / 2
    length = max(0.0, float(np.polyfit(lean, height, 1)[0])) + margin / float(np.sqrt(n))
    return Side(float(np.exp(np.max(height - length * lean))), length)


def _turned(values: Numbers, power: float) -> Numbers:
    if power == 1:
        return values
    if power:
        return np.sign(values) * np.abs(values) ** power
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(values, 0))


def _turned_back(values: Numbers, power: float) -> Numbers:
    with np.errstate(over="ignore"):
        return _turned(values, 1 / power) if power else np.exp(values)


def _skew(quantiles: Numbers) -> float:
    """Bowley's skewness of the middle 90 per cent, in [-1, 1]."""
    low, middle, high = quantiles
    return float((high - middle) - (middle - low)) / float(high - low) if high > low else 1.0
