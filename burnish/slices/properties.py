"""Properties of texts, images and signals, spoken of as if they were columns: `words(review)`.

What belongs here: a number a row from a column of texts or of lists of numbers. What does not:
cutting it into slices (`burnish.slices.resolving`), nor decoding image files
(`burnish.modeling.images`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import isqrt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import SpecError

_SPELLED = re.compile(r"([a-z_]+)\((.+)\)")


def with_properties(examples: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The table and each of `columns` that is spelled `property(column)`, as a column more.

    Of texts: `characters`, `words` (runs of anything but blanks), `digit_share` (of characters
    that are 0-9; missing for an empty text). Of lists of numbers, images and signals: `brightness`
    (mean), `contrast` (standard deviation), `energy` (mean square), and of square images
    `sharpness`, the variance of the Laplacian over inner pixels (Pech-Pacheco et al. 2000, 'Diatom
    autofocusing in brightfield microscopy'). In the units of the column; of a missing cell,
    missing. A column that is really called so stands as it is. Raises `SpecError` where the
    property is not of that kind of column.

    >>> table = with_properties(pa.table({"review": ["so so", None]}), ["words(review)"])
    >>> table["words(review)"].to_pylist()
    [2, None]
    """
    for name in dict.fromkeys(columns):
        spelled = _SPELLED.fullmatch(name)
        if name in examples.column_names or spelled is None:
            continue
        wanted, column = spelled.groups()
        if column in examples.column_names:
            examples = examples.append_column(name, _property(examples, wanted, column))
    return examples


def _property(examples: pa.Table, wanted: str, column: str) -> pa.Array:
    cells = examples[column].combine_chunks()
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
    known = OF_TEXTS if text else OF_NUMBERS if _is_numbers(cells.type) else {}
    if wanted not in known:
        kinds = {"texts": OF_TEXTS, "lists of numbers": OF_NUMBERS}
        have = "; ".join(f"{', '.join(names)} of {kind}" for kind, names in kinds.items())
        raise SpecError(
            f"a slice speaks of {wanted}({column}), and {column!r} holds {cells.type}",
            expected=have,
            hint="image files are decoded by the model alone: keep their pixels in a column",
        )
    return known[wanted](cells)


def _is_numbers(kind: pa.DataType) -> bool:
    types = pa.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return types.is_integer(kind.value_type) or types.is_floating(kind.value_type)


def _characters(cells: pa.Array) -> pa.Array:
    return pc.call_function("utf8_length", [cells])


def _matches(cells: pa.Array, pattern: str) -> pa.Array:
    options = pc.MatchSubstringOptions(pattern)
    return pc.call_function("count_substring_regex", [cells], options)


def _digit_share(cells: pa.Array) -> pa.Array:
    # 0 / 0 is NaN, which a slice takes for missing.
    digits, length = _matches(cells, "[0-9]"), _characters(cells)
    return pc.call_function("divide", [digits.cast(pa.float64()), length.cast(pa.float64())])


def _of_rows(number: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> _Property:
    """A property from what gives a number for each row of an (m, length) matrix."""

    def measure(cells: pa.Array) -> pa.Array:
        lengths = pc.fill_null(pc.call_function("list_value_length", [cells]), 0)
        lengths = lengths.to_numpy(zero_copy_only=False)
        found = np.full(len(cells), np.nan)
        for length in np.unique(lengths[lengths > 0]).tolist():
            rows = np.flatnonzero(lengths == length)
            flat = pc.call_function("list_flatten", [cells.take(pa.array(rows))])
            values = flat.cast(pa.float64()).to_numpy(zero_copy_only=False)
            found[rows] = number(values.reshape(rows.size, int(length)))
        return pa.array(found, from_pandas=True)

    return measure


def _sharpness(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    side = isqrt(rows.shape[1])
    if side * side != rows.shape[1] or side < 3:
        raise SpecError(
            f"sharpness of rows of {rows.shape[1]} numbers",
            expected="square images of 3 x 3 pixels or more, as flat lists",
        )
    image = rows.reshape(-1, side, side)
    inner = image[:, 1:-1, 1:-1]
    around = image[:, :-2, 1:-1] + image[:, 2:, 1:-1] + image[:, 1:-1, :-2] + image[:, 1:-1, 2:]
    return (around - 4 * inner).reshape(rows.shape[0], -1).var(axis=1)


_Property = Callable[[pa.Array], pa.Array]
OF_TEXTS: Mapping[str, _Property] = {
    "characters": _characters,
    "words": lambda cells: _matches(cells, r"\S+"),
    "digit_share": _digit_share,
}
OF_NUMBERS: Mapping[str, _Property] = {
    "brightness": _of_rows(lambda rows: rows.mean(axis=1)),
    "contrast": _of_rows(lambda rows: rows.std(axis=1)),
    "energy": _of_rows(lambda rows: (rows**2).mean(axis=1)),
    "sharpness": _of_rows(_sharpness),
}
