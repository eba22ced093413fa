"""The share of wrong labels, from a sample that people looked at and who err themselves.

What belongs here: sampling weights, and the correction for what reviewers miss and what they
break. What does not: noise as a model sees it (`burnish.labels.noise`), or reading samples and gold
items off a ledger (`burnish.workflows.control_arms`, `burnish.workflows.noise`).

Reviewers call wrong a share q of all labels. With sensitivity s (of the wrong labels, the share
that they call wrong) and specificity t (of the right ones, the share that they leave), the true
share is p = (q + t - 1) / (s + t - 1) (Rogan & Gladen 1978). All three are known from counts only.
Each gets its mid-P confidence distribution: half Beta(x, n - x + 1), half Beta(x + 1, n - x), whose
quantiles are the limits of Clopper and Pearson (1934) read with mid-P. p is computed from draws of
all three, held inside [0, 1], and its quantiles are the interval: the melding of Fay, Proschan &
Brittain (2015), which Bayer, Fay & Graubard (2023) use for weighted surveys with imperfect tests;
mid-P keeps it from being wider than need be. Holding inside [0, 1] what is computed outside keeps
the coverage near 0, where conditioning on [0, 1] loses it: with 30 gold items and a noise of 0.02,
83 % where this has 97. `docs/methods/noise-estimate.md` has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError

FloatArray = NDArray[np.float64]

DRAWS = 10_000
# Up to so many different inclusion probabilities each makes a stratum of its own.
_MOST_STRATA = 12


class ReviewerCounts(NamedTuple):
    """What reviewers made of rows whose answer is known (gold items).

    Of `wrong_shown` wrong labels they changed or dropped `wrong_found`; of `right_shown` right
    labels they kept `right_kept`. `wrong_mended` of the wrong ones were given their right label;
    None stands for all that were found.
    """

    wrong_found: int
    wrong_shown: int
    right_kept: int
    right_shown: int
    wrong_mended: int | None = None


@dataclass(frozen=True)
class RateEstimate:
    """A share of wrong labels with its interval, the `n` verdicts behind it, and what it rests on.

    Where nothing is known the value is NaN, low 0 and high 1.
    """

    value: float
    low: float
    high: float
    n: int
    basis: str

    def to_table(self) -> pa.Table:
        """One row: value (null where it is not known), low, high, n, basis."""
        value = None if isnan(self.value) else self.value
        columns = {"value": pa.array([value], pa.float64()), "low": [self.low]}
        return pa.table(columns | {"high": [self.high], "n": [self.n], "basis": [self.basis]})


@dataclass(frozen=True)
class _Stratum:
    """Rows of one inclusion probability: their share of all rows, verdicts, and those 'wrong'."""

    share: float
    n: float
    called: float
    inclusion: float


def estimate_noise_rate(
    wrong: ArrayLike,
    inclusion_probability: ArrayLike | None = None,
    *,
    reviewers: ReviewerCounts | tuple[int, int, int, int] | None = None,
    reviewer_accuracy: tuple[float, float] | None = None,
    confidence: float = 0.95,
    random_state: int = 0,
) -> RateEstimate:
    """Share of wrong labels in the whole from which the rows were drawn.

    `wrong` (n,) says of each reviewed row whether its label was changed or dropped;
    `inclusion_probability` (n,), in (0, 1], how probable it was that the row would be reviewed
    (default: all alike, of a large whole). Rows picked for their score belong here only with the
    probability 1 in a stratum that was reviewed wholly. Weights are 1 / inclusion probability
    (Horvitz & Thompson 1952, as a ratio); rows of one inclusion probability are a stratum, and
    where there are more than 12 of them, rows of similar ones.

    `reviewers` are the counts on gold items, by which the estimate is corrected; the interval has
    the uncertainty of the sample and of the counts. Without them `reviewer_accuracy` may give a
    range in which sensitivity and specificity are supposed to lie: the interval then holds for all
    of it. With neither, the estimate is of the share that these reviewers would change, and says
    so in `basis`.

    Raises `DataError` for no row, arrays that do not fit, or numbers out of their range.

    >>> called = [True] * 40 + [False] * 160
    >>> seen = estimate_noise_rate(called)
    >>> round(seen.value, 2), round(seen.low, 2), round(seen.high, 2)
    (0.2, 0.15, 0.26)
    >>> true = estimate_noise_rate(called, reviewers=(36, 40, 54, 60))
    >>> round(true.value, 3), round(true.low, 2), round(true.high, 2)
    (0.125, 0.0, 0.23)
    """
    strata, n = _strata(wrong, inclusion_probability)
    _check(confidence, reviewer_accuracy)
    rng = np.random.default_rng(random_state)
    called = sum(one.share * one.called / one.n for one in strata)
    said = f"{n} verdicts, of which {_whole(wrong)} call the label wrong"
    tail = (1.0 - confidence) / 2
    if reviewers is not None:
        counts = checked_counts(reviewers)
        s, t = rate_of(counts.wrong_found, counts.wrong_shown), rate_of(*counts[2:4])
        if s + t <= 1.0:
            return RateEstimate(nan, 0.0, 1.0, n, f"{said}; {no_better(counts)}")
        # Half an error is added, so that reviewers without one are not taken for perfect.
        smooth = rate_of(counts.wrong_found + 0.5, counts.wrong_shown + 1)
        q = _drawn_called(strata, rng, smooth, rate_of(counts[2] + 0.5, counts[3] + 1))
        drawn = corrected(q, *reviewer_draws(counts, rng), rng)
        value = float(np.clip((called + t - 1) / (s + t - 1), 0, 1))
        return _estimate(value, _limits(drawn, drawn, tail), n, f"{said}; {measured(counts)}")
    if reviewer_accuracy is None:
        q = _drawn_called(strata, rng, 1.0, 1.0)
        note = "reviewers' own errors are not known: this is the share that they would change"
        return _estimate(called, _limits(q, q, tail), n, f"{said}; {note}")
    least, most = reviewer_accuracy
    middle = (least + most) / 2
    q = _drawn_called(strata, rng, middle, middle)
    # More found and less kept both make for fewer errors behind the same verdicts.
    few, many = (np.clip((q + t - 1) / (least + most - 1), 0, 1) for t in (least, most))
    value = float(np.clip((called + middle - 1) / (2 * middle - 1), 0, 1))
    note = f"reviewers are supposed, not measured, to be right on {least:.0%} to {most:.0%}"
    return _estimate(value, _limits(few, many, tail), n, f"{said}; {note}")


def mid_p_draws(
    hits: float, n: float, rng: np.random.Generator, *, size: int = DRAWS
) -> FloatArray:
    """Draws from the mid-P confidence distribution of a proportion, `hits` of `n`, shape (size,).

    Both may be fractions, of an effective sample size. With n = 0 the draws are uniform.
    """
    if n == 0:
        return rng.random(size)
    upper = rng.random(size) < 0.5
    draws = np.empty(size)
    ups = int(upper.sum())
    draws[upper] = 1.0 if hits >= n else rng.beta(hits + 1, n - hits, ups)
    draws[~upper] = 0.0 if hits <= 0 else rng.beta(hits, n - hits + 1, size - ups)
    return draws


def reviewer_draws(
    counts: ReviewerCounts, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draws of sensitivity and specificity."""
    found = mid_p_draws(counts.wrong_found, counts.wrong_shown, rng)
    return found, mid_p_draws(counts.right_kept, counts.right_shown, rng)


