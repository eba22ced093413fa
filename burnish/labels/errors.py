"""The probability that a given label is wrong, for every row, from out-of-sample probabilities.

What belongs here: the score that ranks rows, its calibration, and the signals behind it. What
does not: the noise of the whole (`burnish.labels.noise`) and pairs of classes
(`burnish.labels.confusion`).

The score, `suspicion`, is ln(p_other + 0.01) / 2 - ln(p_given + 0.01), where p_other is the highest
probability of another class: half of the way from self-confidence (how little the given class is
believed) to log-odds (how much more another one is). Where noise is light and the model strong,
log-odds rank wrong labels best, where noise is heavy and the model weak, self-confidence does; over
the sets of labels that people really got wrong, the mean of this score lay above that of each
(docs/benchmarks.md). The 0.01 keeps a row from ranking high for nothing but a tiny p_given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.labels.checks import code_labels, shaped_probabilities
from burnish.labels.noise import NoiseEstimate, noise_of_seen
from burnish.labels.passes import look
from burnish.labels.surroundings import surrounding_signals
from burnish.neighbours import Neighbours
from burnish.typing import Labels, PredProbs

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]

SMOOTHING = 0.01
_SLOPE = 2.0
_BINS = 4096


@dataclass(frozen=True)
class LabelErrors:
    """What `find_label_errors` found, row by row in the order of the labels.

    `error_probability` (n,) in [0, 1] rises strictly with `signals["suspicion"]`, apart from
    rounding. `codes` (n,) are the places of the labels in `classes`, `suggested_codes` (n,) those
    of the most probable class, which may be the given one (and is in a tie). `noise` is the whole:
    its matrix and rate, with intervals of sampling alone.
    """

    classes: tuple[Any, ...]
    codes: Codes
    suggested_codes: NDArray[np.int32]
    error_probability: FloatArray
    signals: Mapping[str, FloatArray]
    noise: NoiseEstimate

    @cached_property
    def labels(self) -> NDArray[Any]:
        """The labels that were audited, (n,), as the very values of `classes`."""
        return _as_array(self.classes)[self.codes]

    @cached_property
    def suggested_label(self) -> NDArray[Any]:
        """The most probable class of each row, (n,)."""
        return _as_array(self.classes)[self.suggested_codes]

    @property
    def noise_matrix(self) -> FloatArray:
        """P(given = j | true = i), shape (K, K), in the order of `classes`."""
        return self.noise.matrix

    @property
    def noise_rate(self) -> float:
        """The share of wrong labels."""
        return self.noise.rate

    @property
    def issues(self) -> NDArray[np.bool_]:
        """Mask (n,) of the most suspicious rows, as many as the noise rate says are wrong.

        Rows whose likeliest class is the given one are not among them, so that there can be fewer.
        """
        score = self.signals["suspicion"]
        number = round(self.noise.rate * score.size)
        if number == 0:
            return np.zeros(score.size, dtype=bool)
        # In a tie at the limit all are let in: no order of the rows decides.
        limit = np.partition(score, score.size - number)[score.size - number]
        return (score >= limit) & (self.signals["margin"] < 0)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """1 for the most suspicious row, n for the least; ties keep the order of the rows."""
        order = np.argsort(-self.signals["suspicion"], kind="stable")
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
    features: ArrayLike | Neighbours | None = None,
    classes: Sequence[Any] | None = None,
) -> LabelErrors:
    """How probable it is that each given label is wrong.

    `pred_probs` (n, K) must be out-of-sample, its columns in the order of `classes` (default: the
    sorted labels). With `features` (n, d), numbers on comparable scales, two signals are
    added: `neighbour_disagreement`, the share of the 10 nearest rows with another label, and
    `class_distance`, how far the row is from its own class relative to the others, in [0, 1]. Where
    the neighbours are known already (`burnish.neighbours.nearest`), they stand for the features.

    `error_probability` is a logistic function of the suspicion, shifted so that its mean
    is the noise rate of confident learning (Northcutt, Jiang & Chuang 2021, 'Confident Learning';
    the single scores: Kuan & Mueller 2022, 'Model-agnostic label quality scoring'). Raises
    `DataError` on an unknown label, a wrong shape, NaN, or rows that do not sum to 1.

    >>> probs = [[0.9, 0.1], [0.2, 0.8], [0.95, 0.05], [0.1, 0.9]]
    >>> found = find_label_errors(["cat", "dog", "dog", "dog"], probs)
    >>> int(found.error_probability.argmax()), found.suggested_label[2]
    (2, 'cat')
    """
    codes, names = code_labels(labels, classes)
    probs = shaped_probabilities(pred_probs, codes.size, len(names))
    seen = look(codes, probs)
    score, log_odds = suspicion(seen.given, seen.other)
    signals = {
        "self_confidence": seen.given,
        "margin": seen.given - seen.other,
        "log_odds": log_odds,
        "suspicion": score,
    }
    if features is not None:
        signals |= surrounding_signals(codes, features)
    noise = noise_of_seen(codes, probs, seen)
    return LabelErrors(
        classes=names,
        codes=codes,
        suggested_codes=seen.best,
        error_probability=_calibrated(score, noise.rate),
        signals=signals,
        noise=noise,
    )


def error_probability(codes: Codes, pred_probs: PredProbs) -> FloatArray:
    """The error probability of `find_label_errors` alone, for labels that are coded already."""
    seen = look(codes, pred_probs)
    noise = noise_of_seen(codes, pred_probs, seen)
    return _calibrated(suspicion(seen.given, seen.other)[0], noise.rate)


def suspicion(given: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What ranks the rows, and the log-odds, from the probabilities of given and best other class.

    >>> [float(x[0].round(2)) for x in suspicion(np.array([0.1]), np.array([0.8]))]
    [2.1, 2.0]
    """
    own, best = np.log(given + SMOOTHING), np.log(other + SMOOTHING)
    log_odds = best - own
    best *= 0.5
    best -= own
    return best, log_odds


def _calibrated(score: FloatArray, rate: float) -> FloatArray:
    """Logistic of the score with a fixed slope; the offset makes the mean equal the noise rate.

    Twice the score was the best calibrated slope on sets with known truth. The score is
    bounded, so a fine histogram stands for the rows while the offset is sought.
    """
    rate = min(max(rate, 0.5 / score.size), 1.0 - 0.5 / score.size)
    least = float(score.min())
    width = max(float(score.max()) - least, 1e-9) / _BINS
    place = ((score - least) / width).astype(np.int32)
    counts = np.bincount(place, minlength=_BINS + 1)
    middle = _SLOPE * (least + width * np.arange(0.5, counts.size, dtype=np.float64))
    low, high = -40.0, 40.0
    for _ in range(60):
        offset = (low + high) / 2
        mean = float(counts @ _logistic(offset + middle)) / score.size
        low, high = (offset, high) if mean < rate else (low, offset)
    return _logistic(_SLOPE * score + (low + high) / 2)


def _logistic(z: FloatArray) -> FloatArray:
    # In place: a million rows are a matter of how often memory is walked through.
    out = np.negative(z)
    np.exp(out, out=out)
    out += 1.0
    return np.divide(1.0, out, out=out)


def _as_array(names: tuple[Any, ...]) -> NDArray[Any]:
    # Objects, not fixed-width text: a label comes back as the very value that was given.
    values = np.empty(len(names), dtype=object)
    values[:] = names
    return values
