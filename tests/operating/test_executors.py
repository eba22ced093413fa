"""Stages from Dagster's own command line, in one process and in one process a step."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import pytest

from burnish.errors import ProjectError
from burnish.workflows.home import prepare_home
from pipelines.instance import prepare
from pipelines.jobs import executor_named
from tests.operating.served import ROOT


def materialize(planted, stages: str, **settings: str) -> str:
    """`dagster asset materialize` on the planted project, as a user types it."""
    folder = prepare(planted.home)
    environ = {
        **os.environ,
        "BURNISH_CATALOG": str(planted.catalog),
        "BURNISH_HOME": str(planted.home),
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "OPENBLAS_NUM_THREADS": "1",
        **settings,
    }
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", stages]
    where = ["-f", str(ROOT / "pipelines" / "definitions.py"), "-d", str(ROOT)]
    done = subprocess.run(
        [*command, *where], env=environ, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_stages_are_materialized_by_dagsters_command_line(planted, executor):
    said = materialize(
        planted, "flowers/raw_examples,flowers/validated_examples", BURNISH_EXECUTOR=executor
    )
    versions = prepare_home(planted.home).versions
    assert versions.read("flowers", "validated_examples").num_rows == 240
    assert [verdict.passed for verdict in versions.verdicts("flowers")] == [True, True]
    assert ("in subprocess" in said) == (executor == "multiprocess")


def test_an_executor_that_is_not_known_is_refused():
    with pytest.raises(ProjectError, match="no executor 'celery'"):
        executor_named("celery")
    assert isinstance(executor_named("multiprocess"), dg.ExecutorDefinition)
