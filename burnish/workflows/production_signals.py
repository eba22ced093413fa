"""The signals of a period: what the tables of production say, in the words of the policy.

What belongs here: reading signals off drift, estimates, gates and the calendar. What does not:
measuring (`burnish.drift`), facts beside the signals (`burnish.workflows.policy_facts`), or what
follows (`burnish.policy`).

What could not be measured is no signal: it speaks neither for an alarm nor against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from typing import Any, TypeAlias

from burnish.policy import Signal
from burnish.policy.periods import apart, moved, period_at
from burnish.policy.records import Key
from burnish.records import GateVerdict
from burnish.spec import DatasetSpec
from burnish.spec.production import Production, SignalName
from burnish.versions import Versions
from burnish.workflows.production_periods import after_end, is_period, required_production
from burnish.workflows.production_stages import BATCH, DRIFT, PERFORMANCE, partition_stage

LOOK_BACK = 31
"""So many periods, and `late_after` more, are looked at for what is late or was refused."""

VALIDATION = "validation"
BESIDE = (VALIDATION, "a week before", "a year before")
"""What is told beside the comparison that decides: evidence, and not a signal of its own."""

MEASURED_LOSS = ("measured_loss", "measured_loss_low", "measured_loss_high")

_Row: TypeAlias = Mapping[str, Any]
_SPECIAL: Mapping[str, tuple[SignalName, str]] = {
    "(predicted)": ("prediction_drift", ""),
    "(confidence)": ("prediction_drift", "confidence"),
    "(label)": ("label_drift", ""),
    "(rows)": ("row_drift", ""),
}


def signals_of(
    spec: DatasetSpec,
    versions: Versions,
    period: str,
    *,
    now: datetime,
    watched: Collection[Key] = (),
    reports: Sequence[str] = (),
) -> list[Signal]:
    """All signals of the window that ends with `period`, by name and key.

    `watched` are signals that an alarm is open for: a batch that has come by now is told as well,
    so that its alarm can end. `reports` are ids of rows that users reported since the last look.
    Raises `SpecError` where the spec has no production.
    """
    production = required_production(spec)
    found = [*_drift(spec, versions, period), *_performance(spec, versions, period)]
    verdicts = _newest_verdicts(spec, versions)
    arrived = {*verdicts, *_published(spec, versions)}
    looked = _looked_at(production, now, watched)
    found += _late(production, now, looked, arrived, watched)
    found += _refused(looked, verdicts, watched)
    if reports or ("reports", "") in watched:
        count = float(len(reports))
        where = {"example_ids": list(reports)}
        found.append(Signal("reports", "", count, count, count, len(reports), "labels", where))
    return sorted(found, key=lambda one: one.of)


def present_period(production: Production, now: datetime) -> str:
    """The period that holds `now`."""
    start: date = production.start
    return period_at(now, start=start, every=production.period, timezone=production.timezone)


# ---------------------------------------------------------------- features and predictions


def _drift(spec: DatasetSpec, versions: Versions, period: str) -> Iterator[Signal]:
    table = versions.read_last_good(spec.name, partition_stage(DRIFT, period))
    rows: list[_Row] = [] if table is None else table.to_pylist()
    beside: dict[str, dict[str, _Row]] = {}
    deciding: dict[str, _Row] = {}
    for row in rows:
        if row.get("against") in BESIDE:
            beside.setdefault(row["column"], {})[row["against"]] = row
        else:
            deciding.setdefault(row["column"], row)
    for column, others in beside.items():
        # What a model says of rows it learned from is no ruler: its answers on held-out rows are.
        if column not in deciding and VALIDATION in others:
            deciding[column] = others.pop(VALIDATION)
    for column, row in deciding.items():
        if row["finding"] != "too few":
            yield from _drift_signal(row, beside.get(column, {}))


def _drift_signal(row: _Row, beside: Mapping[str, _Row]) -> Iterator[Signal]:
    figures = row["value"], row["low"], row["high"]
    if not all(one is not None and isfinite(one) for one in figures):
        return
    name, key = _SPECIAL.get(row["column"], ("column_drift", row["column"]))
    value, low, high = figures
    where = cells_of(row)
    for against, other in beside.items():
        where[against] = cells_of(other)
    year = beside.get("a year before")
    if year is not None and year["finding"] != "too few" and year["low"] is not None:
        # What is as it was a year ago is the season.
        value, low, high = min(value, year["value"]), min(low, year["low"]), min(high, year["high"])
    basis = "labels" if name == "label_drift" else "no labels"
    yield Signal(name, key, value, low, high, int(row["current_rows"] or 0), basis, where)


# ---------------------------------------------------------------- performance


def _performance(spec: DatasetSpec, versions: Versions, period: str) -> Iterator[Signal]:
    table = versions.read_last_good(spec.name, partition_stage(PERFORMANCE, period))
    for row in [] if table is None else table.to_pylist():
        if row["metric"] == "accuracy":
            yield from _estimated(row)
            yield from _measured(row)


def _slice_key(row: _Row) -> str:
    return "" if row["slice_id"] == "overall" else str(row["slice_id"])


def _estimated(row: _Row) -> Iterator[Signal]:
    """The estimated loss, where the estimate can be trusted."""
    figures = row["loss"], row["loss_low"], row["loss_high"]
    if row["trusted"] and all(one is not None and isfinite(one) for one in figures):
        value, low, high = figures
        rows, where = int(row["rows"]), cells_of(row)
        yield Signal("estimated_loss", _slice_key(row), value, low, high, rows, "no labels", where)


def _measured(row: _Row) -> Iterator[Signal]:
    """The loss that labels show, with the error of the reference in its limits."""
    figures = [row.get(name) for name in MEASURED_LOSS]
    if all(one is not None and isfinite(one) for one in figures):
        value, low, high = (float(one or 0.0) for one in figures)
        labels, where = int(row["labels"]), cells_of(row)
        yield Signal("measured_loss", _slice_key(row), value, low, high, labels, "labels", where)


# ---------------------------------------------------------------- delivery


def _looked_at(production: Production, now: datetime, watched: Collection[Key]) -> list[str]:
    """Periods that are over, the last few and those that an alarm is open for."""
    present = present_period(production, now)
    every = production.period
    back = LOOK_BACK + production.late_after
    first = moved(present, -back, every)
    start = production.start.isoformat()
    span = [moved(first, by, every) for by in range(back)]
    open_for = {key for name, key in watched if name in {"late_data", "refused_data"}}
    over = [one for one in span if one >= start and not after_end(production, one)]
    return sorted({*over} | open_for)


def _late(
    production: Production,
    now: datetime,
    looked: Sequence[str],
    arrived: Collection[str],
    watched: Collection[Key],
) -> Iterator[Signal]:
    present = present_period(production, now)
    for one in looked:
        over = apart(one, present, production.period) - 1
        # A period that the spec has no more, since its calendar changed, is waited for no longer.
        waited = one not in arrived and is_period(production, one)
        late = waited and over >= production.late_after
        if late or ("late_data", one) in watched:
            where = {"period": one, "periods_over": over, "late_after": production.late_after}
            yield _told("late_data", one, shown=late, where=where)


def _refused(
    looked: Sequence[str], verdicts: Mapping[str, GateVerdict], watched: Collection[Key]
) -> Iterator[Signal]:
    for one in looked:
        verdict = verdicts.get(one)
        refused = verdict is not None and not verdict.passed
        if refused or ("refused_data", one) in watched:
            where: dict[str, Any] = {"period": one}
            if verdict is not None:
                where |= {"message": verdict.message, "report": verdict.report}
                where |= {"stopped_by": list(verdict.stopped_by), "version": verdict.version}
            yield _told("refused_data", one, shown=refused, where=where)


def _told(name: SignalName, key: str, *, shown: bool, where: Mapping[str, Any]) -> Signal:
    """A signal that is there or not: 1 or 0."""
    value = 1.0 if shown else 0.0
    return Signal(name, key, value, value, value, 0, "no labels", where)


def _newest_verdicts(spec: DatasetSpec, versions: Versions) -> dict[str, GateVerdict]:
    under = partition_stage(BATCH, "")
    return {
        one.stage.removeprefix(under): one
        for one in versions.verdicts(spec.name)
        if one.stage.startswith(under)
    }


def _published(spec: DatasetSpec, versions: Versions) -> set[str]:
    under = partition_stage(BATCH, "")
    return {one.removeprefix(under) for one in versions.published_numbers(spec.name, under=under)}


def cells_of(row: _Row) -> dict[str, Any]:
    """The cells of a row that are known, in types that JSON has."""
    told: dict[str, Any] = {}
    for name, cell in row.items():
        if cell is None or (isinstance(cell, float) and not isfinite(cell)):
            continue
        told[name] = cell if isinstance(cell, (str, bool, int, float, list)) else str(cell)
    return told
