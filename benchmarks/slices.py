"""Metrics by slice: seconds beside fairlearn's MetricFrame, and coverage of the intervals.

    .venv-benchmarks/bin/python benchmarks/slices.py speed              # 1e5 rows, 20 columns
    .venv-benchmarks/bin/python benchmarks/slices.py coverage [2000]    # the stated grid

speed: accuracy and recall of every value of 20 categorical columns, ours with limits, fairlearn's
without; the best of a few runs each, ours and theirs in turns in one process, values compared.
coverage: shares of intervals that hold the value of the whole population, by metric, over the
grid below; every cell has 100 rows or more, and cells are kept where 10 or more of the rarer
outcome are expected.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from paired import table

from burnish.slices import (
    REGRESSION_METRICS,
    Partition,
    SliceName,
    resolve_partitions,
    slice_metrics,
)
from burnish.spec import Slice

RNG = np.random.default_rng(7)


def speed(rows: int = 100_000, columns: int = 20, values: int = 10) -> None:
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score, recall_score

    y_true = RNG.integers(0, 2, rows)
    y_pred = np.where(RNG.random(rows) < 0.85, y_true, 1 - y_true)
    coded = {f"c{at}": RNG.integers(0, values, rows) for at in range(columns)}
    examples = pa.table(coded)
    declared = [Slice(name=name, column=name) for name in coded]

    def ours() -> tuple[pa.Table, float, float]:
        start = perf_counter()
        slices = resolve_partitions(examples, declared)
        middle = perf_counter()
        found = slice_metrics(y_true, y_pred, slices, metrics=["accuracy", "recall"], positive=1)
        return found, middle - start, perf_counter() - middle

    def theirs() -> tuple[dict[tuple[str, str], float], float]:
        start = perf_counter()
        found: dict[tuple[str, str], float] = {}
        for name, values_of_rows in coded.items():
            frame = MetricFrame(
                metrics={"accuracy": accuracy_score, "recall": recall_score},
                y_true=y_true,
                y_pred=y_pred,
                sensitive_features=values_of_rows,
            )
            for metric, column in frame.by_group.items():
                found |= {(f"{name}:{at}", str(metric)): one for at, one in column.items()}
        return found, perf_counter() - start

    ours()  # first calls load what they need
    runs = [(ours(), theirs()) for _ in range(3)]
    (found, _, _), (expected, _) = runs[0]
    gap = max(
        abs(row["value"] - expected[row["slice"], row["metric"]]) for row in found.to_pylist()
    )
    resolving = min(run[0][1] for run in runs)
    measuring = min(run[0][2] for run in runs)
    peer = min(run[1][1] for run in runs)
    print(f"{rows:,} rows, {columns} columns of {values} values; greatest difference {gap:.1e}")
    print(
        table(
            ["", "seconds", "MetricFrame / this"],
            [
                ["MetricFrame", f"{peer:.2f}", ""],
                ["slice_metrics, with limits", f"{measuring:.4f}", f"{peer / measuring:.0f}"],
                [
                    "the same and resolve_partitions",
                    f"{measuring + resolving:.4f}",
                    f"{peer / (measuring + resolving):.0f}",
                ],
            ],
        )
    )


ROWS = (100, 300, 1000)
SETTINGS = {"even, .93 right": (0.5, 3.0), "even, .8 right": (0.5, 1.7), "1 of 10": (0.1, 2.0)}
"""Share of the positive class, and how far its scores lie from the others', in deviations."""
SCORED = ("accuracy", "precision", "recall", "f1", "f1_macro", "auroc", "log_loss", "brier")


def coverage(repetitions: int) -> None:
    shares: dict[str, list[float]] = {}
    lines: list[list[str]] = []
    for setting, (base, gap) in SETTINGS.items():
        truth = _binary(2_000_000, base, gap, 1)
        for rows in ROWS:
            sample = _binary(rows * repetitions, base, gap, repetitions)
            found = _covered(sample, truth, repetitions)
            lines.append([setting, str(rows), *(found.get(name, "") for name in SCORED)])
            _keep(shares, found)
    numbers: list[list[str]] = []
    for rows in ROWS:
        found = _covered_numbers(rows, repetitions)
        numbers.append([str(rows), *(found[name] for name in REGRESSION_METRICS)])
        _keep(shares, found)
    print(table(["classes", "rows", *SCORED], lines), end="\n\n")
    print(table(["rows, of numbers", *REGRESSION_METRICS], numbers), end="\n\n")
    print(table(["metric", "mean"], [[m, f"{np.mean(c):.3f}"] for m, c in shares.items()]))
    print(f"\nall cells: {np.mean([one for cells in shares.values() for one in cells]):.4f}")


def _keep(shares: dict[str, list[float]], found: dict[str, str]) -> None:
    for metric, share in found.items():
        shares.setdefault(metric, []).append(float(share))


def _binary(n: int, base: float, gap: float, parts: int) -> dict[str, Any]:
    """Scores of two normal classes, with their true probabilities made a little too sure."""
    true = (RNG.random(n) < base).astype(int)
    score = gap * (true - 0.5) + RNG.normal(size=n)
    sure = 1 / (1 + np.exp(-1.3 * (gap * score + np.log(base / (1 - base)))))
    return {
        "y_true": true,
        "y_pred": (sure > 0.5).astype(int),
        "pred_probs": np.column_stack([1 - sure, sure]),
        "slices": [_parts(n, parts)],
    }


def _parts(n: int, parts: int) -> Partition:
    names = tuple(SliceName.of(str(at), str(at)) for at in range(parts))
    return Partition(names, np.arange(n) % parts)


def _covered(sample: dict[str, Any], truth: dict[str, Any], repetitions: int) -> dict[str, str]:
    keys: dict[str, Any] = {"classes": [0, 1], "metrics": SCORED, "positive": 1}
    exact = slice_metrics(**truth, **keys)
    return _shares(slice_metrics(**sample, **keys), exact, repetitions)


def _covered_numbers(rows: int, repetitions: int) -> dict[str, str]:
    def numbers(n: int, parts: int) -> pa.Table:
        true = RNG.gamma(2.0, 3.0, n)
        guess = true + RNG.normal(size=n) * (0.5 + 0.2 * true)
        return slice_metrics(true, guess, [_parts(n, parts)], task="regression")

    return _shares(numbers(rows * repetitions, repetitions), numbers(2_000_000, 1), repetitions)


def _shares(drawn: pa.Table, exact: pa.Table, repetitions: int) -> dict[str, str]:
    """Share of the intervals that hold the exact value, of metrics that are mostly certain."""
    found: dict[str, str] = {}
    every = {name: drawn[name].to_numpy() for name in drawn.column_names}
    for row in exact.to_pylist():
        own = every["metric"] == row["metric"]
        if np.mean(every["uncertain"][own]) > 0.5:
            continue
        held = (every["low"][own] <= row["value"]) & (row["value"] <= every["high"][own])
        assert held.size == repetitions
        found[row["metric"]] = f"{held.mean():.3f}"
    return found


def main() -> None:
    wanted = sys.argv[1:] or ["speed"]
    if "speed" in wanted:
        speed()
    if "coverage" in wanted:
        coverage(next((int(word) for word in wanted if word.isdigit()), 2000))


if __name__ == "__main__":
    main()
