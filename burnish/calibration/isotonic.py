"""Isotonic regression of an event on its claimed probability: a rising curve through knots.

What belongs here: the curve of one event. What does not: probabilities of several classes made
of such curves (`burnish.calibration.maps`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from burnish.metrics.checked import FloatArray


@dataclass(frozen=True)
class Curve:
    """A rising curve: straight between its knots, level beyond them."""

    claimed: FloatArray
    observed: FloatArray

    def __call__(self, probs: FloatArray) -> FloatArray:
        return np.interp(probs, self.claimed, self.observed)


def fit_curve(claimed: FloatArray, happened: FloatArray, *, prior: float) -> Curve:
    """Isotonic regression (Zadrozny and Elkan 2002) by pooling neighbours that fall.

    `claimed` and `happened` (0 or 1) have shape (n,). Each pooled block is given `prior` further
    rows in which the event is as frequent as claimed: without them a block of few rows ends at 0
    or 1, and a single mistake there costs a log-loss without bound.

    >>> curve = fit_curve(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0.0, 1.0, 0.0, 1.0]), prior=0)
    >>> curve(np.array([0.1, 0.5, 0.9])).tolist()
    [0.0, 0.5, 1.0]
    """
    from scipy.optimize import isotonic_regression

    values, place = np.unique(claimed, return_inverse=True)
    rows = np.bincount(place).astype(np.float64)
    events = np.bincount(place, weights=happened)
    starts = isotonic_regression(events / rows, weights=rows).blocks[:-1]
    rows, mass, events = (np.add.reduceat(x, starts) for x in (rows, rows * values, events))
    shares = (events + prior * mass / rows) / (rows + prior)
    # With a prior, neighbouring blocks may fall again.
    shares = np.asarray(isotonic_regression(shares, weights=rows + prior).x, dtype=np.float64)
    ends = np.append(starts[1:], values.size) - 1
    return Curve(np.column_stack([values[starts], values[ends]]).ravel(), np.repeat(shares, 2))
