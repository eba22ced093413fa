"""Maps that mend probabilities: what each is, and how it is fitted to labels.

What belongs here: one map a method, fitted to the rows it is given. What does not: holding rows
out and choosing between maps (`burnish.calibration.recalibrating`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from burnish.calibration.isotonic import Curve, fit_curve
from burnish.metrics.checked import FloatArray, IntArray

# What a claim of exactly zero may be taken to mean, so that its logarithm is finite.
_FLOORS = float(np.finfo(np.float64).eps), 1e-2
_LEAST, _MOST = 0.02, 50.0
# Wide enough to leave a few dozen rows their say; it holds classes without any.
_PRIOR_SPREAD = 3.0


class Map(Protocol):
    """Probabilities (n, K) to probabilities (n, K)."""

    def __call__(self, probs: FloatArray) -> FloatArray: ...

    def describe(self) -> str: ...


@dataclass(frozen=True)
class Identity:
    """Probabilities as they are."""

    def __call__(self, probs: FloatArray) -> FloatArray:
        return probs

    def describe(self) -> str:
        return "probabilities as they are"


@dataclass(frozen=True)
class Temperature:
    """Logarithms, of `floor` or more, divided by `value`: above 1 for a model that is too sure."""

    value: float
    floor: float

    def __call__(self, probs: FloatArray) -> FloatArray:
        return _softmax(_logs(probs, self.floor) / self.value)

    def describe(self) -> str:
        return f"temperature {self.value:.3g}"


@dataclass(frozen=True)
class Platt:
    """Logarithms, of `floor` or more, times `slope`, and a bias (K,) a class."""

    slope: float
    biases: FloatArray
    floor: float

    def __call__(self, probs: FloatArray) -> FloatArray:
        return _softmax(self.slope * _logs(probs, self.floor) + self.biases)

    def describe(self) -> str:
        return f"slope {self.slope:.3g}, biases " + ", ".join(f"{b:.2g}" for b in self.biases)


@dataclass(frozen=True)
class Isotonic:
    """A rising curve a class, renormalised; with two classes one curve does."""

    curves: tuple[Curve, ...]

    def __call__(self, probs: FloatArray) -> FloatArray:
        if len(self.curves) == 1:
            second = self.curves[0](probs[:, 1])
            return np.column_stack([1.0 - second, second])
        mended = np.column_stack([curve(probs[:, k]) for k, curve in enumerate(self.curves)])
        total = mended.sum(axis=1, keepdims=True)
        # Where no curve gives a class anything, nothing is known better than the claim.
        return np.where(total > 0, mended / np.where(total > 0, total, 1.0), probs)

    def describe(self) -> str:
        return f"{sum(len(curve.claimed) for curve in self.curves) // 2} isotonic steps"


def fit_identity(_probs: FloatArray, _coded: IntArray) -> Map:
    """Nothing to fit."""
    return Identity()


def fit_temperature(probs: FloatArray, coded: IntArray) -> Map:
    """The temperature of least log-loss (Guo et al. 2017), by Newton's method kept in a bracket.

    >>> probs = np.array([[0.9, 0.1]] * 10)
    >>> fit_temperature(probs, np.array([0] * 7 + [1] * 3)).describe()
    'temperature 2.59'
    """
    floor = _floor(probs)
    logs = _logs(probs, floor)
    own = logs[np.arange(coded.size), coded]
    low, high, at = _LEAST, _MOST, 1.0
    for _ in range(60):
        weights = _softmax(at * logs)
        mean = (weights * logs).sum(axis=1)
        slope = float((mean - own).mean())
        curvature = float(((weights * logs**2).sum(axis=1) - mean**2).mean())
        low, high = (low, at) if slope > 0 else (at, high)
        step = at - slope / curvature if curvature > 0 else -1.0
        if abs(step - at) <= 1e-9 * at:
            break
        at = step if low < step < high else (low + high) / 2
    return Temperature(1.0 / at, floor)


def fit_platt(probs: FloatArray, coded: IntArray) -> Map:
    """Slope and biases of least log-loss, under a wide normal prior around the identity.

    With two classes it is Platt's scaling (1999) of the log-odds, with more its form of Alexandari,
    Kundaje and Shrikumar (2020, 'bias-corrected temperature scaling').

    >>> fitted = fit_platt(np.array([[0.5, 0.5]] * 100), np.array([0] * 80 + [1] * 20))
    >>> fitted(np.array([[0.5, 0.5]])).round(2).tolist()
    [[0.8, 0.2]]
    """
    from scipy.optimize import minimize

    floor, n, K = _floor(probs), coded.size, probs.shape[1]
    logs = _logs(probs, floor)
    rows, start = np.arange(n), np.concatenate([[1.0], np.zeros(K)])

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        fitted = _softmax(at[0] * logs + at[1:])
        own = np.maximum(fitted[rows, coded], np.finfo(np.float64).tiny)
        fitted[rows, coded] -= 1.0
        off = fitted / n
        away = (at - start) / (_PRIOR_SPREAD**2 * n)
        value = -np.log(own).mean() + 0.5 * float(away @ (at - start))
        return float(value), np.concatenate([[(off * logs).sum()], off.sum(axis=0)]) + away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-12})
    best = np.asarray(found.x, dtype=np.float64)
    return Platt(float(best[0]), best[1:] - best[1:].mean(), floor)


def fit_isotonic(probs: FloatArray, coded: IntArray) -> Map:
    """A rising curve for each class against all others (Zadrozny and Elkan 2002), renormalised."""
    which = [1] if probs.shape[1] == 2 else range(probs.shape[1])
    return Isotonic(
        tuple(fit_curve(probs[:, k], (coded == k).astype(np.float64), prior=1.0) for k in which)
    )


FITS: dict[str, Callable[[FloatArray, IntArray], Map]] = {
    "identity": fit_identity,
    "temperature": fit_temperature,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
"""From the simplest to the one that can bend most: of two alike, the first is taken."""


def _floor(probs: FloatArray) -> float:
    """Half of the least that is claimed at all: what a forest of 100 trees calls 0 is not 1e-16."""
    low, high = _FLOORS
    return min(max(0.5 * float(probs[probs > 0].min()), low), high)


def _logs(probs: FloatArray, floor: float) -> FloatArray:
    return np.log(np.maximum(probs, floor))


def _softmax(scores: FloatArray) -> FloatArray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
