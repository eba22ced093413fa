"""Metrics by slice of the new model, on validation and test rows.

What belongs here: the slice report asset. What does not: what a slice is (`burnish.slices`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage, version_links
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.discovered_iteration import evaluate_iteration
from burnish.workflows.stage_pages import slices_page

GROUP = "slices"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The slice report of one dataset."""

    @stage(
        spec,
        "slice_report",
        group=GROUP,
        kinds={"table"},
        deps=["trained_model", "curated_examples"],
        description="Accuracy, precision, recall, F1, AUROC, log-loss, Brier score and calibration "
        "error: overall, by declared, discovered and class slice, with intervals. Decisions look "
        "at validation; test is only reported.",
    )
    def report(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        done = evaluate_iteration(spec, versions, ledger, iteration)
        shown = slices_page(done, iteration=iteration.number)
        links = version_links(versions, pages, iteration)
        return materialized(done.written, done.report, shown, spec=spec, pages=pages, links=links)

    return [report]
