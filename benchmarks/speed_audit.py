"""How long an audit takes and how much memory, beside cleanlab and hnswlib.

Three tasks, each with the same arrays for all in one process, one after the other, in rounds:

- issues: scores, noise matrix and the mask of wrong labels, 1,000,000 x 10 probabilities;
- neighbours: the 10 nearest of 100,000 x 64 by cosine, with recall against float64 products;
- audit: 50,000 x 64 features and given probabilities of 10 classes. Ours: label errors with noise
  and the signals of neighbours, near duplicates, conflicting labels, outliers. cleanlab: Datalab
  with what it looks for by default.

Beside the seconds of the clock stand those of the processors, which other work on the machine
moves less. Ratios are peer to ours within a round. Memory is what a process of its own needs
beyond its arrays at its highest (ru_maxrss), after a small call that loads what there is to load.

    python benchmarks/speed_audit.py [issues] [neighbours] [audit] [--rounds 5] [--small]

`--no-memory` leaves the memory out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from paired import table

Arrays = dict[str, Any]
OURS = "burnish"


def labels_and_probs(n: int, K: int = 10, *, seed: int = 0) -> Arrays:
    """Labels of which about a tenth are wrong, and probabilities of a fair model."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, n)
    probs = rng.normal(size=(n, K))
    probs[np.arange(n), true] += 3
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < 0.1, rng.integers(0, K, n), true)
    return {"labels": labels, "probs": probs, "true": true}


def features_of(true: np.ndarray, d: int, *, seed: int = 1) -> np.ndarray:
    """Clouds around a centre a class, a hundredth of the rows followed by a near copy."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(int(true.max()) + 1, d))
    rows = centres[true] + rng.normal(size=(true.size, d))
    copies = rng.choice(true.size // 2, true.size // 100, replace=False)
    rows[true.size // 2 + copies] = rows[copies] + rng.normal(size=(copies.size, d)) * 1e-3
    return rows.astype(np.float32)


def issues_arrays(n: int) -> Arrays:
    return labels_and_probs(n)


def features_arrays(n: int) -> Arrays:
    made = labels_and_probs(n)
    return made | {"features": features_of(made["true"], 64)}


def our_issues(arrays: Arrays) -> Any:
    from burnish.labels import find_label_errors

    return find_label_errors(arrays["labels"], arrays["probs"]).issues


def cleanlab_issues(arrays: Arrays) -> Any:
    from cleanlab.filter import find_label_issues

    return find_label_issues(arrays["labels"], arrays["probs"], n_jobs=1)


def cleanlab_issues_parallel(arrays: Arrays) -> Any:
    from cleanlab.filter import find_label_issues

    return find_label_issues(arrays["labels"], arrays["probs"])


def our_neighbours(arrays: Arrays) -> Any:
    from burnish.neighbours import nearest

    return nearest(arrays["features"], k=10, metric="cosine").indices


def cleanlab_neighbours(arrays: Arrays) -> Any:
    from cleanlab.internal.neighbor.knn_graph import create_knn_graph_and_index

    graph, _ = create_knn_graph_and_index(arrays["features"], n_neighbors=10)
    return graph.indices.reshape(-1, 10)


def hnswlib_neighbours(arrays: Arrays) -> Any:
    import hnswlib

    features = arrays["features"]
    index = hnswlib.Index(space="cosine", dim=features.shape[1])
    index.init_index(max_elements=len(features), ef_construction=200, M=16)
    index.set_num_threads(2)
    index.add_items(features)
    index.set_ef(200)
    found = index.knn_query(features, k=11)[0].astype(np.int64)
    itself = found == np.arange(len(found))[:, None]
    itself[~itself.any(axis=1), -1] = True  # missed itself: the last one goes
    return found[~itself].reshape(-1, 10)


def our_audit(arrays: Arrays) -> Any:
    from burnish.labels import confusion_pairs, find_label_errors
    from burnish.neighbours import nearest
    from burnish.quality import label_conflicts, near_duplicate_groups, outliers

    around = nearest(arrays["features"], k=32)
    errors = find_label_errors(arrays["labels"], arrays["probs"], features=around)
    groups = near_duplicate_groups(arrays["features"], neighbours=around)
    conflicts = label_conflicts(groups, arrays["labels"])
    return (
        errors.rank,
        confusion_pairs(arrays["labels"], errors),
        conflicts.conflicting,
        outliers(around).outlier_score,
    )


def cleanlab_audit(arrays: Arrays) -> Any:
    from cleanlab import Datalab

    lab = Datalab(data={"label": arrays["labels"]}, label_name="label", verbosity=0)
    lab.find_issues(features=arrays["features"], pred_probs=arrays["probs"])
    return lab.get_issues()


@dataclass(frozen=True)
class Task:
    """What is done, on which arrays, and by whom."""

    make: Callable[[int], Arrays]
    rows: int
    ways: dict[str, Callable[[Arrays], Any]]


TASKS = {
    "issues": Task(
        issues_arrays,
        1_000_000,
        {
            OURS: our_issues,
            "cleanlab, n_jobs=1": cleanlab_issues,
            "cleanlab, default": cleanlab_issues_parallel,
        },
    ),
    "neighbours": Task(
        features_arrays,
        100_000,
        {OURS: our_neighbours, "cleanlab": cleanlab_neighbours, "hnswlib": hnswlib_neighbours},
    ),
    "audit": Task(features_arrays, 50_000, {OURS: our_audit, "cleanlab Datalab": cleanlab_audit}),
}


@dataclass
class Measured:
    """Seconds of each round, and the last answer."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    answer: Any = None

    def take(self, function: Callable[[Arrays], Any], arrays: Arrays) -> None:
        cpu, wall = cpu_seconds(), time.perf_counter()
        self.answer = quietly(function, arrays)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(cpu_seconds() - cpu)


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def quietly(function: Callable[[Arrays], Any], arrays: Arrays) -> Any:
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(quiet):
            return function(arrays)


