"""What changed between two versions of a table, row by row and cell by cell.

What belongs here: matching rows by example_id and telling which cells differ. What does not:
reading the versions (`burnish.store.parquet`), or why a label changed (`burnish.ledger`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import StoreError
from burnish.store.digest import canonical_type, cell_bytes

KEY = "example_id"
CHANGED = pa.schema([(name, pa.string()) for name in (KEY, "column", "before", "after")])


def row_ids(table: pa.Table, *, what: str) -> list[str]:
    """The example_id of each row; raises `StoreError` where one is missing or stands twice."""
    if KEY not in table.column_names:
        raise StoreError(
            f"{what} has no column {KEY}", hint="only tables with one row an example have a diff"
        )
    ids = [None if value is None else str(value) for value in table[KEY].to_pylist()]
    seen: set[str] = set()
    for row, name in enumerate(ids):
        if name is None or name in seen:
            found = "null" if name is None else f"{name!r}, which stands above already"
            raise StoreError(
                f"row {row} of {what} has the {KEY} {found}",
                expected="one row an example",
                hint="compare versions from behind the gate, where ids are unique",
            )
        seen.add(name)
    return [name for name in ids if name is not None]


def changed_cells(before: pa.Table, after: pa.Table, common: list[str]) -> pa.Table:
    """Cells of the rows `common` to both that differ, as text; columns of `CHANGED`.

    A column that only one table has counts as null in the other. Sorted by example_id, column.
    """
    rows_before = _rows_of(before, common)
    rows_after = _rows_of(after, common)
    names = sorted({*before.column_names, *after.column_names} - {KEY})
    found: list[pa.Table] = []
    for name in names:
        old = _column(before, name, rows_before)
        new = _column(after, name, rows_after)
        at = pa.array(np.flatnonzero(_differs(old, new)))
        found.append(
            pa.table(
                [
                    pa.array(common, pa.string()).take(at),
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


def _rows_of(table: pa.Table, ids: list[str]) -> pa.Array:
    place = {name: row for row, name in enumerate(row_ids(table, what="the table"))}
    return pa.array([place[name] for name in ids], pa.int64())


def _column(table: pa.Table, name: str, rows: pa.Array) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(len(rows))])
    return table[name].take(rows)


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> NDArray[np.bool_]:
    if canonical_type(old.type) != canonical_type(new.type):
        return np.array(pc.fill_null(_text(old), "\0")) != np.array(pc.fill_null(_text(new), "\0"))
    return (cell_bytes(old) != cell_bytes(new)).any(axis=1)


def _text(column: pa.ChunkedArray) -> pa.Array:
    values = [None if value is None else str(value) for value in column.to_pylist()]
    return pa.array(values, pa.string())
