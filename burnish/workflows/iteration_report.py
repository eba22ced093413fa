"""The report of a closed iteration, gathered from the record.

What belongs here: putting together what the page of an iteration tells. What does not: the changes
and people (`.iteration_report_changes`), the effect (`.iteration_report_effect`), the cards
(`.iteration_report_cards`), writing any of them (`.iteration_report_pages`), how a page reads
(`burnish.report.iteration_page`).

All is read from the record, bounded by the iteration: the same iteration gives the same report
whenever it is written, which a tracking server that logs it late relies on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from burnish.errors import IterationError
from burnish.records import Iteration
from burnish.report.iteration_facts import (
    Augmented,
    Check,
    Decision,
    GateLine,
    IterationFacts,
    Noise,
)
from burnish.report.summary import Measured
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.closing_early import early_in_words
from burnish.workflows.iteration_report_changes import changes_of, examples_of, span_of
from burnish.workflows.iteration_report_effect import (
    accuracy_of,
    calibration_of,
    effect_of,
    held_against,
    predictions_of,
)
from burnish.workflows.iteration_report_reading import known_answers_of
from burnish.workflows.naming import trained_on
from burnish.workflows.rolling_back import rollbacks_in_words

GATED = (
    "raw_examples",
    "validated_examples",
    "relabel_queue",
    "curated_examples",
    "augmented_examples",
    "trained_model",
    "slice_report",
)


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
        decision=_decision(versions, iteration),
        policy=policy_in_words(spec),
        known_answers=known_answers_of(versions, iteration),
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


def spec_then(iteration: Iteration, today: DatasetSpec) -> DatasetSpec:
    """The spec that an iteration was closed with, with the words and the folder of today's."""
    then = DatasetSpec.model_validate(iteration.summary["spec"])
    words = {name: getattr(today, name) for name in ("card", "datasheet", "description", "owner")}
    return then.model_copy(update={**words, "folder": today.folder})


def is_reportable(iteration: Iteration) -> bool:
    """Whether an iteration is closed and trained a model."""
    needed = {"promotion", "predictions_version", "dataset_version"}
    return iteration.closed_at is not None and needed <= set(iteration.summary)


def _require_closed(iteration: Iteration) -> None:
    if not is_reportable(iteration):
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


def _decision(versions: Versions, iteration: Iteration) -> Decision:
    noted: Mapping[str, Any] = iteration.summary["promotion"]
    return Decision(
        promoted=bool(iteration.promoted),
        rule=str(noted.get("rule", "")),
        reason=str(noted.get("reason", "")),
        rows=int(noted.get("rows") or 0),
        difference=measured(noted, "difference"),
        checks=tuple(_check(one) for one in noted.get("checks") or ()),
        level=float(noted.get("level", 0.95)),
        since=rollbacks_in_words(versions.champion_events(iteration.dataset), iteration.number),
        early=early_in_words(iteration),
    )


def _check(noted: Mapping[str, Any]) -> Check:
    """A check as the record keeps it; whatever it says beside name and result is its text."""
    told = dict(noted)
    name = str(told.pop("name", None) or told.pop("check", None) or "check")
    passed = bool(told.pop("passed", False))
    text = told.pop("text", None) or told.pop("reason", None)
    rest = (f"{key} {value}" for key, value in told.items() if value is not None)
    return Check(name.replace("_", " "), passed, str(text) if text else ", ".join(rest))
