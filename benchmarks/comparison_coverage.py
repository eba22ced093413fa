"""Whether the limits of a paired comparison hold, one by one and together; false alarms of two.

1. pointwise: shares of intervals of after - before that hold the difference in the whole
   population, over a stated grid: 100, 300 and 1000 rows in a slice, three kinds of classes, three
   kinds of change, 2,000 repetitions. Cells are kept where the metric rests on 10 or more of the
   rarer outcome on average: of accuracy, recall, precision and F1, pairs that only one model has
   right, of either side together; of an AUROC, rows of the rarer class.
2. together: in how many of the repetitions do the limits of all slices of a metric hold at once?
   Overlapping slices, one of them hurt, by each correction; beside it, their mean width.
3. null: predictions of two real models, exchanged at random between them row by row, 1,000 times:
   in how many is any slice called better or worse, of one metric, and of any?
4. speed: seconds of the processor at 1e5 rows and 2,001 slices, by metric.

    BURNISH_DATA=/path/to/data python benchmarks/comparison_coverage.py

With `pointwise`, `together`, `null` or `speed` one of them alone; `--repetitions N` for more or
fewer.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from paired import table
from scipy.stats import beta

from burnish.slices import (
    Comparison,
    Partition,
    SliceMask,
    SliceName,
    by_class,
    compare,
    everything,
    resolve_partitions,
)
from burnish.spec import Slice

ROWS = (100, 300, 1000)
CLASSES = {"even": (0.5, 3.0), "even, hard": (0.5, 1.7), "1 of 10": (0.1, 2.5)}
"""Share of the positive class, and how far its scores lie from the others', in deviations."""
CHANGES = {
    "a little": (0.95, 1.3, 1.0),
    "better": (0.8, 1.0, 1.25),
    "overconfident": (0.9, 2.0, 1.0),
}
"""Correlation of the two models' noise, sureness of the second, and its gap over the first's."""
SCORED = ("accuracy", "recall", "precision", "f1", "f1_macro", "auroc", "log_loss", "brier", "ece")
NUMBERS = ("mae", "rmse", "bias", "r2")
POPULATION = 1_000_000


def clopper_pearson(hits: int, runs: int) -> tuple[float, float]:
    """The exact interval of a rate, 95 % to each side (Clopper and Pearson 1934)."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.05, hits, runs - hits + 1))
    return low, 1.0 if hits == runs else float(beta.ppf(0.95, hits + 1, runs - hits))


def two_models(
    n: int, classes: str, change: str, rng: np.random.Generator, hurt: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of two classes, and the probabilities of two models that share some of their noise."""
    base, gap = CLASSES[classes]
    correlation, sure, gain = CHANGES[change]
    y = (rng.random(n) < base).astype(int)
    first = rng.normal(size=n)
    second = correlation * first + np.sqrt(1 - correlation**2) * rng.normal(size=n)
    gaps = np.full(n, gap * gain)
    if hurt is not None:
        gaps[hurt] = 0.6 * gap
    odds = np.log(base / (1 - base))
    claimed = []
    for own, noise, power in ((gap, first, 1.0), (gaps, second, sure)):
        score = own * (y - 0.5) + noise
        p = 1 / (1 + np.exp(-power * (gap * score + odds)))
        claimed.append(np.column_stack([1 - p, p]))
    return y, claimed[0], claimed[1]


def compared(
    y: np.ndarray, a: np.ndarray, b: np.ndarray, slices: Sequence[Any], **keys: Any
) -> Comparison:
    keys = {"metrics": SCORED, "positive": 1, "correction": "none", **keys}
    before, after = a.argmax(axis=1), b.argmax(axis=1)
    return compare(y, before, after, slices, probs_before=a, probs_after=b, classes=[0, 1], **keys)


def parts(n: int, count: int) -> Partition:
    names = tuple(SliceName.of(str(at), str(at)) for at in range(count))
    return Partition(names, np.arange(n) % count)


