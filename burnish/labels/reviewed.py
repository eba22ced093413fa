"""The likelihood of verdicts by people who err, on rows with a score and signals.

What belongs here: reading verdicts as arrays, and the most probable level, slope, weights and
reviewer errors behind them. What does not: whether a fit is kept (`burnish.labels.refit`, which
says where this comes from).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels.rate import ReviewerCounts

FloatArray = NDArray[np.float64]
Kind = Literal["static", "recalibrated", "combined"]

FOLDS = 5
_LEVEL_SD, _SLOPE_SD, _RIDGE = 1.5, 0.3, 16.0
# What is supposed of reviewers, and how many rows that weighs.
_REVIEWER_ERROR, _REVIEWER_ROWS = 0.03, 30.0
_EDGE = 1e-6


@dataclass(frozen=True)
class Scale:
    """A signal as it enters the sum: held inside what was seen, about -2 to 2, times `weight`."""

    low: float
    high: float
    weight: float = 0.0

    def scaled(self, values: FloatArray) -> FloatArray:
        # Beyond what people saw nothing is known of a signal, so it counts as at the edge.
        held = np.clip(values, self.low, self.high)
        return 4.0 * (held - (self.low + self.high) / 2) / (self.high - self.low)


@dataclass(frozen=True)
class Verdicts:
    """What people saw and said, with the signals scaled."""

    score: FloatArray
    wrong: FloatArray
    weights: FloatArray
    design: FloatArray
    scales: Mapping[str, Scale]

    @staticmethod
    def read(
        probability: ArrayLike, wrong: ArrayLike, signals: Mapping[str, ArrayLike], weights: Any
    ) -> Verdicts:
        static = checked_probabilities(probability)
        said = np.asarray(wrong)
        if said.dtype != np.bool_ or said.shape != static.shape:
            raise DataError(
                f"wrong has shape {said.shape} and type {said.dtype}",
                expected=f"{static.size} booleans, one a verdict",
            )
        weight = np.ones(static.size) if weights is None else np.asarray(weights, np.float64)
        if weight.shape != static.shape or not (np.isfinite(weight) & (weight > 0)).all():
            raise DataError("weights that cannot be", expected=f"{static.size} numbers above 0")
        scales: dict[str, Scale] = {}
        columns: list[FloatArray] = []
        for name in sorted(signals):
            values = checked_signal(name, signals, static.size)
            # A signal that is the same in all rows has nothing to say.
            if static.size and values.max() > values.min():
                scales[name] = Scale(float(values.min()), float(values.max()))
                columns.append(scales[name].scaled(values))
        design = np.column_stack(columns) if columns else np.zeros((static.size, 0))
        weight = weight / weight.mean() if static.size else weight
        return Verdicts(log_odds(static), said.astype(np.float64), weight, design, scales)

    def take(self, rows: NDArray[np.bool_]) -> Verdicts:
        return Verdicts(
            self.score[rows], self.wrong[rows], self.weights[rows], self.design[rows], self.scales
        )

    def folds(self) -> NDArray[np.intp]:
        """Each fifth row by score and outcome to one fold, whatever the order of the rows."""
        order = np.lexsort((*self.design.T, self.score, self.wrong))
        fold = np.empty(order.size, dtype=np.intp)
        fold[order] = np.arange(order.size) % FOLDS
        return fold


@dataclass(frozen=True)
class ReviewerPrior:
    """Rows on which reviewers erred, of how many: wrong labels missed, right ones broken."""

    erred: FloatArray
    shown: FloatArray

    @staticmethod
    def of(counts: ReviewerCounts | None) -> ReviewerPrior:
        erred = np.full(2, _REVIEWER_ERROR * _REVIEWER_ROWS)
        shown = np.full(2, _REVIEWER_ROWS)
        if counts is None:
            return ReviewerPrior(erred, shown)
        seen = np.array([counts.wrong_shown, counts.right_shown], dtype=np.float64)
        fine = np.array([counts.wrong_found, counts.right_kept], dtype=np.float64)
        return ReviewerPrior(erred + seen - fine, shown + seen)


@dataclass(frozen=True)
class Fit:
    """What was fitted; `weights` are of the scaled signals."""

    level: float
    slope: float
    weights: FloatArray
    missed: float
    broken: float

    def called(self, verdicts: Verdicts) -> FloatArray:
        """Probability that reviewers call each row wrong."""
        score = self.level + self.slope * verdicts.score + verdicts.design @ self.weights
        return self.broken + (1.0 - self.missed - self.broken) * logistic(score)


def fit_verdicts(verdicts: Verdicts, prior: ReviewerPrior, kind: Kind) -> Fit:
    """Most probable level, slope, weights and reviewer errors; what `kind` has not stays as is."""
    from scipy.optimize import minimize

    k = verdicts.design.shape[1]
    free = np.r_[
        np.full(2, kind != "static"), np.full(k, kind == "combined"), np.ones(2, dtype=bool)
    ]
    whole = np.r_[np.zeros(2 + k), log_odds(prior.erred / prior.shown)]

    def loss(some: FloatArray) -> tuple[float, FloatArray]:
        at = whole.copy()
        at[free] = some
        value, slope = _loss(at, verdicts, prior)
        return value, slope[free]

    found: Any = minimize(loss, whole[free], jac=True, method="L-BFGS-B")
    whole[free] = found.x
    missed, broken = logistic(whole[2 + k :])
    return Fit(
        float(whole[0]), float(np.exp(whole[1])), whole[2 : 2 + k], float(missed), float(broken)
    )


def _loss(at: FloatArray, verdicts: Verdicts, prior: ReviewerPrior) -> tuple[float, FloatArray]:
    """Negative log of likelihood times priors, and its gradient."""
    k = verdicts.design.shape[1]
    level, log_slope, weights, errors = at[0], at[1], at[2 : 2 + k], logistic(at[2 + k :])
    errors = np.clip(errors, 1e-9, 1 - 1e-9)
    steep = np.exp(log_slope) * verdicts.score
    p = logistic(level + steep + verdicts.design @ weights)
    gain = 1.0 - errors.sum()
    called = np.clip(errors[1] + gain * p, 1e-12, 1 - 1e-12)
    y, w = verdicts.wrong, verdicts.weights
    value = -float(w @ (y * np.log(called) + (1 - y) * np.log1p(-called)))
    by_called = w * (called - y) / (called * (1 - called))
    by_score = by_called * gain * p * (1 - p)
    by_errors = np.array([-by_called @ p, by_called @ (1 - p)])
    value += (level / _LEVEL_SD) ** 2 / 2 + (log_slope / _SLOPE_SD) ** 2 / 2
    value += _RIDGE * float(weights @ weights) / 2
    value -= float(prior.erred @ np.log(errors) + (prior.shown - prior.erred) @ np.log1p(-errors))
    slope = np.r_[
        by_score.sum() + level / _LEVEL_SD**2,
        by_score @ steep + log_slope / _SLOPE_SD**2,
        verdicts.design.T @ by_score + _RIDGE * weights,
        by_errors * errors * (1 - errors) - (prior.erred - prior.shown * errors),
    ]
    return value, slope


def checked_probabilities(values: ArrayLike) -> FloatArray:
    """As an array of shape (n,), each in [0, 1]; the first that is not is named by its row."""
    array = np.asarray(values, dtype=np.float64)
    fine = (array >= 0) & (array <= 1)
    if array.ndim != 1 or not fine.all():
        where = f", {array[~fine][0]} in row {int(np.argmin(fine))}" if array.ndim == 1 else ""
        raise DataError(
            f"error_probability has shape {array.shape}{where}", expected="(n,) numbers in [0, 1]"
        )
    return array


def checked_signal(name: str, signals: Mapping[str, ArrayLike], n: int) -> FloatArray:
    """One signal as an array of shape (n,), finite."""
    if name not in signals:
        raise DataError(f"no signal {name!r}", expected="the signals that the fit was made with")
    values = np.asarray(signals[name], dtype=np.float64)
    if values.shape != (n,) or not np.isfinite(values).all():
        raise DataError(
            f"signal {name!r} has shape {values.shape}, or is not finite",
            expected=f"{n} finite numbers",
        )
    return values


def log_odds(p: FloatArray) -> FloatArray:
    """Of probabilities held a millionth off 0 and 1, so that one sure mistake is not infinite."""
    held = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.log(held) - np.log1p(-held)


def logistic(z: FloatArray) -> FloatArray:
    """The inverse of `log_odds`."""
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500, 500)))
