"""What the next reviews will find: the stopping rule, in words and with an interval.

What belongs here: the forecast for rows in their order. What does not: how probably a label is
wrong (`burnish.labels`), or how many errors are left in all (`burnish.workflows.noise`).

Reviews of rows that are wrong with probabilities p find a Poisson-binomial number of errors. That
holds if the probabilities do, and before people have looked they hardly do: on real labels, 90 %
intervals that take them at their word held the count in 1 to 11 cases of 100. So all log-odds are
thought to be off by one number, normal about 0 at first. What was found in past batches tells it,
the latest batch best; the forecast is the mixture over what it may be (logistic recalibration by
its intercept, Cox 1958, with a prior). And reviewers err: a single slip on a row that is wrong
almost surely would pull that number far down, so the share of slips is unknown as well, and the
same batches tell it. `docs/methods/queue.md` has what that comes to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.acquisition.order import FloatArray, batch_value, descending, seeded_keys
from burnish.errors import DataError

OFF_BY = 1.5
"""Standard deviation of what log-odds are off by, before any verdict."""
FADING = 0.4
"""What a batch counts for beside the one after it: what holds at the top of a list fades below."""
_SHIFTS = np.linspace(-6.0, 6.0, 97)
_RAREST = 1e-6
# What share of rows reviewers may get wrong, and how probably, before any verdict.
_SLIPS = np.array([0.0, 0.02, 0.05, 0.1, 0.2])
_SLIP_PRIOR = np.array([0.4, 0.2, 0.2, 0.15, 0.05])
# Above so many rows the count is as good as normal, and summing it up row by row is slow.
_SUMMED_UP_TO = 2_000


@dataclass(frozen=True)
class PastBatch:
    """Suspicious rows of a batch: how probably each was thought wrong, and whether it was."""

    error_probability: Sequence[float]
    wrong: Sequence[bool]


@dataclass(frozen=True)
class Forecast:
    """How many errors the next reviews find: expected, and the limits of an interval."""

    reviews: int
    expected: float
    low: int
    high: int
    confidence: float
    checked: bool

    @property
    def text(self) -> str:
        """The forecast as a sentence."""
        if self.reviews == 0:
            return "No labelled row is left to review."
        which = "review is" if self.reviews == 1 else f"{self.reviews:,} reviews are"
        number = f"{self.expected:.0f}" if self.expected >= 0.95 else f"{self.expected:.1f}"
        errors = "error" if number == "1" and self.high == 1 else "errors"
        basis = "" if self.checked else ", as the models see it"
        return (
            f"The next {which} expected to find {number} ({self.low}-{self.high}) {errors}{basis}."
        )

    def to_table(self) -> pa.Table:
        """One row: reviews, expected, low, high, confidence, checked, text."""
        return pa.table(
            {
                "reviews": [self.reviews],
                "expected": [self.expected],
                "low": [self.low],
                "high": [self.high],
                "confidence": [self.confidence],
                "checked": [self.checked],
                "text": [self.text],
            }
        )


def forecast(
    candidates: pa.Table,
    *,
    reviews: int = 100,
    history: Sequence[PastBatch] = (),
    slice_weight: Mapping[str, float] | None = None,
    confidence: float = 0.9,
    random_state: int = 0,
) -> Forecast:
    """How many wrong labels the next `reviews` of `candidates` find, if people go by value.

    `candidates` are the open rows: example_id and error_probability; leverage and cost are used
    where present. `history` is what past batches found, oldest first; without it `checked` is
    False, and the probabilities are taken at their word, with a wide margin. The interval holds the
    count with probability `confidence`, if past batches are like the next.

    Raises `DataError` for a probability outside [0, 1], or a number out of its range.

    >>> rows = pa.table({"example_id": ["a", "b", "c"], "error_probability": [0.02, 0.9, 0.1]})
    >>> past = PastBatch([0.9, 0.1] * 50, [True, False] * 50)
    >>> forecast(rows, reviews=2, history=[past]).text
    'The next 2 reviews are expected to find 1 (0-2) errors.'
    """
    if reviews < 1:
        raise DataError(f"a forecast of {reviews} reviews", expected="one or more")
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1)")
    wrong = candidates["error_probability"].cast(pa.float64()).to_numpy()
    next_rows = _first(candidates, reviews, slice_weight, random_state)
    weights = _weights(history)
    shifted = _shifted(wrong[next_rows])
    counts = np.arange(next_rows.size + 1.0)
    chances = np.zeros(counts.size)
    for at, slip in enumerate(_SLIPS):
        likely = weights[:, at] > _RAREST**2
        chances += _count_chances(_called(shifted[likely], slip), weights[likely, at], counts)
    tail = (1.0 - confidence) / 2
    below = np.cumsum(chances)
    below /= below[-1]
    low, high = (int(counts[np.searchsorted(below, t)]) for t in (tail + 1e-12, 1 - tail - 1e-12))
    return Forecast(
        reviews=next_rows.size,
        # Before any verdict the mixture is a margin, and its mean no better than the models': it
        # would promise more errors than the probabilities of all rows add up to.
        expected=float((chances * counts).sum() if history else wrong[next_rows].sum()),
        low=low,
        high=high,
        confidence=confidence,
        checked=bool(history),
    )


def _first(
    candidates: pa.Table, reviews: int, slice_weight: Mapping[str, float] | None, random_state: int
) -> NDArray[np.intp]:
    """Places of the rows whose reviews are worth most, as a batch would take them."""
    value = batch_value(candidates, slice_weight)
    if value.size > reviews:
        cut = np.partition(value, value.size - reviews)[value.size - reviews]
        places = np.flatnonzero(value >= cut)
    else:
        places = np.arange(value.size)
    names = candidates["example_id"].take(pa.array(places)).to_pylist()
    ties = seeded_keys(names, salt="audit", random_state=random_state)
    return places[descending(value[places], ties)][:reviews]


def _weights(history: Sequence[PastBatch]) -> FloatArray:
    """Probability of each of `_SHIFTS` with each of `_SLIPS`, given past batches; adds up to 1."""
    logs = -0.5 * (_SHIFTS[:, None] / OFF_BY) ** 2 + np.log(_SLIP_PRIOR)
    for age, batch in enumerate(reversed(history)):
        chance = np.asarray(batch.error_probability, dtype=np.float64)
        wrong = np.asarray(batch.wrong, dtype=bool)
        if chance.shape != wrong.shape or not ((chance >= 0) & (chance <= 1)).all():
            raise DataError(
                f"a past batch of {chance.size} probabilities and {wrong.size} outcomes",
                expected="a probability from 0 to 1 and an outcome for each row",
            )
        shifted = _shifted(chance)
        for at, slip in enumerate(_SLIPS):
            called = _called(shifted, slip)
            right = np.where(wrong, called, 1.0 - called)
            logs[:, at] += FADING**age * np.log(np.maximum(right, _RAREST)).sum(axis=1)
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def _called(wrong: FloatArray, slip: float) -> FloatArray:
    """Probabilities that reviewers who get a share of rows wrong call a label wrong."""
    return wrong * (1.0 - slip) + (1.0 - wrong) * slip


def _shifted(chance: FloatArray) -> FloatArray:
    """Probabilities with shifted log-odds, shape (shifts, rows); never quite 0 or 1."""
    chance = np.clip(chance, _RAREST, 1.0 - _RAREST)
    odds = np.log(chance / (1.0 - chance))
    return 1.0 / (1.0 + np.exp(-(odds[None, :] + _SHIFTS[:, None])))


def _count_chances(wrong: FloatArray, weights: FloatArray, counts: FloatArray) -> FloatArray:
    """Probabilities of `counts` of errors, each row of `wrong` with its weight."""
    if wrong.shape[1] > _SUMMED_UP_TO:
        return _as_normal(wrong, weights, counts)
    chances = np.zeros((weights.size, counts.size))
    chances[:, 0] = 1.0
    for row in range(wrong.shape[1]):
        p = wrong[:, row, None]
        chances[:, 1 : row + 2] = chances[:, 1 : row + 2] * (1 - p) + chances[:, : row + 1] * p
        chances[:, :1] *= 1 - p
    return weights @ chances


def _as_normal(wrong: FloatArray, weights: FloatArray, counts: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    means, spreads = wrong.sum(axis=1), np.sqrt((wrong * (1 - wrong)).sum(axis=1))
    below = weights @ ndtr((counts[None, :] + 0.5 - means[:, None]) / spreads[:, None])
    below[-1] = weights.sum()
    return np.diff(below, prepend=0.0)
