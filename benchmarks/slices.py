"""Slices beside fairlearn, sliceline and deepchecks, and coverage of the intervals of metrics.

    .venv-benchmarks/bin/python benchmarks/slices.py peers              # all three, in one run
    .venv-benchmarks/bin/python benchmarks/slices.py speed              # 1e5 rows, 20 columns
    .venv-benchmarks/bin/python benchmarks/slices.py coverage [2000]    # the stated grid

peers: on UCI Adult (the folder BURNISH_DATA) and on 1e5 and 1e6 synthetic rows of 20 columns, each
library in a process of its own, ours and theirs in turns. FAIRLEARN_PYTHON, SLICELINE_PYTHON and
DEEPCHECKS_PYTHON name the interpreters that have them, where this one has not: deepchecks 0.19.1
wants pandas < 2.2, numpy < 2, scikit-learn < 1.4 and setuptools < 80. PEER_MEMORY_GB (8) and
PEER_MINUTES (10) end a peer that takes more.
speed: accuracy and recall of every value of 20 categorical columns, ours with limits, fairlearn's
without; the best of a few runs each, ours and theirs in turns in one process, values compared.
coverage: shares of intervals that hold the value of the whole population, by metric, over the
grid below; every cell has 100 rows or more, and cells are kept where 10 or more of the rarer
outcome are expected.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
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


PEERS = {"fairlearn": "burnish metrics", "sliceline": "burnish discovery", "deepchecks": ""}
"""What each is held against; deepchecks has the line of sliceline beside it."""


def peers() -> None:
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory() as place:
        for name, write in (
            ("Adult", _adult),
            ("1e5 x 20", lambda path: _synthetic(path, 100_000)),
            ("1e6 x 20", lambda path: _synthetic(path, 1_000_000)),
        ):
            path = Path(place) / "rows.npz"
            write(path)
            own: dict[str, Any] = {}
            for peer, ours in PEERS.items():
                if ours:
                    own = _run(ours, path)
                lines.append(_beside(name, peer, own, _run(peer, path)))
                print(" | ".join(lines[-1]), flush=True)
    heads = ["data", "peer", "burnish", "of the peer", "times faster", "found"]
    print("\n" + table(heads, lines))


def _beside(name: str, peer: str, own: dict[str, Any], other: dict[str, Any]) -> list[str]:
    mine = f"{own['seconds']:.3f} s, {own['mb']:.0f} MB"
    if "ended" in other:
        return [name, peer, mine, other["ended"], "", ""]
    times = f"{other['seconds'] / own['seconds']:,.0f}"
    theirs = f"{other['seconds']:.2f} s, {other['mb']:,.0f} MB"
    return [name, peer, mine, theirs, times, _agreement(peer, own["found"], other["found"])]


def _agreement(peer: str, own: dict[str, float], other: dict[str, float]) -> str:
    if peer == "fairlearn":
        known = [key for key in other if own[key] is not None]
        apart = max(abs(own[key] - other[key]) for key in known)
        # A recall where nothing is positive is 0 there and unknown here.
        return f"{len(known)} values, apart by {apart:.0e}; {len(other) - len(known)} unknown here"
    if peer == "sliceline":
        same = all(abs(other.get(key, -1.0) - score) < 1e-9 for key, score in own.items())
        return "the same top 10" if same else "NOT the same top 10"
    first, theirs = next(iter(own), "none"), next(iter(other), "none")
    return f"first: {first}; theirs: {theirs}"


def _run(task: str, path: Path) -> dict[str, Any]:
    """A task in a process of its own, ended above its memory or time."""
    python = os.environ.get(f"{task.split(maxsplit=1)[0].upper()}_PYTHON", sys.executable)
    gigabytes = float(os.environ.get("PEER_MEMORY_GB", "8"))
    minutes = float(os.environ.get("PEER_MINUTES", "10"))

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 2**30),) * 2)

    command = [python, str(Path(__file__).with_name("slices_peers.py")), task, str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60 * minutes,
            preexec_fn=bounded,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"ended": f"ended after {minutes:.0f} min"}
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"signal {-done.returncode}"]
        short = "MemoryError" in done.stderr or "allocate" in done.stderr or done.returncode < 0
        return {"ended": f"more than {gigabytes:.0f} GB" if short else words[-1][:80]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _synthetic(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 10, (rows, 20)).astype(np.int8)
    hurt = (codes[:, 0] == 3) & (codes[:, 1] == 2)
    y = rng.integers(0, 2, rows)
    wrong = rng.random(rows) < np.where(hurt, 0.8, 0.1)
    values = {f"values{at}": np.array([f"v{v}" for v in range(10)]) for at in range(20)}
    names = np.array([f"c{at}" for at in range(20)])
    predicted = np.where(wrong, 1 - y, y)
    np.savez(
        path, codes=codes, names=names, y=y, predicted=predicted, support=rows // 200, **values
    )


def _adult(path: Path) -> None:
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    data = pd.read_csv(Path(os.environ["BURNISH_DATA"]) / "adult_slices" / "adult.csv.gz")
    features = data.drop(columns=["income", "split"])
    y = data["income"].astype(str).str.contains(">").to_numpy().astype(int)
    coded = features.apply(lambda c: c if c.dtype.kind in "if" else pd.factorize(c)[0])
    predicted = cross_val_predict(HistGradientBoostingClassifier(random_state=0), coded, y, cv=3)
    # sliceline lists a condition that all rows meet beside every slice, so that there is none here.
    numbers = [c for c in features if features[c].dtype.kind in "if"]
    cut = {c: pd.qcut(features[c], 10, duplicates="drop") for c in numbers}
    cut = {c: v if v.nunique() > 1 else features[c] > 0 for c, v in cut.items()}
    binned = features.assign(**{c: v.astype(str) for c, v in cut.items()})
    frame = binned.fillna("?").astype(str).astype("category")
    values = {
        f"values{at}": np.array(frame[c].cat.categories.tolist()) for at, c in enumerate(frame)
    }
    codes = np.column_stack([frame[c].cat.codes for c in frame])
    names = np.array(frame.columns.tolist())
    support = max(32, len(frame) // 100)
    np.savez(path, codes=codes, names=names, y=y, predicted=predicted, support=support, **values)


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
    if "peers" in wanted:
        peers()
    if "speed" in wanted:
        speed()
    if "coverage" in wanted:
        coverage(next((int(word) for word in wanted if word.isdigit()), 2000))


if __name__ == "__main__":
    main()
