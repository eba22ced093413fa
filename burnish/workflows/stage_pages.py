"""The page of each stage: which figures, plots and tables tell a newcomer what happened.

What belongs here: choosing and naming them, stage by stage. What does not: reading figures and
short tables off the data (`burnish.workflows.figures`, `.short_tables`), drawing
(`burnish.report.plots`), or the UI they are shown in (`assets.reporting`).

A stage gives the same names every time, so that each is one line over the iterations. Every page
begins with the iteration it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.acquisition import Forecast
from burnish.labels import Refit
from burnish.records import Iteration
from burnish.report.plots import (
    Bar,
    Point,
    Series,
    bar_chart,
    confusion_matrix_svg,
    dot_interval_chart,
    line_chart,
    reliability_diagram,
)
from burnish.report.shown import Figure, Shown
from burnish.review.flags import FlagCounts
from burnish.spec import DatasetSpec
from burnish.workflows import figures, short_tables
from burnish.workflows.compare_iterations import ComparedIterations
from burnish.workflows.compare_iterations_words import slice_lines
from burnish.workflows.discovered_iteration import Evaluated
from burnish.workflows.evaluate import headline, worst_in_words, worst_slice
from burnish.workflows.figures import counts_of
from burnish.workflows.ingest import datasheet
from burnish.workflows.noise import NoiseEstimate
from burnish.workflows.promote import Promotion
from burnish.workflows.quality_run import QualityRun
from burnish.workflows.short_tables import LINES

MOST_BARS = 16
MOST_SLICES = 24

REASONS: Mapping[str, str] = {
    "audit": "suspicious labels",
    "control": "drawn at random",
    "gold": "known answers",
    "requested": "asked for",
    "unlabeled": "without a label",
    "held_out": "held out, judged blind",
}


def raw_page(raw: pa.Table, spec: DatasetSpec, *, iteration: int) -> Shown:
    """Rows as collected: how many of each class, and what is missing."""
    counts = counts_of(raw["label"])
    return Shown(
        {
            "iteration": iteration,
            "classes": len([name for name in counts if name is not None]),
            "rows without a label": raw["label"].null_count,
            "missing feature cells": sum(
                raw[name].null_count for name in spec.features if name in raw.column_names
            ),
        },
        {"rows by class": _drawn(counts, of="rows", title="Rows by class")},
        {"datasheet": short_tables.stated(datasheet(spec, raw))},
    )


def extra_page(rows: pa.Table, *, iteration: int) -> Shown:
    """Rows beside the labelled ones: those without a label, or the answers of annotators."""
    found: dict[str, Figure] = {"iteration": iteration}
    if "annotator_id" not in rows.column_names:
        return Shown(found)
    by_annotator = counts_of(rows["annotator_id"])
    examples = len(rows["example_id"].unique())
    found["annotators"] = len(by_annotator)
    found["answers per row"] = round(rows.num_rows / max(1, examples), 2)
    plot = _drawn(by_annotator, of="answers", title="Answers by annotator")
    return Shown(found, {"answers by annotator": plot})


def validated_page(rows: pa.Table, *, duplicates: int, iteration: int) -> Shown:
    """Rows that passed, by split and class."""
    by_split = counts_of(rows["split"])
    training = rows.filter(pc.field("split") == "train")
    plot = _drawn(counts_of(training["label"]), of="rows", title="Training rows by class")
    return Shown(
        {
            "iteration": iteration,
            "training rows": by_split.get("train", 0),
            "validation rows": by_split.get("validation", 0),
            "test rows": by_split.get("test", 0),
            "duplicates across splits": duplicates,
        },
        {"training rows by class": plot},
        {"rows by class and split": short_tables.by_class_and_split(rows)},
    )


def quarantined_page(rows: pa.Table, *, iteration: int) -> Shown:
    """Rows turned away: by which expectation, and examples of each."""
    by_code = counts_of(rows["code"])
    plot = _drawn(by_code, of="failures", title="Failures by expectation")
    return Shown(
        {
            "iteration": iteration,
            "rows turned away": rows.group_by(["gate", "row"]).aggregate([]).num_rows,
            "expectations failed": len(by_code),
        },
        {"failures by expectation": plot},
        {"rows turned away and why": short_tables.turned_away(rows)},
        preview=False,
    )


def quality_page(done: QualityRun, *, iteration: int) -> Shown:
    """What the checks found, by severity, and the rows that people are asked about."""
    found = done.report.findings
    severities = [one.severity for one in found]
    lines = done.table.select(["severity", "kind", "count", "sentence", "to_do"])
    by_kind: dict[str, int] = {}
    for one in found:
        by_kind[one.kind] = by_kind.get(one.kind, 0) + len(one.rows)
    bars = {kind.replace("_", " "): count for kind, count in by_kind.items() if count}
    return Shown(
        {
            "iteration": iteration,
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
            "notes": severities.count("note"),
            "rows asked about": done.requested,
        },
        {"rows by finding": _drawn(bars, of="rows", title="Rows concerned, by finding")},
        {"findings": lines.slice(0, LINES)},
        preview=False,
    )


def probs_page(probs: pa.Table, *, iteration: int) -> Shown:
    """Predictions out of sample: how often they agree with the labels as they stand."""
    labelled = probs.filter(pc.field("label").is_valid())
    sure, agrees, own = figures.agreement(labelled)
    plot = reliability_diagram(sure, agrees, title="Confidence out of sample, and agreement")
    return Shown(
        {
            "iteration": iteration,
            "models agree": _mean(agrees),
            "mean P(label)": _mean(own),
            "mean disagreement": _mean(probs["model_disagreement"].to_numpy()),
        },
        {"confidence and agreement": plot},
        {"agreement by class": short_tables.agreement_by_class(labelled, agrees, own)},
    )


def audit_page(audit: pa.Table, refit: Refit, *, iteration: int) -> Shown:
    """Labels by how probably they are wrong, pairs taken for each other, and what verdicts did."""
    chances = audit["error_probability"].drop_null().to_numpy()
    pairs = figures.worst_pairs(audit)
    plot = bar_chart(pairs, value_label="errors expected", title="Label > what it should be")
    return Shown(
        {
            "iteration": iteration,
            "labels judged": int(chances.size),
            "errors expected": round(float(chances.sum()), 1),
            "labels with P(wrong) > 0.5": int((chances > 0.5).sum()),
            "share expected wrong": _mean(chances),
            "verdicts behind P(wrong)": refit.n,
            "P(wrong) is": refit.why,
        },
        {"errors expected by pair": plot},
        {"most suspicious labels": short_tables.most_suspicious(audit)},
        preview=False,
    )


def queue_page(
    queue: pa.Table, ahead: Forecast, *, iteration: int, unclear: FlagCounts | None = None
) -> Shown:
    """The batch: how many rows for each reason; and what the next reviews are expected to find.

    `unclear` are the flags of classes that people could not tell apart so far.
    """
    pairs = unclear.by_pair if unclear else ()
    counts = counts_of(queue["reason"])
    suspects = queue.filter(pc.field("reason") == "audit")["error_probability"].drop_null()
    bars = [Bar(text, float(counts.get(name, 0))) for name, text in REASONS.items()]
    plot = bar_chart(bars, value_label="rows", title="Why rows are in the batch")
    return Shown(
        {
            "iteration": iteration,
            **{text: counts.get(name, 0) for name, text in REASONS.items()},
            "mean P(wrong) of suspects": _mean(suspects.to_numpy()),
            "errors in the next 100 reviews": round(ahead.expected, 1),
            "what comes next": ahead.text,
            "flags of unclear classes": unclear.total if unclear else 0,
            "flagged most": f"{' or '.join(pairs[0][0])}: {pairs[0][1]}"
            if pairs
            else "no pair yet",
        },
        {"why rows are in the batch": plot},
        {"first rows of the batch": short_tables.first_of_batch(queue)},
        preview=False,
    )


def curated_page(curated: pa.Table, noise: NoiseEstimate, *, iteration: int) -> Shown:
    """Labels as people left them, and how many of them reviewers would still change."""
    found = figures.curated_figures(curated, noise)
    changes = figures.label_changes(curated)
    plot = _drawn(changes, of="labels", title="Given label > label as people left it")
    return Shown(
        {
            "iteration": iteration,
            "rows decided": found["rows decided"],
            "labels changed": found["labels changed"],
            "noise left (estimate)": found.get("noise"),
            "noise left, low": found.get("noise low"),
            "noise left, high": found.get("noise high"),
        },
        {"labels changed by pair": plot},
        {"labels by class": short_tables.as_collected_and_now(curated)},
    )


def augmented_page(rows: pa.Table, facts: Mapping[str, Any], *, iteration: int) -> Shown:
    """Training rows, and what became of their variants."""
    fate = figures.refusal_counts(facts)
    plot = bar_chart(fate, value_label="variants", title="What became of the variants")
    kept, refused = int(facts["kept"]), int(facts["refused"])
    return Shown(
        {
            "iteration": iteration,
            "original rows": rows.num_rows - kept,
            "variants kept": kept,
            "variants refused": refused,
            "share kept": kept / (kept + refused) if kept + refused else None,
        },
        {"what became of the variants": plot},
        {"rows by class": short_tables.originals_and_variants(rows)},
    )


def model_page(predictions: pa.Table, *, iteration: int) -> Shown:
    """What the new model gets right, and how far its confidence can be trusted."""
    counts, classes = figures.confusion(predictions, split="validation")
    sure, right = figures.reliability(predictions, split="validation")
    test = figures.reliability(predictions, split="test")[1]
    return Shown(
        {
            "iteration": iteration,
            "validation accuracy": _mean(right),
            "test accuracy": _mean(test),
            "mean confidence": _mean(sure),
        },
        {
            "confusion matrix": confusion_matrix_svg(counts, classes, title="Validation rows"),
            "confidence and accuracy": reliability_diagram(
                sure, right, title="Confidence on validation rows, and accuracy"
            ),
        }
        if right.size
        else {},
        {"by class, on validation rows": short_tables.recall_by_class(counts, classes)},
    )


def slices_page(done: Evaluated, *, iteration: int) -> Shown:
    """Accuracy by slice, the lowest first; slices that were discovered; confidence by slice."""
    report = done.report
    found = headline(report)
    worst = worst_slice(report)
    bars = sorted(figures.slice_intervals(report), key=lambda row: row.value)[:MOST_SLICES]
    chart = dot_interval_chart(bars, value_label="accuracy", title="Validation accuracy by slice")
    return Shown(
        {
            "iteration": iteration,
            "validation accuracy": found.get("validation_accuracy"),
            "test accuracy": found.get("test_accuracy"),
            "worst slice, accuracy": None if worst is None else worst.value,
            "worst slice": None if worst is None else worst_in_words(worst),
            "slices measured": len(set(report["slice_id"].to_pylist())),
            "slices discovered": done.discovered.num_rows,
            "search for slices": "; ".join(done.said),
            "rows asked for by slices": done.requested,
            "calibration": done.calibrated.advice.sentence,
        },
        {"accuracy by slice": chart},
        {
            "lowest slices": short_tables.lowest_slices(report),
            "slices discovered so far": short_tables.slices_found(done.discovered),
            "confidence by slice": short_tables.trusted_too_much(done.calibrated.table),
        },
        preview=False,
    )


def champion_page(
    number: int, history: Sequence[Iteration], compared: ComparedIterations | None = None
) -> Shown:
    """The decision of iteration `number`, its checks, and every iteration so far beside it.

    `compared` is the iteration beside the champion that it was held against.
    """
    told = next(one.summary for one in history if one.number == number)
    head: Mapping[str, float] = told.get("headline", {})
    decision = Promotion.from_record(told["promotion"])
    by_slice = {} if compared is None else {"accuracy by slice": _beside(compared)}
    return Shown(
        {
            "iteration": number,
            "became champion": decision.promoted,
            "why": decision.reason,
            "held against": _held_against(decision),
            "validation accuracy": head.get("validation_accuracy"),
            "test accuracy": head.get("test_accuracy"),
            "gain over the champion": decision.difference,
            "gain, low": decision.low,
            "gain, high": decision.high,
            "slices worse": ", ".join(decision.slices_worse) or "none shown",
            "slices better": ", ".join(decision.slices_better) or "none shown",
            "noise left (estimate)": told.get("noise", {}).get("value"),
        },
        _over_iterations(history),
        {"checks of the gate": short_tables.gate_checks(decision)}
        | by_slice
        | {"iterations so far": short_tables.iterations_so_far(history)},
        preview=False,
    )


def _held_against(decision: Promotion) -> str:
    if decision.against is not None:
        return f"iteration {decision.against}"
    return "the model of the start" if decision.difference is not None else "nothing"


def _beside(compared: ComparedIterations) -> pa.Table:
    """Accuracy by slice before and after, the greatest loss first."""
    rows = slice_lines(compared)[: short_tables.LINES]
    names = {"slice": "slice", "support": "rows", "before": "champion", "after": "this one"}
    names |= {"difference": "difference", "low_all": "low", "high_all": "high"}
    names["finding"] = "finding"
    return pa.table({told: [row[name] for row in rows] for name, told in names.items()})


def tracked_page(logged: Sequence[str], history: Sequence[Iteration]) -> Shown:
    """Which iterations the tracking server has; `logged` names those that it got just now."""
    closed = [one for one in history if not one.is_open]
    there = [one for one in closed if one.mlflow_run_id is not None]
    return Shown(
        {
            "iteration": closed[-1].number if closed else None,
            "iterations in MLflow": len(there),
            "logged just now": len(logged),
            "waiting for MLflow": len(closed) - len(there),
        },
        tables={"iterations and their runs": short_tables.runs_so_far(closed)},
        preview=False,
    )


def _over_iterations(history: Sequence[Iteration]) -> dict[str, str]:
    lines: list[Series] = []
    for name in ("validation_accuracy", "test_accuracy"):
        points = [
            Point(one.number, one.summary["headline"][name])
            for one in history
            if name in one.summary.get("headline", {})
        ]
        if points:
            lines.append(Series(name.replace("_", " "), tuple(points)))
    if not lines:
        return {}
    drawn = line_chart(lines, x_label="iteration", y_label="accuracy", title="Over the iterations")
    return {"accuracy over the iterations": drawn}


def _drawn(counts: Mapping[Any, int], *, of: str, title: str) -> str:
    """Bars, the most frequent first; how many are left out is said below them."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    bars = [Bar("no label" if name is None else str(name), float(n)) for name, n in ranked]
    more = len(bars) - MOST_BARS
    below = f"{of}; {more} more are not drawn" if more > 0 else of
    return bar_chart(bars[:MOST_BARS] or [Bar("none yet", 0)], value_label=below, title=title)


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if values.size else None
