"""The Brier score taken apart: reliability, resolution, uncertainty, and what binning leaves.

What belongs here: the decompositions, binned and bin-free. What does not: the score by itself
(`burnish.metrics.brier`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from burnish.calibration.reliability import checked
from burnish.metrics import equal_mass_bins
from burnish.metrics.checked import FloatArray, IntArray
from burnish.typing import Labels, PredProbs


@dataclass(frozen=True)
class BrierDecomposition:
    """score = reliability - resolution + uncertainty + remainder, to rounding.

    `score` is Brier's original one, in [0, 2]. `reliability` (0 is best) is what calibration
    would save, `resolution` (more is better) what telling rows apart has saved, `uncertainty` the
    score of always claiming the shares of the classes, `remainder` what differs within bins.

    Reliability and resolution grow by chance where rows are few. The three `debiased` ones are
    freed of that (Ferro and Fricker 2012), sum to the same, and may be negative; they are NaN
    where there are no bins.
    """

    rows: int
    score: float
    reliability: float
    resolution: float
    uncertainty: float
    remainder: float
    reliability_debiased: float
    resolution_debiased: float
    uncertainty_debiased: float

    @property
    def skill(self) -> float:
        """1 for certainty that is right, 0 for the shares of the classes; NaN for one class."""
        return 1.0 - self.score / self.uncertainty if self.uncertainty > 0 else float("nan")

    def to_table(self) -> pa.Table:
        """One row: a column a field, and skill."""
        return pa.Table.from_pylist([asdict(self) | {"skill": self.skill}])


def brier_decomposition(
    y_true: Labels,
    pred_probs: PredProbs,
    *,
    classes: Sequence[object],
    bins: int | None = 15,
) -> BrierDecomposition:
    """Murphy's decomposition (1973, 'A New Vector Partition of the Probability Score').

    Each class's probability is cut into at most `bins` bins of equal mass, and the parts are
    summed over classes. `remainder` is the variance within bins less twice the covariance there
    (Stephenson, Coelho and Jolliffe 2008), so that nothing is left out. With `bins=None` there are
    none: each class's probability is mended by isotonic regression, reliability is what that
    saves, and no remainder is left (CORP: Dimitriadis, Gneiting and Jordan 2021). `pred_probs`
    has shape (n, K), columns as `classes`. Raises `DataError` as `reliability` does.

    >>> p = np.array([[0.8, 0.2]] * 10 + [[0.3, 0.7]] * 10)
    >>> labels = ["a"] * 8 + ["b"] * 2 + ["a"] * 5 + ["b"] * 5
    >>> found = brier_decomposition(labels, p, classes=["a", "b"])
    >>> round(found.reliability, 3), round(found.resolution, 3), round(found.uncertainty, 3)
    (0.04, 0.045, 0.455)
    """
    probs, coded = checked(y_true, pred_probs, classes)
    return decomposed(probs, coded, bins)


def decomposed(probs: FloatArray, coded: IntArray, bins: int | None) -> BrierDecomposition:
    """The decomposition of rows that have been checked."""
    happened = np.eye(probs.shape[1])[coded]
    n = coded.size
    base = happened.mean(axis=0)
    uncertainty = float((base * (1 - base)).sum())
    if bins is None:
        reliability, resolution = _bin_free(probs, happened)
        excess = spare = float("nan")
    else:
        parts = [_binned(probs[:, k], happened[:, k], bins) for k in range(probs.shape[1])]
        reliability, resolution, excess = (sum(column) for column in zip(*parts, strict=True))
        spare = uncertainty / (n - 1) if n > 1 else float("nan")
    score = float(((probs - happened) ** 2).sum() / n)
    return BrierDecomposition(
        rows=n,
        score=score,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        remainder=score - (reliability - resolution + uncertainty),
        reliability_debiased=reliability - excess,
        resolution_debiased=resolution - excess + spare,
        uncertainty_debiased=uncertainty + spare,
    )


def _binned(claimed: FloatArray, happened: FloatArray, bins: int) -> tuple[float, float, float]:
    """Reliability and resolution of one event, and what chance adds to each of them."""
    which = np.unique(equal_mass_bins(claimed, bins), return_inverse=True)[1]
    rows = np.bincount(which)
    mean = np.bincount(which, weights=claimed) / rows
    share = np.bincount(which, weights=happened) / rows
    weight = rows / claimed.size
    # A single row says nothing of its variance: there the claim itself has to stand for it.
    variance = np.where(rows > 1, share * (1 - share) / np.maximum(rows - 1, 1), mean * (1 - mean))
    return (
        float((weight * (mean - share) ** 2).sum()),
        float((weight * (share - happened.mean()) ** 2).sum()),
        float((weight * variance).sum()),
    )


def _bin_free(probs: FloatArray, happened: FloatArray) -> tuple[float, float]:
    from burnish.calibration.isotonic import fit_curve

    mended = np.column_stack(
        [
            fit_curve(probs[:, k], happened[:, k], prior=0.0)(probs[:, k])
            for k in range(probs.shape[1])
        ]
    )
    n = len(probs)
    left = float(((mended - happened) ** 2).sum() / n)
    score = float(((probs - happened) ** 2).sum() / n)
    base = happened.mean(axis=0)
    return score - left, float((base * (1 - base)).sum()) - left
