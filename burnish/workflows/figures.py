"""The key figures of each stage: a few numbers and short lists that a page can plot.

What belongs here: reading figures off the tables of the loop. What does not: making the tables
(the other workflows), choosing what a page shows (`burnish.workflows.stage_pages`), or drawing
anything (`burnish.report`).
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
from burnish.workflows.evaluate import with_uncertain
from burnish.workflows.noise import NoiseEstimate


def counts_of(column: Any) -> dict[str | None, int]:
    """How often each value occurs.

    >>> counts_of(pa.chunked_array([["cat", "dog", "cat", None]]))
    {'cat': 2, 'dog': 1, None: 1}
    """
    return {one["values"]: one["counts"] for one in column.value_counts().to_pylist()}


def agreement(
    labelled: pa.Table,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Of rows with a label and `p:<class>`: confidence, whether it is in the label, P(label)."""
    columns = [name for name in labelled.column_names if name.startswith("p:")]
    probs = np.column_stack([labelled[name].to_numpy() for name in columns])
    place = {name.removeprefix("p:"): at for at, name in enumerate(columns)}
    own = np.asarray([place[label] for label in labelled["label"].to_pylist()])
    best = probs.argmax(axis=1)
    rows = np.arange(len(own))
    return probs[rows, best], best == own, probs[rows, own]


def worst_pairs(audit: pa.Table, *, top: int = 12) -> list[Bar]:
    """Confusion pairs (label > suggested) by the number of errors expected in each."""
    suspected = audit.filter(pc.field("confusion_pair").is_valid())
    sums = suspected.group_by(["label", "suggested_label"]).aggregate(
        [("error_probability", "sum")]
    )
    ranked = sums.sort_by([("error_probability_sum", "descending")])[:top].to_pylist()
    bars = [
        Bar(f"{row['label']} > {row['suggested_label']}", round(row["error_probability_sum"], 2))
        for row in ranked
    ]
    return bars or [Bar("none suspected", 0.0)]


def label_changes(curated: pa.Table) -> dict[str, int]:
    """How many labels people changed from what to what."""
    changed = curated.filter(
        pc.field("given_label").is_valid() & (pc.field("given_label") != pc.field("label"))
    )
    pairs = zip(changed["given_label"].to_pylist(), changed["label"].to_pylist(), strict=True)
    return dict(Counter(f"{a} > {b}" for a, b in pairs))


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
    """One metric of every slice that has a value and limits, as rows for an interval chart."""
    return [
        IntervalRow(row["slice"], row["value"], row["low"], row["high"], uncertain=row["uncertain"])
        for row in with_uncertain(report).to_pylist()
        if row["split"] == split and row["metric"] == metric and row["value"] is not None
    ]
