"""Drift planted in ten kinds: whether it is seen, found where it is, and asked about in its rows.

`nice python benchmarks/drift_planted.py --seeds 50` prints the tables of
`docs/methods/performance-without-labels.md`. A seed plants each kind anew, trains a logistic
regression on the training rows, and looks at the last window (of seasonal drift the hardest), and
at the first, clean one as a control. 100 rows are asked for, labelled with the truth, and 100 more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.datasets.planted_drift import CLASSES, KINDS, SITES, TONES, DriftWindow, plant_drift
from burnish.drift import choose_rows, detect_drift, estimate_performance
from burnish.metrics import wilson_interval

NUMBERS = ["x0", "x1", "x2", "x3", "x4"]
ASKED = 100


def matrix(table: pa.Table) -> np.ndarray:
    """Numbers, a column a known tone and site, and one for a tone never met."""
    columns = [table[name].to_numpy() for name in NUMBERS]
    tone = np.array(table["tone"].to_pylist())
    site = np.array(table["site"].to_pylist())
    columns += [tone == one for one in TONES] + [~np.isin(tone, TONES)]
    columns += [site == one for one in SITES]
    return np.column_stack(columns).astype(float)


def slices_of(table: pa.Table, edges: dict[str, tuple[float, float]]) -> dict[str, np.ndarray]:
    """Each tone and site, and the low, middle and high third of each number."""
    found = {}
    for name in ("tone", "site"):
        values = np.array(table[name].to_pylist())
        found |= {f"{name}={one}": values == one for one in np.unique(values).tolist()}
    for name, (low, high) in edges.items():
        values = table[name].to_numpy()
        found |= {f"{name} low": values < low, f"{name} high": values > high}
        found[f"{name} middle"] = (values >= low) & (values <= high)
        if np.isnan(values).any():
            found[f"{name} missing"] = np.isnan(values)
    return found


class Model:
    """A logistic regression of the training rows."""

    def __init__(self, rows: DriftWindow) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self.model = make_pipeline(
            SimpleImputer(strategy="mean", add_indicator=True), LogisticRegression(max_iter=500)
        ).fit(matrix(rows.rows), rows.labels)

    def probs(self, rows: DriftWindow) -> np.ndarray:
        return self.model.predict_proba(matrix(rows.rows))

    def accuracy(self, rows: DriftWindow) -> float:
        """What labels drawn anew would give: without the luck of these ones."""
        yes = self.probs(rows).argmax(axis=1) == 1
        return float(np.where(yes, rows.chance, 1 - rows.chance).mean())


def look(kind: str, seed: int, clean: bool, windows: int = 4) -> dict[str, float]:
    planted = plant_drift(kind, seed=seed, windows=windows)
    model, reference = Model(planted.training), planted.reference
    at = 0 if clean else {"seasonal": 1}.get(kind, windows - 1)
    window = planted.windows[at]
    features = window.rows.column_names
    drift = detect_drift(reference.rows, window.rows, columns=features)
    found = drift.columns.filter(pc.field("finding") == "drifted")["column"].to_pylist()
    edges = {
        name: tuple(np.nanquantile(reference.rows[name].to_numpy(), [1 / 3, 2 / 3]))
        for name in NUMBERS
    }
    slices = slices_of(window.rows, edges)
    given = {
        "classes": CLASSES,
        "reference_features": matrix(reference.rows),
        "current_features": matrix(window.rows),
        "reference_slices": slices_of(reference.rows, edges),
        "slices": slices,
    }
    probs = [model.probs(reference), model.probs(window)]
    estimate = estimate_performance(reference.labels, *probs, **given)
    whole = estimate.table.to_pylist()[0]
    truth, was = model.accuracy(window), model.accuracy(reference)
    told = {
        "fell": was - truth,
        "columns": drift.drifted,
        "right column": bool(found) and found[0] in planted.columns,
        "other columns": any(name not in planted.columns for name in found),
        "estimate": whole["loss_low"] > 0,
        "trusted": estimate.trusted,
        "off": whole["estimated"] - truth,
        "holds": whole["low"] <= truth <= whole["high"],
        "label shift told": "share of class" in estimate.why,
        "support told": "unlike" in estimate.why,
    }
    if planted.a_year_before:
        before = planted.a_year_before[at]
        told["a year before"] = detect_drift(before.rows, window.rows, columns=features).drifted
    choose = {"features": given["current_features"], "slices": slices, "random_state": seed}
    first = choose_rows(estimate, ASKED, **choose)
    told["base"] = float(window.moved.mean())
    told["right rows"] = float(window.moved[first.rows[~first.control]].mean())
    told["right control"] = float(window.moved[first.rows[first.control]].mean())
    # Two rounds of labels: what the first says decides what the second asks.
    labels = np.full(window.labels.size, None, dtype=object)
    control = np.zeros(labels.size, dtype=bool)
    for name in ("100 labels", "200 labels"):
        taken = labels != None  # noqa: E711
        chosen = choose_rows(estimate, ASKED, taken=taken, **choose)
        if taken.any():
            told["right rows, second"] = float(window.moved[chosen.rows[~chosen.control]].mean())
        labels[chosen.rows] = window.labels[chosen.rows]
        control[chosen.rows] = chosen.control
        given["current_labels"] = labels.tolist()
        drawn = np.where(control, (labels.size - chosen_before(labels, control)) / control.sum(), 1)
        for how, weights in (("weights", drawn), ("strata", None)):
            after = estimate_performance(reference.labels, *probs, **given, label_weights=weights)
            line = after.table.to_pylist()[0]
            told[f"measured by {how}, {name}"] = line["measured_high"] < line["reference"]
            told[f"refuted by {how}, {name}"] = "labels of" in after.why
            told[f"measured off, {how}, {name}"] = line["measured"] - truth
            if how == "weights":
                held = line["measured_low"] <= truth <= line["measured_high"]
                told[f"measured holds, {name}"] = held
                estimate = after
    told["errors added here"] = most_added(estimate.table.to_pylist()) == planted.part
    return told


def chosen_before(labels: np.ndarray, control: np.ndarray) -> int:
    """How many rows were picked, not drawn."""
    return int(((labels != None) & ~control).sum())  # noqa: E711


def most_added(lines: Sequence[dict]) -> str:
    """The slice in which most errors were added, by the estimate, or by labels where they refute it."""
    parts = [line for line in lines if line["metric"] == "accuracy" and line["slice"] != "overall"]
    return max(parts, key=added)["slice"]


def added(line: dict) -> float:
    refuted = "labels of" in line["why"]
    return (
        line["rows"] * (line["estimated"] - line["measured"]) if refuted else line["added_errors"]
    )


def share(values: list[float]) -> str:
    limits = wilson_interval(int(sum(values)), len(values))
    return f"{100 * limits.value:.0f} ({100 * limits.low:.0f}-{100 * limits.high:.0f})"


def mean(values: list[float], digits: int = 2) -> str:
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"


COLUMNS = ("fell", "columns", "right column", "other columns", "a year before")
ESTIMATE = ("fell", "estimate", "off", "holds", "trusted", "label shift told", "support told")
ROWS = ("base", "right rows", "right control", "right rows, second", "errors added here")
LABELS = tuple(
    f"{what}, {n} labels"
    for n in (100, 200)
    for what in (
        "measured by weights", "measured off, weights", "measured holds", "refuted by weights",
        "measured off, strata", "refuted by strata",
    )
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    asked = parser.parse_args()
    worlds = [(kind, False) for kind in asked.kinds] + [("mean", True)]
    rows = {}
    for kind, clean in worlds:
        told = [look(kind, seed, clean) for seed in range(asked.seeds)]
        rows["no drift" if clean else kind] = told
        print("#", kind, flush=True)
    for names in (COLUMNS, ESTIMATE, ROWS, LABELS):
        print("\n| kind |", " | ".join(names), "|")
        print("|" + " --- |" * (1 + len(names)))
        for kind, told in rows.items():
            print(f"| {kind} |", " | ".join(cell(told, name) for name in names), "|")


def cell(told: list[dict], name: str) -> str:
    values = [one[name] for one in told if name in one]
    if not values:
        return ""
    return share(values) if isinstance(values[0], bool | np.bool_) else mean(values)


if __name__ == "__main__":
    main()
