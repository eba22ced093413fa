"""What the next reviews will find: the stopping rule, in words and with an interval.

What belongs here: the forecast for rows in their order. What does not: how probably a label is
wrong (`burnish.labels`), or how many errors are left in all (`burnish.workflows.noise`).

Reviews of rows that are wrong with probabilities p find a Poisson-binomial number of errors. That
holds if the probabilities do. So what was found in past batches is held against what was expected:
the ratio of the two has a gamma prior about 1 and, errors being found like a Poisson count, a gamma
posterior (Gelman et al., *Bayesian Data Analysis*, chapter 2); the forecast is the mixture over it.
Before any verdict the prior alone stands: a model's own count may well be off by half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.acquisition.order import FloatArray, audit_priority, descending, seeded_keys
from burnish.errors import DataError

PRIOR_ERRORS = 4.0
"""How many errors found the prior is worth: a ratio of 1, give or take a half."""
FADING = 0.5
"""What a batch counts for beside the one after it: a ratio at the top of a list is not for ever."""
_RATIOS = 41
# Above so many rows the count is as good as normal, and summing it up row by row is slow.
_SUMMED_UP_TO = 2_000


@dataclass(frozen=True)
class PastBatch:
    """What was expected of the suspicious rows of a batch, and how many of them were wrong."""

    expected: float
    found: int


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
    >>> forecast(rows, reviews=2, history=[PastBatch(expected=50.0, found=50)]).text
    'The next 2 reviews are expected to find 1 (0-2) errors.'
    """
    if reviews < 1:
        raise DataError(f"a forecast of {reviews} reviews", expected="one or more")
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1)")
    wrong = candidates["error_probability"].cast(pa.float64()).to_numpy()
    next_rows = _first(candidates, reviews, slice_weight, random_state)
    ratios = _ratios(history)
    chances, counts = _count_chances(wrong[next_rows], ratios)
    tail = (1.0 - confidence) / 2
    below = np.cumsum(chances)
    low, high = (int(counts[np.searchsorted(below, t)]) for t in (tail + 1e-12, 1 - tail - 1e-12))
    return Forecast(
        reviews=next_rows.size,
        expected=float((chances * counts).sum()),
        low=low,
        high=high,
        confidence=confidence,
        checked=bool(history),
    )


def _first(
    candidates: pa.Table, reviews: int, slice_weight: Mapping[str, float] | None, random_state: int
) -> NDArray[np.intp]:
    """Places of the rows whose reviews are worth most, as a batch would take them."""
    value = audit_priority(candidates, slice_weight)
    if value.size > reviews:
        cut = np.partition(value, value.size - reviews)[value.size - reviews]
        places = np.flatnonzero(value >= cut)
    else:
        places = np.arange(value.size)
    names = candidates["example_id"].take(pa.array(places)).to_pylist()
    ties = seeded_keys(names, salt="audit", random_state=random_state)
    return places[descending(value[places], ties)][:reviews]


def _ratios(history: Sequence[PastBatch]) -> FloatArray:
    """Equally likely ratios of errors found to errors expected, given past batches."""
    from scipy.special import gammaincinv

    found, expected = PRIOR_ERRORS, PRIOR_ERRORS
    for age, batch in enumerate(reversed(history)):
        if batch.found < 0 or not 0.0 <= batch.expected < np.inf:
            raise DataError(f"a past batch that cannot be: {batch}", expected="counts of errors")
        found += FADING**age * batch.found
        expected += FADING**age * batch.expected
    middles = (np.arange(_RATIOS) + 0.5) / _RATIOS
    return np.asarray(gammaincinv(found, middles), dtype=np.float64) / expected


def _count_chances(wrong: FloatArray, ratios: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities of the numbers of errors that there may be, and those numbers."""
    scaled = np.minimum(1.0, ratios[:, None] * wrong[None, :])
    if wrong.size > _SUMMED_UP_TO:
        return _as_normal(scaled)
    chances = np.zeros((ratios.size, wrong.size + 1))
    chances[:, 0] = 1.0
    for row in range(wrong.size):
        p = scaled[:, row, None]
        chances[:, 1 : row + 2] = chances[:, 1 : row + 2] * (1 - p) + chances[:, : row + 1] * p
        chances[:, :1] *= 1 - p
    return chances.mean(axis=0), np.arange(wrong.size + 1.0)


def _as_normal(scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
    from scipy.special import ndtr

    counts = np.arange(scaled.shape[1] + 1.0)
    means, spreads = scaled.sum(axis=1), np.sqrt((scaled * (1 - scaled)).sum(axis=1)) + 1e-9
    below = ndtr((counts[None, :] + 0.5 - means[:, None]) / spreads[:, None]).mean(axis=0)
    below[-1] = 1.0
    return np.diff(below, prepend=0.0), counts
