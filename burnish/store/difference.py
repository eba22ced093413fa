"""What changed between two versions of a table, row by row and cell by cell.

What belongs here: matching rows by example_id and telling which cells differ. What does not:
reading the versions (`burnish.store.parquet`), or why a label changed (`burnish.ledger`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import StoreError
from burnish.store.hashing import canonical_type, cell_lanes

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

KEY = "example_id"
CHANGED = pa.schema([(name, pa.string()) for name in (KEY, "column", "before", "after")])


def row_ids(table: pa.Table, *, what: str) -> pa.Array:
    """The example_id of each row; raises `StoreError` where one is missing or stands twice."""
    if KEY not in table.column_names:
        raise StoreError(
            f"{what} has no column {KEY}", hint="only tables with one row an example have a diff"
        )
    ids = table[KEY].cast(pa.string()).combine_chunks()
    if ids.null_count or pc.count_distinct(ids).as_py() < len(ids):
        row, found = _first_fault(ids)
        raise StoreError(
            f"row {row} of {what} has the {KEY} {found}",
            expected="one row an example",
            hint="compare versions from behind the gate, where ids are unique",
        )
    return ids


def _first_fault(ids: pa.Array) -> tuple[int, str]:
    seen: set[str] = set()
    for row, name in enumerate(ids.to_pylist()):
        if name is None:
            return row, "null"
        if name in seen:
            return row, f"{name!r}, which stands above already"
        seen.add(name)
    raise AssertionError("called for ids that are missing or repeated")


def changed_cells(
    before: pa.Table, after: pa.Table, common: pa.Array, *, columns: list[str] | None = None
) -> pa.Table:
    """Cells of the rows `common` to both that differ, as text; columns of `CHANGED`.

    A column that only one table has counts as null in the other. `columns` are those that may
    differ (None: any). Sorted by example_id, column.
    """
    rows_before = _rows_of(before, common)
    rows_after = _rows_of(after, common)
    names = sorted({*before.column_names, *after.column_names} - {KEY})
    found: list[pa.Table] = []
    for name in names if columns is None else sorted(columns):
        old = _column(before, name, rows_before)
        new = _column(after, name, rows_after)
        at = pa.array(np.flatnonzero(_differs(old, new)))
        found.append(
            pa.table(
                [
                    common.take(at),
                    pa.array([name] * len(at), pa.string()),
                    _text(old.take(at)),
                    _text(new.take(at)),
                ],
                schema=CHANGED,
            )
        )
    if not found:
        return CHANGED.empty_table()
    return pa.concat_tables(found).sort_by([(KEY, "ascending"), ("column", "ascending")])


def _rows_of(table: pa.Table, ids: pa.Array) -> pa.Array | None:
    """Where these ids stand; None where they stand in this very order."""
    own = table[KEY].cast(pa.string())
    if len(own) == len(ids) and own.equals(pa.chunked_array([ids])):
        return None
    return pc.index_in(ids, value_set=own.combine_chunks())


def _column(table: pa.Table, name: str, rows: pa.Array | None) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows if rows is None else len(rows))])
    return table[name] if rows is None else table[name].take(rows)


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> NDArray[np.bool_]:
    if canonical_type(old.type) != canonical_type(new.type):
        return np.array(pc.fill_null(_text(old), "\0")) != np.array(pc.fill_null(_text(new), "\0"))
    if old.equals(new):
        return np.zeros(len(old), np.bool_)
    return (cell_lanes(old) != cell_lanes(new)).any(axis=0)


def _text(column: pa.ChunkedArray) -> pa.Array:
    values = [None if value is None else str(value) for value in column.to_pylist()]
    return pa.array(values, pa.string())
