"""What the checks of a table find of planted faults, and what they tell of clean tables.

1. planted: a fault of each kind in a table of 1,000 rows, 20 seeds: how often it is told, and of
   the rows told how many are right (precision) and of those planted how many are told (recall).
   Beside them, findings that the fault does not explain.
2. clean: findings on tables without a fault, of 200, 1,000 and 10,000 rows, 100 seeds each.
3. real: what is told of tables that many have used.
4. speed: processor seconds at 1e5 x 20.

    BURNISH_DATA=/path/to/data python benchmarks/quality_planted.py [planted] [clean] [real] [speed]

Without an argument all four run.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gzip
import io
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from paired import table
from pyarrow import csv

from burnish.datasets.planted_quality import KINDS, TARGET, PlantedFault, clean_table, plant
from burnish.quality import CHECKS, Checked, QualityFinding, check_table

SEEDS, CLEAN_SEEDS = 20, 100
EXPLAINED = {  # findings that follow from the fault
    "missing_with_label": {"missing"},
    "missing_with_column": {"missing"},
    "rare_class": {"imbalance"},
    "unseen_class": {"imbalance"},
}
FILES = {
    "adult": ("adult_slices/adult.csv.gz", {"target": "income", "split": "split"}),
    "elec2": ("drift_elec2/elec2.csv.gz", {"target": "class"}),
    "noaa weather": ("drift_noaa_weather/weather.csv.gz", {"target": "target"}),
    "music genres": ("music_genre_crowd/songs_train.csv", {}),
    "banking77": ("banking77/train.csv.gz", {"target": "category"}),
    "clinc150": ("clinc150/clinc150.csv.gz", {"target": "intent", "split": "split"}),
}
BUNDLED = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")


def planted() -> None:
    lines: list[list[str]] = []
    for kind in KINDS:
        found = right = told = there = 0
        beside: Counter[str] = Counter()
        for seed in range(SEEDS):
            fault = plant(kind, seed=seed)
            report = check_table(
                fault.table, target=fault.target, time=fault.time, split=fault.split
            )
            hits = [one for one in report.findings if _is_it(one, fault)]
            found += bool(hits)
            rows = {row for one in hits for row in one.rows}
            right, told, there = (
                right + len(rows & set(fault.rows)), told + len(rows), there + len(fault.rows),
            )  # fmt: skip
            known = EXPLAINED.get(kind, set())
            beside.update(
                one.kind for one in report.findings if one not in hits and one.kind not in known
            )
        lines.append([
            kind, f"{found} of {SEEDS}",
            f"{right / told:.2f}" if there and told else "-",
            f"{right / there:.2f}" if there else "-",
            ", ".join(f"{name} {count}" for name, count in beside.items()) or "none",
        ])  # fmt: skip
    print(
        table(["planted", "told", "precision of rows", "recall of rows", "told beside it"], lines)
    )


def _is_it(finding: QualityFinding, fault: PlantedFault) -> bool:
    return finding.kind == fault.kind and bool(set(finding.columns) & set(fault.columns))


def clean() -> None:
    lines: list[list[str]] = []
    for n in (200, 1_000, 10_000):
        tables, kinds = 0, Counter[str]()
        for seed in range(CLEAN_SEEDS):
            found = check_table(clean_table(n, seed=1000 + seed), target=TARGET).findings
            tables += bool(found)
            kinds.update(one.kind for one in found)
        what = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "none"
        lines.append([f"{n:,}", f"{tables} of {CLEAN_SEEDS}", what])
    print(table(["rows", "tables of which anything is told", "what"], lines))


def real() -> None:
    lines: list[list[str]] = []
    for name, rows, parts in _real_tables():
        report = check_table(rows, **parts)
        kinds = Counter(f"{one.severity} {one.kind}" for one in report.findings)
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "nothing"
        lines.append([name, f"{rows.num_rows:,} x {rows.num_columns}", told])
    print(table(["table", "size", "told"], lines))


def _real_tables() -> list[tuple[str, pa.Table, dict[str, Any]]]:
    from sklearn import datasets

    data = Path(os.environ["BURNISH_DATA"])
    words = csv.ConvertOptions(strings_can_be_null=False)
    out: list[tuple[str, pa.Table, dict[str, Any]]] = []
    for name, (path, parts) in FILES.items():
        raw = (data / path).read_bytes()
        text = gzip.decompress(raw) if path.endswith("gz") else raw
        out.append((name, csv.read_csv(io.BytesIO(text), convert_options=words), parts))
    for name in BUNDLED:
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        out.append((name, rows, {"target": "target"} if "target" in rows.column_names else {}))
    return out


def speed() -> None:
    rng, n = np.random.default_rng(0), 100_000
    numbers = {f"n{place}": rng.normal(size=n) for place in range(14)}
    words = {f"c{place}": rng.choice(["aa", "bb", "cc", "dd"], n).tolist() for place in range(5)}
    rows = pa.table({**numbers, **words, "label": rng.choice(["x", "y"], n).tolist()})
    check_table(rows.slice(0, 1000), target="label")  # imports
    checked, seconds = Checked.of(rows, target="label"), {}
    for check in CHECKS:
        start = time.process_time()
        list(check(checked))
        seconds[check.kind] = time.process_time() - start
    slowest = sorted(seconds, key=lambda kind: -seconds[kind])[:5]
    print(f"100,000 x 20: {sum(seconds.values()):.2f} s of the processor; the slowest:")
    print(table(["check", "seconds"], [[kind, f"{seconds[kind]:.2f}"] for kind in slowest]))


if __name__ == "__main__":
    PARTS = {"planted": planted, "clean": clean, "real": real, "speed": speed}
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
        print()
