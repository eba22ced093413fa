"""Variants of images: a step aside, a small turn, other contrast, a little noise.

What belongs here: changes that leave a picture what it is. What does not: flips and large turns,
which change what it is where it is a digit or a letter.

An image is a list of numbers whose `Feature.shape` is (height, width[, channels]), or the bytes of
an image file, which come back as PNG. Values stay inside the range that the image itself has.
"""

from __future__ import annotations

import io
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

KIND: FeatureKind = "image"


class _OnImages:
    """Applies `change` to every image of a row, as an array of (height, width[, channels])."""

    kind: FeatureKind = KIND

    @abstractmethod
    def change(self, image: FloatArray, rng: np.random.Generator) -> FloatArray: ...

    def apply(
        self,
        rows: pa.Table,
        rng: np.random.Generator,
        *,
        features: Mapping[str, Feature],
        partners: pa.Table,  # noqa: ARG002  (a part of the protocol that images do not need)
    ) -> pa.Table:
        for column in columns_of(rows, features, KIND):
            feature, dtype = features[column], rows.schema.field(column).type

            def variant(
                cell: Any,
                column: str = column,
                feature: Feature = feature,
                dtype: pa.DataType = dtype,
            ) -> Any:
                image = _decoded(cell, column, feature.shape)
                made = np.clip(self.change(image, rng), image.min(), image.max())
                return _encoded(made, dtype)

            rows = changed_cells(rows, column, variant)
        return rows


@dataclass(frozen=True)
class ImageShift(_OnImages):
    """Moves the image by up to `pixels` in either direction; the border repeats its edge."""

    pixels: int = 1
    name: str = "image_shift"

    def change(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        steps = [
            (down, right)
            for down in range(-self.pixels, self.pixels + 1)
            for right in range(-self.pixels, self.pixels + 1)
            if (down, right) != (0, 0)
        ]
        down, right = steps[rng.integers(len(steps))]
        widths = [(self.pixels, self.pixels)] * 2 + [(0, 0)] * (image.ndim - 2)
        padded = np.pad(image, widths, mode="edge")
        top, left = self.pixels - down, self.pixels - right
        return padded[top : top + image.shape[0], left : left + image.shape[1]]


@dataclass(frozen=True)
class ImageRotate(_OnImages):
    """Turns the image about its centre by up to `degrees` either way."""

    degrees: float = 10.0
    name: str = "image_rotate"

    def change(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        from scipy import ndimage

        angle = rng.uniform(self.degrees / 4, self.degrees) * rng.choice([-1.0, 1.0])
        return ndimage.rotate(image, angle, reshape=False, order=1, mode="nearest")


@dataclass(frozen=True)
class ImageContrast(_OnImages):
    """Scales the image about its mean, and makes it lighter or darker by up to `share`."""

    share: float = 0.2
    name: str = "image_contrast"

    def change(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        contrast = 1 + rng.uniform(-self.share, self.share)
        lighter = rng.uniform(-self.share, self.share) / 2 * np.ptp(image)
        return (image - image.mean()) * contrast + image.mean() + lighter


@dataclass(frozen=True)
class ImageNoise(_OnImages):
    """Blurs the image a little and adds Gaussian noise of `share` of its range."""

    share: float = 0.03
    blur: float = 0.3
    name: str = "image_noise"

    def change(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        from scipy import ndimage

        sigma = [self.blur, self.blur] + [0.0] * (image.ndim - 2)
        noise = rng.normal(0.0, self.share * np.ptp(image), image.shape)
        return ndimage.gaussian_filter(image, sigma) + noise


def _decoded(cell: Any, column: str, shape: tuple[int, ...]) -> FloatArray:
    if isinstance(cell, bytes):
        return _opened(cell, column)
    values = numbers(cell, column)
    if len(shape) not in {2, 3} or values.size != np.prod(shape):
        raise DataError(
            f"an image of column {column!r} has {values.size} numbers, its shape is {shape}",
            expected="(height, width) or (height, width, channels) with as many numbers",
            hint=f"give `shape` under features.{column} in the spec",
        )
    return values.reshape(shape)


def _opened(cell: bytes, column: str) -> FloatArray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(cell)) as image:
            plain = image if image.mode in {"L", "RGB", "RGBA"} else image.convert("RGB")
            return np.asarray(plain, dtype=np.float64)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{len(cell)} bytes of column {column!r} cannot be read as an image: {error}",
            expected="a PNG, JPEG or another format that Pillow reads",
        ) from error


def _encoded(image: FloatArray, dtype: pa.DataType) -> Any:
    if not (pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype)):
        return list_cell(image.ravel(), dtype)
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.rint(image).astype(np.uint8)).save(out, format="PNG")
    return out.getvalue()
