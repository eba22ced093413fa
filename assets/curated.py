"""Curated examples: validated rows with every verdict given so far.

What belongs here: the curated asset. What does not: folding the ledger (`burnish.ledger`) or
numbering dataset versions (`burnish.versions`, done when the gate has passed).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.iterate import curate_iteration
from burnish.workflows.stage_pages import curated_page

GROUP = "curated"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The curated rows of one dataset."""

    @stage(
        spec,
        "curated_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["validated_examples", "relabel_queue", "label_ledger"],
        description="Validated rows with all verdicts so far: changed labels, dropped rows, first "
        "labels of unlabeled rows. Only people change labels.",
    )
    def curated_examples(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        written, rows, noise = curate_iteration(spec, versions, ledger, iteration)
        shown = curated_page(rows, noise, iteration=iteration.number)
        # Its own number comes from its gate, so that the list of all is what can be linked here.
        links = {"dataset versions": pages.link(pages.versions(spec.name))}
        return materialized(written, rows, shown, spec=spec, pages=pages, links=links)

    return [curated_examples]