def is_there(function: Callable[[Arrays], Any], arrays: Arrays) -> bool:
    """Whether the peer is installed; a small call also loads and compiles what it needs."""
    try:
        quietly(function, arrays)
    except ImportError:
        return False
    return True


def measure(name: str, *, rounds: int, rows: int, with_memory: bool) -> None:
    task = TASKS[name]
    small, arrays = task.make(6_000), task.make(rows)
    ways = {way: function for way, function in task.ways.items() if is_there(function, small)}
    ways[OURS](arrays)  # the compiled passes begin with large arrays alone
    found = {way: Measured() for way in ways}
    for _ in range(rounds):
        for way, function in ways.items():
            found[way].take(function, arrays)
    ours = found[OURS]
    lines = []
    for way, one in found.items():
        line = [way, seconds(one.wall), seconds(one.cpu)]
        line += ["", ""] if way == OURS else [ratio(one.wall, ours.wall), ratio(one.cpu, ours.cpu)]
        line.append(memory(name, way, rows) if with_memory else "")
        line.append(f"{recall(arrays, one.answer):.4f}" if name == "neighbours" else "")
        lines.append(line)
    headers = ["", "seconds", "CPU seconds", "ratio (min-max)", "CPU ratio", "extra MB", "recall"]
    print(f"\n{name}, {rows:,} rows, {rounds} rounds\n\n{table(headers, lines)}", flush=True)


def seconds(values: list[float]) -> str:
    return f"{np.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def ratio(peer: list[float], ours: list[float]) -> str:
    each = np.array(peer) / np.array(ours)
    return f"{np.median(each):.1f} ({each.min():.1f}-{each.max():.1f})"


def recall(arrays: Arrays, found: np.ndarray, *, sample: int = 500) -> float:
    """Share of the true 10 nearest that were found, over a sample of the rows."""
    rows = arrays["features"].astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    drawn = np.random.default_rng(2).choice(len(rows), sample, replace=False)
    near = rows[drawn] @ rows.T
    near[np.arange(sample), drawn] = -np.inf
    true = np.argpartition(-near, 10, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(true.tolist(), found[drawn].tolist(), strict=True)]
    return float(np.mean(hits)) / 10


def memory(name: str, way: str, rows: int) -> str:
    """Megabytes beyond the arrays, of a process that does nothing else."""
    done = subprocess.run(
        [sys.executable, __file__, name, "--rows", str(rows), "--memory-of", way],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


def memory_of(name: str, way: str, rows: int) -> None:
    task = TASKS[name]
    quietly(task.ways[way], task.make(6_000))
    if way == OURS and name == "issues":
        quietly(task.ways[way], {k: v[:450_000] for k, v in task.make(450_000).items()})
    arrays = task.make(rows)
    before = resident()
    # Linux alone: forget the highest mark that making the arrays has left.
    with open("/proc/self/clear_refs", "w", encoding="ascii") as marks:  # noqa: PTH123
        marks.write("5")
    quietly(task.ways[way], arrays)
    print(round((highest() - before) / 1024))


def _status(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123
        return next(int(line.split()[1]) for line in lines if line.startswith(key))


def resident() -> int:
    return _status("VmRSS")


def highest() -> int:
    return _status("VmHWM")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--no-memory", action="store_true", help="seconds alone")
    parser.add_argument("--memory-of", metavar="WAY", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    for name in asked.tasks or TASKS:
        rows = asked.rows or TASKS[name].rows // (10 if asked.small else 1)
        if asked.memory_of:
            memory_of(name, asked.memory_of, rows)
        else:
            measure(name, rounds=asked.rounds, rows=rows, with_memory=not asked.no_memory)


if __name__ == "__main__":
    main()
