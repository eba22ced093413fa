"""Probabilities mended on reference rows, weighted to resemble the current ones.

What belongs here: a weighted map of few parameters, fitted across folds. What does not: choosing
between maps, and mending a model for good (`burnish.calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from burnish.metrics.checked import FloatArray, IntArray

FOLDS = 5
# Standard deviation of the prior of slope and biases around "as claimed".
_PRIOR_SPREAD = 3.0
_LEAST = 1e-6


@dataclass(frozen=True)
class Mended:
    """Probabilities of reference rows (m, K), fitted without their fold, and of current (n, K)."""

    reference: FloatArray
    current: FloatArray


def recalibrate(
    truth: IntArray,
    reference: FloatArray,
    current: FloatArray,
    *,
    weights: FloatArray,
    random_state: int = 0,
) -> Mended:
    """Platt's scaling (Platt 1999; with more classes Alexandari, Kundaje and Shrikumar 2020).

    One slope for the logarithms of the probabilities and a bias a class, of the least weighted
    log-loss. `truth` (m,) holds the column of each reference row's label, `weights` (m,) how many
    rows each counts for.

    >>> probs = np.array([[0.9, 0.1], [0.1, 0.9]] * 200)
    >>> truth = np.array(([0, 1] * 7 + [1, 0] * 3) * 20)
    >>> mended = recalibrate(truth, probs, probs[:2], weights=np.ones(400))
    >>> mended.current.max(axis=1).round(1).tolist()
    [0.7, 0.7]
    """
    fold = np.random.default_rng(random_state).permutation(np.arange(truth.size) % FOLDS)
    crossed = np.empty_like(reference)
    for held in range(FOLDS):
        kept = fold != held
        at = _fit(truth[kept], reference[kept], weights[kept]) if kept.any() else None
        crossed[~kept] = _apply(at, reference[~kept])
    return Mended(crossed, _apply(_fit(truth, reference, weights), current))


def _fit(truth: IntArray, probs: FloatArray, weights: FloatArray) -> FloatArray:
    from scipy.optimize import minimize

    logs, K = _logs(probs), probs.shape[1]
    hot = np.eye(K)[truth]
    total = max(float(weights.sum()), _LEAST)
    share = weights / total
    worth = total**2 / max(float((weights**2).sum()), _LEAST)
    start = np.concatenate([[1.0], np.zeros(K)])

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        fitted = _softmax(at[0] * logs + at[1:])
        own = np.log(np.maximum((fitted * hot).sum(axis=1), 1e-300))
        off = (fitted - hot) * share[:, None]
        away = (at - start) / (_PRIOR_SPREAD**2 * worth)
        value = -float(share @ own) + 0.5 * float(away @ (at - start))
        return value, np.concatenate([[float((off * logs).sum())], off.sum(axis=0)]) + away

    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def _apply(at: FloatArray | None, probs: FloatArray) -> FloatArray:
    return probs if at is None else _softmax(at[0] * _logs(probs) + at[1:])


def _logs(probs: FloatArray) -> FloatArray:
    return np.log(np.maximum(probs, _LEAST))


def _softmax(scores: FloatArray) -> FloatArray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
