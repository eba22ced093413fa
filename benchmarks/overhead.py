"""What Dagster costs: an iteration through it, beside the same calls in a plain script.

Both sides start from homes of their own that were prepared alike (databases made, nothing in
them), read the same planted table, hold every stage against the same gate by Great Expectations,
write the same versions, ledger and MLflow run, and are given the same verdicts of a simulated
reviewer. One side runs the jobs `audit` and `retrain` as `burnish loop` does, in one process on an
instance on disk; the other is `plain_iteration.py`. After each round it is checked that both
ended alike: dataset versions, digests of all tables, verdicts of all gates, the ledger's chain,
metrics and promotion.

The two take turns in one process, and who begins alternates; a first round, which loads the
libraries, does not count. Only the jobs are timed: neither the reviewer nor opening the home. The
first iteration of a home trains a baseline too; the second is what a night does. Each ratio is of
a pair; medians are shown, with the smallest and the largest. Where other work shares the machine,
seconds of the processor say more than those of the clock. Cold is a whole new process on a
prepared home.

Besides: ten assets that do nothing, cold and warm (`empty_assets.py`).

    python benchmarks/overhead.py --rounds 7
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from overhead_task import (
    HERE,
    PROJECT,
    SIDES,
    Side,
    check_alike,
    decide,
    make_template,
    outcome,
    write_project,
)

from burnish.spec import DatasetSpec, load_spec

EMPTY = {
    "plain": "ten functions, no Dagster",
    "in_process": "ten assets, in one process",
    "forkserver": "ten assets, a process each (forkserver)",
}


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock and of the processor."""

    clock: float
    processor: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.processor + other.processor)


Pair = dict[str, Spent]
"""The same work on both sides."""


def timed(work) -> Spent:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - clock, time.process_time() - processor)


def iterate(side: Side, spec: DatasetSpec, truth: dict[str, str], home: Path) -> Spent:
    """One iteration, without its reviewer."""
    gc.collect()
    audited = timed(side.audit)
    decide(side, spec, truth, home)
    return audited + timed(side.retrain)


def one_round(
    spec: DatasetSpec, truth: dict[str, str], template: Path, folder: Path, order: list[str]
) -> list[Pair]:
    """Two iterations on each side, which must end alike."""
    homes = {name: folder / name for name in order}
    with ExitStack() as stack:
        for name in order:
            shutil.copytree(template, homes[name])
        sides = {name: SIDES[name](spec, homes[name], stack) for name in order}
        pairs = [
            {name: iterate(sides[name], spec, truth, homes[name]) for name in order}
            for _ in range(2)
        ]
        check_alike(*(outcome(sides[name], spec, homes[name]) for name in ("plain", "dagster")))
    for home in homes.values():
        shutil.rmtree(home)
    return pairs


def in_turn(number: int) -> list[str]:
    return ["plain", "dagster"] if number % 2 else ["dagster", "plain"]


def warm(spec: DatasetSpec, template: Path, folder: Path, rounds: int) -> list[list[Pair]]:
    """For each round its two iterations."""
    from burnish.workflows.simulate import load_truth

    truth = load_truth(spec)
    done = [
        # Each at a place of its own: MLflow keeps what it knows of a database's address.
        one_round(spec, truth, template, folder / f"round-{number}", in_turn(number))
        for number in range(rounds + 1)
    ]
    return done[1:]


def cold(spec: DatasetSpec, template: Path, folder: Path, rounds: int) -> list[Pair]:
    """Whole processes, each with the first iteration of a home."""
    done = []
    for number in range(rounds):
        pair: Pair = {}
        for name in in_turn(number):
            home = folder / f"cold-{name}"
            shutil.copytree(template, home)
            own = ["--alone", name, "--spec", str(spec.folder / "planted.yaml")]
            pair[name], _ = process([str(HERE / "overhead.py"), *own, "--home", str(home)])
            shutil.rmtree(home)
        done.append(pair)
    return done


def alone(name: str, spec: DatasetSpec, home: Path) -> None:
    """One side's first iteration, for `cold`."""
    from burnish.workflows.simulate import load_truth

    with ExitStack() as stack:
        iterate(SIDES[name](spec, home, stack), spec, load_truth(spec), home)


def process(arguments: list[str]) -> tuple[Spent, str]:
    """What a Python process took from start to end, and what it printed."""
    # A fork server does not get this process's path, so what it preloads is found by the variable.
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(HERE)])}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, env=paths
    )
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(clock, processor), done.stdout


def iterations(rows: list[int], rounds: int, cold_rounds: int) -> str:
    from paired import table

    lines = []
    with TemporaryDirectory() as name:
        template = Path(name) / "template"
        make_template(template)
        for count in rows:
            folder = Path(name) / str(count)
            spec = write_project(folder / "catalog", count)
            pairs = warm(spec, template, folder, rounds)
            for at, which in enumerate(("first", "second")):
                lines.append(row(f"{count:,} rows, {which} iteration", [one[at] for one in pairs]))
            processes = cold(spec, template, folder, cold_rounds)
            lines.append(row(f"{count:,} rows, first, new process", processes))
    headers = ["", "plain s", "Dagster s", "ratio", "plain CPU s", "Dagster CPU s", "CPU ratio"]
    return table(headers, lines)


def row(what: str, pairs: list[Pair]) -> list[str]:
    cells = [what]
    for kind in ("clock", "processor"):
        plain = [getattr(pair["plain"], kind) for pair in pairs]
        through = [getattr(pair["dagster"], kind) for pair in pairs]
        ratios = [b / a for a, b in zip(plain, through, strict=True)]
        cells += [f"{median(plain):.2f}", f"{median(through):.2f}", spread(ratios)]
    return cells


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def empties(rounds: int) -> str:
    """Ten empty assets: a new process, and in it a first and a second run."""
    from paired import table

    found: dict[str, list[list[float]]] = {way: [] for way in EMPTY}
    with TemporaryDirectory() as name:
        template, home = Path(name) / "template", Path(name) / "home"
        make_template(template)
        for _ in range(rounds):
            for way in EMPTY:
                shutil.copytree(template, home)
                spent, said = process([str(HERE / "empty_assets.py"), way, str(home)])
                first, second = json.loads(said)
                found[way].append([spent.clock - second, first, second])
                shutil.rmtree(home)
    headers = ["", "new process, one run, s", "first run s", "second run s"]
    lines = [
        [EMPTY[way], *(spread(list(values)) for values in zip(*found[way], strict=True))]
        for way in EMPTY
    ]
    return table(headers, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[2_000, 50_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--alone", choices=list(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--spec", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        alone(chosen.alone, load_spec(chosen.spec), chosen.home)
        return
    began = time.monotonic()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    if chosen.rows:
        print(iterations(chosen.rows, chosen.rounds, chosen.cold_rounds), end="\n\n", flush=True)
    print(empties(chosen.cold_rounds), end="\n\n")
    print(f"{chosen.rounds} rounds, {chosen.cold_rounds} of new processes, "
          f"{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} at the end",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
