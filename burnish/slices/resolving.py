"""From the slices of a spec to masks over the rows of a table.

What belongs here: reading `burnish.spec.Slice`, and the errors where it does not fit the data.
What does not: what a predicate means (`burnish.slices.predicates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import SpecError
from burnish.slices.naming import OVERALL
from burnish.slices.partitions import Partition, SliceMask, SliceName
from burnish.slices.predicates import (
    Condition,
    OneOf,
    Range,
    bound,
    distinct_values,
    value_text,
)
from burnish.slices.properties import with_properties
from burnish.spec import Side, Slice

MAX_VALUES = 200
"""A column with more distinct values than this is not cut into one slice a value."""


def everything(rows: int) -> SliceMask:
    """The slice of all rows, named and identified by `overall`.

    >>> everything(3).support
    3
    """
    return SliceMask(OVERALL, OVERALL, "all rows", np.ones(rows, dtype=bool))


def resolve_slices(examples: pa.Table, slices: Sequence[Slice]) -> list[SliceMask]:
    """Masks of shape (n,) for every slice that the spec declares, in its order.

    - `where` gives one slice: all its conditions hold. A value or a list of values is compared by
      text; `{min, max}` is min <= x < max, and either may be left out; null is a missing value.
    - `column` alone gives a slice for each value that occurs, `values` one for each value listed,
      named `slice:value`.
    - `bins` gives [a, b) for each two neighbouring edges, [a, b] for the last, named `slice:a..b`;
      values beyond the edges are in none of them.
    - `cross` gives a slice for each combination of the parts of its columns that occurs, named
      `slice:a,b`; its predicate, and so its id, is that of the same conditions under `where`.
    - A column may be a property of another, spelled `words(review)`: see
      `burnish.slices.properties`.
    - Where a column that is cut has missing values, they are a slice of their own,
      `slice:missing`.

    Raises `SpecError` where a slice names a column that the table has not, cuts text into ranges,
    or where a cut gives more than 200 slices.

    >>> table = pa.table({"source": ["scanA", "scanB", None]})
    >>> for found in resolve_slices(table, [Slice(name="source", column="source")]):
    ...     print(found.name, found.predicate, found.mask.tolist())
    source:scanA "source" in ["scanA"] [True, False, False]
    source:scanB "source" in ["scanB"] [False, True, False]
    source:missing "source" is missing [False, False, True]
    """
    found: list[SliceMask] = []
    for part in resolve_partitions(examples, slices):
        found += part.masks() if isinstance(part, Partition) else [part]
    return found


def resolve_partitions(examples: pa.Table, slices: Sequence[Slice]) -> list[SliceMask | Partition]:
    """The slices of `resolve_slices`, those of one column kept together as a `Partition`.

    `slice_metrics` takes both; a partition costs one pass over the rows, whatever its number of
    slices. Raises as `resolve_slices` does.

    >>> table = pa.table({"source": ["scanA", "scanB", None]})
    >>> (found,) = resolve_partitions(table, [Slice(name="source", column="source")])
    >>> found.codes.tolist()
    [0, 1, 2]
    """
    return [_resolved(with_properties(examples, _columns(cut)), cut) for cut in slices]


def _columns(cut: Slice) -> list[str]:
    return [*cut.where, *(side.column for side in _sides(cut))]


def _sides(cut: Slice) -> tuple[Side, ...]:
    if cut.column is None:
        return cut.cross
    return (Side(column=cut.column, bins=cut.bins, values=cut.values),)


def _resolved(examples: pa.Table, cut: Slice) -> SliceMask | Partition:
    _known(examples, cut, _columns(cut))
    return _where(examples, cut) if cut.where else _partition(examples, cut)


def _where(examples: pa.Table, cut: Slice) -> SliceMask:
    conditions = [_condition(cut, column, cut.where[column]) for column in sorted(cut.where)]
    masks = [condition.mask(examples) for condition in conditions]
    one = SliceName.of(cut.name, _all_of(conditions))
    return SliceMask(one.name, one.slice_id, one.predicate, np.logical_and.reduce(masks))


def _all_of(conditions: Sequence[Condition]) -> str:
    """The predicate that all hold, the same in whatever order they are given."""
    ordered = sorted(conditions, key=lambda condition: condition.column)
    texts = [condition.text for condition in ordered]
    return texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)


def _partition(examples: pa.Table, cut: Slice) -> Partition:
    """The parts of a column, or the combinations of the parts of several that occur."""
    sides = [_parts(examples, cut, side) for side in _sides(cut)]
    found, codes = [[part] for part in sides[0][0]], sides[0][1]
    for parts, own in sides[1:]:
        both = np.where((codes < 0) | (own < 0), -1, codes * len(parts) + own)
        occurring, codes = np.unique(np.append(both, -1), return_inverse=True)
        found = [
            [*found[pair // len(parts)], parts[pair % len(parts)]]
            for pair in occurring[1:].tolist()
        ]
        codes = codes[:-1] - 1
        _refuse_many(cut, len(found), "its cross has {} combinations")
    names = [
        SliceName.of(
            f"{cut.name}:{','.join(name for name, _ in combined)}",
            _all_of([condition for _, condition in combined]),
        )
        for combined in found
    ]
    return Partition(tuple(names), codes)


def _parts(
    examples: pa.Table, cut: Slice, side: Side
) -> tuple[list[tuple[str, Condition]], NDArray[np.int64]]:
    """Name and condition of each part of a column, missing values last, and each row's part."""
    column = side.column
    values, codes = distinct_values(examples, column)
    occurring = {values[code] for code in np.flatnonzero(np.bincount(codes)).tolist()}
    if side.bins:
        parts = _bins(side) + ([_missing(column)] if None in occurring else [])
        part_of_row = np.full(codes.size, -1, dtype=np.int64)
        for position, (_, condition) in enumerate(parts):
            part_of_row[condition.mask(examples)] = position
        return parts, part_of_row
    named = _named_values(cut, side, occurring)
    parts = [
        _missing(column) if value is None else (value, OneOf(column, frozenset([value])))
        for value in named
    ]
    place = {value: position for position, value in enumerate(named)}
    part_of_value = np.array([place.get(value, -1) for value in values], dtype=np.int64)
    return parts, part_of_value[codes]


