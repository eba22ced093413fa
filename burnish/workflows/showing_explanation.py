"""Why a label is doubted, on a terminal, as JSON and as a page.

What belongs here: printing and writing. What does not: finding it out
(`burnish.workflows.explain`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.report.explained import Explanation
from burnish.report.explanation_page import render_explanation_page, what_if_words
from burnish.report.pages import write_page
from burnish.spec import load_spec_named
from burnish.workflows.explain import explain_example
from burnish.workflows.home import Home
from burnish.workflows.verify import require_dataset


def print_explanation(
    home: Home,
    catalog: Path,
    dataset: str,
    example_id: str,
    *,
    iteration: int | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """What speaks against the label of one row and what for it; `page` is written as well."""
    require_dataset(home, dataset)
    spec = load_spec_named(catalog, dataset)
    found = explain_example(home.versions, spec, example_id, iteration=iteration)
    if page is not None:
        write_page(page, render_explanation_page(found))
    if as_json:
        sys.stdout.write(json.dumps(found.to_json(), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    _print(console, found)
    if page is not None:
        console.print(f"Written to {page}", markup=False, highlight=False, soft_wrap=True)


def _print(console: Console, found: Explanation) -> None:
    said = f"people: {found.decision}" if found.decision else "nobody has decided on it"
    console.print(
        f"{found.example_id} of {found.dataset}@iter{found.iteration}: labelled '{found.label}', "
        f"the models would say '{found.suggested}'; {said}",
        markup=False,
        highlight=False,
    )
    if found.waiting:
        console.print("People are still asked about this row: do not show them this.")
    table = _table("speaks", "what it says", "rank")
    for one in found.signals:
        rank = "" if one.rank is None else f"{one.rank:,} of {one.of:,}"
        table.add_row(*map(Text, (one.side, one.says, rank)))
    console.print(table)
    near = _table("most like it", "label", "distance", "people")
    for row in found.nearest:
        copy = " (near copy)" if row.near_copy else ""
        said = row.decision or "nobody has looked"
        near.add_row(*map(Text, (row.example_id + copy, row.label, f"{row.distance:.4g}", said)))
    console.print(near)
    words = what_if_words(found.what_if, label=found.label, suggested=found.suggested)
    console.print(words, markup=False, highlight=False)


def _table(*headers: str) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
