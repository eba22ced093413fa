"""A table of answers, checked and coded, so that every method reads the same arrays.

What belongs here: reading `example_id, annotator_id, label`, gold labels and a model's
probabilities, and refusing what cannot be trusted by its row. What does not: any estimate
(`burnish.consensus.methods`, `burnish.consensus.tables`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError

# Arrow's compute functions are made at import time, where no type checker sees them.
pc: Any = compute

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

COLUMNS = ("example_id", "annotator_id", "label")


@dataclass(frozen=True)
class Answers:
    """Answers as codes, sorted by example and then annotator; ids and classes are sorted too.

    `example`, `annotator` and `label` have shape (n,): positions in `example_ids` (N),
    `annotator_ids` (A) and `classes` (K).
    """

    example: IntArray
    annotator: IntArray
    label: IntArray
    example_ids: tuple[Any, ...]
    annotator_ids: tuple[Any, ...]
    classes: tuple[Any, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Examples, annotators and classes."""
        return len(self.example_ids), len(self.annotator_ids), len(self.classes)

    def only(self, chosen: NDArray[np.bool_]) -> Answers:
        """The chosen answers; examples, annotators and classes keep their positions."""
        return Answers(
            self.example[chosen], self.annotator[chosen], self.label[chosen],
            self.example_ids, self.annotator_ids, self.classes,
        )  # fmt: skip

    def votes(self) -> FloatArray:
        """How often each class was answered for each example, shape (N, K)."""
        N, _, K = self.shape
        count = np.bincount(self.example * K + self.label, minlength=N * K)
        return count.reshape(N, K).astype(np.float64)


def read_answers(annotations: Any, *, classes: Sequence[Any] | None = None) -> Answers:
    """The answers of a table with the columns example_id, annotator_id and label.

    `annotations` is an Arrow table or what Arrow makes a table of (a pandas or polars frame, a
    mapping of columns). Raises `DataError` on a missing column, an empty table, a missing value,
    a label outside `classes`, or an annotator who answers an example twice; rows count from 0.

    >>> found = read_answers({"example_id": ["b", "a"], "annotator_id": [1, 1], "label": [0, 1]})
    >>> found.example_ids, found.label.tolist()
    (('a', 'b'), [1, 0])
    """
    table = as_table(annotations, "annotations")
    for name in COLUMNS:
        if name not in table.column_names:
            raise DataError(
                f"annotations have no column {name!r}",
                expected="the columns " + ", ".join(COLUMNS),
                hint="rename the columns of " + ", ".join(table.column_names),
            )
    if table.num_rows == 0:
        raise DataError("annotations have no row", expected="at least one answer")
    example, example_ids = _coded(table["example_id"], "example_id")
    annotator, annotator_ids = _coded(table["annotator_id"], "annotator_id")
    label, names = _coded(table["label"], "label")
    if classes is not None:
        label = _placed(label, names, classes)
        names = tuple(classes)
    key = example * len(annotator_ids) + annotator
    order = np.argsort(key, kind="stable")
    _refuse_twice(key, order, example_ids, annotator_ids)
    return Answers(
        example[order], annotator[order], label[order], example_ids, annotator_ids, names
    )


def as_table(given: Any, name: str) -> Any:
    """An Arrow table of what Arrow can make one of."""
    if isinstance(given, pa.Table):
        return given
    try:
        return pa.table(given)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"{name} cannot be read as a table ({error})",
            expected="an Arrow table, a data frame, or a mapping of columns",
        ) from error


