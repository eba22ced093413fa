"""Drift: false alarms, power, coverage of the limits, and speed beside nannyml and evidently.

    .venv-benchmarks/bin/python benchmarks/drift.py null [1000]      # windows of each size
    .venv-benchmarks/bin/python benchmarks/drift.py power [400]
    .venv-benchmarks/bin/python benchmarks/drift.py coverage [400]
    .venv-benchmarks/bin/python benchmarks/drift.py speed [3]        # rounds, the three in turns

null: windows of a table of 16 columns (correlated, tied, heavy-tailed, with rare categories,
missing and infinite cells) against 10,000 reference rows drawn anew each time: without any change,
and with every column moved by just as much as is tolerated. An alarm in any column is false.
power: one column of the 16 moved by the smallest effect that matters.
coverage: windows whose limits hold the true effects of all columns together.
speed: 40 columns of numbers and 10 of categories, 1e5 rows a side; NANNYML_PYTHON and
EVIDENTLY_PYTHON name interpreters that have those (they want pandas < 3).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from paired import over_seeds, table
from scipy.stats import beta, norm

from burnish.drift import MATTERS, MINIMUM, detect_drift

REFERENCE = 10_000
SIZES = (50, 200, 1_000, 10_000, 100_000, 1_000_000)
RARE = 1 / np.arange(1, 201) ** 1.2
RARE /= RARE.sum()
EVEN = np.full(5, 0.2)
WORDS_OF_CODES = [f"value {at}" for at in range(200)] + ["never seen"]
Rng = np.random.Generator


def shifted(effect: float) -> float:
    """How far a normal distribution moves for a Kolmogorov-Smirnov distance of `effect`."""
    return float(2 * norm.ppf(0.5 + effect / 2))


def numbers(rng: Rng, n: int, effects: dict[str, float]) -> dict[str, np.ndarray]:
    common = rng.normal(size=n)
    columns = {f"joint {at}": common + 0.5 * rng.normal(size=n) for at in range(4)}
    columns |= {
        "normal": rng.normal(size=n),
        "lognormal": rng.lognormal(0, 2, n),
        "cauchy": rng.standard_cauchy(n),
        "rounded": rng.normal(size=n).round(1),
        "poisson": rng.poisson(2, n).astype(float),
        "holes": rng.normal(size=n),
    }
    columns["normal"] += shifted(effects.get("normal", 0.0))
    for name in columns:
        if name != "normal":  # so many rows go beyond all others: the distance is that share
            columns[name][rng.random(n) < effects.get(name, 0.0)] = 1e9
    holes = columns["holes"]
    holes[rng.random(n) < 0.02] = np.inf
    holes[rng.random(n) < 0.1] = np.nan
    return columns


def moved(rng: Rng, n: int, share: np.ndarray, effect: float) -> np.ndarray:
    """Codes of categories: the total variation to `share` is `effect`, rare ones gain."""
    gains = np.zeros(share.size)
    gains[share.size // 2 :] = 1 / (share.size - share.size // 2)
    mixed = effect / (np.abs(share - gains).sum() / 2)
    return drawn(rng, n, (1 - mixed) * share + mixed * gains)


def drawn(rng: Rng, n: int, share: np.ndarray) -> np.ndarray:
    return rng.permutation(np.repeat(np.arange(share.size), rng.multinomial(n, share)))


def words_of(codes: np.ndarray) -> pa.Array:
    coded = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(WORDS_OF_CODES))
    return coded.cast(pa.string())


def rows(rng: Rng, n: int, effects: dict[str, float]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        name: pa.array(values) for name, values in numbers(rng, n, effects).items()
    }
    missing = rng.random(n) < 0.1 + effects.get("missing", 0.0)
    columns["missing"] = pa.array(rng.normal(size=n), mask=missing)
    columns["five"] = words_of(moved(rng, n, EVEN, effects.get("five", 0.0)))
    columns["rare"] = words_of(moved(rng, n, RARE, effects.get("rare", 0.0)))
    new = drawn(rng, n, RARE)
    new[rng.random(n) < effects.get("new", 0.0)] = 200
    columns["new"] = words_of(new)
    columns["unique"] = pa.array(rng.integers(0, 10**12, n)).cast(pa.string())
    columns["truth"] = pa.array(rng.random(n) < 0.3 + effects.get("truth", 0.0))
    return pa.table(columns)


NAMES = tuple(rows(np.random.default_rng(0), 2, {}).column_names)
MOVED = tuple(name for name in NAMES if name != "unique")


def true_effects(effect: float) -> dict[str, float]:
    """`holes` moves among its finite cells, so that its distance is `effect` too."""
    return dict.fromkeys(MOVED, effect)


def alarms(seed: int, *, n: int, effect: float) -> bool:
    rng = np.random.default_rng([seed, n])
    effects = true_effects(effect)
    return detect_drift(rows(rng, REFERENCE, {}), rows(rng, n, effects)).drifted


WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "hat", "red", "42", "Rome"]


def loose_rows(rng: Rng, n: int) -> pa.Table:
    texts = [" ".join(rng.choice(WORDS, 5)) + f" {rng.integers(9999)}" for _ in range(n)]
    return pa.table({"text": texts, "signal": list(rng.normal(size=(n, 16)).cumsum(axis=1))})


def loose_alarms(seed: int, *, n: int) -> bool:
    rng = np.random.default_rng([seed, n])
    kinds = {"text": "text", "signal": "list"}
    return detect_drift(loose_rows(rng, 2_000), loose_rows(rng, n), kinds=kinds).drifted


def days(rng: Rng, count: int, each: int) -> tuple[pa.Table, np.ndarray]:
    """Rows by day, a fifth of whose variance is that of their day."""
    day = np.repeat(np.arange(count), each)
    columns = {
        f"x{at}": np.sqrt(0.2) * rng.normal(size=count)[day]
        + np.sqrt(0.8) * rng.normal(size=day.size)
        for at in range(8)
    }
    tilt = 1 / (1 + np.exp(-rng.normal(size=count)[day]))
    columns["kind"] = np.where(rng.random(day.size) < tilt, "a", "b")
    return pa.table(columns), day


def clumped_alarms(seed: int, *, count: int, blocks: bool) -> bool:
    rng = np.random.default_rng([seed, count])
    (before, first), (after, second) = days(rng, 120, 100), days(rng, count, 200)
    told = {"reference_blocks": first, "current_blocks": second} if blocks else {}
    return detect_drift(before, after, **told).drifted


def each(case: Callable[[int], bool], count: int) -> list[bool]:
    """The case of every seed; one worker is this process itself."""
    if WORKERS == 1:
        return [case(seed) for seed in range(count)]
    return over_seeds(case, range(count), workers=WORKERS)


def upper(found: int, n: int) -> float:
    return float(beta.ppf(0.95, found + 1, n - found)) if found < n else 1.0


def null(windows: int = 1_000) -> None:
    cases: list[tuple[str, str, int, Callable[[int], bool]]] = [
        (f"{n:,}", what, windows if n <= 100_000 else max(30, windows // 20), case)
        for n in SIZES
        for what, case in (
            ("no change", partial(alarms, n=n, effect=0.0)),
            ("as much as is tolerated, in all", partial(alarms, n=n, effect=MINIMUM)),
        )
    ]
    cases.append(("1,000", "texts and signals", windows, partial(loose_alarms, n=1_000)))
    for count in (7, 28):
        for blocks in (True, False):
            what = "days, told as blocks" if blocks else "days, not told"
            case = partial(clumped_alarms, count=count, blocks=blocks)
            cases.append((f"{count} x 200", what, windows, case))
    lines: list[list[str]] = []
    for size, what, count, case in cases:
        found = sum(each(case, count))
        rate = f"{100 * upper(found, count):.1f} %"
        lines.append([size, what, f"{count:,}", str(found), rate])
        print(" | ".join(lines[-1]), flush=True)
    print(table(["rows", "windows", "number", "alarms", "rate is below (95 %)"], lines))


def found(seed: int, *, n: int, column: str) -> bool:
    rng = np.random.default_rng([seed, n, NAMES.index(column)])
    effects = {column: MATTERS}
    report = detect_drift(rows(rng, REFERENCE, {}), rows(rng, n, effects))
    named = dict(
        zip(*(report.columns[key].to_pylist() for key in ("column", "finding")), strict=True)
    )
    return named[column] == "drifted"


def power(windows: int = 400) -> None:
    columns = ("normal", "cauchy", "rounded", "poisson", "missing", "five", "rare", "new", "truth")
    lines: list[list[str]] = []
    for column in columns:
        line = [column]
        for n in (200, 500, 1_000, 2_000, 10_000):
            hits = each(partial(found, n=n, column=column), windows)
            line.append(f"{100 * np.mean(hits):.0f} %")
        lines.append(line)
        print(" | ".join(line), flush=True)
    print(table(["column", "200", "500", "1,000", "2,000", "10,000"], lines))


def held(seed: int, *, n: int, effect: float) -> bool:
    rng = np.random.default_rng([seed, n])
    report = detect_drift(rows(rng, REFERENCE, {}), rows(rng, n, true_effects(effect)))
    main = {"ks", "total_variation"}
    return all(
        line["low"] <= (0.0 if line["column"] == "missing" else effect) <= line["high"] + 1e-12
        for line in report.columns.to_pylist()
        if line["effect"] in main and line["column"] != "unique"
    )


def coverage(windows: int = 400) -> None:
    lines: list[list[str]] = []
    for n in (50, 200, 1_000, 10_000):
        line = [f"{n:,}"]
        for effect in (0.0, 0.05, 0.15, 0.35):
            hits = each(partial(held, n=n, effect=effect), windows)
            line.append(f"{100 * np.mean(hits):.1f} %")
        lines.append(line)
        print(" | ".join(line), flush=True)
    print(table(["rows", "effect 0", "0.05", "0.15", "0.35"], lines))


def speed(rounds: int = 3) -> None:
    rng = np.random.default_rng(7)
    n = 100_000
    words = np.array([f"value {at}" for at in range(8)])
    pythons = {
        "burnish": sys.executable,
        "nannyml": os.environ.get("NANNYML_PYTHON", sys.executable),
        "evidently": os.environ.get("EVIDENTLY_PYTHON", sys.executable),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as place:
        for side in ("reference", "current"):
            columns = {f"x{at}": rng.normal(size=n) for at in range(40)}
            columns |= {f"c{at}": words[rng.integers(0, 8, n)] for at in range(10)}
            pq.write_table(pa.table(columns), Path(place) / f"{side}.parquet")
        script = Path(__file__).with_name("drift_peers.py")
        for _ in range(rounds):
            for name, python in pythons.items():
                done = subprocess.run(
                    [python, str(script), name, place], capture_output=True, text=True, check=True
                )
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(name, runs[name][-1], flush=True)
    own = [run["seconds"] for run in runs["burnish"]]
    lines = [["burnish", f"{median(own):.3f}", "", ""]]
    for name, key in (("nannyml", "seconds"), ("nannyml", "calculate"), ("evidently", "seconds")):
        theirs = [run[key] for run in runs[name]]
        ratios = [there / here for there, here in zip(theirs, own, strict=True)]
        title = name if key == "seconds" else f"{name}, without its fit"
        spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
        lines.append([title, f"{median(theirs):.2f}", f"{median(ratios):.1f}", spread])
    print(table(["", "processor seconds", "times burnish", "in the rounds"], lines))


WORKERS = int(os.environ.get("WORKERS", "2"))
TASKS = {"null": null, "power": power, "coverage": coverage, "speed": speed}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*(int(number) for number in sys.argv[2:]))
