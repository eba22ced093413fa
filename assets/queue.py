"""The relabel queue: what people are asked to look at in this iteration.

What belongs here: the queue asset. What does not: how a batch is composed (`burnish.acquisition`)
and the desk where people decide (`burnish.review`).
"""

from typing import Any

import dagster as dg
import pyarrow as pa

from assets.reporting import joined, materialized, stage
from burnish.records import TableVersion
from burnish.report.plots import bar_chart
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.figures import as_figures, queue_figures
from burnish.workflows.queue import build_queue

GROUP = "review"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The relabel queue of one dataset."""

    @stage(
        spec,
        "relabel_queue",
        group=GROUP,
        kinds={"table"},
        deps=["label_audit", "label_requests", "label_ledger"],
        description="The batch people decide on: the most suspicious labels within the budget, "
        "rows that were asked for, and a random control arm. Nothing is changed by itself.",
    )
    def relabel_queue(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        queue = build_queue(
            versions.read(spec.name, "label_audit", of=iteration),
            spec,
            labels=ledger.fold(spec.name),
            requests=ledger.requests(spec.name),
            previous=versions.read_last_good(spec.name, "relabel_queue"),
            iteration=iteration.number,
            seed=spec.random_state,
        )
        written = versions.write(spec.name, "relabel_queue", queue, iteration=iteration.number)
        return _shown(written, queue)

    return [relabel_queue]


def _shown(written: TableVersion, queue: pa.Table) -> dg.MaterializeResult[Any]:
    reasons = queue_figures(queue)
    plot = bar_chart(reasons, value_label="rows", title="Why rows are in the queue")
    return materialized(written, queue, figures=as_figures(reasons), plots={"reasons": plot})
