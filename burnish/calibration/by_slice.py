"""Calibration by slice: the same figures on each part of the rows.

What belongs here: putting them side by side. What does not: which rows a slice holds
(`burnish.slices.resolve_slices`); here a slice is a name and a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.calibration.brier import BrierDecomposition, decomposed
from burnish.calibration.error import CalibrationError, Kind, check_choices, error_of
from burnish.calibration.reliability import CONFIDENCE, Reliability, checked, event, reliability_of
from burnish.errors import DataError
from burnish.typing import Labels, PredProbs


@dataclass(frozen=True)
class SliceCalibration:
    """Calibration of one slice; without rows `error`, `brier` and the reliabilities are None.

    `whole` has one bin for all rows of the slice: its gap is accuracy minus mean confidence, the
    steadiest sign of a slice that is trusted too much. `reliability` has as many bins as `error`.
    """

    name: str
    rows: int
    whole: Reliability | None = None
    reliability: Reliability | None = None
    error: CalibrationError | None = None
    brier: BrierDecomposition | None = None


@dataclass(frozen=True)
class CalibrationBySlice:
    """Calibration of each slice, in the order given."""

    slices: tuple[SliceCalibration, ...]

    def to_table(self) -> pa.Table:
        """One row a slice: its figures, null where it holds no rows.

        claimed and observed (mean confidence, accuracy), gap between gap_low and gap_high; ece,
        debiased between low and high, by_chance, p_value; brier with its four parts.
        """
        return pa.Table.from_pylist([_row(one) for one in self.slices], schema=_SCHEMA)


_FIGURES = (
    "claimed", "observed", "gap", "gap_low", "gap_high",
    "ece", "debiased", "low", "high", "by_chance", "p_value",
    "brier", "reliability", "resolution", "uncertainty", "remainder",
)  # fmt: skip
_SCHEMA = pa.schema(
    [("slice", pa.string()), ("rows", pa.int64()), *((name, pa.float64()) for name in _FIGURES)]
)


def calibration_by_slice(
    y_true: Labels,
    pred_probs: PredProbs,
    slices: Mapping[str, ArrayLike],
    *,
    classes: Sequence[object],
    kind: Kind = "equal_mass",
    bins: int = 15,
    confidence: float = 0.95,
    draws: int = 1000,
    random_state: int = 0,
) -> CalibrationBySlice:
    """Reliability, calibration error and Brier score on each slice.

    `slices` maps a name to a boolean mask of shape (n,); masks may overlap. Small slices have a
    high error by chance alone: read `debiased` and its interval. Of twenty slices of a calibrated
    model one has a p-value under 0.05; correct for how many were looked at. Raises `DataError` on
    a mask that is none, and as `calibration_error` does.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.5, 1.0, 1000)
    >>> hurt = np.arange(1000) < 300
    >>> right = rng.random(1000) < np.where(hurt, p - 0.25, p)
    >>> labels = np.where(right, "yes", "no")
    >>> found = calibration_by_slice(labels, np.column_stack([p, 1 - p]),
    ...     {"hurt": hurt, "rest": ~hurt}, classes=["yes", "no"])
    >>> [row["low"] > 0 for row in found.to_table().to_pylist()]
    [True, False]
    """
    probs, coded = checked(y_true, pred_probs, classes)
    check_choices(kind, confidence, draws)
    found: list[SliceCalibration] = []
    for name, given in slices.items():
        mask = _mask(name, given, coded.size)
        rows = int(mask.sum())
        if rows == 0:
            found.append(SliceCalibration(name, 0))
            continue
        own, labels = probs[mask], coded[mask]
        claimed, happened = event(own, labels, classes, CONFIDENCE)
        cut = "equal_width" if kind == "equal_width" else "equal_mass"
        found.append(
            SliceCalibration(
                name=name,
                rows=rows,
                whole=reliability_of(claimed, happened, bins=1, confidence=confidence),
                reliability=reliability_of(
                    claimed, happened, bins=bins, binning=cut, confidence=confidence
                ),
                error=error_of(
                    own,
                    labels,
                    classes,
                    kind=kind,
                    bins=bins,
                    confidence=confidence,
                    draws=draws,
                    random_state=random_state,
                ),
                brier=decomposed(own, labels, bins),
            )
        )
    return CalibrationBySlice(tuple(found))


def _mask(name: str, given: ArrayLike, rows: int) -> NDArray[np.bool_]:
    mask = np.asarray(given)
    if mask.shape != (rows,) or mask.dtype != np.bool_:
        raise DataError(
            f"slice {name!r} has a mask of shape {mask.shape} and type {mask.dtype}",
            expected=f"booleans of shape ({rows},)",
            hint="resolve the slices on the very rows that were predicted",
        )
    return mask


def _row(one: SliceCalibration) -> dict[str, object]:
    row: dict[str, object] = {"slice": one.name, "rows": one.rows}
    if one.whole is None or one.error is None or one.brier is None:
        return row
    whole, error, brier = one.whole.bins[0], one.error, one.brier
    return row | {
        "claimed": whole.claimed,
        "observed": whole.observed,
        "gap": whole.gap,
        "gap_low": whole.low - whole.claimed,
        "gap_high": whole.high - whole.claimed,
        "ece": error.value,
        "debiased": error.debiased,
        "low": error.low,
        "high": error.high,
        "by_chance": error.by_chance,
        "p_value": error.p_value,
        "brier": brier.score,
        "reliability": brier.reliability,
        "resolution": brier.resolution,
        "uncertainty": brier.uncertainty,
        "remainder": brier.remainder,
    }
