"""The three jobs of each dataset: audit (to the queue), retrain (from verdicts), and both.

What belongs here: which stages a job runs. What does not: when it runs (`pipelines.schedules`).
"""

from collections.abc import Set as AbstractSet

import dagster as dg

from assets import AUDIT, RETRAIN
from assets.reporting import DATASET_TAG
from burnish.spec import DatasetSpec


def stage_keys(spec: DatasetSpec, stages: tuple[str, ...]) -> list[dg.AssetKey]:
    """Asset keys of those stages that this dataset has."""
    absent = {
        name
        for name, part in (
            ("unlabeled_examples", spec.unlabeled),
            ("annotations", spec.annotations),
        )
        if part is None
    }
    return [dg.AssetKey([spec.name, stage]) for stage in stages if stage not in absent]


def build_jobs(
    spec: DatasetSpec, *, hooks: AbstractSet[dg.HookDefinition] = frozenset()
) -> list[dg.JobDefinition]:
    """`NAME_audit`, `NAME_retrain` and `NAME_audit_retrain`, run in one process."""
    parts = {
        "audit": (AUDIT, "Ingest, validate, audit the labels and fill the relabel queue."),
        "retrain": (RETRAIN, "Apply the verdicts, augment, train, report, close the iteration."),
        "audit_retrain": (AUDIT + RETRAIN, "The whole cycle in one run."),
    }
    return [
        dg.define_asset_job(
            f"{spec.name}_{name}",
            selection=dg.AssetSelection.assets(*stage_keys(spec, stages)),
            description=text,
            tags={DATASET_TAG: spec.name},
            executor_def=dg.in_process_executor,
            hooks=hooks or None,
        )
        for name, (stages, text) in parts.items()
    ]
