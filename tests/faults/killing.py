"""A loop in a process of its own: started, watched by what it has written, killed, and finished.

What belongs here: the process, and where in an iteration it was when it was killed. What does
not: whether what it left agrees (`tests.faults.agreement`).

Nothing in the loop knows that it is watched: every trigger looks at files and databases of the
home, read-only.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import runner

PROJECT = Path(runner.__file__).resolve().parent.parent
DATASET = "flowers"
# Loads what stages import where they use it before the loop starts: a kill in there hits nothing.
WARM = """
import deltalake, great_expectations, mlflow.sklearn, skops.io, sklearn.ensemble
from pipelines.runner import main
print("loaded", flush=True)
main()
"""
BEGUN, ENDED = "STEP_START", frozenset({"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"})
FINISH_SECONDS = 240
# What whoever runs the tests may have set for a project of theirs.
THEIRS = ("BURNISH_", "MLFLOW_TRACKING_URI")


@dataclass
class LoopProcess:
    """`burnish loop --iterations 1 --reviewer simulated` on the flowers, in its own session."""

    process: subprocess.Popen[str]
    home: Path
    log: Path
    before: int
    """How many runs the home's Dagster knew when it was started."""
    worked_from: float = 0.0

    @classmethod
    def start(cls, catalog: Path, home: Path, *more: str, warm: bool = False) -> LoopProcess:
        log = home.parent / f"{home.name}.log"
        how = ["-c", WARM] if warm else ["-m", "pipelines.runner"]
        command = [sys.executable, *how, "loop", "--dataset", DATASET, "--home", str(home),
                   "--iterations", "1", "--reviewer", "simulated", *more]  # fmt: skip
        own = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
        environment = {**own, "BURNISH_CATALOG": str(catalog)}
        before = len(runs(home))
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=out, stderr=out, text=True,
                start_new_session=True,
            )  # fmt: skip
        return cls(process, home, log, before)

    def wait_for(self, happened: Callable[[], bool]) -> bool:
        """Whether it happened before the process ended."""
        while not happened():
            if self.process.poll() is not None:
                return happened()
            time.sleep(0.001)
        return True

    def wait_for_work(self) -> None:
        """Until it has loaded what it needs, where it was started warm."""
        self.wait_for(lambda: "loaded\n" in self.log.read_text())
        self.worked_from = time.monotonic()

    def kill(self) -> bool:
        """Kill it and all it has started; whether it was still alive."""
        alive = self.process.poll() is None
        if alive:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return alive and self.process.returncode == -signal.SIGKILL

    def finish(self) -> str:
        """Wait for its end, which must be a good one; returns what it said."""
        try:
            self.process.wait(FINISH_SECONDS)
        finally:
            self.kill()
        said = self.log.read_text()
        assert self.process.returncode == 0, said
        return said

    def steps(self) -> list[tuple[str, str]]:
        """Step and event, of every run of this process, in order."""
        return [pair for run in runs(self.home)[self.before :] for pair in events(self.home, run)]

    def began(self, step: str) -> Callable[[], bool]:
        return lambda: (f"{DATASET}__{step}", BEGUN) in self.steps()

    def where(self) -> str:
        """What was going on when it was killed, by the last thing that was written."""
        mine = runs(self.home)[self.before :]
        if not mine:
            return "opening"
        steps = events(self.home, mine[-1])
        ended = {step for step, event in steps if event in ENDED}
        going_on = [step for step, event in steps if event == BEGUN and step not in ended]
        if going_on:
            return going_on[-1].removeprefix(f"{DATASET}__")
        part, status = mine[-1][1].removeprefix(f"{DATASET}_"), mine[-1][2]
        if status == "SUCCESS":
            return "simulated verdicts" if part == "audit" else "figures and page"
        return "between stages" if steps else f"start of {part}"


def runs(home: Path) -> list[tuple[str, str, str]]:
    """Id, job and status of every run that Dagster knows, oldest first."""
    file = home / "dagster" / "history" / "runs.db"
    return rows(file, "SELECT run_id, pipeline_name, status FROM runs ORDER BY id")


def events(home: Path, run: tuple[str, str, str]) -> list[tuple[str, str]]:
    file = home / "dagster" / "history" / "runs" / f"{run[0]}.db"
    wanted = ", ".join(f"'{name}'" for name in (BEGUN, *sorted(ENDED)))
    return rows(
        file,
        "SELECT step_key, dagster_event_type FROM event_logs "
        f"WHERE dagster_event_type IN ({wanted}) ORDER BY id",
    )


def rows(file: Path, query: str) -> list[Any]:
    """What a query gives, read-only; nothing while the file or its tables are not there yet."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as opened:
            return opened.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
