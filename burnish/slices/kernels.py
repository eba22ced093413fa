"""The compiled walk over conjunctions; importing this module loads numba.

What belongs here: loops over rows and conditions. What does not: when they are worth numba's
start, and the same walk in numpy (`burnish.slices.lattice`), with which the results agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Rows = NDArray[np.int32]
Cells = NDArray[np.integer[Any]]

Counts = NDArray[np.int32]

ROOM = 2**18
"""Places in a table of pairs, 12 bytes each: it should stay in the cache."""

SLACK = 1e-12
"""Rounding may put a bound this little, relatively, below the score that it bounds."""


@njit(cache=True)
def count(
    cells: Cells,
    errors: FloatArray,
    rows: Rows,
    first: int,
    sizes: IntArray,
    sums: FloatArray,
    tops: FloatArray,
    with_tops: bool,
) -> None:
    """Rows, sum and largest of the errors in each condition of the columns from `first` on.

    The outcomes replace `sizes`, `sums` and `tops` (cells,); rows without an error, which are
    most of them, are counted alone.
    """
    C = cells.shape[1]
    sizes[:] = 0
    sums[:] = 0.0
    tops[:] = 0.0
    for i in range(rows.size):
        row = rows[i]
        error = errors[row]
        if error == 0.0:
            for c in range(first, C):
                sizes[cells[row, c]] += 1
        else:
            for c in range(first, C):
                cell = cells[row, c]
                sizes[cell] += 1
                sums[cell] += error
                if with_tops and error > tops[cell]:
                    tops[cell] = error


@njit(cache=True)
def score_of(size: float, total: float, alpha: float, mean: float, n: int) -> float:
    """SliceLine's score of a slice of `size` rows whose errors sum to `total`."""
    return alpha * (total / size / mean - 1.0) - (1.0 - alpha) * (n / size - 1.0)


@njit(cache=True)
def offer(
    score: float,
    path: IntArray,
    depth: int,
    size: int,
    total: float,
    scores: FloatArray,
    paths: IntArray,
    supports: IntArray,
    totals: FloatArray,
) -> None:
    """Put a slice in its place among the best; one of equal score that came before stays ahead."""
    k = scores.size
    if not score > scores[k - 1]:
        return
    place = k - 1
    while place > 0 and score > scores[place - 1]:
        scores[place] = scores[place - 1]
        paths[place] = paths[place - 1]
        supports[place] = supports[place - 1]
        totals[place] = totals[place - 1]
        place -= 1
    scores[place] = score
    paths[place] = 0
    paths[place, :depth] = path[:depth]
    supports[place] = size
    totals[place] = total


@njit(cache=True)
def count_pairs(
    cells: Cells,
    errors: FloatArray,
    rows: Rows,
    column: int,
    slots: IntArray,
    sizes: Counts,
    sums: FloatArray,
) -> None:
    """Rows and errors of each condition in one column with each of the later columns.

    `slots` (cells,) is the place of a condition of the column in the outcomes, `sizes` and `sums`
    (places, cells), and -1 for those that are not asked about. The rows are read in order, so that
    memory is, too: sorting them by condition first takes three times as long at a million rows.
    """
    C = cells.shape[1]
    for i in range(rows.size):
        row = rows[i]
        slot = slots[cells[row, column]]
        if slot < 0:
            continue
        error = errors[row]
        if error == 0.0:
            for c in range(column + 1, C):
                sizes[slot, cells[row, c]] += 1
        else:
            for c in range(column + 1, C):
                sizes[slot, cells[row, c]] += 1
                sums[slot, cells[row, c]] += error


@njit(cache=True)
def offer_parts(
    path: IntArray,
    column: int,
    sizes: Counts,
    sums: FloatArray,
    spans: IntArray,
    alive: NDArray[np.bool_],
    settings: tuple[float, float, int, int],
    best: tuple[FloatArray, IntArray, IntArray, FloatArray],
) -> None:
    """Offer the slices that one more condition, on a column after `column`, makes of a path."""
    alpha, mean, n, min_support = settings
    depth = path.size
    for c in range(column + 1, spans.shape[0]):
        for cell in range(spans[c, 0], spans[c, 1]):
            size = sizes[cell]
            if size < min_support or not alive[cell]:
                continue
            score = score_of(size, sums[cell], alpha, mean, n)
            if score > best[0][-1]:
                path[depth - 1] = cell
                offer(score, path, depth, size, sums[cell], best[0], best[1], best[2], best[3])


@njit(cache=True)
def place_worthy(
    first: int,
    end: int,
    most: int,
    slots: IntArray,
    worth: FloatArray,
    least: float,
) -> int:
    """Number the conditions from `first` on whose bound is `least` or more; return the next.

    At most `most` are numbered in one round, which ends before the condition that is returned.
    """
    slots[:] = -1
    placed = 0
    for cell in range(first, end):
        if worth[cell] >= least:
            if placed == most:
                return cell
            slots[cell] = placed
            placed += 1
    return end


@njit(cache=True)
def walk_two(
    cells: Cells,
    errors: FloatArray,
    rows: Rows,
    column: int,
    spans: IntArray,
    alive: NDArray[np.bool_],
    path: IntArray,
    bounds: FloatArray,
    settings: tuple[float, float, int, int],
    best: tuple[FloatArray, IntArray, IntArray, FloatArray],
) -> None:
    """Offer the slices that two more conditions, on columns after `column`, make of `rows`.

    `spans` (C, 2) are the first condition of each column and the one after its last, `path` the
    conditions so far with two places free, `bounds` (cells,) the best score that each condition
    more can lead to, `settings` alpha, the mean error, the number of all rows and the least
    support.
    """
    width = alive.size
    most = max(1, ROOM // width)
    slots = np.empty(width, np.int64)
    sizes, sums = np.empty((most, width), np.int32), np.empty((most, width))
    for c in range(column + 1, spans.shape[0] - 1):
        first, end = spans[c, 0], spans[c, 1]
        while first < end:
            least = best[0][-1] * (1.0 - SLACK)
            stop = place_worthy(first, end, most, slots, bounds, least)
            placed = slots[first:stop].max() + 1
            if placed > 0:
                sizes[:placed], sums[:placed] = 0, 0.0
                count_pairs(cells, errors, rows, c, slots, sizes, sums)
            for cell in range(first, stop):
                slot = slots[cell]
                if slot >= 0:
                    path[path.size - 2] = cell
                    offer_parts(path, c, sizes[slot], sums[slot], spans, alive, settings, best)
            first = stop
