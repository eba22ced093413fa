"""Variants of sensor windows: jitter, scale, and a shift in time.

What belongs here: changes of one series of numbers (after Um et al. 2017, 'Data augmentation of
wearable sensor data'). What does not: warping time, which moves what a window shows.

A window is a list of numbers: (time,), or (time, channels) by `Feature.shape`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from burnish.augmentation.columns import (
    FloatArray,
    changed_cells,
    columns_of,
    list_cell,
    numbers,
)
from burnish.errors import DataError
from burnish.spec import Feature, FeatureKind


class _OnSensors:
    """Applies `change` to every window of a row, as an array of (time, channels)."""

    kind: FeatureKind = "sensor"

    @abstractmethod
    def change(self, window: FloatArray, rng: np.random.Generator) -> FloatArray: ...

    def apply(
        self,
        rows: pa.Table,
        rng: np.random.Generator,
        *,
        features: Mapping[str, Feature],
        partners: pa.Table,  # noqa: ARG002  (a part of the protocol that windows do not need)
    ) -> pa.Table:
        for column in columns_of(rows, features, self.kind):
            feature, dtype = features[column], rows.schema.field(column).type

            def variant(
                cell: Any,
                column: str = column,
                feature: Feature = feature,
                dtype: pa.DataType = dtype,
            ) -> Any:
                window = _window(cell, column, feature.shape)
                return list_cell(self.change(window, rng).ravel(), dtype)

            rows = changed_cells(rows, column, variant)
        return rows


@dataclass(frozen=True)
class SensorJitter(_OnSensors):
    """Adds Gaussian noise of `share` of each channel's standard deviation in the window."""

    share: float = 0.05
    name: str = "sensor_jitter"

    def change(self, window: FloatArray, rng: np.random.Generator) -> FloatArray:
        return window + rng.normal(0.0, 1.0, window.shape) * self.share * window.std(axis=0)


@dataclass(frozen=True)
class SensorScale(_OnSensors):
    """Scales each channel about its mean in the window by up to `share` either way."""

    share: float = 0.1
    name: str = "sensor_scale"

    def change(self, window: FloatArray, rng: np.random.Generator) -> FloatArray:
        mean = window.mean(axis=0)
        factors = 1 + rng.uniform(-self.share, self.share, window.shape[1])
        return (window - mean) * factors + mean


@dataclass(frozen=True)
class SensorShift(_OnSensors):
    """Moves the window by up to `share` of its length in time; the gap repeats the end value."""

    share: float = 0.1
    name: str = "sensor_shift"

    def change(self, window: FloatArray, rng: np.random.Generator) -> FloatArray:
        length = window.shape[0]
        most = max(1, int(length * self.share))
        steps = int(rng.integers(1, most + 1)) * int(rng.choice([-1, 1]))
        moved = np.clip(np.arange(length) - steps, 0, length - 1)
        return window[moved]


def _window(cell: Any, column: str, shape: tuple[int, ...]) -> FloatArray:
    values = numbers(cell, column)
    if len(shape) < 2:
        return values.reshape(-1, 1)
    if len(shape) != 2 or values.size != np.prod(shape):
        raise DataError(
            f"a window of column {column!r} has {values.size} numbers, its shape is {shape}",
            expected="(time,) or (time, channels) with as many numbers",
            hint=f"give `shape` under features.{column} in the spec",
        )
    return values.reshape(shape)
