"""What chance does to a calibration error: draws of a calibrated model, and limits by inversion.

What belongs here: the distribution of the binned error when labels are drawn from given
probabilities. What does not: which events and bins (`burnish.calibration.error`).

A binned error is a sum of absolute values: noise adds to it and never takes from it, so that an
ordinary bootstrap of rows lies far above the truth. Here labels are drawn as a calibrated model
would have them, and as models would whose gaps are a multiple of those seen; limits are the errors
of those models for which what was seen is just not surprising (a test inversion bootstrap,
Carpenter 1999).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from burnish.metrics.checked import FloatArray, IntArray

# Rows times events times draws: above it, labels are drawn for a random part of the rows, and
# their noise is scaled to all. Noise of thousands of rows is normal, whichever part it is of.
_WORK = 20_000_000
_LEAST_ROWS = 2_000
_AT_ONCE = 2_000_000
_SLACK = 1e-12
# So many standard errors make a gap clear.
_CLEAR = 2.0


@dataclass(frozen=True)
class Limits:
    """The error freed of what noise adds, its limits, and what a calibrated model would show."""

    debiased: float
    low: float
    high: float
    by_chance: float
    by_chance_high: float
    p_value: float


@dataclass(frozen=True)
class Cells:
    """Events sorted into cells, a cell being a bin of one event.

    `claimed` and `happened` have shape (n, m): probability of each of m events, and 1 where it
    came true; `cell` (n, m) numbers the cells through all events. With m > 1 just one of the
    events comes true in each row.
    """

    claimed: FloatArray
    happened: FloatArray
    cell: IntArray

    @cached_property
    def sizes(self) -> FloatArray:
        """Rows of each cell, shape (C,)."""
        return np.bincount(self.cell.ravel()).astype(np.float64)

    @cached_property
    def sums(self) -> FloatArray:
        """Sum of observed minus claimed in each cell, shape (C,)."""
        return self.by_cell(self.happened - self.claimed, np.ones_like(self.sizes))

    @cached_property
    def error(self) -> float:
        """Mean over events of the mean gap over bins."""
        return float(np.abs(self.sums).sum() / self.claimed.size)

    def by_cell(self, values: FloatArray, scale: FloatArray) -> FloatArray:
        """Sums of `values` (n, m) in each cell, times `scale` (C,)."""
        flat = self.cell.ravel()
        return np.bincount(flat, weights=values.ravel(), minlength=scale.size) * scale

    def variances(self, probs: FloatArray, scale: FloatArray) -> FloatArray:
        """Variance of the number of events in each cell, if `probs` (n, m) are true."""
        return self.by_cell(probs * (1.0 - probs), scale)

    def part(self, rows: IntArray) -> Cells:
        return Cells(self.claimed[rows], self.happened[rows], self.cell[rows])


def limits(cells: Cells, *, confidence: float, draws: int, rng: np.random.Generator) -> Limits:
    """Limits of the error that `cells` show, and what chance gives, from `draws` sets of labels."""
    part = _part(cells, draws, rng)
    scale = cells.sizes / np.maximum(np.bincount(part.cell.ravel(), minlength=cells.sizes.size), 1)
    noise = _noise(part, cells.sizes.size, draws, rng) * np.sqrt(scale)
    chance = np.abs(noise).sum(axis=1) / cells.claimed.size
    seen = cells.error
    lone, likely, even = (_Path(cells, part, scale, noise, gaps) for gaps in _directions(cells))
    alpha = (1.0 - confidence) / 2
    low = middle = 0.0
    if (chance >= seen - _SLACK).mean() < alpha:
        low = _crossing(lambda at: alpha - float((lone.drawn(at) >= seen - _SLACK).mean()))
    if chance.mean() < seen:
        middle = _crossing(lambda at: seen - float(likely.drawn(at).mean()))
    high = _crossing(lambda at: float((even.drawn(at) <= seen + _SLACK).mean() - alpha))
    bottom, top = lone.error(low), even.error(high)
    return Limits(
        debiased=min(max(likely.error(middle), bottom), top),
        low=bottom,
        high=top,
        by_chance=float(chance.mean()),
        by_chance_high=float(np.quantile(chance, confidence)),
        p_value=float((1 + (chance >= seen - _SLACK).sum()) / (1 + draws)),
    )


class _Path:
    """Models that are off by a multiple `at` of given gaps, a gap a cell: 0 is calibrated."""

    def __init__(
        self, cells: Cells, part: Cells, scale: FloatArray, noise: FloatArray, gaps: FloatArray
    ) -> None:
        self._part, self._scale, self._gaps = part, scale, gaps
        self._total, self._sizes = cells.claimed.size, cells.sizes
        spread = np.sqrt(part.variances(part.claimed, scale))
        # Where a calibrated model leaves hardly anything to chance, its noise is no other model's.
        self._rare = np.flatnonzero(spread < 1.0)
        self._z = noise / np.maximum(spread, 1.0)

    def error(self, at: float) -> float:
        return float(np.abs(self._shift(at)[0]).sum() / self._total)

    def drawn(self, at: float) -> FloatArray:
        """The error that each draw of labels shows, shape (draws,)."""
        shift, probs = self._shift(at)
        sums = shift + self._z * np.sqrt(self._part.variances(probs, self._scale))
        if self._rare.size:
            sums[:, self._rare] = self._counted(probs)
        return np.abs(sums).sum(axis=1) / self._total

    def _counted(self, probs: FloatArray) -> FloatArray:
        """Events drawn minus events claimed, in cells where next to nothing is left to chance."""
        rare, part = self._rare, self._part
        sizes = self._sizes[rare].astype(np.int64)
        share = np.clip(part.by_cell(probs, self._scale)[rare] / np.maximum(sizes, 1), 0.0, 1.0)
        # The same stream each time, so that bisection compares like with like.
        same = np.random.default_rng(rare.size)
        events = same.binomial(sizes, share, (len(self._z), rare.size))
        return events - part.by_cell(part.claimed, self._scale)[rare]

    def _shift(self, at: float) -> tuple[FloatArray, FloatArray]:
        part = self._part
        probs = np.clip(part.claimed + at * self._gaps[part.cell], 0.0, 1.0)
        return part.by_cell(probs - part.claimed, self._scale), probs


def _directions(cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Three patterns of gaps: the clear ones alone, those seen without their noise, all alike.

    Of models with the same error the first shows the most on average and the last the least:
    noise hides small gaps and leaves a wide one as it is. So the first gives the lower limit, the
    last the upper one, and the one between the estimate.
    """
    sizes = np.maximum(cells.sizes, 1.0)
    gaps = cells.sums / sizes
    observed = np.bincount(cells.cell.ravel(), weights=cells.happened.ravel()) / sizes
    claimed = observed - gaps
    towards = np.where(claimed > 0.5, -1.0, 1.0)
    even = np.where(gaps == 0, towards, np.sign(gaps)) / np.sqrt(sizes.mean())
    widest = np.where(np.arange(sizes.size) == np.argmax(np.abs(cells.sums)), even, 0.0)
    variance = np.maximum(claimed * (1 - claimed), observed * (1 - observed)) / sizes

    def beyond(errors: float) -> FloatArray:
        """Breiman's garrote (1995): what is left of a gap beyond so many standard errors."""
        kept = gaps * np.maximum(0.0, 1.0 - errors**2 * variance / np.maximum(gaps**2, 1e-300))
        return kept if np.abs(kept).sum() > _SLACK else widest

    return beyond(_CLEAR), beyond(1.0), even


