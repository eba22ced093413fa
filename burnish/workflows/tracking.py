"""Tracking: all that a tracking server is told of one iteration, put together.

What belongs here: which tags, parameters, metrics and tables an iteration leaves behind, and
under which names. What does not: speaking to a server (the tracker resource does that).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import isfinite

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.metrics import confusion_matrix
from burnish.records import DatasetVersion, Iteration, TrackedIteration
from burnish.slices import metric_name
from burnish.spec import DatasetSpec, Source
from burnish.workflows.evaluate import headline
from burnish.workflows.promote import Promotion
from burnish.workflows.train import Trained


def tracked_iteration(
    *,
    spec: DatasetSpec,
    iteration: Iteration,
    dataset_version: DatasetVersion,
    trained: Trained,
    report: pa.Table,
    promotion: Promotion,
    run_id: str,
    git_sha: str,
    home: str,
    extra_metrics: Mapping[str, float] | None = None,
) -> TrackedIteration:
    """The record of one iteration, ready to be logged in one go.

    Metrics are flat. The headline is named `validation_accuracy`, `test_log_loss` and so on; a
    slice's metric `accuracy/source:scanA.1f3a9c02` on validation and `test_accuracy/...` on test,
    so that each becomes one line of one chart. What is unknown or not finite is left out.
    `extra_metrics` come on top under their own names. Tables: `slices`, the report as it is, and
    `confusion` (label, predicted, rows) of the validation rows. `home` names the database that
    the iteration is recorded in: several may log to one server.
    """
    metrics = {
        **slice_metric_names(report),
        **headline(report),
        "promotion_difference": promotion.difference,
        "promotion_low": promotion.low,
        "promotion_high": promotion.high,
        **(extra_metrics or {}),
        # A number too: MLflow sorts and filters tags as text, where 10 comes before 9.
        "iteration": iteration.number,
    }
    known = {name: float(value) for name, value in metrics.items() if value is not None}
    return TrackedIteration(
        dataset=spec.name,
        iteration=iteration.number,
        tags={
            "dataset": spec.name,
            "iteration": str(iteration.number),
            "dataset_version": str(dataset_version),
            "dataset_digest": dataset_version.digest,
            "ledger_watermark": str(dataset_version.watermark.event_id),
            "dagster_run_id": run_id,
            "git_sha": git_sha,
            "home": home,
            "model_digest": hashlib.sha256(trained.model_bytes).hexdigest(),
            "promoted": str(promotion.promoted).lower(),
            "promotion_rule": promotion.rule,
            "promotion_reason": promotion.reason,
        },
        params=trained.params,
        metrics={name: value for name, value in known.items() if isfinite(value)},
        tables={"slices": report, "confusion": _confusion(trained)},
        dataset_version=str(dataset_version),
        dataset_digest=dataset_version.digest,
        rows=dataset_version.rows,
        source=_source_text(spec.source),
        model=trained.model,
        model_input=trained.input_example,
        promoted=promotion.promoted,
        trust=spec.model.trust,
        at=iteration.closed_at,
    )


def slice_metric_names(report: pa.Table) -> dict[str, float]:
    """Every known value of a slice report under the name that it has on a tracking server.

    >>> report = pa.table({
    ...     "split": ["test"], "slice": ["source:a"], "slice_id": ["8cc046f2"],
    ...     "metric": ["accuracy"], "value": [0.9],
    ... })
    >>> slice_metric_names(report)
    {'test_accuracy/source:a.8cc046f2': 0.9}
    """
    return {
        metric_name(
            row["metric"] if row["split"] == "validation" else f"{row['split']}_{row['metric']}",
            row["slice"],
            row["slice_id"],
        ): row["value"]
        for row in report.to_pylist()
        if row["value"] is not None
    }


def _confusion(trained: Trained) -> pa.Table:
    rows = trained.predictions.filter(pc.field("split") == "validation")
    schema = pa.schema([("label", pa.string()), ("predicted", pa.string()), ("rows", pa.int64())])
    if rows.num_rows == 0:
        return schema.empty_table()
    counts = confusion_matrix(
        rows["label"].to_pylist(), rows["predicted"].to_pylist(), classes=trained.classes
    )
    places = np.argwhere(counts > 0)
    return pa.table(
        {
            "label": [trained.classes[row] for row, _ in places.tolist()],
            "predicted": [trained.classes[column] for _, column in places.tolist()],
            "rows": counts[counts > 0],
        },
        schema=schema,
    )


def _source_text(source: Source) -> str:
    return f"bundled:{source.bundled}" if source.bundled else ", ".join(source.files)
