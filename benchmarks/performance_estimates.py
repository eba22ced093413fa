"""Accuracy estimated without labels, beside the truth and beside NannyML's CBPE.

`nice python benchmarks/performance_estimates.py --runs 200 --peer /venv/with/nannyml/bin/python`
prints the tables of `docs/methods/performance-without-labels.md`: shifts with a known truth, and
with BURNISH_DATA the weeks of elec2 under a model that is never trained again, and parts of adult
drawn with other shares. All estimates of a line are of the same rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from burnish.drift import PerformanceEstimate, estimate_performance

CLASSES = ["no", "yes"]
SHIFTS = ("none", "some harder", "harder", "easier", "surer", "a part", "far", "label", "concept")


@dataclass
class Task:
    """One reference, one window, and what the model's accuracy and AUROC in it truly are."""

    truth: np.ndarray
    before: np.ndarray
    after: np.ndarray
    features: tuple[np.ndarray, np.ndarray]
    labels: np.ndarray
    accuracy: float
    area: float = float("nan")
    slices: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def estimate(self, features: bool = True, labels: list | None = None) -> PerformanceEstimate:
        return estimate_performance(
            np.array(CLASSES)[self.truth], both(self.before), both(self.after), classes=CLASSES,
            reference_features=self.features[0] if features else None,
            current_features=self.features[1] if features else None,
            reference_slices={name: masks[0] for name, masks in self.slices.items()},
            slices={name: masks[1] for name, masks in self.slices.items()},
            current_labels=labels,
        )  # fmt: skip


def both(probability: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - probability, probability])


def chance_of(x: np.ndarray) -> np.ndarray:
    score = 1.6 * x[:, 0] + 1.2 * x[:, 1] * (x[:, 3] > 0) + 0.8 * x[:, 4]
    return 1 / (1 + np.exp(-2 * score / (0.4 + np.exp(0.8 * x[:, 2]))))


