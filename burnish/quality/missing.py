"""Cells that hold nothing, or a value that stands for nothing.

What belongs here: the findings on gaps of one column. What does not: which values stand for
nothing (`burnish.quality.disguises`), or gaps that go with the label or another column
(`burnish.quality.gaps`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding, Severity
from burnish.quality.wording import count_of, listed, share_of, shown

MANY = 0.05
"""From this share of a column on, gaps are more than a note."""


def missing(checked: Checked) -> Iterator[QualityFinding]:
    """Null, NaN, empty texts and white space alone, a finding a column.

    A note, from 5 % of the rows on (or in the target) a warning.

    >>> import pyarrow as pa
    >>> found, = missing(Checked.of(pa.table({"age": [1, None, 3]})))
    >>> found.rows, found.sentence
    ((1,), "Column 'age' has no value in 1 row (33 %).")
    """
    for column in _judged(checked):
        rows = np.flatnonzero(column.blank)
        if not rows.size:
            continue
        nothing = int(np.count_nonzero(column.cells.is_null(nan_is_null=True)))
        all_of_it = rows.size == len(column.cells)
        many = rows.size >= MANY * checked.rows or column.name == checked.target
        said = f"in {count_of(rows.size)} ({share_of(rows.size, checked.rows)})"
        yield QualityFinding(
            kind="missing",
            severity="warning" if many else "note",
            columns=(column.name,),
            rows=tuple(rows.tolist()),
            sentence=f"Column {shown(column.name)} has no value {'at all' if all_of_it else said}.",
            evidence=_parts(nothing, rows.size - nothing),
            to_do="Leave the column out, or find out why nothing was kept." if all_of_it
            else "Find out why; then fill the gaps, mark them in a column, or drop the rows.",
            details={"share": rows.size / checked.rows},
        )  # fmt: skip


def _judged(checked: Checked) -> list[Column]:
    target = [checked.column(checked.target)] if checked.target is not None else []
    return checked.features + target


def _parts(nothing: int, white: int) -> str:
    parts = [(nothing, "null or NaN"), (white, "empty or white space")]
    return listed([f"{number:,} {what}" for number, what in parts if number])


def disguised_missing(checked: Checked) -> Iterator[QualityFinding]:
    """Values that seem to stand for nothing (`burnish.quality.disguises`), a finding a column.

    A warning; a note where the word may be an answer ('none').

    >>> import pyarrow as pa
    >>> found, = disguised_missing(Checked.of(pa.table({"job": ["cook", "?", "smith"]})))
    >>> found.rows, found.evidence
    ((1,), "'?' in 1 row: a word for nothing")
    """
    for column in _judged(checked):
        for sure in (True, False):
            disguises = [one for one in column.disguises if one.sure == sure]
            masks = {one: column.disguised(one) for one in disguises}
            if not masks:
                continue
            rows = np.flatnonzero(np.any(list(masks.values()), axis=0))
            names = [_named(one.value, one.is_day) for one in masks]
            severity: Severity = "warning" if sure else "note"
            yield QualityFinding(
                kind="disguised_missing",
                severity=severity,
                columns=(column.name,),
                rows=tuple(rows.tolist()),
                sentence=f"Column {shown(column.name)} says {listed(names)} where it seems to know "
                f"nothing, in {count_of(rows.size)} ({share_of(rows.size, checked.rows)}).",
                evidence="; ".join(
                    f"{name} in {count_of(int(mask.sum()))}: {one.reason}"
                    for name, (one, mask) in zip(names, masks.items(), strict=True)
                ),
                to_do="If so, write nothing (null) in these cells; a model takes them for values.",
                details={"values": [one.value for one in masks]},
            )


def _named(value: str | float, is_day: bool) -> str:
    return str(np.datetime64(int(value), "D")) if is_day else shown(value)


MISSING = Check("missing", "cells that hold nothing", missing)
DISGUISED = Check(
    "disguised_missing", "values that stand for nothing, such as -999 or 'N/A'", disguised_missing
)
