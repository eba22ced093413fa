"""The compiled passes over a large matrix of probabilities; importing this module loads numba.

What belongs here: what numpy would need several passes and copies for. What does not: which way a
size takes, and the same in numpy for small ones (`burnish.labels.passes`). No kernel starts
threads, and none writes anything of the size of the matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def look_at_rows(
    codes: NDArray[Any],
    probs: NDArray[Any],
    tolerance: float,
    seen: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    totals: NDArray[Any],
) -> int:
    """Check each row and write its given, other and likeliest class into `seen`, (n,) each.

    The probability of each given class is added to `totals` (K,). Returns the first row that is
    no distribution, where the pass ends, or -1.
    """
    given, other, best = seen
    n, K = probs.shape
    for i in range(n):
        own = codes[i]
        mine = probs[i, own]
        total, least, highest = 0.0, 0.0, 0.0
        # No branch depends on a probability here: a processor guesses those wrong.
        for j in range(K):
            p = probs[i, j]
            total += p
            least = min(least, p)
            highest = max(highest, p if j != own else 0.0)
        # A comparison with NaN is false, so that only a sound row passes.
        if not (abs(total - 1.0) <= tolerance and least >= 0.0):
            return i
        at = own
        if highest > mine:
            at = 0
            while at == own or probs[i, at] < highest:
                at += 1
        given[i], other[i], best[i] = mine, highest, at
        totals[own] += mine
    return -1


@njit(cache=True, nogil=True)
def count_confident(
    codes: NDArray[Any],
    probs: NDArray[Any],
    seen: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    thresholds: NDArray[Any],
    counts: NDArray[Any],
) -> None:
    """Add each row to `counts` (K, K + 1), by its given class and the one it is confidently in.

    The last column takes rows that are in none. `seen` is as `look_at_rows` left it. The row of
    `probs` is read only where the likeliest class is another than the given one and does not
    reach its threshold.
    """
    given, other, best = seen
    K = probs.shape[1]
    for i in range(codes.shape[0]):
        own, likeliest, mine = codes[i], np.int64(best[i]), given[i]
        # Arithmetic instead of branches for what is as likely as not.
        kept = K + (own - K) * np.int64(mine >= thresholds[own])
        at = likeliest + (kept - likeliest) * np.int64(likeliest == own)
        if likeliest != own and other[i] < thresholds[likeliest]:
            highest = mine
            for j in range(K):
                p = probs[i, j]
                highest = max(highest, p if p >= thresholds[j] else mine)
            at = kept
            if highest > mine:
                at = 0
                while probs[i, at] != highest or highest < thresholds[at]:
                    at += 1
        counts[own, at] += 1.0
