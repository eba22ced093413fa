"""What an iteration and a whole loop amount to, as figures for people.

What belongs here: joining queue, verdicts, predictions and, where it is known for a simulation,
truth into a summary. What does not: drawing it (`burnish.report`), or the loop itself. No asset
calls this module, so truth stays outside of everything that an asset reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from burnish.metrics import wilson_interval
from burnish.records import HELD_OUT, DatasetVersion, Iteration, LabelEvent
from burnish.report.plots import digit_image
from burnish.report.summary import (
    Against,
    ConfusionPair,
    DiscoveredFigure,
    FoundExample,
    IterationSummary,
    LoopSummary,
    Measured,
    ReasonFigure,
    Reviewer,
    SliceFigure,
)
from burnish.slices import resolve_slices
from burnish.slices.measuring import MIN_RARER, MIN_ROWS
from burnish.spec import DatasetSpec
from burnish.workflows.discovered import GROUNDS
from burnish.workflows.discovered_iteration import DISCOVERED
from burnish.workflows.evaluate import worst_in_words, worst_slice
from burnish.workflows.gold import is_restated
from burnish.workflows.home import Home
from burnish.workflows.promote import rule_in_words
from burnish.workflows.rolling_back import rollbacks_in_words
from burnish.workflows.taken_back import is_undo, not_taken_back

Truth = Mapping[str, str] | None
FIRST_VALUES = 4
"""How many values stand for an example that is neither a picture nor a text."""


def summarise_iteration(
    home: Home, spec: DatasetSpec, iteration: Iteration, truth: Truth, *, seconds: float
) -> IterationSummary:
    """The figures of one closed iteration; against `truth` where it is given."""
    version = _version_of(home, iteration)
    events = home.ledger.events(
        spec.name, after=_since(home, iteration), until=version.watermark.event_id
    )
    # What was taken back meanwhile, and taking it back, is no review.
    given = [event for event in not_taken_back(events) if not is_undo(event.verdict)]
    curated = home.versions.read_version(
        spec.name, "curated_examples", version=version.table_version
    )
    standing = list({one.verdict.example_id: one for one in with_labels(given, curated)}.values())
    by_reason = _by_reason(standing, truth)
    audited = next((figure for figure in by_reason if figure.reason == "audit"), None)
    facts: Mapping[str, Any] = iteration.summary
    noise = facts["noise"]
    predictions = _predictions(home, spec, iteration)
    worst = worst_slice(_table(home, spec, "slice_report", facts["report_version"]))
    found = None if truth is None else sum(1 for event in standing if _mended(event, truth))
    return IterationSummary(
        iteration=iteration.number,
        reviewed=len(standing),
        changed=sum(1 for event in standing if event.verdict.decision in {"change", "drop"}),
        errors_found=found,
        precision=None if audited is None else audited.precision,
        noise=None
        if noise["value"] is None
        else Measured(noise["value"], noise["low"], noise["high"]),
        true_noise=None if truth is None else _true_noise(curated, truth),
        test_accuracy=_accuracy(predictions, truth),
        accuracy_against=_against(truth),
        worst_slice=worst_in_words(worst),
        worst_slice_accuracy=None,
        augmented_kept=int(facts["augmentation"]["kept"]),
        augmented_refused=int(facts["augmentation"]["refused"]),
        refusal_reasons=facts["augmentation"]["reasons"],
        dataset_version=str(version),
        digest=version.digest,
        mlflow_run_id=iteration.mlflow_run_id,
        promoted=bool(iteration.promoted),
        promotion_reason=str(facts["promotion"]["reason"]),
        seconds=seconds,
        by_reason=by_reason,
        noise_corrected=bool(noise.get("corrected")),
    )


def summarise_loop(
    home: Home,
    spec: DatasetSpec,
    iterations: Sequence[IterationSummary],
    *,
    reviewer: Reviewer,
    accuracy: float | None,
    truth: Truth,
    commands: Sequence[str],
) -> LoopSummary:
    """The whole loop so far: the curve, what was found, slices before and after."""
    baseline = home.versions.read_last_good(spec.name, "baseline")
    last = home.versions.iteration(spec.name, iterations[-1].iteration)
    curated = home.versions.read_last_good(spec.name, "curated_examples")
    assert curated is not None, "an iteration closed, so curated rows were published"
    changed = standing_changes(with_labels(home.ledger.events(spec.name), curated))
    return LoopSummary(
        dataset=spec.name,
        reviewer=reviewer,
        reviewer_accuracy=accuracy,
        seed=spec.random_state,
        home=str(home.folder),
        baseline=None if baseline is None else _accuracy(baseline, truth),
        iterations=tuple(iterations),
        slices_before=() if baseline is None else _slices(baseline, curated, spec, truth),
        slices_after=_slices(_predictions(home, spec, last), curated, spec, truth),
        found=_found(changed[-24:], curated, spec),
        commands=tuple(commands),
        generated_at=datetime.now(UTC),
        pairs=_pairs(changed),
        promotion_rule=rule_in_words(spec.promotion),
        discovered=_discovered(home, spec),
        rollbacks=rollbacks_in_words(home.versions.champion_events(spec.name)),
    )


def with_labels(events: Iterable[LabelEvent], curated: pa.Table) -> list[LabelEvent]:
    """Events, those of held-out rows with the label that was collected, which nobody was shown.

    So it can be told whether a blind verdict confirmed the label or changed it.
    """
    events = list(events)
    blind = [one.verdict.example_id for one in events if one.verdict.reason == HELD_OUT]
    rows = curated.filter(pc.field("example_id").isin(pa.array(blind, pa.string())))
    given = dict(zip(rows["example_id"].to_pylist(), rows["given_label"].to_pylist(), strict=True))
    return [_told(one, given) if one.verdict.reason == HELD_OUT else one for one in events]


def _told(event: LabelEvent, given: Mapping[str, str | None]) -> LabelEvent:
    verdict, label = event.verdict, given.get(event.verdict.example_id)
    kept = verdict.decision == "change" and verdict.to_label == label
    told = replace(verdict, from_label=label, decision="keep" if kept else verdict.decision)
    return replace(event, verdict=told)


def standing_changes(events: Iterable[LabelEvent]) -> list[LabelEvent]:
    """The newest event of each example, if it is a change.

    What was thought over, taken back or set right by a known answer was not found.
    """
    standing = {event.verdict.example_id: event for event in events}
    return [event for event in standing.values() if event.verdict.decision == "change"]


def who_decided(events: Iterable[LabelEvent]) -> Reviewer:
    """Who gave these verdicts: simulated people are named wherever they had a say.

    At the desk each answer has a round; others came on a sheet.
    """
    said = [event.verdict for event in events if not is_restated(event.verdict)]
    # Whoever took a simulated batch back gave no label.
    given = [verdict for verdict in said if not is_undo(verdict)]
    simulated = {verdict.role == "simulated" for verdict in given}
    if simulated == {True}:
        return "simulated"
    if True in simulated:
        return "mixed"
    return "desk" if any("round" in verdict.evidence for verdict in given) else "file"


def missing_summaries(
    home: Home, spec: DatasetSpec, known: Sequence[IterationSummary], truth: Truth
) -> list[IterationSummary]:
    """Summaries of closed iterations that `known` lacks: a schedule or the UI turned those."""
    there = {one.iteration for one in known}
    closed = [one for one in home.versions.iterations(spec.name) if one.closed_at is not None]
    return [
        summarise_iteration(home, spec, one, truth, seconds=_seconds(one))
        for one in closed
        if one.number not in there
    ]


def logged_since(
    home: Home, spec: DatasetSpec, known: Sequence[IterationSummary]
) -> list[IterationSummary]:
    """Those of `known` whose iteration got its tracked run, or another one, since."""
    runs = {one.number: one.mlflow_run_id for one in home.versions.iterations(spec.name)}
    return [
        replace(one, mlflow_run_id=runs[one.iteration])
        for one in known
        if one.iteration in runs and runs[one.iteration] != one.mlflow_run_id
    ]


def _seconds(iteration: Iteration) -> float:
    assert iteration.closed_at is not None
    return (iteration.closed_at - iteration.opened_at).total_seconds()


def _version_of(home: Home, iteration: Iteration) -> DatasetVersion:
    """The dataset version that the iteration's model was trained on."""
    number = int(iteration.summary["dataset_version"])
    return home.versions.dataset_version(iteration.dataset, number)


