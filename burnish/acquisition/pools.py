"""The rows a batch may be made of: one pool of each kind, in the order of what a review is worth.

What belongs here: pools, the copies and clusters that they share, and what makes rows unfit for
one. What does not: picking from them (`burnish.acquisition.picking`), or what a review is worth
(`burnish.acquisition.order`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.acquisition.order import FloatArray, costs, descending, seeded_keys
from burnish.errors import DataError

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

ALONE = -1
# Sorting a million rows for a batch of sixty would be most of the work: the rest is sorted only
# where a walk gets that far.
_SORTED_FIRST = 20_000


@dataclass
class Pool:
    """Rows of one kind: what a review of each is worth, what it takes, and what they are close to.

    `groups` and `clusters` are codes shared by all pools of a batch. Of a group (the same thing,
    copied) one row is picked; rows of a cluster (alike) count less and less. `ALONE` is in neither.
    `barred` rows are passed over by `fill`.
    """

    rows: pa.Table
    value: FloatArray
    charge: FloatArray
    groups: NDArray[np.int64]
    clusters: NDArray[np.int64]
    salt: str
    random_state: int
    ids: Any = field(init=False)
    taken: NDArray[np.bool_] = field(init=False)
    barred: NDArray[np.bool_] = field(init=False)
    _parts: list[list[int]] = field(init=False, default_factory=list[list[int]])

    def __post_init__(self) -> None:
        self.ids = self.rows["example_id"].cast(pa.string()).combine_chunks()
        self.taken = np.zeros(len(self), dtype=bool)
        self.barred = np.zeros(len(self), dtype=bool)

    def __len__(self) -> int:
        return self.rows.num_rows

    def names(self, places: NDArray[np.intp] | Sequence[int]) -> list[str]:
        """The ids of some rows."""
        return self.ids.take(pa.array(places, pa.int64())).to_pylist()

    def places_of(self, names: Sequence[str]) -> list[int | None]:
        """Where some ids are; None for those that are not here."""
        return pc.index_in(pa.array(names, pa.string()), value_set=self.ids).to_pylist()

    def walk(self) -> Iterator[int]:
        """Rows by falling value, ties by a seeded hash of the id."""
        for part in (0, 1):
            if part == len(self._parts):
                self._parts.append(self._sorted(self._places(part)))
            yield from self._parts[part]

    def random_order(self, salt: str) -> NDArray[np.intp]:
        """All rows in an order that is random, and depends on ids and seed alone."""
        keys = seeded_keys(self.ids.to_pylist(), salt=salt, random_state=self.random_state)
        return np.argsort(keys, kind="stable")

    def _places(self, part: int) -> NDArray[np.intp]:
        if len(self) <= _SORTED_FIRST:
            return np.arange(0 if part else len(self))
        cut = np.partition(self.value, len(self) - _SORTED_FIRST)[len(self) - _SORTED_FIRST]
        return np.flatnonzero(self.value < cut if part else self.value >= cut)

    def _sorted(self, places: NDArray[np.intp]) -> list[int]:
        ties = seeded_keys(self.names(places), salt=self.salt, random_state=self.random_state)
        return places[descending(self.value[places], ties)].tolist()


def make_pools(
    tables: tuple[pa.Table, pa.Table],
    values: tuple[FloatArray, FloatArray],
    *,
    usual: float | None,
    random_state: int,
) -> tuple[Pool, Pool]:
    """The pools of labeled and of unlabeled rows, by what a review of each row is worth.

    A review takes its cost, `usual` where a row has none; with None, each takes 1. Raises
    `DataError` for an id that is there twice.
    """
    charges = [
        np.ones(rows.num_rows) if usual is None else costs(rows, usual=usual) for rows in tables
    ]
    groups, clusters = _codes(tables, "copy_group"), _codes(tables, "cluster")
    first, second = (
        Pool(rows, values[at], charges[at], groups[at], clusters[at], salt, random_state)
        for at, (rows, salt) in enumerate(zip(tables, ("audit", "unlabeled"), strict=True))
    )
    for pool in (first, second):
        _check_once(pool.ids)
    _check_apart(first, second)
    return first, second


def _codes(tables: Sequence[pa.Table], column: str) -> list[NDArray[np.int64]]:
    """The names in a column of several tables as numbers; `ALONE` where there is none."""
    parts = [
        rows[column].cast(pa.string())
        if column in rows.column_names
        else pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
        for rows in tables
    ]
    together = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())
    named = pc.if_else(pc.equal(together, ""), pa.scalar(None, pa.string()), together)
    coded = named.combine_chunks().dictionary_encode().indices.fill_null(ALONE)
    codes = coded.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.split(codes, np.cumsum([rows.num_rows for rows in tables])[:-1])


def require_columns(rows: pa.Table, needed: Iterable[str], kind: str) -> None:
    """Raise `DataError` for rows without a column they need."""
    missing = [name for name in needed if name not in rows.column_names]
    if missing:
        raise DataError(
            f"the {kind} rows have no column {missing[0]!r}", expected=", ".join(needed)
        )


def _check_once(ids: Any) -> None:
    if len(ids) != pc.count_distinct(ids).as_py():
        counts = ids.value_counts()
        twice = next(one["values"] for one in counts.to_pylist() if one["counts"] > 1)
        raise DataError(f"{twice!r} is in the pool twice", expected="each example once")


def _check_apart(labeled: Pool, extra: Pool) -> None:
    known = pc.is_in(extra.ids, value_set=labeled.ids)
    if pc.any(known).as_py():
        both = extra.ids.filter(known)[0].as_py()
        raise DataError(f"{both!r} is a candidate and unlabeled at once", expected="one of the two")
