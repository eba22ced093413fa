"""What an iteration does beyond single tables: noise so far, training, and closing.

What belongs here: steps that join versions and ledger. What does not: the pure functions they call
(`burnish.workflows.train`, `.promote`, `.noise`), logging what was closed to a tracker
(`burnish.workflows.backlog`), and anything of the orchestrator.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from burnish.errors import ChampionMoved, IterationError
from burnish.records import Iteration, TableVersion
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.augment import augment_examples
from burnish.workflows.batch import require_decided
from burnish.workflows.closing_early import UNDECIDED, closes_early
from burnish.workflows.control_arms import changed_labels, control_arms, gold_counts
from burnish.workflows.curate import curate
from burnish.workflows.evaluate import headline
from burnish.workflows.gold import known_answers
from burnish.workflows.noise import NoiseEstimate, estimate_noise
from burnish.workflows.promote import Promotion
from burnish.workflows.promote_inputs import decide_for, promotion_record
from burnish.workflows.train import Trained, train_model


@dataclass(frozen=True)
class Closed:
    """What closing an iteration wrote."""

    written: TableVersion
    table: pa.Table
    promotion: Promotion


def curate_iteration(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    iteration: Iteration,
    *,
    gold: Mapping[str, str] | None = None,
) -> tuple[TableVersion, pa.Table, NoiseEstimate]:
    """Validated rows with all verdicts so far, and the noise that is estimated to be left.

    Raises `IterationError` while people have not looked at every item of the batch: the queue is
    the pause, and what is decided later would belong to nobody's iteration. One that closes early
    (`burnish.workflows.closing_early`) goes on with what was decided, and notes how many were not.
    `gold` is as in
    `noise_so_far`, by default what is kept of the dataset's gold items.
    """
    left = require_decided(versions, ledger, iteration)
    refused = versions.refusal(spec.name, "validated_examples")
    if refused is not None:
        raise refused
    labels = ledger.fold(spec.name)
    written = versions.write_curated(spec.name, labels, iteration=iteration.number)
    rows = versions.read_candidate(spec.name, "curated_examples", version=written.version)
    answers = known_answers(versions, spec.name) if gold is None else gold
    noise = noise_so_far(versions, ledger, spec.name, rows, gold=answers)
    early = {UNDECIDED: left} if closes_early(iteration) else {}
    versions.note(spec.name, iteration.number, noise=noise.to_dict(), **early)
    return written, rows, noise


def noise_so_far(
    versions: Versions,
    ledger: LabelLedger,
    dataset: str,
    curated: pa.Table,
    *,
    gold: Mapping[str, str] | None = None,
) -> NoiseEstimate:
    """What reviewers would still change of the training labels, from every control arm so far.

    With verdicts on `gold` items, whose answers it gives by example_id, the estimate is of what is
    truly wrong: as soon as reviewers have seen a wrong and a right label among them. Rows that had
    no label when they were collected are left out: nothing of them was wrong; and so are labels of
    validation and test that somebody mended.
    """
    held_out = _held_out(versions, dataset, curated)
    events = [one for one in ledger.events(dataset) if one.verdict.example_id not in held_out]
    arms = control_arms(queues_so_far(versions, dataset), events)
    rows = curated.filter((pc.field("split") == "train") & pc.field("given_label").is_valid())
    counts = gold_counts(events, gold or {})
    # Of one kind alone they leave everything possible, and what is known would be hidden.
    both = counts is not None and min(counts.wrong_shown, counts.right_shown) > 0
    return estimate_noise(
        arms,
        changed=changed_labels(events),
        rows=max(1, rows.num_rows),
        reviewers=counts if both else None,
    )


def _held_out(versions: Versions, dataset: str, curated: pa.Table) -> set[str]:
    """The rows of validation and test, those that were dropped among them."""
    names = ["example_id", "split"]
    validated = versions.read_last_good(dataset, "validated_examples", columns=names)
    tables = [curated.select(names)] if validated is None else [validated, curated.select(names)]
    apart = pc.field("split").isin(["validation", "test"])
    return {name for rows in tables for name in rows.filter(apart)["example_id"].to_pylist()}


def queues_so_far(versions: Versions, dataset: str) -> list[pa.Table]:
    """The queue of each iteration as people last saw it, in order."""
    seen = set(versions.published_versions(dataset, "relabel_queue"))
    made = versions.outputs(dataset, "relabel_queue")
    newest = {number: version for number, version in made if version in seen}
    table = f"{dataset}/relabel_queue"
    return [versions.store.read(table, version=newest[number]) for number in sorted(newest)]


def augment_iteration(
    spec: DatasetSpec, versions: Versions, iteration: Iteration
) -> tuple[TableVersion, pa.Table, Mapping[str, Any]]:
    """Training rows and the variants that were kept; the third is what became of all variants.

    Where the iteration before found its model weak, more variants are tried: this iteration's own
    report, of an attempt that was cut short, must not change what a second attempt makes.
    """
    made = augment_examples(
        versions.read(spec.name, "curated_examples", of=iteration),
        spec,
        report=_report_before(versions, iteration),
        random_state=spec.random_state,
    )
    versions.write(spec.name, "augmentation_refusals", made.refused, gated=False)
    written = versions.write(
        spec.name, "augmented_examples", made.examples, iteration=iteration.number
    )
    facts = {
        "kept": sum(origin is not None for origin in made.examples["origin_id"].to_pylist()),
        "refused": made.refused.num_rows,
        "reasons": dict(Counter(made.refused["reason"].to_pylist())),
    }
    versions.note(spec.name, iteration.number, augmentation=facts)
    return written, made.examples, facts


def _report_before(versions: Versions, iteration: Iteration) -> pa.Table | None:
    if iteration.number == 1:
        return None
    before = versions.iteration(iteration.dataset, iteration.number - 1)
    version = int(before.summary["report_version"])
    return versions.store.read(f"{iteration.dataset}/slice_report", version=version)


def train_iteration(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger, iteration: Iteration
) -> tuple[TableVersion, pa.Table]:
    """Train this iteration's model; keep it, its predictions and, the first time, a baseline.

    The baseline is the same model on the labels as collected. It is what the first challenger is
    compared with. Which versions the model came from is noted with the iteration. Raises
    `IterationError` where curated or augmented rows are those of another iteration.
    """
    curated = versions.read(spec.name, "curated_examples", of=iteration)
    augmented = versions.read(spec.name, "augmented_examples", of=iteration)
    trained_on: dict[str, Any] = {
        "dataset_version": _numbered(versions, iteration),
        "curated_version": versions.version_of(iteration, "curated_examples"),
        "augmented_version": versions.version_of(iteration, "augmented_examples"),
    }
    trained = train_model(augmented, curated, spec, random_state=spec.random_state)
    if versions.published(spec.name, "baseline") is None:
        _keep_baseline(spec, versions, ledger)
    # Nothing is published of a model but by its gate: the files go with the predictions.
    files = versions.write(spec.name, "model_files", _model_table(trained))
    # Held before anything is logged, so that no store need ask a tracking server.
    versions.store.pin(files.table, files.version, str(iteration))
    augmented_table = f"{spec.name}/augmented_examples"
    versions.store.pin(augmented_table, trained_on["augmented_version"], str(iteration))
    written = versions.write(
        spec.name, "trained_model", trained.predictions, iteration=iteration.number
    )
    trained_on |= {"model_version": files.version, "predictions_version": written.version}
    trained_on |= {"spec": spec.model_dump(mode="json")}
    versions.note(spec.name, iteration.number, **trained_on)
    return written, trained.predictions


def close_iteration(
    spec: DatasetSpec, versions: Versions, iteration: Iteration, *, run_id: str, git_sha: str
) -> Closed:
    """Decide on promotion, and close the iteration; its log is left to `burnish.workflows.backlog`.

    What that will want to know, and the record does not hold yet, is noted: the decision, the
    report, who ran this (`run_id`) and with which code. Raises `IterationError` where model or
    report are those of another iteration, or the curated rows have moved on since the model was
    trained.
    """
    report = versions.read(spec.name, "slice_report", of=iteration)
    predictions = versions.read(spec.name, "trained_model", of=iteration)
    _refuse_moved(versions, iteration)
    if iteration.mlflow_run_id is not None:
        # Logged before it was closed, as it once was: it may have been trained again since.
        versions.set_run(spec.name, iteration.number, None)
    noted: dict[str, Any] = {
        "report_version": versions.version_of(iteration, "slice_report"),
        "dagster_run_id": run_id,
        "git_sha": git_sha,
        "headline": headline(report),
    }
    while True:
        seq = versions.champion_seq(spec.name)
        promotion = decide_for(spec, versions, iteration, predictions)
        versions.note(spec.name, iteration.number, promotion=asdict(promotion), **noted)
        table = promotion_record(iteration, promotion)
        number = iteration.number
        written = versions.write(spec.name, "champion", table, iteration=number, gated=False)
        made, why = promotion.promoted, promotion.reason
        try:
            versions.close(spec.name, number, promoted=made, why=why, expected=seq)
        except ChampionMoved:
            # Somebody rolled back meanwhile: what it was held against serves no more.
            continue
        return Closed(written, table, promotion)


def extra_metrics(iteration: Iteration) -> dict[str, float]:
    """Figures of an iteration that are not of its model: noise left, augmented rows."""
    metrics: dict[str, float] = {}
    noise = iteration.summary.get("noise")
    if noise is not None and noise["value"] is not None:
        metrics |= {"noise": noise["value"], "noise_low": noise["low"], "noise_high": noise["high"]}
    augmentation = iteration.summary.get("augmentation", {})
    return metrics | {
        f"augmented_{word}": float(augmentation[word])
        for word in ("kept", "refused")
        if word in augmentation
    }


def _keep_baseline(spec: DatasetSpec, versions: Versions, ledger: LabelLedger) -> None:
    collected = curate(versions.read(spec.name, "validated_examples"), ledger.fold(spec.name, 0))
    training = collected.filter(pc.field("split") == "train")
    first = train_model(training, collected, spec, random_state=spec.random_state)
    versions.write(spec.name, "baseline", first.predictions, gated=False)


def _numbered(versions: Versions, iteration: Iteration) -> int:
    """The number of the dataset version that this iteration's curated rows are."""
    table_version = versions.version_of(iteration, "curated_examples")
    made = versions.dataset_versions(iteration.dataset)
    return next(one.number for one in reversed(made) if one.table_version == table_version)


def _model_table(trained: Trained) -> pa.Table:
    return pa.table(
        {
            "model": pa.array([trained.model_bytes], pa.binary()),
            "classes": [json.dumps(list(trained.classes))],
            "params": [json.dumps(dict(trained.params))],
        }
    )


def _refuse_moved(versions: Versions, iteration: Iteration) -> None:
    noted = {
        "trained_model": int(iteration.summary["predictions_version"]),
        "curated_examples": int(iteration.summary["curated_version"]),
    }
    for stage, version in noted.items():
        if versions.version_of(iteration, stage) != version:
            raise IterationError(
                f"{iteration.dataset}/{stage} has moved on since {iteration} trained its model",
                expected=f"version {version}, which the model was trained with",
                hint="materialize augmented_examples, trained_model and slice_report again",
            )
