"""Production in the graph: what the champion meets, period by period, and how it fares there.

What belongs here: the stages of production as assets, with their partitions. What does not: what
they do (`burnish.workflows.production_run`), the gate (`assets.checks`), or noticing what came in
(`pipelines.arrivals`).

A period is a run of its own: a gate that stops one day of a backfill leaves the others alone. The
window of a period is read off the record, so that no run waits for those of other days.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.policy import SqlPolicyRecord
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows import production_pages, production_run
from burnish.workflows.production_labels import join_labels
from burnish.workflows.production_periods import end_of, first_day, required_production
from burnish.workflows.production_rows import read_production
from burnish.workflows.production_stages import BATCH, DRIFT, LABELS, PERFORMANCE, PREDICTIONS

GROUP = "production"


def partitions_of(spec: DatasetSpec) -> dg.TimeWindowPartitionsDefinition:
    """The periods of production as Dagster knows them: keys are the dates on which they begin."""
    production = required_production(spec)
    start, zone = first_day(production), production.timezone
    until = end_of(production)
    if production.period == "week":
        # Dagster counts Sunday as 0.
        on = start.isoweekday() % 7
        return dg.WeeklyPartitionsDefinition(start.isoformat(), until, timezone=zone, day_offset=on)
    if production.period == "month":
        return dg.MonthlyPartitionsDefinition(start.isoformat(), until, timezone=zone)
    return dg.DailyPartitionsDefinition(start.isoformat(), until, timezone=zone)


def production_pool(spec: DatasetSpec) -> str:
    """The pool of production: it does not wait for the cycle, but no two runs of it overlap."""
    return f"production/{spec.name}"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The stages of production of one dataset; none where its spec says nothing of production."""
    if spec.production is None:
        return []
    built = [_batch(spec), _predictions(spec), _drift(spec), _performance(spec)]
    return [*built, _labels(spec)] if spec.production.labels is not None else built


def _declared(spec: DatasetSpec, name: str, *, description: str, deps: tuple[str, ...]) -> Any:
    return stage(
        spec,
        name,
        group=GROUP,
        kinds={"arrow", "table"},
        deps=deps,
        description=description,
        pool=production_pool(spec),
        partitions_def=partitions_of(spec),
    )


def _batch(spec: DatasetSpec) -> dg.AssetsDefinition:
    @_declared(
        spec,
        BATCH,
        deps=(),
        description="The rows that the model met in a period, from wherever they came, each once. "
        "Late rows make a new version of their period, the same rows again make none.",
    )
    def production_batch(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        period, now = context.partition_key, datetime.now(UTC)
        met = read_production(spec, now=now, periods=[period])
        batch = production_run.write_batch(spec, versions, met, period, now=now)
        shown = production_pages.batch_page(spec, versions, batch, met, period)
        return materialized(batch.written, batch.rows, shown, spec=spec, pages=pages)

    return production_batch


def _predictions(spec: DatasetSpec) -> dg.AssetsDefinition:
    @_declared(
        spec,
        PREDICTIONS,
        deps=(BATCH,),
        description="What the champion says of each row of a period that passed the gate, and "
        "which iteration's model that was.",
    )
    def predictions(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        made = production_run.predict_period(spec, versions, context.partition_key)
        shown = production_pages.predictions_page(made.rows, context.partition_key)
        return materialized(made.written, made.rows, shown, spec=spec, pages=pages)

    return predictions


def _drift(spec: DatasetSpec) -> dg.AssetsDefinition:
    @_declared(
        spec,
        DRIFT,
        deps=(BATCH, PREDICTIONS),
        description="How far the window that ends with a period is from the rows the champion was "
        "trained and judged on, and from a week and a year before: by column, with intervals.",
    )
    def drift_report(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        policy: dg.ResourceParam[SqlPolicyRecord],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        period = context.partition_key
        made = production_run.measure_drift(spec, versions, policy, period)
        shown = production_pages.drift_page(made.rows, period)
        return materialized(made.written, made.rows, shown, spec=spec, pages=pages)

    return drift_report


def _performance(spec: DatasetSpec) -> dg.AssetsDefinition:
    @_declared(
        spec,
        PERFORMANCE,
        deps=(BATCH, PREDICTIONS),
        description="What the champion's accuracy is likely to be in the window that ends with a "
        "period, in all and by slice, before labels come in; and what labels say so far.",
    )
    def performance_estimate(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        policy: dg.ResourceParam[SqlPolicyRecord],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        period = context.partition_key
        made = production_run.estimate_period(spec, versions, policy, period)
        shown = production_pages.performance_page(spec, versions, made.rows, period)
        return materialized(made.written, made.rows, shown, spec=spec, pages=pages)

    return performance_estimate


def _labels(spec: DatasetSpec) -> dg.AssetsDefinition:
    @stage(
        spec,
        LABELS,
        group=GROUP,
        kinds={"arrow", "table"},
        deps=(BATCH,),
        pool=production_pool(spec),
        description="Rows met in production whose true label came in, whenever it came: what "
        "estimates are held against, and what a retrain may learn from.",
    )
    def production_labels(
        versions: dg.ResourceParam[Versions], pages: dg.ResourceParam[Pages]
    ) -> dg.MaterializeResult[Any]:
        joined = join_labels(spec, versions, now=datetime.now(UTC))
        shown = production_pages.labels_page(joined)
        return materialized(joined.written, joined.rows, shown, spec=spec, pages=pages)

    return production_labels
