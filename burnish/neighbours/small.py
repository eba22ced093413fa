"""The small way: all pairs by numpy, block by block, with nothing to load or compile.

What belongs here: the exact search for some thousands of rows, and the true distances of pairs.
What does not: larger matrices (`burnish.neighbours.tiles`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 128
_PAIRS = 16_384
_ROUNDING = 4 * float(np.finfo(np.float64).eps)

Found = tuple[NDArray[np.int32], NDArray[np.float64]]


def search(rows: NDArray[Any], *, k: int, workers: int = 1) -> Found:
    """Indices and squared distances of the k nearest other rows of each, shape (n, k) both."""
    from threadpoolctl import threadpool_limits

    del workers  # one suffices here; the argument is that of the large way
    with threadpool_limits(1):
        return _search(rows.astype(np.float64), k)


def _search(rows: NDArray[np.float64], k: int) -> Found:
    n = rows.shape[0]
    centred = rows - rows.mean(axis=0)
    norms = (centred**2).sum(axis=1)
    indices = np.empty((n, k), dtype=np.int32)
    squares = np.empty((n, k))
    for start in range(0, n, _BLOCK_ROWS):
        mine = np.arange(start, min(start + _BLOCK_ROWS, n))
        keys = norms - 2 * (centred[mine] @ centred.T)
        keys[np.arange(mine.size), mine] = np.inf
        limit = np.partition(keys, k - 1, axis=1)[:, k - 1 : k]
        # Everything that rounding could have put on the wrong side of the limit is kept.
        slack = _ROUNDING * rows.shape[1] * (norms[mine][:, None] + norms.max())
        who, candidates = np.nonzero(keys <= limit + slack)
        true = pair_squares(rows, mine[who], candidates)
        order = np.lexsort((candidates, true, who))
        first = np.searchsorted(who, np.arange(mine.size))
        taken = order[first[:, None] + np.arange(k)]
        indices[mine], squares[mine] = candidates[taken], true[taken]
    return indices, squares


def unit_rows(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The rows scaled to length 1, so that half a squared distance is one minus the cosine.

    A row of zeros has no direction: it gets one of its own, at a right angle to all the others.
    """
    rows = matrix.astype(np.float64)
    # The largest entry goes first, so that no square overflows or vanishes.
    largest = np.abs(rows).max(axis=1, keepdims=True)
    zero = largest[:, 0] == 0
    rows /= np.where(largest > 0, largest, 1.0)
    rows /= np.sqrt(np.maximum(np.einsum("ij,ij->i", rows, rows), 1.0))[:, None]
    return np.column_stack([rows, zero]) if zero.any() else rows


def pair_squares(
    rows: NDArray[np.float64], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.float64]:
    """Squared distance of each pair of rows, shape (pairs,), from their difference."""
    found = np.empty(left.size)
    for start in range(0, left.size, _PAIRS):
        part = slice(start, start + _PAIRS)
        found[part] = ((rows[left[part]] - rows[right[part]]) ** 2).sum(axis=1)
    return found
