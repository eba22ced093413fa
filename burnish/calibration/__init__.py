"""Calibration: whether probabilities mean what they say, and mending them where they do not.

What belongs here: reliability, calibration error with what chance gives, the Brier score taken
apart, each also by slice, and recalibration fitted out of sample. What does not: the plain scores
(`burnish.metrics`), which rows a slice holds (`burnish.slices`), or the drawing
(`burnish.report.plots`).
"""

from burnish.calibration.error import CalibrationError, calibration_error
from burnish.calibration.reliability import (
    Reliability,
    ReliabilityBin,
    reliability,
    reliability_of,
)

__all__ = [
    "CalibrationError",
    "Reliability",
    "ReliabilityBin",
    "calibration_error",
    "reliability",
    "reliability_of",
]
