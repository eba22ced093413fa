"""Orders of rows: by priority, and at random by a seeded hash of the id.

What belongs here: who comes before whom. What does not: how many of each are taken
(`burnish.acquisition.batch`).

A hash of the id, not a generator run down the table, decides what is left to chance. So a draw
depends on the ids and the seed alone, never on the order in which rows arrive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

FloatArray = NDArray[np.float64]
KeyArray = NDArray[np.uint64]


def seeded_keys(ids: Sequence[str], *, salt: str, random_state: int) -> KeyArray:
    """One pseudo-random number an id, shape (n,): sort by them for a random order.

    `salt` names the use, so that two uses of one seed are independent.

    >>> keys = seeded_keys(["a", "b"], salt="control", random_state=0)
    >>> bool((keys[::-1] == seeded_keys(["b", "a"], salt="control", random_state=0)).all())
    True
    """
    stem = hashlib.blake2b(f"{random_state}:{salt}:".encode(), digest_size=8)
    keys = np.empty(len(ids), dtype=np.uint64)
    for row, example_id in enumerate(ids):
        digest = stem.copy()
        digest.update(example_id.encode())
        keys[row] = int.from_bytes(digest.digest(), "big")
    return keys


def audit_priority(candidates: pa.Table, slice_weight: Mapping[str, float] | None) -> FloatArray:
    """error_probability of each row, times the weight of its slice (1 where none is given).

    Raises `DataError`, naming the example, for a value outside [0, 1] or a weight that is
    negative or not finite.
    """
    ids = candidates["example_id"].to_pylist()
    priority = _shares(candidates, "error_probability", ids)
    if slice_weight is None:
        return priority
    weight = np.array([slice_weight.get(example_id, 1.0) for example_id in ids], dtype=np.float64)
    _refuse(~(np.isfinite(weight) & (weight >= 0)), weight, ids, "slice weight", "0 or more")
    return priority * weight


def unlabeled_priority(unlabeled: pa.Table) -> FloatArray:
    """How little the models know of a row: 1 - margin, plus their disagreement.

    `margin` is the probability of the likeliest class minus that of the next (Scheffer et al.
    2001, 'Active hidden Markov models'); `model_disagreement` the share of models that vote
    otherwise (query by committee, Seung et al. 1992). A row whose margin is null, or a table
    without the column, goes by disagreement alone.
    """
    ids = unlabeled["example_id"].to_pylist()
    disagreement = _shares(unlabeled, "model_disagreement", ids)
    if "margin" not in unlabeled.column_names:
        return disagreement
    margin = unlabeled["margin"].cast(pa.float64()).fill_null(1.0).to_numpy()
    _refuse(~((margin >= 0) & (margin <= 1)), margin, ids, "margin", "a number from 0 to 1")
    return 1.0 - margin + disagreement


def descending(priority: FloatArray, ties: KeyArray) -> NDArray[np.intp]:
    """Rows in the order of falling priority; equal ones in the order of their keys."""
    return np.lexsort((ties, -priority))


def _shares(table: pa.Table, column: str, ids: Sequence[str]) -> FloatArray:
    values = table[column].cast(pa.float64()).fill_null(float("nan")).to_numpy()
    _refuse(~((values >= 0) & (values <= 1)), values, ids, column, "a number from 0 to 1")
    return values


def _refuse(
    bad: NDArray[np.bool_], values: FloatArray, ids: Sequence[str], what: str, expected: str
) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"the {what} of {ids[row]!r} is {values[row]}", expected=expected)
