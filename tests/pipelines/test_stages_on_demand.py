"""Stages materialized one by one: they join the open iteration, and refuse what is not its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from assets import AUDIT, RETRAIN
from burnish.records import Verdict
from burnish.spec import load_catalog
from burnish.workflows.batch import open_batch
from burnish.workflows.home import prepare_home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.jobs import stage_keys


@dataclass
class Project:
    """The planted project: jobs and single stages, each in a run of its own."""

    planted: Any
    instance: dg.DagsterInstance

    def __post_init__(self) -> None:
        settings = Settings(self.planted.catalog, self.planted.home, self.planted.catalog)
        specs = load_catalog(self.planted.catalog)
        self.spec = specs["flowers"]
        self.definitions = build_definitions(specs, settings)
        self.home = prepare_home(self.planted.home)

    def job(self, name: str) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_job_def(f"flowers_{name}")
        return job.execute_in_process(instance=self.instance, raise_on_error=False)

    def stage(self, name: str) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_job_def("flowers_cycle")
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(["flowers", name])],
            raise_on_error=False,
        )

    def decide(self, *, decision: str = "keep", rows: int | None = None) -> list[str]:
        """People look at the first rows of the batch; returns which."""
        _, queue = open_batch(self.home.versions, "flowers")
        items = queue.to_pylist()[:rows]
        self.home.ledger.append(
            "flowers",
            [
                Verdict(
                    item["example_id"], decision, item["label"],
                    item["label"] if decision == "keep" else None, author="ada",
                    reason=item["reason"],
                )
                for item in items
            ],
        )  # fmt: skip
        return [item["example_id"] for item in items]

    def is_open(self, number: int) -> bool:
        return self.home.versions.iteration("flowers", number).is_open


@pytest.fixture
def project(planted, monkeypatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(planted, dg.DagsterInstance.ephemeral())


def why(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps said."""
    said = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None:
                said.append(error.message)
                error = error.cause
    return "\n".join(said)


def test_the_whole_cycle_stops_for_people_and_goes_on_once_they_decided(project):
    first = project.job("cycle")
    assert not first.success
    assert "waits for people: 12 of 12 rows are undecided" in why(first)
    project.decide()
    assert project.job("cycle").success
    assert not project.is_open(1)


def test_every_stage_can_be_materialized_alone_and_the_iteration_closes(project):
    """Each in a run of its own, as from the UI: one after the other they are the whole cycle."""
    stages = [key.path[-1] for key in stage_keys(project.spec, AUDIT)]
    for stage in stages:
        done = project.stage(stage)
        assert done.success, (stage, why(done))
    project.decide()
    for stage in RETRAIN:
        done = project.stage(stage)
        assert done.success, (stage, why(done))
    assert not project.is_open(1)
    assert project.home.versions.champion("flowers").number == 1


def test_a_gate_is_asked_once_and_never_tried_again(project):
    project.planted.rewrite(project.planted.lines()[:8])
    stopped = project.job("audit")
    assert "blocking asset check failed" in why(stopped)
    assert not [event for event in stopped.all_events if event.is_step_up_for_retry]
    refused = project.stage("validated_examples")
    assert "the gate of flowers/raw_examples stopped version 1: RAW-ROWS" in why(refused)
    assert "materialize raw_examples again with its check" in why(refused)
    assert not [event for event in refused.all_events if event.is_step_up_for_retry]


def test_a_stage_whose_gate_never_saw_the_newest_rows_is_refused(project):
    assert project.job("audit").success
    # What a run without its check leaves behind.
    rows = project.home.versions.read_candidate("flowers", "raw_examples")
    project.home.versions.write("flowers", "raw_examples", rows.slice(1))
    refused = project.stage("validated_examples")
    assert "raw_examples@2 was not checked by its gate" in why(refused)
    assert "materialize raw_examples together with its check" in why(refused)
    assert project.stage("raw_examples").success
    assert project.stage("validated_examples").success


def test_a_batch_with_rows_left_is_not_closed(project):
    assert project.job("audit").success
    project.decide(rows=1)
    refused = project.job("retrain")
    assert "11 of 12 rows are undecided" in why(refused)
    assert project.is_open(1)


@pytest.mark.parametrize("decision", ["unsure", "drop"])
def test_a_batch_that_changed_no_label_closes_as_well(project, decision):
    assert project.job("audit").success
    project.decide(decision=decision)
    done = project.job("retrain")
    assert done.success, why(done)
    noise = project.home.versions.iteration("flowers", 1).summary["noise"]
    assert (noise["value"] is None) == (decision == "unsure")


def test_without_a_control_arm_the_noise_is_not_known_and_the_loop_turns(project):
    spec = project.planted.catalog / "flowers.yaml"
    spec.write_text(spec.read_text().replace("control_share: 0.25", "control_share: 0"))
    project = Project(project.planted, project.instance)
    assert project.job("audit").success
    project.decide()
    done = project.job("retrain")
    assert done.success, why(done)
    assert project.home.versions.iteration("flowers", 1).summary["noise"]["value"] is None


def test_the_champion_of_the_last_iteration_closes_no_other(project):
    project.job("audit")
    project.decide()
    assert project.job("retrain").success
    assert project.job("audit").success
    refused = project.stage("champion")
    assert "was made by iteration 1, and flowers@iter2 is the open one" in why(refused)
    assert project.is_open(2)
    assert open_batch(project.home.versions, "flowers")[0].number == 2


@pytest.mark.parametrize("stage", ["label_audit", "relabel_queue"])
def test_only_fresh_probabilities_open_an_iteration(project, stage):
    project.job("audit")
    project.decide()
    assert project.job("retrain").success
    refused = project.stage(stage)
    assert "materialize pred_probs" in why(refused)
    assert project.home.versions.current("flowers") is None
    assert project.stage("pred_probs").success
    assert project.home.versions.current("flowers").number == 2
    if stage == "relabel_queue":
        assert "label_audit was made by iteration 1" in why(project.stage(stage))


def test_a_model_is_logged_with_the_labels_it_was_trained_on(project):
    project.job("audit")
    project.decide()
    part = project.definitions.resolve_job_def("flowers_retrain")
    names = ("curated_examples", "augmented_examples", "trained_model", "slice_report")
    keys = [dg.AssetKey(["flowers", name]) for name in names]
    assert part.execute_in_process(instance=project.instance, asset_selection=keys).success
    # A late verdict: curated rows move on, and the model no longer fits them.
    late = project.home.versions.read("flowers", "validated_examples").to_pylist()
    late = next(row for row in late if row["split"] == "train")
    project.home.ledger.append(
        "flowers", [Verdict(late["example_id"], "drop", late["label"], None, author="bob")]
    )
    moved = part.execute_in_process(instance=project.instance, asset_selection=keys[:1])
    assert moved.success
    refused = project.stage("champion")
    assert "has moved on since flowers@iter1 trained its model" in why(refused)
    assert part.execute_in_process(instance=project.instance).success
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{project.planted.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("flowers")
    [run] = client.search_runs([experiment.experiment_id])
    newest = project.home.versions.dataset_versions("flowers")[-1]
    assert run.data.tags["dataset_version"] == str(newest) == "flowers@2"
    assert run.data.tags["ledger_watermark"] == "13"
