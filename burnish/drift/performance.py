"""Performance without labels: what a model's accuracy is likely to be on rows nobody labelled yet.

What belongs here: the door `estimate_performance`. What does not: its parts (the modules
`performance_*` beside this one), calibrating a model for good (`burnish.calibration`), or drift of
columns (`burnish.drift.detecting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.drift.performance_density import DensityRatio, density_ratio
from burnish.drift.performance_parts import Estimate, Mask, RowsOf, Sides, check, estimate
from burnish.drift.performance_recalibrated import recalibrate
from burnish.drift.performance_trust import doubts, label_shift, overall_doubts
from burnish.drift.records import PERFORMANCE_SCHEMA, PerformanceEstimate
from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray, codes, one_dimension, probabilities
from burnish.typing import Labels, PredProbs

OVERALL = "overall"
FEWEST_REFERENCE = 10
# How much of what tells rows apart moved shares of classes must explain to be suspected.
EXPLAINED = 0.9


def estimate_performance(
    reference_labels: Labels,
    reference_probs: PredProbs,
    current_probs: PredProbs,
    *,
    classes: Sequence[str],
    reference_features: ArrayLike | None = None,
    current_features: ArrayLike | None = None,
    reference_slices: Mapping[str, NDArray[np.bool_]] | None = None,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    current_labels: Sequence[str | None] | None = None,
    label_weights: ArrayLike | None = None,
    label_control: NDArray[np.bool_] | None = None,
    confidence: float = 0.95,
    random_state: int = 0,
) -> PerformanceEstimate:
    """Accuracy and AUROC of the current rows, overall and by slice, and whether to trust it.

    `reference_probs` (m, K) are out-of-sample probabilities of rows with the labels
    `reference_labels` (m,); `current_probs` (n, K) those of the rows in question. `slices` are
    masks (n,) over current rows by name, `reference_slices` those of the same names over reference
    rows; a slice that the reference has no rows of is left out. Features are matrices (m, d) and
    (n, d) of numbers, NaN where missing; without them rows are told apart by their probabilities
    alone. `current_labels` (n,) are those that are known by now, None where none is, and
    `label_weights` (n,) how many rows each labelled one stands for, where the chance that it was
    asked for is known. `label_control` (n,) marks those that were drawn at random: of a part in
    which none was, and not every row is labelled, labels say nothing, as rows that were picked
    stand for themselves alone.

    Confidence-based estimation (Garg et al. 2022; NannyML's CBPE) says what mended probabilities
    expect. Here reference rows are weighted to resemble the current ones (Sugiyama, Krauledat and
    Mueller 2007), probabilities are mended on them across folds, and what these were beyond what
    was expected is added: the doubly robust estimator of Robins, Rotnitzky and Zhao (1994). It
    assumes that labels mean what they meant for the same features. Concept drift breaks that and
    cannot be seen without labels: `trusted` then stays True until some came in.

    AUROC is that of the second of two classes, else the mean of each against the rest. Raises
    `DataError` for probabilities or masks of another shape, labels that are no class, fewer than 10
    reference rows, or none in question.

    >>> rng = np.random.default_rng(0)
    >>> sure = rng.uniform(0.5, 1.0, 600)
    >>> probs = np.column_stack([sure, 1 - sure])
    >>> labels = np.where(rng.random(600) < sure, "a", "b")
    >>> found = estimate_performance(labels[:400], probs[:400], probs[400:], classes=["a", "b"])
    >>> found.table["metric"].to_pylist(), found.trusted
    (['accuracy', 'auroc'], True)
    """
    names = list(classes)
    truth, before, after = _rows(reference_labels, reference_probs, current_probs, names)
    n = len(after)
    shift = _shift(reference_features, current_features, before, after, random_state)
    mended = recalibrate(truth, before, after, weights=shift.reference, random_state=random_state)
    sides = Sides(
        truth,
        before,
        after,
        mended.reference,
        mended.current,
        shift.reference,
        shift.current,
        _labels(current_labels, names, n),
        _weights(label_weights, n),
        _control(label_control, n),
        confidence,
    )
    equal = np.ones(truth.size)
    plain = recalibrate(truth, before, after, weights=equal, random_state=random_state)
    moved = label_shift(plain.reference, plain.current, sides, shift, explained=EXPLAINED)
    general = overall_doubts(sides, moved, names)
    parts = _parts(truth.size, n, reference_slices or {}, slices or {})
    levels = Levels.of(confidence, len(parts))
    lines = [
        line
        for rows in parts
        for metric in ("accuracy", "auroc")
        if (line := _line(sides, shift, rows, metric, general=general, levels=levels)) is not None
    ]
    return PerformanceEstimate(
        pa.Table.from_pylist(lines, PERFORMANCE_SCHEMA),
        sides.errors(),
        shift.reference,
        shift.effective_rows(),
        bool(lines[0]["trusted"]),
        str(lines[0]["why"]),
        shift.current,
    )


@dataclass(frozen=True)
class Levels:
    """Confidence of limits: of the whole alone, of each slice among all slices, of each part."""

    whole: float
    a_slice: float
    each: float

    @classmethod
    def of(cls, confidence: float, parts: int) -> Levels:
        left = 1.0 - confidence
        return cls(confidence, 1.0 - left / max(1, parts - 1), 1.0 - left / parts)


def _line(
    sides: Sides,
    shift: DensityRatio,
    rows: RowsOf,
    metric: str,
    *,
    general: list[str],
    levels: Levels,
) -> dict[str, Any] | None:
    """A row of the table; None where the metric has no meaning for the part."""
    found = estimate(sides, metric, rows.before, rows.after)
    if np.isnan(found.value.value):
        return None
    checked = check(
        sides,
        metric,
        rows.after,
        found,
        confidence=levels.each,
        loss_confidence=levels.whole if rows.name == OVERALL else levels.a_slice,
    )
    told = doubts(shift, rows, found, checked, metric=metric) + general
    line = {
        "slice": rows.name,
        "slice_id": rows.name,
        "metric": metric,
        "rows": int(rows.after.sum()),
        "reference": found.reference,
        "estimated": found.value.value,
        "low": found.value.low,
        "high": found.value.high,
        "loss": found.loss.value,
        "loss_low": found.loss.low,
        "loss_high": found.loss.high,
        "labels": checked.labels,
        "added_errors": _added(rows, found) if metric == "accuracy" else None,
        "trusted": not told,
        "why": "; ".join(told),
    }
    if not np.isnan(checked.measured.value):
        measured, loss = checked.measured, checked.loss
        line |= {
            "measured": measured.value,
            "measured_low": measured.low,
            "measured_high": measured.high,
            "measured_loss": loss.value,
            "measured_loss_low": loss.low,
            "measured_loss_high": loss.high,
        }
    return line


def _added(rows: RowsOf, found: Estimate) -> float:
    """How much more of all rows is wrong and in the part: it may have lost, or grown."""
    now = float(rows.after.mean()) * (1.0 - found.value.value)
    return now - float(rows.before.mean()) * (1.0 - found.reference)


def _rows(
    labels: Labels, reference: PredProbs, current: PredProbs, classes: list[str]
) -> tuple[IntArray, FloatArray, FloatArray]:
    said = one_dimension(labels, "reference_labels")
    truth = codes(said, classes, "reference_labels")
    if truth.size < FEWEST_REFERENCE:
        raise DataError(
            f"{truth.size} reference rows",
            expected=f"{FEWEST_REFERENCE} or more",
            hint="give the rows that the model was validated on",
        )
    n = len(np.asarray(current))
    if n == 0:
        raise DataError("no current rows", expected="one row or more")
    return (
        truth,
        probabilities(reference, truth.size, len(classes)),
        probabilities(current, n, len(classes)),
    )


def _shift(
    reference: ArrayLike | None,
    current: ArrayLike | None,
    before: FloatArray,
    after: FloatArray,
    random_state: int,
) -> DensityRatio:
    """The density ratio from features and claims; from claims alone where there are no features."""
    if (reference is None) != (current is None):
        raise DataError(
            "features of one side alone", expected="those of reference and current rows, or none"
        )
    sides = [np.log(np.maximum(side, 1e-6))[:, 1:] for side in (before, after)]
    if reference is not None and current is not None:
        widths = [np.shape(side)[1:] for side in (reference, current)]
        if widths[0] != widths[1]:
            raise DataError(
                f"features have shapes {np.shape(reference)} and {np.shape(current)}",
                expected="the same columns on both sides",
            )
        for place, features in enumerate((reference, current)):
            matrix = np.asarray(features, dtype=np.float64)
            if matrix.ndim != 2 or len(matrix) != len(sides[place]):
                raise DataError(
                    f"features have shape {matrix.shape}", expected=f"({len(sides[place])}, d)"
                )
            sides[place] = np.hstack([matrix, sides[place]])
    return density_ratio(sides[0], sides[1], random_state=random_state)


def _labels(labels: Sequence[str | None] | None, classes: list[str], n: int) -> IntArray:
    """Columns of the labels that came in, -1 where none did."""
    if labels is None:
        return np.full(n, -1, dtype=np.int64)
    if len(labels) != n:
        raise DataError(f"{len(labels)} current labels", expected=f"{n}, None where not known")
    came = np.array([label is not None for label in labels])
    found = np.full(n, -1, dtype=np.int64)
    if came.any():
        here = np.array([label for label in labels if label is not None])
        found[came] = codes(here, classes, "current_labels")
    return found


def _weights(weights: ArrayLike | None, n: int) -> FloatArray | None:
    if weights is None:
        return None
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (n,) or not (np.isfinite(found) & (found >= 0)).all():
        raise DataError(
            f"label_weights has shape {found.shape}",
            expected=f"({n},) finite numbers, none negative",
        )
    return found


def _control(control: Mask | None, n: int) -> Mask | None:
    if control is None:
        return None
    found = np.asarray(control)
    if found.shape != (n,) or found.dtype != bool:
        raise DataError(
            f"label_control has shape {found.shape}, type {found.dtype}", expected=f"a mask ({n},)"
        )
    return found


def _parts(
    m: int, n: int, reference: Mapping[str, Mask], current: Mapping[str, Mask]
) -> list[RowsOf]:
    """The parts that both sides have rows of, all rows first."""
    found = [RowsOf(OVERALL, np.ones(m, dtype=bool), np.ones(n, dtype=bool))]
    for name, mask in current.items():
        new, old = np.asarray(mask), np.asarray(reference.get(name, np.zeros(m, dtype=bool)))
        if new.shape != (n,) or old.shape != (m,):
            raise DataError(
                f"slice {name!r} has masks of shape {old.shape} and {new.shape}",
                expected=f"({m},) and ({n},)",
            )
        if name != OVERALL and new.any() and old.any():
            found.append(RowsOf(name, old.astype(bool), new.astype(bool)))
    return found
