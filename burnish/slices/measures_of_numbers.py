"""Metrics of predicted numbers, for all slices of one slicing at once.

What belongs here: one function a metric of regression. What does not: metrics of classes
(`burnish.slices.measures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from burnish.metrics.checked import FloatArray
from burnish.metrics.grouped import Groups, ratio
from burnish.metrics.limits import Estimates, mean_limits, student_quantile
from burnish.slices.measures import Measured


@dataclass(frozen=True)
class Predicted:
    """Rows of a slicing with a number each, true and predicted, in the unit of the target."""

    groups: Groups
    true: FloatArray
    predicted: FloatArray
    confidence: float

    @property
    def errors(self) -> FloatArray:
        return self.predicted - self.true


def _support(rows: Predicted) -> Measured:
    unknown = np.full(rows.groups.size, np.nan)
    return Measured(Estimates(rows.groups.count().astype(np.float64), unknown, unknown))


def _mae(rows: Predicted) -> Measured:
    found = mean_limits(np.abs(rows.errors), rows.groups, confidence=rows.confidence)
    return Measured(Estimates(found.value, np.maximum(0.0, found.low), found.high))


def _bias(rows: Predicted) -> Measured:
    return Measured(mean_limits(rows.errors, rows.groups, confidence=rows.confidence))


def _rmse(rows: Predicted) -> Measured:
    squares = mean_limits(rows.errors**2, rows.groups, confidence=rows.confidence)
    low = np.sqrt(np.maximum(0.0, squares.low))
    return Measured(Estimates(np.sqrt(squares.value), low, np.sqrt(squares.high)))


def _r2(rows: Predicted) -> Measured:
    """1 - squared errors / squared deviations; limits on the scale of the ratio's logarithm."""
    deviations = (rows.true - rows.groups.mean(rows.true)[rows.groups.codes]) ** 2
    spread = rows.groups.mean(deviations)
    unexplained = ratio(rows.groups.mean(rows.errors**2), spread)
    code = rows.groups.codes
    n = rows.groups.count()
    influence = rows.errors**2 - unexplained[code] * deviations
    squares = ratio(rows.groups.total(influence**2), n * (n - 1))
    error = ratio(np.sqrt(squares), spread * unexplained)
    reach = np.exp(student_quantile(n - 1, rows.confidence) * error)
    return Measured(Estimates(1 - unexplained, 1 - unexplained * reach, 1 - unexplained / reach))


REGRESSED: Mapping[str, Callable[[Predicted], Measured]] = {
    "support": _support,
    "mae": _mae,
    "rmse": _rmse,
    "bias": _bias,
    "r2": _r2,
}
