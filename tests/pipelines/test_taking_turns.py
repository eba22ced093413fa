"""Two hands on one dataset: a second loop is refused, a run launched elsewhere waited for."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import pytest

from assets.reporting import DATASET_TAG
from burnish.errors import IterationError
from burnish.spec import load_catalog
from burnish.workflows.history import History
from burnish.workflows.home import prepare_home
from pipelines.environments import Settings
from pipelines.instance import open_instance
from pipelines.orphans import PROCESS_TAG, process_name
from pipelines.runner import Session
from pipelines.turning import open_loop


@pytest.fixture
def settings(planted) -> Settings:
    return Settings(planted.catalog, planted.home, planted.catalog)


def session(planted, settings) -> Session:
    spec = load_catalog(planted.catalog)["flowers"]
    return Session(spec, settings, "simulated", 0.95, History.open(planted.home, "flowers"))


def test_a_second_loop_of_a_dataset_is_refused_and_one_of_another_is_not(planted, settings):
    versions = prepare_home(planted.home).versions
    with versions.exclusive("flowers/loop") as alone:
        assert alone
        with pytest.raises(IterationError, match="another `burnish loop` is turning flowers"):
            session(planted, settings).turn(1)
    with versions.exclusive("herbs/loop"):
        assert len(session(planted, settings).turn(1)) == 1


def test_a_run_launched_elsewhere_is_waited_for_until_it_ends_or_its_process_does(
    planted, settings
):
    home = prepare_home(planted.home)
    told: list[str] = []
    with open_instance(planted.home) as instance:
        spec = load_catalog(planted.catalog)["flowers"]
        loop = open_loop(spec, settings, home, instance, print, told.append)
        loop.wait_for_others()
        assert told == []
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        job = loop.definitions.resolve_job_def("flowers_audit")
        host = process_name().rpartition(":")[0]
        run = instance.create_run_for_job(
            job,
            tags={DATASET_TAG: "flowers", PROCESS_TAG: f"{host}:{other.pid}"},
            status=dg.DagsterRunStatus.STARTED,
        )
        seen = []

        def on_wait(why: str) -> None:
            seen.append(why)
            if len(seen) == 2:
                os.kill(other.pid, 9)
                other.wait()

        open_loop(spec, settings, home, instance, print, on_wait).wait_for_others()
        assert f"waits for run {run.run_id[:8]}" in seen[0]
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
