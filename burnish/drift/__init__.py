"""Drift: how production differs from what a model was trained and judged on.

What belongs here: effect sizes of columns with intervals, where rows differ, performance
estimated without labels, and which rows to label. What does not: which rows are compared
(`burnish.workflows`), metrics with labels (`burnish.metrics`), or what follows from drift
(`burnish.policy`).
"""

from burnish.drift.choosing import ChosenRows, choose_rows
from burnish.drift.detecting import MATTERS, MINIMUM, detect_drift
from burnish.drift.domain import Apart, tell_apart
from burnish.drift.performance import estimate_performance
from burnish.drift.records import (
    DRIFT_SCHEMA,
    PERFORMANCE_SCHEMA,
    DriftReport,
    PerformanceEstimate,
    Where,
)
from burnish.drift.slicing import SLICED_SCHEMA, SlicedDrift, drift_by_slice

__all__ = [
    "DRIFT_SCHEMA",
    "MATTERS",
    "MINIMUM",
    "PERFORMANCE_SCHEMA",
    "SLICED_SCHEMA",
    "Apart",
    "ChosenRows",
    "DriftReport",
    "PerformanceEstimate",
    "SlicedDrift",
    "Where",
    "choose_rows",
    "detect_drift",
    "drift_by_slice",
    "estimate_performance",
    "tell_apart",
]
