"""Conflicting labels: equal or nearly equal inputs that carry different labels.

What belongs here: disagreement inside the groups of copies. What does not: which rows are copies
(`burnish.quality.duplicates`, `burnish.quality.near`), or which of the labels is right
(`burnish.labels`, and people).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.typing import Labels


@dataclass(frozen=True)
class LabelConflicts:
    """Disagreement of each of n rows with its copies.

    `group_rows` (n,) is the number of rows in the row's group, itself included; `disagreement` (n,)
    in [0, 1] the share of the others that carry another label, 0 where there are no others.
    """

    group_rows: NDArray[np.int64]
    disagreement: NDArray[np.float64]

    @property
    def conflicting(self) -> NDArray[np.bool_]:
        """Mask (n,) of the rows with a copy that carries another label."""
        return self.disagreement > 0

    def to_table(self) -> pa.Table:
        """One row an example: `group_rows`, `label_disagreement`."""
        return pa.table({"group_rows": self.group_rows, "label_disagreement": self.disagreement})


def label_conflicts(groups: pa.Array | pa.ChunkedArray, labels: Labels) -> LabelConflicts:
    """Which rows have copies that carry another label.

    `groups` are names of groups (n,), as `duplicate_groups` and `near_duplicate_groups` give
    them; `labels` (n,) the labels. Raises `DataError` where they are not as many, or one is
    missing (the row is named).

    >>> found = label_conflicts(pa.array(["x", "x", "x", "y"]), ["cat", "cat", "dog", "cat"])
    >>> found.disagreement.tolist()
    [0.5, 0.5, 1.0, 0.0]
    """
    group, label = _codes(groups, "group"), _codes(labels, "label")
    if group.size != label.size:
        raise DataError(
            f"{group.size} groups and {label.size} labels", expected="one of each a row"
        )
    rows = np.bincount(group, minlength=1)[group]
    pair = group * (int(label.max(initial=0)) + 1) + label
    _, place, same = np.unique(pair, return_inverse=True, return_counts=True)
    others = rows - 1
    differing = rows - same[place]
    share = np.divide(differing, others, out=np.zeros(rows.size), where=others > 0)
    return LabelConflicts(rows, share)


def _codes(values: Any, what: str) -> NDArray[np.int64]:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        values = pa.array(np.asarray(values).tolist(), from_pandas=True)
    if values.null_count:
        row = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
        raise DataError(f"no {what} in row {row}", expected=f"a {what} in every row")
    coded = values if isinstance(values, pa.DictionaryArray) else values.dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
