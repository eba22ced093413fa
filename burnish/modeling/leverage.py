"""Leverage: how much a row's label can move a linear model.

What belongs here: that number. What does not: how probably the label is wrong (`burnish.labels`),
and what is asked first (`burnish.acquisition`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_RIDGE = 0.5
_POWER = 0.25
_MOST_COLUMNS = 1_000
_LIMITS = (0.5, 2.0)


def review_leverage(matrix: Any) -> FloatArray:
    """A factor of about 1 for each row, shape (n,), larger where its label moves a model more.

    `matrix` (n, d) has columns on comparable scales; a sparse one, or one of more than 1,000
    columns, is projected to 100 random directions. The fourth root of the diagonal of the hat
    matrix of a ridge regression, x'(X'X + n/2 I)^-1 x, over its mean, held in [0.5, 2]: a
    correction counts the more the less other rows say about that part of the space, and the root
    keeps odd rows with a right label from taking the places of wrong labels. (Cook 1977,
    'Detection of Influential Observation in Linear Regression', is where leverage and residual
    meet.)

    >>> factors = review_leverage(np.array([[0.0], [0.1], [-0.1], [3.0]]))
    >>> int(factors.argmax())
    3
    """
    rows = _projected(matrix)
    centred = rows - rows.mean(axis=0)
    spread = float(np.sqrt((centred**2).mean()))
    if spread == 0.0:
        return np.ones(len(rows))
    scaled = centred / spread
    gram = scaled.T @ scaled / len(scaled) + _RIDGE * np.eye(scaled.shape[1])
    hat = np.einsum("ij,ij->i", scaled @ np.linalg.inv(gram), scaled)
    return np.clip((hat / hat.mean()) ** _POWER, *_LIMITS)


def _projected(matrix: Any) -> FloatArray:
    sparse = hasattr(matrix, "tocsr")
    if not sparse and matrix.shape[1] <= _MOST_COLUMNS:
        return np.array(matrix, dtype=np.float64)
    from sklearn.random_projection import SparseRandomProjection

    build: Any = SparseRandomProjection
    reduced = build(100, dense_output=True, random_state=0).fit_transform(matrix)
    return np.array(reduced, dtype=np.float64)
