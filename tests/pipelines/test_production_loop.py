"""From a drifted window to a closed alarm: what the sensor asks for, run in this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pytest

from assets.reporting import ALARM_TAG
from burnish.records import Verdict
from burnish.spec import load_catalog
from burnish.workflows.closing_early import NOTE, UNDECIDED
from burnish.workflows.production_labels import join_labels
from burnish.workflows.production_stages import ADOPTED, ASKED
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.policing import Telling, build_policing
from tests.burnish.workflows.production_days import (
    KINDS,
    START,
    day_lines,
    write_day,
    write_lines,
)
from tests.burnish.workflows.production_world import World, copied

DAYS = [START + timedelta(days=n) for n in range(3)]
CLOCK = datetime(2026, 3, 4, 12, tzinfo=UTC)
POLICY = """\
policy:
  min_labels: 40
  rules:
    - {signal: row_drift, action: label, over: 0.65, rows: 20}
    - {signal: estimated_loss, action: label, over: 0.05, rows: 20}
    - {signal: measured_loss, action: retrain, over: 0.05, clear: 0.05}
"""
DRIFT = {"shift": 3.0}
"""Every flower grows by three: what was an iris looks like a rose or a tulip."""


class Project:
    """The flowers in production, the sensor of their policy, and runs in this process."""

    def __init__(self, planted, instance):
        self.world, self.instance = World.of(planted), instance
        file = planted.catalog / "flowers.yaml"
        file.write_text(file.read_text() + POLICY)
        self.spec = load_catalog(planted.catalog)["flowers"]
        where = Settings(planted.catalog.parent, planted.home, planted.catalog)
        self.definitions = build_definitions({"flowers": self.spec}, where)
        jobs = {
            part: self.definitions.resolve_job_def(f"flowers_{part}")
            for part in ("audit", "refresh", "production")
        }
        self.sensor = build_policing(self.spec, jobs, clock=lambda: CLOCK, telling=Telling())

    def tick(self):
        """What the sensor asks for now."""
        world = self.world
        made = {"versions": world.versions, "ledger": world.ledger, "pages": world.pages}
        known = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance, resources=made, repository_def=known
        ) as context:
            return list(self.sensor.evaluate_tick(context).run_requests or [])

    def run(self, request):
        """The run that was asked for."""
        done = self.definitions.resolve_job_def(request.job_name).execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
        )
        assert done.success, [event.message for event in done.all_events if event.is_failure]

    def until_quiet(self, *, ticks=8):
        """Tick and run until nothing is asked for; the jobs that ran, in order."""
        ran = []
        for _ in range(ticks):
            asked = self.tick()
            if not asked:
                return ran
            for request in asked:
                self.run(request)
                ran.append(request)
        pytest.fail(f"still asking after {ticks} looks: {[one.run_key for one in ran]}")

    def alarms(self):
        return self.world.record.alarms("flowers")


@pytest.fixture
def project(with_champion, tmp_path):
    with dg.instance_for_test() as instance:
        yield Project(copied(with_champion, tmp_path / "copy"), instance)


def decide_erring(project, *, seed=5, wrong=0.1):
    """A reviewer who errs on one row in ten, on whatever is in the queue."""
    rng = np.random.default_rng(seed)
    truth = {name: kind for day in DAYS for name, kind in day_lines(day, **DRIFT)[1].items()}
    verdicts = []
    for row in project.world.versions.read("flowers", "relabel_queue").to_pylist():
        name, label = row["example_id"], row["label"]
        said = truth.get(name, label) or KINDS[0]
        if rng.random() < wrong:
            said = KINDS[(KINDS.index(said) + 1) % 3]
        decision = "keep" if said == label else "change"
        evidence = {"iteration": row["iteration"], "reason": row["reason"]}
        verdicts.append(Verdict(name, decision, label, said, author="ada", evidence=evidence))
    project.world.ledger.append("flowers", verdicts)


def test_a_drifted_window_ends_in_a_closed_alarm(project):
    world = project.world
    for day in DAYS:
        write_day(world.arrivals, day, **DRIFT)
    world.run(*(day.isoformat() for day in DAYS))

    # Without a label: an alarm, and rows of the window before people.
    [audit] = project.until_quiet()
    assert audit.job_name == "flowers_audit"
    raised = [one for one in project.alarms() if one.is_open]
    assert audit.tags[ALARM_TAG] in {str(one.number) for one in raised}
    asked = world.versions.read("flowers", ASKED)
    assert set(asked["period"].to_pylist()) <= {day.isoformat() for day in DAYS}
    queue = world.versions.read("flowers", "relabel_queue").to_pylist()
    wanted = [row for row in queue if row["reason"] == "requested"]
    assert wanted
    assert {row["example_id"] for row in wanted} <= set(asked["example_id"].to_pylist())
    assert all(row["label"] is None and "policy" in row["why"] for row in wanted)

    # People decide, and labels come in: the loss is shown, so the model is retrained.
    decide_erring(project)
    lines = [
        # After the champion, which was trained by the clock of this machine.
        f"{name},{kind},2099-01-01T00:00:00Z"
        for day in DAYS
        for name, kind in day_lines(day, **DRIFT)[1].items()
    ]
    write_lines(world.catalog / "answers" / "all.csv", lines, header="flower,kind,told")
    join_labels(project.spec, world.versions, now=CLOCK)
    world.run(DAYS[-1].isoformat())
    ran = project.until_quiet()
    assert ran[0].job_name == "flowers_refresh"
    assert {one.job_name for one in ran[1:]} == {"flowers_production"}
    assert world.versions.read("flowers", ADOPTED).num_rows > 0

    # The new model serves, was judged on rows of today, and answers the alarm.
    second = world.versions.iteration("flowers", 2)
    assert second.summary[NOTE]["alarm"] == int(ran[0].tags[ALARM_TAG])
    assert second.summary[UNDECIDED] == 0
    assert second.promoted
    assert second.summary["promotion"]["since"] > 0
    loss = [one for one in project.alarms() if one.signal.name == "measured_loss"]
    assert loss
    assert not any(one.is_open for one in loss), [one.events[-1].body for one in loss]
    assert all("flowers@iter2 was trained on" in one.why_closed for one in loss)
    kinds = [event.kind for event in world.record.events("flowers")]
    assert "rebased" in kinds

    # Looking again changes nothing.
    before = world.record.events("flowers")
    assert project.tick() == []
    assert [one.seq for one in world.record.events("flowers")] == [one.seq for one in before]
