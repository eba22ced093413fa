"""How many times as frequent rows like each one are now as they were: the density ratio.

What belongs here: a classifier that tells current rows from reference rows, fitted out of sample,
and the ratio that its odds give. What does not: what the ratio is used for
(`burnish.drift.performance`, `burnish.drift.choosing`), or telling people where rows differ
(`burnish.drift.domain`).

That is another classifier, on purpose. It is asked of training rows, columns as people know them,
in blocks; this one of validation rows, as the model is given them and with what it claims. With
its ratios instead of these, on the same rows, estimates of accuracy were 2 points too high where
rows had become harder, against 0.3 too low; and this fit takes a tenth of the time of that one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray

FOLDS = 3
# A classifier learns no more of a shift from more rows than these that would matter here.
MOST_FITTED = 10_000
FEWEST = 30
# How far beyond the reference's lowest and highest value still counts as inside, in ranges.
MARGIN = 0.1
_TREES: dict[str, Any] = {
    "max_iter": 60,
    "learning_rate": 0.1,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "max_bins": 64,
    "early_stopping": False,
}


@dataclass(frozen=True)
class DensityRatio:
    """The ratio at reference rows (m,) and current rows (n,), truncated at `cap`.

    At reference rows it is scaled to a mean of 1. `outside` (n,) marks current rows that the
    reference has nothing like. `gain` is the log-loss a row that the classifier saves against not
    knowing anything, out of sample, 0 where nothing tells the rows apart and all ratios are 1;
    `error` its standard error.
    """

    reference: FloatArray
    current: FloatArray
    outside: np.ndarray[tuple[int], np.dtype[np.bool_]]
    cap: float
    gain: float
    error: float

    def effective_rows(self, of: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None) -> float:
        """What weighted reference rows are worth (Kish 1965): (sum of weights)^2 / sum of squares.

        >>> one = np.ones(4)
        >>> DensityRatio(one, one, one > 1, 2.0, 0.0, 0.0).effective_rows()
        4.0
        """
        weights = self.reference if of is None else self.reference[of]
        squares = float((weights**2).sum())
        return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def density_ratio(
    reference: ArrayLike, current: ArrayLike, *, random_state: int = 0
) -> DensityRatio:
    """The density ratio of current (n, d) to reference rows (m, d), each row's out of sample.

    Rows are told apart by a logistic regression of each column, its square and whether it is
    missing, and by boosted trees; the one with less log-loss on rows it was not fitted to gives
    the ratio (Sugiyama, Suzuki and Kanamori 2012, 'Density Ratio Estimation in Machine Learning').
    Where neither is better than chance by a standard error, all ratios are 1. Ratios are truncated
    at the root of m (Ionides 2008, 'Truncated Importance Sampling'). Missing values are NaN. Raises
    `DataError` where the columns of both sides differ, or a value is infinite.

    >>> rng = np.random.default_rng(0)
    >>> found = density_ratio(rng.normal(size=(500, 1)), rng.normal(1, 1, size=(500, 1)))
    >>> bool(found.effective_rows() < 400), bool(found.current.mean() > 1.5)
    (True, True)
    """
    before, after = _matrix(reference, "reference"), _matrix(current, "current")
    if before.shape[1] != after.shape[1]:
        raise DataError(
            f"{before.shape[1]} columns of the reference and {after.shape[1]} of the current rows",
            expected="the same columns on both sides",
        )
    m, n = len(before), len(after)
    outside = _outside(before, after)
    chance = n / (m + n)
    odds, gain, error = np.zeros(m + n), 0.0, 0.0
    if min(m, n) >= FEWEST:
        odds, gain, error = _best(before, after, chance, random_state)
    cap = sqrt(m)
    ratio = np.exp(np.clip(odds, -20, 20))
    weights = np.minimum(ratio[:m] / max(float(ratio[:m].mean()), 1e-12), cap)
    return DensityRatio(
        weights / weights.mean(),
        np.minimum(ratio[m:], cap),
        outside | (ratio[m:] >= cap),
        cap,
        gain,
        error,
    )


def _best(
    before: FloatArray, after: FloatArray, chance: float, random_state: int
) -> tuple[FloatArray, float, float]:
    """Log of the ratio (m + n,) by the better classifier, what that gains, and its error."""
    rng = np.random.default_rng(random_state)
    rows = np.vstack([before, after])
    side = np.repeat([0, 1], [len(before), len(after)])
    fold = np.empty(side.size, dtype=np.int64)
    for which in (0, 1):
        place = np.flatnonzero(side == which)
        fold[rng.permutation(place)] = np.arange(place.size) % FOLDS
    nothing = np.where(side == 1, -log(chance), -log(1 - chance))
    best, gain, error = np.zeros(side.size), 0.0, 0.0
    for fit in (_curves, _trees):
        claimed = np.empty(side.size)
        for held in range(FOLDS):
            train = _few(np.flatnonzero(fold != held), rng)
            out = fold == held
            claimed[out] = fit(rows[train], side[train], rows[out], random_state)
        saved = nothing - np.where(side == 1, -np.log(claimed), -np.log(1 - claimed))
        spread = float(saved.std() / sqrt(side.size))
        if saved.mean() > max(gain, spread):
            odds = np.log(claimed / (1 - claimed)) - log(chance / (1 - chance))
            best, gain, error = odds, float(saved.mean()), spread
    return best, gain, error


def _few(rows: IntArray, rng: np.random.Generator) -> IntArray:
    most = 2 * MOST_FITTED
    return rows if rows.size <= most else np.sort(rng.choice(rows, most, replace=False))


Fit = Callable[[FloatArray, IntArray, FloatArray, int], FloatArray]


def _curves(train: FloatArray, side: IntArray, rows: FloatArray, _random_state: int) -> FloatArray:
    from sklearn.linear_model import LogisticRegression

    missing = np.isnan(train)
    middle = np.nan_to_num(np.nanmean(np.where(missing.all(axis=0), 0.0, train), axis=0))
    scale = np.nanstd(np.where(missing.all(axis=0), 0.0, train), axis=0)
    scale = np.where(scale > 0, scale, 1.0)

    def shaped(matrix: FloatArray) -> FloatArray:
        unit = np.clip(np.nan_to_num((matrix - middle) / scale), -6, 6)
        return np.hstack([unit, unit**2, np.isnan(matrix)])

    model = LogisticRegression(C=1.0, max_iter=200).fit(shaped(train), side)
    return np.clip(model.predict_proba(shaped(rows))[:, 1], 1e-6, 1 - 1e-6)


def _trees(train: FloatArray, side: IntArray, rows: FloatArray, random_state: int) -> FloatArray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Boosting cannot bin a column of which it is shown no value at all.
    blank = np.isnan(train).all(axis=0)
    train, rows = np.where(blank, 0.0, train), np.where(blank, 0.0, rows)
    model = HistGradientBoostingClassifier(**_TREES, random_state=random_state).fit(train, side)
    return np.clip(model.predict_proba(rows)[:, 1], 1e-6, 1 - 1e-6)


def _outside(before: FloatArray, after: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Current rows with a value beyond the reference's range, or missing where it never was."""
    gone = np.isnan(before)
    low = np.where(gone, np.inf, before).min(axis=0)
    high = np.where(gone, -np.inf, before).max(axis=0)
    room = MARGIN * np.where(high > low, high - low, 0.0)
    beyond = (after < low - room) | (after > high + room)
    new_gap = np.isnan(after) & ~gone.any(axis=0)
    return np.asarray((beyond | new_gap).any(axis=1))


def _matrix(features: ArrayLike, side: str) -> FloatArray:
    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError(f"{side} features have shape {matrix.shape}", expected="(rows, columns)")
    endless = np.isinf(matrix).any(axis=1)
    if endless.any():
        raise DataError(
            f"{side} features are infinite in row {int(np.argmax(endless))}",
            expected="finite numbers, or NaN where a value is missing",
        )
    return matrix
