"""Calibration error in one number, beside what a calibrated model of this size would show.

What belongs here: the kinds of error, each with its interval. What does not: how chance is drawn
(`burnish.calibration.chance`), or the bins one by one (`burnish.calibration.reliability`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from burnish.calibration.chance import Cells, limits
from burnish.calibration.reliability import CONFIDENCE, checked, cut, event
from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray
from burnish.typing import Labels, PredProbs

Kind = Literal["equal_mass", "equal_width", "classwise"]
KINDS: tuple[Kind, ...] = ("equal_mass", "equal_width", "classwise")


@dataclass(frozen=True)
class CalibrationError:
    """A calibration error of `rows` rows.

    `value` is what the literature calls ECE: it is above zero even for a calibrated model, which
    would show `by_chance` on average and more than `by_chance_high` one time in twenty (at
    confidence 0.95). `debiased` is freed of what noise adds, `low` to `high` its interval: it
    holds 0 unless a calibrated model would hardly show as much. `p_value` is the probability that
    a calibrated model shows this much or more.
    """

    kind: str
    rows: int
    value: float
    debiased: float
    low: float
    high: float
    by_chance: float
    by_chance_high: float
    p_value: float

    def to_table(self) -> pa.Table:
        """One row, a column a field."""
        return pa.Table.from_pylist([asdict(self)])


def calibration_error(
    y_true: Labels,
    pred_probs: PredProbs,
    *,
    classes: Sequence[object],
    kind: Kind = "equal_mass",
    bins: int = 15,
    confidence: float = 0.95,
    draws: int = 1000,
    random_state: int = 0,
) -> CalibrationError:
    """Mean distance of claimed and observed, in [0, 1], with what chance alone would give.

    Kinds: 'equal_mass', confidence in bins of equal mass, `burnish.metrics`'
    `expected_calibration_error`; 'equal_width', that of Guo et al. (2017, 'On Calibration of
    Modern Neural Networks'); 'classwise', the mean over classes of the error of each class's
    probability in bins of equal mass (ACE in Nixon et al. 2019, 'Measuring Calibration in Deep
    Learning').

    By chance: labels are drawn `draws` times from `pred_probs` (Broecker and Smith 2007,
    'Increasing the Reliability of Reliability Diagrams'). The interval holds the errors of models
    with gaps of the same pattern for which the value seen is no surprise; it takes the
    probabilities as given and the rows as independent. `pred_probs` (n, K) must be out-of-sample.
    Raises `DataError` for input that `reliability` refuses, an unknown kind, or no draws.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(500)
    >>> labels = np.where(rng.random(500) < p, "yes", "no")
    >>> found = calibration_error(labels, np.column_stack([p, 1 - p]), classes=["yes", "no"])
    >>> found.value > 0.02, found.low, found.p_value > 0.05
    (True, 0.0, True)
    """
    probs, coded = checked(y_true, pred_probs, classes)
    check_choices(kind, confidence, draws)
    return error_of(
        probs,
        coded,
        classes,
        kind=kind,
        bins=bins,
        confidence=confidence,
        draws=draws,
        random_state=random_state,
    )


def error_of(
    probs: FloatArray,
    coded: IntArray,
    classes: Sequence[object],
    *,
    kind: Kind,
    bins: int,
    confidence: float,
    draws: int,
    random_state: int,
) -> CalibrationError:
    """The error of rows that have been checked."""
    if kind == "classwise":
        cells = _by_class(probs, coded, bins)
    else:
        claimed, happened = event(probs, coded, classes, CONFIDENCE)
        which = _numbered(cut(claimed, bins, kind))
        cells = Cells(claimed[:, None], happened[:, None], which[:, None])
    rng = np.random.default_rng(random_state)
    found = limits(cells, confidence=confidence, draws=draws, rng=rng)
    return CalibrationError(kind, coded.size, cells.error, **asdict(found))


def _by_class(probs: FloatArray, coded: IntArray, bins: int) -> Cells:
    happened = np.eye(probs.shape[1])[coded]
    cell, start = np.empty(probs.shape, dtype=np.int64), 0
    for place in range(probs.shape[1]):
        cell[:, place] = start + _numbered(cut(probs[:, place], bins, "equal_mass"))
        start = int(cell[:, place].max()) + 1
    return Cells(probs, happened, cell)


def _numbered(bins: IntArray) -> IntArray:
    """Bins that hold rows, numbered without gaps."""
    return np.unique(bins, return_inverse=True)[1].astype(np.int64)


def check_choices(kind: str, confidence: float, draws: int) -> None:
    """Raise `DataError` for a kind, confidence or number of draws that cannot be meant."""
    if kind not in KINDS:
        raise DataError(f"kind is {kind!r}", expected="one of: " + ", ".join(KINDS))
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    if draws < 1:
        raise DataError(f"draws is {draws}", expected="one or more, better 1,000")
