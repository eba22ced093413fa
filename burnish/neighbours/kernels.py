"""The compiled inner loops of the search; importing this module loads numba.

What belongs here: what numpy cannot do in one pass over a tile. What does not: which tiles there
are and who works on them (`burnish.neighbours.tiles`). Nothing here starts threads: the callers
do, and every kernel lets go of the interpreter meanwhile.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LANES = 32


@njit(cache=True, nogil=True)
def keep_nearest(
    products: NDArray[Any],
    halves: NDArray[Any],
    asked: NDArray[Any],
    first_column: int,
    keys: NDArray[Any],
    indices: NDArray[Any],
) -> None:
    """Merge one tile of products into the sorted nearest rows, `keys` and `indices` (rows, m).

    Row i of the tile is row `asked[i]` of the matrix, which is never its own neighbour. The key of
    a pair is half the squared norm of the column's row less the product, which orders like the
    distance. Columns come in the order of their indices and only a smaller key displaces, so that
    ties go to the lower index. The number of columns is a multiple of 32.
    """
    m = keys.shape[1]
    for i in range(keys.shape[0]):
        itself = asked[i] - first_column
        worst = keys[i, m - 1]
        row = products[i]
        for start in range(0, row.shape[0], _LANES):
            # Without a branch inside, the compiler makes wide instructions of this loop.
            low = worst
            for j in range(start, start + _LANES):
                low = min(low, halves[j] - row[j])
            if not low < worst:
                continue
            for j in range(start, start + _LANES):
                key = halves[j] - row[j]
                if key < worst and j != itself:
                    place = m - 1
                    while place > 0 and keys[i, place - 1] > key:
                        keys[i, place] = keys[i, place - 1]
                        indices[i, place] = indices[i, place - 1]
                        place -= 1
                    keys[i, place] = key
                    indices[i, place] = first_column + j
                    worst = keys[i, m - 1]


@njit(cache=True, nogil=True)
def keep_nearest_of_columns(
    products: NDArray[Any],
    halves: NDArray[Any],
    first_row: int,
    worst: NDArray[Any],
    keys: NDArray[Any],
    indices: NDArray[Any],
) -> None:
    """Merge one tile into the nearest rows of its columns: `keys` and `indices` (columns, m).

    Row i of the tile is row `first_row + i` of the matrix, with `halves` of its norm; none of them
    is among the columns. `worst` (columns,) is the last of each one's keys, and is kept so.
    """
    m = keys.shape[1]
    for i in range(products.shape[0]):
        half = halves[i]
        if not np.isfinite(half):
            break
        row = products[i]
        for start in range(0, row.shape[0], _LANES):
            low = half - half
            for j in range(start, start + _LANES):
                low = min(low, (half - row[j]) - worst[j])
            if not low < 0:
                continue
            for j in range(start, start + _LANES):
                key = half - row[j]
                if key < worst[j]:
                    place = m - 1
                    while place > 0 and keys[j, place - 1] > key:
                        keys[j, place] = keys[j, place - 1]
                        indices[j, place] = indices[j, place - 1]
                        place -= 1
                    keys[j, place] = key
                    indices[j, place] = first_row + i
                    worst[j] = keys[j, m - 1]


@njit(cache=True, nogil=True)
def true_nearest(
    rows: NDArray[Any],
    asked: NDArray[Any],
    candidates: NDArray[Any],
    indices: NDArray[Any],
    squares: NDArray[Any],
) -> None:
    """The k best of the m candidates of each asked row by their true squared difference.

    `candidates` (asked, m), -1 where there is none; the k columns of `indices` and `squares`
    (asked, k) are written in rising order, ties by index.
    """
    k, d = indices.shape[1], rows.shape[1]
    for i in range(asked.shape[0]):
        mine = rows[asked[i]]
        for place in range(k):
            squares[i, place] = np.inf
            indices[i, place] = -1
        for c in range(candidates.shape[1]):
            other = candidates[i, c]
            if other < 0:
                continue
            total = 0.0
            for f in range(d):
                step = np.float64(mine[f]) - np.float64(rows[other, f])
                total += step * step
            if total > squares[i, k - 1] or (
                total == squares[i, k - 1] and other > indices[i, k - 1] >= 0
            ):
                continue
            place = k - 1
            while place > 0 and (
                squares[i, place - 1] > total
                or (squares[i, place - 1] == total and indices[i, place - 1] > other)
            ):
                squares[i, place] = squares[i, place - 1]
                indices[i, place] = indices[i, place - 1]
                place -= 1
            squares[i, place] = total
            indices[i, place] = other
