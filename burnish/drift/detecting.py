"""Drift of columns: how far the current rows are from the reference rows, and whether it matters.

What belongs here: the door `detect_drift`. What does not: performance without labels
(`burnish.drift.performance`), or what follows from drift (`burnish.policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift.records import DRIFT_SCHEMA, DriftReport
from burnish.errors import DataError

MINIMUM = 0.1
FEWEST = 20


def detect_drift(
    reference: pa.Table,
    current: pa.Table,
    *,
    columns: Sequence[str] | None = None,
    confidence: float = 0.95,
    minimum: float = MINIMUM,
    where: bool = False,
    random_state: int = 0,
) -> DriftReport:
    """How far each of `columns` (None: all that both have) drifted, with what is sure of it.

    A column drifted where the lower limit of its effect, at a level that holds for all columns
    together, is over `minimum`. Raises `DataError` where a table has no rows, or not the column.

    >>> before = pa.table({"x": [float(i % 10) for i in range(400)]})
    >>> detect_drift(before, pa.table({"x": [float(i % 10) + 8 for i in range(400)]})).drifted
    True
    """
    del where, random_state
    names = [n for n in reference.column_names if n in current.column_names]
    names = list(columns) if columns is not None else names
    for table, what in ((reference, "reference"), (current, "current")):
        if table.num_rows == 0:
            raise DataError(f"the {what} table has no rows", expected="one row or more")
        for name in names:
            if name not in table.column_names:
                raise DataError(
                    f"the {what} table has no column {name!r}",
                    expected="one of: " + ", ".join(table.column_names),
                )
    level = 1.0 - (1.0 - confidence) / max(1, len(names))
    lines = [
        _numeric(name, _values(reference[name]), _values(current[name]), level, minimum)
        for name in names
        if pa.types.is_floating(reference[name].type) or pa.types.is_integer(reference[name].type)
    ]
    lines.sort(key=lambda line: -line["value"])
    found = any(line["finding"] == "drifted" for line in lines)
    return DriftReport(
        found,
        pa.Table.from_pylist(lines, DRIFT_SCHEMA),
        None,
        reference.num_rows,
        current.num_rows,
        confidence,
    )


def _values(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values = column.drop_null().to_numpy().astype(np.float64)
    return np.sort(values[np.isfinite(values)])


def _numeric(
    name: str,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    level: float,
    minimum: float,
) -> dict[str, Any]:
    both = np.concatenate([before, after])
    cdf = [
        np.searchsorted(side, both, side="right") / max(1, side.size) for side in (before, after)
    ]
    ks = float(np.abs(cdf[0] - cdf[1]).max(initial=0.0))
    sizes = 1.0 / max(1, before.size) + 1.0 / max(1, after.size)
    # Dvoretzky, Kiefer and Wolfowitz, with the constant of Massart.
    room = sqrt(log(2.0 / (1.0 - level)) / 2.0 * sizes)
    few = min(before.size, after.size) < FEWEST
    drifted = not few and ks - room > minimum
    return {
        "column": name,
        "kind": "numeric",
        "finding": "too few" if few else "drifted" if drifted else "not shown",
        "effect": "ks",
        "value": ks,
        "low": max(0.0, ks - room),
        "high": min(1.0, ks + room),
        "minimum": minimum,
        "reference_rows": before.size,
        "current_rows": after.size,
        "ks": ks,
    }
