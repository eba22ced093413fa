"""The report and the cards of an iteration, written where people find them, and linked.

What belongs here: which pages are written when an iteration closes, where they lie, and what they
link to. What does not: what they tell (`burnish.workflows.iteration_report`,
`.iteration_report_cards`), how they read (`burnish.report`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

from burnish.records import Iteration
from burnish.report.cards import render_card
from burnish.report.iteration_facts import IterationFacts, Link
from burnish.report.iteration_page import render_iteration_page
from burnish.report.pages import Pages, write_page
from burnish.report.summary import LoopSummary
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.iteration_report import is_reportable, iteration_facts, spec_then
from burnish.workflows.iteration_report_cards import cards_of, write_cards
from burnish.workflows.iteration_report_reading import bought_of, with_readings
from burnish.workflows.naming import trained_on
from burnish.workflows.version_pages import write_version_page


@dataclass(frozen=True)
class Written:
    """What was written of an iteration: its report, and the cards where it is the champion."""

    facts: IterationFacts
    report: Path
    cards: Mapping[str, Path]

    def links(self, pages: Pages) -> dict[str, str]:
        """Where each page is reached, by what it is."""
        told = {"report of the iteration": self.report}
        told |= {f"{kind} card": page for kind, page in self.cards.items()}
        return {name: pages.link(page) for name, page in told.items()}


def write_report_pages(
    pages: Pages,
    versions: Versions,
    ledger: LabelLedger,
    spec: DatasetSpec,
    iteration: Iteration,
    *,
    report: Path | None = None,
) -> Written:
    """Write the report of a closed iteration, and the cards if its model is the champion.

    `report` is another place for the report; there its links are left out, since they would lead
    nowhere.
    """
    # Whoever closed it holds it as it was before.
    closed = versions.iteration(iteration.dataset, iteration.number)
    facts = iteration_facts(versions, ledger, spec, closed)
    champion = versions.champion(spec.name)
    is_champion = champion is not None and champion.number == closed.number
    page = pages.iteration(spec.name, closed.number)
    cards = write_cards(pages, versions, ledger, spec, facts) if is_champion else {}
    facts = with_readings(facts, versions, spec, closed)
    bought = bought_of(versions, closed, link=_returns_link(pages, facts))
    facts = replace(facts, links=links_of(pages, facts), bought=bought)
    write_page(page, render_iteration_page(facts))
    if closed.mlflow_run_id is None:
        # So that it links here; once there is a run, its log writes it, with the run's address.
        write_version_page(pages, versions, trained_on(versions, closed))
    if report is not None:
        page = write_page(report, render_iteration_page(facts.without_links()))
    return Written(facts, page, cards)


def write_measured_report(
    pages: Pages, versions: Versions, ledger: LabelLedger, spec: DatasetSpec
) -> dict[str, str]:
    """Write the newest report anew, now that it can tell what batches bought; where it is.

    Nothing where no iteration with a model was closed: a measurement needs verdicts alone.
    """
    closed = [one for one in versions.iterations(spec.name) if is_reportable(one)]
    if not closed:
        return {}
    then = spec_then(closed[-1], spec)
    return write_report_pages(pages, versions, ledger, then, closed[-1]).links(pages)


def write_champion_cards(
    pages: Pages, versions: Versions, ledger: LabelLedger, spec: DatasetSpec
) -> dict[str, Path]:
    """Write both cards of the model that serves now; nothing where no model does."""
    champion = versions.champion(spec.name)
    if champion is None:
        return {}
    return write_cards(
        pages, versions, ledger, spec, iteration_facts(versions, ledger, spec, champion)
    )


def tracked_pages(
    versions: Versions, ledger: LabelLedger, spec: DatasetSpec, iteration: Iteration
) -> dict[str, str]:
    """Report and cards of an iteration as a tracking server keeps them: HTML, with no links."""
    facts = iteration_facts(versions, ledger, spec, iteration)
    cards = cards_of(versions, ledger, spec, iteration, facts)
    pages = {f"{card.kind}-card": render_card(card) for card in cards}
    report = with_readings(facts, versions, spec, iteration)
    return {"report": render_iteration_page(report)} | pages


def _returns_link(pages: Pages, facts: IterationFacts) -> str:
    """The page of the return as seen from a report; empty where there is none."""
    page = pages.returns(facts.dataset)
    here = pages.iteration(facts.dataset, facts.number).parent
    return Path(relpath(page, here)).as_posix() if page.exists() else ""


def links_of(pages: Pages, facts: IterationFacts) -> tuple[Link, ...]:
    """The other pages that are there now, relative to the report."""
    name, here = facts.dataset, pages.iteration(facts.dataset, facts.number).parent
    version = int(facts.dataset_version.rpartition("@")[2])
    wanted = [
        (f"Iteration {facts.number - 1}", pages.iteration(name, facts.number - 1)),
        (f"Data: {facts.dataset_version}", pages.version(name, version)),
        ("Model card", pages.card(name, "model")),
        ("Data card", pages.card(name, "data")),
        ("What each batch bought", pages.returns(name)),
        ("The whole loop", pages.loop(name)),
    ]
    compared = pages.comparison(name, 0, 0).parent.glob(f"*-{facts.number}.html")
    wanted += [(f"Side by side with iteration {p.stem.split('-')[0]}", p) for p in sorted(compared)]
    return tuple(
        Link(text, Path(relpath(page, here)).as_posix()) for text, page in wanted if page.exists()
    )


def reports_of(pages: Pages, summary: LoopSummary, here: Path) -> dict[int, str]:
    """By iteration of a loop, where its report lies as seen from a folder; those that are there."""
    found = {
        turn.iteration: pages.iteration(summary.dataset, turn.iteration)
        for turn in summary.iterations
    }
    return {
        number: Path(relpath(page, here)).as_posix()
        for number, page in found.items()
        if page.exists()
    }
