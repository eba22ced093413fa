"""The loop operated by a real webserver and daemon: launched, refused, sensed, scheduled."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from burnish.workflows.batch import open_batch
from burnish.workflows.home import prepare_home
from tests.operating.deciding import decide
from tests.operating.served import ROOT, Served, serving

DATASETS = ("daisies", "flowers", "herbs", "killed", "nightly", "stopped")


@pytest.fixture(scope="module")
def served(tmp_path_factory, write_project) -> Iterator[Served]:
    """A catalog of six datasets that can be run and one that cannot, served."""
    planted = write_project(tmp_path_factory.mktemp("operated"))
    spec = (planted.catalog / "flowers.yaml").read_text()
    lines = planted.lines()
    for name in DATASETS:
        (planted.catalog / f"{name}.csv").write_text("\n".join(lines) + "\n")
        text = spec.replace("name: flowers", f"name: {name}").replace("flowers.csv", f"{name}.csv")
        if name == "nightly":
            text += "schedule: {cron: '30 2 * * *', timezone: Europe/Berlin}\n"
        (planted.catalog / f"{name}.yaml").write_text(text)
    (planted.catalog / "weeds.yaml").write_text("name: weeds\nsource: {path: nowhere.csv}\n")
    # Half of the classes are gone: the first gate stops.
    kept = [line for line in lines if not line.endswith("iris")]
    (planted.catalog / "stopped.csv").write_text("\n".join(kept[:9]) + "\n")
    with serving(planted.catalog, planted.home) as project:
        yield project


def test_graphql_lists_assets_checks_jobs_schedules_and_sensors(served):
    query = """
    {
      assetNodes { assetKey { path } dependencyKeys { path } description
                   assetChecksOrError { ... on AssetChecks { checks { name blocking } } }
                   internalFreshnessPolicy { __typename } }
      repositoriesOrError { ... on RepositoryConnection { nodes {
        jobs { name } schedules { name cronSchedule executionTimezone scheduleState { status } }
        sensors { name sensorState { status } } } } }
    }
    """
    told = served.ask(query)
    nodes = {tuple(node["assetKey"]["path"]): node for node in told["assetNodes"]}
    deps = {tuple(one["path"]) for one in nodes["herbs", "curated_examples"]["dependencyKeys"]}
    assert deps == {
        ("herbs", "validated_examples"),
        ("herbs", "relabel_queue"),
        ("herbs", "label_ledger"),
    }
    checks = nodes["herbs", "raw_examples"]["assetChecksOrError"]["checks"]
    assert {one["name"] for one in checks} == {"source_readable", "gate"}
    assert nodes["herbs", "champion"]["internalFreshnessPolicy"] is not None
    [repository] = told["repositoriesOrError"]["nodes"]
    jobs = {job["name"] for job in repository["jobs"]}
    assert {"herbs_audit", "herbs_retrain", "herbs_cycle", "flowers_audit"} <= jobs
    schedules = {one["name"]: one for one in repository["schedules"]}
    assert schedules["nightly_nightly"]["executionTimezone"] == "Europe/Berlin"
    assert schedules["nightly_nightly"]["scheduleState"]["status"] == "RUNNING"
    assert schedules["herbs_nightly"]["scheduleState"]["status"] == "STOPPED"
    sensors = {one["name"]: one["sensorState"]["status"] for one in repository["sensors"]}
    assert sensors["herbs_verdicts_ready"] == "RUNNING"
    # One spec has a mistake: the others are there, and the graph says what is wrong with it.
    refused = nodes["weeds", "refused_spec"]["description"]
    assert "weeds.yaml" in refused
    assert "features: is missing" in refused


def test_a_launched_run_succeeds_and_so_does_a_single_stage_that_joins_it(served):
    audit = served.run("daisies_audit")
    assert audit.status == "SUCCESS", audit.failures
    alone = served.run(assets=["label_audit"], dataset="daisies")
    assert alone.status == "SUCCESS", alone.failures
    assert alone.tags["burnish/iteration"] == "1"
    home = prepare_home(served.home)
    assert [made for made, _ in home.versions.outputs("daisies", "label_audit")] == [1]


def test_two_runs_of_one_dataset_take_turns_and_one_of_another_does_not_wait(served):
    runs = [served.launch("daisies_audit"), served.launch("daisies_audit")]
    other = served.launch("herbs_audit")
    assert [served.ended(run).status for run in (*runs, other)] == ["SUCCESS"] * 3
    query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { startTime endTime } } }"
    times = [served.ask(query, id=run)["runOrError"] for run in (*runs, other)]
    first, second = sorted(times[:2], key=lambda one: one["startTime"])
    assert first["endTime"] <= second["startTime"]
    assert times[2]["startTime"] < second["endTime"]


def test_a_stage_behind_a_gate_that_stopped_is_refused_and_other_datasets_go_on(served):
    stopped = served.launch("stopped_audit")
    healthy = served.launch("herbs_audit")
    assert served.ended(stopped).status == "FAILURE"
    refused = served.run(assets=["validated_examples"], dataset="stopped")
    assert refused.status == "FAILURE"
    said = refused.failures["stopped__validated_examples"]
    assert "the gate of stopped/raw_examples stopped version 1: RAW-ROWS" in said
    assert "mend the source and materialize raw_examples again with its check" in said
    assert refused.retried == ()
    # A stage further down never had anything to read: that is said, too.
    further = served.run(assets=["pred_probs"], dataset="stopped")
    assert "stopped/validated_examples was never materialized" in str(further.failures)
    assert served.ended(healthy).status == "SUCCESS"


def test_the_last_verdict_starts_the_retrain_within_a_minute_and_shows_what_is_stale(served):
    assert served.run("flowers_audit").status == "SUCCESS"
    served.until(
        lambda: True if "label_ledger" in _observed(served) else None,
        seconds=60,
        what="the ledger to be observed",
    )
    before = _observed(served)["label_ledger"]
    decide(served.home, "flowers")
    [run] = served.until(
        lambda: served.runs(dataset="flowers", part="retrain") or None,
        seconds=60,
        what="the sensor to start the retrain",
    )
    done = served.ended(run["runId"])
    assert done.status == "SUCCESS", done.failures
    assert not prepare_home(served.home).versions.iteration("flowers", 1).is_open
    assert _observed(served)["label_ledger"] != before
    stale = _stale(served, "flowers")
    assert stale["curated_examples"] == "FRESH"
    # The audit was of labels as they stood before.
    assert stale["pred_probs"] == "STALE"


def test_a_run_whose_process_is_killed_is_finished_by_another(served):
    run_id = served.launch("killed_audit")
    worker = served.until(lambda: _worker(served, run_id), seconds=60, what="a worker at work")
    os.kill(worker, signal.SIGKILL)
    dead = served.ended(run_id)
    assert dead.status == "FAILURE"
    again = served.until(
        lambda: [run for run in served.runs(dataset="killed") if run["runId"] != run_id] or None,
        seconds=60,
        what="the run to be retried",
    )
    done = served.ended(again[0]["runId"])
    assert done.status == "SUCCESS", done.failures
    iteration, queue = open_batch(prepare_home(served.home).versions, "killed")
    assert (iteration.number, queue.num_rows) == (1, 12)


def test_the_tick_of_a_night_runs_the_night_once(served, monkeypatch):
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._scheduler.scheduler import launch_scheduled_runs

    for name in ("BURNISH_CATALOG", "BURNISH_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, served.environ[name])
    target = WorkspaceFileTarget([str(ROOT / "workspace.yaml")])
    tomorrow = datetime.now(UTC) + timedelta(hours=26)
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):
        for _ in range(2):
            for error in launch_scheduled_runs(
                workspace, logging.getLogger("night"), tomorrow, iteration_times={}
            ):
                assert error is None
    [run] = served.runs(dataset="nightly", part="audit")
    assert served.ended(run["runId"]).status == "SUCCESS"
    assert prepare_home(served.home).versions.current("nightly").number == 1
    # Switched off, as its spec does not ask for a schedule.
    assert not [one for one in served.runs(dataset="daisies") if "schedule" in str(one["tags"])]


def _worker(served: Served, run_id: str) -> int | None:
    """The process of a run that has begun a stage."""
    begun = served.ask(
        "query ($id: ID!) { runOrError(runId: $id) { ... on Run { stepStats { startTime } } } }",
        id=run_id,
    )["runOrError"]["stepStats"]
    if not begun:
        return None
    home = f"DAGSTER_HOME={served.environ['DAGSTER_HOME']}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"spawn_main" in command and home in (process / "environ").read_bytes():
                return int(process.name)
        except OSError:
            continue  # it has ended since
    return None


def _observed(served: Served) -> dict[str, str]:
    query = """
    { assetsOrError { ... on AssetConnection { nodes { key { path }
        assetObservations(limit: 1) { tags { key value } } } } } }
    """
    nodes = served.ask(query)["assetsOrError"]["nodes"]
    return {
        node["key"]["path"][1]: tag["value"]
        for node in nodes
        if node["key"]["path"][0] == "flowers"
        for event in node["assetObservations"]
        for tag in event["tags"]
        if tag["key"] == "dagster/data_version"
    }


def _stale(served: Served, dataset: str) -> dict[str, str]:
    nodes = served.ask("{ assetNodes { assetKey { path } staleStatus } }")["assetNodes"]
    return {
        node["assetKey"]["path"][1]: node["staleStatus"]
        for node in nodes
        if node["assetKey"]["path"][0] == dataset
    }
