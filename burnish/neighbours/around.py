"""The rows nearest to one row: one row against all, where the neighbours of all are not needed.

What belongs here: the search for a single row. What does not: that for every row
(`burnish.neighbours.nearest`), whose answer it gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.neighbours.nearest import checked_features


def nearest_to(
    features: ArrayLike, row: int, *, k: int = 10
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Positions and Euclidean distances of the k other rows nearest to `row`, the nearest first.

    `features` has shape (n, d); k is cut to n - 1. Distances are computed in float64 from
    differences, and equal ones stand in the order of their positions, as those of
    `burnish.neighbours.nearest`; a search takes one pass over the matrix. Raises `DataError` on
    another shape, NaN or infinity, a `row` that is none, or a k below 1.

    >>> places, distances = nearest_to([[0.0], [1.0], [3.0]], 1, k=2)
    >>> places.tolist(), distances.tolist()
    ([0, 2], [1.0, 2.0])
    """
    matrix = checked_features(features)
    rows = matrix.shape[0]
    if not 0 <= row < rows:
        raise DataError(f"row {row} of {rows}", expected=f"a row from 0 to {rows - 1}")
    if k < 1:
        raise DataError(f"k is {k}", expected="one neighbour or more")
    own = matrix[row].astype(np.float64)
    squares = ((matrix.astype(np.float64) - own) ** 2).sum(axis=1)
    others = np.delete(np.arange(rows), row)
    order = np.argsort(squares[others], kind="stable")[:k]
    return others[order], np.sqrt(squares[others][order])
