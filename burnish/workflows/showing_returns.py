"""The return on labeling on a terminal, as JSON, and as a page.

What belongs here: `burnish return`: what it costs, how far it is, and what came out. What does not:
measuring (`burnish.workflows.returns`), or the words of the page (`burnish.report.return_page`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from burnish.report.pages import Pages
from burnish.report.return_page import points, return_headline
from burnish.spec import load_catalog
from burnish.workflows.home import Home
from burnish.workflows.iteration_report_pages import write_measured_report
from burnish.workflows.returns import Returns, keep_returns, measure_returns, plan_returns
from burnish.workflows.returns_ahead import (
    forecast_return,
    foretold_so_far,
    foretold_table,
    gains_as_they_came,
)
from burnish.workflows.returns_story import errors_ahead, named, story_of, write_returns_page
from burnish.workflows.returns_table import Kind
from burnish.workflows.verify import require_dataset

A = TypeVar("A")
B = TypeVar("B")


class ShownMapper:
    """One item after the other, with a bar on the terminal for who waits."""

    def __init__(self, console: Console, text: str) -> None:
        self.console, self.text = console, text

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        waiting = list(items)
        with Progress(console=self.console, transient=True) as progress:
            bar = progress.add_task(self.text, total=len(waiting))
            done: list[B] = []
            for item in waiting:
                done.append(function(item))
                progress.advance(bar)
        return done


def print_returns(
    home: Home,
    catalog: Path,
    dataset: str,
    *,
    last: int = 5,
    seeds: int = 5,
    page: Path | None = None,
    as_json: bool = False,
) -> None:
    """Measure the return of the last batches, keep it, write its page, and say what came out.

    What it costs is said on standard error before anything is trained. Raises `DataError` where no
    batch was decided yet, and the error of an unknown dataset.
    """
    require_dataset(home, dataset)
    spec = load_catalog(catalog)[dataset]
    plan = plan_returns(spec, home.versions, home.ledger, last=last, seeds=seeds)
    aside = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    aside.print(plan.sentence, highlight=False, soft_wrap=True)
    returns = measure_returns(plan, mapper=ShownMapper(aside, "seeds"))
    keep_returns(home.versions, returns)
    now = datetime.now(UTC)
    pages = Pages(home.reports)
    written = write_returns_page(pages, home.versions, home.ledger, returns, at=now, page=page)
    write_measured_report(pages, home.versions, home.ledger, spec)
    if as_json:
        sys.stdout.write(json.dumps(returns_json(returns, page=str(written)), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    story = story_of(returns, at=now, errors=errors_ahead(home.versions, home.ledger, dataset))
    console.print(return_headline(story), highlight=False, soft_wrap=True)
    kinds: tuple[Kind, ...] = ("as it came", "left out", "reason")
    for kind in kinds:
        console.print(_table(kind, list(returns.rows(kind))))
    for text in (story.forecast or "What the next batch will bring is not known.", story.errors):
        if text:
            console.print(text, highlight=False, soft_wrap=True)
    console.print(f"The whole story: {written}", highlight=False, soft_wrap=True)


def returns_json(returns: Returns, *, page: str) -> dict[str, Any]:
    """A measurement for programs: every row of its table, how it was made, and the forecasts."""
    gains = gains_as_they_came(returns)
    ahead = forecast_return(gains)
    return {
        "dataset": returns.dataset,
        "facts": dict(returns.facts),
        "returns": returns.table.to_pylist(),
        "forecast": None if ahead is None else asdict(ahead),
        "foretold": foretold_table(foretold_so_far(gains)).to_pylist(),
        "page": page,
    }


def _table(title: str, rows: list[Mapping[str, Any]]) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in (
        title,
        "reviews",
        "changed",
        "points",
        "from",
        "to",
        "shown",
        "per 100",
        "hours",
    ):
        table.add_column(header, overflow="fold", justify="left" if header == title else "right")
    for row in rows:
        per = 100 * row["gain"] / row["reviews"] if row["reviews"] else None
        cells = [
            named(row),
            str(row["reviews"]),
            str(row["changed"]),
            *(points(row[name]) for name in ("gain", "low", "high")),
            row["finding"] if row["changed"] else "no change",
            points(per),
            f"{row['hours']:.1f}",
        ]
        # As text: a reason may hold what reads as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table
