"""Metrics by slice of the new model, on validation and test rows.

What belongs here: the slice report asset. What does not: what a slice is (`burnish.slices`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage, version_links
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.evaluate import slice_report
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
        description="Accuracy, F1, log-loss and calibration error: overall, by declared slice and "
        "by class, with intervals. Decisions look at validation; test is only reported.",
    )
    def report(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        predictions = versions.read(spec.name, "trained_model", of=iteration)
        curated = versions.read(spec.name, "curated_examples", of=iteration)
        rows = slice_report(predictions, curated, spec)
        written = versions.write(spec.name, "slice_report", rows, iteration=iteration.number)
        shown = slices_page(rows, iteration=iteration.number)
        links = version_links(versions, pages, iteration)
        return materialized(written, rows, shown, spec=spec, pages=pages, links=links)

    return [report]
