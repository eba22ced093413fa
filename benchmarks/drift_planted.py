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
from burnish.drift import choose_rows, detect_drift, estimate_performance, performance
from burnish.drift.performance_density import DensityRatio, density_ratio
from burnish.metrics import wilson_interval

_ratios: dict[bytes, DensityRatio] = {}


def ratio_once(before: np.ndarray, after: np.ndarray, *, random_state: int) -> DensityRatio:
    """The same rows are estimated anew with each label that comes in: their ratio stays."""
    key = before.tobytes() + after.tobytes()
    if key not in _ratios:
        _ratios.clear()
        _ratios[key] = density_ratio(before, after, random_state=random_state)
    return _ratios[key]


performance.density_ratio = ratio_once
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


def look(kind: str, seed: int, clean: bool, columns_alone: bool) -> dict[str, float]:
    planted = plant_drift(kind, seed=seed)
    model, reference = Model(planted.training), planted.reference
    at = 0 if clean else {"seasonal": 1}.get(kind, 3)
    window = planted.windows[at]
    features = window.rows.column_names
    drift = detect_drift(reference.rows, window.rows, columns=features)
    found = drift.columns.filter(pc.field("finding") == "drifted")["column"].to_pylist()
    told: dict[str, float] = {
        "columns": drift.drifted,
        "right column": bool(found) and found[0] in planted.columns,
        "other columns": any(name not in planted.columns for name in found),
        "fell": model.accuracy(reference) - model.accuracy(window),
    }
    if planted.a_year_before:
        before = planted.a_year_before[at]
        told["a year before"] = detect_drift(before.rows, window.rows, columns=features).drifted
    if columns_alone:
        return told
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
    truth = model.accuracy(window)
    told |= {
        "estimate": whole["loss_low"] > 0,
        "trusted": estimate.trusted,
        "off": whole["estimated"] - truth,
        "holds": whole["low"] <= truth <= whole["high"],
        "label shift told": "share of class" in estimate.why,
        "support told": "unlike" in estimate.why,
    }
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
    lines = estimate.table.to_pylist()
    told["errors added here"] = most_added(lines) in planted.parts
    if kind == "one slice" and not clean:
        named = [line for line in lines if line["metric"] == "accuracy" and "=" in line["slice"]]
        most = max(named, key=lambda line: line["loss_low"])
        told["right slice lost most"] = most["slice"] in planted.parts
    return told


def chosen_before(labels: np.ndarray, control: np.ndarray) -> int:
    """How many rows were picked, not drawn."""
    return int(((labels != None) & ~control).sum())  # noqa: E711


def most_added(lines: Sequence[dict]) -> str:
    """The slice in which most errors were added, by estimate, or by labels that refute it."""
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
ROWS = (
    "base",
    "right rows",
    "right control",
    "right rows, second",
    "errors added here",
    "right slice lost most",
)
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
    parser.add_argument("--kinds", nargs="*", default=[*KINDS, "no drift"])
    parser.add_argument("--columns-alone", action="store_true")
    asked = parser.parse_args()
    worlds = [(kind, kind == "no drift") for kind in asked.kinds]
    rows = {}
    for kind, clean in worlds:
        told = [
            look("mean" if clean else kind, seed, clean, asked.columns_alone)
            for seed in range(asked.seeds)
        ]
        rows[kind] = told
        print("#", kind, flush=True)
    for names in (COLUMNS,) if asked.columns_alone else (COLUMNS, ESTIMATE, ROWS, LABELS):
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
