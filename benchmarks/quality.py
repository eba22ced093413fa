"""What `burnish check` finds beside Datalab and deepchecks, on planted faults and on Adult.

    python benchmarks/quality.py adult FOLDER
    python benchmarks/quality.py planted --seeds 5 --datalab PYTHON --deepchecks PYTHON

`adult` counts the copies of Adult (FOLDER/adult_slices/adult.csv.gz) by a plain count of equal
lines and by `burnish check`. `planted` puts one fault of each kind into a table and asks each tool
for the rows and columns at fault; PYTHON is an interpreter that has the peer installed
(`quality_peers.py` runs there). Faults that a peer has no check for are left blank.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from burnish.datasets.planted_quality import KINDS, PlantedFault, clean_table, plant
from burnish.quality import check_table
from burnish.spec.cells import infer
from burnish.spec.guess import read_file

Found = dict[str, Any]
ROWS = 1000
# What each tool calls a kind; burnish finds a kind under its own name.
DATALAB = {
    "missing": "null",
    "odd_row": "outlier",
    "odd_in_class": "outlier",
    "near_copies": "near_duplicate",
    "exact_copies": "near_duplicate",
    "imbalance": "class_imbalance",
    "alike_neighbours": "non_iid",
    "sorted_by_label": "non_iid",
}
DEEPCHECKS = {
    "missing": "PercentOfNulls",
    "constant": "IsSingleValue",
    "mixed_types": "MixedDataTypes",
    "spelling": "StringMismatch",
    "conflicting_labels": "ConflictingLabels",
    "exact_copies": "DataDuplicates",
    "crossing_copies": "TrainTestSamplesMix",
    "target_leak": "FeatureLabelCorrelation",
    "imbalance": "ClassImbalance",
    "unseen_class": "NewLabelTrainTest",
}
OWN = {
    "exact_copies": "exact_duplicates",
    "near_copies": "near_duplicates",
    "crossing_copies": "crossing_duplicates",
    "late_training": "time_travel",
}


@dataclass(frozen=True)
class Copied(PlantedFault):
    """Copies of `originals`, which a tool may name as well: that is not counted against it."""

    originals: tuple[int, ...] = ()


def adult(folder: Path) -> None:
    table = read_file(folder / "adult_slices" / "adult.csv.gz")
    lines = list(
        zip(*(table[n].to_pylist() for n in table.column_names if n != "split"), strict=True)
    )
    parts = table["split"].to_pylist()
    training = {line for line, part in zip(lines, parts, strict=True) if part == "train"}
    copies = len(lines) - len(set(lines))
    crossing = sum(
        part != "train" and line in training for line, part in zip(lines, parts, strict=True)
    )
    typed = pa.table({name: infer(table[name]) for name in table.column_names})
    found = {
        one.kind: one.count for one in check_table(typed, target="income", split="split").findings
    }
    print("| | equal lines, the split left out | burnish check |")
    print("|---|---|---|")
    print(f"| rows that repeat an earlier one | {copies} | {found['exact_duplicates']} |")
    print(f"| test rows that repeat a training row | {crossing} | {found['crossing_duplicates']} |")


def _copied(n: int, seed: int, *, jitter: float, cross: bool) -> PlantedFault:
    rng = np.random.default_rng([seed, 77])
    table = clean_table(n, seed=seed)
    split = np.where(rng.random(n) < 0.7, "train", "test")
    table = table.append_column("split", pa.array(split.tolist()))
    pick = rng.choice(np.flatnonzero(split == "train"), 30, replace=False)
    more = table.take(pa.array(pick))
    if jitter:
        for at, name in enumerate(more.column_names):
            if pa.types.is_floating(more[name].type):
                cells = more[name].to_numpy()
                more = more.set_column(
                    at, name, pa.array(cells * (1 + rng.normal(size=30) * jitter))
                )
    if cross:
        more = more.set_column(more.column_names.index("split"), "split", pa.array(["test"] * 30))
    kind = "near_copies" if jitter else "crossing_copies" if cross else "exact_copies"
    rows = tuple(range(n, n + 30))
    first = tuple(pick.tolist())
    both = pa.concat_tables([table, more])
    return Copied(both, kind, (), rows, split="split", originals=first)


def _leaking(n: int, seed: int) -> PlantedFault:
    rng = np.random.default_rng([seed, 78])
    table = clean_table(n, seed=seed)
    codes = np.unique(table["label"].to_pylist(), return_inverse=True)[1]
    leak = codes * 10 + rng.normal(size=n) if seed % 2 else rng.permutation(50)[codes]
    return PlantedFault(table.append_column("extra", pa.array(leak)), "target_leak", ("extra",), ())


def _late(n: int, seed: int) -> PlantedFault:
    rng = np.random.default_rng([seed, 79])
    table = clean_table(n, seed=seed)
    moment = np.arange(n) * 10 + rng.integers(0, 9, n)
    split = np.where(np.arange(n) < 0.7 * n, "train", "test").astype(object)
    rows = np.sort(rng.choice(np.arange(int(0.8 * n), n), 10, replace=False))
    split[rows] = "train"
    table = table.append_column("moment", pa.array(moment))
    table = table.append_column("split", pa.array(split.tolist()))
    late = tuple(rows.tolist())
    return PlantedFault(table, "late_training", (), late, time="moment", split="split")


FAULTS: dict[str, Callable[[int], PlantedFault]] = {
    **{kind: lambda seed, kind=kind: plant(kind, ROWS, seed=seed) for kind in KINDS},
    "exact_copies": lambda seed: _copied(ROWS, seed, jitter=0.0, cross=False),
    "near_copies": lambda seed: _copied(ROWS, seed, jitter=1e-4, cross=False),
    "crossing_copies": lambda seed: _copied(ROWS, seed, jitter=0.0, cross=True),
    "target_leak": lambda seed: _leaking(ROWS, seed),
    "late_training": lambda seed: _late(ROWS, seed),
}


def by_burnish(fault: PlantedFault, kind: str) -> Found:
    found = check_table(fault.table, target=fault.target, time=fault.time, split=fault.split)
    mine = [one for one in found.findings if one.kind == OWN.get(kind, kind)]
    return {
        "rows": sorted({row for one in mine for row in one.rows}),
        "columns": sorted({name for one in mine for name in one.columns}),
        "flag": bool(mine),
    }


def by_peer(python: str, tool: str, check: str, faults: list[PlantedFault]) -> list[Found] | None:
    """What a peer's check found in each table; None where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        for at, fault in enumerate(faults):
            fault.table.to_pandas().to_csv(Path(folder) / f"{at}.csv", index=False)
            roles = {"target": fault.target, "split": fault.split}
            (Path(folder) / f"{at}.json").write_text(json.dumps(roles))
        program = Path(__file__).with_name("quality_peers.py")
        done = subprocess.run(
            [python, str(program), tool, check, folder], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(f"{tool} {check}: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def scored(faults: list[PlantedFault], found: list[Found] | None) -> str:
    """Precision and recall over all tables, by rows, else by columns, else by tables with a fault.

    By the finest that was planted and that the tool tells.
    """
    if found is None:
        return "failed"
    level = "tables"
    if faults[0].columns and all(one["columns"] is not None for one in found):
        level = "columns"
    if faults[0].rows and all(one["rows"] is not None for one in found):
        level = "rows"
    if level == "tables":
        return f"found in {sum(one['flag'] for one in found)} of {len(found)} tables"
    right = said = planted = 0
    for fault, one in zip(faults, found, strict=True):
        truth, got = set(getattr(fault, level)), set(one[level])
        if isinstance(fault, Copied):
            got -= set(fault.originals)
        right, said, planted = right + len(truth & got), said + len(got), planted + len(truth)
    precision = f"{right / said:.2f}" if said else "nothing"
    return f"{precision} / {right / planted:.2f} ({level})"


def planted(seeds: int, peers: dict[str, str]) -> None:
    print(f"Precision / recall, {seeds} tables of {ROWS:,} rows a kind; blank: no such check.\n")
    print("| kind | burnish | Datalab | deepchecks |")
    print("|---|---|---|---|")
    for kind, make in FAULTS.items():
        faults = [make(seed) for seed in range(seeds)]
        own = scored(faults, [by_burnish(fault, kind) for fault in faults])
        cells = []
        for tool, checks in (("datalab", DATALAB), ("deepchecks", DEEPCHECKS)):
            known = kind in checks and peers.get(tool)
            found = by_peer(peers[tool], tool, checks[kind], faults) if known else None
            cells.append(scored(faults, found) if found is not None else "")
        print(f"| {kind} | {own} | {cells[0]} | {cells[1]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tasks = parser.add_subparsers(dest="task", required=True)
    tasks.add_parser("adult").add_argument("folder", type=Path)
    of_planted = tasks.add_parser("planted")
    of_planted.add_argument("--seeds", type=int, default=5)
    of_planted.add_argument("--datalab", default="")
    of_planted.add_argument("--deepchecks", default="")
    chosen = parser.parse_args()
    if chosen.task == "adult":
        adult(chosen.folder)
    else:
        planted(chosen.seeds, {"datalab": chosen.datalab, "deepchecks": chosen.deepchecks})


if __name__ == "__main__":
    main()
