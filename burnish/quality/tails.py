"""How far a value may lie from the middle before it is more than the tail of its column.

What belongs here: the tails of a sample of numbers, however skewed or long they are, and the fences
they lead to. What does not: what lies beyond them (`burnish.quality.univariate`,
`burnish.quality.rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LEVELS = (0.75, 0.85, 0.9, 0.95, 0.975)
EXPECTED = 0.002
"""How many values beyond a fence would be expected, if the tail went on as it begins."""
FEWEST = 30
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
    """The two tails of `n` numbers about their median `middle`; where so said, of logarithms."""

    n: int
    middle: float
    low: Side
    high: Side
    logarithm: bool = False

    @property
    def fences(self) -> tuple[float, float]:
        """Below and above which only .002 of the n values would be expected."""
        from scipy.special import ndtri

        last = np.array([-float(ndtri(EXPECTED / self.n))])
        low = self.middle - float(self.low.distance(last)[0])
        high = self.middle + float(self.high.distance(last)[0])
        with np.errstate(over="ignore"):
            return (float(np.exp(low)), float(np.exp(high))) if self.logarithm else (low, high)

    @property
    def median(self) -> float:
        return float(np.exp(self.middle)) if self.logarithm else self.middle

    def scores(self, values: Numbers) -> Numbers:
        """The normal quantile that each value would be: 2 for one of the 2.5 % on the high side."""
        with np.errstate(divide="ignore", invalid="ignore"):
            away = (np.log(values) if self.logarithm else values) - self.middle
        z = np.linspace(0, _FARTHEST, 1001)
        up, down = (
            np.interp(np.abs(away), np.minimum(side.distance(z), 1e300), z)
            for side in (self.high, self.low)
        )
        return np.where(away < 0, -down, up)


def tails_of(ordered: Numbers, *, logarithms: bool = True) -> Tails | None:
    """The tails of numbers in rising order; None for fewer than 30, or half of one value.

    Each side is fitted by itself with its quantiles from .75 to .975, so that two in a hundred odd
    values change little: the h of Tukey's g-and-h family, never below 0, nor the curve below a
    quantile that it is fitted to. Positive numbers are fitted on the scale of logarithms where
    they are less skewed there, if `logarithms` may be taken. After Xu, Iglewicz & Chervoneva 2014, 'Robust estimation of the
    parameters of g-and-h distributions, with applications to outlier detection'.

    >>> rows = np.sort(np.random.default_rng(0).normal(size=1000))
    >>> low, high = tails_of(rows).fences
    >>> bool(low < rows[0] and rows[-1] < high), round(high)
    (True, 6)
    """
    if ordered.size < FEWEST or ordered[-1] == ordered[0]:
        return None
    if logarithms and ordered[0] > 0 and ordered[-1] > 3 * ordered[0]:
        logs = np.log(ordered)
        if abs(_skew(logs)) < abs(_skew(ordered)):
            return _fitted(logs, logarithm=True)
    return _fitted(ordered, logarithm=False)


def _fitted(ordered: Numbers, *, logarithm: bool) -> Tails | None:
    middle = float(np.quantile(ordered, 0.5))
    low, high = _side(middle - ordered[::-1]), _side(ordered - middle)
    if low is None or high is None:
        return None
    return Tails(ordered.size, middle, low, high, logarithm)


def _side(distances: Numbers) -> Side | None:
    """A tail, by distances from the median that rise, and half of which are below 0."""
    from scipy.special import ndtri

    z = ndtri(np.array(LEVELS))
    at = np.quantile(distances, LEVELS)
    if not 0 < at[0] <= at[-1] < np.inf:
        return None
    height, lean = np.log(at / z), z**2 / 2
    length = max(0.0, float(np.polyfit(lean, height, 1)[0])) + 1 / np.sqrt(distances.size)
    return Side(float(np.exp(np.max(height - length * lean))), length)


def _skew(ordered: Numbers) -> float:
    """Bowley's skewness of the middle 90 per cent, in [-1, 1]."""
    low, middle, high = np.quantile(ordered, [0.05, 0.5, 0.95])
    return float((high - middle) - (middle - low)) / float(high - low) if high > low else 1.0
