"""Near copies in tables of several kinds: equal categories, and numbers nearer than by chance.

What belongs here: when two rows of a table with categories are near. What does not: rows of
numbers alone, or texts (`burnish.quality.near`), images (`burnish.quality.pictures`), equal
rows (`burnish.quality.duplicates`), or whether chance made rows near
(`burnish.quality.near_chance`).

In a matrix where each category is a column of its own, categories set rows apart by so much that
rows of equal categories look like copies. So categories are not measured here: they are equal or
not. What is measured is how near the numbers are, against how near those of other rows are,
whatever their categories; and chance is counted among the rows of equal categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.neighbours import nearest
from burnish.quality.duplicates import duplicate_groups
from burnish.quality.near import (
    BY_CHANCE,
    FEWEST_NEIGHBOURS,
    NEAREST_SHARE,
    NEIGHBOURS,
    Pairs,
    components,
    named,
    near_duplicate_groups,
)
from burnish.quality.pictures import MOST_IMAGES, near_duplicate_images
from burnish.spec import FeatureKind

MISSING = "(missing)"
"""Stands for which numbers of a row are missing, beside the names of columns."""
_TREE_UP_TO = 8
# Standard deviations count a column of a few huge values as constant; these do not.
_MIDDLE = (5.0, 95.0)


def near_duplicate_rows(features: pa.Table, kinds: Mapping[str, FeatureKind]) -> pa.Array:
    """Name of the group of each row of a table, a string array of shape (n,).

    `kinds` says what the columns compared are; those it leaves out are not looked at. Rows are
    near where categories, times and signals are equal, texts near by `near_duplicate_groups`,
    images (files as bytes, at most 20,000) by `near_duplicate_images`, and
    numbers nearer than chance puts them: their distance, each column on the scale of its middle 90
    % of values, is at most `r` times that of both rows to the 32nd nearest row in the whole table.
    `r` is a tenth, or so much less that about one row in a thousand has a neighbour of equal
    categories within it by chance; how many that are is judged from pairs that lie further apart. A
    missing number equals a missing number alone. Names are as of `near_duplicate_groups`.

    Raises `DataError` for a column that is missing, or an infinite number.

    >>> rows = pa.table({"x": [1.0, 1.0, 2.0], "colour": ["red", "red", "red"]})
    >>> names = near_duplicate_rows(rows, {"x": "numeric", "colour": "categorical"}).to_pylist()
    >>> names[0] == names[1], names[0] == names[2]
    (True, False)
    """
    _check(features, kinds)
    if not kinds or not features.num_rows:
        return duplicate_groups(features, list(kinds)) if kinds else pa.array([], pa.string())
    return search(features, kinds).names


@dataclass(frozen=True)
class Numbers:
    """How near m points of numbers are to those around them, in parts of what is usual there.

    `point` (n,) is that of each distinct row, `indices` and `part` (m, k) are the nearest points
    and their distance over that to the 32nd row; up to `share` of it, rows are near.
    """

    point: NDArray[np.intp]
    indices: NDArray[np.intp]
    part: NDArray[np.float64]
    share: float


@dataclass(frozen=True)
class Compared:
    """The groups of near rows, and what the n distinct ones were compared by.

    `names` are of all rows. `same` holds a number (n,) for each column of categories and for which
    numbers are missing; `alike` two for each column of texts or images: by near ones, and by equal
    ones. `point` (n,) is a number for the numbers; `numbers` None where there are too few.
    """

    names: pa.Array
    same: Mapping[str, NDArray[np.intp]]
    alike: Mapping[str, tuple[NDArray[np.intp], NDArray[np.intp]]]
    point: NDArray[np.intp]
    numbers: Numbers | None


def search(features: pa.Table, kinds: Mapping[str, FeatureKind]) -> Compared:
    """As `near_duplicate_rows` of one row and one column or more, with what was compared."""
    names: list[str] = duplicate_groups(features, list(kinds)).to_pylist()
    group = _codes(pa.array(names))
    _, first = np.unique(group, return_index=True)
    rows = features.take(pa.array(first))
    same: dict[str, NDArray[np.intp]] = {}
    alike: dict[str, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
    for name, kind in kinds.items():
        near = _near_cells(rows[name], kind)
        if near is not None:
            alike[name] = near, _codes(duplicate_groups(rows, [name]))
        elif kind != "numeric":
            same[name] = _codes(duplicate_groups(rows, [name]))
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    points, point, same[MISSING] = _points(rows, numeric)
    block: NDArray[np.intp] = np.zeros(first.size, dtype=np.intp)
    for own in (*same.values(), *(near for near, _ in alike.values())):
        block = both(block, own)
    left, right = _chained(both(block, point))  # equal numbers, and texts that are near
    numbers = None
    if len(points) > 1 and first.size > FEWEST_NEIGHBOURS:
        numbers, nearer = _numbers_near(points, point, block)
        left, right = np.append(left, nearer[0]), np.append(right, nearer[1])
    told = named(names, components(first.size, (left, right))[group])
    return Compared(told, same, alike, point, numbers)


def _check(features: pa.Table, kinds: Mapping[str, FeatureKind]) -> None:
    for name, kind in kinds.items():
        if name not in features.column_names:
            raise DataError(
                f"column {name!r} is missing",
                expected="one of: " + ", ".join(features.column_names),
            )
        if kind == "numeric" and not np.isfinite(_numbers(features[name])[1]).all():
            raise DataError(f"{name!r} holds an infinite number", expected="finite numbers")


def _numbers_near(
    points: NDArray[np.float64], point: NDArray[np.intp], block: NDArray[np.intp]
) -> tuple[Numbers, Pairs]:
    """How near points are, and the pairs of rows of one block at near ones."""
    indices, distances = _around(points)
    scale = _scale(distances, indices, np.bincount(point))
    part = distances / np.minimum(scale[:, None], scale[indices])
    left, places, right = _of_one_block(point, block, indices)
    apart = part[point[left], places]
    share = _share(apart, point.size)
    near = apart <= share
    return Numbers(point, indices, part, share), (left[near], right[near])


def _around(points: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The points nearest to each of m different ones, and how far off they are: (m, 32) or fewer.

    In few dimensions a tree is faster than holding all against all.
    """
    if points.shape[1] > _TREE_UP_TO:
        around = nearest(points, k=NEIGHBOURS)
        return around.indices.astype(np.intp), around.distances
    from scipy.spatial import KDTree

    found: Any = KDTree(points).query(points, k=min(NEIGHBOURS + 1, len(points)))
    return found[1][:, 1:].astype(np.intp), found[0][:, 1:]  # the nearest is the point itself


