"""The pages of dataset versions, gathered from the record and written beside the other reports.

What belongs here: what a version's page needs to know, and when a page is written. What does not:
how it reads (`burnish.report.version_page`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from burnish.records import DatasetVersion, Iteration
from burnish.report.pages import Pages, write_page
from burnish.report.version_page import (
    LabelChange,
    ModelRun,
    VersionLine,
    render_version_page,
    render_versions_page,
)
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.checkout import version_sheet
from burnish.workflows.compare_labels import diff_versions
from burnish.workflows.naming import as_collected, models_by_version, trained_on

RunUrl = Callable[[str], str]
"""Where a tracked run is shown, by its id; empty where nothing shows it."""


@dataclass(frozen=True)
class _Opened:
    versions: Versions
    ledger: LabelLedger


def write_version_page(
    pages: Pages,
    versions: Versions,
    version: DatasetVersion,
    *,
    run_url: RunUrl = lambda run_id: "",  # noqa: ARG005
) -> Path:
    """Write the page of a version and the list of all; what was there is replaced.

    Written when a gate has numbered the version, and again when a model was trained on it.
    """
    made = versions.dataset_versions(version.dataset)
    earlier = [one for one in made if one.number < version.number]
    before = earlier[-1] if earlier else as_collected(version)
    models = models_by_version(versions, version.dataset)
    trained = models.get(version.number, [])
    page = render_version_page(
        version_sheet(versions, version),
        before=version_sheet(versions, before) if earlier else None,
        changes=_changes(versions, before, version),
        runs=_runs(trained, run_url),
        gate=_gate(pages, version),
        reports=_reports(pages, version.dataset, trained),
    )
    lines = [_line(one, _runs(models.get(one.number, []), run_url)) for one in made]
    write_page(pages.versions(version.dataset), render_versions_page(version.dataset, lines))
    return write_page(pages.version(version.dataset, version.number), page)


def version_of(versions: Versions, iteration: Iteration) -> DatasetVersion | None:
    """The dataset version that this iteration works with; None before its gate numbered it."""
    if iteration.summary.get("dataset_version") is not None:
        return trained_on(versions, iteration)
    newest = versions.newest_output(iteration.dataset, "curated_examples")
    if newest is None or newest[0] != iteration.number:
        return None
    made = reversed(versions.dataset_versions(iteration.dataset))
    return next((one for one in made if one.table_version == newest[1]), None)


def _changes(
    versions: Versions, before: DatasetVersion, after: DatasetVersion
) -> list[LabelChange]:
    opened = _Opened(versions, versions.ledger)
    found = diff_versions(opened, before, after).changes.to_pylist()
    return [
        LabelChange(
            example_id=row["example_id"],
            change=row["change"],
            before=row["before"],
            after=row["after"],
            author=row["author"] or "",
            role=row["role"] or "",
            at=row["at"],
            reason=row["reason"] or "",
            error_probability=row["error_probability"],
        )
        for row in found
    ]


def _runs(trained: Sequence[Iteration], run_url: RunUrl) -> tuple[ModelRun, ...]:
    return tuple(
        ModelRun(one.number, one.mlflow_run_id, run_url(one.mlflow_run_id))
        for one in trained
        if one.mlflow_run_id
    )


def _gate(pages: Pages, version: DatasetVersion) -> str:
    report = pages.gate(version.dataset, "curated_examples", version.table_version)
    return f"../gates/{report.name}" if report.exists() else ""


def _reports(pages: Pages, dataset: str, trained: Sequence[Iteration]) -> dict[int, str]:
    """The reports that are there, of the iterations that trained a model on the version."""
    found = {one.number: pages.iteration(dataset, one.number) for one in trained}
    return {number: f"../iterations/{page.name}" for number, page in found.items() if page.exists()}


def _line(version: DatasetVersion, runs: tuple[ModelRun, ...]) -> VersionLine:
    return VersionLine(
        number=version.number,
        created_at=version.created_at,
        rows=version.rows,
        events=version.watermark.event_id,
        iteration=version.iteration,
        runs=runs,
        digest=version.digest,
    )
