"""Outliers: rows that lie far from all others.

What belongs here: how odd a row of numbers is among the rest. What does not: a label that does
not fit its row (`burnish.labels`), or the search for neighbours (`burnish.neighbours`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.neighbours import Neighbours, checked_features, nearest

_NEIGHBOURS = 10


@dataclass(frozen=True)
class Outliers:
    """How odd each of n rows is.

    `outlier_score` (n,) in [0, 1], high where the row is odd: mean / (mean + median), where mean
    is `mean_distance` (n,), that to the row's 10 nearest neighbours, and the median is taken over
    all rows, or where most are copies of others, over those that are not. So an ordinary row has
    .5, one three times as far off .75, whatever the unit.
    """

    outlier_score: NDArray[np.float64]
    mean_distance: NDArray[np.float64]

    def to_table(self) -> pa.Table:
        """One row an example: `outlier_score`, `mean_distance`."""
        return pa.table({"outlier_score": self.outlier_score, "mean_distance": self.mean_distance})


def outliers(features: ArrayLike | Neighbours) -> Outliers:
    """How far each row of `features` (n, d) lies from its 10 nearest, relative to other rows.

    Columns should be on comparable scales; neighbours that are known already stand for them. The
    mean distance to the nearest rows is among the steadiest of the simple detectors (Angiulli &
    Pizzuti 2002, 'Fast Outlier Detection in High Dimensional Spaces'; Campos et al. 2016, 'On the
    evaluation of unsupervised outlier detection'). Raises `DataError` as
    `burnish.neighbours.nearest` does. A single row is ordinary.

    >>> outliers([[0.0], [1.0], [2.0], [30.0]]).outlier_score.round(2).tolist()
    [0.51, 0.49, 0.49, 0.73]
    """
    if not isinstance(features, Neighbours):
        matrix = checked_features(features)
        if matrix.shape[0] < 2:
            return Outliers(np.full(matrix.shape[0], 0.5), np.zeros(matrix.shape[0]))
        features = nearest(matrix, k=_NEIGHBOURS)
    mean = features.distances[:, :_NEIGHBOURS].mean(axis=1)
    usual = np.median(mean)
    if usual == 0 and mean.any():
        # Most rows are copies: what is usual is then seen from those that are not.
        usual = np.median(mean[mean > 0])
    total = mean + usual
    return Outliers(np.divide(mean, total, out=np.full(mean.size, 0.5), where=total > 0), mean)
