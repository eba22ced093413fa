"""Pictures as histograms of oriented gradients: what a stroke does, wherever it is darker.

What belongs here: one stack of grey pictures to a matrix. What does not: reading pictures
(`burnish.modeling.images`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_DIRECTIONS = 8
_SMALLEST_SIDE = 6


def gradient_matrix(pictures: FloatArray) -> FloatArray | None:
    """Histograms of gradient directions over overlapping cells, shape (n, cells * 8).

    `pictures` (n, height, width) are grey. A cell is a quarter of the shorter side, and the next
    one starts half a cell on; each row has unit length before square roots are taken. None where a
    side is shorter than 6 pixels. After Dalal & Triggs 2005, 'Histograms of Oriented Gradients for
    Human Detection'.

    >>> gradient_matrix(np.random.default_rng(0).random((3, 8, 8))).shape
    (3, 392)
    """
    n, height, width = pictures.shape
    if min(height, width) < _SMALLEST_SIDE:
        return None
    cell = max(2, min(height, width) // 4)
    stride = max(1, cell // 2)
    sums = np.zeros((n, height + 1, width + 1, _DIRECTIONS), dtype=np.float32)
    sums[:, 1:, 1:] = _directed(pictures.astype(np.float32)).cumsum(axis=1).cumsum(axis=2)
    top, left = (np.arange(0, side - cell + 1, stride) for side in (height, width))
    y, x = top[:, None], left[None, :]
    cells = (
        sums[:, y + cell, x + cell] - sums[:, y, x + cell] - sums[:, y + cell, x] + sums[:, y, x]
    )
    flat = np.maximum(cells.reshape(n, -1), 0.0).astype(np.float64)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.sqrt(flat / np.where(lengths > 0, lengths, 1.0))


def _directed(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Strength of the gradient of each pixel, dealt to the two directions it lies between."""
    across, down = np.zeros_like(pictures), np.zeros_like(pictures)
    across[:, :, 1:-1] = pictures[:, :, 2:] - pictures[:, :, :-2]
    down[:, 1:-1] = pictures[:, 2:] - pictures[:, :-2]
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) % np.pi) / np.pi * _DIRECTIONS
    lower = np.floor(angle)
    share = angle - lower
    first = lower.astype(np.int64) % _DIRECTIONS
    second = (first + 1) % _DIRECTIONS
    return np.stack(
        [
            strength * ((first == d) * (1.0 - share) + (second == d) * share)
            for d in range(_DIRECTIONS)
        ],
        axis=-1,
    ).astype(np.float32)
