"""People's figures on a terminal, and as JSON for programs.

What belongs here: printing. What does not: computing them (`burnish.workflows.team`), or who may
see them: whoever reads the home sees everything in it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from math import isfinite
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.metrics import Interval
from burnish.review.figures import Doubt, Figures, PersonFigures, Share
from burnish.workflows.home import Home
from burnish.workflows.team import HomeTeam
from burnish.workflows.verify import require_dataset

HEADERS = ("person", "answers", "right on known", "as decided", "reworked", "median", "confuses")
FIRST = 5
"""Doubtful labels and pairs that are printed; JSON has all."""


def print_figures(home: Home, dataset: str, *, as_json: bool) -> None:
    """Everybody's figures, by name.

    Raises `ReviewError` for a dataset that the home does not know.
    """
    require_dataset(home, dataset)
    found = HomeTeam(home).figures(dataset)
    if as_json:
        sys.stdout.write(json.dumps(_plain(asdict(found)), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    if not found.people:
        console.print(f"Nobody has answered anything of {dataset} yet.")
        return
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in HEADERS:
        table.add_column(header, overflow="fold")
    for one in found.people:
        # As text: a name may hold what reads as markup.
        table.add_row(*(Text(cell) for cell in _cells(one)))
    console.print(table)
    for line in _lines(found):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _cells(one: PersonFigures) -> list[str]:
    name = f"{one.name} (simulated)" if one.simulated else one.name
    at_desk = one.answers - one.imported
    worst = max(one.by_class, key=lambda each: each.times, default=None)
    confuses = f"{worst.label} as {worst.instead}, {worst.times}" if worst and worst.times else ""
    return [
        name,
        f"{one.answers:,}" + (f" ({one.imported:,} by file)" if one.imported else ""),
        _share(Share(one.right, one.gold)),
        _share(one.adjudicated),
        _share(Share(one.reworked, at_desk)),
        _seconds(one),
        confuses,
    ]


def _share(share: Share) -> str:
    if not share.n:
        return "-"
    found, few = share.interval, ", few" if share.few else ""
    limits = f"{100 * found.low:.0f}-{100 * found.high:.0f}"
    return f"{100 * found.value:.0f} % ({limits}) of {share.n:,}{few}"


def _seconds(one: PersonFigures) -> str:
    found = one.seconds_interval
    if found is None:
        return "-"
    known = isfinite(found.low)
    return f"{found.value:.1f} s" + (f" ({found.low:.1f}-{found.high:.1f})" if known else ", few")


def _lines(found: Figures) -> list[str]:
    lines = ["", f"Krippendorff's alpha: {_coefficient(found.alpha_interval)}, of {found.several}"]
    lines[1] += " items that two or more answered blind"
    for pair in found.pairs[:FIRST]:
        few = ", few" if pair.few else ""
        said = f"{pair.equal.hits} of {pair.equal.n} the same"
        lines.append(f"  {pair.a} and {pair.b}: kappa {_coefficient(pair.kappa)}, {said}{few}")
    if found.doubts:
        lines += ["", "Agreed, but doubtful:", *(_doubt(one) for one in found.doubts[:FIRST])]
    return lines


def _coefficient(found: Interval | None) -> str:
    return "not known" if found is None else f"{found.value:.2f} ({found.low:.2f}-{found.high:.2f})"


def _doubt(one: Doubt) -> str:
    said = ", ".join(f"{name}: {label}" for name, label in one.said)
    return f"  {one.example_id}: {one.label} with {one.probability:.3f} ({said})"


def _plain(facts: Any) -> Any:
    """What JSON can hold: no infinite limit, no NaN."""
    if isinstance(facts, dict):
        return {name: _plain(part) for name, part in facts.items()}
    if isinstance(facts, list | tuple):
        return [_plain(part) for part in facts]
    return None if isinstance(facts, float) and not isfinite(facts) else facts
