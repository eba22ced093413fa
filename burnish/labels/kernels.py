"""The compiled passes over a large matrix of probabilities; importing this module loads numba.

What belongs here: what numpy would need several passes and copies for. What does not: which way a
size takes, and the same in numpy for small ones (`burnish.labels.passes`). No kernel starts
threads, and none writes anything of the size of the matrix.
"""

from __future__ import annotations

from typing import Any

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
    seen: tuple[NDArray[Any], NDArray[Any]],
    thresholds: NDArray[Any],
    counts: NDArray[Any],
) -> None:
    """Add each row to `counts` (K, K), by its given class and the one it is confidently in.

    `seen` is the probability of the given class and the likeliest class, (n,) each. Where that is
    the given one, the row of `probs` is not read at all.
    """
    given, best = seen
    for i in range(codes.shape[0]):
        own = codes[i]
        mine = given[i]
        at = own if mine >= thresholds[own] else -1
        if best[i] != own:
            highest = mine
            for j in range(probs.shape[1]):
                p = probs[i, j]
                if p > highest and p >= thresholds[j]:
                    highest, at = p, j
        if at >= 0:
            counts[own, at] += 1.0
