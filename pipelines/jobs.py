"""The jobs of each dataset: audit (to the queue), retrain (from verdicts), both; and those aside.

What belongs here: which stages a job runs, and by which executor. What does not: when it runs
(`pipelines.schedules`, `pipelines.sensors`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from assets import AUDIT, PRODUCTION, PRODUCTION_LABELS, RETRAIN, RETURNS, TRACK
from assets.reporting import DATASET_TAG, PART_TAG
from burnish.errors import ProjectError
from burnish.spec import DatasetSpec

# What a step needs and is slow to import; the fork server holds it, so that no step waits for it.
PRELOADED = (
    "assets",
    "burnish.modeling",
    "burnish.store",
    # What opens Dagster's instance: a step that imports it anew takes twice as long to begin.
    "dagster._core.storage.sqlite_storage",
    "great_expectations",
    "pandas",
    "resources",
    "sklearn.linear_model",
)

EXECUTORS: Mapping[str, dg.ExecutorDefinition] = {
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor.configured(
        {
            "start_method": {"forkserver": {"preload_modules": list(PRELOADED)}},
            # A gate that stopped, and a stage that was refused, are no hiccups.
            "retries": {"enabled": {}},
        },
        name="multiprocess",
    ),
}


def executor_named(name: str) -> dg.ExecutorDefinition:
    """One of `EXECUTORS`; raises `ProjectError` where there is none of that name."""
    if name not in EXECUTORS:
        raise ProjectError(
            f"no executor {name!r}",
            expected=f"one of {', '.join(EXECUTORS)}",
            hint="set BURNISH_EXECUTOR",
        )
    return EXECUTORS[name]


def stage_keys(spec: DatasetSpec, stages: tuple[str, ...]) -> list[dg.AssetKey]:
    """Asset keys of those stages that this dataset has."""
    absent = {
        name
        for name, part in (
            ("unlabeled_examples", spec.has_unlabeled),
            ("annotations", spec.annotations is not None),
        )
        if not part
    }
    return [dg.AssetKey([spec.name, stage]) for stage in stages if stage not in absent]


PATIENCE = 120.0
"""Seconds that `NAME_track` waits for the tracking server: nothing else waits for that job."""


def patient(spec: DatasetSpec, seconds: float = PATIENCE) -> dict[str, Any]:
    """The run configuration that lets `tracked_iterations` wait for so many seconds."""
    return {"ops": {f"{spec.name}__tracked_iterations": {"config": {"patience": seconds}}}}


def build_jobs(
    spec: DatasetSpec,
    *,
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    hooks: AbstractSet[dg.HookDefinition] = frozenset(),
) -> dict[str, dg.JobDefinition]:
    """`NAME_audit`, `NAME_retrain`, `NAME_cycle`, `NAME_track` and `NAME_returns`, by part.

    With production in the spec also `NAME_refresh`, `NAME_production`, by period, and
    `NAME_labels`.
    """
    parts = {
        "audit": (AUDIT, "Ingest, validate, audit the labels and fill the relabel queue."),
        "retrain": (RETRAIN, "Apply the verdicts, augment, train, report, close the iteration."),
        "track": (TRACK, "Log what waits for MLflow, which may take two minutes over it."),
        "returns": (RETURNS, "Train with and without each of the last batches: what it bought."),
        # One word each: with two, a job of one dataset could be called as one of another.
        "cycle": (
            AUDIT + RETRAIN,
            "What a night does. In one run it ends at the queue, until the batch is decided.",
        ),
    }
    if spec.production is not None:
        # As the cycle, but for the word by which its iteration does not wait for people.
        parts["refresh"] = (
            AUDIT + RETRAIN,
            "What an alarm asks for: audit and retrain at once, with what people decided by then.",
        )
        text = "Take, judge, predict and measure a period of production; a backfill takes many."
        parts["production"] = (PRODUCTION, text)
        if spec.production.labels is not None:
            text = "Join labels that came in to the rows that production met."
            parts["labels"] = (PRODUCTION_LABELS, text)
    return {
        name: dg.define_asset_job(
            f"{spec.name}_{name}",
            selection=dg.AssetSelection.assets(*stage_keys(spec, stages)),
            description=text,
            tags={DATASET_TAG: spec.name, PART_TAG: name},
            executor_def=executor,
            hooks=hooks or None,
            config=patient(spec) if name == "track" else None,
        )
        for name, (stages, text) in parts.items()
    }
