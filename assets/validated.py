"""Validated examples: what passed the first gate, split once and for all; and what did not.

What belongs here: the assets after the raw gate. What does not: the expectations themselves
(`assets.gates`).
"""

from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_adopting import splits_so_far
from burnish.workflows.quarantine import quarantined_rows
from burnish.workflows.stage_pages import quarantined_page, validated_page
from burnish.workflows.validate import crossing_duplicates, validate_examples, with_new_splits

GROUP = "validated"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The validated and the quarantined rows of one dataset."""

    @stage(
        spec,
        "validated_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["raw_examples"],
        description="Rows the raw gate let through, each with its split (fixed when first seen) "
        "and a group that keeps duplicates in one fold.",
    )
    def validated_examples(
        versions: dg.ResourceParam[Versions], pages: dg.ResourceParam[Pages]
    ) -> dg.MaterializeResult[Any]:
        fixed = splits_so_far(spec, versions)
        rows = validate_examples(versions.read(spec.name, "raw_examples"), spec, fixed=fixed)
        versions.write(spec.name, "fixed_splits", with_new_splits(fixed, rows), gated=False)
        written = versions.write(spec.name, "validated_examples", rows)
        crossing, number = crossing_duplicates(rows), versions.coming(spec.name)
        shown = validated_page(rows, duplicates=crossing, iteration=number)
        return materialized(written, rows, shown, spec=spec, pages=pages)

    @stage(
        spec,
        "quarantined_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["raw_examples", "validated_examples"],
        description="Rows that the gates of raw and validated rows turned away, each with its "
        "gate, the failed expectation and value. Mend them in the source, and they come back "
        "by themselves.",
    )
    def quarantined_examples(
        versions: dg.ResourceParam[Versions], pages: dg.ResourceParam[Pages]
    ) -> dg.MaterializeResult[Any]:
        rows = quarantined_rows(versions, spec.name)
        written = versions.write(spec.name, "quarantined_examples", rows, gated=False)
        shown = quarantined_page(rows, iteration=versions.coming(spec.name))
        return materialized(written, rows, shown, spec=spec, pages=pages)

    return [validated_examples, quarantined_examples]
