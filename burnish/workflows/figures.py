"""The key figures of each stage: a few numbers and short lists that a page can plot.

What belongs here: reading figures off the tables of the loop. What does not: making the tables
(the other workflows) or drawing anything (`burnish.report`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.report.plots import Bar, IntervalRow
from burnish.workflows.noise import NoiseEstimate


def audit_figures(audit: pa.Table) -> dict[str, float]:
    """Rows judged, and how many of their labels are expected to be wrong."""
    chances = [p for p in audit["error_probability"].to_pylist() if p is not None]
    return {"labels judged": len(chances), "errors expected": round(float(np.sum(chances)), 1)}


def worst_pairs(audit: pa.Table, *, top: int = 12) -> list[Bar]:
    """Confusion pairs (given > suggested) by the number of errors expected in each."""
    weight: Counter[str] = Counter()
    for row in audit.select(["label", "suggested_label", "error_probability"]).to_pylist():
        if row["label"] is not None and row["suggested_label"] != row["label"]:
            weight[f"{row['label']} > {row['suggested_label']}"] += row["error_probability"]
    bars = [Bar(pair, round(float(n), 2)) for pair, n in weight.most_common(top)]
    return bars or [Bar("none suspected", 0.0)]


def queue_figures(queue: pa.Table) -> list[Bar]:
    """How many rows of the queue are there for each reason."""
    return [Bar(str(k), float(n)) for k, n in Counter(queue["reason"].to_pylist()).most_common()]


def curated_figures(curated: pa.Table, noise: NoiseEstimate) -> dict[str, float | int]:
    """Rows, verdicts and changed labels so far, and the noise that is estimated to be left."""
    given, label = curated["given_label"].to_pylist(), curated["label"].to_pylist()
    decided = sum(1 for word in curated["decision"].to_pylist() if word is not None)
    pairs = [pair for pair in zip(given, label, strict=True) if pair[0] is not None]
    changed = sum(1 for before, after in pairs if before != after)
    figures: dict[str, float | int] = {"rows decided": decided, "labels changed": changed}
    if isnan(noise.value):
        return figures
    return figures | {"noise": noise.value, "noise low": noise.low, "noise high": noise.high}


def refusal_counts(facts: Mapping[str, Any]) -> list[Bar]:
    """What became of the variants that were tried: kept, or refused and why."""
    refused = [Bar(reason, float(count)) for reason, count in facts["reasons"].items()]
    return [Bar("kept", float(facts["kept"])), *refused]


def as_figures(bars: list[Bar]) -> dict[str, float]:
    """Bars as named numbers, which the UI plots over time."""
    return {bar.name: bar.value for bar in bars}


def confusion(predictions: pa.Table, *, split: str) -> tuple[NDArray[np.int64], list[str]]:
    """Counts (true class by row, predicted by column) and the classes, of one split."""
    rows = predictions.filter(pc.field("split") == split)
    truth, predicted = rows["label"].to_pylist(), rows["predicted"].to_pylist()
    classes = sorted({*truth, *predicted})
    place = {name: at for at, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for a, b in zip(truth, predicted, strict=True):
        counts[place[a], place[b]] += 1
    return counts, classes


def reliability(
    predictions: pa.Table, *, split: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence in [0, 1] and whether the prediction was right, of one split."""
    rows = predictions.filter(pc.field("split") == split)
    confidence = np.asarray(rows["confidence"].to_pylist(), dtype=np.float64)
    return confidence, np.asarray(rows["correct"].to_pylist(), dtype=np.bool_)


def slice_intervals(
    report: pa.Table, *, split: str = "validation", metric: str = "accuracy"
) -> list[IntervalRow]:
    """One metric of every slice that has a value, as rows for an interval chart."""
    return [
        IntervalRow(row["slice"], row["value"], row["low"], row["high"])
        for row in report.to_pylist()
        if row["split"] == split and row["metric"] == metric and row["value"] is not None
    ]
