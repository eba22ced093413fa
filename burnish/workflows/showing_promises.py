"""How far an open batch is from what was promised, on a terminal and as JSON for programs.

What belongs here: printing. What does not: counting (`burnish.review.keeping`), or telling people
what is overdue (`burnish.workflows.keeping_promises`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.errors import ReviewError
from burnish.review.keeping import Keeping, Promised, breaches
from burnish.spec import DatasetSpec
from burnish.workflows.home import Home
from burnish.workflows.keeping_promises import look_at_batch
from burnish.workflows.verify import require_dataset

NAMED = 20


def print_promises(
    home: Home, spec: DatasetSpec, *, clock: Callable[[], datetime], as_json: bool
) -> None:
    """What is overdue, how old what waits is, and when the batch is done.

    Raises `ReviewError` for a dataset that the home does not know, or without an open batch.
    """
    require_dataset(home, spec.name)
    look = look_at_batch(spec, home.versions, clock=clock)
    if look is None:
        raise ReviewError(
            f"no batch of {spec.name} waits for people",
            hint=f"`burnish loop --dataset {spec.name} --iterations 1 --reviewer desk` opens one",
        )
    with home.versions.engine.connect() as connection:
        late = breaches(connection, look.batch, now=look.kept.now)
    if as_json:
        told = {"sentence": look.kept.sentence, "breaches": [asdict(one) for one in late]}
        sys.stdout.write(json.dumps(asdict(look.kept) | told, default=_as_json, indent=1) + "\n")
        return
    # A file or a pipe has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else 160)
    for line in _lines(look.kept, promised=spec.review.promises is not None):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if late:
        console.print(_table(late, look.kept.now))


def _lines(kept: Keeping, *, promised: bool) -> list[str]:
    soon = f"{kept.soon:,} due within a day"
    waiting, overdue = sum(kept.waiting.values()), sum(kept.overdue.values())
    ages = ", ".join(f"{count:,} {words}" for words, count in kept.ages.items() if count)
    lines = [
        f"{kept.dataset}, iteration {kept.iteration}: {kept.sentence}; times of {kept.zone}",
        f"{waiting:,} items wait{f' ({ages})' if ages else ''}; {overdue:,} are overdue, {soon}",
    ]
    if not promised:
        return [*lines, "The spec promises nothing: `review.promises` names by when."]
    share = "none is due yet" if kept.kept is None else f"{kept.kept:.0%} of what was due"
    return [*lines, f"{kept.in_time:,} settled in time, {kept.late:,} late: {share}"]


def _table(late: Sequence[Promised], now: datetime) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in ("overdue", "state", "priority", "asked first", "due (UTC)", "hours"):
        table.add_column(header, overflow="fold")
    for item in late[:NAMED]:
        hours = f"{item.late(now).total_seconds() / 3600:.1f}"
        due = item.due_at.isoformat(" ")[:16]
        cells = (item.example_id, item.state, item.priority, item.assignee or "-", due, hours)
        # As text: a name may hold what reads as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _as_json(value: object) -> str:
    # Of what is no JSON there are times and days alone.
    return value.isoformat() if isinstance(value, date) else str(value)
