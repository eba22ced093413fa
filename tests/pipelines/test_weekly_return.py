"""The return on labeling in the orchestrator: on demand, every week, beside the cycle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from assets.reporting import DATASET_TAG, PART_TAG
from burnish.records import Verdict
from burnish.spec import load_catalog
from burnish.workflows.batch import open_batch
from burnish.workflows.home import prepare_home
from burnish.workflows.returns import read_returns
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.instance import open_instance
from pipelines.underway import measuring, underway


class Week:
    """The planted project after one closed iteration, and its weekly tick."""

    def __init__(self, planted: Any) -> None:
        settings = Settings(planted.catalog, planted.home, planted.catalog)
        self.specs = load_catalog(planted.catalog)
        self.definitions = build_definitions(self.specs, settings)
        self.home = prepare_home(planted.home)
        self.instance = open_instance(planted.home)

    def job(self, name: str) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_job_def(f"flowers_{name}")
        return job.execute_in_process(instance=self.instance, raise_on_error=False)

    def turn(self) -> None:
        self.job("audit")
        iteration, queue = open_batch(self.home.versions, "flowers")
        said = [self._said(row, iteration.number) for row in queue.to_pylist()]
        self.home.ledger.append("flowers", said)
        assert self.job("retrain").success

    def _said(self, row: dict[str, Any], number: int) -> Verdict:
        facts = {"iteration": number, "reason": row["reason"]}
        old, new = row["label"], row["suggested_label"] or row["label"]
        decision = "keep" if old == new else "change"
        return Verdict(row["example_id"], decision, old, new, "Ada", evidence=facts)

    def tick(self) -> Any:
        schedule = self.definitions.resolve_schedule_def("flowers_weekly")
        with dg.build_schedule_context(
            instance=self.instance,
            resources={"versions": self.home.versions},
            scheduled_execution_time=datetime(2026, 11, 1, 5, tzinfo=UTC),
        ) as context:
            return schedule(context)


@pytest.fixture
def week(planted, monkeypatch) -> Week:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Week(planted)


def test_a_week_without_a_new_batch_is_skipped_and_one_with_is_measured(week):
    assert isinstance(week.tick(), dg.SkipReason)
    week.turn()
    request = week.tick()
    assert [key.path[-1] for key in request.asset_selection] == ["batch_returns"]
    done = week.job("returns")
    assert done.success
    kept = read_returns(week.home.versions, "flowers")
    assert kept is not None
    assert kept.facts["iterations"] == [1]
    assert isinstance(week.tick(), dg.SkipReason)

    (event,) = done.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert isinstance(shown["gain of the last batches"].value, float)
    assert shown["batches measured"].value == 1
    assert str(shown["return on labeling"].value).endswith("flowers/return.html")
    assert (week.home.folder / "reports" / "flowers" / "return.html").exists()


def test_before_any_batch_it_says_what_is_missing(week):
    done = week.job("returns")
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "validated_examples was never materialized" in str(failure.step_failure_data)


def test_the_loop_does_not_wait_for_a_return_that_is_being_measured(week):
    spec = week.specs["flowers"]
    job = week.definitions.resolve_job_def("flowers_returns")
    tags = {DATASET_TAG: "flowers", PART_TAG: "returns"}
    run = week.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.NOT_STARTED)
    assert underway(week.instance, spec) == []
    assert [one.run_id for one in measuring(week.instance, spec)] == [run.run_id]
    assert isinstance(week.tick(), dg.SkipReason)
