"""One gate, start to end: read the candidate, judge it, write the page, record, publish.

What belongs here: that sequence. What does not: the suites (data of the project), the runner of
expectations (behind `burnish.typing.GateRunner`) and the record (`burnish.versions`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from burnish.errors import GateError
from burnish.records import (
    DatasetVersion,
    GateReport,
    GateVerdict,
    Suite,
    TableVersion,
    Watermark,
)
from burnish.report.gate_page import render_gate_page
from burnish.report.pages import Pages, write_page
from burnish.spec import DatasetSpec
from burnish.typing import GateRunner
from burnish.versions import Versions
from burnish.versions.curating import content_without
from burnish.versions.views import CURATED, parts_of
from burnish.workflows.version_pages import write_version_page

BEHIND_THE_QUEUE = ("curated_examples", "augmented_examples", "trained_model", "slice_report")


@dataclass(frozen=True)
class Judged:
    """A gate's outcome: the report, what our record keeps of it, and the failures as a table.

    `failures` has the columns code, expectation, column, on_fail, failing, examples. `numbered` is
    the dataset version that the gate of curated rows made. `last_good` is the version of the
    stage's table that readers see now.
    """

    report: GateReport
    verdict: GateVerdict
    failures: pa.Table
    numbered: DatasetVersion | None = None
    last_good: int | None = None


def run_gate(
    spec: DatasetSpec,
    stage: str,
    suite: Suite,
    versions: Versions,
    *,
    runner: GateRunner,
    pages: Pages,
    made: Mapping[str, str] | None = None,
) -> Judged:
    """Judge the newest candidate of a stage, and publish it if the gate lets it pass.

    What a gate publishes of `curated_examples` is numbered as a dataset version at once, which has
    its page from then on; `made` says by which code and run. Raises `GateError` where the stage was
    never materialized.
    """
    candidate = versions.candidate(spec.name, stage)
    if candidate is None:
        raise GateError(
            f"{spec.name}/{stage} has no version to judge",
            expected="a materialized stage",
            hint=f"materialize {stage} together with its check",
        )
    # What is published is held against the digest it was written with, not the checksums alone.
    versions.store.verify(candidate.table, version=candidate.version)
    data = versions.read_candidate(spec.name, stage, version=candidate.version)
    key = "example_id" if "example_id" in data.column_names else None
    report = runner.run(suite, data, key=key)
    page = _write_page(pages, report, spec.name, candidate, stage)
    numbered = None
    if report.passed and stage == CURATED:
        sheet = {
            **spec.datasheet.model_dump(),
            "description": spec.description,
            "spec": spec.model_dump(mode="json"),
            **dict(made or {}),
        }
        numbered = _numbering(versions, candidate, report, sheet)
    verdict = versions.record_verdict(
        spec.name,
        stage,
        candidate.version,
        report,
        report_path=page,
        when_published=numbered,
    )
    made_now = [one for one in versions.dataset_versions(spec.name) if numbered is not None]
    newest = next((v for v in reversed(made_now) if v.table_version == candidate.version), None)
    if newest is not None:
        write_version_page(pages, versions, newest)
    published = versions.published(spec.name, stage)
    last_good = None if published is None else published.version
    return Judged(report, verdict, failure_table(report), newest, last_good)


def known_classes(spec: DatasetSpec, versions: Versions, stage: str) -> tuple[str, ...]:
    """The class set at the gate of a stage: as the spec says, else as the data have it.

    Without classes in the spec, those of the last good version count up to the queue. Behind it
    count those that people left: a misspelt label is a class until somebody mends its last row.
    """
    if spec.classes:
        return spec.classes
    if stage in BEHIND_THE_QUEUE and versions.candidate(spec.name, "curated_examples"):
        rows = versions.read_candidate(spec.name, "curated_examples", columns=["label", "split"])
        rows = rows.filter(pc.field("split") == "train")
    else:
        rows = versions.read_last_good(spec.name, "validated_examples", columns=["label"])
    if rows is None:
        return ()
    return tuple(sorted({label for label in rows["label"].to_pylist() if label is not None}))


def promised_rows(spec: DatasetSpec, versions: Versions) -> int:
    """How many rows the open batch may hold: the budget, or what people were given before it."""
    iteration = versions.current(spec.name)
    queue = versions.read_last_good(spec.name, "relabel_queue", columns=["iteration"])
    # How many rows a time is good for is noted when the queue is made.
    noted = None if iteration is None else iteration.summary.get("review_rows")
    promised = spec.review.rows() if noted is None else int(noted)
    if iteration is None or queue is None:
        return promised
    given = queue["iteration"].to_pylist().count(iteration.number)
    return max(promised, given)


def _numbering(
    versions: Versions, candidate: TableVersion, report: GateReport, sheet: Mapping[str, Any]
) -> Callable[[Connection], DatasetVersion]:
    """Gives curated rows their number, `digits@7`, in the transaction that publishes them."""
    dataset = candidate.table.split("/")[0]
    recipe = versions.recipe(dataset, candidate.version)
    content = versions.content(dataset, candidate.version)
    if report.quarantined.num_rows:
        rows = versions.read_candidate(dataset, CURATED, version=candidate.version)
        content = content_without(rows, report.quarantined)
    made_by = versions.newest_output(dataset, CURATED)
    return versions.committing(
        dataset,
        table_version=candidate.version,
        watermark=Watermark(recipe.watermark, recipe.chain),
        digest=content.digest.hex,
        rows=content.rows,
        class_counts=content.class_counts,
        iteration=made_by[0] if made_by else 0,
        sheet={**sheet, "parents": [f"{n}@{v}" for n, v in parts_of(dataset, recipe)]},
    )


def failure_table(report: GateReport) -> pa.Table:
    """The expectations that failed, one a row."""
    failed = [result for result in report.results if not result.passed]
    return pa.table(
        {
            "code": [result.expectation.code for result in failed],
            "expectation": [result.expectation.kind for result in failed],
            "column": [result.expectation.column for result in failed],
            "on_fail": [result.expectation.on_fail for result in failed],
            "failing": pa.array([result.failing for result in failed], pa.int64()),
            "examples": [json.dumps(list(result.examples[:5])) for result in failed],
        }
    )


def _write_page(
    pages: Pages, report: GateReport, dataset: str, candidate: TableVersion, stage: str
) -> str:
    at = datetime.now(UTC)
    html = render_gate_page(report, dataset=dataset, stage=stage, version=candidate.version, at=at)
    return str(write_page(pages.gate(dataset, stage, candidate.version), html))
