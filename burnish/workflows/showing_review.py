"""People of the desk, how well they judge and by which guide: on a terminal, and as JSON.

What belongs here: printing. What does not: the people (`burnish.review.accounts`), counting
(`burnish.workflows.gold`, `.anchoring`), or versions and lives (`burnish.workflows.showing`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.workflows.anchoring import Effect, anchoring, anchoring_table
from burnish.workflows.gold import known_answers, reviewer_accuracy
from burnish.workflows.home import Home
from burnish.workflows.verify import require_dataset

if TYPE_CHECKING:
    from burnish.review.people import PersonRecord
    from burnish.workflows.guides import GuideState

MOST_PAIRS = 10


def print_people(people: Sequence[PersonRecord], *, now: datetime, as_json: bool) -> None:
    """Everybody, by name."""
    if as_json:
        _json([_facts(one) for one in people])
        return
    table = _table("name", "role", "", "since")
    for one in people:
        _add(table, one.name, one.role, _standing(one, now), one.created_at.isoformat(" ")[:16])
    _console().print(table if people else "Nobody yet: burnish review person add NAME")


def print_guide(state: GuideState, *, as_json: bool) -> None:
    """The versions of a labeling guide, the answers under each, and what is flagged as unclear."""
    if as_json:
        _json(state.to_json())
        return
    console = _console()
    console.print(Text(f"The guide of {state.dataset}: {state.path or 'its spec names none'}"))
    if state.problem:
        console.print(Text(f"  {state.problem}"))
    elif state.is_new:
        console.print("  It says something new: the desk notes it at its next look.")
    if state.versions:
        table = _table("version", "came", "noted by", "answers", "lines")
        for row in state.to_table().to_pylist():
            came = row["at"][:16].replace("T", " ")
            counts = f"{row['answers']:,}", f"{row['lines']:,}"
            _add(table, str(row["version"]), came, row["noted_by"], *counts)
        console.print(table)
    for pair, count in state.flags.by_pair[:MOST_PAIRS]:
        console.print(Text(f"  {' or '.join(pair)}: flagged as unclear, {count:,}"))


def print_accuracy(home: Home, dataset: str, *, as_json: bool) -> None:
    """How often each reviewer is right on gold items, and what showing the label does.

    Raises `ReviewError` for a dataset that the home does not know.
    """
    require_dataset(home, dataset)
    events, gold = home.ledger.events(dataset), known_answers(home.versions, dataset)
    accuracy, effects = reviewer_accuracy(events, gold), anchoring(events, gold)
    if as_json:
        found = {
            "accuracy": accuracy.to_pylist(),
            "anchoring": anchoring_table(effects).to_pylist(),
        }
        _json(found)
        return
    console = _console()
    if not accuracy.num_rows:
        console.print(
            f"Nobody has answered a gold item of {dataset}: how often people are right is not "
            "known. `review.gold` in its spec names rows with a known answer."
        )
        return
    table = _table(
        "author", "answers", "unsure", "right", "wrong labels found", "right labels kept"
    )
    for row in accuracy.to_pylist():
        shares = [_share(row, name) for name in ("accuracy", "sensitivity", "specificity")]
        _add(table, row["author"], str(row["n"]), str(row["unsure"]), *shares)
    console.print(table)
    console.print("\nLabel and model's opinion shown before the answer, against hidden:")
    for effect in _told(effects):
        console.print(f"  {effect.author}: {effect}", highlight=False, markup=False, soft_wrap=True)


def _told(effects: Sequence[Effect]) -> list[Effect]:
    """Of each author alone where something is known, and always of everybody."""
    last = effects[-1].author
    return [one for one in effects if one.known or one.author == last]


def _share(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "not known"
    return f"{100 * value:.0f} % ({100 * row[f'{name}_low']:.0f}-{100 * row[f'{name}_high']:.0f})"


def _facts(one: PersonRecord) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "simulated": one.simulated,
        "active": one.active,
        "has_password": one.has_password,
        "created_at": one.created_at.isoformat(),
        "paused_until": one.paused_until.isoformat() if one.paused_until else None,
    }


def _standing(one: PersonRecord, now: datetime) -> str:
    words = [
        "" if one.active else "deactivated",
        "simulated" if one.simulated else "",
        "" if one.has_password else "no password",
        f"away until {one.paused_until:%Y-%m-%d %H:%M}" if one.is_away(now) else "",
    ]
    return ", ".join(word for word in words if word)


def _table(*headers: str) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    # As text: a name may hold what reads as markup.
    table.add_row(*(Text(cell) for cell in cells))


def _json(facts: object) -> None:
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")


def _console() -> Console:
    # A file or a pipe has no width of its own.
    return Console(width=None if sys.stdout.isatty() else 160)
