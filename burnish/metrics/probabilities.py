"""Metrics of predicted probabilities: log-loss, Brier score and calibration error.

What belongs here: proper scores and calibration of (n, K) probabilities. What does not:
recalibrating a model, nor metrics of labels alone (`burnish.metrics.classification`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from burnish.metrics.binning import equal_mass_bins
from burnish.metrics.checked import FloatArray, codes, one_dimension, probabilities
from burnish.typing import Labels, PredProbs


def log_loss(y_true: Labels, pred_probs: PredProbs, *, classes: Sequence[object]) -> float:
    """Mean of -ln of the probability given to the true class, in nats; 0 is best.

    `pred_probs` has shape (n, K), columns in the order of `classes`. Probabilities are held
    above the smallest step of float64, so that one sure mistake does not make it infinite.
    Raises `DataError` on NaN, rows that do not sum to 1, or a label that is no class.

    >>> round(log_loss(["a", "b"], [[0.9, 0.1], [0.5, 0.5]], classes=["a", "b"]), 4)
    0.3993
    """
    own = _own_probability(y_true, pred_probs, classes)
    return float(-np.log(np.clip(own, np.finfo(np.float64).eps, 1.0)).mean())


def brier(y_true: Labels, pred_probs: PredProbs, *, classes: Sequence[object]) -> float:
    """Brier's original score (Brier 1950): mean squared distance to the truth, in [0, 2].

    For two classes it is twice the score of one class's probability.

    >>> brier(["a", "b"], [[1.0, 0.0], [0.5, 0.5]], classes=["a", "b"])
    0.25
    """
    labels = one_dimension(y_true, "y_true")
    truth = np.eye(len(classes))[codes(labels, classes, "y_true")]
    probs = probabilities(pred_probs, labels.size, len(classes))
    return float(((probs - truth) ** 2).sum(axis=1).mean())


def expected_calibration_error(
    y_true: Labels, pred_probs: PredProbs, *, classes: Sequence[object], bins: int = 15
) -> float:
    """Mean gap of confidence and accuracy over bins of equal mass, in [0, 1]; 0 is best.

    Confidence is the highest probability of a row. Rows are sorted by it and cut into at most
    `bins` groups of (nearly) equal size, which estimates with less bias than bins of equal width
    (Nixon et al. 2019, 'Measuring Calibration in Deep Learning'). Rows of equal confidence stay
    in one bin, so the order of rows does not matter.

    >>> sure = [[0.9, 0.1]] * 10
    >>> round(expected_calibration_error(["a"] * 6 + ["b"] * 4, sure, classes=["a", "b"]), 3)
    0.3
    """
    labels = one_dimension(y_true, "y_true")
    coded = codes(labels, classes, "y_true")
    probs = probabilities(pred_probs, labels.size, len(classes))
    confidence = probs.max(axis=1)
    correct = (probs.argmax(axis=1) == coded).astype(np.float64)
    gaps = np.bincount(equal_mass_bins(confidence, bins), weights=correct - confidence)
    return float(np.abs(gaps).sum() / labels.size)


def _own_probability(
    y_true: Labels, pred_probs: PredProbs, classes: Sequence[object]
) -> FloatArray:
    labels = one_dimension(y_true, "y_true")
    coded = codes(labels, classes, "y_true")
    probs = probabilities(pred_probs, labels.size, len(classes))
    return probs[np.arange(labels.size), coded]
