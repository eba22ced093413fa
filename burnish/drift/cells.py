"""The cells of one column, of whatever type, as numbers or as codes of categories.

What belongs here: Arrow columns to arrays that statistics can be computed of. What does not: the
statistics (`burnish.drift.statistics`), or text, lists and images (`burnish.drift.profiles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute
from numpy.typing import NDArray

from burnish.errors import DataError

pc: Any = _compute  # its functions are made when it is loaded: a checker sees none

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Kind: TypeAlias = Literal["numeric", "categorical", "boolean", "datetime", "text", "list", "image"]

TEXT_FROM_VALUES = 50
"""Strings are taken as text from so many values on, if most rows have a value of their own."""


@dataclass(frozen=True)
class Numbers:
    """One side of a column of numbers: `values` (n,) as they came, NaN where missing, and sorted.

    `finite` holds the finite ones in order; `nan` counts cells that are not a number as they came,
    `infinite` those of either infinity.
    """

    values: FloatArray
    finite: FloatArray
    missing: int
    nan: int
    infinite: int


@dataclass(frozen=True)
class Categories:
    """Both sides of a column of categories: codes (-1 where missing) into `names`, and counts."""

    names: tuple[str, ...]
    before: IntArray
    after: IntArray

    def counts(self) -> tuple[IntArray, IntArray]:
        size = len(self.names)
        return (
            np.bincount(self.before[self.before >= 0], minlength=size).astype(np.int64),
            np.bincount(self.after[self.after >= 0], minlength=size).astype(np.int64),
        )


def kind_of(name: str, before: pa.ChunkedArray, after: pa.ChunkedArray) -> Kind:
    """Which kind of column it is on both sides; a side without any value takes that of the other.

    Raises `DataError` where the two are of different kinds, or of a type that has no measure.

    >>> kind_of("x", pa.chunked_array([[1, 2]]), pa.chunked_array([[1.5, None]]))
    'numeric'
    """
    sides = [side for side in (before, after) if not pa.types.is_null(side.type)]
    kinds: list[Kind] = [_kind(name, side) for side in sides]
    if not kinds:
        return "categorical"
    found = set(kinds)
    if found == {"text", "categorical"}:
        return kinds[0]
    if len(found) > 1:
        raise DataError(
            f"column {name!r} is {before.type} in the reference and {after.type} now",
            expected="the same kind of column on both sides",
            hint="mend the type where the rows are read, or leave the column out of `columns`",
        )
    return kinds[0]


def _kind(name: str, column: pa.ChunkedArray) -> Kind:
    kind = column.type
    plain: list[tuple[bool, Kind]] = [
        (pa.types.is_boolean(kind), "boolean"),
        (pa.types.is_floating(kind) or pa.types.is_integer(kind), "numeric"),
        (pa.types.is_decimal(kind) or pa.types.is_duration(kind), "numeric"),
        (pa.types.is_temporal(kind) and not pa.types.is_interval(kind), "datetime"),
        (_is_bytes(kind), "image"),
        (is_list(kind) and _holds_numbers(kind), "list"),
    ]
    for holds, said in plain:
        if holds:
            return said
    if not (_is_string(kind) or pa.types.is_dictionary(kind)):
        raise DataError(
            f"column {name!r} is {kind}, which drift has no measure of",
            expected="numbers, times, strings, booleans, images as bytes, or lists of numbers",
            hint="make a column of each part that matters, or leave it out of `columns`",
        )
    return "text" if _is_long(column) else "categorical"


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)


def _is_string(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _holds_numbers(kind: pa.DataType) -> bool:
    inner = kind.value_type
    if is_list(inner):
        return _holds_numbers(inner)
    types = pa.types
    plain = types.is_floating(inner) or types.is_integer(inner) or types.is_decimal(inner)
    return plain or types.is_boolean(inner) or types.is_null(inner)


def is_list(kind: pa.DataType) -> bool:
    """Whether it is a type of lists, of whichever length."""
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def checked_kind(name: str, kind: Kind, *sides: pa.ChunkedArray) -> Kind:
    """The kind that was asked for. Raises `DataError` where cells of that type cannot be it.

    >>> checked_kind("code", "categorical", pa.chunked_array([[1, 2]]))
    'categorical'
    """
    for side in sides:
        if pa.types.is_null(side.type):
            continue
        own = _kind(name, side)
        if own != kind and kind not in _AS_WELL[own]:
            raise DataError(
                f"column {name!r} is {side.type}, and was asked for as {kind}",
                expected="one of: " + ", ".join([own, *_AS_WELL[own]]),
                hint="mend `kinds`, or the type where the rows are read",
            )
    return kind


_AS_WELL: dict[Kind, tuple[Kind, ...]] = {
    "numeric": ("categorical",),
    "boolean": ("categorical",),
    "datetime": ("categorical",),
    "categorical": ("text",),
    "text": ("categorical",),
    "list": ("image",),
    "image": (),
}


def _is_long(column: pa.ChunkedArray) -> bool:
    if pa.types.is_dictionary(column.type):
        return False
    some = column.slice(0, 2000).drop_null().cast(pa.large_string())
    values = pc.count_distinct(some).as_py()
    if values < TEXT_FROM_VALUES or values * 2 < len(some):
        return False
    spaces = pc.count_substring(some, " ")
    return bool(pc.mean(spaces).as_py() >= 1.0)


_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def numbers(column: pa.ChunkedArray) -> Numbers:
    """One side as numbers; times as seconds since 1970.

    >>> found = numbers(pa.chunked_array([[1.0, None, float("nan"), float("inf")]]))
    >>> found.finite.tolist(), found.missing, found.nan, found.infinite
    ([1.0], 1, 1, 1)
    """
    kind = column.type
    scale = 1.0
    if pa.types.is_date(kind):
        column, scale = column.cast(pa.timestamp("s")).cast(pa.int64()), 1.0
    elif pa.types.is_temporal(kind):
        whole = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        column, scale = column.cast(whole), _SECONDS[kind.unit]
    elif pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.float64())
    values = np.asarray(column.to_numpy(), dtype=np.float64)
    return of_values(values * scale if scale != 1.0 else values, missing=column.null_count)


def of_values(values: FloatArray, *, missing: int = 0) -> Numbers:
    """One side from an array, of whose NaN so many stand for cells that are missing.

    >>> of_values(np.array([2.0, 1.0, np.nan]), missing=1).finite.tolist()
    [1.0, 2.0]
    """
    ordered = np.sort(values)
    first = int(np.searchsorted(ordered, -np.inf, side="right"))
    last = int(np.searchsorted(ordered, np.inf, side="left"))
    numbers_end = int(np.searchsorted(ordered, np.inf, side="right"))
    return Numbers(
        values=values,
        finite=ordered[first:last],
        missing=missing,
        nan=ordered.size - numbers_end - missing,
        infinite=first + numbers_end - last,
    )


def categories(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Categories:
    """Both sides as codes of the values that either has, as text.

    >>> found = categories(pa.chunked_array([["a", None]]), pa.chunked_array([["b", "a"]]))
    >>> found.names, found.before.tolist(), found.after.tolist()
    (('a', 'b'), [0, -1], [1, 0])
    """
    sides = [side.cast(pa.large_string()) for side in (before, after)]
    both = pa.chunked_array([*sides[0].chunks, *sides[1].chunks], type=pa.large_string())
    coded = both.dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], type=coded.type)
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    names = tuple(coded.dictionary.to_pylist())
    return Categories(names, codes[: len(before)], codes[len(before) :])
