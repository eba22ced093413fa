"""The loop's table of contents: groups of stages in order, and the module that builds each.

What belongs here: the order of the stages and building one dataset's graph. What does not: any
stage itself, which has a file of its own.
"""

from types import ModuleType
from typing import Any

from assets import (
    augmented,
    curated,
    labels,
    model,
    production,
    quality,
    queue,
    raw,
    returns,
    slices,
    validated,
)
from assets.checks import build_checks
from burnish.spec import DatasetSpec
from burnish.workflows.production_stages import LABELS, PARTITIONED

STAGES: dict[str, ModuleType] = {
    raw.GROUP: raw,
    validated.GROUP: validated,
    quality.GROUP: quality,
    labels.GROUP: labels,
    queue.GROUP: queue,
    curated.GROUP: curated,
    augmented.GROUP: augmented,
    model.GROUP: model,
    slices.GROUP: slices,
    returns.GROUP: returns,
    production.GROUP: production,
}

AUDIT = (
    "raw_examples",
    "unlabeled_examples",
    "annotations",
    "validated_examples",
    "quarantined_examples",
    "quality_report",
    "pred_probs",
    "label_audit",
    "relabel_queue",
)
RETRAIN = (
    "curated_examples",
    "augmented_examples",
    "trained_model",
    "slice_report",
    "champion",
    "tracked_iterations",
)
TRACK = ("tracked_iterations",)
RETURNS = ("batch_returns",)
PRODUCTION = PARTITIONED
PRODUCTION_LABELS = (LABELS,)
ASIDE = (*RETURNS, *PRODUCTION, *PRODUCTION_LABELS)
"""Stages that are of no cycle: nothing of a cycle waits for them, nor they for it."""


def build_assets(spec: DatasetSpec) -> list[Any]:
    """All assets of one dataset, keys `[dataset, stage]`."""
    return [asset for module in STAGES.values() for asset in module.build(spec)]


__all__ = [
    "ASIDE",
    "AUDIT",
    "PRODUCTION",
    "PRODUCTION_LABELS",
    "RETRAIN",
    "RETURNS",
    "STAGES",
    "TRACK",
    "build_assets",
    "build_checks",
]