def _since(home: Home, iteration: Iteration) -> int:
    """Up to where the iteration before has counted verdicts: late ones are this iteration's."""
    if iteration.number == 1:
        return 0
    before = home.versions.iteration(iteration.dataset, iteration.number - 1)
    return _version_of(home, before).watermark.event_id


def _table(home: Home, spec: DatasetSpec, stage: str, version: int) -> pa.Table:
    return home.versions.store.read(f"{spec.name}/{stage}", version=int(version))


def _predictions(home: Home, spec: DatasetSpec, iteration: Iteration) -> pa.Table:
    return _table(home, spec, "trained_model", iteration.summary["predictions_version"])


def _against(truth: Truth) -> Against:
    return "given labels" if truth is None else "truth"


def _right(predictions: pa.Table, truth: Truth) -> dict[str, bool]:
    """Of each test row, whether the prediction is right."""
    rows = predictions.filter(pc.field("split") == "test")
    ids, predicted = rows["example_id"].to_pylist(), rows["predicted"].to_pylist()
    wanted = rows["label"].to_pylist() if truth is None else [truth[key] for key in ids]
    return {key: a == b for key, a, b in zip(ids, predicted, wanted, strict=True)}


def _accuracy(predictions: pa.Table, truth: Truth) -> Measured | None:
    """None where there is no test row."""
    right = _right(predictions, truth)
    return _measured(sum(right.values()), len(right)) if right else None


