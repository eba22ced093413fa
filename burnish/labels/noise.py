"""How noisy the labels are as a whole: the calibrated confident joint.

What belongs here: the noise matrix and the noise rate. What does not: which single label is
wrong (`burnish.labels.errors`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.labels.checks import row_chunks
from burnish.typing import PredProbs

Codes = NDArray[np.intp]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseEstimate:
    """`matrix[i, j]` = P(given = j | true = i), rows sum to 1; `rate` = P(given is not true)."""

    matrix: FloatArray
    rate: float


def estimate_noise(codes: Codes, pred_probs: PredProbs) -> NoiseEstimate:
    """Noise matrix (K, K) and noise rate by confident learning (Northcutt, Jiang & Chuang 2021).

    `codes` (n,) are positions of the given labels, `pred_probs` (n, K) out-of-sample. A row counts
    towards true class i where i is the most probable of the classes that reach their own threshold
    (the mean probability of a class over the rows that carry its label). Other than in the paper,
    a row whose given class is the more probable one is not counted against it: with rare classes
    of low threshold that would find half of all labels wrong. Counts are scaled so that each given
    class keeps its number of rows. A class that nobody carries gets the identity.

    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
    >>> round(estimate_noise(np.array([0, 0, 1, 1, 1]), probs).rate, 3)
    0.2
    """
    n, K = pred_probs.shape
    given = np.bincount(codes, minlength=K)
    thresholds = _thresholds(codes, pred_probs, given)
    counts = np.zeros((K, K))
    for rows in row_chunks(n):
        _count(counts, codes[rows], pred_probs[rows], thresholds)
    # The diagonal holds at least one row, so that a class never found confidently keeps its rows.
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1.0))
    joint = counts / counts.sum(axis=1, keepdims=True) * given[:, None] / n
    true = joint.sum(axis=0)
    matrix = np.divide(joint, true, out=np.eye(K), where=true > 0).T
    return NoiseEstimate(matrix, float(1.0 - joint.trace()))


def _thresholds(codes: Codes, probs: PredProbs, given: NDArray[np.intp]) -> FloatArray:
    own = probs[np.arange(codes.size), codes]
    total = np.bincount(codes, weights=own, minlength=given.size)
    # Out of reach for a class without rows: nothing is known of how sure the model is of it.
    return np.divide(total, given, out=np.full(given.size, np.inf), where=given > 0)


def _count(counts: FloatArray, codes: Codes, probs: PredProbs, thresholds: FloatArray) -> None:
    # The slack keeps a row whose probability equals the mean up to rounding.
    reached = np.where(probs >= thresholds - 1e-9, probs, -1.0)
    best = reached.argmax(axis=1)
    here = np.arange(codes.size)
    sure = (reached[here, best] > 0) & (probs[here, best] >= probs[here, codes])
    np.add.at(counts, (codes[sure], best[sure]), 1.0)
