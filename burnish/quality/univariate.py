"""Numbers far from all others of their column, and numbers without end.

What belongs here: judging one number by its column. What does not: rows that are odd as a whole
(`burnish.quality.rows`), part of a column in another unit (`burnish.quality.units`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.tails import Tails, tails_of
from burnish.quality.wording import count_of, listed, shown

MOST = 0.01
"""Share of a column from which on values beyond the fences are a group, not outliers."""
_FEW_LEVELS = 10


def infinite(checked: Checked) -> Iterator[QualityFinding]:
    """Numbers without end, of either sign; an error, since no model can be trained on them.

    >>> import pyarrow as pa
    >>> found, = infinite(Checked.of(pa.table({"ratio": [1.0, float("inf"), 2.0]})))
    >>> found.severity, found.rows
    ('error', (1,))
    """
    target = [checked.column(checked.target)] if checked.target is not None else []
    for column in checked.features + target:
        if column.nature != "number":
            continue
        rows = np.flatnonzero(np.isinf(column.raw_numbers))
        if rows.size:
            plus = int(np.count_nonzero(column.raw_numbers[rows] > 0))
            yield QualityFinding(
                kind="infinite",
                severity="error",
                columns=(column.name,),
                rows=tuple(rows.tolist()),
                sentence=f"Column {shown(column.name)} is infinite in {count_of(rows.size)}.",
                evidence=f"{plus:,} plus infinity, {rows.size - plus:,} minus infinity",
                to_do="Find where it was divided by zero; write null where no number is known.",
            )


def outlying(checked: Checked) -> Iterator[QualityFinding]:
    """Numbers beyond the fences of their column (`burnish.quality.tails`); a warning.

    The fences know skew and long tails, and lie where .002 values would be expected in the column
    if its tails went on as they begin. Columns of ten values or fewer have none. `scores` say how
    much farther than the fence a value lies, from 0 to 1.

    >>> import pyarrow as pa
    >>> numbers = [*range(100), 5000]
    >>> [one.rows for one in outlying(Checked.of(pa.table({"height": numbers})))]
    [(100,)]
    """
    for column in checked.numbers:
        tails = _tails(column)
        rows = _beyond(column, tails) if tails is not None else None
        if tails is None or rows is None:
            continue
        values = [shown(float(column.numbers[row])) for row in rows]
        low, high = tails.fences
        far, fence = np.abs(tails.scores(column.numbers[rows])), tails.scores(np.array([low, high]))
        yield QualityFinding(
            kind="outlying_number",
            severity="warning",
            columns=(column.name,),
            rows=tuple(rows.tolist()),
            sentence=f"Column {shown(column.name)} lies far from all its other numbers in "
            f"{count_of(rows.size)}: {listed(values)}.",
            evidence=f"half of the numbers are below {tails.median:.6g}; with tails as these, "
            f"none is expected below {low:.6g} or above {high:.6g}",
            to_do="Look at these rows: a slip of the decimal point, a unit, or a rare truth.",
            scores=tuple(np.clip(1 - np.abs(fence).min() / far, 0.0, 1.0).tolist()),
            details={"low": low, "high": high},
        )


def _tails(column: Column) -> Tails | None:
    present = _without_the_mode(column)
    return tails_of(present) if np.count_nonzero(np.diff(present)) >= _FEW_LEVELS else None


def _beyond(column: Column, tails: Tails) -> NDArray[np.int64] | None:
    """Rows beyond the fences, the farthest first; None where there are none, or a group of them."""
    low, high = tails.fences
    numbers = column.numbers
    rows = np.flatnonzero((numbers < low) | (numbers > high))
    if tails.power == 0:
        # Zero is no outlier of amounts, though its logarithm is.
        rows = rows[numbers[rows] != 0]
    if not 0 < rows.size <= MOST * max(column.present.size, 100):
        return None
    return rows[np.argsort(-np.abs(tails.scores(numbers[rows])), kind="stable")]


def _without_the_mode(column: Column) -> NDArray[np.float64]:
    """The numbers, without a value that a quarter of them have: 'none' of an amount, mostly."""
    present = column.present
    if not present.size:
        return present
    levels, counts = np.unique(present, return_counts=True)
    most = int(np.argmax(counts))
    return present[present != levels[most]] if counts[most] > present.size / 4 else present


INFINITE = Check("infinite", "numbers without end", infinite)
OUTLYING = Check("outlying_number", "numbers far from all others of their column", outlying)