def corrected(
    called: FloatArray, sensitivity: FloatArray, specificity: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Rogan and Gladen's share, draw by draw, held inside [0, 1].

    A draw in which reviewers are no better than chance says nothing: it is 0 or 1, at even odds.
    """
    gain = sensitivity + specificity - 1
    better = gain > 0
    share = (called + specificity - 1) / np.where(better, gain, 1.0)
    return np.clip(np.where(better, share, rng.integers(0, 2, gain.size)), 0.0, 1.0)


def effective_size(
    n: float, called: float, inclusion: float, sensitivity: float, specificity: float
) -> float:
    """`n` rows drawn from a finite whole, as the number of independent ones that say as much.

    The larger the share `inclusion` of the whole that was reviewed, the less is left to the draw;
    what reviewers get wrong stays random. At most 1e9.
    """
    q = (called + 0.5) / (n + 1)
    gain = sensitivity + specificity - 1
    if gain == 0.0:  # They call all rows wrong alike: the whole being finite says nothing.
        return min(1e9, n)
    p = min(1.0, max(0.0, (q + specificity - 1) / gain))
    left = q * (1 - q) - inclusion * gain * gain * p * (1 - p)
    return n * min(1e9 / n, q * (1 - q) / left) if left > 0 else 1e9


def checked_counts(reviewers: ReviewerCounts | tuple[int, int, int, int]) -> ReviewerCounts:
    """The counts by name; raises `DataError` where they contradict each other."""
    counts = reviewers if isinstance(reviewers, ReviewerCounts) else ReviewerCounts(*reviewers[:4])
    mended = 0 if counts.wrong_mended is None else counts.wrong_mended
    possible = (
        0 <= mended <= counts.wrong_found <= counts.wrong_shown
        and 0 <= counts.right_kept <= counts.right_shown
    )
    if not possible:
        raise DataError(
            f"counts on gold items that cannot be: {tuple(counts)}",
            expected="wrong mended <= found <= shown, right kept <= shown",
        )
    return counts


def measured(counts: ReviewerCounts) -> str:
    """How the reviewers did, in words."""
    return (
        f"corrected by gold items: reviewers found {counts.wrong_found} of {counts.wrong_shown} "
        f"wrong labels and kept {counts.right_kept} of {counts.right_shown} right ones"
    )


def no_better(counts: ReviewerCounts) -> str:
    """Why nothing can be said, in words."""
    return f"{measured(counts)}, which is no better than chance: nothing is known"


def rate_of(hits: float, n: float) -> float:
    """`hits` of `n`; a half where nothing was shown."""
    return hits / n if n else 0.5


def _estimate(value: float, limits: tuple[float, float], n: int, basis: str) -> RateEstimate:
    return RateEstimate(min(limits[1], max(limits[0], value)), *limits, n, basis)


def _limits(low: FloatArray, high: FloatArray, tail: float) -> tuple[float, float]:
    return float(np.quantile(low, tail)), float(np.quantile(high, 1 - tail))


def _drawn_called(
    strata: list[_Stratum], rng: np.random.Generator, sensitivity: float, specificity: float
) -> FloatArray:
    """Draws of the share that reviewers would call wrong."""
    total = np.zeros(DRAWS)
    for one in strata:
        size = effective_size(one.n, one.called, one.inclusion, sensitivity, specificity)
        total += one.share * mid_p_draws(one.called / one.n * size, size, rng)
    return total


def _strata(wrong: ArrayLike, inclusion: ArrayLike | None) -> tuple[list[_Stratum], int]:
    flags = np.asarray(wrong)
    if flags.ndim != 1 or flags.size == 0 or flags.dtype != np.bool_:
        raise DataError(
            f"wrong has shape {flags.shape} and type {flags.dtype}",
            expected="one boolean a reviewed row, at least one",
        )
    if inclusion is None:
        return [_Stratum(1.0, flags.size, float(flags.sum()), 0.0)], flags.size
    chance = np.asarray(inclusion, dtype=np.float64)
    if chance.shape != flags.shape or not ((chance > 0) & (chance <= 1)).all():
        raise DataError(
            f"inclusion_probability has shape {chance.shape}, or is outside (0, 1]",
            expected=f"{flags.size} probabilities, one a reviewed row",
        )
    levels = np.unique(chance)
    if levels.size > _MOST_STRATA:
        levels = np.unique(np.quantile(chance, np.arange(_MOST_STRATA) / _MOST_STRATA))
    place = np.searchsorted(levels, chance, side="right") - 1
    weight = 1.0 / chance
    return [
        _stratum(flags[place == at], weight[place == at], float(weight.sum()))
        for at in np.unique(place)
    ], flags.size


def _stratum(flags: NDArray[np.bool_], weight: FloatArray, total: float) -> _Stratum:
    whole = float(weight.sum())
    # Kish's effective size: with weights all alike it is the number of rows.
    n = whole**2 / float((weight**2).sum())
    return _Stratum(whole / total, n, n * float(weight @ flags) / whole, flags.size / whole)


def _whole(wrong: ArrayLike) -> int:
    return int(np.asarray(wrong).sum())


def _check(confidence: float, accuracy: tuple[float, float] | None) -> None:
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1)")
    if accuracy is not None and not 0.5 < accuracy[0] <= accuracy[1] <= 1.0:
        raise DataError(
            f"reviewer_accuracy is {accuracy}",
            expected="(least, most), above 0.5 and at most 1",
            hint="reviewers who are right half of the time say nothing of the labels",
        )
