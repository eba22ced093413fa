"""Permutation importance by slice: seconds beside scikit-learn, and coverage of the limits.

    python benchmarks/importance.py speed               # 20 slices, 20 columns
    python benchmarks/importance.py coverage [2000]     # the stated grid

speed: importance of each of 20 columns in each of 20 slices. Theirs is
`sklearn.inspection.permutation_importance` once a slice, on its rows; ours one call. In turns in
one process, the best of three. First the two are held against each other with the same
permutations. coverage: shares of intervals that hold the importance in the whole population, by
metric, model and rows of the slice; the truth from 400,000 rows, permuted 4 times.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from paired import table

from burnish.modeling import permutation_importance_by_slice
from burnish.modeling.permuting import losses_of, permuted_losses
from burnish.slices import Partition, SliceMask, SliceName, everything

COLUMNS, SLICES, REPEATS = 20, 20, 5


def speed() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    lines: list[list[str]] = []
    for name, rows, model in (
        ("logistic regression", 10_000, LogisticRegression(max_iter=500)),
        ("logistic regression", 100_000, LogisticRegression(max_iter=500)),
        ("boosting", 10_000, HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15)),
    ):
        frame, labels, parts = drawn(rows, seed=1)
        fitted, many, _ = drawn(5_000, seed=2)
        model.fit(fitted, many)
        check_equal(model, frame.iloc[:2_000], labels[:2_000])
        ours, theirs = [], []
        for _ in range(3):
            theirs.append(seconds(lambda m=model, f=frame, y=labels, p=parts: by_peer(m, f, y, p)))
            ours.append(seconds(lambda m=model, f=frame, y=labels, p=parts: by_us(m, f, y, p)))
        ratio = min(theirs) / min(ours)
        cells = (f"{min(theirs):.2f}", f"{min(ours):.2f}", f"{ratio:.1f}")
        lines.append([name, f"{rows:,}", *cells])
    print(table(["model", "rows", "scikit-learn, s", "ours, s", "times"], lines))


def by_us(model: Any, frame: pd.DataFrame, labels: Any, parts: Partition) -> None:
    permutation_importance_by_slice(model, frame, labels, [parts], repeats=REPEATS)


def by_peer(model: Any, frame: pd.DataFrame, labels: Any, parts: Partition) -> None:
    from sklearn.inspection import permutation_importance

    for at in range(SLICES):
        rows = np.flatnonzero(parts.codes == at)
        permutation_importance(
            model, frame.iloc[rows], labels[rows], scoring="neg_log_loss", n_repeats=REPEATS
        )


def check_equal(model: Any, frame: pd.DataFrame, labels: Any) -> None:
    """The same permutations, the same numbers; scikit-learn shuffles what it shuffled before."""
    from sklearn.inspection import permutation_importance
    from sklearn.utils import check_random_state

    theirs = permutation_importance(
        model, frame, labels, scoring="neg_log_loss", n_repeats=3, random_state=5
    ).importances
    seed = check_random_state(5).randint(np.iinfo(np.int32).max + 1)
    rng, index, order = np.random.RandomState(seed), np.arange(len(frame)), np.arange(len(frame))
    orders = []
    for _ in range(3):
        rng.shuffle(index)
        order = order[index]
        orders.append(order)
    losses = losses_of(model, labels, classes=None, metric="log_loss")
    before = losses(frame)
    for at, name in enumerate(frame.columns):
        ours = (permuted_losses(losses, frame, [name], np.array(orders)) - before).mean(axis=1)
        np.testing.assert_allclose(ours, theirs[at], atol=1e-12)


def drawn(rows: int, *, seed: int) -> tuple[pd.DataFrame, Any, Partition]:
    rng = np.random.default_rng(seed)
    names = [f"x{at}" for at in range(COLUMNS)]
    frame = pd.DataFrame(rng.normal(size=(rows, COLUMNS)), columns=names)
    told = frame["x0"] + 0.5 * frame["x1"] + 0.5 * rng.normal(size=rows)
    parts = tuple(SliceName.of(f"s{at}", f"s is {at}") for at in range(SLICES))
    return frame, np.where(told > 0, "yes", "no"), Partition(parts, rng.integers(0, SLICES, rows))


def seconds(work: Any) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


class Smooth:
    """A logistic model of three columns; `x2` counts half in the slice."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        told = frame["x0"] + 0.4 * frame["x1"] + 0.2 * frame["x2"] * (1 - frame["slice"] / 2)
        yes = 1 / (1 + np.exp(-self.scale * told.to_numpy()))
        return np.column_stack([1 - yes, yes])


def population(rows: int, rng: Any, *, scale: float) -> tuple[pd.DataFrame, Any]:
    """Correlated columns, one with a long tail; labels by a model a little unlike the one asked."""
    x0 = rng.normal(size=rows)
    x1 = 0.6 * x0 + 0.8 * rng.normal(size=rows)
    x2 = rng.exponential(1.0, rows) - 1
    inside = rng.random(rows) < 0.25
    yes = 1 / (1 + np.exp(-0.8 * scale * (x0 + 0.5 * x1 + 0.3 * x2)))
    labels = np.where(rng.random(rows) < yes, "yes", "no")
    return pd.DataFrame({"x0": x0, "x1": x1, "x2": x2, "slice": inside.astype(float)}), labels


def coverage(times: int) -> None:
    lines: list[list[str]] = []
    every: list[float] = []
    for metric in ("log_loss", "accuracy"):
        for scale in (1.0, 3.0):
            truth = found_in(*population(400_000, np.random.default_rng(0), scale=scale),
                             scale, metric, repeats=4)  # fmt: skip
            for rows in (400, 1_600):
                held = {key: [0, 0] for key in truth}
                for seed in range(times):
                    rng = np.random.default_rng([1, rows, seed])
                    found = found_in(*population(rows, rng, scale=scale), scale, metric, repeats=5)
                    for key, row in found.items():
                        if not row["uncertain"]:
                            held[key][0] += row["low"] <= truth[key]["importance"] <= row["high"]
                            held[key][1] += 1
                for (feature, part), (inside, n) in held.items():
                    if n < times / 2:
                        continue
                    every.append(inside / n)
                    about = rows if part == "overall" else rows // 4
                    lines.append([metric, f"{scale:g}", feature, f"{about:,}",
                                  f"{100 * inside / n:.1f}", f"{n:,}"])  # fmt: skip
    print(table(["metric", "sharpness", "column", "rows", "held, %", "samples"], lines))
    print(f"\nmean {100 * np.mean(every):.1f} %, least {100 * min(every):.1f} %, "
          f"{len(every)} cells, {times:,} samples each")  # fmt: skip


def found_in(
    frame: pd.DataFrame, labels: Any, scale: float, metric: Any, *, repeats: int
) -> dict[tuple[str, str], dict[str, Any]]:
    mask = SliceMask("slice", "slice", "slice is 1", frame["slice"].to_numpy() == 1)
    found = permutation_importance_by_slice(
        Smooth(scale), frame, labels, [everything(len(frame)), mask], metric=metric,
        repeats=repeats, groups={name: (name,) for name in ("x0", "x1", "x2")},
        random_state=int(frame["x0"].iloc[0] * 1e6) % 2**32,
    )  # fmt: skip
    return {(row["feature"], row["slice"]): row for row in found.table.to_pylist()}


if __name__ == "__main__":
    if sys.argv[1] == "speed":
        speed()
    else:
        coverage(int(sys.argv[2]) if len(sys.argv) > 2 else 2_000)
