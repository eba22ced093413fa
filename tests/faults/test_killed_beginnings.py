"""Homes killed with -9 while their databases are made: the next start makes them whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.instance import prepare
from tests.faults.agreement import disagreements
from tests.faults.killing import PROJECT, LoopProcess, rows
from tests.faults.tracked import client_of

MAKE_TRACKING = """
import sys
from burnish.patience import Patience
from resources.mlflow_connection import connect
connect(sys.argv[1], Patience(120))
"""


def killed_when(happened: Callable[[], bool], *command: str) -> None:
    """Run a command of this Python, and kill it as soon as something has happened."""
    with subprocess.Popen([sys.executable, *command], cwd=PROJECT) as process:
        while not happened():
            assert process.poll() is None, "it ended first"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)


def has_table(folder: Path, file: str, like: str) -> bool:
    """Whether a database of that name, wherever it is below the folder, has such a table."""
    query = f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE '{like}'"
    return any(rows(path, query) for path in found(folder, file))


def found(folder: Path, file: str) -> list[Path]:
    """The files of that name below a folder, of which others come and go meanwhile."""
    return [Path(at, file) for at, _, files in os.walk(folder) if file in files]


def tracking_begun(folder: Path) -> bool:
    """Whether MLflow has begun to migrate a database, whatever that is called so far."""
    files = ("mlflow.db", ".mlflow.db.draft")
    return any(has_table(folder, file, "alembic_version") for file in files)


def made(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Which step of its schema each of Dagster's databases is at, and what was indexed in it."""
    facts = {}
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        file = home / "dagster" / name
        facts[name] = rows(file, "SELECT version_num FROM alembic_version")
        facts[name] += rows(file, "SELECT name, migration_completed > 0 FROM secondary_indexes")
    return facts


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("runs.db", "runs"),
        pytest.param("runs.db", "secondary_indexes", marks=pytest.mark.slow),
        pytest.param("index.db", "event_logs", marks=pytest.mark.slow),
        ("schedules.db", "job_ticks"),
    ],
)
def test_an_instance_killed_while_it_is_made_is_as_good_as_any(tmp_path, file, table):
    whole, home = tmp_path / "whole", tmp_path / "home"
    prepare(whole)
    killed_when(
        lambda: has_table(home, file, table),
        *("-m", "pipelines.runner", "prepare", "--home", str(home)),
    )
    prepare(home)
    assert made(home) == made(whole)
    assert sorted(path.name for path in (home / "dagster").iterdir()) == sorted(
        path.name for path in (whole / "dagster").iterdir()
    )


def test_a_tracking_database_killed_while_it_is_made_is_made_by_the_next(tmp_path):
    command = ("-c", MAKE_TRACKING, f"sqlite:///{tmp_path / 'mlflow.db'}")
    killed_when(lambda: tracking_begun(tmp_path), *command)
    # MLflow can't go on with a database that was left between two steps of a migration.
    assert not (tmp_path / "mlflow.db").exists()
    subprocess.run([sys.executable, *command], cwd=PROJECT, check=True)
    assert client_of(tmp_path).search_experiments()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


BEGINNINGS = {
    "record": lambda home: (home / "burnish.db").exists(),
    "record with tables": lambda home: has_table(home, "burnish.db", "iterations"),
    "configuration": lambda home: bool(found(home, "dagster.yaml")),
    "history": lambda home: has_table(home, "runs.db", "runs"),
    "events": lambda home: has_table(home, "index.db", "event_logs"),
    "first table": lambda home: bool(found(home, f"{0:020d}.json")),
    "tracking": tracking_begun,
}


@pytest.mark.parametrize(
    "beginning",
    [name if name == "tracking" else pytest.param(name, marks=pytest.mark.slow)
     for name in BEGINNINGS],
)  # fmt: skip
def test_a_home_killed_in_its_first_seconds_is_finished_by_the_next(planted, beginning):
    loop = LoopProcess.start(planted.catalog, planted.home)
    assert loop.wait_for(lambda: BEGINNINGS[beginning](planted.home)), loop.log.read_text()
    loop.kill()
    LoopProcess.start(planted.catalog, planted.home).finish()
    assert disagreements(planted.home) == []
