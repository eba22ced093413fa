"""Slices of a column that share no row, kept as one code a row.

What belongs here: `Partition`, and the one that the labels themselves make. What does not: which
partitions a spec declares (`burnish.slices.resolving`), nor metrics on them
(`burnish.slices.measuring`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.grouped import Groups
from burnish.slices.naming import slice_id
from burnish.slices.predicates import OneOf, distinct_values
from burnish.typing import Labels


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


@dataclass(frozen=True)
class SliceName:
    """A slice without its rows: name, id, and the predicate that the id comes from."""

    name: str
    slice_id: str
    predicate: str

    @classmethod
    def of(cls, name: str, predicate: str) -> SliceName:
        return cls(name, slice_id(predicate), predicate)


@dataclass(frozen=True)
class Partition:
    """Slices of which no two share a row: metrics of all of them take one pass over the rows.

    `codes`, shape (n,), holds for each row the position in `parts` of its slice, or -1 where it is
    in none.
    """

    parts: tuple[SliceName, ...]
    codes: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.codes.size and int(self.codes.max()) >= len(self.parts):
            raise DataError(
                f"a partition of {len(self.parts)} slices with code {int(self.codes.max())}",
                expected="codes from 0 to the number of slices less 1, or -1",
            )

    def masks(self) -> list[SliceMask]:
        """The same slices one by one, each with its mask of shape (n,)."""
        return [
            SliceMask(part.name, part.slice_id, part.predicate, self.codes == position)
            for position, part in enumerate(self.parts)
        ]

    def take(self, rows: NDArray[np.intp]) -> Partition:
        """The same slices over some of the rows, in the order given."""
        return replace(self, codes=self.codes[rows])


def grouped_rows(
    one: SliceMask | Partition,
) -> tuple[Sequence[SliceName], Groups, NDArray[np.intp] | None]:
    """Names and groups of a slicing, and the rows that are in it (None: all)."""
    if isinstance(one, SliceMask):
        rows = np.flatnonzero(one.mask)
        parts = (SliceName(one.name, one.slice_id, one.predicate),)
        return parts, Groups(np.zeros(rows.size, dtype=np.int64), 1), rows
    inside = one.codes >= 0
    if inside.all():
        return one.parts, Groups(one.codes, len(one.parts)), None
    rows = np.flatnonzero(inside)
    return one.parts, Groups(one.codes[rows], len(one.parts)), rows


def each_once(
    *kinds: Sequence[SliceMask | Partition],
) -> list[list[SliceMask | Partition]]:
    """Every kind of slices without what came before: an id stands for one predicate.

    >>> (first,), second = each_once([by_class(["a", "b"])], [by_class(["b", "a"])])
    >>> [part.name for part in first.parts], second
    (['class:a', 'class:b'], [])
    """
    taken: set[str] = set()
    kept: list[list[SliceMask | Partition]] = []
    for kind in kinds:
        left: list[SliceMask | Partition] = []
        for one in kind:
            parts = one.parts if isinstance(one, Partition) else (one,)
            new = [part.slice_id not in taken for part in parts]
            taken |= {part.slice_id for part in parts}
            if all(new):
                left.append(one)
            elif isinstance(one, Partition):
                left += [mask for mask, is_new in zip(one.masks(), new, strict=True) if is_new]
        kept.append(left)
    return kept


def by_class(y_true: Labels, *, column: str = "label") -> Partition:
    """One slice a class, named `class:<label>`: its accuracy is the recall of the class.

    The ids are those of the values of `column`, as a spec that cuts it would give.

    >>> found = by_class(["b", "a", "b"])
    >>> [part.name for part in found.parts], found.codes.tolist()
    (['class:a', 'class:b'], [1, 0, 1])
    """
    labels = pa.table({column: pa.array(np.asarray(y_true).tolist())})
    values, codes = distinct_values(labels, column)
    known = sorted({value for value in values if value is not None})
    place = {value: position for position, value in enumerate(known)}
    conditions = [OneOf(column, frozenset([value])) for value in known]
    parts = [
        SliceName.of(f"class:{value}", one.text)
        for value, one in zip(known, conditions, strict=True)
    ]
    position = np.array([-1 if value is None else place[value] for value in values], dtype=np.int64)
    return Partition(tuple(parts), position[codes])
