"""The probability that a given label is wrong, for every row, from out-of-sample probabilities.

What belongs here: the score that ranks rows, its calibration, and the signals behind it. What
does not: the noise of the whole (`burnish.labels.noise`) and pairs of classes
(`burnish.labels.confusion`).

The score is a smoothed log-odds, ln((p_other + 0.1) / (p_given + 0.1)), where p_other is the
highest probability of another class. It is a compromise: on labels that people really got wrong,
plain log-odds rank a little better where noise is heavy, and the margin where it is rare and the
model itself is the weaker witness; each is clearly worse than this score where the other is best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels.checks import check_probabilities, encode_labels, row_chunks, sorted_classes
from burnish.labels.noise import estimate_noise
from burnish.typing import Labels, PredProbs

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]

SMOOTHING = 0.1
_NEIGHBOURS = 10
_SLOPE = 2.0
_BINS = 4096


@dataclass(frozen=True)
class LabelErrors:
    """What `find_label_errors` found, row by row in the order of the labels.

    `error_probability` (n,) in [0, 1] rises strictly with `signals["log_odds"]`, apart from
    rounding. `suggested_label` (n,) is the most probable class, which may be the given one.
    `noise_matrix` (K, K) is P(given = j | true = i), in the order of `classes`.
    """

    labels: NDArray[Any]
    classes: tuple[Any, ...]
    error_probability: FloatArray
    suggested_label: NDArray[Any]
    signals: Mapping[str, FloatArray]
    noise_matrix: FloatArray
    noise_rate: float

    @property
    def rank(self) -> NDArray[np.int64]:
        """1 for the most suspicious row, n for the least; ties keep the order of the rows."""
        order = np.argsort(-self.signals["log_odds"], kind="stable")
        rank = np.empty(order.size, dtype=np.int64)
        rank[order] = np.arange(1, order.size + 1)
        return rank

    def to_table(self) -> pa.Table:
        """One row an example: label, suggested_label, error_probability, audit_rank, signals."""
        return pa.table(
            {
                "label": pa.array(self.labels.tolist()),
                "suggested_label": pa.array(self.suggested_label.tolist()),
                "error_probability": self.error_probability,
                "audit_rank": self.rank,
                **self.signals,
            }
        )


def find_label_errors(
    labels: Labels,
    pred_probs: ArrayLike,
    *,
    features: ArrayLike | None = None,
    classes: Sequence[Any] | None = None,
) -> LabelErrors:
    """How probable it is that each given label is wrong.

    `pred_probs` (n, K) must be out-of-sample, its columns in the order of `classes` (default: the
    sorted labels). With `features` (n, d), numbers on comparable scales, the signal
    `neighbour_disagreement` is added: the share of the 10 nearest rows with another label.

    `error_probability` is a logistic function of the smoothed log-odds, shifted so that its mean
    is the noise rate of confident learning (Northcutt, Jiang & Chuang 2021, 'Confident Learning';
    the single scores: Kuan & Mueller 2022, 'Model-agnostic label quality scoring'). Raises
    `DataError` on an unknown label, a wrong shape, NaN, or rows that do not sum to 1.

    >>> probs = [[0.9, 0.1], [0.2, 0.8], [0.95, 0.05], [0.1, 0.9]]
    >>> found = find_label_errors(["cat", "dog", "dog", "dog"], probs)
    >>> int(found.error_probability.argmax()), found.suggested_label[2]
    (2, 'cat')
    """
    names = sorted_classes(labels) if classes is None else tuple(classes)
    codes = encode_labels(labels, names)
    probs = check_probabilities(pred_probs, codes.size, len(names))
    given, other, best = _candidates(codes, probs)
    score = np.log((other + SMOOTHING) / (given + SMOOTHING))
    signals = {"self_confidence": given, "margin": given - other, "log_odds": score}
    if features is not None:
        signals["neighbour_disagreement"] = _neighbour_disagreement(codes, features)
    noise = estimate_noise(codes, probs)
    values = _as_array(names)
    return LabelErrors(
        labels=values[codes],
        classes=names,
        error_probability=_calibrated(score, noise.rate),
        suggested_label=values[best],
        signals=signals,
        noise_matrix=noise.matrix,
        noise_rate=noise.rate,
    )


def _candidates(codes: Codes, probs: PredProbs) -> tuple[FloatArray, FloatArray, Codes]:
    """Probability of the given class, the highest of another class, and the likeliest class."""
    n, K = probs.shape
    given, other = np.empty(n), np.zeros(n)
    best = np.empty(n, dtype=np.intp)
    for rows in row_chunks(n):
        block = probs[rows].copy()
        here = np.arange(block.shape[0])
        given[rows] = block[here, codes[rows]]
        best[rows] = block.argmax(axis=1)
        if K > 1:
            block[here, codes[rows]] = -1.0
            other[rows] = block.max(axis=1)
    return given, other, best


def _calibrated(score: FloatArray, rate: float) -> FloatArray:
    """Logistic of the score with a fixed slope; the offset makes the mean equal the noise rate.

    Twice the log-odds was the best calibrated slope on sets with known truth. The score is
    bounded, so a fine histogram stands for the rows while the offset is sought.
    """
    rate = min(max(rate, 0.5 / score.size), 1.0 - 0.5 / score.size)
    counts, edges = np.histogram(score, bins=_BINS)
    middle = _SLOPE * (edges[:-1] + edges[1:]) / 2
    low, high = -40.0, 40.0
    for _ in range(60):
        offset = (low + high) / 2
        mean = float(counts @ _logistic(offset + middle)) / score.size
        low, high = (offset, high) if mean < rate else (low, offset)
    return _logistic(_SLOPE * score + (low + high) / 2)


def _logistic(z: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-z))


def _neighbour_disagreement(codes: Codes, features: ArrayLike) -> FloatArray:
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != codes.size:
        raise DataError(
            f"features have shape {matrix.shape}", expected=f"({codes.size}, d): a row a label"
        )
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        raise DataError(
            f"features are NaN or infinite in row {int(np.argmax(bad))}", expected="finite numbers"
        )
    k = min(_NEIGHBOURS, codes.size - 1)
    if k == 0:
        return np.zeros(codes.size)
    with threadpool_limits(1):
        # Without an argument the search leaves each row out of its own neighbours.
        near = NearestNeighbors(n_neighbors=k).fit(matrix).kneighbors(return_distance=False)
    return (codes[near] != codes[:, None]).mean(axis=1)


def _as_array(names: tuple[Any, ...]) -> NDArray[Any]:
    # Objects, not fixed-width text: a label comes back as the very value that was given.
    values = np.empty(len(names), dtype=object)
    values[:] = names
    return values
