"""Which production rows to have labelled: where errors are likely, and some drawn at random.

What belongs here: picking rows of a window, each with its reason. What does not: what is put before
reviewers on a day (`burnish.acquisition`), or how many rows are asked for (`burnish.policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.drift.records import PerformanceEstimate
from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray

CONTROL = "Drawn at random from the window, so that what labels say holds for all of it."
# Of so many times the rows asked for, those with the highest scores may be picked.
CANDIDATES = 4
# Rows nearer than this share of the usual distance to a picked one are copies of it.
NEAR = 0.05
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ChosenRows:
    """Rows of the window to be labelled, the most urgent first, the control rows last.

    `rows` (k,) are positions; `control` (k,) marks those drawn at random; `reasons` are sentences
    for whoever labels. `weights` (k,) are how many rows each stands for, as the `label_weights` of
    `burnish.drift.estimate_performance`: 1 for a row that was picked, which stands for itself, and
    for control rows what the rest of the window comes to by each.
    """

    rows: IntArray
    control: Mask
    score: FloatArray
    weights: FloatArray
    reasons: tuple[str, ...]

    def to_table(self) -> pa.Table:
        """One row a chosen row: row, control, score, weight, reason."""
        return pa.table(
            {
                "row": self.rows,
                "control": self.control,
                "score": self.score,
                "weight": self.weights,
                "reason": pa.array(self.reasons, pa.string()),
            }
        )


def choose_rows(
    estimate: PerformanceEstimate,
    n: int,
    *,
    features: ArrayLike | None = None,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    taken: NDArray[np.bool_] | None = None,
    control_share: float = 0.2,
    random_state: int = 0,
) -> ChosenRows:
    """`n` rows of the window that `estimate` is of, or as many as there are.

    Of rows not `taken` (w,) yet, those with the highest scores, and from the rest the share
    `control_share` of `n`, drawn at random. The score is the probability of error, times how much
    more frequent such rows have become, times what their slice lost beyond the whole: as estimated,
    or as measured where its labels say more. `slices` are masks (w,) by the names in
    `estimate.table`. With `features` (w, d), near
    copies of a picked row are passed over, and rows near it count less. The same arguments give the
    same rows. Raises `DataError` for a share outside [0, 1], or arrays of another length.

    >>> from burnish.drift import estimate_performance
    >>> rng = np.random.default_rng(0)
    >>> sure = rng.uniform(0.5, 1.0, 300)
    >>> probs = np.column_stack([sure, 1 - sure])
    >>> labels = np.where(rng.random(300) < sure, "a", "b")
    >>> found = estimate_performance(labels[:200], probs[:200], probs[200:], classes=["a", "b"])
    >>> chosen = choose_rows(found, 10)
    >>> chosen.rows.size, int(chosen.control.sum())
    (10, 2)
    """
    window = estimate.error_probability.size
    free = _free(taken, window)
    matrix = _unit(features, window)
    if n < 0 or not 0.0 <= control_share <= 1.0:
        raise DataError(
            f"{n} rows, control share {control_share}", expected="rows >= 0, a share in [0, 1]"
        )
    lost = _lost(estimate, slices or {}, window)
    score = estimate.error_probability * np.minimum(estimate.ratio, 10.0) * (1.0 + lost.factor)
    rng = np.random.default_rng(random_state)
    n = min(n, free.size)
    by_chance = round(control_share * n)
    picked = _picked(free, score, matrix, n - by_chance)
    # Drawn from what was not picked: so each row's chance is known, 1 or that of the draw.
    control = rng.permutation(np.setdiff1d(free, picked))[:by_chance]
    rows = np.concatenate([picked, control]).astype(np.int64)
    drawn = np.arange(rows.size) >= picked.size
    stands = (free.size - picked.size) / max(1, by_chance)
    return ChosenRows(
        rows,
        drawn,
        score[rows],
        np.where(drawn, stands, 1.0),
        tuple(
            CONTROL if is_control else _reason(estimate, lost, row)
            for row, is_control in zip(rows.tolist(), drawn.tolist(), strict=True)
        ),
    )


@dataclass(frozen=True)
class _Lost:
    """What raises a row's score because of its slice (w,), and the name of the slice, or ''."""

    factor: FloatArray
    slice_of: list[str]
    loss: FloatArray