def _crossing(excess: Callable[[float], float]) -> float:
    """Where a falling function of the multiple crosses zero, by doubling and bisection."""
    inside, outside = 0.0, 1.0
    while excess(outside) > 0 and outside < 2.0**16:
        inside, outside = outside, 2.0 * outside
    for _ in range(20):
        middle = (inside + outside) / 2
        if excess(middle) > 0:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


def _part(cells: Cells, draws: int, rng: np.random.Generator) -> Cells:
    n, m = cells.claimed.shape
    most = max(_LEAST_ROWS, _WORK // (m * draws))
    if n <= most:
        return cells
    return cells.part(np.sort(rng.choice(n, most, replace=False)))


def _noise(cells: Cells, count: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Drawn minus claimed, summed in each cell, for `draws` sets of labels: shape (draws, C)."""
    n, m = cells.claimed.shape
    found = np.zeros((draws, count))
    columns = [_membership(cells.cell[:, k]) for k in range(m)]
    upper = np.cumsum(cells.claimed, axis=1).T.astype(np.float32)
    step = max(1, _AT_ONCE // n)
    for start in range(0, draws, step):
        chosen = rng.random((min(step, draws - start), n), dtype=np.float32)
        before = np.zeros_like(chosen, dtype=bool)
        for k, (numbers, member) in enumerate(columns):
            below = chosen < upper[k]
            found[start : start + step, numbers] = (below & ~before).astype(np.float32) @ member
            before = below
    flat = np.bincount(cells.cell.ravel(), weights=cells.claimed.ravel(), minlength=count)
    return found - flat


def _membership(
    cell: IntArray,
) -> tuple[IntArray, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    """The cells of one event, and for each row 1 in the column of its cell."""
    numbers, place = np.unique(cell, return_inverse=True)
    member = np.zeros((cell.size, numbers.size), dtype=np.float32)
    member[np.arange(cell.size), place] = 1.0
    return np.asarray(numbers, dtype=np.int64), member
