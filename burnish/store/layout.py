"""Columns as Delta Lake can hold them, and back as they were.

What belongs here: the two casts. What does not: writing or reading files (`burnish.store.parts`).

Delta Lake knows signed integers, float and double, text, bytes, booleans, dates, times of the day
not at all, and instants in microseconds. Other types are kept as one of these that holds every
value, and the Arrow schema, kept beside them, says what they were.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import CorruptTable, StoreError

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.null(): pa.string(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
}


def check_storable(table: pa.Table) -> None:
    """Raise `StoreError`, naming the column, for one that would not come back as it went in.

    A look at a few rows tells: it is the type that cannot be kept.
    """
    few = table.slice(0, 200)
    for name in few.column_names:
        try:
            back = _restored(_stored(few[name], name), few[name].type)
            same = back.type == few[name].type and back.to_pylist() == few[name].to_pylist()
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            same = False
        if not same and not _has_nan(few[name]):
            raise StoreError(
                f"column {name!r} of type {few[name].type} cannot be stored and read back",
                expected="numbers, text, bytes, times, or lists and structs of these",
                hint="cast the column before it is stored",
            )


def _has_nan(column: pa.ChunkedArray) -> bool:
    """NaN equals nothing, itself included."""
    return "nan" in str(column.to_pylist())


def to_storage(table: pa.Table) -> pa.Table:
    """The same rows in types that Delta Lake knows; raises `StoreError` where one has none."""
    columns = [_stored(table[name], name) for name in table.column_names]
    return pa.table(columns, names=stored_names(table.column_names))


def stored_names(names: Sequence[str]) -> list[str]:
    """The names that columns are kept under: as they are, unless two differ by case alone.

    >>> stored_names(["a", "A", "b"])
    ['a', 'A~2', 'b']
    """
    kept: list[str] = []
    taken: set[str] = set()
    for name in names:
        number, tried = 1, name
        while tried.lower() in taken:
            number += 1
            tried = f"{name}~{number}"
        taken.add(tried.lower())
        kept.append(tried)
    return kept


def from_storage(stored: pa.Table, schema: pa.Schema, *, what: str) -> pa.Table:
    """Rows in the names and types of `schema`, which they had when they were written.

    The columns of both are the same ones, in the same order.
    """
    columns = []
    for field, column in zip(schema, stored.columns, strict=True):
        try:
            columns.append(_restored(column, field.type))
        except pa.ArrowException as error:
            raise CorruptTable(
                f"{what}: column {field.name!r} cannot be restored: {error}"
            ) from error
    made = pa.table(columns, names=schema.names)
    return made.replace_schema_metadata(schema.metadata)


def schema_text(schema: pa.Schema) -> str:
    """An Arrow schema as text."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_from(text: str) -> pa.Schema:
    """What `schema_text` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def storage_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column of this type is kept as."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return storage_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return storage_type(kind.value_type)
    return _nested(kind) if types.is_nested(kind) else _flat(kind)


def _flat(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_time(kind) or types.is_duration(kind):
        return pa.int64()
    if types.is_timestamp(kind):
        # Finer than microseconds would lose, coarser is not known.
        return pa.int64() if kind.unit == "ns" else pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_fixed_size_binary(kind):
        return pa.binary()
    return _WIDER.get(kind, kind)


def _nested(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        return pa.map_(storage_type(kind.key_type), storage_type(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, storage_type(part.type)) for part in kind])
    return pa.list_(storage_type(kind.field(0).type))


def _stored(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return _stored(pa.chunked_array(chunks, type=kind.storage_type), name)
    if pa.types.is_run_end_encoded(kind):
        column = pc.run_end_decode(column)
    wanted = storage_type(kind)
    if column.type == wanted:
        return column
    try:
        return _cast(column, wanted)
    except pa.ArrowException as error:
        raise StoreError(
            f"column {name!r} of type {kind} cannot be stored: {error}",
            expected="numbers, text, bytes, times, or lists and structs of these",
            hint="cast the column before it is stored",
        ) from error


def _restored(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if isinstance(kind, pa.BaseExtensionType):
        inner = _restored(column, kind.storage_type)
        chunks = [kind.wrap_array(chunk) for chunk in inner.chunks]
        return pa.chunked_array(chunks, type=kind)
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))])
    if pa.types.is_run_end_encoded(kind):
        return pa.chunked_array([pc.run_end_encode(column.combine_chunks(), kind.run_end_type)])
    return _coded(column, kind) if pa.types.is_dictionary(kind) else _cast(column, kind)


def _coded(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    encoded = column.cast(kind.value_type).combine_chunks().dictionary_encode()
    try:
        return pa.chunked_array([encoded.cast(kind)])
    except pa.ArrowInvalid:
        # After an append there may be more values than its codes can count.
        return pa.chunked_array([encoded])


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A cast that also knows times of the day in 32 bits, which are kept in 64."""
    if pa.types.is_time32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_time32(kind):
        column = column.cast(pa.int32())
    return column.cast(kind)
