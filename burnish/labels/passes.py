"""Passes over the matrix of probabilities: each reads it once, and copies at most a block.

What belongs here: what has to be read from whole rows, in numpy for small inputs and by compiled
loops for large ones, with equal outcomes. What does not: anything that can be computed from the
vectors that a pass leaves (`burnish.labels.errors`, `burnish.labels.noise`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.typing import PredProbs

Codes = NDArray[np.intp]
FloatArray = NDArray[np.float64]

# Loading numba takes as long as numpy does with about so many probabilities.
LARGE = 4_000_000
_SUM_TOLERANCE = 1e-3
# Wide matrices come in blocks of fewer rows, so that a block in numpy stays a few megabytes.
_BLOCK_ROWS = 65_536
_BLOCK_CELLS = 1_048_576


@dataclass(frozen=True)
class Seen:
    """What one pass tells of n rows, and of the K classes.

    `given` (n,) is the probability of the given class, `other` that of the likeliest other class,
    `best` (n,) the code of the likeliest class (the given one in a tie), `totals` (K,) the sum of
    `given` over the rows of each class.
    """

    given: FloatArray
    other: FloatArray
    best: NDArray[np.int32]
    totals: FloatArray


def look(codes: Codes, probs: PredProbs) -> Seen:
    """Check every row of `probs` (n, K) and read what the scores need, in one pass.

    Raises `DataError` where a row is no distribution, naming it.
    """
    n, K = probs.shape
    seen = Seen(np.empty(n), np.empty(n), np.empty(n, np.int32), np.zeros(K))
    if probs.size >= LARGE:
        from burnish.labels.kernels import look_at_rows as one_block
    else:
        one_block = _look_at_rows
    for rows in row_blocks(n, K):
        block = np.ascontiguousarray(probs[rows])
        into = (seen.given[rows], seen.other[rows], seen.best[rows])
        bad = one_block(codes[rows], block, _SUM_TOLERANCE, into, seen.totals)
        if bad >= 0:
            raise no_distribution(block[bad], rows.start + bad)
    return seen


def confident_counts(
    codes: Codes, probs: PredProbs, seen: Seen, thresholds: FloatArray
) -> FloatArray:
    """Rows by given class and by the likeliest class that reaches its threshold, (K, K).

    A row counts for its given class where that reaches its threshold and no class that reaches
    its own is likelier; and against it only where the other class is the likelier one.
    """
    n, K = probs.shape
    counts = np.zeros((K, K + 1))
    if probs.size >= LARGE:
        from burnish.labels.kernels import count_confident as one_block
    else:
        one_block = _count_confident
    for rows in row_blocks(n, K):
        block = np.ascontiguousarray(probs[rows])
        left = (seen.given[rows], seen.other[rows], seen.best[rows])
        one_block(codes[rows], block, left, thresholds, counts)
    return counts[:, :K].copy()


def row_blocks(n: int, K: int) -> list[slice]:
    """Slices that cover n rows of K cells, so that no step needs a copy of a large matrix."""
    step = max(1, min(_BLOCK_ROWS, _BLOCK_CELLS // max(1, K)))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def check_block(block: PredProbs, start: int) -> None:
    """Raise `DataError` on the first row of a block that is no distribution, by its number."""
    # NaN and infinity survive the sum, so one pass finds every fault and only then names it.
    with np.errstate(invalid="ignore"):
        sums = block.sum(axis=1, dtype=np.float64)
        fine = (np.abs(sums - 1) <= _SUM_TOLERANCE) & (block.min(axis=1, initial=0) >= 0)
    if not fine.all():
        at = int(np.argmin(fine))
        raise no_distribution(block[at], start + at)


def no_distribution(values: NDArray[Any], row: int) -> DataError:
    """Why the probabilities of a row cannot be used."""
    if not np.isfinite(values).all():
        return DataError(
            f"pred_probs is NaN or infinite in row {row}", expected="finite probabilities"
        )
    if values.min(initial=0) < 0:
        return DataError(
            f"pred_probs is {values.min():.6g} in row {row}", expected="no negative entry"
        )
    return DataError(
        f"pred_probs sums to {values.sum():.6g} in row {row}",
        expected="rows that sum to 1",
        hint="pass predict_proba, not decision_function",
    )


def _look_at_rows(
    codes: Codes,
    probs: PredProbs,
    tolerance: float,
    seen: tuple[FloatArray, FloatArray, NDArray[np.int32]],
    totals: FloatArray,
) -> int:
    """The twin of the kernel of this name."""
    given, other, best = seen
    with np.errstate(invalid="ignore"):
        sums = probs.sum(axis=1, dtype=np.float64)
        fine = (np.abs(sums - 1) <= tolerance) & (probs.min(axis=1, initial=0) >= 0)
    if not fine.all():
        return int(np.argmin(fine))
    here = np.arange(codes.size)
    given[:] = probs[here, codes]
    totals += np.bincount(codes, weights=given, minlength=totals.size)
    rest = probs.copy()
    rest[here, codes] = 0.0
    at = rest.argmax(axis=1)
    other[:] = rest[here, at]
    best[:] = np.where(other > given, at, codes)
    return -1


def _count_confident(
    codes: Codes,
    probs: PredProbs,
    seen: tuple[FloatArray, FloatArray, NDArray[np.int32]],
    thresholds: FloatArray,
    counts: FloatArray,
) -> None:
    """The twin of the kernel of this name."""
    given, other, best = seen
    at = np.where(given >= thresholds[codes], codes, probs.shape[1])
    against = best != codes
    sure = other >= thresholds[best]
    at[against & sure] = best[against & sure]
    doubtful = np.flatnonzero(against & ~sure)
    block = probs[doubtful]
    reached = (block >= thresholds) & (block > given[doubtful, None])
    found = np.where(reached, block, 0.0).argmax(axis=1)
    hit = reached.any(axis=1)
    at[doubtful[hit]] = found[hit]
    np.add.at(counts, (codes, at), 1.0)
