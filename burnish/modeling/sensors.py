"""Sensor readings as features: a summary of each signal in time and in frequency.

What belongs here: one column of number lists to a matrix. What does not: the frame it joins
(`burnish.modeling.features`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError

FloatArray = NDArray[np.float64]

STATISTICS: tuple[str, ...] = (
    "mean",
    "std",
    "min",
    "max",
    "median",
    "rms_step",
    "crossings",
    "slope",
    "dominant",
    "centroid",
    "entropy",
    "band_low",
    "band_mid",
    "band_high",
)


def sensor_matrix(values: Sequence[Any], *, name: str) -> FloatArray:
    """One row a signal, one column for each of `STATISTICS`, shape (n, 14).

    In time: mean, std, min, max, median, root mean square of the steps, share of steps that cross
    the mean, and the slope a step. In frequency (cycles a sample, the mean removed): the dominant
    one, the centroid, the spectral entropy in [0, 1], and the log10 power of three equal bands.
    Signals may differ in length. A missing signal gives NaN. Raises `DataError` on an empty one or
    one with NaN or infinity, naming its row.

    >>> sensor_matrix([[0.0, 1.0, 0.0, 1.0]], name="accel")[0, :4].tolist()
    [0.5, 0.5, 0.0, 1.0]
    """
    return np.array([_summary(value, row, name) for row, value in enumerate(values)])


def _summary(value: Any, row: int, name: str) -> list[float]:
    if value is None:
        return [np.nan] * len(STATISTICS)
    try:
        signal = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"sensor {name!r} in row {row} holds no numbers ({error})",
            expected="a list of finite numbers",
        ) from error
    if signal.ndim != 1:
        raise DataError(
            f"sensor {name!r} in row {row} has shape {signal.shape}",
            expected="a list of finite numbers",
            hint="make a column of each channel",
        )
    if signal.size == 0 or not np.isfinite(signal).all():
        raise DataError(
            f"sensor {name!r} in row {row} has {signal.size} readings, or one that is not finite",
            expected="a list of finite numbers",
        )
    return [*_in_time(signal), *_in_frequency(signal - signal.mean())]


def _in_time(signal: FloatArray) -> list[float]:
    steps = np.diff(signal) if signal.size > 1 else np.zeros(1)
    above = signal > signal.mean()
    time = np.arange(signal.size) - (signal.size - 1) / 2
    return [
        float(signal.mean()),
        float(signal.std()),
        float(signal.min()),
        float(signal.max()),
        float(np.median(signal)),
        float(np.sqrt((steps**2).mean())),
        float((above[1:] != above[:-1]).mean()) if signal.size > 1 else 0.0,
        float(time @ signal / max(float(time @ time), 1.0)),
    ]


def _in_frequency(centred: FloatArray) -> list[float]:
    power = np.abs(np.fft.rfft(centred))[1:] ** 2 / centred.size
    total = float(power.sum())
    if power.size == 0 or total <= 0:
        return [0.0, 0.0, 0.0, -12.0, -12.0, -12.0]
    frequency = np.fft.rfftfreq(centred.size)[1:]
    share = power / total
    entropy = -float((share * np.log(np.maximum(share, 1e-12))).sum())
    bands = [float(power[(frequency > a) & (frequency <= b)].sum()) for a, b in _BANDS]
    return [
        float(frequency[power.argmax()]),
        float(frequency @ share),
        entropy / float(np.log(max(power.size, 2))),
        *[float(np.log10(band + 1e-12)) for band in bands],
    ]


_BANDS: tuple[tuple[float, float], ...] = ((0.0, 1 / 6), (1 / 6, 1 / 3), (1 / 3, 0.5))
