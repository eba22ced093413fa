"""Augmented examples: training rows plus variants of them that passed the realism checks.

What belongs here: the augmented asset. What does not: the augmenters (`burnish.augmentation`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage
from burnish.report.plots import bar_chart
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.figures import as_figures, refusal_counts
from burnish.workflows.iterate import augment_iteration

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
        context: dg.AssetExecutionContext, versions: dg.ResourceParam[Versions]
    ) -> dg.MaterializeResult[Any]:
        iteration = joined(context, versions, spec, opens=False)
        written, rows, facts = augment_iteration(spec, versions, iteration)
        fate = refusal_counts(facts)
        plot = bar_chart(fate, value_label="variants", title="What became of the variants")
        return materialized(written, rows, figures=as_figures(fate), plots={"fate": plot})

    return [augmented_examples]
