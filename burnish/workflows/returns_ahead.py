"""What the next batch may buy: the returns measured so far, drawn together, and how that has held.

What belongs here: the forecast from a kept measurement. What does not: measuring
(`burnish.workflows.returns`), or how many errors the next reviews will find, which is foretold from
the audit (`burnish.workflows.ahead`).

A batch's gain is known with an error, and batches differ beyond that. So the mean of the last
batches weighs each by what is known of it, what batches differ by is estimated as well
(DerSimonian & Laird 1986), and the range is that of one more batch, not of the mean (Higgins,
Thompson & Spiegelhalter 2009). Fewer than three batches tell nothing of how batches differ: then
nothing is foretold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pyarrow as pa

from burnish.workflows.returns import Returns

ENOUGH = 3


@dataclass(frozen=True)
class Gain:
    """What one batch bought as it came: its iteration, the gain and its standard error."""

    iteration: int
    value: float
    error: float


@dataclass(frozen=True)
class ReturnForecast:
    """The gain to be expected of one more batch like those before: the mean and a range."""

    expected: float
    low: float
    high: float
    batches: int
    confidence: float

    @property
    def text(self) -> str:
        """The forecast as a sentence.

        >>> ReturnForecast(0.012, -0.004, 0.028, 5, 0.9).text
        'The next batch is expected to bring +1.2 points (-0.4 to +2.8), judged by the last 5.'
        """
        return (
            f"The next batch is expected to bring {100 * self.expected:+.1f} points "
            f"({100 * self.low:+.1f} to {100 * self.high:+.1f}), judged by the last {self.batches}."
        )


@dataclass(frozen=True)
class Foretold:
    """What was foretold of a batch from those before it, and what came."""

    iteration: int
    forecast: ReturnForecast
    came: float

    @property
    def held(self) -> bool:
        return self.forecast.low <= self.came <= self.forecast.high


def forecast_return(gains: Sequence[Gain], *, confidence: float = 0.9) -> ReturnForecast | None:
    """The gain of one more batch, from `gains` in any order; None from fewer than three.

    None too where no batch changed a label: of how batches differ that tells nothing.

    The range holds the *measured* gain of the next batch with probability `confidence`, if it is
    measured as well as these were and batches go on as they did. That they seldom do, since the
    worst labels are looked at first, is why the errors still to be found are foretold beside it.

    >>> same = [Gain(n, 0.01, 0.002) for n in range(1, 5)]
    >>> found = forecast_return(same)
    >>> round(found.expected, 3), found.low < 0.01 < found.high
    (0.01, True)
    >>> forecast_return(same[:2]) is None
    True
    """
    from scipy.special import stdtrit

    if len(gains) < ENOUGH or not any(one.error for one in gains):
        return None
    values = np.array([one.value for one in gains])
    # A batch that changed no label is known exactly; it must not outweigh all the others.
    variances = np.array([one.error for one in gains]) ** 2
    usual = float(np.median(variances[variances > 0]))
    variances = np.where(variances > 0, variances, usual)
    between = _between(values, variances)
    weights = 1.0 / (variances + between)
    mean = float(np.average(values, weights=weights))
    spread = between + 1.0 / float(weights.sum()) + usual
    half = float(stdtrit(len(gains) - 2, 0.5 + confidence / 2)) * sqrt(spread)
    return ReturnForecast(mean, mean - half, mean + half, len(gains), confidence)


def gains_as_they_came(returns: Returns) -> list[Gain]:
    """What each batch bought as it came, on all held-out rows, oldest first."""
    return [
        Gain(row["iteration"], row["gain"], row["error"])
        for row in returns.rows("as it came")
        if row["gain"] is not None
    ]


def foretold_so_far(gains: Sequence[Gain], *, confidence: float = 0.9) -> list[Foretold]:
    """For each batch that had enough before it: what these would have foretold, and what came."""
    told: list[Foretold] = []
    for place in range(ENOUGH, len(gains)):
        made = forecast_return(gains[:place], confidence=confidence)
        if made is not None:
            told.append(Foretold(gains[place].iteration, made, gains[place].value))
    return told


def foretold_table(told: Sequence[Foretold]) -> pa.Table:
    """A row a batch: iteration, expected, low, high, came, held."""
    rows = [
        {
            "iteration": one.iteration,
            "expected": one.forecast.expected,
            "low": one.forecast.low,
            "high": one.forecast.high,
            "came": one.came,
            "held": one.held,
        }
        for one in told
    ]
    kinds = dict.fromkeys(("expected", "low", "high", "came"), pa.float64())
    schema = pa.schema({"iteration": pa.int64(), **kinds, "held": pa.bool_()})
    return pa.Table.from_pylist(rows, schema=schema)


def _between(values: np.ndarray, variances: np.ndarray) -> float:
    """How much batches differ beyond their errors: a variance, by the method of moments."""
    weights = 1.0 / variances
    mean = np.average(values, weights=weights)
    q = float((weights * (values - mean) ** 2).sum())
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(0.0, (q - (values.size - 1)) / scale)
