"""Cells of a file: as text, and as the type that all of a column that nothing declares have.

What belongs here: one Arrow column at a time. What does not: opening files (`burnish.spec.guess`),
or bringing cells into their declared kind (`burnish.workflows.ingest`).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import compute

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "?")
"""Read as nothing in columns of numbers, booleans and times; in text they are text."""


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are text."""
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def as_text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text, "" as null; `pa.ArrowInvalid` where they have none.

    >>> as_text(pa.chunked_array([[3.0, None, 4.0]])).to_pylist()
    ['3', None, '4']
    """
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_floating(cells.type):
        # Pandas makes floats of whole numbers where one is missing: 3.0 is the label "3".
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
        cells = cells.cast(pa.int64()) if whole(cells) else cells
    if pa.types.is_nested(cells.type):
        raise pa.ArrowInvalid(f"cells of type {cells.type} are not text")
    text = cells.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def without_missing_words(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text without space around it, and null where a word stands for a missing value."""
    trimmed = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    missing = pc.is_in(trimmed, value_set=pa.array(["", *MISSING_WORDS]))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def infer(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text of a CSV column as whole numbers, numbers, booleans or times, where all cells are so.

    Else it stays text; so do numbers that begin with a 0, and those too long for a float, which
    are codes. Columns that are no text come back as they are.
    """
    if not is_text(cells.type):
        return cells
    words = without_missing_words(cells)
    if words.null_count == len(words) or _any(words, r"^[-+]?0[\dxX]"):
        return cells
    for kind, like in _INFERRED:
        if not pc.all(pc.match_substring_regex(words, like)).as_py():
            continue
        try:
            typed = words.cast(kind)
        except pa.ArrowInvalid:
            continue
        if pa.types.is_floating(kind) and not _any(words, r"[^\d+-]"):
            return typed.cast(pa.int64()) if whole(typed) else cells
        return typed.cast(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(kind) else typed
    return cells


_INFERRED = (
    (pa.float64(), r"^[-+]?(\d|\.\d|inf)"),
    (pa.bool_(), r"^(?i:true|false)$"),
    (pa.timestamp("us", "UTC"), r"^\d{4}-\d\d-\d\d.*:.*([zZ]|[-+]\d\d(:?\d\d)?)$"),
    (pa.timestamp("us"), r"^\d{4}-\d\d-\d\d"),
)


def whole(numbers: pa.ChunkedArray) -> bool:
    """Whether all are whole, and small enough that 64-bit floats hold them exactly."""
    whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2.0**53))
    return bool(pc.all(whole).as_py())


def _any(cells: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, pattern)).as_py())
