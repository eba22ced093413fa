"""A digest of what a table holds, whatever the order of its rows and columns.

What belongs here: the canonical bytes of a cell and how they become one digest. What does not:
the checksum of a file (`burnish.store.files`), or telling which cells differ between two tables
(`burnish.store.difference`, which compares the same canonical bytes).

Each cell becomes a fixed number of bytes (text, bytes and lists by their hash), the cells of a
row are hashed together, and the row hashes are sorted and hashed. A row is hashed as a whole, so
swapping a value between two rows of the same id is seen, and no column need be unique.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import StoreError

HASH_BYTES = 32
# A cell takes 33 bytes at most, so that a block of rows stays below 70 MB however wide.
CELLS_PER_BLOCK = 2_000_000


def content_digest(table: pa.Table) -> str:
    """Hex digest (64 characters) of every cell, and of the names and types of the columns.

    It does not depend on the order of rows or columns, on chunking, or on how Arrow lays a value
    out: string, large_string and dictionary-encoded text agree, and so do the kinds of list and
    of binary. Null differs from "" and from NaN; -0.0 equals 0.0, and every NaN equals every other.
    Repeated rows and repeated ids count as often as they stand.

    Raises `StoreError` for two columns of one name, or a type that has no canonical bytes.

    >>> one = pa.table({"example_id": ["a", "b"], "x": [0.0, 1.0]})
    >>> other = pa.table({"x": [1.0, -0.0], "example_id": ["b", "a"]})
    >>> content_digest(one) == content_digest(other)
    True
    >>> content_digest(one) == content_digest(one.set_column(1, "x", pa.array([0.0, None])))
    False
    """
    names = sorted(table.column_names)
    if len(set(names)) < len(names):
        twice = next(name for name, after in pairwise(names) if name == after)
        raise StoreError(f"two columns are named {twice!r}", hint="rename one of them")
    header = [[name, canonical_type(table.schema.field(name).type)] for name in names]
    total = hashlib.blake2b(digest_size=HASH_BYTES)
    total.update(json.dumps(["content", 1, table.num_rows, header]).encode())
    for row in sorted(_row_hashes(table.select(names))):
        total.update(row)
    return total.hexdigest()


def canonical_type(kind: pa.DataType) -> str:
    """Name of a type without its layout: "string" for large_string, "list<...>" for any list."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    if _is_list(kind):
        return f"list<{canonical_type(kind.field(0).type)}>"
    if pa.types.is_struct(kind):
        fields = (json.dumps([part.name, canonical_type(part.type)]) for part in kind)
        return f"struct<{', '.join(fields)}>"
    if _is_text(kind):
        return "string"
    return "binary" if _is_bytes(kind) else str(kind)


def cell_bytes(column: pa.Array | pa.ChunkedArray) -> NDArray[np.uint8]:
    """Canonical bytes of each cell, shape (rows, width): a byte for "not null", then the value."""
    array = _one_array(column)
    valid = np.asarray(array.is_valid()).astype(np.uint8)
    body = _body(array)
    body[valid == 0] = 0
    return np.hstack([valid[:, None], body])


def _row_hashes(table: pa.Table) -> list[bytes]:
    if not table.num_columns:
        return []
    rows_per_block = max(1, CELLS_PER_BLOCK // table.num_columns)
    hashes: list[bytes] = []
    for start in range(0, table.num_rows, rows_per_block):
        block = table.slice(start, rows_per_block)
        cells = np.hstack([cell_bytes(column) for column in block.columns])
        bounds = np.arange(len(cells) + 1) * cells.shape[1]
        hashes.extend(_hashes(cells.tobytes(), bounds))
    return hashes


def _hashes(data: bytes, bounds: NDArray[np.int64]) -> list[bytes]:
    """Hash of each stretch of `data` between two neighbouring bounds."""
    view = memoryview(data)
    blake2b = hashlib.blake2b
    return [
        blake2b(view[start:stop], digest_size=HASH_BYTES).digest()
        for start, stop in pairwise(bounds.tolist())
    ]


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if isinstance(column, pa.ChunkedArray):
            chunks = [chunk.storage for chunk in column.chunks]
            return _one_array(pa.chunked_array(chunks, type=kind.storage_type))
        return _one_array(column.storage)
    if pa.types.is_run_end_encoded(kind):
        column = pc.call_function("run_end_decode", [column])
    elif pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _body(array: pa.Array) -> NDArray[np.uint8]:
    """Bytes of the values alone; those of nulls are any."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros((len(array), 0), np.uint8)
    if _is_text(kind) or _is_bytes(kind):
        return _distinct_hashes(array)
    if _is_list(kind):
        return _list_hashes(array)
    if pa.types.is_struct(kind):
        parts = [cell_bytes(array.field(place)) for place in range(kind.num_fields)]
        return np.hstack([np.zeros((len(array), 0), np.uint8), *parts])
    if pa.types.is_decimal(kind):
        return _distinct_hashes(array.cast(pa.string()))
    return _fixed_width(array)


def _fixed_width(array: pa.Array) -> NDArray[np.uint8]:
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif pa.types.is_float16(kind):
        array = array.cast(pa.float32())
    elif pa.types.is_temporal(kind) and kind.bit_width in {32, 64}:
        array = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise StoreError(
            f"a column of type {kind} has no content digest",
            expected="numbers, text, bytes, times, or lists and structs of these",
            hint="cast the column before it is stored",
        )
    values = np.array(array.fill_null(0).to_numpy(zero_copy_only=False))
    if values.dtype.kind == "f":
        values += 0.0  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
    little_endian = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return little_endian.view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _distinct_hashes(array: pa.Array) -> NDArray[np.uint8]:
    """Hash of each text or bytes, every distinct value hashed once."""
    wide = pa.large_string() if _is_text(array.type) else pa.large_binary()
    encoded = array.cast(wide).dictionary_encode()
    hashed = [
        hashlib.blake2b(value, digest_size=HASH_BYTES).digest()
        for value in encoded.dictionary.cast(pa.large_binary()).to_pylist()
    ]
    table = np.frombuffer(b"".join([*hashed, bytes(HASH_BYTES)]), np.uint8)
    codes = encoded.indices.fill_null(len(hashed)).to_numpy(zero_copy_only=False)
    return table.reshape(-1, HASH_BYTES)[codes]


def _list_hashes(array: pa.Array) -> NDArray[np.uint8]:
    if pa.types.is_map(array.type):
        array = array.cast(pa.list_(array.type.field(0)))
    sizes = pc.call_function("list_value_length", [array]).fill_null(0)
    lengths = sizes.to_numpy(zero_copy_only=False)
    items = cell_bytes(pc.call_function("list_flatten", [array]))
    bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) * items.shape[1]
    # Items of type null have a width of one byte, so that the length of a list is always seen.
    hashed = b"".join(_hashes(items.tobytes(), bounds))
    return np.frombuffer(bytearray(hashed), np.uint8).reshape(-1, HASH_BYTES)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_map(kind)
    )
