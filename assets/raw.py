"""Raw examples: the source as it is today, plus unlabeled rows and annotators' answers.

What belongs here: reading a source into versioned tables. What does not: judging it (the gate in
`assets.checks`) and turning rows away (`assets.validated`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.reporting import materialized, stage
from burnish.errors import DataError
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.ingest import read_annotations
from burnish.workflows.production_adopting import read_raw
from burnish.workflows.production_asking import unlabeled_rows
from burnish.workflows.stage_pages import extra_page, raw_page

GROUP = "raw"


def build(spec: DatasetSpec) -> list[dg.AssetsDefinition]:
    """The raw assets of one dataset."""

    @stage(
        spec,
        "raw_examples",
        group=GROUP,
        kinds={"arrow", "table"},
        description=f"{spec.description or 'The rows as collected.'}\n\nFeatures and given labels, "
        "untouched. An unchanged source makes no new version.",
        check_specs=[
            dg.AssetCheckSpec(
                "source_readable",
                asset=[spec.name, "raw_examples"],
                blocking=True,
                description="The source can be opened and has the declared columns.",
            )
        ],
    )
    def raw_examples(
        versions: dg.ResourceParam[Versions], pages: dg.ResourceParam[Pages]
    ) -> Iterator[Any]:
        try:
            raw = read_raw(spec, versions)
        except DataError as error:
            yield from _unreadable(versions, spec, error)
            return
        written = versions.write(spec.name, "raw_examples", raw)
        shown = raw_page(raw, spec, iteration=versions.coming(spec.name))
        yield materialized(written, raw, shown, spec=spec, pages=pages)
        yield dg.AssetCheckResult(passed=True, check_name="source_readable")

    built = [raw_examples]
    if spec.has_unlabeled:
        built.append(_extra(spec, "unlabeled_examples", _UNLABELED))
    if spec.annotations is not None:
        built.append(_extra(spec, "annotations", "Every annotator's answer, one row an answer."))
    return built


_UNLABELED = "Rows nobody has labelled yet, those of production among them that were asked about."


def _extra(spec: DatasetSpec, name: str, description: str) -> dg.AssetsDefinition:
    asks_production = name == "unlabeled_examples" and spec.production is not None

    @stage(
        spec,
        name,
        group=GROUP,
        kinds={"arrow", "table"},
        # Rows met in production come in the columns of the validated ones.
        deps=["validated_examples"] if asks_production else [],
        description=description,
    )
    def extra(
        versions: dg.ResourceParam[Versions], pages: dg.ResourceParam[Pages]
    ) -> dg.MaterializeResult[Any]:
        rows = (
            unlabeled_rows(spec, versions)
            if name == "unlabeled_examples"
            else read_annotations(spec)
        )
        written = versions.write(spec.name, name, rows, gated=False)
        shown = extra_page(rows, iteration=versions.coming(spec.name))
        return materialized(written, rows, shown, spec=spec, pages=pages)

    return extra


def _unreadable(versions: Versions, spec: DatasetSpec, error: DataError) -> Iterator[Any]:
    """Record the stop in our own record and in Dagster's, then fail: nothing is materialized."""
    versions.record_failure(spec.name, "raw_examples", "RAW-SOURCE-UNREADABLE", str(error))
    yield dg.AssetCheckResult(
        passed=False,
        check_name="source_readable",
        metadata={"code": "RAW-SOURCE-UNREADABLE", "reason": str(error)},
    )
    raise dg.Failure(f"RAW-SOURCE-UNREADABLE: {error}", allow_retries=False) from error
