"""Versions, diffs and lives on a terminal, and as JSON for programs.

What belongs here: printing. What does not: finding out what is printed (`burnish.workflows.naming`,
`.compare_labels`, `.blame`, `.checkout`, `.verify`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.records import DatasetVersion, Iteration
from burnish.report.datasheet import sheet_facts, sheet_markdown
from burnish.spec import DatasetSpec
from burnish.workflows.blame import life_of
from burnish.workflows.checkout import version_sheet
from burnish.workflows.compare_labels import VersionDiff, diff_versions
from burnish.workflows.home import Home
from burnish.workflows.naming import models_by_version, of_run, require_numbered, resolve
from burnish.workflows.verify import verify_home

MOST_CHANGES = 50


def print_versions(home: Home, dataset: str, *, as_json: bool) -> None:
    """Every dataset version of a dataset, oldest first."""
    dataset = resolve(home.versions, dataset).dataset
    rows = version_lines(home, dataset)
    if as_json:
        _json(rows)
        return
    table = _table("version", "made", "rows", "label events", "iteration", "models", "digest")
    for row in rows:
        _add(
            table,
            row["version"],
            row["created_at"][:16].replace("T", " "),
            f"{row['rows']:,}",
            str(row["watermark"]),
            str(row["iteration"]),
            ", ".join(_model(one) for one in row["models"]) or "-",
            row["digest"][:12],
        )
    _console().print(table)


def print_sheet(home: Home, name: str | None, run_id: str | None, *, as_json: bool) -> None:
    """The datasheet of a version, named or found by a tracked run."""
    if run_id is not None:
        iteration, version = of_run(home.versions, run_id)
        if not as_json:
            _console().print(f"{run_id} is {iteration}, trained on {version}", highlight=False)
    else:
        version = require_numbered(resolve(home.versions, name or ""))
    sheet = version_sheet(home.versions, version)
    if as_json:
        _json(sheet_facts(sheet))
    else:
        _console().print(sheet_markdown(sheet), highlight=False, markup=False, soft_wrap=True)


def print_diff(home: Home, before: str, after: str, *, as_json: bool) -> None:
    """What changed between two versions."""
    old, new = resolve(home.versions, before), resolve(home.versions, after)
    found = diff_versions(home, old, new, spec=spec_of_version(new))
    if as_json:
        _json(found.to_json())
        return
    console = _console()
    facts = found.to_json()
    counts = ", ".join(f"{count} {change}" for change, count in facts["counts"].items())
    console.print(f"{old} to {new}: {counts or 'no label changed'}", highlight=False)
    _print_counts(console, "by confusion pair", found.by_pair)
    _print_counts(console, "by slice", found.by_slice)
    _print_counts(console, "changed cells of features", found.features)
    if found.changes.num_rows:
        console.print(_changes(found))
    if found.changes.num_rows > MOST_CHANGES:
        left = found.changes.num_rows - MOST_CHANGES
        console.print(f"and {left} more; --json has all of them", highlight=False)


def print_life(home: Home, dataset: str, example_id: str, *, as_json: bool) -> None:
    """Everything that happened to one example."""
    life = life_of(home, dataset, example_id)
    if as_json:
        _json(life.to_json())
        return
    console = _console()
    console.print(f"{example_id} of {dataset}: now {life.label or 'without a label'}", markup=False)
    table = _table("when", "what", "where", "")
    for moment in life.moments:
        when = moment.at.isoformat(sep=" ", timespec="seconds")[:19] if moment.at else ""
        _add(table, when, moment.what, moment.where, moment.text)
    console.print(table)


def print_findings(home: Home, dataset: str | None) -> bool:
    """What holds and what does not; whether everything does."""
    findings = verify_home(home, dataset)
    console = _console()
    for finding in findings:
        word = "ok " if finding.ok else "BAD"
        console.print(
            f"{word} {finding.what}: {finding.text}", highlight=False, markup=False, soft_wrap=True
        )
    bad = sum(not finding.ok for finding in findings)
    console.print(f"{len(findings)} checks, {bad} that do not hold", highlight=False)
    return bad == 0


def version_lines(home: Home, dataset: str) -> list[dict[str, Any]]:
    """What a list of versions says of each, oldest first: when it was made, of what, its models."""
    models = models_by_version(home.versions, dataset)
    made = home.versions.dataset_versions(dataset)
    return [_line(version, models.get(version.number, [])) for version in made]


def _line(version: DatasetVersion, models: Sequence[Iteration]) -> dict[str, Any]:
    return {
        "version": str(version),
        "created_at": version.created_at.isoformat(),
        "rows": version.rows,
        "watermark": version.watermark.event_id,
        "class_counts": dict(version.class_counts),
        "iteration": version.iteration,
        "models": [
            {"iteration": one.number, "run": one.mlflow_run_id, "promoted": one.promoted}
            for one in models
        ],
        "digest": version.digest,
    }


def _model(facts: Mapping[str, Any]) -> str:
    crown = ", champion then" if facts["promoted"] else ""
    return f"iter{facts['iteration']} (run {(facts['run'] or 'not logged')[:8]}{crown})"


def _changes(found: VersionDiff) -> Table:
    table = _table("example", "change", "from", "to", "who", "when", "P(wrong)", "why")
    for row in found.changes.slice(0, MOST_CHANGES).to_pylist():
        who = f"{row['author']} (simulated)" if row["role"] == "simulated" else row["author"]
        chance = row["error_probability"]
        _add(
            table,
            row["example_id"],
            row["change"],
            row["before"] or "",
            row["after"] or "",
            who or "",
            row["at"].strftime("%Y-%m-%d %H:%M") if row["at"] else "",
            "" if chance is None else f"{chance:.2f}",
            " ".join(filter(None, [row["reason"], row["comment"]])),
        )
    return table


def spec_of_version(version: DatasetVersion) -> DatasetSpec | None:
    """The spec that a version was made by, as its sheet keeps it."""
    kept = version.sheet.get("spec")
    return DatasetSpec.model_validate(kept) if kept else None


def _print_counts(console: Console, title: str, counts: Any) -> None:
    if counts:
        shown = ", ".join(f"{name} {count}" for name, count in list(counts.items())[:12])
        console.print(f"  {title}: {shown}", highlight=False, markup=False)


def _table(*headers: str) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    # As text: an id or a comment may hold what reads as markup.
    table.add_row(*(Text(cell) for cell in cells))


def _json(facts: Sequence[Any] | dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")


def _console() -> Console:
    # A file or a pipe has no width of its own.
    return Console(width=None if sys.stdout.isatty() else 160)
