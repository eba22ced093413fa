"""Augmented examples: training rows plus variants of them that passed the realism checks.

What belongs here: the augmented asset. What does not: the augmenters (`burnish.augmentation`).
"""

from typing import Any

import dagster as dg

from assets.reporting import joined, materialized, stage
from burnish.report.plots import bar_chart
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.augment import augment_examples
from burnish.workflows.figures import as_figures, augmentation_facts, refusal_counts

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
        curated = versions.read(spec.name, "curated_examples")
        report = versions.read_last_good(spec.name, "slice_report")
        made = augment_examples(curated, spec, report=report, random_state=spec.random_state)
        versions.write(spec.name, "augmentation_refusals", made.refused, gated=False)
        written = versions.write(spec.name, "augmented_examples", made.examples)
        versions.note(spec.name, iteration.number, augmentation=augmentation_facts(made))
        reasons = refusal_counts(made)
        plot = bar_chart(reasons, value_label="variants", title="What became of the variants")
        return materialized(
            written, made.examples, figures=as_figures(reasons), plots={"fate": plot}
        )

    return [augmented_examples]
