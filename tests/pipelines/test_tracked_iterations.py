"""The stage that logs to MLflow: it holds up nothing, says what waits, and makes up for it."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from burnish.records import Verdict
from burnish.spec import load_catalog
from burnish.workflows.batch import open_batch
from burnish.workflows.home import prepare_home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.jobs import patient
from tests.resources.mlflow_server import free_port

STAGE = dg.AssetKey(["flowers", "tracked_iterations"])


class Project:
    """The planted project, its MLflow at an address of the test's choice."""

    def __init__(self, planted: Any) -> None:
        self.planted = planted
        self.instance = dg.DagsterInstance.ephemeral()
        self.home = prepare_home(planted.home)

    def definitions(self, uri: str) -> dg.Definitions:
        settings = Settings(
            self.planted.catalog, self.planted.home, self.planted.catalog, tracking_uri=uri
        )
        return build_definitions(load_catalog(self.planted.catalog), settings)

    def run(self, part: str, uri: str, **choices: Any) -> dg.ExecuteInProcessResult:
        job = self.definitions(uri).resolve_job_def(f"flowers_{part}")
        choices = {"raise_on_error": False, **choices}
        return job.execute_in_process(instance=self.instance, **choices)

    def decide(self) -> None:
        _, queue = open_batch(self.home.versions, "flowers")
        verdicts = [
            Verdict(item["example_id"], "keep", item["label"], item["label"], author="ada")
            for item in queue.to_pylist()
        ]
        self.home.ledger.append("flowers", verdicts)

    def turn(self, uri: str) -> dg.ExecuteInProcessResult:
        assert self.run("audit", uri).success
        self.decide()
        return self.run("retrain", uri)


@pytest.fixture
def project(planted) -> Project:
    return Project(planted)


def check_of(done: dg.ExecuteInProcessResult) -> Any:
    checks = done.get_asset_check_evaluations()
    return next(check for check in checks if check.check_name == "all_tracked")


def figures_of(done: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [shown] = [
        event for event in done.get_asset_materialization_events() if event.asset_key == STAGE
    ]
    return {name: one.value for name, one in shown.materialization.metadata.items()}


def test_a_server_that_is_down_stops_nothing_and_the_track_job_makes_up_for_it(project):
    down = f"http://127.0.0.1:{free_port()}"
    done = project.turn(down)
    assert done.success
    assert (figures_of(done)["logged just now"], figures_of(done)["waiting for MLflow"]) == (0, 1)
    check = check_of(done)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description.startswith("flowers@iter1 waits for MLflow: no MLflow server answers")
    assert "It is logged once it can be" in check.description

    # No iteration is open now: the stage needs none.
    later = project.run("track", "")
    assert later.success
    assert (figures_of(later)["logged just now"], figures_of(later)["waiting for MLflow"]) == (1, 0)
    assert check_of(later).passed
    [turn] = project.home.versions.iterations("flowers")
    assert turn.mlflow_run_id is not None
    closing = next(iter(done.get_asset_materialization_events())).logging_tags["run_id"]
    from mlflow import MlflowClient

    run = MlflowClient(f"sqlite:///{project.planted.home / 'mlflow.db'}").get_run(
        turn.mlflow_run_id
    )
    assert run.data.tags["dagster_run_id"] == closing


def test_the_track_job_is_patient_and_may_be_told_otherwise(project):
    spec = load_catalog(project.planted.catalog)["flowers"]
    job = project.definitions("").resolve_job_def("flowers_track")
    assert job.run_config == patient(spec, 120.0)
    told = project.run("track", f"http://127.0.0.1:{free_port()}", run_config=patient(spec, 1.0))
    assert told.success  # nothing waits, so nobody is asked
    assert told.dagster_run.run_config == patient(spec, 1.0)


def test_what_mlflow_refuses_fails_the_stage_and_not_the_iteration(project):
    # A file in the place of the database: no matter how long one waits, it will not do.
    (project.planted.home / "mlflow.db").write_text("not a database, and long enough " * 9)
    done = project.turn("")
    assert not done.success
    [failed] = [event for event in done.all_events if event.is_step_failure]
    assert failed.step_key == "flowers__tracked_iterations"
    assert "cannot be used" in str(failed.step_failure_data.error)
    [turn] = project.home.versions.iterations("flowers")
    assert (turn.is_open, turn.mlflow_run_id) == (False, None)


def test_a_run_beside_an_open_iteration_is_tagged_with_it(project):
    down = f"http://127.0.0.1:{free_port()}"
    assert project.run("audit", down).success
    lone = project.run("track", down)
    tags = project.instance.get_run_by_id(lone.run_id).tags
    assert tags["burnish/iteration"] == "1"
    assert project.home.versions.iteration("flowers", 1).is_open
