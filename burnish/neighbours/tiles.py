"""The large way: exact search through tiles of the matrix's product with itself.

What belongs here: how the rows are laid out, which tiles are computed, by whom, and how far the
outcome can be trusted. What does not: the loops over one tile (`burnish.neighbours.kernels`).

A tile of the product, about 1 MB, stays in the cache while its smallest entries are taken out, so
that the n x n matrix never exists. The candidates are a few more than k; their true distances are
computed from differences. Where the last candidate is not farther than the k-th neighbour by more
than rounding can explain, the row is searched once more in float64.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.neighbours.small import Found

# A tile of float32 is 1 MB. The tiles are full ones, so that every entry comes out of the same
# BLAS kernel and equal rows have bit by bit equal products.
ROWS = 256
COLUMNS = 1024
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
    asked: NDArray[np.intp] = np.arange(n)
    with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        for dtype in (np.float32, np.float64):
            base = _laid_out(rows, dtype)

            def one(part: NDArray[np.intp], base: _Base = base) -> NDArray[np.bool_]:
                indices[part], squares[part], sure = _search_part(rows, base, part, k)
                return sure

            parts = [asked[start : start + ROWS] for start in range(0, asked.size, ROWS)]
            asked = asked[~np.concatenate(list(pool.map(one, parts)))]
            if asked.size == 0:
                break
    return indices, squares


def _search_part(
    rows: NDArray[Any], base: _Base, part: NDArray[np.intp], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.bool_]]:
    from burnish.neighbours.kernels import keep_nearest, true_nearest

    dtype, d = base.rows.dtype, base.rows.shape[1]
    m = min(k + _SPARE, base.count - 1)
    keys = np.full((part.size, m), np.inf, dtype)
    candidates = np.full((part.size, m), -1, np.int32)
    query, tile = np.zeros((ROWS, d), dtype), np.empty((ROWS, COLUMNS), dtype)
    query[: part.size] = base.rows[part]
    for start in range(0, base.rows.shape[0], COLUMNS):
        columns = slice(start, start + COLUMNS)
        np.matmul(query, base.rows[columns].T, out=tile)
        keep_nearest(tile, base.halves[columns], part, start, keys, candidates)
    indices, squares = np.empty((part.size, k), np.int32), np.empty((part.size, k))
    true_nearest(rows, part, candidates, indices, squares)
    return indices, squares, _sure(base, part, keys, squares[:, -1])


def _sure(
    base: _Base, part: NDArray[np.intp], keys: NDArray[Any], squares: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether no row outside the candidates can be nearer than the k-th neighbour."""
    if base.rows.dtype == np.float64 or keys.shape[1] == base.count - 1:
        return np.ones(part.size, dtype=bool)
    own = 2 * base.halves[part].astype(np.float64)
    kth = squares * base.scale**2
    # A row that were nearer than the k-th would be no longer than this, and its key no more off.
    longest = (np.sqrt(own) + np.sqrt(kth)) ** 2
    rounding = 4 * float(np.finfo(base.rows.dtype).eps) * np.sqrt(base.rows.shape[1]) * longest
    return 2 * keys[:, -1].astype(np.float64) + own - rounding > kth


def _laid_out(rows: NDArray[Any], dtype: Any) -> _Base:
    n = rows.shape[0]
    centre, scale = _frame(rows)
    padded = np.zeros((-(-n // COLUMNS) * COLUMNS, rows.shape[1]), dtype)
    for start in range(0, n, COLUMNS):
        block = slice(start, min(start + COLUMNS, n))
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
