"""Slice discovery beside sliceline, and whether what it says holds.

1. null: errors at random; in how many of 400 runs does any slice hold? Beside it, the same test on
   the very rows that the slices were found on.
2. planted: one slice was hurt; is it found, and which of the slices that hold are false? 100 seeds.
3. adult: predictions of a model on UCI Adult, the same top slices as sliceline, depth 2 and 3.
4. speed: seconds of the processor and peak memory at 1e5 x 20 beside sliceline, and at 1e6 alone.

    BURNISH_DATA=/path/to/data python benchmarks/slice_discovery.py [null] [planted] [adult] [speed]

Without an argument all four run. sliceline takes 6 GB in the last.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from paired import table
from scipy.stats import beta

from burnish.slices import discover_and_score, discover_slices, resolve_slices
from burnish.slices.significance import adjusted, against_rest

NULL_RUNS, SEEDS = 400, 100
COLUMNS, VALUES = 6, 4
CONTROLS = ("benjamini_yekutieli", "benjamini_hochberg")


def columns(rng: np.random.Generator, n: int) -> pa.Table:
    drawn = {f"c{i}": np.char.mod("%d", rng.integers(0, VALUES, n)) for i in range(COLUMNS)}
    return pa.table({name: values.tolist() for name, values in drawn.items()})


def noise(kind: str, rng: np.random.Generator, n: int) -> np.ndarray:
    if kind == "wrong, 15 %":
        return (rng.random(n) < 0.15).astype(float)
    if kind == "loss, heavy tail":
        return rng.gamma(0.2, 1.0, n)
    return (rng.random(n) < np.repeat(rng.beta(0.3, 1.5, n // 10), 10)).astype(float)


def upper(alarms: int, runs: int) -> float:
    """Upper end of the exact 95 % interval of a rate (Clopper and Pearson), one-sided."""
    return 1.0 if alarms == runs else float(beta.ppf(0.95, alarms + 1, runs - alarms))


def null() -> str:
    rows = []
    for kind in ("wrong, 15 %", "loss, heavy tail", "wrong, in groups of 10"):
        alarms = dict.fromkeys((*CONTROLS, "same rows"), 0)
        for seed in range(NULL_RUNS):
            rng = np.random.default_rng(seed)
            given, errors = columns(rng, 2000), noise(kind, rng, 2000)
            groups = np.arange(2000) // 10 if "groups" in kind else None
            scored = discover_and_score(given, errors, groups=groups, alpha=1.0, random_state=seed)
            p_values = [one.raised.p_value for one in scored.slices]
            for control in CONTROLS:
                alarms[control] += min(adjusted(p_values, control)) <= 0.05
            alarms["same rows"] += on_the_same_rows(given, errors, groups)
        rows += [
            [
                kind,
                name,
                f"{100 * count / NULL_RUNS:.1f} %",
                f"{100 * upper(count, NULL_RUNS):.1f} %",
            ]
            for name, count in alarms.items()
        ]
    return table(["errors at random", "control", "runs with an alarm", "upper bound"], rows)


def on_the_same_rows(given: pa.Table, errors: np.ndarray, groups: np.ndarray | None) -> bool:
    found = discover_slices(given, errors, alpha=1.0)
    masks = resolve_slices(given, found.specs)
    p_values = [against_rest(errors, one.mask, groups=groups).p_value for one in masks]
    return min(adjusted(p_values, CONTROLS[0])) <= 0.05


PLANTED = {"c1": "2", "c4": "0"}


def planted() -> str:
    rows = []
    for n in (2000, 5000, 20_000):
        for hurt_rate in (0.2, 0.3, 0.4):
            runs = [one_planted(n, hurt_rate, seed) for seed in range(SEEDS)]
            listed, first, recall, false, holding = np.mean(runs, axis=0)
            shares = [f"{100 * share:.0f} %" for share in (listed, first, recall)]
            hurt = f"10 % to {100 * hurt_rate:.0f} %"
            rows.append([f"{n:,}", hurt, *shares, f"{holding:.1f}", f"{100 * false:.1f} %"])
    heads = ["rows", "errors in 1/16 of them", "found", "found first", "found and holds"]
    return table([*heads, "slices that hold", "of them false"], rows)


def one_planted(n: int, hurt_rate: float, seed: int) -> tuple[float, float, float, float, float]:
    rng = np.random.default_rng(seed)
    given = columns(rng, n)
    hurt = np.logical_and.reduce([np.asarray(given[c]) == v for c, v in PLANTED.items()])
    wrong = rng.random(n) < np.where(hurt, hurt_rate, 0.1)
    scored = discover_and_score(given, wrong, random_state=seed)
    found = [one.where for one in scored.discovered.specs]
    holding = [one.where for one in scored.holding]
    false = sum(not is_raised(where) for where in holding)
    return (
        float(PLANTED in found),
        float(found[:1] == [PLANTED]),
        float(PLANTED in holding),
        false / max(1, len(holding)),
        float(len(holding)),
    )


def is_raised(where: dict[str, str]) -> bool:
    """Whether a slice truly has more errors: it holds more of the hurt rows than its share."""
    against = any(where.get(column, value) != value for column, value in PLANTED.items())
    return not against and bool(set(PLANTED) & set(where))


@dataclass(frozen=True)
class Measured:
    """The best slices as {conditions: score}, seconds of the processor, and megabytes beside."""

    best: dict[frozenset[tuple[str, str]], float]
    seconds: float
    megabytes: float


def measured(function: Callable[..., dict], *arguments: object) -> Measured:
    """`function`, warm, in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (function, arguments))


