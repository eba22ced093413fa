"""`burnish report`: writes the report of an iteration and says in a few lines what is in it.

What belongs here: which iteration a name means, and printing. What does not: the report
(`burnish.workflows.iteration_report`), writing it (`.iteration_report_pages`), or the options of
the command (`burnish.cli_findings`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from burnish.errors import IterationError, ProjectError, SpecError, VersionNotFound
from burnish.records import Iteration
from burnish.report.iteration_outlook import what_next
from burnish.report.iteration_words import headline, in_short, worse_words
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec, load_spec_named
from burnish.versions import Versions
from burnish.workflows.home import Home, find_project
from burnish.workflows.iteration_report import spec_then
from burnish.workflows.iteration_report_pages import (
    Written,
    write_champion_cards,
    write_report_pages,
)
from burnish.workflows.naming import NAME


def print_report(home: Home, name: str, *, page: Path | None, as_json: bool) -> None:
    """Write the report of `digits@iter7` (`digits`: the newest closed iteration), and tell of it.

    With the cards, where its model is the champion. Raises `VersionNotFound` for another name, and
    `IterationError` for an iteration that is open.
    """
    iteration = reported_iteration(home.versions, name)
    spec = spec_of(home, iteration)
    pages = Pages(home.reports)
    written = write_report_pages(pages, home.versions, home.ledger, spec, iteration, report=page)
    if "@" not in name and not written.cards:
        written = replace(written, cards=_cards_of_champion(home, pages, name))
    if as_json:
        sys.stdout.write(json.dumps(_json(written), indent=1) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for line in lines_of(written):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _cards_of_champion(home: Home, pages: Pages, dataset: str) -> Mapping[str, Path]:
    champion = home.versions.champion(dataset)
    if champion is None:
        return {}
    return write_champion_cards(pages, home.versions, home.ledger, spec_of(home, champion))


def reported_iteration(versions: Versions, name: str) -> Iteration:
    """The iteration that a name means: DATASET@iter7, or DATASET for the newest closed one."""
    match = NAME.fullmatch(name)
    if match is None or (match["number"] and not match["iteration"]):
        raise VersionNotFound(
            f"{name!r} is no name of an iteration", expected="DATASET@iter7, or DATASET"
        )
    if match["number"]:
        return versions.iteration(match["dataset"], int(match["number"]))
    closed = [one for one in versions.iterations(match["dataset"]) if not one.is_open]
    if not closed:
        known = ", ".join(versions.datasets()) or "none yet"
        raise IterationError(
            f"{match['dataset']} has no closed iteration",
            expected=f"a dataset that was taken through the loop; there are: {known}",
            hint=f"run `burnish loop --dataset {match['dataset']}`",
        )
    return closed[-1]


def spec_of(home: Home, iteration: Iteration) -> DatasetSpec:
    """The spec that an iteration was closed with, with the words and the folder of today's.

    What people have stated for the cards since is shown at once. Where no catalog has the dataset,
    its own words stand, and pictures that are files are not shown.
    """
    try:
        project = find_project(home.folder)
        today = load_spec_named(project / "catalog", iteration.dataset)
    except (ProjectError, SpecError):
        return DatasetSpec.model_validate(iteration.summary["spec"])
    return spec_then(iteration, today)


def lines_of(written: Written) -> list[str]:
    """Where it was written, and what it says, in a few lines."""
    facts = written.facts
    lines = [f"{facts.name}: {headline(facts)}", *in_short(facts)[:2]]
    lines.append("What got worse: " + " ".join(worse_words(facts.effect)[:2]))
    lines.append("Next: " + what_next(facts)[0])
    lines.append(f"The report: {written.report}")
    lines += [f"The {kind} card: {page}" for kind, page in written.cards.items()]
    return lines


def _json(written: Written) -> dict[str, Any]:
    facts = written.facts
    told = facts.to_json() | {"headline": headline(facts), "in_short": list(in_short(facts))}
    told |= {"worse": list(worse_words(facts.effect)), "next": list(what_next(facts))}
    pages = {kind: str(page) for kind, page in written.cards.items()}
    return told | {"pages": {"report": str(written.report)} | pages}
