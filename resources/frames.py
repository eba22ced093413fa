"""Between Arrow and Great Expectations: the frame it sees, and failing cells as text.

What belongs here: which columns a suite needs and how each becomes a pandas column without the
traps of the conversion. What does not: running a suite (`resources.expectations`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from burnish.records import Expectation

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 200
"""Characters of a failing value that are kept."""

BOUNDS = ("min_value", "max_value", "value_set")


def row_columns(expectation: Expectation) -> tuple[str, ...]:
    """The columns an expectation looks at, in the order of its arguments.

    >>> known = Expectation("expect_column_values_to_be_in_set", "A", "stop", {"column": "x"})
    >>> row_columns(known)
    ('x',)
    """
    kwargs = expectation.kwargs
    single = (kwargs.get(name) for name in ("column", "column_A", "column_B"))
    return tuple(str(name) for name in (*single, *kwargs.get("column_list", ())) if name)


def frame_for(expectations: Iterable[Expectation], data: pa.Table) -> pd.DataFrame:
    """The pandas frame a suite is held against, its index the 0-based row positions.

    Holds the columns that the expectations name; all of them where one speaks of the table's
    columns or picks rows by a condition. Text stays `object`, where expectations about types see
    `str`. A cell of a list or binary column (an image, a sensor's series) becomes a hash of its
    content, so that missing and equal cells are still found; where nobody names the column it is
    empty.
    """
    import pandas as pd

    items = list(expectations)
    named = {name for item in items for name in row_columns(item)}
    wide = any(
        item.kind.startswith("expect_table_col") or "row_condition" in item.kwargs for item in items
    )
    columns = {
        name: _column(data[name], named=name in named)
        for name in data.column_names
        if wide or name in named
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(data.num_rows))


def temporal_bounds(kwargs: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Bounds of a date or time column as timestamps in the column's zone; others as they are.

    >>> temporal_bounds({"column": "x", "min_value": 1}, pa.schema([("x", pa.int64())]))
    {'column': 'x', 'min_value': 1}
    """
    column = kwargs.get("column")
    if column not in schema.names or not _is_day_or_time(schema.field(column).type):
        return kwargs
    zone = getattr(schema.field(column).type, "tz", None)
    for name in BOUNDS:
        bound = kwargs.get(name)
        if isinstance(bound, list | tuple):
            kwargs[name] = [_timestamp(value, zone) for value in bound]
        elif bound is not None:
            kwargs[name] = _timestamp(bound, zone)
    return kwargs


def text_of(data: pa.Table, columns: Sequence[str], rows: np.ndarray) -> list[str]:
    """The cells of `columns` at `rows` as text, several joined by " | "; null reads "(missing)".

    Without columns each reads "a whole row".

    >>> text_of(pa.table({"x": [1.5, None]}), ("x",), np.array([1, 0]))
    ['(missing)', '1.5']
    """
    if not len(rows):
        return []
    at = pa.array(rows, pa.int64())
    if not columns:
        return ["a whole row"] * len(rows)
    parts = [[_text(value) for value in data[name].take(at).to_pylist()] for name in columns]
    return [" | ".join(cells) for cells in zip(*parts, strict=True)]


def _column(column: pa.ChunkedArray, *, named: bool) -> pd.Series:
    import pandas as pd

    if pat.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if _is_opaque(column.type):
        cells = column.to_pandas() if named else [None] * len(column)
        return pd.Series([_fingerprint(cell) for cell in cells], dtype=object)
    if pat.is_decimal(column.type):
        column = pc.cast(column, pa.float64())
    if pat.is_date(column.type):
        column = pc.cast(column, pa.timestamp("us"))
    if _is_text(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    return column.to_pandas()


def _is_opaque(kind: pa.DataType) -> bool:
    return pat.is_nested(kind) or pat.is_binary(kind) or pat.is_large_binary(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind)


def _is_day_or_time(kind: pa.DataType) -> bool:
    return pat.is_timestamp(kind) or pat.is_date(kind)


def _fingerprint(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, np.ndarray) and cell.dtype != object:
        cell = cell.tobytes()
    content = cell if isinstance(cell, bytes) else repr(cell).encode()
    return hashlib.sha256(content).hexdigest()


def _timestamp(value: Any, zone: str | None) -> Any:
    import pandas as pd

    if not isinstance(value, str | date):
        return value
    moment = pd.Timestamp(value)
    if (moment.tz is None) == (zone is None):
        return moment
    return moment.tz_localize(None) if zone is None else moment.tz_localize(zone)


def _text(value: Any) -> str:
    if value is None:
        return "(missing)"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