def _measure(function: Callable[..., dict], arguments: tuple) -> Measured:
    warnings.filterwarnings("ignore")
    frame, errors, *others = arguments
    function(frame[:2000], errors[:2000], *others)
    # Compiled code is loaded for large inputs alone.
    half = len(frame) // 2
    function(frame[:half], errors[:half], *others)
    # Linux forgets the peak so far: reading the arguments had one of its own.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    start = time.process_time()
    best = function(*arguments)
    seconds = time.process_time() - start
    return Measured(best, seconds, resident("VmHWM") - before)


def resident(what: str) -> float:
    """Megabytes of memory of this process: now (VmRSS), or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(what))
    return int(line.split()[1]) / 1024


def ours(frame: pd.DataFrame, errors: np.ndarray, support: int, depth: int) -> dict:
    found = discover_slices(frame, errors, k=10, max_depth=depth, min_support=support)
    return {
        frozenset((c, str(v)) for c, v in one.slice.where.items()): one.score
        for one in found.slices
    }


def sliceline(frame: pd.DataFrame, errors: np.ndarray, support: int, depth: int) -> dict:
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(alpha=0.95, k=10, max_l=depth, min_sup=support, verbose=False)
    finder.fit(frame.apply(lambda column: column.cat.codes).to_numpy(), errors)
    found = {}
    for path, statistics in zip(finder.top_slices_, finder.top_slices_statistics_, strict=True):
        words = [
            (name, str(frame[name].cat.categories[int(code)]))
            for name, code in zip(frame.columns, path, strict=True)
            if code is not None
        ]
        found[frozenset(words)] = statistics["slice_score"]
    return found


def same(a: Measured, b: Measured) -> str:
    """Whether both lists are one; sliceline lists more than k where scores are equal."""
    inside = all(abs(b.best.get(key, -1.0) - score) < 1e-9 for key, score in a.best.items())
    return "yes" if inside and len(a.best) in {10, len(b.best)} else "NO"


def beside(name: str, frame: pd.DataFrame, errors: np.ndarray, depth: int) -> list[str]:
    support = max(32, len(frame) // 100)
    own = measured(ours, frame, errors, support, depth)
    peer = measured(sliceline, frame, errors, support, depth)
    return [
        name,
        str(depth),
        f"{own.seconds:.3f} s, {own.megabytes:.0f} MB",
        f"{peer.seconds:.2f} s, {peer.megabytes:,.0f} MB",
        f"{peer.seconds / own.seconds:,.0f}",
        same(own, peer),
    ]


HEADS = ["data", "depth", "burnish", "sliceline", "times faster", "same top 10"]


def adult() -> str:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    data = pd.read_csv(Path(os.environ["BURNISH_DATA"]) / "adult_slices" / "adult.csv.gz")
    features = data.drop(columns=["income", "split"])
    coded = features.apply(lambda c: c if c.dtype.kind in "if" else pd.factorize(c)[0])
    model = HistGradientBoostingClassifier(random_state=0)
    predicted = cross_val_predict(model, coded, data["income"].to_numpy(), cv=3)
    wrong = (predicted != data["income"].to_numpy()).astype(float)
    # sliceline lists a condition that all rows meet beside every slice, so that there is none here.
    numbers = [c for c in features if features[c].dtype.kind in "if"]
    cut = {c: pd.qcut(features[c], 10, duplicates="drop") for c in numbers}
    cut = {c: v if v.nunique() > 1 else features[c] > 0 for c, v in cut.items()}
    binned = features.assign(**{c: v.astype(str) for c, v in cut.items()})
    frame = binned.fillna("?").astype(str).astype("category")
    print(f"{len(frame):,} rows, {frame.shape[1]} columns, errors {100 * wrong.mean():.1f} %")
    scored = discover_and_score(features, wrong, max_depth=2, random_state=0)
    for one in scored.slices:
        effect = one.raised.effect
        print(
            f"  {one.found.slice.name}: {one.mean_error:.3f}, {effect.value:+.3f} "
            f"({effect.low:+.3f} to {effect.high:+.3f}), holds: {one.holds}"
        )
    return table(HEADS, [beside("adult", frame, wrong, depth) for depth in (2, 3)])


def synthetic(n: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 10, (n, 20))
    hurt = (codes[:, 0] == 3) & (codes[:, 1] == 2)
    frame = pd.DataFrame(np.char.mod("v%d", codes), columns=[f"c{i}" for i in range(20)])
    return frame.astype("category"), (rng.random(n) < np.where(hurt, 0.4, 0.1)).astype(float)


def speed() -> str:
    rows = [beside("1e5 x 20, 10 values", *synthetic(100_000), 2)]
    frame, errors = synthetic(1_000_000)
    for depth in (2, 3):
        own = measured(ours, frame, errors, 10_000, depth)
        numbers = f"{own.seconds:.2f} s, {own.megabytes:.0f} MB"
        rows.append(["1e6 x 20, 10 values", str(depth), numbers, "not run", "", ""])
    return table(HEADS, rows)


PARTS = {"null": null, "planted": planted, "adult": adult, "speed": speed}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        print(f"\n## {part}\n")
        print(PARTS[part]())
