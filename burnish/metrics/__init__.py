"""Metrics: pure functions of labels, predictions and probabilities, with their intervals.

What belongs here: numbers computed from arrays, in numpy alone. What does not: which rows a
number is computed on (`burnish.slices`), and tables of them (`burnish.workflows.evaluate`).
"""

from burnish.metrics.binning import equal_mass_bins, equal_width_bins
from burnish.metrics.classification import (
    ClassMetrics,
    accuracy,
    balanced_accuracy,
    class_metrics,
    confusion_matrix,
    f1_macro,
)
from burnish.metrics.intervals import (
    Interval,
    exact_interval,
    newcombe_difference,
    paired_difference,
    wilson_interval,
)
from burnish.metrics.medians import median_interval
from burnish.metrics.over_seeds import SeededDifference, seeded_difference
from burnish.metrics.probabilities import brier, expected_calibration_error, log_loss
from burnish.metrics.ranking import auroc

__all__ = [
    "ClassMetrics",
    "Interval",
    "SeededDifference",
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "class_metrics",
    "confusion_matrix",
    "equal_mass_bins",
    "equal_width_bins",
    "exact_interval",
    "expected_calibration_error",
    "f1_macro",
    "log_loss",
    "median_interval",
    "newcombe_difference",
    "paired_difference",
    "seeded_difference",
    "wilson_interval",
]
