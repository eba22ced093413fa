"""The large way: exact search through tiles of the matrix's product with itself.

What belongs here: how the rows are laid out, which tiles are computed, by whom, and how far the
outcome can be trusted. What does not: the loops over one tile (`burnish.neighbours.kernels`).

A tile of the product, about 1 MB, stays in the cache while its smallest entries are taken out, so
that the n x n matrix never exists. The product is symmetric: each tile serves its rows and its
columns. The candidates are a few more than k; their true distances are computed from differences.
Where the last candidate is not farther than the k-th neighbour by more than rounding can explain,
the row is searched once more in float64.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.neighbours.small import Found

# A tile of float32 is 1 MB. The tiles are full ones, so that every entry comes out of the same
# BLAS kernel and equal rows have bit by bit equal products.
TILE = 512
_SPARE = 6


@dataclass(frozen=True)
class _Base:
    """Rows as the tiles see them: centred, scaled, padded with zeros to full tiles; half norms."""

    rows: NDArray[Any]
    halves: NDArray[Any]
    count: int
    scale: float


def search(rows: NDArray[Any], *, k: int, workers: int) -> Found:
    """Indices and squared distances of the k nearest other rows of each, shape (n, k) both."""
    from threadpoolctl import threadpool_limits

    rows = np.ascontiguousarray(rows)
    n = rows.shape[0]
    indices, squares = np.empty((n, k), np.int32), np.empty((n, k))
    with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        base = _laid_out(rows, np.float32)
        kept = _all_candidates(base, min(k + _SPARE, n - 1), pool, workers)

        def judge(part: NDArray[np.intp]) -> NDArray[np.bool_]:
            candidates = np.hstack([one.indices[part] for one in kept])
            # No row that a worker has seen and left out is nearer than its last candidate.
            last = np.min([one.worst[part] for one in kept], axis=0)
            return _judge(rows, base, part, candidates, last, into=(indices, squares))

        everyone: NDArray[np.intp] = np.arange(n)
        asked = everyone[~np.concatenate(list(pool.map(judge, _parts(everyone))))]
        if asked.size:
            del kept, base
            base = _laid_out(rows, np.float64)
            again = partial(_search_again, rows, base, (indices, squares))
            list(pool.map(again, _parts(asked)))
    return indices, squares


def _parts(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[start : start + TILE] for start in range(0, rows.size, TILE)]


class _Kept:
    """The nearest rows that one worker has seen of each row, and the last of their keys."""

    def __init__(self, base: _Base, m: int) -> None:
        n = base.rows.shape[0]
        self.keys = np.full((n, m), np.inf, base.rows.dtype)
        self.indices = np.full((n, m), -1, np.int32)
        self.worst = np.full(n, np.inf, base.rows.dtype)


def _all_candidates(base: _Base, m: int, pool: ThreadPoolExecutor, workers: int) -> list[_Kept]:
    """What each of the workers kept after all tiles on and above the diagonal."""
    # A worker takes one row of tiles after the other. So each row of the matrix meets others in
    # the order of their indices within a worker, and the lower index wins a tie.
    waiting = iter(range(0, base.rows.shape[0], TILE))
    lock = Lock()

    def work(kept: _Kept) -> None:
        while True:
            with lock:
                start = next(waiting, None)
            if start is None:
                return
            _row_of_tiles(base, start, kept)

    all_kept = [_Kept(base, m) for _ in range(workers)]
    list(pool.map(work, all_kept))
    return all_kept


def _row_of_tiles(base: _Base, start: int, kept: _Kept) -> None:
    from burnish.neighbours.kernels import keep_nearest, keep_nearest_of_columns

    mine = slice(start, start + TILE)
    asked = np.arange(start, start + TILE)
    query, tile = base.rows[mine], np.empty((TILE, TILE), base.rows.dtype)
    for first in range(start, base.rows.shape[0], TILE):
        theirs = slice(first, first + TILE)
        np.matmul(query, base.rows[theirs].T, out=tile)
        halves = base.halves[theirs]
        keep_nearest(tile, halves, asked, first, kept.keys[mine], kept.indices[mine])
        if first == start:
            continue
        nearest = kept.worst[theirs], kept.keys[theirs], kept.indices[theirs]
        keep_nearest_of_columns(tile, base.halves[mine], start, *nearest)
    kept.worst[mine] = kept.keys[mine, -1]


def _search_again(
    rows: NDArray[Any],
    base: _Base,
    into: Found,
    part: NDArray[np.intp],
) -> None:
    from burnish.neighbours.kernels import keep_nearest

    m = min(into[0].shape[1] + _SPARE, base.count - 1)
    keys = np.full((part.size, m), np.inf, base.rows.dtype)
    candidates = np.full((part.size, m), -1, np.int32)
    query = np.zeros((TILE, base.rows.shape[1]), base.rows.dtype)
    query[: part.size] = base.rows[part]
    tile = np.empty((TILE, TILE), base.rows.dtype)
    for start in range(0, base.rows.shape[0], TILE):
        columns = slice(start, start + TILE)
        np.matmul(query, base.rows[columns].T, out=tile)
        keep_nearest(tile, base.halves[columns], part, start, keys, candidates)
    _judge(rows, base, part, candidates, keys[:, -1], into=into)


def _judge(
    rows: NDArray[Any],
    base: _Base,
    part: NDArray[np.intp],
    candidates: NDArray[np.int32],
    last: NDArray[Any],
    *,
    into: Found,
) -> NDArray[np.bool_]:
    """Write the k best candidates by their true distances; say of which rows that is certain."""
    from burnish.neighbours.kernels import true_nearest

    k = into[0].shape[1]
    indices, squares = np.empty((part.size, k), np.int32), np.empty((part.size, k))
    true_nearest(rows, part, candidates, indices, squares)
    into[0][part], into[1][part] = indices, squares
    return _sure(base, part, last, squares[:, -1])


def _sure(
    base: _Base, part: NDArray[np.intp], last: NDArray[Any], squares: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether no row beyond the last candidates' keys can be nearer than the k-th neighbour."""
    own = 2 * base.halves[part].astype(np.float64)
    kth = squares * base.scale**2
    # A row that were nearer than the k-th would be no longer than this, and its key no more off.
    longest = (np.sqrt(own) + np.sqrt(kth)) ** 2
    rounding = 4 * float(np.finfo(base.rows.dtype).eps) * np.sqrt(base.rows.shape[1]) * longest
    return 2 * last.astype(np.float64) + own - rounding > kth


def _laid_out(rows: NDArray[Any], dtype: Any) -> _Base:
    n = rows.shape[0]
    centre, scale = _frame(rows)
    padded = np.zeros((-(-n // TILE) * TILE, rows.shape[1]), dtype)
    for start in range(0, n, TILE):
        block = slice(start, min(start + TILE, n))
        padded[block] = (rows[block] - centre) * scale
    halves = np.einsum("ij,ij->i", padded, padded) / 2
    halves[n:] = np.inf  # the padding is nobody's neighbour
    return _Base(padded, halves, n, scale)


def _frame(rows: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """A centre and a scale that keep whole numbers exact: multiples and powers of two."""
    mean = rows.mean(axis=0, dtype=np.float64)
    spread = float(np.maximum(rows.max(axis=0) - mean, mean - rows.min(axis=0)).max())
    if spread == 0:
        return mean, 1.0
    # A quarter of the spread is near enough to the middle.
    step = 2.0 ** (np.floor(np.log2(spread)) - 2)
    return np.rint(mean / step) * step, float(2.0 ** -np.ceil(np.log2(spread)))
