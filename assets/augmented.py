"""Augmented examples: training rows plus variants of them that passed the realism checks.

What belongs here: the augmented asset. What does not: the augmenters (`burnish.augmentation`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage, version_links
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.iterate import augment_iteration
from burnish.workflows.stage_pages import augmented_page

GROUP = "augmented"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The augmented training rows of one dataset."""

    @stage(
        spec,
        "augmented_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["curated_examples"],
        description="Training rows and variants of them, weak slices first. A variant that looks "
        "unlike the data or changes its predicted class is refused. Validation and test "
        "rows are never augmented.",
    )
    def augmented_examples(
        context: dg.AssetExecutionContext,
        versions: dg.ResourceParam[Versions],
        pages: dg.ResourceParam[Pages],
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        written, rows, facts = augment_iteration(spec, versions, iteration)
        shown = augmented_page(rows, facts, iteration=iteration.number)
        links = version_links(versions, pages, iteration)
        return materialized(written, rows, shown, spec=spec, pages=pages, links=links)

    return [augmented_examples]
