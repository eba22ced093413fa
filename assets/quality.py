"""The quality report: what is wrong with the rows and columns, whatever their labels are.

What belongs here: the asset. What does not: the checks (`burnish.quality`), or what follows from a
finding (`burnish.workflows.quality_run`).
"""

from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.quality_run import check_dataset
from burnish.workflows.stage_pages import quality_page

GROUP = "quality"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The quality report of one dataset."""

    @stage(
        spec,
        "quality_report",
        group=GROUP,
        kinds={"table"},
        deps=["validated_examples"],
        description="Gaps, odd values, copies, columns that give the label away, and what else is "
        "wrong with the rows, whatever their labels are. It stops nothing; training rows whose "
        "copies carry another label are asked about.",
    )
    def quality_report(
        versions: dg.ResourceParam[Versions],
        ledger: dg.ResourceParam[LabelLedger],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        done = check_dataset(spec, versions, ledger, pages)
        shown = quality_page(done, iteration=versions.coming(spec.name))
        links = {"report of the checks": pages.link(done.page)}
        return materialized(done.written, done.table, shown, spec=spec, pages=pages, links=links)

    return [quality_report]
