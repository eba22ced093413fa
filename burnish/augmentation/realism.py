"""Realism: which variants are refused, and why.

What belongs here: judgements on arrays of points and labels. What does not: the design space and
the model that predicts (`burnish.modeling`), nor putting refusals into a table
(`burnish.workflows.augment`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError

REFUSALS: dict[str, str] = {
    "duplicate": "the variant is identical to a row that is there already",
    "origin_doubtful": "a model that never saw the origin disagrees with its label, "
    "and nobody has decided it: a label that may be wrong is not multiplied",
    "unlike_data": "the variant lies farther from every real row than real rows lie apart",
    "class_changed": "a model that never saw the origin predicts the label for the origin, "
    "and another class for the variant",
}
"""Reason to what it means, in the order in which they are looked for."""

REFERENCE_ROWS = 20_000


@dataclass(frozen=True)
class Refusal:
    """Why one variant was refused: a key of `REFUSALS`, and the numbers or names behind it."""

    reason: str
    detail: str


def nearest_distances(points: Any, real: Any) -> NDArray[np.float64]:
    """Euclidean distance of each point to the nearest real row, shape (n,).

    `points` (n, d) and `real` (m, d) are dense or sparse. Of more than 20,000 real rows, evenly
    spaced ones stand for all.
    """
    from sklearn.neighbors import NearestNeighbors

    if points.shape[0] == 0:
        return np.zeros(0)
    search = NearestNeighbors(n_neighbors=1).fit(_reference(real))
    return search.kneighbors(points)[0][:, 0]


def neighbour_distance_limit(real: Any, *, quantile: float = 0.99) -> float:
    """The distance that a share `quantile` of real rows does not exceed to their nearest other.

    Raises `DataError` where there are fewer than two rows.

    >>> neighbour_distance_limit(np.array([[0.0], [1.0], [2.0], [9.0]]), quantile=1.0)
    7.0
    """
    from sklearn.neighbors import NearestNeighbors

    if real.shape[0] < 2:
        raise DataError(
            f"{real.shape[0]} training rows", expected="two or more, to know how far apart rows lie"
        )
    search = NearestNeighbors(n_neighbors=1).fit(_reference(real))
    # Without points of its own, a row is never its own neighbour.
    return float(np.quantile(search.kneighbors()[0][:, 0], quantile))


def refuse_duplicates(keys: Sequence[Hashable], known: Set[Hashable]) -> list[Refusal | None]:
    """A refusal for each variant whose key is known, or is that of an earlier variant.

    >>> [refusal is None for refusal in refuse_duplicates([1, 2, 2], {1})]
    [False, True, False]
    """
    seen = set(known)
    found: list[Refusal | None] = []
    for key in keys:
        again = key in seen
        found.append(Refusal("duplicate", "the same features as another row") if again else None)
        seen.add(key)
    return found


def refuse_unlike(distances: NDArray[np.float64], limit: float) -> list[Refusal | None]:
    """A refusal for each distance beyond the limit.

    >>> refuse_unlike(np.array([1.0, 3.0]), 2.0)[1]
    Refusal(reason='unlike_data', detail='distance 3 to the nearest real row, the limit is 2')
    """
    return [
        Refusal(
            "unlike_data",
            f"distance {distance:.4g} to the nearest real row, the limit is {limit:.4g}",
        )
        if distance > limit
        else None
        for distance in distances.tolist()
    ]


def refuse_doubtful(
    labels: Sequence[str], predicted: Sequence[str], decided: Sequence[bool]
) -> list[Refusal | None]:
    """A refusal for each origin whose label the model disputes and nobody has decided.

    >>> refuse_doubtful(["a", "a"], ["b", "b"], [True, False])[1]
    Refusal(reason='origin_doubtful', detail="label 'a', predicted 'b', undecided")
    """
    return [
        Refusal("origin_doubtful", f"label {label!r}, predicted {guess!r}, undecided")
        if guess != label and not known
        else None
        for label, guess, known in zip(labels, predicted, decided, strict=True)
    ]


def refuse_changed_class(
    labels: Sequence[str], origin: Sequence[str], variant: Sequence[str]
) -> list[Refusal | None]:
    """A refusal for each variant that lost the label which the model predicted for its origin.

    A variant of an origin that was predicted otherwise, but whose label a person decided, passes:
    of such a row the model knows less than the person.

    >>> refuse_changed_class(["a", "a"], ["a", "b"], ["b", "b"])
    [Refusal(reason='class_changed', detail="label 'a', variant predicted 'b'"), None]
    """
    return [
        Refusal("class_changed", f"label {label!r}, variant predicted {after!r}")
        if before == label != after
        else None
        for label, before, after in zip(labels, origin, variant, strict=True)
    ]


def _reference(real: Any) -> Any:
    rows = real.shape[0]
    if rows <= REFERENCE_ROWS:
        return real
    return real[np.linspace(0, rows - 1, REFERENCE_ROWS).astype(np.int64)]