def _named_values(cut: Slice, side: Side, occurring: set[str | None]) -> list[str | None]:
    """The values that get a slice, each once; the missing one last, where it occurs."""
    listed = [value_text(value) for value in side.values]
    named = listed or sorted((v for v in occurring if v is not None), key=_natural_order)
    _refuse_many(cut, len(named), f"column {side.column!r} has {{}} values")
    return list(dict.fromkeys([*named, None] if None in occurring else named))


def _refuse_many(cut: Slice, number: int, what: str) -> None:
    if number > MAX_VALUES:
        raise SpecError(
            f"slice {cut.name!r}: {what.format(number)}",
            expected=f"at most {MAX_VALUES}",
            hint="give bins, or list the values that matter under `values`",
        )


def _missing(column: str) -> tuple[str, Condition]:
    return "missing", OneOf(column, frozenset([None]))


def _bins(side: Side) -> list[tuple[str, Condition]]:
    last = len(side.bins) - 2
    return [
        (
            f"{value_text(low)}..{value_text(high)}",
            Range(side.column, float(low), float(high), closed=position == last),
        )
        for position, (low, high) in enumerate(zip(side.bins, side.bins[1:], strict=False))
    ]


def _condition(cut: Slice, column: str, wanted: Any) -> Condition:
    place = f"slice {cut.name!r}, column {column!r}"
    if isinstance(wanted, Mapping):
        return _range(place, column, wanted)
    values = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    if not values or any(isinstance(value, list | dict) for value in values):
        raise SpecError(
            f"{place}: {wanted!r}", expected="a value, a list of values, or {min: ..., max: ...}"
        )
    return OneOf(column, frozenset(value_text(value) for value in values))


def _range(place: str, column: str, wanted: Mapping[str, Any]) -> Range:
    if not wanted or set(wanted) - {"min", "max"}:
        raise SpecError(f"{place}: keys {sorted(wanted)}", expected="min, max, or both")
    low, high = bound(wanted.get("min"), place), bound(wanted.get("max"), place)
    if low is None and high is None:
        raise SpecError(f"{place}: neither min nor max has a value", expected="min, max, or both")
    inside = Range(column, low, high)
    if inside.is_empty:
        raise SpecError(f"{place}: no value lies in {inside.text}", expected="min < max")
    return inside


def _known(examples: pa.Table, cut: Slice, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in examples.column_names:
            near = get_close_matches(column, examples.column_names, n=1, cutoff=0.5)
            raise SpecError(
                f"slice {cut.name!r} speaks of column {column!r}, which the data does not have",
                expected="one of: " + ", ".join(examples.column_names),
                hint=f"did you mean {near[0]!r}?" if near else "",
            )


def _natural_order(value: str) -> tuple[bool, float, str]:
    """Numbers by size, before words by letter: `2` stands before `10`."""
    try:
        return (False, float(value), value)
    except ValueError:
        return (True, 0.0, value)
