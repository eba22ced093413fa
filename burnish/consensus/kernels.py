"""The compiled round of Dawid-Skene, for tables of answers too large for sparse products.

What belongs here: loops over answers that numba compiles. What does not: the model they are part
of (`burnish.consensus.tables`). Importing this module costs numba's start, about half a second,
so it is imported where 100,000 answers or more wait, and nowhere else.
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True)
def add_counts(rows: IntArray, cell: IntArray, states: FloatArray, counts: FloatArray) -> None:
    """Add to `counts` (cells, S) the states of the examples whose answers fall in each cell."""
    S = states.shape[1]
    for i in range(rows.size - 1):
        for n in range(rows[i], rows[i + 1]):
            for s in range(S):
                counts[cell[n], s] += states[i, s]


@njit(cache=True)
def next_states(
    rows: IntArray,
    cell: IntArray,
    logs: FloatArray,
    base: FloatArray,
    states: FloatArray,
    counts: FloatArray,
) -> float:
    """Replace `states` (N, S) by those of the next round; return how far they moved in all.

    Answers are sorted by example: those of example i are rows[i] to rows[i + 1]. `logs` (cells, S)
    are expected log-probabilities, added to `base` (N, S) or (1, S). What the new states add
    to the counts is added in the same pass, while the cells are still in the cache.
    """
    S = states.shape[1]
    step = 1 if base.shape[0] > 1 else 0
    score = np.empty(S)
    moved = 0.0
    for i in range(rows.size - 1):
        score[:] = base[i * step]
        for n in range(rows[i], rows[i + 1]):
            for s in range(S):
                score[s] += logs[cell[n], s]
        top = score.max()
        total = 0.0
        for s in range(S):
            score[s] = exp(score[s] - top)
            total += score[s]
        for s in range(S):
            value = score[s] / total
            moved += abs(value - states[i, s])
            states[i, s] = value
            score[s] = value
        for n in range(rows[i], rows[i + 1]):
            for s in range(S):
                counts[cell[n], s] += score[s]
    return moved


@njit(cache=True)
def expected_logs(counts: FloatArray, n_labels: int, logs: FloatArray) -> None:
    """Fill `logs` with digamma(counts) - digamma(their sum over the labels of an annotator)."""
    cells, S = counts.shape
    total = np.empty(S)
    for start in range(0, cells, n_labels):
        total[:] = 0.0
        for at in range(start, start + n_labels):
            for s in range(S):
                total[s] += counts[at, s]
        for s in range(S):
            total[s] = _digamma(total[s])
        for at in range(start, start + n_labels):
            for s in range(S):
                logs[at, s] = _digamma(counts[at, s]) - total[s]


@njit(cache=True)
def _digamma(x: float) -> float:
    # Recurrence up to 6, then the asymptotic series (Bernardo 1976): within 1e-9 from 1 onwards.
    below = 1.0
    product = 0.0
    while x < 6.0:
        # Sum of 1/x as one fraction: a division costs more than two products.
        product = product * x + below
        below *= x
        x += 1.0
    inverse = 1.0 / (x * x)
    series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse / 240)))
    return log(x) - 0.5 / x - series - product / below
