"""From the slices of a spec to masks over the rows of a table.

What belongs here: reading `burnish.spec.Slice`, and the errors where it does not fit the data.
What does not: what a predicate means (`burnish.slices.predicates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import SpecError
from burnish.slices.naming import OVERALL, slice_id
from burnish.slices.predicates import (
    Condition,
    OneOf,
    Range,
    bound,
    distinct_values,
    value_text,
)
from burnish.spec import Slice

MAX_VALUES = 200
"""A column with more distinct values than this is not cut into one slice a value."""


@dataclass(frozen=True)
class SliceMask:
    """A slice on one table: which rows it holds. `predicate` is canonical and gives the id."""

    name: str
    slice_id: str
    predicate: str
    mask: NDArray[np.bool_]

    @property
    def support(self) -> int:
        return int(np.count_nonzero(self.mask))


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
    - Where a column that is cut has missing values, they are a slice of their own,
      `slice:missing`.

    Raises `SpecError` where a slice names a column that the table has not, cuts text into ranges,
    or cuts a column of more than 200 values into one slice each.

    >>> table = pa.table({"source": ["scanA", "scanB", None]})
    >>> for found in resolve_slices(table, [Slice(name="source", column="source")]):
    ...     print(found.name, found.predicate, found.mask.tolist())
    source:scanA "source" in ["scanA"] [True, False, False]
    source:scanB "source" in ["scanB"] [False, True, False]
    source:missing "source" is missing [False, False, True]
    """
    found: list[SliceMask] = []
    for cut in slices:
        if cut.column is None:
            found.append(_where(examples, cut))
        else:
            _known(examples, cut, [cut.column])
            found += [
                _mask(examples, f"{cut.name}:{part}", [condition])
                for part, condition in _parts(examples, cut, cut.column)
            ]
    return found


def _where(examples: pa.Table, cut: Slice) -> SliceMask:
    _known(examples, cut, cut.where)
    conditions = [_condition(cut, column, cut.where[column]) for column in sorted(cut.where)]
    return _mask(examples, cut.name, conditions)


def _mask(examples: pa.Table, name: str, conditions: Sequence[Condition]) -> SliceMask:
    masks = [condition.mask(examples) for condition in conditions]
    texts = [condition.text for condition in conditions]
    predicate = texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)
    return SliceMask(name, slice_id(predicate), predicate, np.logical_and.reduce(masks))


def _parts(examples: pa.Table, cut: Slice, column: str) -> list[tuple[str, Condition]]:
    """Name and condition of each part of a column, missing values last."""
    values, codes = distinct_values(examples, column)
    occurring = {values[code] for code in np.unique(codes).tolist()}
    parts: list[tuple[str, Condition]]
    if cut.bins:
        parts = _bins(cut, column)
    else:
        listed = [value_text(value) for value in cut.values]
        named = listed or sorted((v for v in occurring if v is not None), key=_natural_order)
        if len(named) > MAX_VALUES:
            raise SpecError(
                f"slice {cut.name!r} cuts column {column!r}, which has {len(named)} values",
                expected=f"at most {MAX_VALUES} values",
                hint="give bins, or list the values that matter under `values`",
            )
        parts = [(str(value), OneOf(column, frozenset([value]))) for value in named]
    if None in occurring:
        parts.append(("missing", OneOf(column, frozenset([None]))))
    return parts


def _bins(cut: Slice, column: str) -> list[tuple[str, Condition]]:
    last = len(cut.bins) - 2
    return [
        (
            f"{value_text(low)}..{value_text(high)}",
            Range(column, float(low), float(high), closed=position == last),
        )
        for position, (low, high) in enumerate(zip(cut.bins, cut.bins[1:], strict=False))
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
