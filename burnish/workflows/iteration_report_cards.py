"""The model card and the data card of an iteration, gathered from the record and written.

What belongs here: what a card tells beside the iteration's report, and where cards are put. What
does not: what a card asks (`burnish.report.model_card`, `.data_card`), how it reads
(`burnish.report.cards`), the report itself (`burnish.workflows.iteration_report`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.records import Iteration
from burnish.report.cards import Card, card_markdown, render_card
from burnish.report.data_card import LabelHistory, data_card
from burnish.report.iteration_facts import IterationFacts
from burnish.report.model_card import ModelFacts, SliceScore, model_card
from burnish.report.pages import Pages, write_page
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.checkout import version_sheet
from burnish.workflows.compare_labels import diff_versions
from burnish.workflows.iteration_report_changes import Span, events_of, known_so_far, people_of
from burnish.workflows.naming import as_collected, trained_on

pc: Any = compute

OTHERS = ("f1_macro", "log_loss", "ece")


def write_cards(
    pages: Pages,
    versions: Versions,
    ledger: LabelLedger,
    spec: DatasetSpec,
    facts: IterationFacts,
) -> dict[str, Path]:
    """Write both cards of the model of an iteration, as pages and Markdown; paths by kind."""
    iteration = versions.iteration(facts.dataset, facts.number)
    here = pages.card(spec.name, "model").parent
    report = pages.iteration(spec.name, facts.number).relative_to(here).as_posix()
    both = (
        ("Model card", pages.card(spec.name, "model")),
        ("Data card", pages.card(spec.name, "data")),
    )
    written: dict[str, Path] = {}
    for card in cards_of(versions, ledger, spec, iteration, facts):
        page = pages.card(spec.name, card.kind)
        other = tuple((text, one.name) for text, one in both if one != page)
        links = (("Report of the iteration", report), *other)
        write_page(page, render_card(replace(card, links=links)))
        write_page(page.with_suffix(".md"), card_markdown(card))
        written[card.kind] = page
    return written


def cards_of(
    versions: Versions,
    ledger: LabelLedger,
    spec: DatasetSpec,
    iteration: Iteration,
    facts: IterationFacts,
) -> tuple[Card, Card]:
    """The model card and the data card of an iteration, without links."""
    version = trained_on(versions, iteration)
    # Which runs were tracked depends on when a card is written, and a card must not.
    sheet = replace(version_sheet(versions, version), models=())
    whole = Span(versions, ledger, iteration, as_collected(version), version)
    diff = diff_versions(whole, whole.before, version)
    answers, known = events_of(whole), known_so_far(whole)
    history = LabelHistory(
        changes=dict(Counter(diff.changes["change"].to_pylist()).most_common()),
        pairs=diff.by_pair,
        people=people_of(answers, known, known),
    )
    model = _model(versions, iteration, sheet.split_counts)
    return model_card(facts, spec, model), data_card(facts, spec, sheet, history)


def _model(versions: Versions, iteration: Iteration, splits: Mapping[str, int]) -> ModelFacts:
    dataset, summary = iteration.dataset, iteration.summary
    kept = versions.store.read(
        f"{dataset}/model_files",
        version=int(summary["model_version"]),
        columns=["classes", "params"],
    ).to_pylist()[0]
    report = versions.let_through(dataset, "slice_report", int(summary["report_version"]))
    training = versions.store.read(
        f"{dataset}/augmented_examples",
        version=int(summary["augmented_version"]),
        columns=["origin_id"],
    )
    split = "test" if pc.any(pc.equal(report["split"], "test")).as_py() else "validation"
    params: Mapping[str, Any] = json.loads(kept["params"])
    return ModelFacts(
        params={name: str(value) for name, value in params.items()},
        classes=tuple(str(name) for name in json.loads(kept["classes"])),
        training=training.num_rows,
        made_up=training.num_rows - training["origin_id"].null_count,
        split_counts=splits,
        split=split,
        scores=_scores(report, split),
    )


def _scores(report: pa.Table, split: str) -> tuple[SliceScore, ...]:
    by_slice: dict[str, list[dict[str, Any]]] = {}
    for row in report.filter(pc.field("split") == split).to_pylist():
        by_slice.setdefault(row["slice_id"], []).append(row)
    return tuple(
        SliceScore(
            slice=rows[0]["slice"],
            rows=max(row["support"] for row in rows),
            accuracy=_accuracy({row["metric"]: row for row in rows}.get("accuracy")),
            others={
                name: next((row["value"] for row in rows if row["metric"] == name), None)
                for name in OTHERS
            },
        )
        for rows in by_slice.values()
    )


def _accuracy(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "not known"
    if row["low"] is None or row["high"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
