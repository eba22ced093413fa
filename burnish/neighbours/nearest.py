"""The door of the search: what is asked, what is refused, and which way suits the size.

What belongs here: the checks, the choice between the small and the large way, and the result.
What does not: the search itself (`burnish.neighbours.small`, `burnish.neighbours.tiles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.neighbours.small import unit_rows

Metric = Literal["euclidean", "cosine"]

# Up to here numpy takes less time than loading the compiled kernels does.
SMALL_ROWS = 5_000
_BLOCK_ROWS = 8_192
_LARGEST = 1e150


@dataclass(frozen=True)
class Neighbours:
    """The k rows nearest to each of n rows, the nearest first.

    `indices` (n, k) int32 are rows of the same matrix, never the row itself. `distances` (n, k)
    float64 rise along each row; equal distances stand in the order of their indices.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float64]

    def to_table(self) -> pa.Table:
        """One row a pair: `row`, `neighbour`, `distance`."""
        n, k = self.indices.shape
        return pa.table(
            {
                "row": np.repeat(np.arange(n, dtype=np.int32), k),
                "neighbour": self.indices.ravel(),
                "distance": self.distances.ravel(),
            }
        )


def nearest(
    features: ArrayLike, *, k: int = 10, metric: Metric = "euclidean", workers: int = 2
) -> Neighbours:
    """The k nearest other rows of each row of `features` (n, d), found exactly.

    `metric` is "euclidean", or "cosine": one minus the cosine of the angle; a row of zeros lies at
    1 from every other row, and at 0 from its like. k is cut to n - 1. Distances are computed in
    float64 from differences, not from products, so that equal rows lie at exactly 0; ties are
    decided by index. Rows whose distances float64 cannot tell apart may change places.

    Above 5,000 rows the search goes through tiles of the product of the matrix with itself in
    float32, and again in float64 for the rows whose neighbours float32 cannot tell apart. It takes
    about n * (8 * d + 28 * (k + 6)) bytes, and `workers` threads (1 or 2) with one BLAS thread
    each. Raises `DataError` on another shape, fewer than two rows, NaN or infinity (the row is
    named), or a `k`, `metric` or `workers` that is not possible.

    >>> found = nearest([[0.0], [1.0], [3.0]], k=1)
    >>> found.indices.ravel().tolist(), found.distances.ravel().tolist()
    ([1, 0, 1], [1.0, 1.0, 2.0])
    """
    matrix = checked_features(features)
    _check_choices(k, metric, workers)
    n = matrix.shape[0]
    if n < 2:
        raise DataError(f"features have {n} rows", expected="at least two rows to be neighbours")
    k = min(k, n - 1)
    cosine = metric == "cosine"
    if not cosine:
        _check_squares(matrix)
    rows = unit_rows(matrix) if cosine else matrix
    if n <= SMALL_ROWS:
        from burnish.neighbours.small import search
    else:
        from burnish.neighbours.tiles import search
    indices, squares = search(rows, k=k, workers=workers)
    return Neighbours(indices, squares / 2 if cosine else np.sqrt(squares))


def _check_choices(k: int, metric: str, workers: int) -> None:
    if k != int(k) or k < 1:
        raise DataError(f"k is {k}", expected="a whole number, at least one neighbour")
    if metric not in ("euclidean", "cosine"):
        raise DataError(f"metric is {metric!r}", expected="'euclidean' or 'cosine'")
    if workers not in (1, 2):
        raise DataError(
            f"{workers} workers",
            expected="1 or 2",
            hint="more threads wait for each other's memory rather than help",
        )


def checked_features(features: ArrayLike, n: int | None = None) -> NDArray[Any]:
    """`features` as a float array of shape (n, d), d > 0; float32 stays as it is.

    Raises `DataError` on another shape, or NaN or infinity, naming the first such row.

    >>> checked_features([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    matrix = _as_floats(features)
    if matrix.ndim != 2 or matrix.shape[1] == 0 or (n is not None and matrix.shape[0] != n):
        rows = "n" if n is None else n
        raise DataError(
            f"features have shape {matrix.shape}", expected=f"({rows}, d): a row an example"
        )
    for start in range(0, matrix.shape[0], _BLOCK_ROWS):
        fine = np.isfinite(matrix[start : start + _BLOCK_ROWS]).all(axis=1)
        if not fine.all():
            row = start + int(np.argmin(fine))
            raise DataError(
                f"features are NaN or infinite in row {row}",
                expected="finite numbers",
                hint="fill missing values first",
            )
    return matrix


def _check_squares(matrix: NDArray[Any]) -> None:
    if matrix.dtype.itemsize == 8 and max(matrix.max(), -matrix.min()) > _LARGEST:
        sizes = np.abs(matrix).max(axis=1)
        row = int(np.argmax(sizes > _LARGEST))
        raise DataError(
            f"features reach {sizes[row]:.3g} in row {row}",
            expected=f"numbers up to {_LARGEST:.0g}, so that their squares are numbers as well",
            hint="scale the columns first",
        )


def _as_floats(features: ArrayLike) -> NDArray[Any]:
    try:
        matrix = np.asarray(features)
        return matrix if matrix.dtype.str in ("<f4", "<f8") else matrix.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"features are not numbers ({error})", expected="a matrix of numbers"
        ) from error
