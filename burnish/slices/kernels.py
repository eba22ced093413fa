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
def bound_of(
    size: float,
    total: float,
    top: float,
    alpha: float,
    mean: float,
    n: int,
    min_support: int,
) -> float:
    """The best score that any part of the slice with `min_support` rows or more can have.

    A part of s rows has errors of at most min(total, s * top). The score of that is monotone in s
    on either side of total / top, so that three sizes tell the largest (the paper's equation 4).
    """
    best = score_of(size, min(total, size * top), alpha, mean, n)
    least = float(min_support)
    best = max(best, score_of(least, min(total, least * top), alpha, mean, n))
    turn = min(size, max(least, total / top))
    return max(best, score_of(turn, min(total, turn * top), alpha, mean, n))


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
def partition(
    cells: Cells,
    rows: Rows,
    column: int,
    sizes: IntArray,
    first_cell: int,
    end_cell: int,
    into: Rows,
    starts: IntArray,
) -> None:
    """Sort `rows` by their condition in one column, in order within each; rows of none are left."""
    position = 0
    for cell in range(first_cell, end_cell):
        starts[cell] = position
        position += sizes[cell]
    for i in range(rows.size):
        cell = cells[rows[i], column]
        if cell > 0:
            into[starts[cell]] = rows[i]
            starts[cell] += 1
    for cell in range(first_cell, end_cell):
        starts[cell] -= sizes[cell]


@njit(cache=True)
def offer_parts(
    cells: Cells,
    errors: FloatArray,
    rows: Rows,
    column: int,
    spans: IntArray,
    alive: NDArray[np.bool_],
    path: IntArray,
    settings: tuple[float, float, int, int],
    best: tuple[FloatArray, IntArray, IntArray, FloatArray],
    tallies: tuple[IntArray, FloatArray, FloatArray],
) -> None:
    """Offer the slices that one more condition, on a column after `column`, makes of `rows`."""
    alpha, mean, n, min_support = settings
    sizes, sums, tops = tallies
    depth = path.size
    count(cells, errors, rows, column + 1, sizes, sums, tops, False)
    for c in range(column + 1, spans.shape[0]):
        for cell in range(spans[c, 0], spans[c, 1]):
            size = sizes[cell]
            if size >= min_support and alive[cell]:
                score = score_of(size, sums[cell], alpha, mean, n)
                if score > best[0][-1]:
                    path[depth - 1] = cell
                    offer(
                        score, path, depth, size, sums[cell],
                        best[0], best[1], best[2], best[3],
                    )  # fmt: skip


@njit(cache=True)
def walk_two(
    cells: Cells,
    errors: FloatArray,
    rows: Rows,
    column: int,
    spans: IntArray,
    alive: NDArray[np.bool_],
    path: IntArray,
    whole: float,
    settings: tuple[float, float, int, int],
    best: tuple[FloatArray, IntArray, IntArray, FloatArray],
) -> None:
    """Offer the slices that two more conditions, on columns after `column`, make of `rows`.

    `spans` (C, 2) are the first condition of each column and the one after its last, `path` the
    conditions so far with two places free, `settings` alpha, the mean error, the number of all
    rows and the least support. `whole`, where above 0, is the largest error of all, and takes the
    place of the largest in each part (with errors of 0 and 1 they are the same).
    """
    alpha, mean, n, min_support = settings
    width = alive.size
    sizes, sums, tops = np.zeros(width, np.int64), np.zeros(width), np.zeros(width)
    inner = (np.zeros(width, np.int64), np.zeros(width), np.zeros(width))
    starts = np.zeros(width, np.int64)
    sorted_rows = np.empty(rows.size, np.int32)
    count(cells, errors, rows, column + 1, sizes, sums, tops, whole <= 0.0)
    for c in range(column + 1, spans.shape[0] - 1):
        first, end = spans[c, 0], spans[c, 1]
        partition(cells, rows, c, sizes, first, end, sorted_rows, starts)
        for cell in range(first, end):
            size = sizes[cell]
            if size < min_support or not alive[cell] or sums[cell] <= 0.0:
                continue
            top = whole if whole > 0.0 else tops[cell]
            bound = bound_of(size, sums[cell], top, alpha, mean, n, min_support)
            if bound < best[0][-1] * (1.0 - SLACK):
                continue
            path[path.size - 2] = cell
            part = sorted_rows[starts[cell] : starts[cell] + size]
            offer_parts(cells, errors, part, c, spans, alive, path, settings, best, inner)
