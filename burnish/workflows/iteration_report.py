"""The report of a closed iteration, gathered from the record and written where people find it.

What belongs here: putting together what the page of an iteration tells, and writing it with the
cards of the champion. What does not: the changes and people (`.iteration_report_changes`), the
effect (`.iteration_report_effect`), the cards (`.iteration_report_cards`), how a page reads
(`burnish.report.iteration_page`).

All is read from the record, bounded by the iteration: the same iteration gives the same report
whenever it is written, which a tracking server that logs it late relies on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from typing import Any

from burnish.errors import IterationError
from burnish.records import Iteration
from burnish.report.cards import render_card
from burnish.report.iteration_facts import (
    Augmented,
    Check,
    Decision,
    GateLine,
    IterationFacts,
    Link,
    Noise,
)
from burnish.report.iteration_page import render_iteration_page
from burnish.report.pages import Pages, write_page
from burnish.report.summary import Measured
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.iteration_report_cards import cards_of, write_cards
from burnish.workflows.iteration_report_changes import changes_of, examples_of, span_of
from burnish.workflows.iteration_report_effect import (
    accuracy_of,
    calibration_of,
    effect_of,
    held_against,
    predictions_of,
)
from burnish.workflows.naming import trained_on

GATED = (
    "raw_examples",
    "validated_examples",
    "relabel_queue",
    "curated_examples",
    "augmented_examples",
    "trained_model",
    "slice_report",
)


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


def iteration_facts(
    versions: Versions, ledger: LabelLedger, spec: DatasetSpec, iteration: Iteration
) -> IterationFacts:
    """All that is told of a closed iteration. `spec` is the one it was closed with.

    Raises `IterationError` for an iteration that is open, or was closed without a model.
    """
    _require_closed(iteration)
    assert iteration.closed_at is not None
    against = held_against(versions, iteration)
    span = span_of(versions, ledger, iteration)
    champion = trained_on(versions, against.iteration) if against.iteration else None
    changes, changed = changes_of(span, spec, champion=champion)
    predictions = predictions_of(versions, iteration)
    curated = versions.read_numbered(span.after)
    return IterationFacts(
        dataset=spec.name,
        number=iteration.number,
        description=spec.description,
        opened_at=iteration.opened_at,
        closed_at=iteration.closed_at,
        dataset_version=str(span.after),
        digest=span.after.digest,
        git_sha=str(iteration.summary.get("git_sha", "")),
        changes=changes,
        examples=examples_of(span, spec, changed),
        against=against.words,
        effect=effect_of(predictions, against, curated, spec),
        accuracy=accuracy_of(predictions),
        calibration=calibration_of(predictions, random_state=spec.random_state),
        noise=_noise(versions, iteration, _training_rows(curated)),
        augmented=_augmented(iteration),
        gates=_gates(versions, iteration),
        decision=_decision(iteration),
        policy=policy_in_words(spec),
    )


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
    facts = replace(facts, links=links_of(pages, facts))
    write_page(page, render_iteration_page(facts))
    if report is not None:
        page = write_page(report, render_iteration_page(facts.without_links()))
    return Written(facts, page, cards)


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
    return {"report": render_iteration_page(facts)} | pages


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


def policy_in_words(spec: DatasetSpec) -> str:
    """How many people answer a row, and who approves.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "kind", "features": {"x": "numeric"}})
    >>> policy_in_words(spec)
    'One person answers a row; nobody else approves it.'
    """
    people, agree = spec.review.people
    if people == 1:
        said = "One person answers a row"
    else:
        said = (
            f"{people} people answer a row without seeing each other's answers, and {agree} must "
            "agree; where too few do, a reviewer decides"
        )
    approval = "a reviewer approves it" if spec.review.approval else "nobody else approves it"
    return f"{said}; {approval}."


def _require_closed(iteration: Iteration) -> None:
    needed = {"promotion", "predictions_version", "dataset_version"}
    if iteration.closed_at is None or not needed <= set(iteration.summary):
        raise IterationError(
            f"{iteration} is {'open' if iteration.is_open else 'closed without a model'}",
            expected="a closed iteration that trained a model",
            hint="decide its batch and go on with the loop, or name an earlier iteration",
        )


def _training_rows(curated: Any) -> int:
    return Counter(curated["split"].to_pylist())["train"]


def _noise(versions: Versions, iteration: Iteration, rows: int) -> Noise:
    noted: Mapping[str, Any] = iteration.summary.get("noise") or {}
    before = None
    if iteration.number > 1:
        earlier = versions.iteration(iteration.dataset, iteration.number - 1)
        before = measured(earlier.summary.get("noise"))
    return Noise(
        value=measured(noted),
        before=before,
        rows=rows,
        basis=str(noted.get("basis", "")),
        corrected=bool(noted.get("corrected")),
    )


def measured(noted: Mapping[str, Any] | None, word: str = "value") -> Measured | None:
    """A figure as the record keeps it, with its interval; None where it is not known."""
    if not noted or any(noted.get(key) is None for key in (word, "low", "high")):
        return None
    return Measured(float(noted[word]), float(noted["low"]), float(noted["high"]))


def _augmented(iteration: Iteration) -> Augmented | None:
    facts = iteration.summary.get("augmentation")
    if not facts:
        return None
    return Augmented(int(facts["kept"]), int(facts["refused"]), dict(facts.get("reasons", {})))


def _gates(versions: Versions, iteration: Iteration) -> tuple[GateLine, ...]:
    """What each gate said last before the iteration closed, in the order of the loop."""
    assert iteration.closed_at is not None
    seen = [one for one in versions.verdicts(iteration.dataset) if one.at <= iteration.closed_at]
    newest = {one.stage: one for one in seen}
    stops = Counter(one.stage for one in seen if not one.passed and one.at >= iteration.opened_at)
    return tuple(
        GateLine(stage, one.version, one.passed, one.quarantined, stops[stage])
        for stage in GATED
        if (one := newest.get(stage)) is not None
    )


def _decision(iteration: Iteration) -> Decision:
    noted: Mapping[str, Any] = iteration.summary["promotion"]
    return Decision(
        promoted=bool(iteration.promoted),
        rule=str(noted.get("rule", "")),
        reason=str(noted.get("reason", "")),
        rows=int(noted.get("rows") or 0),
        difference=measured(noted, "difference"),
        checks=tuple(_check(one) for one in noted.get("checks") or ()),
    )


def _check(noted: Mapping[str, Any]) -> Check:
    """A check as the record keeps it; whatever it says beside name and result is its text."""
    told = dict(noted)
    name = str(told.pop("name", None) or told.pop("check", None) or "check")
    passed = bool(told.pop("passed", False))
    text = told.pop("text", None) or told.pop("reason", None)
    rest = (f"{key} {value}" for key, value in told.items() if value is not None)
    return Check(name.replace("_", " "), passed, str(text) if text else ", ".join(rest))
