"""The relabel queue: what people are asked to look at in this iteration.

What belongs here: the queue asset. What does not: how a batch is composed (`burnish.acquisition`)
and the desk where people decide (`burnish.review`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.guides import flags_of
from burnish.workflows.queue import queue_iteration
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
        "rows that were asked for, some with a known answer where the spec names such, and a "
        "random control arm. Nothing is changed by itself.",
    )
    def relabel_queue(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        made = queue_iteration(spec, versions, ledger, iteration)
        unclear = flags_of(versions, spec.name)
        shown = queue_page(made.table, made.ahead, iteration=iteration.number, unclear=unclear)
        return materialized(made.written, made.table, shown, spec=spec, pages=pages)

    return [relabel_queue]