def shares(
    draw: Callable[[int], Sequence[np.ndarray]],
    measure: Callable[..., Comparison],
    rows: int,
    repetitions: int,
    exact: dict[str, dict[str, Any]],
) -> dict[str, str]:
    """Of each metric, the share of the intervals that hold the difference in the population."""
    n = rows * repetitions
    sample = draw(n)
    found = measure(*sample, [parts(n, repetitions)]).to_table()
    every = {name: found[name].to_numpy() for name in found.column_names}
    held: dict[str, str] = {}
    for metric, row in exact.items():
        own = every["metric"] == metric
        if metric in SCORED and rarer_of(metric, sample) / repetitions < 10:
            continue
        inside = (every["low"][own] <= row["difference"]) & (
            row["difference"] <= every["high"][own]
        )
        held[metric] = f"{inside.mean():.3f}"
    return held


def rarer_of(metric: str, sample: Sequence[np.ndarray]) -> float:
    """How many of the rarer outcome a metric rests on in all, as the head of this file has it."""
    y, a, b = sample
    discordant = (a.argmax(axis=1) == y) != (b.argmax(axis=1) == y)
    if metric in {"log_loss", "brier", "ece"}:
        wrong = (a.argmax(axis=1) != y).sum()
        return float(min(wrong, y.size - wrong))
    if metric == "auroc":
        return float(min(y.sum(), y.size - y.sum()))
    if metric in {"recall", "precision", "f1"}:
        touched = {"recall": y == 1, "precision": (a.argmax(axis=1) == 1) | (b.argmax(axis=1) == 1)}
        return float((discordant & touched.get(metric, np.ones(y.size, bool))).sum())
    return float(discordant.sum())


def pointwise(repetitions: int) -> str:
    lines: list[list[str]] = []
    kept: dict[str, list[float]] = {}
    rng = np.random.default_rng(7)
    for classes in CLASSES:
        for change in CHANGES:

            def draw(n: int, classes: str = classes, change: str = change) -> Any:
                return two_models(n, classes, change, rng)

            exact = {
                row["metric"]: row
                for row in compared(*draw(POPULATION), [everything(POPULATION)]).rows()
            }
            for rows in ROWS:
                found = shares(draw, compared, rows, repetitions, exact)
                lines.append(
                    [classes, change, str(rows), *(found.get(name, "") for name in SCORED)]
                )
                for name, share in found.items():
                    kept.setdefault(name, []).append(float(share))
    text = table(["classes", "change", "rows", *SCORED], lines) + "\n\n"
    numbers = of_numbers(repetitions, rng, kept)
    means = [[m, str(len(c)), f"{np.mean(c):.3f}", f"{min(c):.3f}"] for m, c in kept.items()]
    all_cells = np.mean([one for cells in kept.values() for one in cells])
    text += numbers + "\n\n" + table(["metric", "cells", "mean", "least"], means)
    return text + f"\n\nall cells: {all_cells:.4f}"


def of_numbers(repetitions: int, rng: np.random.Generator, kept: dict[str, list[float]]) -> str:
    def draw(n: int) -> Any:
        y = rng.gamma(2.0, 3.0, n)
        shared = rng.normal(size=n)
        first, second = (
            y + shift + (0.5 + 0.2 * y) * (0.8 * shared + 0.6 * rng.normal(size=n)) * scale
            for shift, scale in ((0.6, 1.0), (-0.2, 0.9))
        )
        return y, first, second

    def measure(y: np.ndarray, a: np.ndarray, b: np.ndarray, slices: Any) -> Comparison:
        return compare(y, a, b, slices, task="regression", metrics=NUMBERS, correction="none")

    exact = {
        row["metric"]: row for row in measure(*draw(POPULATION), [everything(POPULATION)]).rows()
    }
    lines = []
    for rows in ROWS:
        found = shares(draw, measure, rows, repetitions, exact)
        lines.append([str(rows), *(found[name] for name in NUMBERS)])
        for name, share in found.items():
            kept.setdefault(name, []).append(float(share))
    return table(["rows, of numbers", *NUMBERS], lines)


