"""What an iteration does beyond single tables: noise so far, training, and publishing.

What belongs here: steps that join versions, ledger and tracker. What does not: the pure functions
they call (`burnish.workflows.train`, `.promote`, `.noise`) and anything of the orchestrator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from burnish.records import Iteration, LabelVersion, TableVersion
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger, Tracker
from burnish.versions import Versions
from burnish.workflows.curate import curate
from burnish.workflows.evaluate import headline
from burnish.workflows.noise import NoiseEstimate, control_arms, estimate_noise
from burnish.workflows.promote import Promotion, decide_promotion
from burnish.workflows.tracking import tracked_iteration
from burnish.workflows.train import Trained, restore, train_model


@dataclass(frozen=True)
class Closed:
    """A closed iteration as its page shows it."""

    written: TableVersion
    table: pa.Table
    figures: Mapping[str, float | int | str | bool]
    url: str


def fold_properties(labels: LabelVersion, iteration: int) -> dict[str, str]:
    """What a table of labels must say of itself: the place in the ledger, and the iteration."""
    return {
        "watermark": str(labels.watermark.event_id),
        "chain": labels.watermark.chain,
        "iteration": str(iteration),
    }


def noise_so_far(
    versions: Versions, ledger: LabelLedger, dataset: str, curated: pa.Table
) -> NoiseEstimate:
    """Noise left in the current training labels, estimated from every control arm so far."""
    queues = queues_so_far(versions, dataset)
    arms = control_arms(queues, ledger.events(dataset))
    training = curated.filter(pc.field("split") == "train")
    now, given = training["label"].to_pylist(), training["given_label"].to_pylist()
    changed = sum(a != b for a, b in zip(now, given, strict=True))
    return estimate_noise(arms, changed=changed, rows=training.num_rows)


def queues_so_far(versions: Versions, dataset: str) -> list[pa.Table]:
    """The queue of each iteration as people last saw it, in order."""
    newest: dict[int, int] = {}
    for version in versions.store.history(f"{dataset}/relabel_queue"):
        newest[int(version.properties["iteration"])] = version.version
    table = f"{dataset}/relabel_queue"
    return [versions.store.read(table, version=newest[number]) for number in sorted(newest)]


def train_iteration(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger
) -> tuple[TableVersion, pa.Table]:
    """Train this iteration's model; keep it, its predictions and, the first time, a baseline.

    The baseline is the same model on the labels as collected. It is what the first challenger is
    compared with.
    """
    curated = versions.read(spec.name, "curated_examples")
    augmented = versions.read(spec.name, "augmented_examples")
    trained = train_model(augmented, curated, spec, random_state=spec.random_state)
    if versions.published(spec.name, "baseline") is None:
        collected = curate(
            versions.read(spec.name, "validated_examples"), ledger.fold(spec.name, 0)
        )
        training = collected.filter(pc.field("split") == "train")
        first = train_model(training, collected, spec, random_state=spec.random_state)
        versions.write(spec.name, "baseline", first.predictions, gated=False)
    versions.write(spec.name, "model_files", _model_table(trained), gated=False)
    written = versions.write(spec.name, "trained_model", trained.predictions)
    return written, trained.predictions


def publish_iteration(
    spec: DatasetSpec,
    versions: Versions,
    tracker: Tracker,
    iteration: Iteration,
    *,
    run_id: str,
    git_sha: str,
) -> Closed:
    """Decide on promotion, log everything, close the iteration.

    The decision is recorded before the tracking server is asked, so that doing this again after
    the server was down logs the same and nothing twice. Raises `TrackingError` with all data
    work kept.
    """
    report = versions.read(spec.name, "slice_report")
    trained = _restored(versions, spec)
    promotion = decide_promotion(trained.predictions, _incumbent(versions, spec))
    facts = {
        "promotion": asdict(promotion),
        "predictions_version": _published(versions, spec, "trained_model").version,
        "report_version": _published(versions, spec, "slice_report").version,
        "model_version": _published(versions, spec, "model_files").version,
    }
    versions.note(spec.name, iteration.number, **facts)
    extra = _extra_metrics(versions.iteration(spec.name, iteration.number))
    logged = tracker.log_iteration(
        tracked_iteration(
            spec=spec,
            iteration=iteration,
            dataset_version=versions.dataset_versions(spec.name)[-1],
            trained=trained,
            report=report,
            promotion=promotion,
            run_id=run_id,
            git_sha=git_sha,
            extra_metrics=extra,
        )
    )
    versions.set_run(spec.name, iteration.number, logged.run_id)
    versions.close(spec.name, iteration.number, promoted=promotion.promoted)
    table = _record(iteration, promotion, logged.run_id)
    written = versions.write(spec.name, "champion", table, iteration=iteration.number, gated=False)
    figures = {
        "iteration": iteration.number,
        "promoted": promotion.promoted,
        "rule": promotion.rule,
        "reason": promotion.reason,
        **headline(report),
        **extra,
    }
    return Closed(written, table, figures, logged.url)


def _incumbent(versions: Versions, spec: DatasetSpec) -> pa.Table | None:
    """Predictions of the champion; of the baseline, while there is no champion."""
    champion = versions.champion(spec.name)
    if champion is None:
        return versions.read_last_good(spec.name, "baseline")
    version = int(champion.summary["predictions_version"])
    return versions.store.read(f"{spec.name}/trained_model", version=version)


def _model_table(trained: Trained) -> pa.Table:
    return pa.table(
        {
            "model": pa.array([trained.model_bytes], pa.binary()),
            "classes": [json.dumps(list(trained.classes))],
            "params": [json.dumps(dict(trained.params))],
        }
    )


def _restored(versions: Versions, spec: DatasetSpec) -> Trained:
    kept = versions.read(spec.name, "model_files").to_pylist()[0]
    return restore(
        kept["model"],
        predictions=versions.read(spec.name, "trained_model"),
        curated=versions.read(spec.name, "curated_examples"),
        spec=spec,
        classes=json.loads(kept["classes"]),
        params=json.loads(kept["params"]),
    )


def _published(versions: Versions, spec: DatasetSpec, stage: str) -> TableVersion:
    found = versions.published(spec.name, stage)
    assert found is not None, f"{stage} was read a moment ago"
    return found


def _extra_metrics(iteration: Iteration) -> dict[str, float]:
    metrics: dict[str, float] = {}
    noise = iteration.summary.get("noise")
    if noise is not None:
        metrics |= {"noise": noise["value"], "noise_low": noise["low"], "noise_high": noise["high"]}
    augmentation = iteration.summary.get("augmentation", {})
    return metrics | {
        f"augmented_{word}": float(augmentation[word])
        for word in ("kept", "refused")
        if word in augmentation
    }


def _record(iteration: Iteration, promotion: Promotion, run_id: str) -> pa.Table:
    return pa.table(
        {
            "iteration": pa.array([iteration.number], pa.int64()),
            "promoted": [promotion.promoted],
            "rule": [promotion.rule],
            "reason": [promotion.reason],
            "mlflow_run_id": [run_id],
        }
    )
