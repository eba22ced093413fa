"""Images as rows of pixels: decoded, made grey, and no larger than 16 x 16.

What belongs here: one image column to a matrix of pixels. What does not: the frame these pixels
join (`burnish.modeling.features`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError

MAX_SIDE = 16
# Luma of Rec. 601, as Pillow's own conversion to grey.
_LUMA = np.array([0.299, 0.587, 0.114])
_DEPTHS = (1.0, 16.0, 255.0, 65535.0)

FloatArray = NDArray[np.float64]


def pixel_matrix(
    values: Sequence[Any], *, name: str, shape: tuple[int, ...], folder: Path | None
) -> FloatArray:
    """Grey pixels in [0, 1], shape (n, height * width) with at most 16 x 16 pixels a row.

    Each value is a flat list of numbers (with `shape`, or square), the bytes of a PNG or JPEG, or
    its path, taken from `folder`. Lists are divided by the smallest of 1, 16, 255 and 65535 that
    covers the column. Raises `DataError`, naming the row, on a missing or unreadable image, or a
    list of the wrong length.

    >>> pixel_matrix([[0, 16, 8, 4]], name="scan", shape=(2, 2), folder=None).tolist()
    [[0.0, 1.0, 0.5, 0.25]]
    """
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str | bytes):
        pictures = [_decoded(value, row, name, folder) for row, value in enumerate(values)]
        return np.array([_shrunk(picture).ravel() for picture in pictures]) / 255.0
    side = shape or _square(first, name)
    arrays = np.array([_listed(value, row, name, side) for row, value in enumerate(values)])
    if arrays.min() < 0:
        row = int(np.argmin(arrays.reshape(len(arrays), -1).min(axis=1)))
        raise DataError(
            f"image {name!r} has a negative pixel in row {row}", expected="pixels of 0 or more"
        )
    top = float(arrays.max())
    depth = next((depth for depth in _DEPTHS if top <= depth), top)
    if arrays.ndim == 4:
        # One channel is grey already; a fourth is transparency.
        channels = arrays.shape[3]
        arrays = arrays[..., :3] @ _LUMA if channels >= 3 else arrays[..., 0]
    if max(arrays.shape[1:]) > MAX_SIDE:
        arrays = np.array([_shrunk(_picture(grey, depth)) for grey in arrays])
        depth = 255.0
    return arrays.reshape(len(arrays), -1) / depth


def picture_shape(pixels: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of one picture of `pixel_matrix`, from its pixels and the spec's `shape`.

    >>> picture_shape(256, (28, 28)), picture_shape(64, ())
    ((16, 16), (8, 8))
    """
    side = isqrt(pixels)
    if shape:
        height, width = min(MAX_SIDE, shape[0]), min(MAX_SIDE, shape[1])
        if height * width == pixels:
            return height, width
    if side * side == pixels:
        return side, side
    raise DataError(f"{pixels} pixels a picture", expected=f"a picture of the shape {shape}")


def _square(first: Any, name: str) -> tuple[int, ...]:
    size = 0 if first is None else len(first)
    side = isqrt(size)
    if side == 0 or side * side != size:
        raise DataError(
            f"image {name!r} is a list of {size} numbers",
            expected="a square image, or its shape",
            hint="give `shape: [height, width]` for the feature in the spec",
        )
    return (side, side)


def _listed(value: Any, row: int, name: str, shape: tuple[int, ...]) -> FloatArray:
    numbers = np.asarray([] if value is None else value, dtype=np.float64)
    if numbers.size != int(np.prod(shape)) or not np.isfinite(numbers).all():
        raise DataError(
            f"image {name!r} in row {row} has {numbers.size} numbers, or one that is not finite",
            expected=f"{int(np.prod(shape))} finite numbers, for the shape {shape}",
        )
    return numbers.reshape(shape)


def _picture(grey: FloatArray, depth: float) -> Any:
    from PIL import Image

    return Image.fromarray(np.round(grey / depth * 255.0).astype(np.uint8))


def _shrunk(picture: Any) -> FloatArray:
    from PIL import Image

    width, height = picture.size
    side = (min(MAX_SIDE, width), min(MAX_SIDE, height))
    return np.asarray(picture.resize(side, Image.Resampling.BOX), dtype=np.float64)


def _decoded(value: Any, row: int, name: str, folder: Path | None) -> Any:
    from PIL import Image, UnidentifiedImageError

    if value is None:
        raise DataError(f"image {name!r} is missing in row {row}", expected="an image in every row")
    source = io.BytesIO(value) if isinstance(value, bytes) else (folder or Path()) / value
    try:
        with Image.open(source, formats=("PNG", "JPEG")) as picture:
            grey = picture.convert("L")
            return grey.resize((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(
            f"image {name!r} in row {row} cannot be read: {error}", expected="a PNG or JPEG"
        ) from error
