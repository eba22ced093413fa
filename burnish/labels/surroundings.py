"""What the rows around a row say of its label.

What belongs here: signals read from the nearest rows. What does not: the search
(`burnish.neighbours`), nor signals read from probabilities (`burnish.labels.errors`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.neighbours import Neighbours, checked_features, nearest

FloatArray = NDArray[np.float64]

_NEIGHBOURS = 10
_OF_EACH = 3


def surrounding_signals(
    codes: NDArray[np.intp], features: ArrayLike | Neighbours
) -> dict[str, FloatArray]:
    """`neighbour_disagreement` and `class_distance` of each row, (n,) each.

    Both read the 10 nearest other rows, of `features` (n, d) by Euclidean distance or as they are
    given. Raises `DataError` as `burnish.neighbours.nearest` does, or where there are not as many
    rows as labels; a single row has no surroundings, and no error is seen.
    """
    if not isinstance(features, Neighbours):
        matrix = checked_features(features, codes.size)
        if codes.size < 2:
            return {"neighbour_disagreement": np.zeros(1), "class_distance": np.zeros(1)}
        features = nearest(matrix, k=_NEIGHBOURS)
    if features.indices.shape[0] != codes.size:
        raise DataError(
            f"neighbours of {features.indices.shape[0]} rows", expected=f"{codes.size}, as labels"
        )
    around = Neighbours(features.indices[:, :_NEIGHBOURS], features.distances[:, :_NEIGHBOURS])
    same = codes[around.indices] == codes[:, None]
    return {
        "neighbour_disagreement": 1.0 - same.mean(axis=1),
        "class_distance": class_distance(around, same),
    }


def class_distance(around: Neighbours, same: NDArray[np.bool_]) -> FloatArray:
    """How far each row is from its own class relative to the others, (n,) in [0, 1].

    With `near` the mean distance of the 3 nearest rows of the same label and `far` that of the 3
    nearest of other labels, it is near / (near + far): 0 where its own class touches it, a half
    where both are as far, 1 where other classes touch it and its own does not. `same` (n, k) says
    which of the neighbours have the same label. Where there are fewer than 3 among them, the
    missing distances are taken for that of the k-th neighbour, than which they are no smaller; so
    the score errs towards a half. One row alone would not do: where labels are wrong, the nearest
    row of the same label often is another wrong one. The ratio is the nonconformity of conformal
    prediction by nearest neighbours (Proedrou, Nouretdinov, Vovk & Gammerman 2002, 'Transductive
    Confidence Machines for Pattern Recognition').

    >>> around = nearest([[0.0], [1.0], [4.0], [6.0]], k=3)
    >>> labels = np.array([0, 0, 1, 0])
    >>> class_distance(around, labels[around.indices] == labels[:, None]).round(2).tolist()
    [0.45, 0.46, 0.57, 0.55]
    """
    last = around.distances[:, -1:]
    near = _mean_of_nearest(np.where(same, around.distances, last))
    far = _mean_of_nearest(np.where(same, last, around.distances))
    total = near + far
    return np.divide(near, total, out=np.full(total.size, 0.5), where=total > 0)


def _mean_of_nearest(distances: FloatArray) -> FloatArray:
    at = min(_OF_EACH, distances.shape[1]) - 1
    return np.partition(distances, at, axis=1)[:, : at + 1].mean(axis=1)
