"""Calibration: whether probabilities mean what they say, and mending them where they do not.

What belongs here: reliability, calibration error with what chance gives, the Brier score taken
apart, each also by slice, and recalibration fitted out of sample. What does not: the plain scores
(`burnish.metrics`), which rows a slice holds (`burnish.slices`), or the drawing
(`burnish.report.plots`).
"""

from burnish.calibration.brier import BrierDecomposition, brier_decomposition
from burnish.calibration.by_slice import (
    CalibrationBySlice,
    SliceCalibration,
    calibration_by_slice,
)
from burnish.calibration.error import CalibrationError, calibration_error
from burnish.calibration.recalibrating import HeldOut, Recalibration, fit_recalibration
from burnish.calibration.reliability import (
    Reliability,
    ReliabilityBin,
    reliability,
    reliability_of,
)

__all__ = [
    "BrierDecomposition",
    "CalibrationBySlice",
    "CalibrationError",
    "HeldOut",
    "Recalibration",
    "Reliability",
    "ReliabilityBin",
    "SliceCalibration",
    "brier_decomposition",
    "calibration_by_slice",
    "calibration_error",
    "fit_recalibration",
    "reliability",
    "reliability_of",
]
