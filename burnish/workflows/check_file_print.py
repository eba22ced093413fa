"""A check of a file on a terminal: findings by severity, or JSON.

What belongs here: printing. What does not: finding anything (`burnish.workflows.check_file`).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from burnish.report.check_page import headline, where_of
from burnish.workflows.check_file import FileCheck

MOST_ROWS = 100
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def print_check(found: FileCheck, *, as_json: bool) -> None:
    """The findings, the severest first, for people, or as one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(check_facts(found), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    summary = found.summary
    console.print(Text(f"{headline(summary)} ({summary.rows:,} rows)."), soft_wrap=True)
    for note in summary.notes:
        console.print(Text(f"Note: {note}"), soft_wrap=True)
    for one in found.report.findings:
        console.print()
        # Text, or brackets in a column's name would be read as markup.
        head = Text(f"{one.severity}  ", style=_STYLES[one.severity])
        console.print(head + Text(one.sentence, style="default"), soft_wrap=True)
        for name, said in (
            ("where", where_of(one, summary.ids)),
            ("evidence", one.evidence),
            ("to do", one.to_do),
        ):
            console.print(Text(f"  {name + ':':<10}{said}"), soft_wrap=True)
    if found.page is not None:
        console.print(Text(f"\nWrote {found.page} and {found.table}."), soft_wrap=True)


def check_facts(found: FileCheck) -> dict[str, Any]:
    """The findings as plain JSON; of a finding's rows (from 1) at most the first 100."""
    lines = found.to_table().to_pylist()
    return {
        "file": found.summary.source,
        "rows": found.summary.rows,
        "failed": found.failed,
        "findings": [{**line, "rows": line["rows"][:MOST_ROWS]} for line in lines],
        "looked_for": list(found.report.looked_for),
        "notes": list(found.summary.notes),
        "files": [str(path.absolute()) for path in (found.page, found.table) if path is not None],
    }
