"""One period of production, stage by stage: batch, predictions, drift, performance.

What belongs here: the stages as functions that an orchestrator's assets and `burnish production
run` both call, and running all of them in order. What does not: reading sources
(`burnish.workflows.production_rows`), the measures (`burnish.workflows.production_measure`), or
the suite of the gate (data of the project).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from burnish.errors import DataError, GateError
from burnish.policy import SqlPolicyRecord
from burnish.records import Suite, TableVersion
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import GateRunner
from burnish.versions import Versions
from burnish.workflows.gates import Judged, run_gate
from burnish.workflows.production_estimate import estimate_table
from burnish.workflows.production_measure import drift_table, window_for
from burnish.workflows.production_periods import (
    bounds,
    require_period,
    required_production,
    window_of,
)
from burnish.workflows.production_reference import (
    PROBABILITY,
    Champion,
    load_champion,
    rebased_to,
)
from burnish.workflows.production_rows import Met
from burnish.workflows.production_stages import (
    BATCH,
    DRIFT,
    PERFORMANCE,
    PREDICTIONS,
    partition_stage,
)
from burnish.workflows.production_window import label_digests, window_state

SuiteOf = Callable[[str], Suite]
"""The suite of `production_batch`, fitted to the candidate of a period."""

RESTS_ON = "rests_on"
"""Property of a measured table: what it was measured of; measured anew where that changes."""


@dataclass(frozen=True)
class Batch:
    """The candidate of a period, and how many rows came and went since the version before."""

    written: TableVersion
    rows: pa.Table
    late: int
    gone: int


@dataclass(frozen=True)
class Written:
    """A stage of a period: the version of its table, and its rows."""

    written: TableVersion
    rows: pa.Table


@dataclass(frozen=True)
class RanPeriod:
    """What became of a period. `refused` says why nothing was predicted or measured.

    `estimated` is the accuracy that is likely in its window, `measured` what `labels` rows say.
    """

    period: str
    rows: int
    refused: str = ""
    drifted: tuple[str, ...] = ()
    estimated: float | None = None
    measured: float | None = None
    labels: int = 0


def write_batch(
    spec: DatasetSpec, versions: Versions, met: Met, period: str, *, now: datetime
) -> Batch:
    """Keep the rows of a period as the candidate that its gate will judge.

    The same rows as before make no new version. Raises `DataError` for a period that is none, or
    is not over yet.
    """
    production = required_production(spec)
    require_period(production, period)
    over = bounds(production, period)[1]
    if over > now:
        raise DataError(
            f"{period} is not over yet",
            expected=f"a {production.period} that has ended",
            hint=f"it ends at {over:%Y-%m-%d %H:%M} UTC",
        )
    stage, rows = partition_stage(BATCH, period), met.of(period)
    before = versions.candidate(spec.name, stage)
    known: set[str] = set()
    if before is not None:
        kept = versions.read_candidate(spec.name, stage, columns=["example_id"])
        known = set(kept["example_id"].to_pylist())
    here = set(rows["example_id"].to_pylist())
    written = versions.write(spec.name, stage, rows)
    late = len(here - known) if before is not None else 0
    return Batch(written, rows, late, len(known - here))


def predict_period(
    spec: DatasetSpec, versions: Versions, period: str, *, champion: Champion | None = None
) -> Written:
    """What the champion says of the rows of a period: predictions.

    Columns: example_id, met_at, period, predicted, confidence, `p:<class>`, champion. Raises
    `GateError` where the gate of the batch did not let it pass, and where there is no champion.
    """
    rows = versions.read(spec.name, partition_stage(BATCH, period))
    serving = champion or load_champion(spec, versions)
    probs = serving.probs(rows)
    names = np.asarray(serving.classes, dtype=object)
    said = names[probs.argmax(axis=1)] if rows.num_rows else names[:0]
    columns = {name: rows[name] for name in ("example_id", "met_at", "period")}
    columns["predicted"] = pa.array(said, pa.string())
    columns["confidence"] = pa.array(probs.max(axis=1, initial=0.0), pa.float64())
    for place, name in enumerate(serving.classes):
        columns[f"{PROBABILITY}{name}"] = pa.array(probs[:, place], pa.float64())
    columns["champion"] = pa.array([serving.number] * rows.num_rows, pa.int64())
    table = pa.table(columns)
    stage = partition_stage(PREDICTIONS, period)
    return Written(versions.write(spec.name, stage, table, gated=False), table)


def measure_drift(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    *,
    champion: Champion | None = None,
) -> Written:
    """The drift of the window that ends with a period: drift_report.

    Raises `GateError` where the batch of the period may not be read, and where there is no
    champion.
    """
    _require_passed(spec, versions, period)
    serving = champion or load_champion(spec, versions)
    window = window_for(spec, versions, serving, period)
    rebased = rebased_to(record, spec.name)
    table = drift_table(spec, versions, serving, window, rebased=rebased)
    rests_on = _rests_on(spec, versions, record, period, serving)
    stage = partition_stage(DRIFT, period)
    return _measured(versions, spec.name, stage, table, rests_on)


def estimate_period(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    *,
    champion: Champion | None = None,
) -> Written:
    """What the champion is worth on the window that ends with a period: performance_estimate.

    Raises as `measure_drift`.
    """
    _require_passed(spec, versions, period)
    serving = champion or load_champion(spec, versions)
    table = estimate_table(spec, versions, serving, period)
    rests_on = _rests_on(spec, versions, record, period, serving)
    stage = partition_stage(PERFORMANCE, period)
    return _measured(versions, spec.name, stage, table, rests_on)


def _measured(
    versions: Versions, dataset: str, stage: str, table: pa.Table, rests_on: dict[str, str]
) -> Written:
    """A measure is of what it rests on: the same figures of other rows are another measure."""
    written = versions.write(
        dataset, stage, table, gated=False, properties=rests_on, same_by=(RESTS_ON,)
    )
    return Written(written, table)


def _rests_on(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    champion: Champion,
) -> dict[str, str]:
    state = window_state(
        versions,
        spec.name,
        window_of(required_production(spec), period),
        champion=champion.number,
        labels=label_digests(versions, spec.name),
        rebased=rebased_to(record, spec.name),
    )
    return {RESTS_ON: state}


def _require_passed(spec: DatasetSpec, versions: Versions, period: str) -> None:
    refused = versions.refusal(spec.name, partition_stage(BATCH, period))
    if refused is not None:
        raise refused


def gate_batch(
    spec: DatasetSpec,
    versions: Versions,
    period: str,
    *,
    suite_of: SuiteOf,
    runner: GateRunner,
    pages: Pages,
) -> Judged:
    """Judge the candidate of a period, and publish it if it passes."""
    stage = partition_stage(BATCH, period)
    return run_gate(spec, stage, suite_of(period), versions, runner=runner, pages=pages)


def run_period(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    pages: Pages,
    period: str,
    *,
    met: Met,
    suite_of: SuiteOf,
    runner: GateRunner,
    now: datetime,
    champion: Champion | None = None,
) -> RanPeriod:
    """All of a period in order, as its assets do it; a gate that stops ends the period, not others.

    Raises `GateError` where there is no champion.
    """
    serving = champion or load_champion(spec, versions)
    batch = write_batch(spec, versions, met, period, now=now)
    gate_batch(spec, versions, period, suite_of=suite_of, runner=runner, pages=pages)
    try:
        predict_period(spec, versions, period, champion=serving)
    except GateError as refused:
        return RanPeriod(period, batch.rows.num_rows, refused=str(refused))
    return _measure(spec, versions, record, period, batch.rows.num_rows, champion=serving)


def remeasure_period(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    *,
    champion: Champion | None = None,
) -> RanPeriod:
    """Drift and performance of a period once more, of the rows and labels that there are by now.

    Raises as `measure_drift`.
    """
    rows = versions.read(spec.name, partition_stage(BATCH, period), columns=["example_id"])
    serving = champion or load_champion(spec, versions)
    return _measure(spec, versions, record, period, rows.num_rows, champion=serving)


def _measure(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    rows: int,
    *,
    champion: Champion,
) -> RanPeriod:
    drift = measure_drift(spec, versions, record, period, champion=champion)
    estimate = estimate_period(spec, versions, record, period, champion=champion)
    whole = overall(estimate.rows)
    return RanPeriod(
        period,
        rows,
        drifted=drifted_columns(drift.rows),
        estimated=whole["estimated"],
        measured=whole["measured"],
        labels=int(whole["labels"] or 0),
    )


def drifted_columns(table: pa.Table) -> tuple[str, ...]:
    """The columns of a drift report that drifted from the champion's own rows."""
    return tuple(
        dict.fromkeys(
            line["column"]
            for line in table.to_pylist()
            if line["finding"] == "drifted" and " before" not in line["against"]
        )
    )


def overall(table: pa.Table) -> dict[str, float | None]:
    """The line of a performance estimate that is of all rows and of accuracy."""
    return next(
        line
        for line in table.to_pylist()
        if line["slice_id"] == "overall" and line["metric"] == "accuracy"
    )
