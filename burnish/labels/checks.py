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
from burnish.typing import Labels, PredProbs

CHUNK_ROWS = 65_536
_SUM_TOLERANCE = 1e-3


def row_chunks(n: int) -> list[slice]:
    """Slices that cover n rows, so that no step needs a second copy of a large matrix."""
    return [slice(start, min(start + CHUNK_ROWS, n)) for start in range(0, n, CHUNK_ROWS)]


def encode_labels(labels: Labels, classes: Sequence[Any]) -> NDArray[np.intp]:
    """Position of each label in `classes`, shape (n,).

    Raises `DataError` on a missing label or one that is no class, naming its row.

    >>> encode_labels(["b", "a", "b"], ["a", "b"]).tolist()
    [1, 0, 1]
    """
    place = {name: position for position, name in enumerate(classes)}
    if len(place) != len(classes):
        raise DataError("a class is listed twice", expected="each class once")
    encoded = _dictionary(labels)
    of_value = [place.get(value, -1) for value in encoded.dictionary.to_pylist()]
    codes = np.asarray([*of_value, -1], dtype=np.intp)[
        encoded.indices.fill_null(len(of_value)).to_numpy(zero_copy_only=False)
    ]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise DataError(
            f"label {encoded[row].as_py()!r} in row {row}",
            expected="one of the classes: " + ", ".join(str(name) for name in classes),
            hint="leave rows without a label out of the audit, or name the class in the spec",
        )
    return codes


def sorted_classes(labels: Labels) -> tuple[Any, ...]:
    """The distinct labels in sorted order; a missing label is refused by its row."""
    encoded = _dictionary(labels)
    if encoded.null_count:
        row = int(np.argmax(encoded.is_null().to_numpy(zero_copy_only=False)))
        raise DataError(f"no label in row {row}", expected="a label in every row")
    return tuple(sorted(encoded.dictionary.to_pylist()))


def _dictionary(labels: Labels) -> Any:
    # Arrow codes a million strings about ten times as fast as a dictionary lookup in Python.
    array: Any = labels
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not isinstance(array, pa.Array):
        array = _arrow(np.asarray(labels))
    if len(array) == 0:
        raise DataError("there are no labels", expected="at least one row")
    return array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode()


def _arrow(values: NDArray[Any]) -> Any:
    if values.ndim != 1:
        raise DataError(f"labels have shape {values.shape}", expected="one label a row")
    try:
        # As a list: Arrow does not take numpy's fixed-width text.
        return pa.array(values.tolist(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"labels are of several types ({error})", expected="all strings, or all numbers"
        ) from error


def check_probabilities(pred_probs: ArrayLike, n: int, n_classes: int) -> PredProbs:
    """`pred_probs` as a float array of shape (n, n_classes) whose rows are probabilities.

    float32 stays as it is. Raises `DataError` on another shape, NaN or infinity, a negative
    entry, or a row that does not sum to 1 within 0.001; the first such row is named.
    """
    probs = np.asarray(pred_probs)
    if probs.dtype.kind != "f":
        probs = probs.astype(np.float64)
    if probs.shape != (n, n_classes):
        raise DataError(
            f"pred_probs has shape {probs.shape}",
            expected=f"({n}, {n_classes}): a row a label, a column a class",
        )
    for rows in row_chunks(n):
        _check_chunk(probs[rows], rows.start)
    return probs


def _check_chunk(block: PredProbs, start: int) -> None:
    # NaN and infinity survive the sum, so one pass finds every fault and only then names it.
    with np.errstate(invalid="ignore"):
        sums = block.sum(axis=1)
        fine = (np.abs(sums - 1) <= _SUM_TOLERANCE) & (block.min(axis=1) >= 0)
    if fine.all():
        return
    at = int(np.argmin(fine))
    row = start + at
    if not np.isfinite(block[at]).all():
        raise DataError(
            f"pred_probs is NaN or infinite in row {row}", expected="finite probabilities"
        )
    if block[at].min() < 0:
        raise DataError(
            f"pred_probs is {block[at].min():.6g} in row {row}", expected="no negative entry"
        )
    raise DataError(
        f"pred_probs sums to {sums[at]:.6g} in row {row}",
        expected="rows that sum to 1",
        hint="pass predict_proba, not decision_function",
    )


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
    probs = check_probabilities(pred_probs, codes.size, len(classes))
    notes: list[str] = []
    agree = float((probs.argmax(axis=1) == codes).mean())
    own = float(probs[np.arange(codes.size), codes].mean())
    if codes.size >= 200 and agree > 0.995 and own > 0.97:
        notes.append(
            f"{agree:.1%} of the given labels are predicted, at a mean probability of {own:.3f}: "
            "were these probabilities made out of sample?"
        )
    return tuple(notes)