def _lost(estimate: PerformanceEstimate, slices: Mapping[str, Mask], window: int) -> _Lost:
    """The slice of each row that lost most beyond the whole, in units of its own error."""
    lines = {line["slice"]: line for line in estimate.table.to_pylist() if _told(line)}
    whole = _loss(lines["overall"]) if "overall" in lines else (0.0, 0.0)
    factor, loss, names = np.zeros(window), np.zeros(window), [""] * window
    for name, mask in slices.items():
        inside = np.asarray(mask)
        if inside.shape != (window,):
            raise DataError(f"slice {name!r} has shape {inside.shape}", expected=f"({window},)")
        if name not in lines:
            continue
        own, error = _loss(lines[name])
        beyond = own - max(0.0, whole[0])
        # Shown beyond chance: a slice of few rows may seem to have lost anything.
        raised = 4.0 * max(0.0, beyond - 2 * error) / max(0.05, own)
        better = inside & (raised > factor)
        factor[better], loss[better] = raised, own
        for row in np.flatnonzero(better).tolist():
            names[row] = name
    return _Lost(factor, names, loss)


def _told(line: Mapping[str, object]) -> bool:
    return line["metric"] == "accuracy"


def _loss(line: Mapping[str, float | None]) -> tuple[float, float]:
    """Loss of a slice and its standard error, by labels where they are surer of a greater one."""
    loss, low = float(line["loss"] or 0.0), float(line["loss_low"] or 0.0)
    estimated = loss, (loss - low) / 2
    measured, high = line["measured"], line["measured_high"]
    if measured is None or high is None:
        return estimated
    found = float(line["reference"] or 0.0) - measured, (high - measured) / 2
    return max(estimated, found, key=lambda one: one[0] - 2 * one[1])


def _picked(rows: IntArray, score: FloatArray, matrix: FloatArray | None, n: int) -> IntArray:
    """The `n` rows with the highest scores; with features, spread over the best `CANDIDATES` n."""
    order = rows[np.argsort(-score[rows], kind="stable")]
    if matrix is None or n <= 0 or order.size <= n:
        return order[: max(0, n)]
    best = order[: CANDIDATES * n]
    points, worth = matrix[best], score[best].copy()
    usual = _usual_distance(points)
    free, picked = np.ones(best.size, dtype=bool), []
    while len(picked) < n and free.any():
        at = int(np.argmax(np.where(free, worth, -1.0)))
        picked.append(at)
        distance = np.sqrt(((points - points[at]) ** 2).sum(axis=1))
        free &= distance > NEAR * usual
        free[at] = False
        worth *= 1.0 - 0.3 * np.exp(-((distance / max(0.5 * usual, 1e-12)) ** 2))
    # Copies are asked for only where nothing else is left.
    left = np.setdiff1d(np.arange(best.size), picked)
    return best[np.concatenate([picked, left[: n - len(picked)]]).astype(np.int64)]


def _usual_distance(points: FloatArray) -> float:
    """Median distance of rows to those half the list away: of no pair in particular."""
    apart = points - np.roll(points, len(points) // 2, axis=0)
    return float(np.median(np.sqrt((apart**2).sum(axis=1))))


def _reason(estimate: PerformanceEstimate, lost: _Lost, row: int) -> str:
    told = [f"The model is wrong here with probability {estimate.error_probability[row]:.2f}"]
    if estimate.ratio[row] >= 1.5:
        told.append(f"rows like it are {estimate.ratio[row]:.1f} times as frequent as they were")
    if lost.slice_of[row]:
        told.append(f"'{lost.slice_of[row]}' seems to have lost {100 * lost.loss[row]:.0f} points")
    return "; ".join(told) + "."


def _free(taken: Mask | None, window: int) -> IntArray:
    mask = np.zeros(window, dtype=bool) if taken is None else np.asarray(taken)
    if mask.shape != (window,):
        raise DataError(f"taken has shape {mask.shape}", expected=f"({window},)")
    return np.flatnonzero(~mask)


def _unit(features: ArrayLike | None, window: int) -> FloatArray | None:
    """Columns in spreads of their own; what is missing lies in the middle, told by a column."""
    if features is None:
        return None
    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) != window:
        raise DataError(f"features have shape {matrix.shape}", expected=f"({window}, d)")
    gone = ~np.isfinite(matrix)
    known = np.where(gone, 0.0, matrix)
    count = np.maximum((~gone).sum(axis=0), 1)
    middle = known.sum(axis=0) / count
    off = np.where(gone, 0.0, matrix - middle)
    spread = np.sqrt((off**2).sum(axis=0) / count)
    return np.hstack([off / np.where(spread > 0, spread, 1.0), gone])
