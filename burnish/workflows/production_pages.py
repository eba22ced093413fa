"""The page of each stage of production: figures, plots over the periods, and short tables.

What belongs here: choosing and naming them. What does not: the stages themselves
(`burnish.workflows.production_run`), drawing (`burnish.report.plots`), or the UI they are shown in
(`assets.reporting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from burnish.report.plots import (
    Bar,
    IntervalRow,
    Point,
    Series,
    bar_chart,
    dot_interval_chart,
    line_chart,
)
from burnish.report.shown import Figure, Shown
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.figures import counts_of
from burnish.workflows.production_labels import Joined
from burnish.workflows.production_periods import first_day, required_production, shifted
from burnish.workflows.production_rows import Met
from burnish.workflows.production_run import Batch, drifted_columns, overall
from burnish.workflows.production_stages import BATCH, PERFORMANCE, partition_stage

MOST_PERIODS = 30
MOST_COLUMNS = 16
MOST_ROWS = 10


def batch_page(spec: DatasetSpec, versions: Versions, batch: Batch, met: Met, period: str) -> Shown:
    """Rows of a period: how many came, came late, and were kept aside."""
    rows = batch.rows
    features = [name for name in spec.features if name in rows.column_names]
    reasons = counts_of(met.aside["reason"])
    tables: dict[str, pa.Table] = {}
    if met.aside.num_rows:
        tables["rows of no period, and why"] = met.aside.slice(0, MOST_ROWS)
    if met.waited:
        told = {"file": [one.name for one in met.waited], "why": [one.why for one in met.waited]}
        tables["files that are waited for"] = pa.table(told)
    return Shown(
        {
            "period": period,
            "late rows": batch.late,
            "rows gone since the version before": batch.gone,
            "missing feature cells": sum(rows[name].null_count for name in features),
            "features that did not come": len(spec.features) - len(features),
            "rows of no period": sum(reasons.values()),
            "rows that came twice": met.twice,
            "files that are waited for": len(met.waited),
        },
        _rows_by_period(spec, versions, period),
        tables,
    )


def predictions_page(rows: pa.Table, period: str) -> Shown:
    """What the champion says of a period."""
    counts = counts_of(rows["predicted"])
    sure: list[float] = rows["confidence"].to_pylist()
    champions: list[int] = rows["champion"].to_pylist()
    bars = [Bar(str(name), float(count)) for name, count in sorted(counts.items(), key=_named)]
    return Shown(
        {
            "period": period,
            "champion, iteration": champions[0] if champions else None,
            "mean confidence": sum(sure) / len(sure) if sure else None,
        },
        {"rows by prediction": bar_chart(bars, value_label="rows", title="Rows by prediction")}
        if bars
        else {},
    )


def _named(item: tuple[Any, int]) -> str:
    return str(item[0])


def drift_page(rows: pa.Table, period: str) -> Shown:
    """How far the window drifted, the greatest effect first."""
    lines = rows.to_pylist()
    own = [line for line in lines if " before" not in line["against"]]
    against = own[0]["against"] if own else ""
    first = [line for line in own if line["against"] == against and line["column"] != "(rows)"]
    apart = next((line["value"] for line in own if line["column"] == "(rows)"), None)
    drifted = drifted_columns(rows)
    shown = ["column", "against", "finding", "effect", "value", "low", "high", "minimum"]
    greatest = sorted(lines, key=lambda line: -(line["value"] or 0.0))[:MOST_COLUMNS]
    return Shown(
        {
            "period": period,
            "window begins": lines[0]["window_start"] if lines else None,
            "columns compared": len(first),
            "columns drifted": len(drifted),
            "drifted": ", ".join(drifted) or "none",
            "rows told apart (AUROC)": apart,
            "rows in the window": max((line["current_rows"] for line in lines), default=0),
        },
        _effects(first),
        {"greatest effects": pa.Table.from_pylist(greatest, rows.schema).select(shown)},
    )


def _effects(lines: Sequence[dict[str, Any]]) -> dict[str, str]:
    known = [line for line in lines if None not in (line["value"], line["low"], line["high"])]
    drawn = [
        IntervalRow(line["column"], line["value"], line["low"], line["high"])
        for line in sorted(known, key=lambda line: -line["value"])[:MOST_COLUMNS]
    ]
    if not drawn:
        return {}
    chart = dot_interval_chart(drawn, value_label="effect", title="Drift by column")
    return {"drift by column": chart}


def performance_page(spec: DatasetSpec, versions: Versions, rows: pa.Table, period: str) -> Shown:
    """What the champion is likely to be worth now, and what labels say of it so far."""
    line = overall(rows)
    found: dict[str, Figure] = {
        "period": period,
        "champion, iteration": rows["champion"][0].as_py(),
        "estimated accuracy": line["estimated"],
        "estimated accuracy, low": line["low"],
        "estimated accuracy, high": line["high"],
        "accuracy on validation rows": line["reference"],
        "estimated loss": line["loss"],
        "labels so far": line["labels"],
        "measured accuracy": line.get("measured"),
        "trusted": line["trusted"],
        "why not": line["why"] or "",
    }
    names = ["slice", "metric", "rows", "estimated", "low", "high", "measured", "trusted", "why"]
    ordered = rows.sort_by([("loss", "descending")]).slice(0, MOST_COLUMNS)
    return Shown(
        found,
        _accuracy_by_period(spec, versions, period),
        {"by slice, the greatest loss first": ordered.select(names)},
        preview=False,
    )


def labels_page(joined: Joined) -> Shown:
    """Labels that came in later, and what they say of what was predicted."""
    rows = joined.rows
    pairs = zip(rows["label"].to_pylist(), rows["predicted"].to_pylist(), strict=True)
    right = [label == said for label, said in pairs if said is not None]
    return Shown(
        {
            "labels of rows nobody has met": joined.unknown,
            "labels that were changed": joined.changed,
            "files that are waited for": len(joined.waited),
            "predictions that labels confirm": sum(right) / len(right) if right else None,
        },
    )


# ---------------------------------------------------------------- over the periods


def _places(spec: DatasetSpec, period: str) -> Iterable[tuple[int, str]]:
    """The last periods up to this one, each with how many periods it lies back (0, -1, ...)."""
    production = required_production(spec)
    first = first_day(production).isoformat()
    for back in range(MOST_PERIODS - 1, -1, -1):
        name = shifted(production, period, -back)
        if name >= first:
            yield -back, name


def _rows_by_period(spec: DatasetSpec, versions: Versions, period: str) -> dict[str, str]:
    points: list[Point] = []
    for place, name in _places(spec, period):
        candidate = versions.candidate(spec.name, partition_stage(BATCH, name))
        if candidate is not None:
            points.append(Point(float(place), float(candidate.rows)))
    return _drawn([Series("rows", tuple(points))], "rows", "Rows by period", spec)


def _accuracy_by_period(spec: DatasetSpec, versions: Versions, period: str) -> dict[str, str]:
    estimated: list[Point] = []
    measured: list[Point] = []
    for place, name in _places(spec, period):
        table = versions.read_last_good(spec.name, partition_stage(PERFORMANCE, name))
        if table is None:
            continue
        line, at = overall(table), float(place)
        if line["estimated"] is not None:
            estimated.append(Point(at, line["estimated"], line["low"], line["high"]))
        if line.get("measured") is not None:
            value = float(line["measured"] or 0.0)
            measured.append(Point(at, value, line["measured_low"], line["measured_high"]))
    series = [Series("estimated without labels", tuple(estimated))]
    series += [Series("measured by labels", tuple(measured))] if measured else []
    return _drawn(series, "accuracy", "Accuracy by period", spec)


def _drawn(series: Sequence[Series], label: str, title: str, spec: DatasetSpec) -> dict[str, str]:
    if not any(len(one.points) > 1 for one in series):
        return {}
    unit = required_production(spec).period
    chart = line_chart(series, x_label=f"{unit}s before this one", y_label=label, title=title)
    return {title.lower(): chart}
