"""Reliability: in bins of claimed probability, how often what was claimed came true.

What belongs here: the bins, their shares and intervals, as numbers and as a table. What does not:
one number for all bins (`burnish.calibration.error`), nor the drawing
(`burnish.report.plots.calibration_chart`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from burnish.errors import DataError
from burnish.metrics import equal_mass_bins, equal_width_bins, wilson_interval
from burnish.metrics.checked import FloatArray, IntArray, codes, one_dimension, probabilities
from burnish.typing import Labels, PredProbs

Binning = Literal["equal_mass", "equal_width"]
CONFIDENCE = "confidence"

CUTS: dict[str, Callable[[ArrayLike, int], IntArray]] = {
    "equal_mass": equal_mass_bins,
    "equal_width": equal_width_bins,
}


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin that holds rows: what was claimed there, and what came true.

    `claimed` is the mean probability, `least` and `greatest` its range; `observed` the share that
    came true, with its interval `low` to `high`; `rows` how many there are.
    """

    least: float
    greatest: float
    claimed: float
    observed: float
    low: float
    high: float
    rows: int

    @property
    def gap(self) -> float:
        """Observed minus claimed: negative where the model is too sure."""
        return self.observed - self.claimed


@dataclass(frozen=True)
class Reliability:
    """The bins of one event in rising order; `event` is 'confidence' or the name of a class."""

    event: str
    binning: str
    confidence: float
    bins: tuple[ReliabilityBin, ...]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.bins)

    @property
    def error(self) -> float:
        """Mean gap, each bin by its rows: the expected calibration error of these bins."""
        return sum(abs(one.gap) * one.rows for one in self.bins) / self.rows

    @property
    def greatest_error(self) -> float:
        """The widest gap of a bin (MCE). It grows with the number of bins, by chance alone."""
        return max(abs(one.gap) for one in self.bins)

    def to_table(self) -> pa.Table:
        """One row a bin: event, bin, least, greatest, claimed, observed, low, high, gap, rows."""
        return pa.table(
            {
                "event": pa.array([self.event] * len(self.bins), pa.string()),
                "bin": pa.array(range(len(self.bins)), pa.int64()),
                **{
                    name: pa.array([getattr(one, name) for one in self.bins], pa.float64())
                    for name in ("least", "greatest", "claimed", "observed", "low", "high", "gap")
                },
                "rows": pa.array([one.rows for one in self.bins], pa.int64()),
            }
        )


def reliability(
    y_true: Labels,
    pred_probs: PredProbs,
    *,
    classes: Sequence[object],
    by: object = CONFIDENCE,
    bins: int = 15,
    binning: Binning = "equal_mass",
    confidence: float = 0.95,
) -> Reliability:
    """How often predictions of a given probability come true (DeGroot and Fienberg 1983).

    `pred_probs` has shape (n, K), columns in the order of `classes`. `by` is 'confidence' (the
    highest probability of a row, and whether that class is the true one) or one of the classes
    (its probability, and whether it is true). Rows are cut into at most `bins` bins of equal mass
    (equal values stay together) or of equal width over [0, 1]; empty bins are left out. Intervals
    are Wilson's. One bin in twenty lies off by chance: `calibration_error` looks at all of them.

    Raises `DataError` on labels that are no class, rows that are no distribution, an unknown
    `by`, `binning` or `confidence`, and where 'confidence' is itself the name of a class.

    >>> sure = [[0.9, 0.1]] * 10
    >>> found = reliability(["a"] * 6 + ["b"] * 4, sure, classes=["a", "b"])
    >>> [(one.claimed, one.observed, one.rows) for one in found.bins]
    [(0.9, 0.6, 10)]
    """
    probs, coded = checked(y_true, pred_probs, classes)
    claimed, happened = event(probs, coded, classes, by)
    return reliability_of(
        claimed, happened, event=str(by), bins=bins, binning=binning, confidence=confidence
    )


def reliability_of(
    claimed: ArrayLike,
    happened: ArrayLike,
    *,
    event: str = CONFIDENCE,
    bins: int = 15,
    binning: Binning = "equal_mass",
    confidence: float = 0.95,
) -> Reliability:
    """The same for any event: its `claimed` probability (n,) and whether it `happened` (n,).

    >>> found = reliability_of([0.2, 0.3, 0.8], [False, False, True], bins=2)
    >>> [one.observed for one in found.bins]
    [0.0, 1.0]
    """
    sure, true = _events(claimed, happened)
    which = cut(sure, bins, binning)
    found: list[ReliabilityBin] = []
    for place in np.unique(which):
        inside = which == place
        rows, right = int(inside.sum()), int(true[inside].sum())
        share = wilson_interval(right, rows, confidence=confidence)
        values = sure[inside]
        found.append(
            ReliabilityBin(
                least=float(values.min()),
                greatest=float(values.max()),
                claimed=float(values.mean()),
                observed=share.value,
                low=share.low,
                high=share.high,
                rows=rows,
            )
        )
    return Reliability(event, binning, confidence, tuple(found))


def checked(
    y_true: Labels, pred_probs: PredProbs, classes: Sequence[object]
) -> tuple[FloatArray, IntArray]:
    """Probabilities (n, K) that can be trusted, and the codes (n,) of the labels."""
    labels = one_dimension(y_true, "y_true")
    coded = codes(labels, classes, "y_true")
    return probabilities(pred_probs, labels.size, len(classes)), coded


def event(
    probs: FloatArray, coded: IntArray, classes: Sequence[object], by: object
) -> tuple[FloatArray, FloatArray]:
    """Claimed probability (n,) of the event that `by` names, and 1 where it happened, else 0."""
    names = list(classes)
    if by == CONFIDENCE and CONFIDENCE in names:
        raise DataError(
            "'confidence' is the name of a class",
            expected="a name that is not taken",
            hint="rename the class for this measurement",
        )
    if by == CONFIDENCE:
        return probs.max(axis=1), (probs.argmax(axis=1) == coded).astype(np.float64)
    if by not in names:
        raise DataError(
            f"by is {by!r}",
            expected="'confidence' or one of the classes: " + ", ".join(str(one) for one in names),
        )
    place = names.index(by)
    return probs[:, place], (coded == place).astype(np.float64)


def cut(values: FloatArray, bins: int, binning: str) -> IntArray:
    """The bin of each value, by the named way of cutting."""
    if binning not in CUTS:
        raise DataError(f"binning is {binning!r}", expected="one of: " + ", ".join(CUTS))
    return CUTS[binning](values, bins)


def _events(claimed: ArrayLike, happened: ArrayLike) -> tuple[FloatArray, FloatArray]:
    sure, true = np.asarray(claimed, dtype=np.float64), np.asarray(happened)
    if sure.ndim != 1 or sure.shape != true.shape or not sure.size:
        raise DataError(
            f"probabilities of shape {sure.shape}, outcomes of shape {true.shape}",
            expected="one shape (n,), n > 0",
        )
    if not np.isin(true, (0, 1)).all():
        raise DataError("an outcome is neither true nor false", expected="booleans, or 0 and 1")
    outside = ~((sure >= 0) & (sure <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            f"claimed probability is {sure[row]} in row {row}", expected="numbers in [0, 1]"
        )
    return sure, true.astype(np.float64)