def drawn(shift: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows and the chance of "yes"; x2 says how hard a row is, and most models miss it."""
    x = rng.normal(size=(n, 6))
    x[:, 2] += {"some harder": 0.5, "harder": 1.2, "easier": -1.0, "far": 1.2}.get(shift, 0.0)
    x[:, 0] += 1.0 * (shift == "surer")
    if shift == "a part":
        x[x[:, 3] > 0.5, 2] += 2.0
    if shift == "far":
        x[:, 0] *= 0.7
        x[:, 4] += 0.8
    chance = chance_of(x)
    return x, np.where(x[:, 5] > 0.5, 1 - chance, chance) if shift == "concept" else chance


def labelled(shift: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if shift != "label":
        x, chance = drawn(shift, n, rng)
        return x, (rng.random(n) < chance).astype(int)
    x, chance = drawn("none", 6 * n, rng)
    y = rng.random(6 * n) < chance
    wanted = round(0.8 * n)
    kept = rng.permutation(np.r_[np.flatnonzero(y)[:wanted], np.flatnonzero(~y)[: n - wanted]])
    return x[kept], y[kept].astype(int)


def planted(shift: str, model: str, rows: int, seed: int) -> Task:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    kind = (
        LogisticRegression() if model == "logistic" else HistGradientBoostingClassifier(max_iter=50)
    )
    fitted = kind.fit(*labelled("none", 2000, rng))
    (x, y), (now, labels), (many, known) = (
        labelled(one, n, rng) for one, n in (("none", rows), (shift, rows), (shift, 20_000))
    )
    probs = [fitted.predict_proba(one)[:, 1] for one in (x, now, many)]
    return Task(
        y, probs[0], probs[1], (x, now), labels,
        float(((probs[2] > 0.5) == known).mean()), float(roc_auc_score(known, probs[2])),
    )  # fmt: skip


def by_peer(tasks: list[Task], peer: str | None) -> np.ndarray:
    """Estimated accuracy, low, high, AUROC, seconds, of each task; NaN where there is no peer."""
    if peer is None:
        return np.full((len(tasks), 5), np.nan)
    with tempfile.TemporaryDirectory() as folder:
        arrays = {}
        for at, task in enumerate(tasks):
            arrays |= {f"y_{at}": task.truth, f"p_{at}": task.before, f"q_{at}": task.after}
        np.savez(Path(folder) / "tasks.npz", **arrays)
        script = Path(__file__).with_name("performance_estimates_peer.py")
        # The peer's interpreter has its own libraries: ours would be found first.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [peer, str(script), str(Path(folder) / "tasks.npz")],
            capture_output=True, text=True, check=True, env=environ,
        )  # fmt: skip
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def by_us(tasks: list[Task], features: bool) -> np.ndarray:
    """As `by_peer`, and whether it is trusted."""
    found = []
    for task in tasks:
        start = time.process_time()
        estimate = task.estimate(features)
        spent = time.process_time() - start
        lines = {
            line["metric"]: line
            for line in estimate.table.to_pylist()
            if line["slice"] == "overall"
        }
        one = lines["accuracy"]
        area = lines["auroc"]["estimated"] if "auroc" in lines else float("nan")
        found.append([one["estimated"], one["low"], one["high"], area, spent, estimate.trusted])
    return np.array(found)


def told(name: str, how: str, tasks: list[Task], found: np.ndarray) -> None:
    truth = np.array([task.accuracy for task in tasks])
    off, area = found[:, 0] - truth, found[:, 3] - np.array([task.area for task in tasks])
    held = 100 * np.mean((found[:, 1] <= truth) & (truth <= found[:, 2]))
    trusted = f"{100 * found[:, 5].mean():.0f}" if found.shape[1] > 5 else ""
    areas = "" if np.isnan(area).all() else f"{np.nanmean(np.abs(area)):.4f}"
    print(
        f"| {name} | {truth.mean():.3f} | {how} | {off.mean():+.3f} | {np.abs(off).mean():.4f} | "
        f"{areas} | {held:.0f} | {(found[:, 2] - found[:, 1]).mean():.3f} | {trusted} | "
        f"{np.median(found[:, 4]):.3f} |",
        flush=True,
    )


def compared(name: str, tasks: list[Task], peer: str | None) -> None:
    told(name, "burnish", tasks, by_us(tasks, True))
    told(name, "burnish, no features", tasks, by_us(tasks, False))
    if peer:
        told(name, "CBPE", tasks, by_peer(tasks, peer))


HEAD = (
    "\n| rows | truth | by | mean error | mean absolute error | of AUROC | limits hold, % | "
    "width | trusted, % | processor seconds |\n|" + " --- |" * 10
)


def shifts(runs: int, peer: str | None, models: list[str], kinds: list[str]) -> None:
    print(HEAD)
    for model in models:
        for shift in kinds:
            compared(
                f"{shift}, {model}", [planted(shift, model, 1000, one) for one in range(runs)], peer
            )


def weeks(folder: Path) -> Iterator[Task]:
    """Elec2 by weeks of 336 half-hours: 8,000 rows to train on, 4,000 as the reference."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    with gzip.open(folder / "drift_elec2" / "elec2.csv.gz", "rt") as file:
        rows = pd.read_csv(file)
    x, y = rows.drop(columns="class").to_numpy(), rows["class"].to_numpy()
    model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(x[:8000], y[:8000])
    probs = model.predict_proba(x)[:, 1]
    old = slice(8000, 12_000)
    for start in range(12_000, len(x) - 335, 336):
        now = slice(start, start + 336)
        right = float(((probs[now] > 0.5) == y[now]).mean())
        yield Task(y[old], probs[old], probs[now], (x[old], x[now]), y[now], right)


def people(folder: Path, seed: int) -> Task:
    """Adult: a model of 5,000 training rows, and test rows drawn with other shares."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with gzip.open(folder / "adult_slices" / "adult.csv.gz", "rt") as file:
        rows = pd.read_csv(file)
    y = rows["income"].str.contains(">50K").to_numpy().astype(int)
    numbers = ["age", "education_num", "capital_gain", "capital_loss", "hours"]
    words = pd.get_dummies(rows[["workclass", "marital", "relationship", "sex"]], dtype=float)
    x = np.hstack([rows[numbers].to_numpy(float), words.to_numpy()])
    rng = np.random.default_rng(seed)
    place = rng.permutation(len(x))
    train, old, rest = place[:5000], place[5000:8000], place[8000:]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(
        x[train], y[train]
    )
    # People of middle age, educated longer and working more, are met up to some ten times as often.
    score = 0.04 * np.minimum(rows["age"][rest], 55) + 0.25 * rows["education_num"][rest]
    weight = np.exp(score + 0.02 * rows["hours"][rest]).to_numpy()
    now = rng.choice(rest, 3000, replace=False, p=weight / weight.sum())
    probs = model.predict_proba(x)[:, 1]
    parts = {"sex=Male": rows["sex"] == "Male", "sex=Female": rows["sex"] == "Female"}
    parts |= {"long educated": rows["education_num"] >= 13, "not long": rows["education_num"] < 13}
    parts |= {f"work={one}": rows["workclass"] == one for one in ("Private", "Self-emp-not-inc")}
    masks = {name: (mask.to_numpy()[old], mask.to_numpy()[now]) for name, mask in parts.items()}
    right = float(((probs[now] > 0.5) == y[now]).mean())
    return Task(y[old], probs[old], probs[now], (x[old], x[now]), y[now], right, slices=masks)


def week_by_week(tasks: list[Task], peer: str | None) -> None:
    """What each estimate says of a loss of five points, and what 50 labels a week add."""
    print(HEAD)
    compared("elec2, weeks", tasks, peer)
    rng = np.random.default_rng(0)
    first, lines, refuted, measured = tasks[0], [], [], []
    was = float(((first.before > 0.5) == first.truth).mean())
    for task in tasks:
        labels = np.full(task.labels.size, None, dtype=object)
        drawn_rows = rng.permutation(labels.size)[:50]
        labels[drawn_rows] = np.array(CLASSES)[task.labels[drawn_rows]]
        found = task.estimate(labels=labels.tolist())
        line = found.table.to_pylist()[0]
        lines.append(line)
        refuted.append("labels of" in found.why)
        measured.append(line["measured"] - task.accuracy)
    lost = np.array([was - task.accuracy for task in tasks])
    alarm = np.array([line["loss_low"] > 0 for line in lines])
    seen = np.array([line["measured_high"] < line["reference"] for line in lines])
    off = np.abs(
        [line["estimated"] - task.accuracy for line, task in zip(lines, tasks, strict=True)]
    )
    refuted = np.array(refuted)
    for name, mask in (("lost 5 points or more", lost >= 0.05), ("lost less", lost < 0.05)):
        print(
            f"{name}: {mask.sum()} weeks; estimate alarmed in {alarm[mask].sum()}, 50 labels in "
            f"{seen[mask].sum()}, labels refuted the estimate in {refuted[mask].sum()}"
        )
    there, elsewhere = off[refuted].mean(), off[~refuted].mean()
    print(f"error of the estimate where refuted {there:.3f}, else {elsewhere:.3f}")


def parts_of_people(tasks: list[Task]) -> None:
    heads = ["slice", "rows", "before", "truth", "mean error", "mean absolute error"]
    heads += ["of plain confidence", "limits hold, %"]
    print("\n|", " | ".join(heads), "|")
    print("|" + " --- |" * 8)
    found = [task.estimate().table.to_pylist() for task in tasks]
    for name in ("overall", *tasks[0].slices):
        off, claimed, held, sizes, truths, was = [], [], [], [], [], []
        for task, lines in zip(tasks, found, strict=True):
            everyone = np.ones(task.labels.size, dtype=bool)
            mask = task.slices[name][1] if name in task.slices else everyone
            (line,) = [one for one in lines if one["slice"] == name and one["metric"] == "accuracy"]
            truth = float(((task.after > 0.5) == task.labels)[mask].mean())
            off.append(line["estimated"] - truth)
            claimed.append(abs(np.maximum(task.after, 1 - task.after)[mask].mean() - truth))
            held.append(line["low"] <= truth <= line["high"])
            sizes.append(mask.sum())
            truths.append(truth)
            was.append(line["reference"])
        print(
            f"| {name} | {np.mean(sizes):.0f} | {np.mean(was):.3f} | {np.mean(truths):.3f} | "
            f"{np.mean(off):+.3f} | {np.mean(np.abs(off)):.4f} | {np.mean(claimed):.4f} | "
            f"{100 * np.mean(held):.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--peer", help="an interpreter that has nannyml")
    parser.add_argument("--only", choices=["shifts", "data"])
    parser.add_argument("--models", nargs="*", default=["logistic", "boosting"])
    parser.add_argument("--shifts", nargs="*", default=list(SHIFTS))
    parser.add_argument("--large", action="store_true", help="100,000 rows a side as well")
    asked = parser.parse_args()
    if asked.only != "data":
        shifts(asked.runs, asked.peer, asked.models, asked.shifts)
    if asked.large:
        large = [planted("harder", "logistic", 100_000, seed) for seed in range(3)]
        compared("harder, 100,000 rows", large, asked.peer)
    data = os.environ.get("BURNISH_DATA")
    if data and asked.only != "shifts":
        week_by_week(list(weeks(Path(data))), asked.peer)
        tasks = [people(Path(data), seed) for seed in range(min(asked.runs, 20))]
        print(HEAD)
        compared("adult, other shares", tasks, asked.peer)
        parts_of_people(tasks)


if __name__ == "__main__":
    main()
