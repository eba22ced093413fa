"""Drift of columns: how far the current rows are from the reference rows, and whether it matters.

What belongs here: the door `detect_drift`. What does not: how a column is measured
(`burnish.drift.measuring`), performance without labels (`burnish.drift.performance`), or what
follows from drift (`burnish.policy`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from burnish.drift.blocks import block_codes
from burnish.drift.cells import Kind, checked_kind, kind_of
from burnish.drift.measuring import TESTS, Effect, Line, Terms, effects_of, measure_column
from burnish.drift.records import DRIFT_SCHEMA, DriftReport
from burnish.errors import DataError

MINIMUM = 0.05
"""The greatest effect that is tolerated: a column that moved by no more is never called drifted."""

MATTERS = 0.15
"""The smallest effect that matters: at least 80 % of such are found from 1,000 rows on."""

COMPILED_CELLS = 4_000_000


def detect_drift(
    reference: pa.Table,
    current: pa.Table,
    *,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    confidence: float = 0.95,
    minimum: float = MINIMUM,
    where: bool = False,
    seasonal: Mapping[str, pa.Table] | None = None,
    reference_blocks: Sequence[object] | None = None,
    current_blocks: Sequence[object] | None = None,
    random_state: int = 0,
) -> DriftReport:
    """How far each of `columns` (None: all that both have) drifted, with what is sure of it.

    A column drifted where the lower limit of one of its effects is over `minimum`, which says how
    much is tolerated. The effects: of numbers and times the statistic of Kolmogorov and Smirnov,
    of categories the total variation less what chance adds, and of both the change in the share
    of cells that are missing (NaN, infinite, of a value the reference never had). All limits hold
    together with probability `confidence`, of however many columns and few rows. The p-value of a
    test decides nothing.

    Labels, predictions and confidences are columns as others are. `kinds` says what a column is
    where its type does not: numbers that are codes are `categorical`. `seasonal` names earlier
    windows, say `a year before`: a column that drifted from the reference and yet is not shown to
    differ from one of them, by half as much at most, is `seasonal` and raises no alarm. Rows that
    come in clumps (of one day, of one patient) are worth fewer: `reference_blocks` (m,) and
    `current_blocks` (n,) say which belong together. `where` trains a classifier to tell the rows
    apart (`burnish.drift.tell_apart`), of which `drifted` takes no notice.

    Raises `DataError` where a table has no rows or not the column, where a column is of another
    kind now, or where a number is out of its range.

    >>> before = pa.table({"x": [float(i % 10) for i in range(400)]})
    >>> found = detect_drift(before, pa.table({"x": [float(i % 10) + 8 for i in range(400)]}))
    >>> found.drifted, found.columns["effect"].to_pylist()
    (True, ['ks'])
    >>> detect_drift(before, before).drifted
    False
    """
    _check(reference, current, confidence, minimum)
    names = _names(reference, current, columns)
    asked: dict[str, Kind] = dict(kinds or {})
    _require_known(asked, reference, current)
    found: dict[str, Kind] = {}
    for name in names:
        sides = (reference[name], current[name])
        wanted = asked.get(name)
        found[name] = checked_kind(name, wanted, *sides) if wanted else kind_of(name, *sides)
    terms = Terms(
        alpha=(1.0 - confidence) / max(1, sum(TESTS[kind] for kind in found.values())),
        minimum=minimum,
        blocks=(
            block_codes(reference_blocks, reference.num_rows, "reference"),
            block_codes(current_blocks, current.num_rows, "current"),
        ),
        compiled=len(names) * (reference.num_rows + current.num_rows) >= COMPILED_CELLS,
    )
    lines = [measure_column(n, found[n], reference[n], current[n], terms) for n in names]
    for title, window in (seasonal or {}).items():
        _match(lines, title, window, current, terms)
    lines.sort(key=lambda line: (-line["value"], line["column"]))
    told = None
    if where:
        from burnish.drift.domain import tell_apart

        told = tell_apart(
            reference.select(names),
            current.select(names),
            kinds=found,
            reference_blocks=reference_blocks,
            current_blocks=current_blocks,
            confidence=confidence,
            random_state=random_state,
        )
    return DriftReport(
        any(line["finding"] == "drifted" for line in lines),
        pa.Table.from_pylist(lines, DRIFT_SCHEMA),
        told.where if told else None,
        reference.num_rows,
        current.num_rows,
        confidence,
    )


def _check(reference: pa.Table, current: pa.Table, confidence: float, minimum: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
    if not 0.0 <= minimum < 1.0:
        raise DataError(f"minimum is {minimum}", expected="a number in [0, 1), say 0.05")
    for table, what in ((reference, "reference"), (current, "current")):
        if table.num_rows == 0:
            raise DataError(f"the {what} table has no rows", expected="one row or more")


def _names(reference: pa.Table, current: pa.Table, columns: Sequence[str] | None) -> list[str]:
    shared = [name for name in reference.column_names if name in current.column_names]
    wanted = shared if columns is None else list(columns)
    for names in (wanted, reference.column_names, current.column_names):
        twice = next((name for name in wanted if names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"two columns are called {twice!r}", expected="names that differ")
    for table, what in ((reference, "reference"), (current, "current")):
        for name in wanted:
            if name not in table.column_names:
                raise DataError(
                    f"the {what} table has no column {name!r}",
                    expected="one of: " + ", ".join(table.column_names),
                )
    return wanted


def _require_known(kinds: Mapping[str, Kind], *tables: pa.Table) -> None:
    known = {name for table in tables for name in table.column_names}
    for name in kinds:
        if name not in known:
            raise DataError(
                f"`kinds` names a column {name!r} that neither table has",
                expected="one of: " + ", ".join(sorted(known)),
            )


def _match(
    lines: list[Line], title: str, window: pa.Table, current: pa.Table, terms: Terms
) -> None:
    """Mark the drifted lines that look as they did in an earlier window."""
    if window.num_rows == 0:
        return
    # Which rows of the window belong together is not known: its own limits stay as they are.
    own = Terms(terms.alpha, terms.minimum, (None, terms.blocks[1]), terms.compiled)
    for line in lines:
        name = line["column"]
        if line["finding"] != "drifted" or name not in window.column_names:
            continue
        kind = checked_kind(f"{name} ({title})", line["kind"], window[name])
        effects, _ = effects_of(kind, window[name], current[name], own)
        if _looks_the_same(line, [one for one in effects if not one.few], own.minimum):
            line |= {"finding": "seasonal", "matched_by": title}


def _looks_the_same(line: Line, effects: Sequence[Effect], minimum: float) -> bool:
    """Whether no effect is shown, and the one that drifted is half as great at most.

    Of another effect it says nothing that it is small: its like must be measured.
    """
    like = [
        one.at.value
        for one in effects
        if one.name == line["effect"] and (one.part == line["part"] or one.name == "word")
    ]
    shown = any(one.at.low > minimum for one in effects)
    return bool(like) and not shown and like[0] <= line["value"] / 2
