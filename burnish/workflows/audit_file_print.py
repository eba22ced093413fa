"""An audit of a file on a terminal: progress while it runs, a short summary, and JSON.

What belongs here: printing. What does not: finding out what is printed
(`burnish.workflows.audit_file`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from burnish.report.audit_page import headline
from burnish.report.loop_page import percent
from burnish.workflows.audit_file import FileAudit, Told

SHOWN = 5
_SAID = {
    "reading": "Reading the file",
    "models": "Models judge rows",
    "comparing": "Comparing rows",
    "writing": "Writing",
}


@contextmanager
def shown_progress() -> Generator[Told | None]:
    """A bar on stderr where that is a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(_SAID["reading"], total=1)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=_SAID[what], completed=done, total=total)

        yield tell


def print_audit(audit: FileAudit, *, as_json: bool) -> None:
    """The summary, in a few lines for people, or as one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(audit_facts(audit), indent=1) + "\n")
        return
    summary, files = audit.summary, audit.files
    console = Console(width=None if sys.stdout.isatty() else 120)
    out = _Lines(console)
    out.say(
        f"{summary.source}: {summary.rows:,} rows, {len(summary.classes)} classes. "
        f"{headline(summary)} ({percent(summary.share.value)}), as models see it."
    )
    for doubt in summary.doubts:
        out.say(f"But: {doubt}")
    for note in summary.notes:
        out.say(f"Note: {note}")
    _print_classes(console, audit)
    _print_suspects(console, audit)
    if summary.forecast:
        out.say(summary.forecast)
    out.say(f"Wrote {files.page}: open it in a browser.")
    out.say(f"      {files.table}: every row; look at the {summary.queue:,} with a queue_rank.")
    if files.kept_spec:
        out.say(f"Kept  {files.spec}, which was changed since it was written.")
    else:
        out.say(f"      {files.spec}: the dataset spec to go on with.")
    out.say(f"Next, with the folder of workspace.yaml as --project:\n  {summary.steps[-1].command}")


class _Lines:
    """Lines of plain text: nothing in them is markup or highlighted."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def audit_facts(audit: FileAudit) -> dict[str, Any]:
    """The summary as plain JSON."""
    summary, files = audit.summary, audit.files
    share = summary.share
    first = audit.table.slice(0, 10).to_pylist()
    written = {"table": files.table, "page": files.page, "spec": files.spec}
    return {
        "dataset": summary.dataset,
        "rows": summary.rows,
        "labeled": summary.labeled,
        "unlabeled": summary.unlabeled,
        "held_out": summary.held_out,
        "expected_errors": summary.expected,
        "noise_rate": {"value": share.value, "low": share.low, "high": share.high},
        "classes": [
            {"name": one.name, "rows": one.rows, "expected_errors": one.expected}
            for one in summary.classes
        ],
        "pairs": [
            {"given": one.given, "suggested": one.suggested, "expected_errors": one.expected}
            for one in summary.pairs[:20]
        ],
        "slices": [
            {"name": one.name, "rows": one.rows, "noise_rate": one.share.value}
            for one in summary.slices[:20]
        ],
        "quality": {one.title: one.count for one in summary.findings},
        "most_suspicious": [{name: row[name] for name in _FACTS if name in row} for row in first],
        "queue": {"rows": summary.queue, "control": summary.control},
        "forecast": summary.forecast,
        "doubts": list(summary.doubts),
        "notes": list(summary.notes),
        "files": {name: str(path.absolute()) for name, path in written.items()},
        "next": summary.steps[-1].command,
    }


_FACTS = ("example_id", "row", "given_label", "suggested_label", "error_probability")


def _print_classes(console: Console, audit: FileAudit) -> None:
    summary = audit.summary
    table = _table("label", "rows", "expected wrong", "share", "rather")
    for one in summary.classes[:SHOWN]:
        share = (
            f"{percent(one.share.value)} ({percent(one.share.low)} to {percent(one.share.high)})"
        )
        _add(table, one.name, f"{one.rows:,}", f"{one.expected:.1f}", share, one.rather or "-")
    console.print(table)
    more = len(summary.classes) - SHOWN
    if more > 0:
        _Lines(console).say(f"and {more} more classes, see the report")


def _print_suspects(console: Console, audit: FileAudit) -> None:
    table = _table("most suspicious", "row", "given", "rather", "wrong with probability")
    for one in audit.summary.suspects[:SHOWN]:
        chance = f"{one.probability:.2f}"
        _add(table, one.example_id or "-", f"{one.row:,}", one.given, one.suggested, chance)
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="ellipsis", max_width=40)
    return table


def _add(table: Table, *cells: str) -> None:
    # Text, or brackets in a label would be read as markup.
    table.add_row(*(Text(cell) for cell in cells))
