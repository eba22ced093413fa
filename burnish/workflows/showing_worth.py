"""What labeling brings for what it costs, on a terminal and as JSON for programs.

What belongs here: `burnish review worth`. What does not: counting (`burnish.workflows.worth`), or
the page of the desk (`burnish.review.pages_worth`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.review.worth import Ahead, Work, Worth, time_spent, told_rate
from burnish.workflows.home import Home
from burnish.workflows.verify import require_dataset
from burnish.workflows.worth import worth_of


def print_worth(home: Home, dataset: str, *, as_json: bool) -> None:
    """What was found in how many hours, what it brought the model, and what is ahead.

    Raises `ReviewError` for a dataset that the home does not know.
    """
    require_dataset(home, dataset)
    worth = worth_of(home.versions, home.ledger, dataset)
    if as_json:
        sys.stdout.write(json.dumps(asdict(worth), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for line in worth_lines(worth):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if worth.batches:
        console.print(_table(worth))


def worth_lines(worth: Worth) -> Iterator[str]:
    """The page in sentences.

    >>> [*worth_lines(Worth("digits", Work(), Work()))][0]
    'People have decided nothing yet, so nothing can be said of what they found.'
    """
    people, programs = worth.people, worth.simulated
    if people.rows:
        yield f"People found {people.found:,} wrong labels in {people.rows:,} rows."
        yield f"In an hour: {_rate(people)}. Timed: {time_spent(people.hours)}."
    else:
        yield "People have decided nothing yet, so nothing can be said of what they found."
    if programs.rows:
        yield f"Programs that play people found {programs.found:,} in {programs.rows:,} rows."
    yield _ahead(worth.ahead) if worth.ahead else "No audit was made: nothing can be foretold."
    for one in worth.gains:
        yield f"Batch {one.iteration} and the model: {one.words}."
    if not worth.gains:
        yield f"What it brought the model is not measured: `burnish return {worth.dataset}` does."
    elif worth.next_gain:
        yield worth.next_gain


def _ahead(ahead: Ahead) -> str:
    if not ahead.reviews:
        return "No labelled row is left to review."
    hours = "" if ahead.hours is None else f", in about {time_spent(ahead.hours)}"
    return (
        f"The next {ahead.reviews:,} rows are expected to hold {ahead.expected:.1f} wrong labels "
        f"({ahead.low} to {ahead.high}){hours}."
    )


def _rate(work: Work) -> str:
    rate = work.an_hour
    if rate is None:
        return "not known, for no answer was timed"
    low, high = told_rate(rate.low), told_rate(rate.high)
    return f"{told_rate(rate.value)} errors found ({low} to {high})"


def _table(worth: Worth) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in ("batch", "rows", "found", "timed", "found in an hour", "by programs"):
        table.add_column(header, overflow="fold")
    for one in worth.batches:
        programs = f"{one.simulated.found} of {one.simulated.rows}" if one.simulated.rows else "-"
        cells = (
            str(one.iteration),
            f"{one.people.rows:,}",
            f"{one.people.found:,}",
            time_spent(one.people.hours),
            _rate(one.people),
            programs,
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table
