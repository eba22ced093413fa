"""The best slices that do not all say the same: each overlaps little with the better ones.

What belongs here: which of the found slices are left out. What does not: finding them
(`burnish.slices.lattice`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from burnish.slices.coding import Coded
from burnish.slices.lattice import Found, best_conjunctions

_MOST = 4096
"""Of so many slices at most is chosen."""


def distinct_conjunctions(
    coded: Coded,
    errors: NDArray[np.float64],
    *,
    k: int,
    max_overlap: float,
    max_depth: int,
    min_support: int,
    alpha: float,
) -> list[Found]:
    """The best `k`, without those that share too many rows with a better one that is kept.

    Two slices overlap by the rows in both over the rows in either (Jaccard); more than
    `max_overlap` is too many, and of slices with the very same rows only the first stays. The list
    is the one that the whole ranking would give, or what the best 4096 of it do. A `max_overlap` of
    1 leaves nothing out.
    """
    if max_overlap >= 1.0:
        return best_conjunctions(
            coded, errors, k=k, max_depth=max_depth, min_support=min_support, alpha=alpha
        )
    wanted = 4 * k
    while True:
        found = best_conjunctions(
            coded, errors, k=wanted, max_depth=max_depth, min_support=min_support, alpha=alpha
        )
        kept = _thinned(coded, found, k, max_overlap)
        if len(kept) == k or len(found) < wanted or wanted >= _MOST:
            return kept
        wanted *= 4


def _thinned(coded: Coded, found: list[Found], k: int, max_overlap: float) -> list[Found]:
    kept: list[Found] = []
    masks: list[NDArray[np.bool_]] = []
    for one in found:
        mask = _rows(coded, one)
        if all(_overlap(mask, other) <= max_overlap for other in masks):
            kept.append(one)
            masks.append(mask)
        if len(kept) == k:
            break
    return kept


def _rows(coded: Coded, one: Found) -> NDArray[np.bool_]:
    columns = np.searchsorted(coded.offsets, one.path, side="right") - 1
    return np.logical_and.reduce(
        [coded.cells[:, c] == cell for c, cell in zip(columns.tolist(), one.path, strict=True)]
    )


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    both = int(np.count_nonzero(a & b))
    return both / (int(np.count_nonzero(a)) + int(np.count_nonzero(b)) - both)
