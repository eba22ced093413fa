"""Cells of Arrow columns as arrays and back, for augmenters of every kind.

What belongs here: changing some columns of a table and nothing else. What does not: how a cell
is changed (the modules beside this one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.spec import Feature, FeatureKind

FloatArray = NDArray[np.float64]


def columns_of(rows: pa.Table, features: Mapping[str, Feature], kind: FeatureKind) -> Iterator[str]:
    """Names of the feature columns of one kind that the table has."""
    return (
        name
        for name, feature in features.items()
        if feature.kind == kind and name in rows.column_names
    )


def with_cells(rows: pa.Table, column: str, cells: list[Any]) -> pa.Table:
    """The table with other cells in one column, of the type that the column had."""
    field = rows.schema.field(column)
    place = rows.schema.get_field_index(column)
    return rows.set_column(place, field, pa.array(cells, type=field.type))


def changed_cells(rows: pa.Table, column: str, change: Callable[[Any], Any]) -> pa.Table:
    """The table with `change` done to every cell of a column that is not missing."""
    cells = [None if cell is None else change(cell) for cell in rows[column].to_pylist()]
    return with_cells(rows, column, cells)


def list_cell(values: FloatArray, like: pa.DataType) -> list[float] | list[int]:
    """Numbers as a cell of a list column, rounded where the column holds whole numbers."""
    if pa.types.is_integer(like.value_type):
        return np.rint(values).astype(np.int64).tolist()
    return values.tolist()


def numbers(cell: Any, column: str) -> FloatArray:
    """A cell of numbers as float64, shape (n,); refused where it is not finite numbers."""
    try:
        values = np.asarray(cell, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a cell of column {column!r} is {type(cell).__name__}", expected="a list of numbers"
        ) from error
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise DataError(
            f"a cell of column {column!r} has shape {values.shape} or holds NaN or inf",
            expected="a list of finite numbers",
            hint="quarantine such rows before augmenting",
        )
    return values