def _measured(successes: int, n: int) -> Measured:
    share = wilson_interval(successes, n)
    return Measured(share.value, share.low, share.high)


def _slices(
    predictions: pa.Table, curated: pa.Table, spec: DatasetSpec, truth: Truth
) -> tuple[SliceFigure, ...]:
    right = _right(predictions, truth)
    rows = curated.filter(pc.field("example_id").isin(pa.array(right, pa.string())))
    ids = rows["example_id"].to_pylist()
    figures: list[SliceFigure] = []
    for cut in resolve_slices(rows, spec.slices):
        inside = [right[key] for key, member in zip(ids, cut.mask, strict=True) if member]
        if inside:
            rarer = min(sum(inside), len(inside) - sum(inside))
            uncertain = len(inside) < MIN_ROWS or rarer < MIN_RARER
            measured = _measured(sum(inside), len(inside))
            figures.append(SliceFigure(cut.name, measured, len(inside), uncertain))
    return tuple(figures)


def _discovered(home: Home, spec: DatasetSpec) -> tuple[DiscoveredFigure, ...]:
    table = home.versions.read_last_good(spec.name, DISCOVERED)
    return tuple(
        DiscoveredFigure(
            name=row["slice"],
            iteration=row["iteration"],
            says=GROUNDS[row["ground"]],
            support=row["support"],
            errors=row["mean_error"],
            more=Measured(row["effect"], row["low"], row["high"]),
        )
        for row in ([] if table is None else table.to_pylist())
    )


def _mended(event: LabelEvent, truth: Mapping[str, str]) -> bool:
    """Whether a wrong label was found: it was wrong, and is not left standing wrong."""
    verdict = event.verdict
    right = truth[verdict.example_id]
    if verdict.from_label is None or verdict.from_label == right:
        return False
    return verdict.decision == "drop" or verdict.to_label == right


def _by_reason(events: Sequence[LabelEvent], truth: Truth) -> tuple[ReasonFigure, ...]:
    groups: dict[str, list[LabelEvent]] = {}
    for event in events:
        groups.setdefault(str(event.verdict.evidence.get("reason", "other")), []).append(event)
    return tuple(
        ReasonFigure(
            reason=reason,
            reviewed=len(members),
            changed=sum(1 for event in members if event.verdict.decision in {"change", "drop"}),
            errors_found=None
            if truth is None
            else sum(1 for event in members if _was_wrong(event, truth)),
        )
        for reason, members in sorted(groups.items())
    )


def _was_wrong(event: LabelEvent, truth: Mapping[str, str]) -> bool:
    before = event.verdict.from_label
    return before is not None and before != truth[event.verdict.example_id]


def _true_noise(curated: pa.Table, truth: Mapping[str, str]) -> float:
    rows = curated.filter(pc.field("split") == "train")
    ids, labels = rows["example_id"].to_pylist(), rows["label"].to_pylist()
    return sum(truth[key] != label for key, label in zip(ids, labels, strict=True)) / len(ids)


def _pairs(changed: Sequence[LabelEvent]) -> tuple[ConfusionPair, ...]:
    counts = Counter(
        (event.verdict.from_label or "(none)", event.verdict.to_label or "") for event in changed
    )
    return tuple(ConfusionPair(a, b, n) for (a, b), n in counts.items())


def _found(
    events: Sequence[LabelEvent], curated: pa.Table, spec: DatasetSpec
) -> tuple[FoundExample, ...]:
    ids = [event.verdict.example_id for event in events]
    wanted = curated.filter(pc.field("example_id").isin(pa.array(ids, pa.string())))
    rows = {row["example_id"]: row for row in wanted.to_pylist()}
    shown: list[FoundExample] = []
    for event in events:
        row = rows.get(event.verdict.example_id)
        image, text = ("", "") if row is None else _look(row, spec)
        before = event.verdict.from_label or "(none)"
        after = event.verdict.to_label or ""
        shown.append(FoundExample(event.verdict.example_id, before, after, image, text))
    return tuple(shown)


def _look(row: Mapping[str, Any], spec: DatasetSpec) -> tuple[str, str]:
    """An example as people look at it: its picture, else its text, else its first values."""
    for name in spec.of_kind("image"):
        shape = spec.features[name].shape
        if isinstance(row[name], list) and shape:
            return digit_image(cast("list[float]", row[name]), shape), ""
    for name in spec.of_kind("text"):
        return "", str(row[name])[:200]
    values = [f"{name} {_value(row[name])}" for name in list(spec.features)[:FIRST_VALUES]]
    more = len(spec.features) - FIRST_VALUES
    return "", ", ".join(values) + (f", and {more} more" if more > 0 else "")


def _value(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
