"""Metrics of a user's own on each slice, with bootstrap intervals.

What belongs here: calling a user's function on the rows of a slice, and on resampled rows. What
does not: the metrics that Burnish knows (`burnish.slices.measures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import Estimates
from burnish.slices.coded_rows import Measuring, Rows
from burnish.slices.measures import Measured, by_slice

OwnMetric: TypeAlias = Callable[[NDArray[Any], NDArray[Any], "NDArray[Any] | None"], float]
"""`(y_true, y_pred, probs or None) -> float`, on the rows of one slice; NaN where unknown."""


def bootstrapped(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None],
    own: Mapping[str, OwnMetric],
    *,
    confidence: float,
    resamples: int,
    random_state: int,
) -> Measuring:
    """What measures a user's metrics on the slices of a slicing."""
    if resamples < 1:
        raise DataError(f"resamples is {resamples}", expected="at least 1; 200 or more to trust")

    def measure(groups: Groups, rows: Rows) -> Mapping[str, Measured]:
        some = slice(None) if rows is None else rows
        inside = tuple(None if column is None else column[some] for column in columns)
        tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
        found: dict[str, Measured] = {}
        for name, function in own.items():
            value = by_slice(groups, lambda chosen, f=function: _call(f, inside, chosen))
            low, high = value.copy(), value.copy()
            for position in np.flatnonzero(~np.isnan(value)).tolist():
                chosen = np.flatnonzero(groups.codes == position)
                # A stream of its own for each slice: it does not hang on which others there are.
                rng = np.random.default_rng([random_state, chosen.size])
                draws = _draws(function, inside, chosen, rng, resamples)
                low[position], high[position] = np.nanquantile(draws, tails)
            found[name] = Measured(Estimates(value, low, high))
        return found

    return measure


def _draws(
    function: OwnMetric,
    columns: tuple[NDArray[Any] | None, ...],
    chosen: NDArray[np.intp],
    rng: np.random.Generator,
    resamples: int,
) -> FloatArray:
    draws = [_call(function, columns, rng.choice(chosen, chosen.size)) for _ in range(resamples)]
    return np.asarray(draws) if not np.isnan(draws).all() else np.full(1, np.nan)


def _call(
    function: OwnMetric, columns: tuple[NDArray[Any] | None, ...], chosen: NDArray[np.intp]
) -> float:
    true, predicted, probs = (None if one is None else one[chosen] for one in columns)
    assert true is not None
    assert predicted is not None
    return float(function(true, predicted, probs))
