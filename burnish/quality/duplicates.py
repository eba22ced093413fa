"""Exact duplicates: rows whose cells are all equal, found by a hash of what the cells hold.

What belongs here: when two rows are equal, and the name of a group of equal rows. What does not:
what is done about duplicates (`burnish.workflows.validate` keeps them in one split), or the digest
of a whole table (`burnish.store.digest`).

Every cell becomes the same number of bytes within its column (text, bytes and lists by their
sha256), the cells of a row stand side by side, and the row is hashed once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError

DIGEST_BYTES = 16
# About 60 MB of cells at once, however wide the table.
CELLS_PER_BLOCK = 2_000_000


def duplicate_groups(features: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Name of the group of each row, a string array of shape (n,): equal rows, equal names.

    Two rows are equal where they are equal in each of `columns`. Numbers are compared by value
    (-0.0 equals 0.0, every NaN equals every other), text, bytes and lists by all they hold. A null
    equals a null, and neither NaN nor "". The name is 32 hex digits of the sha256 of the cells:
    it depends on nothing else, so that it is the same in another table, file or year, provided
    that the columns stand in the same order and have the same types.

    Raises `DataError` where there are no columns, or one that the table does not have.

    >>> rows = pa.table({"height": [1.5, 2.0, 1.5], "eyes": ["brown", "blue", "brown"]})
    >>> names = duplicate_groups(rows, ["height", "eyes"]).to_pylist()
    >>> names[0] == names[2], names[0] == names[1]
    (True, False)
    """
    _check(features, columns)
    rows_per_block = max(1, CELLS_PER_BLOCK // len(columns))
    chosen = features.select(list(columns))
    names: list[str] = []
    for start in range(0, chosen.num_rows, rows_per_block):
        block = chosen.slice(start, rows_per_block).combine_chunks()
        cells = np.hstack([_cell_bytes(_one_array(column)) for column in block.columns])
        bounds = np.arange(len(cells) + 1) * cells.shape[1]
        names += [digest.hex() for digest in digests(cells.tobytes(), bounds)]
    return pa.array(names, pa.string())


def _check(features: pa.Table, columns: Sequence[str]) -> None:
    if not columns:
        raise DataError(
            "no columns to compare rows by", expected="the names of one or more columns"
        )
    for column in columns:
        if column not in features.column_names:
            near = get_close_matches(column, features.column_names, n=1)
            raise DataError(
                f"column {column!r} is missing",
                expected="one of: " + ", ".join(features.column_names),
                hint=f"did you mean {near[0]!r}?" if near else "",
            )


def digests(data: bytes, bounds: NDArray[np.int64]) -> list[bytes]:
    """Hash of each stretch of `data` between two neighbouring bounds."""
    view, sha256 = memoryview(data), hashlib.sha256
    return [
        sha256(view[start:stop]).digest()[:DIGEST_BYTES]
        for start, stop in pairwise(bounds.tolist())
    ]


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.combine_chunks()


def _cell_bytes(cells: pa.Array) -> NDArray[np.uint8]:
    """Bytes of each cell, shape (n, width): one that says "not null", then those of the value."""
    valid = np.asarray(cells.is_valid()).astype(np.uint8)
    body = _body(cells)
    body[valid == 0] = 0
    return np.hstack([valid[:, None], body])


def _body(cells: pa.Array) -> NDArray[np.uint8]:
    """Bytes of the values alone; those of nulls are any."""
    kind, types = cells.type, pa.types
    if types.is_null(kind):
        return np.zeros((len(cells), 0), np.uint8)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(cells)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return _numbers(cells)
    if types.is_timestamp(kind) or types.is_date64(kind) or types.is_duration(kind):
        return _numbers(cells.cast(pa.int64()))
    if types.is_date32(kind):
        return _numbers(cells.cast(pa.int32()))
    return _distinct(cells)


def _numbers(cells: pa.Array) -> NDArray[np.uint8]:
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    values = np.array(cells.fill_null(0).to_numpy(zero_copy_only=False))
    if values.dtype.kind == "f":
        values = values.astype(np.float64) + 0.0  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
    little_endian = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return little_endian.view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _distinct(cells: pa.Array) -> NDArray[np.uint8]:
    """Hash of each text, bytes or odd value, every distinct one hashed once."""
    if pa.types.is_struct(cells.type) or pa.types.is_map(cells.type):
        texts = [json.dumps(value, default=repr, sort_keys=True) for value in cells.to_pylist()]
        cells = pa.array(texts, pa.large_string())
    elif not (_is_text(cells.type) or _is_bytes(cells.type)):
        cells = cells.cast(pa.large_string())
    encoded = cells.cast(pa.large_binary()).dictionary_encode()
    values: list[bytes] = encoded.dictionary.to_pylist()
    hashed = [hashlib.sha256(value).digest()[:DIGEST_BYTES] for value in values]
    table = np.frombuffer(b"".join([*hashed, bytes(DIGEST_BYTES)]), np.uint8)
    codes = encoded.indices.fill_null(len(hashed)).to_numpy(zero_copy_only=False)
    return table.reshape(-1, DIGEST_BYTES)[codes]


def _lists(cells: pa.Array) -> NDArray[np.uint8]:
    lengths = (
        pc.call_function("list_value_length", [cells]).fill_null(0).to_numpy(zero_copy_only=False)
    )
    # Each item has at least its "not null" byte, so that lists of other lengths never agree.
    items = _cell_bytes(pc.call_function("list_flatten", [cells]))
    lengths = np.where(np.asarray(cells.is_valid()), lengths, 0)
    bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) * items.shape[1]
    hashed = b"".join(digests(items.tobytes(), bounds))
    return np.frombuffer(bytearray(hashed), np.uint8).reshape(-1, DIGEST_BYTES)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
