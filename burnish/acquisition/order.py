"""Orders of rows: by the value of a review, and at random by a seeded hash of the id.

What belongs here: who comes before whom. What does not: how many of each are taken
(`burnish.acquisition.picking`).

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

_CLASS_SPREAD = 0.3


def seeded_keys(ids: Sequence[str], *, salt: str, random_state: int) -> KeyArray:
    """One pseudo-random number an id, shape (n,): sort by them for a random order.

    `salt` names the use, so that two uses of one seed are independent.

    >>> keys = seeded_keys(["a", "b"], salt="control", random_state=0)
    >>> bool((keys[::-1] == seeded_keys(["b", "a"], salt="control", random_state=0)).all())
    True
    """
    stem = hashlib.blake2b(f"{random_state}:{salt}:".encode(), digest_size=8)
    digests = bytearray()
    for example_id in ids:
        digest = stem.copy()
        digest.update(example_id.encode())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)


def audit_priority(
    candidates: pa.Table,
    slice_weight: Mapping[str, float] | None = None,
    *,
    usual_cost: float = 1.0,
) -> FloatArray:
    """What a review of each row is worth, shape (n,): the errors it mends, weighed, for its cost.

    error_probability times the weight of the row's slice (by example_id; 1 where none is given)
    times `leverage`, how much the model gains by a mended row, over `cost`, in seconds. The last
    two are columns of `candidates`: a leverage that is absent or null is 1, a cost `usual_cost`.

    Raises `DataError`, naming the example, for a probability outside [0, 1], a weight or leverage
    that is negative or not finite, or a cost that is not above 0.

    >>> rows = pa.table({"example_id": ["a", "b"], "error_probability": [0.5, 0.4],
    ...     "leverage": [1.0, 2.0], "cost": [10.0, 10.0]})
    >>> audit_priority(rows).tolist()
    [0.05, 0.08]
    """
    priority = _shares(candidates, "error_probability")
    if slice_weight is not None:
        ids = candidates["example_id"].to_pylist()
        weight = np.array([slice_weight.get(name, 1.0) for name in ids], dtype=np.float64)
        _refuse_negative(weight, candidates, "slice weight")
        priority = priority * weight
    return _for_its_cost(priority, candidates, usual_cost)


def batch_value(
    candidates: pa.Table,
    slice_weight: Mapping[str, float] | None = None,
    *,
    usual_cost: float = 1.0,
) -> FloatArray:
    """What a review is worth as one of a batch, shape (n,): `audit_priority`, spread over classes.

    The k-th most valuable row of one suggested class counts for its value / k^0.3. What is most
    surely wrong is not always what helps a model most: mended labels of one class teach it ever
    less (docs/benchmarks.md has what that buys). Rows of one value share one place. Without a
    column suggested_label nothing is spread. Raises what `audit_priority` raises.

    >>> rows = pa.table({"example_id": ["a", "b", "c"], "error_probability": [0.9, 0.8, 0.7],
    ...     "suggested_label": ["x", "x", "y"]})
    >>> batch_value(rows).round(2).tolist()
    [0.9, 0.65, 0.7]
    """
    value = audit_priority(candidates, slice_weight, usual_cost=usual_cost)
    if "suggested_label" not in candidates.column_names or value.size == 0:
        return value
    suggested = candidates["suggested_label"].cast(pa.string()).combine_chunks()
    codes = suggested.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.lexsort((-value, codes))
    later = np.r_[True, (np.diff(codes[order]) != 0) | (np.diff(value[order]) != 0)]
    first = np.r_[True, np.diff(codes[order]) != 0]
    at = np.arange(value.size)
    # Of equal rows of a class all stand where the first one stands: no order of rows decides.
    start = np.maximum.accumulate(np.where(first, at, 0))
    place = np.maximum.accumulate(np.where(later, at, 0)) - start + 1.0
    spread = np.empty(value.size)
    spread[order] = value[order] * place**-_CLASS_SPREAD
    return spread


def unlabeled_priority(unlabeled: pa.Table, *, usual_cost: float = 1.0) -> FloatArray:
    """How little the models know of a row, for its cost: 1 - margin, plus their disagreement.

    `margin` is the probability of the likeliest class minus that of the next (Scheffer et al.
    2001, 'Active hidden Markov models'); `model_disagreement` the share of models that vote
    otherwise (query by committee, Seung et al. 1992). A row whose margin is null, or a table
    without the column, goes by disagreement alone. `leverage` and `cost` count as in
    `audit_priority`.
    """
    priority = _shares(unlabeled, "model_disagreement")
    if "margin" in unlabeled.column_names:
        margin = _numbers(unlabeled, "margin", 1.0)
        bad = ~((margin >= 0) & (margin <= 1))
        _refuse(bad, margin, unlabeled, "margin", "a number from 0 to 1")
        priority = 1.0 - margin + priority
    return _for_its_cost(priority, unlabeled, usual_cost)


def costs(rows: pa.Table, *, usual: float) -> FloatArray:
    """What a review of each row takes, shape (n,): its column `cost`, `usual` where there is none.

    Raises `DataError`, naming the example, for a cost that is not above 0, or not finite.
    """
    if "cost" not in rows.column_names:
        return np.full(rows.num_rows, usual)
    cost = _numbers(rows, "cost", usual)
    _refuse(~(np.isfinite(cost) & (cost > 0)), cost, rows, "cost", "a number of seconds above 0")
    return cost


def descending(priority: FloatArray, ties: KeyArray) -> NDArray[np.intp]:
    """Rows in the order of falling priority; equal ones in the order of their keys."""
    return np.lexsort((ties, -priority))


def _for_its_cost(priority: FloatArray, rows: pa.Table, usual_cost: float) -> FloatArray:
    if "leverage" in rows.column_names:
        leverage = _numbers(rows, "leverage", 1.0)
        _refuse_negative(leverage, rows, "leverage")
        priority = priority * leverage
    if "cost" in rows.column_names:
        priority = priority / costs(rows, usual=usual_cost)
    return priority


def _shares(table: pa.Table, column: str) -> FloatArray:
    values = _numbers(table, column, float("nan"))
    _refuse(~((values >= 0) & (values <= 1)), values, table, column, "a number from 0 to 1")
    return values


def _numbers(table: pa.Table, column: str, missing: float) -> FloatArray:
    return table[column].cast(pa.float64()).fill_null(missing).to_numpy()


def _refuse_negative(values: FloatArray, rows: pa.Table, what: str) -> None:
    _refuse(~(np.isfinite(values) & (values >= 0)), values, rows, what, "0 or more")


def _refuse(
    bad: NDArray[np.bool_], values: FloatArray, rows: pa.Table, what: str, expected: str
) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        name = rows["example_id"][row].as_py()
        raise DataError(f"the {what} of {name!r} is {values[row]}", expected=expected)
