"""Drift: how production differs from what a model was trained and judged on.

What belongs here: effect sizes of columns with intervals, where rows differ, and performance
estimated without labels. What does not: which rows are compared (`burnish.workflows`), metrics
with labels (`burnish.metrics`), or what follows from drift (`burnish.policy`).
"""

from burnish.drift.detecting import detect_drift
from burnish.drift.performance import estimate_performance
from burnish.drift.records import (
    DRIFT_SCHEMA,
    PERFORMANCE_SCHEMA,
    DriftReport,
    PerformanceEstimate,
    Where,
)

__all__ = [
    "DRIFT_SCHEMA",
    "PERFORMANCE_SCHEMA",
    "DriftReport",
    "PerformanceEstimate",
    "Where",
    "detect_drift",
    "estimate_performance",
]
