"""What drift and estimates of performance are told in: the reports and the columns of their tables.

What belongs here: frozen records. What does not: measuring (`burnish.drift.detecting`,
`burnish.drift.performance`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

DRIFT_SCHEMA = pa.schema(
    [
        ("column", pa.string()),
        ("kind", pa.string()),  # numeric, categorical, boolean, datetime, text, list, image
        ("finding", pa.string()),  # drifted, seasonal, not shown, too few
        # Which effect size decides: ks, total_variation, missing, new, nan, infinite, word.
        ("effect", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),  # of the effect, at the level that holds for all columns together
        ("high", pa.float64()),
        ("minimum", pa.float64()),  # the greatest effect that is tolerated
        ("reference_rows", pa.int64()),
        ("current_rows", pa.int64()),
        ("ks", pa.float64()),  # null where a statistic has no meaning for the kind
        ("wasserstein", pa.float64()),  # in the unit of the column
        ("psi", pa.float64()),
        ("jensen_shannon", pa.float64()),  # distance, base 2: in [0, 1]
        ("chi_square", pa.float64()),
        ("missing_before", pa.float64()),
        ("missing_after", pa.float64()),
        ("new_values", pa.list_(pa.string())),
        ("lost_values", pa.list_(pa.string())),
        ("new_share", pa.float64()),  # of current rows with a value the reference never had
        ("part", pa.string()),  # of a text, list or image: which measure of it, or which word
        ("total_variation", pa.float64()),  # as counted; `value` leaves out what chance adds
        ("nan_before", pa.float64()),  # share of cells that are "not a number" as they came
        ("nan_after", pa.float64()),
        ("infinite_before", pa.float64()),
        ("infinite_after", pa.float64()),
        ("matched_by", pa.string()),  # where seasonal: the earlier window that looks the same
    ]
)

PERFORMANCE_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("metric", pa.string()),  # accuracy, auroc
        ("rows", pa.int64()),
        ("reference", pa.float64()),  # the metric on reference rows, out of sample
        ("estimated", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("loss", pa.float64()),  # reference - estimated
        ("loss_low", pa.float64()),
        ("loss_high", pa.float64()),
        ("labels", pa.int64()),  # how many of the rows have a label by now
        ("measured", pa.float64()),  # the metric on those; null where there are none
        ("measured_low", pa.float64()),
        ("measured_high", pa.float64()),
        (
            "added_errors",
            pa.float64(),
        ),  # accuracy: of all rows, wrong and in the slice, now - before
        ("trusted", pa.bool_()),
        ("why", pa.string()),  # why it is not to be trusted; empty where it is
        ("measured_loss", pa.float64()),  # reference - measured, with the error of both in it
        ("measured_loss_low", pa.float64()),  # of slices: limits that hold for all slices together
        ("measured_loss_high", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Where:
    """Where current rows differ from the reference, by a classifier that tells them apart.

    `auroc` is that of the classifier out of sample, .5 where nothing tells them apart; `ratio`
    (n,) how many times as frequent rows like each current one are as in the reference;
    `conditions` are the parts of the data that have gained most, in words, the greatest first.
    """

    auroc: float
    low: float
    high: float
    ratio: NDArray[np.float64]
    columns: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class DriftReport:
    """Whether current rows drifted from reference rows, in which columns, how far, and where.

    `columns` has `DRIFT_SCHEMA`, a row a column, the greatest effect first. `where` is None where
    it was not asked for, or where there are too few rows.
    """

    drifted: bool
    columns: pa.Table
    where: Where | None
    reference_rows: int
    current_rows: int
    confidence: float

    def to_table(self) -> pa.Table:
        """One row a column."""
        return self.columns


@dataclass(frozen=True)
class PerformanceEstimate:
    """What a model's performance is likely to be on rows without labels, in all and by slice.

    `table` has `PERFORMANCE_SCHEMA`. `error_probability` (n,) is that of each current row;
    `weights` (m,) are those the reference rows were given; `effective_rows` what they are worth;
    `ratio` (n,) how many times as frequent rows like each current one are as in the reference.
    """

    table: pa.Table
    error_probability: NDArray[np.float64]
    weights: NDArray[np.float64]
    effective_rows: float
    trusted: bool
    why: str
    ratio: NDArray[np.float64]

    def to_table(self) -> pa.Table:
        """One row a slice and metric."""
        return self.table
