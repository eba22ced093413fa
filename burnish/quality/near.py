"""Near duplicates: rows that are copies of each other but for small changes.

What belongs here: when two rows of numbers are near, and the groups that near pairs make. What
does not: rows that are equal cell by cell (`burnish.quality.duplicates`), how texts are compared
(`burnish.quality.shingles`), the search for neighbours (`burnish.neighbours`), nor what is done
about copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.neighbours import Neighbours, checked_features, nearest
from burnish.quality.duplicates import digests
from burnish.quality.shingles import normalised, similar_pairs

Pairs: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

NEIGHBOURS = 32
FEWEST_NEIGHBOURS = 4
NEAREST_SHARE = 0.1
# So many rows in each one's surroundings may lie as near by chance.
BY_CHANCE = 1e-3


def near_duplicate_groups(
    examples: ArrayLike | Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    neighbours: Neighbours | None = None,
    similarity: float = 0.8,
) -> pa.Array:
    """Name of the group of each row, a string array of shape (n,): near copies, equal names.

    `examples` is a matrix of numbers (n, d) on comparable scales (columns, embeddings, pixels), or
    n texts. Groups are what chains of near pairs hold together. The name is that of one of the
    group's rows, 32 hex digits of the hash of its content, so that the order of rows does not
    matter; a row without a copy has a name of its own.

    Two rows of numbers are near where their distance is at most a tenth of that from either of
    them to its 32nd neighbour: a measure without a unit, and that fits thin and crowded regions
    alike. Where few numbers vary, chance puts rows as near as that; the tenth becomes a smaller
    part, so that about one row in a thousand is grouped by chance. Of more than 32 inexact copies
    of one row the group may fall apart, since nothing tells them from a crowded region.

    Two texts are near where, without regard to case and white space, they share `similarity` of
    their pieces of five characters (Jaccard; found by MinHash, Broder 1997, 'On the resemblance
    and containment of documents'); a pair does not join two groups whose first texts are much less
    alike, as those of one template are. `neighbours` are those of the matrix, where they are known
    already; 32 a row are best. Raises `DataError` on another shape, NaN or infinity, a missing
    text, or a `similarity` outside (0, 1].

    >>> names = near_duplicate_groups(["Where is my card?", "where is  my card?", "Top up"])
    >>> names[0] == names[1], names[0] == names[2]
    (True, False)
    """
    if not 0.0 < similarity <= 1.0:
        raise DataError(f"similarity is {similarity}", expected="a share in (0, 1]")
    texts = _texts(examples)
    if texts is None:
        return _groups_of_numbers(checked_features(examples), neighbours)
    plain = normalised(texts)
    names = _names([text.encode("utf-8", "surrogatepass") for text in plain])
    distinct = sorted(set(plain))  # the order of the rows shall decide nothing
    at = {text: place for place, text in enumerate(distinct)}
    group = components(len(distinct), similar_pairs(distinct, similarity=similarity))
    return named(names, group[[at[text] for text in plain]])


def _texts(examples: Any) -> list[str] | None:
    """The examples as a list of texts, or None where they are numbers."""
    if isinstance(examples, (pa.Array, pa.ChunkedArray)):
        examples = examples.to_pylist()
    values: list[Any] = list(examples) if not isinstance(examples, np.ndarray) else []
    if isinstance(examples, np.ndarray) and examples.ndim == 1:
        values = examples.tolist()
    if not any(isinstance(value, str) for value in values):
        return None
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise DataError(f"{value!r} in row {row}", expected="a text in every row")
    return values


def _groups_of_numbers(matrix: NDArray[Any], neighbours: Neighbours | None) -> pa.Array:
    n, d = matrix.shape
    names: list[str] = []
    step = max(1, 4_000_000 // d)
    for start in range(0, n, step):
        # -0.0 becomes 0.0, and numbers compare by value whatever their width.
        cells = np.ascontiguousarray(matrix[start : start + step].astype("<f8") + 0.0)
        bounds = np.arange(len(cells) + 1) * (8 * d)
        names += [digest.hex() for digest in digests(cells.tobytes(), bounds)]
    coded = pa.array(names, pa.string()).dictionary_encode()
    same = coded.indices.to_numpy()
    if n <= FEWEST_NEIGHBOURS:
        return named(names, same)
    around = nearest(matrix, k=NEIGHBOURS) if neighbours is None else neighbours
    if around.indices.shape[0] != n:
        raise DataError(
            f"neighbours of {around.indices.shape[0]} rows", expected=f"{n}, those of the matrix"
        )
    left, right = near_pairs(around)
    return named(names, components(len(coded.dictionary), (same[left], same[right]))[same])


def near_pairs(around: Neighbours) -> Pairs:
    """The pairs of rows that are near copies, by the rule of `near_duplicate_groups`."""
    k = around.distances.shape[1]
    nothing = np.empty(0, dtype=np.intp)
    if k < FEWEST_NEIGHBOURS:
        return nothing, nothing
    scale = around.distances[:, -1]
    half = around.distances[:, k // 2 - 1]
    told = (half > 0) & (scale > half)
    if not told.any():
        return nothing, nothing
    # Within r times the distance lie r^m as many rows, where the data have m dimensions.
    dimensions = np.log(k / (k // 2)) / np.median(np.log(scale[told] / half[told]))
    share = min(NEAREST_SHARE, (BY_CHANCE / k) ** (1.0 / dimensions))
    limit = share * np.minimum(scale[:, None], scale[around.indices])
    rows, places = np.nonzero(around.distances <= limit)
    return rows, around.indices[rows, places].astype(np.intp)


def components(n: int, pairs: Pairs) -> NDArray[np.intp]:
    """The lowest member of each one's component, (n,), in the graph of the pairs."""
    left, right = pairs
    lowest: NDArray[np.intp] = np.arange(n)
    while True:
        least = np.minimum(lowest[left], lowest[right])
        new = lowest.copy()
        np.minimum.at(new, lowest[left], least)
        np.minimum.at(new, lowest[right], least)
        new = new[new]
        if np.array_equal(new, lowest):
            return lowest
        lowest = new


def _names(contents: list[bytes]) -> list[str]:
    bounds = np.cumsum([0, *(len(content) for content in contents)])
    return [digest.hex() for digest in digests(b"".join(contents), bounds)]


def named(names: list[str], group: NDArray[Any]) -> pa.Array:
    """Each row's name becomes the least one of its group."""
    least: dict[int, str] = {}
    for name, member in zip(names, group.tolist(), strict=True):
        if name < least.get(member, "g"):  # "g" comes after every hex digit
            least[member] = name
    return pa.array([least[member] for member in group.tolist()], pa.string())
