"""What every metric asks of its arguments, and the error where it is not so.

What belongs here: turning labels and probabilities into arrays that can be trusted. What does
not: any metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.typing import Labels, PredProbs

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def paired_labels(
    y_true: Labels, y_pred: Labels
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Both as arrays of one dimension and of the same length, at least one row, none missing."""
    true, predicted = one_dimension(y_true, "y_true"), one_dimension(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise DataError(
            f"y_true has {true.size} rows and y_pred {predicted.size}",
            expected="one prediction for each label",
        )
    return true, predicted


def one_dimension(values: Labels, name: str) -> NDArray[np.generic]:
    """Labels as an array of shape (n,), n > 0, refusing missing ones by their row."""
    array: NDArray[np.generic] = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise DataError(
            f"{name} has shape {array.shape}",
            expected="at least one label, in one dimension",
            hint="a metric of no rows is unknown, not zero",
        )
    if array.dtype.kind in "biuSU":  # types that cannot hold a missing value
        return array
    missing = np.array([_is_missing(item) for item in array.tolist()])
    if missing.any():
        raise DataError(
            f"{name} is missing in row {int(np.argmax(missing))}",
            expected="a label in every row",
            hint="leave unlabeled rows out before measuring",
        )
    return array


def _is_missing(label: object) -> bool:
    return label is None or (isinstance(label, float) and isnan(label))


def codes(labels: NDArray[np.generic], classes: Sequence[object], name: str) -> IntArray:
    """Position of each label in `classes`; a label outside them is refused by its row."""
    place = {label: position for position, label in enumerate(classes)}
    if len(place) != len(classes):
        raise DataError("a class is listed twice", expected="each class once")
    found = [place.get(label, -1) for label in labels.tolist()]
    coded = np.asarray(found, dtype=np.int64)
    if (coded < 0).any():
        row = int(np.argmax(coded < 0))
        raise DataError(
            f"{name} is {labels.tolist()[row]!r} in row {row}",
            expected="one of the classes: " + ", ".join(str(label) for label in classes),
        )
    return coded


def probabilities(pred_probs: PredProbs, n: int, n_classes: int) -> FloatArray:
    """Probabilities of shape (n, n_classes), finite, in [0, 1], with rows that sum to 1."""
    probs = np.asarray(pred_probs, dtype=np.float64)
    if probs.shape != (n, n_classes):
        raise DataError(
            f"pred_probs has shape {probs.shape}",
            expected=f"({n}, {n_classes}): a row a label, a column a class",
        )
    bad = ~np.isfinite(probs).all(axis=1)
    if bad.any():
        raise DataError(
            f"pred_probs is NaN or infinite in row {int(np.argmax(bad))}",
            expected="finite probabilities",
        )
    bad = (probs < 0).any(axis=1) | (np.abs(probs.sum(axis=1) - 1) > 1e-6)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"pred_probs sums to {probs[row].sum():.6g} in row {row}, least {probs[row].min():.6g}",
            expected="rows of probabilities, none negative, that sum to 1",
            hint="pass predict_proba, not decision_function",
        )
    return probs
