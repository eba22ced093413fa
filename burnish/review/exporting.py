"""The list of a batch as a CSV file that a spreadsheet may open.

What belongs here: columns, and cells that a spreadsheet does not run. What does not: which rows
and which of their facts may leave (`burnish.review.listing`), or sheets that people fill in
(`burnish.workflows.exchange`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from burnish.review.listing import Listed

# A spreadsheet takes a cell that starts so for a formula, full-width signs among them.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    "example_id",
    "position",
    "state",
    "round",
    "answers",
    "assignee",
    "note",
    "reason",
    "why",
    "label",
    "suggested_label",
    "error_probability",
    "waiting_hours",
    "priority",
    "due_at",
)


def guarded(cell: object) -> str:
    """A cell as text; one that a spreadsheet would run gets an apostrophe before it.

    >>> guarded("=1+1"), guarded("-2"), guarded(-2.5), guarded("a=b"), guarded(None)
    ("'=1+1", "'-2", '-2.5', 'a=b', '')
    """
    if cell is None:
        return ""
    text = str(cell)
    is_number = isinstance(cell, int | float)
    return f"'{text}" if not is_number and text.startswith(FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Listed]) -> Iterator[str]:
    """The file line by line, its header first.

    Every cell is quoted: where a semicolon parts cells, one inside a cell would begin another.

    >>> list(csv_lines([]))[0][:23]
    '"example_id","position"'
    """
    yield _line(COLUMNS)
    for row in rows:
        yield _line(
            (
                row.example_id,
                row.position,
                row.state,
                row.round,
                row.answers,
                row.assignee,
                row.note,
                row.reason,
                row.why,
                row.label,
                row.suggested,
                row.error_probability,
                round(row.hours, 2),
                row.priority,
                row.due_at and row.due_at.isoformat(timespec="seconds"),
            )
        )


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([guarded(cell) for cell in cells])
    return out.getvalue()
