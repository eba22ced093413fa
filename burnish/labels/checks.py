"""What a label audit asks of its labels and probabilities, with the row to mend where it fails.

What belongs here: coding labels as positions in the classes, and refusing probabilities that
cannot be trusted. What does not: any estimate (`burnish.labels.errors`, `burnish.labels.noise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels.passes import check_block, look, row_blocks
from burnish.typing import Labels, PredProbs

# Whole numbers within such a range are coded by looking them up in a table.
_TABLE = 65_536


def encode_labels(labels: Labels, classes: Sequence[Any]) -> NDArray[np.intp]:
    """Position of each label in `classes`, shape (n,).

    Raises `DataError` on a missing label or one that is no class, naming its row.

    >>> encode_labels(["b", "a", "b"], ["a", "b"]).tolist()
    [1, 0, 1]
    """
    return code_labels(labels, classes)[0]


def sorted_classes(labels: Labels) -> tuple[Any, ...]:
    """The distinct labels in sorted order; a missing label is refused by its row."""
    return code_labels(labels)[1]


def code_labels(
    labels: Labels, classes: Sequence[Any] | None = None
) -> tuple[NDArray[np.intp], tuple[Any, ...]]:
    """Position of each label in the classes, shape (n,), and the classes (default: as found).

    Raises `DataError` as `encode_labels` does.

    >>> codes, classes = code_labels([7, 3, 7])
    >>> codes.tolist(), classes
    ([1, 0, 1], (3, 7))
    """
    values, places = _distinct(labels)
    # A missing label has the place after the last value.
    known = [*values, None]
    if classes is None:
        names = tuple(sorted(values))
        if (places == len(values)).any():
            row = int(np.argmax(places == len(values)))
            raise DataError(f"no label in row {row}", expected="a label in every row")
    else:
        names = tuple(classes)
    position = {name: at for at, name in enumerate(names)}
    if len(position) != len(names):
        raise DataError("a class is listed twice", expected="each class once")
    of_value = np.asarray([*(position.get(value, -1) for value in values), -1], dtype=np.intp)
    codes = of_value[places]
    if (of_value < 0).any() and (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise DataError(
            f"label {known[places[row]]!r} in row {row}",
            expected="one of the classes: " + ", ".join(str(name) for name in names),
            hint="leave rows without a label out of the audit, or name the class in the spec",
        )
    return codes, names


def _distinct(labels: Labels) -> tuple[list[Any], NDArray[Any]]:
    """The distinct values, and for each row the place of its own among them."""
    array: Any = labels
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not isinstance(array, pa.Array):
        array = _listed(labels)
        if array.ndim != 1:
            raise DataError(f"labels have shape {array.shape}", expected="one label a row")
    if len(array) == 0:
        raise DataError("there are no labels", expected="at least one row")
    if isinstance(array, np.ndarray):
        if array.dtype.kind in "iu" and array.dtype.itemsize <= 8 and _is_narrow(array):
            return _by_table(array)
        array = _arrow(array)
    # Arrow codes a million strings about ten times as fast as a dictionary lookup in Python.
    coded = array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode()
    values: list[Any] = coded.dictionary.to_pylist()
    return values, coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)


def _listed(labels: Any) -> NDArray[Any]:
    try:
        array = np.asarray(labels)
        # Of a list of strings with a NaN, numpy makes strings, and the missing label a class.
        if array.dtype.kind in "US" and not isinstance(labels, np.ndarray):
            array = np.asarray(labels, dtype=object)
    except ValueError as error:
        raise DataError(
            f"labels are no plain list ({error})", expected="one label a row"
        ) from error
    return array


def _is_narrow(array: NDArray[Any]) -> bool:
    return int(array.max()) - int(array.min()) < _TABLE and int(array.max()) < 2**62


def _by_table(array: NDArray[Any]) -> tuple[list[Any], NDArray[Any]]:
    low = int(array.min())
    shifted = array.astype(np.int64)
    shifted -= low
    present = np.flatnonzero(np.bincount(shifted))
    place = np.zeros(int(present[-1]) + 1, dtype=np.int32)
    place[present] = np.arange(present.size)
    return (present + low).tolist(), place[shifted]


def _arrow(values: NDArray[Any]) -> Any:
    try:
        # Arrow does not take numpy's fixed-width text, but the same as objects.
        return pa.array(
            values.astype(object) if values.dtype.kind in "US" else values, from_pandas=True
        )
    except pa.ArrowException as error:
        raise DataError(
            f"labels are of several types ({error})", expected="all strings, or all numbers"
        ) from error


def check_probabilities(pred_probs: ArrayLike, n: int, n_classes: int) -> PredProbs:
    """`pred_probs` as a float array of shape (n, n_classes) whose rows are probabilities.

    float32 stays as it is. Raises `DataError` on another shape, NaN or infinity, a negative
    entry, or a row that does not sum to 1 within 0.001; the first such row is named.
    """
    probs = shaped_probabilities(pred_probs, n, n_classes)
    for rows in row_blocks(n, n_classes):
        check_block(probs[rows], rows.start)
    return probs


def shaped_probabilities(pred_probs: ArrayLike, n: int, n_classes: int) -> PredProbs:
    """`pred_probs` as a float array, its shape checked but not its rows.

    For those who look at the rows themselves, with `burnish.labels.passes.look`.
    """
    try:
        probs = np.asarray(pred_probs)
        if probs.dtype.kind != "f" or probs.dtype.itemsize not in (4, 8):
            probs = probs.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"pred_probs is no matrix of numbers ({error})",
            expected=f"({n}, {n_classes}): a row a label, a column a class",
        ) from error
    if probs.shape != (n, n_classes):
        raise DataError(
            f"pred_probs has shape {probs.shape}",
            expected=f"({n}, {n_classes}): a row a label, a column a class",
        )
    return probs


def check_pred_probs(
    pred_probs: ArrayLike, labels: Labels, classes: Sequence[Any]
) -> tuple[str, ...]:
    """Refuse probabilities that cannot be used; return notes on what looks suspicious.

    `pred_probs` (n, K) has its columns in the order of `classes`. A model that was scored on the
    rows it was fitted to agrees with nearly every given label, and hides the wrong ones: a note
    says so where more than 99.5 % of 200 rows or more agree at a mean confidence above 0.97.
    Raises `DataError` as `encode_labels` and `check_probabilities` do.

    >>> check_pred_probs([[0.9, 0.1], [0.4, 0.6]], ["a", "b"], ["a", "b"])
    ()
    """
    codes = encode_labels(labels, classes)
    seen = look(codes, shaped_probabilities(pred_probs, codes.size, len(classes)))
    notes: list[str] = []
    agree = float((seen.best == codes).mean())
    own = float(seen.given.mean())
    if codes.size >= 200 and agree > 0.995 and own > 0.97:
        notes.append(
            f"{agree:.1%} of the given labels are predicted, at a mean probability of {own:.3f}: "
            "were these probabilities made out of sample?"
        )
    return tuple(notes)