def _coded(column: Any, name: str) -> tuple[IntArray, tuple[Any, ...]]:
    """Positions among the sorted distinct values, and these."""
    missing = pc.is_null(column, nan_is_null=True)
    if pc.any(missing).as_py():
        row = pc.index(missing, True).as_py()
        raise DataError(
            f"{name} is missing in row {row}",
            expected="an example, an annotator and a label in every row",
            hint="leave out answers that were never given",
        )
    encoded = column.combine_chunks()
    if pa.types.is_nested(encoded.type):
        raise DataError(f"{name} holds {encoded.type}", expected="a text or a number in every row")
    if not isinstance(encoded, pa.DictionaryArray):
        encoded = encoded.dictionary_encode()
    # A categorical column may list values that no row has: they are no examples or annotators.
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    used = np.bincount(codes, minlength=len(encoded.dictionary)) > 0
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    order = order[used[order]]
    place = np.empty(used.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    return place[codes], tuple(encoded.dictionary.take(pa.array(order)).to_pylist())


def _placed(label: IntArray, names: tuple[Any, ...], classes: Sequence[Any]) -> IntArray:
    place = {name: at for at, name in enumerate(classes)}
    if len(place) != len(classes):
        raise DataError("a class is listed twice", expected="each class once")
    codes = np.array([place.get(name, -1) for name in names], dtype=np.int64)[label]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise DataError(
            f"label {names[int(label[row])]!r} in row {row}",
            expected="one of the classes: " + ", ".join(str(name) for name in classes),
        )
    return codes


def _refuse_twice(
    key: IntArray, order: IntArray, example_ids: tuple[Any, ...], annotator_ids: tuple[Any, ...]
) -> None:
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if again.size == 0:
        return
    # The sort is stable, so among equal keys the rows stand in their order.
    at = int(again[np.argmin(order[again + 1])])
    example, annotator = divmod(int(key[order[at]]), len(annotator_ids))
    raise DataError(
        f"annotator {annotator_ids[annotator]!r} answers example {example_ids[example]!r} twice, "
        f"in rows {int(order[at])} and {int(order[at + 1])}",
        expected="one answer of each annotator for an example",
        hint="keep the answer that counts, the last one for instance, before looking for consensus",
    )


def read_gold(gold: Any, answers: Answers) -> IntArray:
    """The class of each example that `gold` knows, -1 for the others, shape (N,).

    `gold` is a mapping of example_id to label or a table with these columns; examples nobody
    answered are passed over. Raises `DataError` on a label that is no class, or where no example
    of `gold` was answered.
    """
    known = dict(cast("Mapping[Any, Any]", gold)) if isinstance(gold, Mapping) else _pairs(gold)
    place = {name: at for at, name in enumerate(answers.classes)}
    found = np.full(len(answers.example_ids), -1, dtype=np.int64)
    for at, example in enumerate(answers.example_ids):
        if example not in known:
            continue
        if known[example] not in place:
            raise DataError(
                f"gold label {known[example]!r} of example {example!r}",
                expected="one of the classes: " + ", ".join(str(name) for name in place),
                hint="a class that nobody answered has to be named in `classes`",
            )
        found[at] = place[known[example]]
    if (found < 0).all():
        raise DataError(
            f"none of the {len(known)} gold examples was answered",
            expected="gold labels under the example ids of the annotations",
        )
    return found


def _pairs(gold: Any) -> dict[Any, Any]:
    table = as_table(gold, "gold")
    for name in ("example_id", "label"):
        if name not in table.column_names:
            raise DataError(f"gold has no column {name!r}", expected="example_id and label")
    return dict(zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def read_pred_probs(pred_probs: Any, answers: Answers) -> FloatArray:
    """A model's probabilities, shape (N, K), in the order of `example_ids` and `classes`.

    Either an array in just this order (example ids sorted), or a table with example_id and a
    column a class, which may hold more examples. Raises `DataError` on an example without
    probabilities, another shape, NaN, or a row that does not sum to 1 within 0.001.
    """
    N, _, K = answers.shape
    if hasattr(pred_probs, "column_names") or hasattr(pred_probs, "columns"):
        pred_probs = _rows_of(as_table(pred_probs, "pred_probs"), answers)
    try:
        probs = np.asarray(pred_probs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"pred_probs is no matrix of numbers ({error})",
            expected=f"({N}, {K}): a row for each example in sorted order, a column a class",
        ) from error
    if probs.shape != (N, K):
        raise DataError(
            f"pred_probs has shape {probs.shape}",
            expected=f"({N}, {K}): a row for each example in sorted order, a column a class",
        )
    with np.errstate(invalid="ignore"):
        fine = (np.abs(probs.sum(axis=1) - 1) <= 1e-3) & (probs.min(axis=1) >= 0)
    if not fine.all():
        at = int(np.argmin(fine))
        raise DataError(
            f"pred_probs of example {answers.example_ids[at]!r} are {probs[at].tolist()}",
            expected="finite probabilities, none negative, that sum to 1",
            hint="pass predict_proba, out of sample",
        )
    return probs


def _rows_of(table: Any, answers: Answers) -> FloatArray:
    wanted = [str(name) for name in answers.classes]
    lacking = [name for name in ("example_id", *wanted) if name not in table.column_names]
    if lacking:
        raise DataError(
            f"pred_probs has no column {lacking[0]!r}", expected="example_id and a column a class"
        )
    place = {name: at for at, name in enumerate(table["example_id"].to_pylist())}
    rows = [place.get(name, -1) for name in answers.example_ids]
    if -1 in rows:
        raise DataError(
            f"pred_probs has no row for example {answers.example_ids[rows.index(-1)]!r}",
            expected="probabilities for every example that was answered",
        )
    return np.stack([table[name].to_numpy()[rows] for name in wanted], axis=1)
