"""Drift by slice: the same columns, within parts of the rows that are named.

What belongs here: the door `drift_by_slice`. What does not: which rows a slice has
(`burnish.slices`), or drift of all rows (`burnish.drift.detecting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift.cells import Kind
from burnish.drift.detecting import MINIMUM, detect_drift
from burnish.drift.records import DRIFT_SCHEMA, DriftReport
from burnish.errors import DataError

SLICED_SCHEMA = pa.schema([("slice", pa.string()), *DRIFT_SCHEMA])

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SlicedDrift:
    """Drift within each slice, by its name; `empty` are those without rows on one of the sides."""

    reports: Mapping[str, DriftReport]
    empty: tuple[str, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The slices in which a column drifted."""
        return tuple(name for name, report in self.reports.items() if report.drifted)

    def to_table(self) -> pa.Table:
        """One row a slice and column, `SLICED_SCHEMA`."""
        parts = [
            report.columns.add_column(
                0, SLICED_SCHEMA.field(0), pa.array([name] * len(report.columns))
            )
            for name, report in self.reports.items()
        ]
        return pa.concat_tables(parts) if parts else SLICED_SCHEMA.empty_table()


def drift_by_slice(
    reference: pa.Table,
    current: pa.Table,
    *,
    reference_slices: Mapping[str, Mask],
    slices: Mapping[str, Mask],
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    confidence: float = 0.95,
    minimum: float = MINIMUM,
    reference_blocks: Sequence[object] | None = None,
    current_blocks: Sequence[object] | None = None,
) -> SlicedDrift:
    """`detect_drift` within each slice; the limits hold for all slices and columns together.

    `reference_slices` are masks (m,) over the reference rows, `slices` masks (n,) of the same
    names over the current rows. Raises `DataError` where the names or the lengths differ, and as
    `detect_drift` does.

    >>> before = pa.table({"x": [float(i % 10) for i in range(400)]})
    >>> part = np.arange(400) < 200
    >>> after = pa.table({"x": [float(i % 10) + 8 * (i < 200) for i in range(400)]})
    >>> masks = {"first": part, "second": ~part}
    >>> drift_by_slice(before, after, reference_slices=masks, slices=masks).drifted
    ('first',)
    """
    _check(reference, current, reference_slices, slices)
    reports: dict[str, DriftReport] = {}
    empty: list[str] = []
    level = 1.0 - (1.0 - confidence) / max(1, len(slices))
    for name, mask in slices.items():
        own = reference_slices[name]
        if not (mask.any() and own.any()):
            empty.append(name)
            continue
        reports[name] = detect_drift(
            reference.filter(pa.array(own)),
            current.filter(pa.array(mask)),
            columns=columns,
            kinds=kinds,
            confidence=level,
            minimum=minimum,
            reference_blocks=_of(reference_blocks, own),
            current_blocks=_of(current_blocks, mask),
        )
    return SlicedDrift(reports, tuple(empty))


def _of(blocks: Sequence[object] | None, mask: Mask) -> list[object] | None:
    return None if blocks is None else [blocks[int(row)] for row in np.flatnonzero(mask)]


def _check(
    reference: pa.Table,
    current: pa.Table,
    reference_slices: Mapping[str, Mask],
    slices: Mapping[str, Mask],
) -> None:
    if set(reference_slices) != set(slices):
        raise DataError(
            f"slices {sorted(slices)} and {sorted(reference_slices)}",
            expected="the same names for current and reference rows",
        )
    for masks, table, what in (
        (reference_slices, reference, "reference"),
        (slices, current, "current"),
    ):
        for name, mask in masks.items():
            if len(mask) != table.num_rows:
                raise DataError(
                    f"slice {name!r} has {len(mask)} of {table.num_rows} {what} rows",
                    expected="a boolean for each row",
                )