def _scale(
    distances: NDArray[np.float64], indices: NDArray[np.intp], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far off the 32nd row is from each point, as several rows may lie at one point."""
    seen = np.cumsum(rows[indices], axis=1) + rows[:, None] - 1
    place = np.minimum((seen < NEIGHBOURS).sum(axis=1), distances.shape[1] - 1)
    return distances[np.arange(len(distances)), place]


def _of_one_block(
    point: NDArray[np.intp], block: NDArray[np.intp], indices: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows, places among their points' neighbours, and a row of the same block that lies there."""
    blocks = int(block.max(initial=0)) + 1
    key = point * blocks + block
    known, holder = np.unique(key, return_index=True)
    wanted = indices[point] * blocks + block[:, None]
    at = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    left, places = np.nonzero(known[at] == wanted)
    return left.astype(np.intp), places.astype(np.intp), holder[at[left, places]].astype(np.intp)


def _share(part: NDArray[np.float64], n: int) -> float:
    """Up to which part of the distance to the 32nd neighbour a pair is near.

    Pairs further apart than a tenth are no copies, so they are there by chance. Their number grows
    with a power of the distance, which two shells tell; nearer by with a lower power, where some
    columns hold few values. So one less is taken.
    """
    at = NEAREST_SHARE
    inner = np.count_nonzero((part > at) & (part <= 2 * at)) + 1.0
    outer = np.count_nonzero((part > 2 * at) & (part <= 4 * at)) + 1.0
    power = max(1.0, float(np.log2(outer / inner)) - 1.0)
    allowed = BY_CHANCE * n * (2**power - 1)
    return at * min(1.0, (allowed / inner) ** (1.0 / power))


def _near_cells(cells: pa.ChunkedArray, kind: FeatureKind) -> NDArray[np.intp] | None:
    """One number (n,) for texts that are near, or images; None where cells are equal or not."""
    if kind == "text":
        return _codes(
            near_duplicate_groups([text or "" for text in cells.cast(pa.string()).to_pylist()])
        )
    if kind == "image" and _are_files(cells):
        return _codes(near_duplicate_images(cells.to_pylist()))
    return None


def _codes(names: pa.Array) -> NDArray[np.intp]:
    return names.dictionary_encode().indices.to_numpy().astype(np.intp)


def _are_files(cells: pa.ChunkedArray) -> bool:
    binary = pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type)
    return binary and not cells.null_count and len(cells) <= MOST_IMAGES


def both(one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """A number (n,) for each pair of numbers that occurs."""
    pair = one * (int(other.max(initial=0)) + 1) + other
    return np.unique(pair, return_inverse=True)[1].astype(np.intp).ravel()


def _numbers(column: pa.ChunkedArray) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Where there is no number, and the numbers with 0 in those places."""
    values = np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    missing = np.isnan(values)
    values[missing] = 0.0
    return missing, values


def _points(
    rows: pa.Table, numeric: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Different numbers on comparable scales (m, d), which of them a row has (n,), and lacks (n,).

    Without a column of numbers all rows have the same.
    """
    columns: list[NDArray[np.float64]] = []
    pattern: NDArray[np.intp] = np.zeros(rows.num_rows, dtype=np.intp)
    for name in numeric:
        missing, values = _numbers(rows[name])
        known = values[~missing]
        low, high = np.percentile(known, _MIDDLE) if known.size else (0.0, 0.0)
        spread = float(high - low) or float(np.ptp(known) if known.size else 0.0) or 1.0
        values[missing] = low
        columns.append((values - low) / spread)
        pattern = both(pattern, missing.astype(np.intp))
    if not columns:
        return np.zeros((1, 0)), pattern, pattern
    points, point = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    return points, point.ravel().astype(np.intp), pattern


def _chained(block: NDArray[np.intp]) -> Pairs:
    """Each row with the next of its block."""
    order = np.argsort(block, kind="stable")
    equal = np.flatnonzero(block[order][1:] == block[order][:-1])
    return order[equal], order[equal + 1]
