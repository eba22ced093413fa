"""From the columns of a table to conditions, and to the condition that each row meets in each.

What belongs here: which conditions a search may use, how a spec writes them, and their codes.
What does not: where numbers are cut (`burnish.slices.edges`), the search over codes
(`burnish.slices.lattice`), nor what a condition means (`burnish.slices.predicates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.slices.edges import as_time, quantile_edges, shortest_number, shortest_time
from burnish.slices.predicates import as_numbers, is_ordered, is_temporal, value_text

IntArray = NDArray[np.int64]

_BLOCK = 4096


@dataclass(frozen=True)
class Basic:
    """A condition on one column: `wanted` as `burnish.spec.Slice.where` has it, and in words."""

    column: str
    wanted: Any
    text: str


@dataclass(frozen=True)
class Coded:
    """A table as conditions: `cells` (n, C) has the number of the condition that a row meets.

    0 stands for none that is frequent enough; condition i is `basics[i - 1]`. The conditions of
    column c have the numbers from `offsets[c]` up to `offsets[c + 1]`.
    """

    cells: NDArray[np.integer[Any]]
    basics: tuple[Basic, ...]
    offsets: IntArray


def as_table(features: Any) -> pa.Table:
    """An Arrow table of what was given: itself, a data frame, or a mapping of names to columns.

    Raises `DataError` where it is none of them, or has no columns.

    >>> as_table({"age": [1, 2]}).num_rows
    2
    """
    if isinstance(features, pa.Table):
        table = features
    elif isinstance(features, Mapping) or hasattr(features, "__arrow_c_stream__"):
        try:
            table = pa.table(features)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"features cannot be made a table: {error}",
                expected="columns of one length, each of one type",
                hint="build the table with pyarrow yourself to see which column it is",
            ) from error
    else:
        raise DataError(
            f"features are of type {type(features).__name__}",
            expected="an Arrow table, a data frame, or a mapping of names to columns",
            hint="a matrix needs names: dict(zip(names, matrix.T))",
        )
    if len(set(table.column_names)) != table.num_columns or not table.num_columns:
        raise DataError(
            f"columns are {table.column_names}", expected="one or more, each with its own name"
        )
    return table


def code_table(examples: pa.Table, *, min_support: int, bins: int) -> Coded:
    """Conditions that at least `min_support` rows meet, and not all of them.

    A column of numbers or times with more than `bins` values is cut into about `bins` bins of
    equal size; every other one has a condition a value. Missing values are a condition too.
    Raises `DataError` where a column holds lists, structs or bytes.

    >>> coded = code_table(pa.table({"eye": ["a", "a", "b", "c"]}), min_support=1, bins=10)
    >>> [basic.text for basic in coded.basics], coded.cells.ravel().tolist()
    (['eye = a', 'eye = b', 'eye = c'], [1, 1, 2, 3])
    """
    basics: list[Basic] = []
    offsets = [1]
    columns: list[NDArray[np.integer[Any]]] = []
    for name in examples.column_names:
        found, codes = _column(name, examples.column(name), bins)
        sizes = np.bincount(codes, minlength=len(found))
        kept = (sizes >= min_support) & (sizes < examples.num_rows)
        numbers = np.where(kept, np.cumsum(kept) + offsets[-1] - 1, 0)
        columns.append(numbers.astype(_width(int(numbers.max(initial=0))))[codes])
        basics += [basic for basic, keep in zip(found, kept.tolist(), strict=True) if keep]
        offsets.append(len(basics) + 1)
    return Coded(_by_row(columns, len(basics)), tuple(basics), np.array(offsets))


def _by_row(columns: Sequence[NDArray[np.integer[Any]]], most: int) -> NDArray[np.integer[Any]]:
    rows = columns[0].size
    cells = np.empty((rows, len(columns)), dtype=_width(most))
    # In blocks that stay in the cache: a whole column at a time writes to every line of memory.
    for start in range(0, rows, _BLOCK):
        block = slice(start, start + _BLOCK)
        for position, column in enumerate(columns):
            cells[block, position] = column[block]
    return cells


def _width(most: int) -> type[np.integer[Any]]:
    return np.uint16 if most < 2**16 else np.int32


def _column(name: str, cells: pa.ChunkedArray, bins: int) -> tuple[Sequence[Basic], Any]:
    """Conditions of a column, and for each row the position of the one it meets."""
    if pa.types.is_dictionary(cells.type):
        encoded = cells.unify_dictionaries().combine_chunks()
        if _is_text(cells.type.value_type) and _is_plain(encoded.dictionary):
            return _by_value(name, encoded)
        cells = cells.cast(cells.type.value_type)
    kind = cells.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise DataError(
            f"column {name!r} holds {kind}",
            expected="single values: text, numbers, booleans or times",
            hint="leave it out, or give a property of it, such as its length",
        )
    if pa.types.is_floating(kind):
        cells = pa.chunked_array([pa.array(cells.to_numpy(), from_pandas=True)])
    temporal = is_temporal(kind)
    if is_measured(cells, bins):
        values = as_numbers(cells)
        shorten = shortest_time if temporal else shortest_number
        edges = quantile_edges(values[np.isfinite(values)], bins, readable=shorten)
        if edges.size:
            return _binned(name, values, edges, temporal)
    return _by_value(name, cells.combine_chunks().dictionary_encode())


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_plain(dictionary: pa.Array) -> bool:
    """Whether every entry is a value of its own: Arrow allows null, and one value twice."""
    return not dictionary.null_count and len(dictionary.unique()) == len(dictionary)


def is_measured(cells: pa.ChunkedArray, most: int) -> bool:
    """Whether a column is of numbers or times, of more than `most` distinct ones."""
    if not is_ordered(cells.type):
        return False
    # The first rows tell it of most columns; to encode a million distinct numbers is slow.
    return any(len(part.drop_null().unique()) > most for part in (cells.slice(0, _BLOCK), cells))


def _by_value(name: str, encoded: Any) -> tuple[Sequence[Basic], Any]:
    values = encoded.dictionary.to_pylist()
    missing = len(values)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), missing).to_numpy(zero_copy_only=False)
    return _Values(name, values), codes


class _Values(Sequence[Basic]):
    """Conditions made on demand: of a million distinct texts only the frequent ones are asked."""

    def __init__(self, name: str, values: list[Any]) -> None:
        self._name = name
        self._values = values

    def __len__(self) -> int:
        return len(self._values) + 1

    def __getitem__(self, position: Any) -> Any:
        if position == len(self._values):
            return Basic(self._name, None, f"{self._name} is missing")
        value = self._values[position]
        text = value_text(value)
        plain = isinstance(value, str | bool | int) or (
            isinstance(value, float) and isfinite(value)
        )
        return Basic(self._name, value if plain else text, f"{self._name} = {text}")


def _binned(
    name: str, values: NDArray[np.float64], edges: NDArray[np.float64], temporal: bool
) -> tuple[Sequence[Basic], Any]:
    # Rows without a value lie in no bin: they are the last condition.
    place = np.searchsorted(edges, values, side="right")
    codes = np.where(np.isnan(values), edges.size + 1, place)
    ends = [None, *(written_edge(edge, temporal) for edge in edges.tolist()), None]
    found = [range_of(name, low, high) for low, high in pairwise(ends)]
    return [*found, Basic(name, None, f"{name} is missing")], codes


def written_edge(edge: float, temporal: bool) -> Any:
    """An edge as a spec writes it: a whole number where it is one, a time in ISO 8601 (UTC).

    >>> written_edge(20.0, False), written_edge(0.0, True)
    (20, '1970-01-01')
    """
    if temporal:
        text = as_time(edge).replace(tzinfo=None).isoformat()
        return text.removesuffix("T00:00:00")
    return int(edge) if edge.is_integer() and abs(edge) < 2**53 else edge


def range_of(name: str, low: Any, high: Any) -> Basic:
    """The condition low <= column < high; either end may be None, for none.

    >>> range_of("age", 20, None).wanted, range_of("age", 20, 30).text
    ({'min': 20}, '20 <= age < 30')
    """
    wanted = {key: end for key, end in (("min", low), ("max", high)) if end is not None}
    if low is None:
        return Basic(name, wanted, f"{name} < {high}")
    if high is None:
        return Basic(name, wanted, f"{name} >= {low}")
    return Basic(name, wanted, f"{low} <= {name} < {high}")
