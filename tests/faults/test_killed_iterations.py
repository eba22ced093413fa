"""Loops killed with -9 at any moment: the next start finishes, and everything agrees."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from assets import AUDIT, RETRAIN
from assets.gates import GATED_STAGES
from burnish.cli import main
from burnish.workflows.home import open_home
from tests.conftest import Planted, write_flowers
from tests.faults.agreement import disagreements
from tests.faults.killing import DATASET, LoopProcess, rows, runs
from tests.faults.reading import Reader

SAY = logging.getLogger(__name__)
GROWTH = 12
BUDGET = ("--budget", "6")
ABSENT = ("unlabeled_examples", "annotations")
STAGES = [stage for stage in AUDIT + RETRAIN if stage not in ABSENT]
STEPS = [
    step
    for stage in STAGES
    for step in ((stage, f"{stage}_gate") if stage in GATED_STAGES else (stage,))
]
# No planted row is ever turned away, so this one is the same night after night.
MADE = [stage for stage in STAGES if stage != "quarantined_examples"]


class Nights:
    """One home whose loop is started night after night, on a source that grows, and killed."""

    def __init__(self, planted: Planted, *, seed: int) -> None:
        self.planted, self.home = planted, planted.home
        self.chance = random.Random(seed)
        self.hits: Counter[str] = Counter()
        self.grown = 0
        self.agrees = True
        self.seconds = 0.0
        """How long an iteration works that nobody disturbs."""

    def start(self, *, warm: bool = False) -> LoopProcess:
        return LoopProcess.start(self.planted.catalog, self.home, *BUDGET, warm=warm)

    def undisturbed(self) -> None:
        """One iteration from start to end, and how long it worked."""
        loop = self.start(warm=True)
        loop.wait_for_work()
        loop.finish()
        self.seconds = time.monotonic() - loop.worked_from

    def kill_at_random(self) -> None:
        """Start a loop and kill it at a moment drawn from all that an iteration lasts.

        One that had ended before is no kill: the next one is.
        """
        while True:
            # Every other time the source has new rows, so that each stage has something to write.
            if self.chance.random() < 0.5:
                self.grow()
            loop = self.start(warm=True)
            loop.wait_for_work()
            time.sleep(self.chance.uniform(0, self.seconds))
            if loop.kill():
                self.hits[loop.where()] += 1
                return
            loop.finish()

    def kill_when(self, happens: Callable[[LoopProcess], Callable[[], bool]]) -> None:
        """Start a loop on new rows and kill it as soon as something has happened."""
        self.agrees = False
        self.grow()
        loop = self.start(warm=True)
        happened = loop.wait_for(happens(loop))
        loop.kill()
        self.hits[loop.where()] += 1
        assert happened, loop.log.read_text()

    def finish(self) -> None:
        """The next start goes on from whatever is there, and leaves nothing that disagrees."""
        self.start().finish()
        assert disagreements(self.home) == []
        assert open_home(self.home).versions.current(DATASET) is None
        self.agrees = True

    def grow(self) -> None:
        """Append rows to the source that nobody has seen, and their truth."""
        self.grown += 1
        name, catalog = f"night{self.grown:03d}", self.planted.catalog
        write_flowers(catalog / name, rows=GROWTH, seed=100 + self.grown)
        for file in ("flowers.csv", "truth.csv"):
            lines = (catalog / name / file).read_text().splitlines()[1:]
            with (catalog / file).open("a") as out:
                out.writelines(f"{name}-{line}\n" for line in lines)


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_loop_killed_at_any_moment_is_finished_by_the_next(planted, rounds):
    nights = Nights(planted, seed=rounds)
    nights.undisturbed()
    with Reader(planted.home) as reader:
        for number in range(1, rounds + 1):
            nights.kill_at_random()
            # Now and then the one that was to finish it is killed as well.
            if number == rounds or nights.chance.random() < 0.75:
                nights.finish()
            assert reader.faults == []
            SAY.info("round %d: %s", number, dict(nights.hits))
    turns = len(open_home(planted.home).versions.iterations(DATASET))
    SAY.info("%d iterations; versions read while loops worked: %s", turns, dict(reader.read))
    assert nights.hits.total() == rounds
    verified = CliRunner().invoke(main, ["verify", DATASET, "--home", str(planted.home)])
    assert verified.exit_code == 0, verified.output
    assert set(MADE) <= set(reader.read)


# ---------------------------------------------------------------- at a given moment


def begun(step: str) -> Callable[[LoopProcess], Callable[[], bool]]:
    return lambda loop: loop.began(step)


def created(part: int) -> Callable[[LoopProcess], Callable[[], bool]]:
    """When Dagster knows of the loop's first or second run, and it may not have started yet."""
    return lambda loop: lambda: len(runs(loop.home)) >= loop.before + part


def changed(measure: Callable[[Path], object]) -> Callable[[LoopProcess], Callable[[], bool]]:
    """When a figure of the home is no longer what it was when the loop was started."""

    def since(loop: LoopProcess) -> Callable[[], bool]:
        before = measure(loop.home)
        return lambda: measure(loop.home) != before

    return since


def written(stage: str) -> Callable[[LoopProcess], Callable[[], bool]]:
    """When a version lies in the store, and perhaps nothing else knows of it yet."""
    return changed(lambda home: len(commits(home, stage)))


def commits(home: Path, stage: str) -> list[Path]:
    return list((home / "tables" / DATASET / stage / "_delta_log").glob("*.json"))


def counted(file: str, query: str) -> Callable[[LoopProcess], Callable[[], bool]]:
    return changed(lambda home: rows(home / file, f"SELECT count(*) FROM {query}") or [(0,)])


def written_at(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


RECORDED = {
    "verdicts said": counted("burnish.db", "label_events"),
    "run begun": counted("mlflow.db", "runs"),
    "run has metrics": counted("mlflow.db", "latest_metrics"),
    "model begun": counted("mlflow.db", "logged_models"),
    "model registered": counted("mlflow.db", "model_versions"),
    "slice measured": counted("mlflow.db", "metrics WHERE key = 'rows'"),
    "run complete": counted("mlflow.db", "tags WHERE key = 'content_digest'"),
    "run noted": counted("burnish.db", "iterations WHERE mlflow_run_id IS NOT NULL"),
    "iteration closed": counted("burnish.db", "iterations WHERE closed_at IS NOT NULL"),
    "figures kept": changed(lambda home: written_at(home / "reports" / DATASET / "loop.json")),
}
MOMENTS = (
    {"audit created": created(1), "retrain created": created(2)}
    | {f"{step} begun": begun(step) for step in STEPS}
    | {f"{stage} written": written(stage) for stage in (*MADE, "fixed_splits", "model_files")}
    | {
        f"{stage} published": counted("burnish.db", f"publications WHERE stage = '{stage}'")
        for stage in MADE
    }
    | RECORDED
)
FAST = ("audit created", "model begun")


@pytest.fixture(scope="module")
def nights_of(tmp_path_factory, write_project):
    """The nights of one home after the other; a new one where the last does not agree."""
    kept: list[Nights] = []

    def current() -> Nights:
        if not kept or not kept[-1].agrees:
            kept.append(Nights(write_project(tmp_path_factory.mktemp("nights")), seed=0))
        return kept[-1]

    return current


@pytest.mark.parametrize(
    "moment",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in MOMENTS],
)
def test_a_loop_killed_at_a_stage_is_finished_by_the_next(nights_of, moment):
    nights = nights_of()
    nights.kill_when(MOMENTS[moment])
    SAY.info("killed when %s: %s", moment, dict(nights.hits))
    nights.finish()
