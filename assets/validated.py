"""Validated examples: what passed the first gate, split once and for all; and what did not.

What belongs here: the assets after the raw gate. What does not: the expectations themselves
(`assets.gates`).
"""

from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.spec import DatasetSpec
from burnish.versions import Versions
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
    def validated_examples(versions: dg.ResourceParam[Versions]) -> dg.MaterializeResult[Any]:
        fixed = versions.read_last_good(spec.name, "fixed_splits")
        rows = validate_examples(versions.read(spec.name, "raw_examples"), spec, fixed=fixed)
        versions.write(spec.name, "fixed_splits", with_new_splits(fixed, rows), gated=False)
        written = versions.write(spec.name, "validated_examples", rows)
        figures = {f"rows {name}": rows["split"].to_pylist().count(name) for name in SPLITS}
        figures["duplicates across splits"] = crossing_duplicates(rows)
        return materialized(written, rows, figures=figures)

    @stage(
        spec,
        "quarantined_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        deps=["raw_examples"],
        description="Rows the raw gate turned away, each with the failed expectation and value. "
        "Mend them in the source, and they come back by themselves.",
    )
    def quarantined_examples(versions: dg.ResourceParam[Versions]) -> dg.MaterializeResult[Any]:
        rows = versions.quarantined(spec.name, "raw_examples")
        written = versions.write(spec.name, "quarantined_examples", rows, gated=False)
        return materialized(written, rows)

    return [validated_examples, quarantined_examples]


SPLITS = ("train", "validation", "test")
