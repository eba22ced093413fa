"""The order of the rows: sorted by label or feature, a clock that jumps back, rows like the next.

What belongs here: what the order of the rows gives away. What does not: whether a split leaks
(the checks of leakage), or the order of days in production (`burnish.drift`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import count_of, listed, share_of, shown

FEWEST = 30
"""Rows from which on an order is told from chance."""
ALIKE = 0.5
"""Correlation of a row's numbers with the next row's, from which on rows are alike."""
_FORWARD = 0.9  # share of steps forward, from which on steps back are slips


def sorted_by_label(checked: Checked) -> Iterator[QualityFinding]:
    """Rows that stand class by class, or nearly; a warning.

    By the number of runs of one label: no more than two a class, or a tenth of what a shuffle
    would give.

    >>> import pyarrow as pa
    >>> table = pa.table({"label": ["a"] * 20 + ["b"] * 20})
    >>> [one.evidence for one in sorted_by_label(Checked.of(table, target="label"))]
    ['2 runs of one label, where a shuffle would leave some 20']
    """
    if checked.classes is None or checked.target is None:
        return
    codes = checked.classes[0][checked.classes[0] >= 0]
    classes = np.unique(codes).size
    if codes.size < FEWEST or classes < 2:
        return
    runs = 1 + int(np.count_nonzero(np.diff(codes)))
    share = np.bincount(codes) / codes.size
    shuffled = 1 + (codes.size - 1) * (1 - float(np.sum(share**2)))
    # A class of three rows at the end is no sign: nor are few runs where few are to be expected.
    if shuffled < 10 or runs > max(min(2 * classes, shuffled / 2), shuffled / 10):
        return
    yield QualityFinding(
        kind="sorted_by_label",
        severity="warning",
        columns=(checked.target,),
        rows=(),
        sentence=f"The rows stand label by label in column {shown(checked.target)}.",
        evidence=f"{runs:,} runs of one label, where a shuffle would leave some {shuffled:,.0f}",
        to_do="Shuffle before cutting folds or batches, and never take the first rows as a sample; "
        "leave out any column that follows the order.",
    )


def sorted_by_feature(checked: Checked) -> Iterator[QualityFinding]:
    """Features whose numbers only rise, or only fall, from row to row; a note.

    Times may. Numbers that count the rows are left to the check of identifiers.

    >>> import pyarrow as pa
    >>> table = pa.table({"height": [row // 2 for row in range(60)]})
    >>> [one.columns for one in sorted_by_feature(Checked.of(table))]
    [('height',)]
    """
    for column in checked.numbers:
        values = column.numbers[~np.isnan(column.numbers)]
        if values.size < max(FEWEST, checked.rows / 2) or np.unique(values).size < 10:
            continue
        steps = np.diff(values)
        if np.all(steps == steps[0]) or not (np.all(steps >= 0) or np.all(steps <= 0)):
            continue
        way = "rise" if steps.max() > 0 else "fall"
        yield QualityFinding(
            kind="sorted_by_feature",
            severity="note",
            columns=(column.name,),
            rows=(),
            sentence=f"The rows are sorted by column {shown(column.name)}: its values only {way}.",
            evidence=f"{count_of(steps.size, 'step')}, none the other way",
            to_do="Shuffle before cutting folds or batches; if it is a time, name it as the time.",
        )


def time_back(checked: Checked) -> Iterator[QualityFinding]:
    """Times that go forward from row to row but for a few steps back; a warning.

    The time that is named, and columns of dates that nine steps in ten go forward. A named time
    in no order at all is a note. In a table with groups each group has its own clock.

    >>> import pyarrow as pa
    >>> days = pa.array([*range(20), 5, *range(21, 40)], pa.int32()).cast(pa.date32())
    >>> [one.rows for one in time_back(Checked.of(pa.table({"day": days}), time="day"))]
    [(20,)]
    """
    named = [checked.column(checked.time)] if checked.time is not None else []
    dated = [column for column in checked.features if column.nature == "time"]
    for column in named + dated:
        clock = _clock(column)
        order = _by_group(checked)
        place = order[~np.isnan(clock[order])]
        if place.size < FEWEST:
            continue
        back = _steps_back(clock[place], _groups(checked)[place])
        forward = 1 - back.size / (place.size - 1)
        if back.size and forward >= _FORWARD:
            yield _jumps(column, place[back])
        elif back.size and column in named:
            yield QualityFinding(
                kind="time_back",
                severity="note",
                columns=(column.name,),
                rows=(),
                sentence=f"The rows are not in the order of their time, {shown(column.name)}.",
                evidence=f"{share_of(back.size, place.size - 1)} of the steps go back",
                to_do="Sort by it before anything that looks at what came before.",
            )


def _jumps(column: Column, rows: NDArray[np.int64]) -> QualityFinding:
    return QualityFinding(
        kind="time_back",
        severity="warning",
        columns=(column.name,),
        rows=tuple(np.sort(rows).tolist()),
        sentence=f"Time {shown(column.name)} goes back in {count_of(rows.size)}.",
        evidence="all other steps from row to row go forward, or stand",
        to_do="Look for a wrong clock, a change of the hour, rows pasted in, or one cell mistaken.",
    )


def _clock(column: Column) -> NDArray[np.float64]:
    return column.raw_numbers if column.nature == "number" else column.days


def _groups(checked: Checked) -> NDArray[np.int64]:
    if checked.group is None or checked.column(checked.group).nature == "other":
        return np.zeros(checked.rows, np.int64)
    return checked.column(checked.group).codes


def _by_group(checked: Checked) -> NDArray[np.int64]:
    return np.argsort(_groups(checked), kind="stable")


def _steps_back(clock: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the rows that are out of order: few slips, not all that stand behind one.

    A row is out of order where the clock falls below the row before it; where the row before was
    ahead of what follows and the one before that was not, it is that row.
    """
    falls = np.flatnonzero((np.diff(clock) < 0) & (np.diff(group) == 0)) + 1
    two_before = np.maximum(falls - 2, 0)
    same = (falls >= 2) & (group[two_before] == group[falls])
    ahead = same & (clock[two_before] <= clock[falls])
    return np.unique(np.where(ahead, falls - 1, falls))


def alike_neighbours(checked: Checked) -> Iterator[QualityFinding]:
    """Rows that are like the next ones, so that folds cut at random leak; a warning, or a note.

    Where half of the numbers or more correlate by .5 or more with those of the next row (by ranks).
    A note where the table says its time, group or split: then somebody knows. Tables sorted by
    label or by a feature are left to those checks.

    >>> import pyarrow as pa
    >>> heights = [row // 10 % 7 for row in range(300)]
    >>> [one.kind for one in alike_neighbours(Checked.of(pa.table({"height": heights})))]
    ['alike_neighbours']
    """
    if checked.rows < 2 * FEWEST:
        return
    if any(True for check in (sorted_by_label, sorted_by_feature) for _ in check(checked)):
        return
    bonds = {column.name: _bond(column) for column in checked.numbers}
    bonds = {name: bond for name, bond in bonds.items() if not np.isnan(bond)}
    least = max(ALIKE, 4 / np.sqrt(checked.rows))
    alike = sorted((name for name in bonds if bonds[name] >= least), key=lambda name: -bonds[name])
    if not alike or 2 * len(alike) < len(bonds):
        return
    known = [name for name in (checked.time, checked.group, checked.split) if name is not None]
    yield QualityFinding(
        kind="alike_neighbours",
        severity="note" if known else "warning",
        columns=tuple(alike),
        rows=(),
        sentence="Rows are like the rows next to them, as in a recording or a series.",
        evidence=f"correlation with the next row: {_told(alike, bonds)}",
        to_do="Split by time or by blocks of rows, not at random: else a model is judged on rows "
        "that it has all but seen.",
    )


def _told(names: list[str], bonds: dict[str, float]) -> str:
    return listed([f"{shown(name)} {bonds[name]:.2f}" for name in names])


def _bond(column: Column) -> float:
    """Rank correlation of a column with itself a row later; NaN where it has too few values."""
    known = ~np.isnan(column.numbers)
    if (
        np.count_nonzero(known) < max(FEWEST, known.size / 2)
        or column.present[0] == column.present[-1]
    ):
        return np.nan
    ranks = np.searchsorted(column.present, column.numbers) + 0.0
    pair = known[1:] & known[:-1]
    before, after = ranks[:-1][pair], ranks[1:][pair]
    if before.size < FEWEST or np.ptp(before) == 0 or np.ptp(after) == 0:
        return np.nan
    return float(np.corrcoef(before, after)[0, 1])


SORTED_BY_LABEL = Check("sorted_by_label", "rows sorted by their label", sorted_by_label)
SORTED_BY_FEATURE = Check("sorted_by_feature", "rows sorted by a feature", sorted_by_feature)
TIME_BACK = Check("time_back", "times that go back", time_back)
ALIKE_NEIGHBOURS = Check("alike_neighbours", "rows like the next ones", alike_neighbours)
