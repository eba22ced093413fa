"""Measuring one period of production: how far its window drifted.

What belongs here: which rows are held against which, and the table drift_report. What does not:
the measures (`burnish.drift`), the rows (`burnish.workflows.production_window`), what the model is
worth there (`burnish.workflows.production_estimate`), or what follows
(`burnish.workflows.policy_run`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift import DriftReport, detect_drift
from burnish.spec import DatasetSpec, Production
from burnish.versions import Versions
from burnish.workflows.production_periods import required_production, window_of
from burnish.workflows.production_reference import Champion
from burnish.workflows.production_window import Window, read_window

TRAINING, VALIDATION, REBASED = "training", "validation", "rebased"
BEFORE = {"a week before": 7, "a year before": 364}
"""So many days back, a whole number of weeks: Mondays are held against Mondays."""

FEWEST_PERIODS = 5
"""In windows of so many periods or more, how much rows of one are alike is told and allowed for."""

ROW_MINIMUM = 0.65
"""How well rows must be told apart from the reference before it counts as drift of rows."""

PREDICTED, CONFIDENCE, LABEL, ROWS = "(predicted)", "(confidence)", "(label)", "(rows)"


def window_for(
    spec: DatasetSpec, versions: Versions, champion: Champion, period: str, *, back: int = 0
) -> Window:
    """The window that ends with a period, or so many periods before it."""
    periods = window_of(required_production(spec), period, back=back)
    return read_window(spec, versions, champion, periods)


def drift_table(
    spec: DatasetSpec,
    versions: Versions,
    champion: Champion,
    window: Window,
    *,
    rebased: tuple[str, str] | None = None,
) -> pa.Table:
    """The table drift_report of the period that the window ends with.

    It is held against the champion's training rows (or, since a rebase, the rows of that window),
    its validation rows, and the windows a week and a year before where there are rows. Predictions
    are compared where the same model made them out of sample: not with training rows. Raises
    `DataError` where the window has no rows.
    """
    reference, blocks = (champion.training, TRAINING), None
    if rebased is not None:
        base = read_window(spec, versions, champion, _between(required_production(spec), rebased))
        if base.rows.num_rows:
            reference, blocks = (base.rows, REBASED), _blocks(spec, base)
    parts = [
        _compared(
            spec, champion, reference[0], window, reference[1], where=True, reference_blocks=blocks
        ),
        _compared(spec, champion, _as_said(champion.validation), window, VALIDATION),
    ]
    parts += _earlier(spec, versions, champion, window)
    together = pa.concat_tables(
        [part for part in parts if part.num_rows], promote_options="default"
    )
    return with_window(together, window)


def _between(production: Production, rebased: tuple[str, str]) -> list[str]:
    return [one for one in window_of(production, rebased[1]) if one >= rebased[0]]


def _earlier(
    spec: DatasetSpec, versions: Versions, champion: Champion, window: Window
) -> list[pa.Table]:
    length = {"day": 1, "week": 7, "month": 0}[required_production(spec).period]
    found: list[pa.Table] = []
    for against, days in BEFORE.items():
        back = days // length if length else {7: 0, 364: 12}[days]
        if not back:
            continue
        earlier = window_for(spec, versions, champion, window.periods[-1], back=back)
        if earlier.rows.num_rows and set(earlier.periods).isdisjoint(window.periods):
            rows = _with_predictions(earlier.rows, earlier.probs, champion.classes)
            found.append(
                _compared(
                    spec,
                    champion,
                    rows,
                    window,
                    against,
                    labels=earlier.came_by_themselves(champion.classes),
                    reference_blocks=_blocks(spec, earlier),
                )
            )
    return found


def _compared(
    spec: DatasetSpec,
    champion: Champion,
    reference: pa.Table,
    window: Window,
    against: str,
    *,
    where: bool = False,
    labels: Sequence[str | None] | None = None,
    reference_blocks: list[str] | None = None,
) -> pa.Table:
    current = _with_predictions(window.rows, window.probs, champion.classes)
    columns = [
        name
        for name in _columns(spec)
        if name in reference.column_names and name in current.column_names
    ]
    blocks = _blocks(spec, window)
    found = detect_drift(
        reference.select(columns),
        current.select(columns),
        where=where,
        reference_blocks=reference_blocks,
        current_blocks=blocks,
        random_state=spec.random_state,
    )
    parts = [_lines(found, against)]
    if labels is None:
        labels = reference["label"].to_pylist() if "label" in reference.column_names else []
    sides = (labels or (), reference_blocks), (window.came_by_themselves(champion.classes), blocks)
    parts.append(_labels_compared(*sides, against))
    return pa.concat_tables([part for part in parts if part is not None])


def _columns(spec: DatasetSpec) -> list[str]:
    """Features that are single values, the columns that slices cut, and what the model says."""
    single = [n for n, f in spec.features.items() if f.kind not in {"image", "sensor", "embedding"}]
    cut = [cut.column for cut in spec.slices if cut.column and "(" not in cut.column]
    cut += [name for one in spec.slices for name in one.where if "(" not in name]
    return list(dict.fromkeys([*single, *cut, PREDICTED, CONFIDENCE]))


def _blocks(spec: DatasetSpec, window: Window) -> list[str] | None:
    """The period of each row, as rows of one are alike; None where there are too few to tell."""
    production = required_production(spec)
    plain = production.independent_rows or production.window < FEWEST_PERIODS
    if plain or not window.rows.num_rows:
        return None
    return window.rows["period"].to_pylist()


_Labelled: TypeAlias = tuple[Sequence[str | None], Sequence[str] | None]


def _labels_compared(before: _Labelled, after: _Labelled, against: str) -> pa.Table | None:
    """Labels that came in against those of the reference: rows without one are left out.

    So are rows chosen to be asked about, where few came in of others: their classes are those of
    rows that are hard to tell.
    """
    known = [
        [at for at, one in enumerate(labels) if one is not None] for labels, _ in (before, after)
    ]
    if not all(known):
        return None
    tables: list[pa.Table] = []
    blocks: list[list[str] | None] = []
    for (labels, periods), rows in zip((before, after), known, strict=True):
        tables.append(pa.table({LABEL: pa.array([labels[at] for at in rows], pa.string())}))
        blocks.append(None if periods is None else [periods[at] for at in rows])
    found = detect_drift(tables[0], tables[1], reference_blocks=blocks[0], current_blocks=blocks[1])
    return _lines(found, against)


def _lines(found: DriftReport, against: str) -> pa.Table:
    table = found.columns
    if found.where is not None:
        line = {
            "column": ROWS,
            "kind": "rows",
            "finding": "drifted" if found.where.low > ROW_MINIMUM else "not shown",
            "effect": "auroc",
            "value": found.where.auroc,
            "low": found.where.low,
            "high": found.where.high,
            "minimum": ROW_MINIMUM,
            "reference_rows": found.reference_rows,
            "current_rows": found.current_rows,
        }
        table = pa.concat_tables([table, pa.Table.from_pylist([line], table.schema)])
    conditions = list(found.where.conditions) if found.where is not None else []
    told = [conditions if name == ROWS else [] for name in table["column"].to_pylist()]
    table = table.append_column("conditions", pa.array(told, pa.list_(pa.string())))
    return table.append_column("against", pa.array([against] * table.num_rows, pa.string()))


def _as_said(rows: pa.Table) -> pa.Table:
    names = {"predicted": PREDICTED, "confidence": CONFIDENCE}
    return rows.rename_columns([names.get(name, name) for name in rows.column_names])


def _with_predictions(
    rows: pa.Table, probs: NDArray[np.float64], classes: Sequence[str]
) -> pa.Table:
    names = np.asarray(classes, dtype=object)
    said = names[probs.argmax(axis=1)] if len(probs) else names[:0]
    sure = probs.max(axis=1) if len(probs) else np.zeros(0)
    rows = rows.append_column(PREDICTED, pa.array(said, pa.string()))
    return rows.append_column(CONFIDENCE, pa.array(sure, pa.float64()))


def with_window(table: pa.Table, window: Window) -> pa.Table:
    """The table with the first and the last period of the window in each row."""
    for name, period in (("window_start", window.periods[0]), ("window_end", window.periods[-1])):
        table = table.append_column(name, pa.array([period] * table.num_rows, pa.string()))
    return table
