"""The relabel queue: what people are asked to look at in this iteration.

What belongs here: the queue asset. What does not: how a batch is composed (`burnish.acquisition`)
and the desk where people decide (`burnish.review`).
"""

from typing import Any

import dagster as dg
import pyarrow as pa

from assets.reporting import joined, materialized, stage
from burnish.records import Iteration
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.queue import build_queue
from burnish.workflows.stage_pages import queue_page

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
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        queue = _batch(spec, versions, ledger, iteration)
        written = versions.write(spec.name, "relabel_queue", queue, iteration=iteration.number)
        shown = queue_page(queue, iteration=iteration.number)
        return materialized(written, queue, shown, spec=spec, pages=pages)

    return [relabel_queue]


def _batch(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger, iteration: Iteration
) -> pa.Table:
    return build_queue(
        versions.read(spec.name, "label_audit", of=iteration),
        spec,
        labels=ledger.fold(spec.name),
        requests=ledger.requests(spec.name),
        previous=versions.read_last_good(spec.name, "relabel_queue"),
        iteration=iteration.number,
        seed=spec.random_state,
    )