def overlapping(n: int, rng: np.random.Generator) -> tuple[list[Any], np.ndarray]:
    """The whole, five columns of six values, and nested tails of a number; one slice is hurt."""
    coded = rng.integers(0, 6, (n, 5))
    age = rng.random(n)
    cuts: list[Any] = [everything(n)]
    for at in range(5):
        names = tuple(SliceName.of(f"c{at}={v}", f"c{at}={v}") for v in range(6))
        cuts.append(Partition(names, coded[:, at]))
    cuts += [
        SliceMask(f"age over {edge:.1f}", f"{edge}", f"{edge}", age > edge)
        for edge in np.arange(0.1, 0.9, 0.1)
    ]
    return cuts, coded[:, 0] == 0


def together(repetitions: int) -> str:
    runs, lines = max(50, repetitions // 2), []
    exact: dict[tuple[str, str], float] = {}
    rng = np.random.default_rng(11)
    n = POPULATION // 2
    cuts, hurt = overlapping(n, rng)
    for row in compared(*two_models(n, "even, hard", "a little", rng, hurt), cuts).rows():
        exact[row["slice"], row["metric"]] = row["difference"]
    for rows in (1000, 5000):
        for correction in ("none", "bonferroni", "max-t"):
            held = dict.fromkeys(SCORED, 0)
            widths: list[float] = []
            for seed in range(runs):
                rng = np.random.default_rng(seed)
                cuts, hurt = overlapping(rows, rng)
                models = two_models(rows, "even, hard", "a little", rng, hurt)
                found = compared(*models, cuts, correction=correction).to_table().to_pydict()
                miss = {
                    metric
                    for name, metric, low, high in zip(
                        found["slice"], found["metric"], found["low_all"], found["high_all"],
                        strict=True,
                    )
                    if not low <= exact[name, metric] <= high
                }  # fmt: skip
                widths.append(found["high_all"][0] - found["low_all"][0])
                for metric in SCORED:
                    held[metric] += metric not in miss
            cells = [f"{held[m] / runs:.3f}" for m in SCORED]
            lines.append([f"{rows:,}", correction, *cells, f"{np.mean(widths):.4f}"])
    heads = ["rows", "correction", *SCORED, "width overall, accuracy"]
    count = sum(len(one.parts) if isinstance(one, Partition) else 1 for one in cuts)
    return f"{runs} runs, {count} slices\n\n" + table(heads, lines)


def adult_models() -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Labels of UCI Adult's test rows, probabilities of two models, and slices of the rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = pd.read_csv(Path(os.environ["BURNISH_DATA"]) / "adult_slices" / "adult.csv.gz")
    y = (data["income"].astype(str).str.contains(">")).to_numpy().astype(int)
    features = data.drop(columns=["income", "split"])
    coded = features.apply(lambda c: c if c.dtype.kind in "if" else pd.factorize(c)[0]).to_numpy()
    test = (data["split"] == "test").to_numpy()
    models = (
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(max_iter=40, random_state=0),
    )
    probs = [m.fit(coded[~test], y[~test]).predict_proba(coded[test]) for m in models]
    rows = pa.Table.from_pandas(features[test].fillna("?").astype(str), preserve_index=False)
    names = [c for c in ("workclass", "education", "marital-status", "occupation", "relationship",
                         "race", "sex") if c in rows.column_names]  # fmt: skip
    names = names or [c for c in rows.column_names if features[c].dtype.kind not in "if"]
    cuts = resolve_partitions(rows, [Slice(name=name, column=name) for name in names])
    return y[test], probs[0], probs[1], [everything(int(test.sum())), *cuts, by_class(y[test])]


NULL_METRICS = ("accuracy", "precision", "recall", "f1", "auroc", "log_loss", "brier", "ece")
WAYS = (("bonferroni", "metric"), ("bonferroni", "all"))


def null(repetitions: int) -> str:
    runs = max(20, repetitions // 2)
    y, first, second, slices = adult_models()
    lines: list[list[str]] = []
    for rows in (2000, y.size):
        alarms = {way: dict.fromkeys((*NULL_METRICS, "any"), 0) for way in WAYS}
        for seed in range(runs):
            given = exchanged(y, first, second, slices, np.random.default_rng([seed, rows]), rows)
            for way, counts in alarms.items():
                keys = {"correction": way[0], "family": way[1], "metrics": NULL_METRICS}
                found = called(compared(*given, **keys))
                for metric in found:
                    counts[metric] += 1
                counts["any"] += bool(found)
            if seed % 100 == 99:  # a run takes minutes
                print(rows, seed + 1, alarms, file=sys.stderr, flush=True)
        lines += [_alarms(rows, runs, way, counts) for way, counts in alarms.items()]
    count = sum(len(one.parts) if isinstance(one, Partition) else 1 for one in slices)
    heads = ["rows", "correction", "family", *NULL_METRICS, "any metric"]
    return (
        f"{runs} exchanges, {count} slices x {len(NULL_METRICS)} metrics, "
        "per cent of exchanges with a finding\n\n" + table(heads, lines)
    )


def _alarms(rows: int, runs: int, way: tuple[str, str], counts: dict[str, int]) -> list[str]:
    cells = [f"{100 * counts[name] / runs:.1f}" for name in NULL_METRICS]
    upper = 100 * clopper_pearson(counts["any"], runs)[1]
    return [f"{rows:,}", *way, *cells, f"{100 * counts['any'] / runs:.1f} (at most {upper:.1f})"]


def exchanged(  # noqa: PLR0917 - one world, spelled out
    y: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    slices: Sequence[Any],
    rng: np.random.Generator,
    rows: int,
) -> tuple[Any, ...]:
    """Some of the rows, with the models exchanged on half of them at random."""
    some = np.sort(rng.permutation(y.size)[:rows])
    swap = rng.random(rows)[:, None] < 0.5
    a, b = first[some], second[some]
    cuts = [
        one.take(some)
        if isinstance(one, Partition)
        else SliceMask(one.name, one.slice_id, one.predicate, one.mask[some])
        for one in slices
    ]
    return y[some], np.where(swap, b, a), np.where(swap, a, b), cuts


def called(comparison: Comparison) -> set[str]:
    """Metrics in which some slice is called better or worse."""
    found = comparison.to_table()
    words = np.asarray(found["finding"].to_pylist())
    alarm = (words == "better") | (words == "worse")
    return set(np.asarray(found["metric"].to_pylist())[alarm].tolist())


def speed(_: int) -> str:
    rng = np.random.default_rng(5)
    n, count = 100_000, 100
    y, a, b = two_models(n, "even, hard", "a little", rng)
    names = [tuple(SliceName.of(f"{c}={v}", f"{c}={v}") for v in range(count)) for c in range(20)]
    cuts = [everything(n), *(Partition(one, rng.integers(0, count, n)) for one in names)]
    seconds = []
    for metric in SCORED:
        start = process_time()
        compared(y, a, b, cuts, metrics=[metric], correction="bonferroni")
        seconds.append(f"{process_time() - start:.2f}")
    start = process_time()
    compared(y, a, b, cuts, metrics=["accuracy"], correction="max-t")
    heads = [*SCORED, "accuracy, max-t"]
    return "2,001 slices, 100,000 rows, seconds of one processor\n\n" + table(
        heads, [[*seconds, f"{process_time() - start:.2f}"]]
    )


PARTS: dict[str, Callable[[int], str]] = {
    "pointwise": pointwise,
    "together": together,
    "null": null,
    "speed": speed,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=[], help=", ".join(PARTS))
    parser.add_argument("--repetitions", type=int, default=2000)
    given = parser.parse_args()
    for part in given.parts or PARTS:
        print(f"\n## {part}\n\n{PARTS[part](given.repetitions)}", flush=True)


if __name__ == "__main__":
    main()
