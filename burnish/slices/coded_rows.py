"""From labels, predictions and probabilities to the rows that metrics are counted on.

What belongs here: coding labels as integers once for all slices, and refusing what cannot be
measured. What does not: the metrics (`burnish.slices.measures`), nor the table
(`burnish.slices.measuring`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray, codes, paired_labels, probabilities
from burnish.metrics.grouped import Groups
from burnish.slices.measures import CLASSIFIED, Classified, Measured
from burnish.slices.measures_of_numbers import REGRESSED, Predicted

Rows: TypeAlias = "NDArray[np.intp] | None"
Measuring: TypeAlias = Callable[[Groups, Rows], Mapping[str, Measured]]


def classified(
    true: NDArray[np.generic],
    predicted: NDArray[np.generic],
    probs: NDArray[np.floating] | None,
    *,
    classes: Sequence[object] | None,
    metrics: Sequence[str],
    positive: object,
    confidence: float,
) -> Measuring:
    """What measures the slices of a slicing, given its groups and the rows that are in it."""
    true, predicted = paired_labels(true, predicted)
    if probs is not None and classes is None:
        raise DataError("pred_probs without classes", expected="the classes of its columns")
    order = list(classes or ())
    labels, (true_code, predicted_code) = coded([true, predicted], order)
    known = labels if probs is None else order
    if positive is not None and positive not in known:
        raise DataError(
            f"positive is {positive!r}",
            expected="one of the classes: " + ", ".join(str(label) for label in known),
        )
    checked = None if probs is None else probabilities(probs, true.size, len(order))
    truth = None if checked is None else true_columns(true, true_code, order)

    def measure(groups: Groups, rows: Rows) -> Mapping[str, Measured]:
        part = Classified(
            groups=groups,
            true=_some(true_code, rows),
            predicted=_some(predicted_code, rows),
            labels=len(labels),
            positive=None if positive is None else labels[positive],
            truth=None if truth is None else _some(truth, rows),
            probs=checked if checked is None or rows is None else checked[rows],
            positive_column=order.index(positive) if positive in order else None,
            confidence=confidence,
        )
        return {name: CLASSIFIED[name](part) for name in metrics}

    return measure


def regressed(
    true: NDArray[np.generic],
    predicted: NDArray[np.generic],
    *,
    metrics: Sequence[str],
    confidence: float,
) -> Measuring:
    """As `classified`, for numbers."""
    y, guess = finite_numbers(true, "y_true"), finite_numbers(predicted, "y_pred")

    def measure(groups: Groups, rows: Rows) -> Mapping[str, Measured]:
        some = slice(None) if rows is None else rows
        part = Predicted(groups, y[some], guess[some], confidence)
        return {name: REGRESSED[name](part) for name in metrics}

    return measure


def coded(
    arrays: Sequence[NDArray[np.generic]], classes: Sequence[object]
) -> tuple[dict[object, int], list[IntArray]]:
    """Position of each label among all that occur, the classes first; and each array's codes."""
    place: dict[object, int] = {}
    for label in classes:
        place.setdefault(label, len(place))
    coded: list[IntArray] = []
    for array in arrays:
        values, inverse = _distinct(array)
        positions = [place.setdefault(value, len(place)) for value in values]
        coded.append(np.asarray(positions, dtype=np.int64)[inverse])
    return place, coded


def _distinct(array: NDArray[np.generic]) -> tuple[Sequence[object], IntArray]:
    if array.dtype.kind in "iu" and array.size:
        least, most = int(array.min()), int(array.max())
        if most - least <= 4 * array.size and most < 2**62:  # few enough to count
            shifted = array.astype(np.int64) - least
            occurs = np.bincount(shifted) > 0
            return (np.flatnonzero(occurs) + least).tolist(), (np.cumsum(occurs) - 1)[shifted]
    place: dict[object, int] = {}
    inverse = [place.setdefault(value, len(place)) for value in array.tolist()]
    return list(place), np.asarray(inverse, dtype=np.int64)


def true_columns(true: NDArray[np.generic], code: IntArray, classes: Sequence[object]) -> IntArray:
    """Each row's column; the classes were coded first, so that only others need a refusal."""
    if len(set(classes)) != len(classes) or (code >= len(classes)).any():
        return codes(true, classes, "y_true")
    return code


def _some(codes: IntArray, rows: Rows) -> IntArray:
    return codes if rows is None else codes[rows]


def finite_numbers(values: NDArray[np.generic], name: str) -> FloatArray:
    """The values as numbers, refusing by its row what is none or not finite."""
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} holds {values.dtype}",
            expected="numbers",
            hint="leave task at 'classification' for labels",
        ) from error
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise DataError(
            f"{name} is missing or infinite in row {int(np.argmax(bad))}",
            expected="a finite number in every row",
        )
    return numbers
