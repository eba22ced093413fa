"""Time travel: training on what came later, and features that were known too late.

What belongs here: findings that need the time of rows. What does not: rows out of order
(`burnish.quality.order`), or columns that tell the target (`burnish.quality.leaks`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.splits import parts_of
from burnish.quality.wording import count_of, share_of, shown

FEW = 0.1
"""Up to this share of the smaller part, rows break a split by time; above it, there is none."""
MOST = 0.5


def time_travel(checked: Checked) -> Iterator[QualityFinding]:
    """Training rows that are later than held-out ones, a finding a held-out part.

    The moment is sought that parts training from held-out rows with the fewest on the wrong side.
    Where these are few, the split was meant to go by time and they break it: an error. Where they
    are many, the split does not go by time: a warning, since rows to come will be later than all.

    >>> import pyarrow as pa
    >>> table = pa.table({"day": [*range(20), *range(15, 35)],
    ...     "part": ["train"] * 20 + ["test"] * 20})
    >>> found, = time_travel(Checked.of(table, time="day", split="part"))
    >>> found.count, found.severity
    (4, 'warning')
    """
    parts = parts_of(checked)
    if parts is None or checked.time is None:
        return
    moment = _moments(checked.column(checked.time))
    known = np.isfinite(moment)
    for name, mask in parts.held_out.items():
        train, held = parts.training & known, mask & known
        if not (train.any() and held.any()):
            continue
        rows = _out_of_time(moment, train, held)
        if not rows.size:
            continue
        smaller = min(int(train.sum()), int(held.sum()))
        few = rows.size < FEW * smaller
        yield QualityFinding(
            kind="time_travel",
            severity="error" if few else "warning",
            columns=(checked.time, *(() if checked.split is None else (checked.split,))),
            rows=tuple(rows.tolist()),
            sentence=f"{count_of(rows.size)} {'breaks' if rows.size == 1 else 'break'} the order "
            f"of time between training and {shown(name)}."
            if few
            else f"Training and {shown(name)} are not split by time: models learn from rows later "
            "than those they are judged on.",
            evidence=f"no moment parts the two better than with {count_of(rows.size)} on the wrong "
            f"side ({share_of(rows.size, smaller)} of the smaller part)",
            to_do="Move them to the other part, or drop them."
            if few
            else "If the model will judge rows to come, split by time.",
        )


def dated_after(checked: Checked) -> Iterator[QualityFinding]:
    """Features whose dates lie after the time of their row, a finding a column.

    An error where that is so in most rows: the column is filled in afterwards. Else a warning.

    >>> import pyarrow as pa
    >>> from datetime import date
    >>> table = pa.table({"asked": [date(2025, 1, 1)] * 3, "closed": [date(2025, 2, 1)] * 3})
    >>> found, = dated_after(Checked.of(table, time="asked"))
    >>> found.columns, found.severity
    (('closed', 'asked'), 'error')
    """
    if checked.time is None:
        return
    row_time = checked.column(checked.time)
    if row_time.nature != "time":
        return
    for column in checked.features:
        if column.nature != "time":
            continue
        own, of_row = column.days, row_time.days
        if column.written or row_time.written:
            own, of_row = np.floor(own), np.floor(of_row)
        both = np.isfinite(own) & np.isfinite(of_row)
        rows = np.flatnonzero(both & (own > of_row))
        if not rows.size:
            continue
        most = rows.size > MOST * int(both.sum())
        worst = rows[np.argsort(-(own[rows] - of_row[rows]), kind="stable")]
        yield QualityFinding(
            kind="dated_after",
            severity="error" if most else "warning",
            columns=(column.name, checked.time),
            rows=tuple(worst.tolist()),
            sentence=f"Column {shown(column.name)} is dated after {shown(checked.time)} in "
            f"{count_of(rows.size)} ({share_of(rows.size, int(both.sum()))} of those with both).",
            evidence=f"by {float(np.median(own[rows] - of_row[rows])):.6g} days in the middle case",
            to_do="It is not known when a row is to be judged: leave it out, and all that is "
            "filled in with it."
            if most
            else "Find out whether the dates are wrong, or the column was filled in afterwards.",
            scores=tuple((own[worst] - of_row[worst]).tolist()),
        )


def _moments(column: Column) -> NDArray[np.float64]:
    return column.numbers if column.nature == "number" else column.days


def _out_of_time(
    moment: NDArray[np.float64], train: NDArray[np.bool_], held: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """The fewest rows to take away so that no training row is later than a held-out one."""
    cuts = np.unique(moment[train | held])
    early = np.searchsorted(np.sort(moment[held]), cuts, side="left")
    late = int(train.sum()) - np.searchsorted(np.sort(moment[train]), cuts, side="right")
    cut = cuts[int(np.argmin(early + late))]
    return np.flatnonzero((train & (moment > cut)) | (held & (moment < cut)))


TIME_TRAVEL = Check(
    "time_travel", "training rows that are later than those models are judged on", time_travel
)
DATED_AFTER = Check("dated_after", "features dated after the time of their row", dated_after)
