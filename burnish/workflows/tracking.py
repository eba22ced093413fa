"""Tracking: all that a tracking server is told of one iteration, put together.

What belongs here: which tags, parameters, metrics and tables an iteration leaves behind, and
under which names. What does not: speaking to a server (the tracker resource does that).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.metrics import confusion_matrix
from burnish.records import DatasetVersion, Iteration, TrackedIteration
from burnish.slices import metric_name
from burnish.spec import DatasetSpec, Source
from burnish.workflows.evaluate import headline, with_uncertain, worst_in_words, worst_slice
from burnish.workflows.promote import Promotion
from burnish.workflows.train import Trained

SLICE_REPORT = "slice_report"
"""The table of every metric of every slice, among those of a tracked iteration."""


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
    answers: str = "not measured",
    pages: Mapping[str, str] | None = None,
    serves: bool | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> TrackedIteration:
    """The record of one iteration, ready to be logged in one go.

    Metrics are flat. The headline is named `validation_accuracy`, `test_log_loss` and so on, the
    validation accuracy of a slice `accuracy/source:scanA.1f3a9c02`. What is unknown or not finite
    is left out. `extra_metrics` come on top under their own names. Tables: `slices`, a line a
    slice, its name and accuracy first, which is what a server's table view lays side by side for
    several iterations; `slice_report`, every metric of every slice; `confusion` (label, predicted,
    rows) of the validation rows; and `tables` under their own names. Tags to filter by name the
    worst slice, and say whether its accuracy is certain, and what the known answers say of the
    batch (`answers`). `home` names the database that the
    iteration is recorded in: several may log to one server. `pages` become artifacts; `serves` is
    as in `TrackedIteration`.
    """
    worst = worst_slice(report)
    metrics = {
        **slice_accuracies(report),
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
            "worst_slice": worst_in_words(worst),
            "answers": answers,
        },
        params=trained.params,
        metrics={name: value for name, value in known.items() if isfinite(value)},
        tables={
            "slices": slice_lines(report),
            SLICE_REPORT: report,
            "confusion": _confusion(trained),
            **(tables or {}),
        },
        dataset_version=str(dataset_version),
        dataset_digest=dataset_version.digest,
        rows=dataset_version.rows,
        source=_source_text(spec.source),
        model=trained.model,
        model_input=trained.input_example,
        promoted=promotion.promoted,
        serves=serves,
        pages=dict(pages or {}),
        trust=spec.model.trust,
        at=iteration.closed_at,
    )


def slice_accuracies(report: pa.Table) -> dict[str, float]:
    """The validation accuracy of every slice under the name that it has on a tracking server.

    >>> report = pa.table({
    ...     "split": ["validation"], "slice": ["source:a"], "slice_id": ["8cc046f2"],
    ...     "metric": ["accuracy"], "value": [0.9],
    ... })
    >>> slice_accuracies(report)
    {'accuracy/source:a.8cc046f2': 0.9}
    """
    return {
        metric_name(row["metric"], row["slice"], row["slice_id"]): row["value"]
        for row in report.to_pylist()
        if row["value"] is not None and (row["split"], row["metric"]) == ("validation", "accuracy")
    }


def slice_lines(report: pa.Table) -> pa.Table:
    """The report as a line a slice: slice, accuracy in words, then numbers by split and metric.

    >>> report = pa.table({
    ...     "split": ["validation", "test"], "slice": ["a"] * 2, "slice_id": ["8cc046f2"] * 2,
    ...     "metric": ["accuracy"] * 2, "value": [0.9, 0.8], "low": [0.85, None],
    ...     "high": [0.94, None], "support": [20, 90],
    ... })
    >>> line = slice_lines(report).to_pylist()[0]
    >>> line["accuracy"], line["trust"]
    ('0.900 (0.850 to 0.940) of 20', 'uncertain')
    """
    lines: dict[str, dict[str, Any]] = {}
    for row in with_uncertain(report).to_pylist():
        line = lines.setdefault(
            row["slice_id"], {"slice": row["slice"], "accuracy": "", "trust": ""}
        )
        if (row["split"], row["metric"]) == ("validation", "accuracy"):
            line["accuracy"] = _in_words(row)
            # A column of its own: a server cuts the sentence off where its column ends.
            line["trust"] = "uncertain" if row["uncertain"] else ""
        line[f"{row['split']}_{row['metric']}"] = row["value"]
        line[f"{row['split']}_rows"] = row["support"]
        line["slice_id"] = row["slice_id"]
    names = dict.fromkeys(name for line in lines.values() for name in line)
    return pa.table({name: [line.get(name) for line in lines.values()] for name in names})


def _in_words(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "no rows"
    known = row["low"] is not None and row["high"] is not None
    interval = f" ({row['low']:.3f} to {row['high']:.3f})" if known else ""
    return f"{row['value']:.3f}{interval} of {row['support']}"


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
