"""Near copies among the rows that are judged: they are held out together.

What belongs here: which matrix or which texts copies are sought in, and when clusters are too
large to be folds. What does not: when two rows are near (`burnish.quality`), or dealing rows out
to folds (`burnish.modeling.folds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.modeling.folds import joined_groups
from burnish.neighbours import Neighbours, nearest
from burnish.quality import near_duplicate_groups, near_duplicate_rows
from burnish.spec import Feature, FeatureKind

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
"""With more rows each is not held against all others: that takes time with the square of them."""
# What the rule for near copies was made for.
_NEIGHBOURS = 32
# A fold cannot hold more.
_LARGEST_SHARE = 0.2


@dataclass(frozen=True)
class Copies:
    """Rows that are near copies of each other.

    `clusters` (n,) numbers the cluster of each row; `neighbours` are the 32 nearest of the n rows,
    None where there are fewer than two rows, or more than `MOST_ROWS`.
    """

    clusters: NDArray[Any]
    neighbours: Neighbours | None


def find_copies(
    space: NDArray[np.float64],
    frame: pd.DataFrame | None,
    features: Mapping[str, Feature] | None,
) -> Copies:
    """The near copies among rows: by texts where they are all, within categories, else by `space`.

    `space` (n, d) holds numbers on comparable scales; `frame` the same n rows as they are read.
    Above `MOST_ROWS` rows, near copies are told by texts alone.

    >>> find_copies(np.array([[0.0], [0.0], [7.0]]), None, None).clusters.tolist()
    [0, 0, 1]
    """
    around = nearest(space, k=_NEIGHBOURS) if 1 < len(space) <= MOST_ROWS else None
    kinds: dict[str, FeatureKind] = {}
    kinds |= {name: feature.kind for name, feature in (features or {}).items()}
    if frame is not None and kinds and set(kinds.values()) == {"text"}:
        columns = [frame[name].tolist() for name in kinds]
        names = near_duplicate_groups([" ".join(texts) for texts in zip(*columns, strict=True)])
    elif around is None:
        return Copies(np.arange(len(space)), None)
    elif (
        frame is not None and "categorical" in kinds.values() and set(kinds) <= set(frame.columns)
    ):  # images and signals are in the space alone
        names = near_duplicate_rows(_as_table(frame, kinds), kinds)
    else:
        names = near_duplicate_groups(space, neighbours=around)
    return Copies(joined_groups(names.to_pylist()), around)


def _as_table(frame: pd.DataFrame, kinds: Mapping[str, FeatureKind]) -> pa.Table:
    return pa.table({name: pa.array(frame[name].tolist(), from_pandas=True) for name in kinds})


def held_together(
    groups: Sequence[Any] | None, clusters: NDArray[Any]
) -> tuple[Sequence[Any] | None, bool]:
    """The groups that folds keep together, and whether near copies are among them.

    Near copies join the declared groups, but where a fifth of all rows would hang together: that
    is not copies, but data in which every row is near another, and no fold could be held out.

    >>> held_together(["a", "b", "c", "d", "e", "f"], np.array([0, 0, 1, 2, 3, 4]))[1]
    False
    """
    ones = np.arange(clusters.size) if groups is None else groups
    both = joined_groups(list(ones), clusters.tolist())
    if np.bincount(both).max() > max(1.0, _LARGEST_SHARE * clusters.size):
        return groups, False
    return both.tolist(), True
