"""The value of a cell as four 64-bit lanes, whatever way Arrow lays it out.

What belongs here: from a column to lanes, shape (4, rows). What does not: how lanes of cells
become a digest (`burnish.store.digest`).

Numbers, booleans and times are their bits; text, bytes, lists and structs are mixed down by
multiplying and shifting, long texts by BLAKE2b. The lanes are independent, so that two values meet
in all four of them by an accident of one in 2^256. It is not a cryptographic hash: it tells
what changed, and does not stand up to somebody who looks for two values that meet.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import StoreError

LANES = 4
Lanes = NDArray[np.uint64]

# Texts above this many bytes are hashed one by one.
LONG_TEXT = 128
_U = np.uint64


def _constants(name: str, count: int) -> list[np.uint64]:
    """Odd 64-bit numbers that nobody chose: from the sha256 of a name."""
    made = (hashlib.sha256(f"burnish {name} {n}".encode()).digest()[:8] for n in range(count))
    return [_U(int.from_bytes(digest, "little") | 1) for digest in made]


_SPREAD = _constants("spread", LANES)
_SEED = _constants("seed", LANES)
_WORD = _constants("word", LANES)
_ITEM = _constants("item", LANES)
_NULL = _constants("null", LANES)
_C1, _32, _29 = _U(0xFF51AFD7ED558CCD), _U(32), _U(29)


def mixed(x: Lanes) -> Lanes:
    """A bijection of 64-bit numbers, behind a multiplication; works in place.

    Together they are multiply, shift, multiply, shift: each bit of the outcome hangs on all bits.
    """
    x ^= x >> _32
    x *= _C1
    x ^= x >> _29
    return x


def spread(words: NDArray[np.uint64]) -> Lanes:
    """One 64-bit word a cell as lanes; each lane is a bijection of the word."""
    return np.stack([words * factor for factor in _SPREAD])


def cell_lanes(column: pa.Array | pa.ChunkedArray) -> Lanes:
    """Lanes of each cell, shape (4, rows); raises `StoreError` for a type without canonical value.

    >>> text = pa.array(["a", None, ""])
    >>> bool((cell_lanes(text) == cell_lanes(text.cast(pa.large_string()))).all())
    True
    """
    array = one_array(column)
    lanes = _values(array)
    if array.null_count:
        missing = ~np.asarray(array.is_valid())
        for lane, null in zip(lanes, _NULL, strict=True):
            lane[missing] = null
    return lanes


def canonical_type(kind: pa.DataType) -> str:
    """Name of a type without its layout: "string" for large_string, "list<...>" for any list."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    if _is_list(kind):
        return f"list<{canonical_type(kind.field(0).type)}>"
    if pa.types.is_struct(kind):
        fields = (f"{part.name!r}: {canonical_type(part.type)}" for part in kind)
        return f"struct<{', '.join(fields)}>"
    if _is_text(kind):
        return "string"
    return "binary" if _is_bytes(kind) else str(kind)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one plain array: no chunks, dictionary, runs or extension."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if isinstance(column, pa.ChunkedArray):
            chunks = [chunk.storage for chunk in column.chunks]
            return one_array(pa.chunked_array(chunks, type=kind.storage_type))
        return one_array(column.storage)
    if pa.types.is_run_end_encoded(kind):
        column = pc.call_function("run_end_decode", [column])
    elif pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _values(array: pa.Array) -> Lanes:
    """Lanes of the values alone; those of nulls are any."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros((LANES, len(array)), _U)
    if _is_text(kind) or _is_bytes(kind):
        return _texts(array)
    if _is_list(kind):
        return _lists(array)
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_decimal(kind):
        return _texts(array.cast(pa.string()))
    return spread(_words(array))


def _words(array: pa.Array) -> NDArray[np.uint64]:
    """The bits of numbers, booleans and times, a 64-bit word each."""
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif pa.types.is_float16(kind):
        array = array.cast(pa.float32())
    elif pa.types.is_temporal(kind) and kind.bit_width in {32, 64}:
        array = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise StoreError(
            f"a column of type {kind} has no content digest",
            expected="numbers, text, bytes, times, or lists and structs of these",
            hint="cast the column before it is stored",
        )
    filled = array.fill_null(0) if array.null_count else array
    values = filled.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
        values = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
    # Signed numbers keep their sign in the upper bits.
    signed = values.dtype.kind == "i"
    return values.astype(np.int64).view(_U) if signed else values.astype(_U)


def _texts(array: pa.Array) -> Lanes:
    """Lanes of text or bytes: eight bytes at a time, the long ones by BLAKE2b."""
    data, starts, sizes = _bytes_of(array)
    longest = int(sizes.max(initial=0))
    short = sizes <= LONG_TEXT
    lanes = np.stack([sizes.astype(_U) * factor + seed for factor, seed in
                      zip(_SPREAD, _SEED, strict=True)])  # fmt: skip
    # Words may begin at any byte: a view with a stride of one byte.
    words = np.ndarray((max(0, data.size - 7),), "<u8", data, strides=(1,))
    for place in range(0, min(longest, LONG_TEXT), 8):
        rows = np.flatnonzero(short & (sizes > place))
        if rows.size == 0:
            break
        at = starts[rows] + place
        left = np.minimum(sizes[rows] - place, 8).astype(_U)
        word = words[at] & (~_U(0) >> ((_U(8) - left) * _U(8)))
        whole = rows.size == sizes.size
        for lane, factor in zip(lanes, _WORD, strict=True):
            part = lane if whole else lane[rows]
            part = mixed((part ^ word) * factor)
            if whole:
                lane[:] = part
            else:
                lane[rows] = part
    for row in np.flatnonzero(~short).tolist():
        text = data[starts[row] : starts[row] + sizes[row]].tobytes()
        digest = hashlib.blake2b(text, digest_size=8 * LANES).digest()
        lanes[:, row] = np.frombuffer(digest, "<u8")
    return lanes


def _bytes_of(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """All bytes of a column with eight more behind them, and where each cell begins and its size.

    The size of a null is 0.
    """
    wide = pa.large_string() if _is_text(array.type) else pa.large_binary()
    array = array.cast(wide)
    _, bounds_buffer, data_buffer = array.buffers()
    bounds = np.frombuffer(bounds_buffer, np.int64) if bounds_buffer else np.zeros(1, np.int64)
    bounds = bounds[array.offset : array.offset + len(array) + 1]
    low, high = (int(bounds[0]), int(bounds[-1])) if len(bounds) else (0, 0)
    data = np.zeros(high - low + 8, np.uint8)
    if data_buffer is not None and high > low:
        data[: high - low] = np.frombuffer(data_buffer, np.uint8)[low:high]
    starts, sizes = bounds[:-1] - low, np.diff(bounds)
    if array.null_count:
        sizes = np.where(np.asarray(array.is_valid()), sizes, 0)
    return data, starts, sizes


def _lists(array: pa.Array) -> Lanes:
    """Each item mixed with its place, their sum mixed with the length."""
    if pa.types.is_map(array.type):
        array = array.cast(pa.list_(array.type.field(0)))
    sizes = pc.call_function("list_value_length", [array]).fill_null(0)
    lengths = sizes.to_numpy(zero_copy_only=False).astype(np.int64)
    items = cell_lanes(pc.call_function("list_flatten", [array]))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    place = (np.arange(items.shape[1]) - np.repeat(starts, lengths)).astype(_U)
    lanes = np.empty((LANES, lengths.size), _U)
    for lane, item, seed, factor in zip(lanes, items, _SEED, _ITEM, strict=True):
        placed = mixed(item + (place + _U(1)) * factor)
        sums = np.concatenate([[_U(0)], np.cumsum(placed, dtype=_U)])
        lane[:] = mixed(sums[ends] - sums[starts] + lengths.astype(_U) * factor + seed)
    return lanes


def _structs(array: pa.Array) -> Lanes:
    lanes = np.stack([np.full(len(array), seed, _U) for seed in _SEED])
    for place in range(array.type.num_fields):
        # `field` leaves the struct's own nulls out of account; those are set by the caller.
        part = cell_lanes(array.field(place))
        for lane, own, factor in zip(lanes, part, _ITEM, strict=True):
            lane[:] = mixed((lane ^ own) * factor + _U(place))
    return lanes


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
