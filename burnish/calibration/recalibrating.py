"""Recalibration: which map to use is decided on rows that it was not fitted to.

What belongs here: holding rows out, choosing, and applying what was chosen. What does not: the
maps (`burnish.calibration.maps`), nor folds for training a model (`burnish.modeling.folds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.calibration.maps import FITS, Map
from burnish.calibration.reliability import checked
from burnish.errors import DataError
from burnish.metrics import expected_calibration_error
from burnish.metrics.checked import FloatArray, IntArray, probabilities
from burnish.typing import Labels, PredProbs

Method = Literal["auto", "identity", "temperature", "platt", "isotonic"]


@dataclass(frozen=True)
class HeldOut:
    """What a method does on rows it was not fitted to.

    `gain` is how much less log-loss (nats a row) it has than the probabilities as they are, and
    `gain_error` the standard error of that. `accuracy` is said because platt and isotonic may
    change which class comes first. `calibration_error` is over 15 bins of equal mass.
    """

    method: str
    log_loss: float
    gain: float
    gain_error: float
    accuracy: float
    calibration_error: float


@dataclass(frozen=True)
class Recalibration:
    """A map for new probabilities of the same model, and what speaks for it.

    `fitted` was fitted to all rows; `cross_fitted` (n, K) are those rows' own probabilities, each
    mended by a map that never saw its fold (`folds`, shape (n,)): measure on them, not on
    `apply` of the same rows. `held_out` has a line for each method tried.
    """

    method: str
    classes: tuple[object, ...]
    fitted: Map
    held_out: tuple[HeldOut, ...]
    cross_fitted: FloatArray
    folds: IntArray
    reason: str

    def apply(self, pred_probs: PredProbs) -> FloatArray:
        """New probabilities (m, K), columns as `classes`, mended. Raises `DataError` on others."""
        rows = len(np.asarray(pred_probs))
        return self.fitted(probabilities(pred_probs, rows, len(self.classes)))

    def to_table(self) -> pa.Table:
        """One row a method: what `HeldOut` says, and whether it was chosen."""
        return pa.Table.from_pylist(
            [asdict(one) | {"chosen": one.method == self.method} for one in self.held_out]
        )


def fit_recalibration(
    y_true: Labels,
    pred_probs: PredProbs,
    *,
    classes: Sequence[object],
    method: Method = "auto",
    folds: int | Sequence[int] | NDArray[np.integer[Any]] = 5,
    groups: Sequence[object] | None = None,
    random_state: int = 0,
) -> Recalibration:
    """Recalibration of `pred_probs`, chosen by log-loss on held-out rows.

    `pred_probs` (n, K), columns as `classes`, must come from a model that has not seen these
    rows. `method` is one of 'temperature', 'platt' and 'isotonic', or 'auto' for all of them; the
    probabilities as they are always compete. Taken is the simplest whose mean held-out log-loss
    lies within one standard error (of the paired difference) of the best: identity, temperature,
    platt, isotonic, in this order. So nothing is changed where nothing is seen to be better, and
    `reason` says so.

    `folds` is how many, or the fold of each row. Rows of one of `groups` share a fold, and standard
    errors count groups, not rows. Raises `DataError` for input that `reliability` refuses, an
    unknown method, and where there are less than two folds or groups.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(2000)
    >>> labels = (rng.random(2000) < p).astype(int)
    >>> odds = (p / (1 - p)) ** 2
    >>> too_sure = np.column_stack([1 / (1 + odds), odds / (1 + odds)])
    >>> found = fit_recalibration(labels, too_sure, classes=[0, 1])
    >>> found.method, found.apply(np.array([[0.2, 0.8]])).round(2).tolist()
    ('temperature', [[0.33, 0.67]])
    """
    if method not in {"auto", *FITS}:
        raise DataError(f"method is {method!r}", expected="one of: auto, " + ", ".join(FITS))
    probs, coded = checked(y_true, pred_probs, classes)
    member = _members(groups, coded.size)
    fold = _folds(coded, folds, member, np.random.default_rng(random_state))
    names = list(FITS) if method == "auto" else list(dict.fromkeys(["identity", method]))
    mended = {name: _cross_fitted(name, probs, coded, fold) for name in names}
    losses = {name: _losses(mended[name], coded) for name in names}
    chosen, reason = _choose(losses, member)
    held_out = tuple(
        _held_out(name, mended[name], coded, losses=losses, member=member) for name in names
    )
    return Recalibration(
        method=chosen,
        classes=tuple(classes),
        fitted=FITS[chosen](probs, coded),
        held_out=held_out,
        cross_fitted=mended[chosen],
        folds=fold,
        reason=reason,
    )


def _cross_fitted(name: str, probs: FloatArray, coded: IntArray, fold: IntArray) -> FloatArray:
    found = np.empty_like(probs)
    for one in np.unique(fold):
        here = fold == one
        found[here] = FITS[name](probs[~here], coded[~here])(probs[here])
    return found


def _losses(probs: FloatArray, coded: IntArray) -> FloatArray:
    own = probs[np.arange(coded.size), coded]
    return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))


def _choose(losses: dict[str, FloatArray], member: IntArray) -> tuple[str, str]:
    """The simplest method within one standard error of the best, and why."""
    best = min(losses, key=lambda name: losses[name].mean())
    chosen = next(
        name
        for name in losses
        if (losses[name] - losses[best]).mean() <= _error(losses[name] - losses[best], member)
    )
    if chosen == "identity":
        return chosen, "nothing is seen to be better than the probabilities as they are"
    gain = losses["identity"] - losses[chosen]
    said = f"{gain.mean():.4f} ± {_error(gain, member):.4f} nats a row better than as they are"
    if chosen == best:
        return chosen, said
    return chosen, f"{said}; {best} is not seen to be better than this"


def _held_out(
    name: str,
    probs: FloatArray,
    coded: IntArray,
    *,
    losses: dict[str, FloatArray],
    member: IntArray,
) -> HeldOut:
    gain = losses["identity"] - losses[name]
    return HeldOut(
        method=name,
        log_loss=float(losses[name].mean()),
        gain=float(gain.mean()),
        gain_error=_error(gain, member),
        accuracy=float((probs.argmax(axis=1) == coded).mean()),
        calibration_error=expected_calibration_error(coded, probs, classes=range(probs.shape[1])),
    )


def _error(values: FloatArray, member: IntArray) -> float:
    """Standard error of the mean of values (n,), rows of one group counted as one."""
    sums = np.bincount(member, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum() * sums.size / (sums.size - 1)) / values.size)


def _members(groups: Sequence[object] | None, rows: int) -> IntArray:
    if groups is None:
        member = np.arange(rows)
    else:
        number: dict[object, int] = {}
        member = np.array([number.setdefault(group, len(number)) for group in groups])
    if member.size != rows:
        raise DataError(f"{member.size} groups for {rows} rows", expected="a group a row")
    if rows == 0 or member.max() < 1:
        raise DataError(
            f"{rows} rows in one group",
            expected="two groups or more, so that one can be held out",
        )
    return member.astype(np.int64)


def _folds(coded: IntArray, folds: Any, member: IntArray, rng: np.random.Generator) -> IntArray:
    if np.ndim(folds) > 0:
        given = np.asarray(folds)
        if given.shape != coded.shape or np.unique(given).size < 2:
            raise DataError(
                f"folds of shape {given.shape}, {np.unique(given).size} of them",
                expected=f"a fold a row, shape {coded.shape}, two or more of them",
            )
        return np.unique(given, return_inverse=True)[1].astype(np.int64)
    if folds < 2:
        raise DataError(f"{folds} folds", expected="two or more")
    sizes = np.bincount(member)
    order = rng.permutation(sizes.size)
    if sizes.max() == 1:
        # Class by class, dealt round: every class is spread over all folds.
        dealt = order[np.argsort(coded[order], kind="stable")]
        fold = np.empty(coded.size, dtype=np.int64)
        fold[dealt] = np.arange(coded.size) % folds
        return fold
    load, of_group = np.zeros(min(folds, sizes.size)), np.empty(sizes.size, dtype=np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        of_group[group] = int(np.argmin(load))
        load[of_group[group]] += sizes[group]
    return of_group[member]
