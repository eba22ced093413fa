"""The sensor of the policy: people are told by what a spec names, and Dagster by a check."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from burnish.spec import load_catalog
from burnish.workflows.production_rows import read_production
from burnish.workflows.production_run import gate_batch, write_batch
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.policing import Telling, build_policing
from resources.expectations import GreatExpectationsRunner
from tests.burnish.workflows.production_days import START, write_day
from tests.burnish.workflows.production_world import World, copied

CLOCK = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""Nineteen days of production are over, and nothing came: that is an alarm by itself."""
POLICY = "policy: {webhook_variable: MY_HOOK}\n"


class Policed:
    """The flowers with a policy, and looks of its sensor, each from where the last one ended."""

    def __init__(self, planted, instance):
        self.world, self.instance, self.cursor = World.of(planted), instance, None
        file = planted.catalog / "flowers.yaml"
        file.write_text(file.read_text() + POLICY)
        self.spec = load_catalog(planted.catalog)["flowers"]
        where = Settings(planted.catalog.parent, planted.home, planted.catalog)
        self.definitions = build_definitions({"flowers": self.spec}, where)
        self.jobs = {
            part: self.definitions.resolve_job_def(f"flowers_{part}")
            for part in ("audit", "refresh", "production")
        }

    def look(self, **telling):
        sensor = build_policing(
            self.spec, self.jobs, clock=lambda: CLOCK, telling=Telling(**telling)
        )
        world = self.world
        made = {"versions": world.versions, "ledger": world.ledger, "pages": world.pages}
        known = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=made, repository_def=known
        ) as context:
            done = sensor.evaluate_tick(context)
        self.cursor = done.cursor
        return done

    def told(self):
        events = self.world.record.events("flowers")
        return [(one.body["ok"], one.body["why"]) for one in events if one.kind == "notified"]


@pytest.fixture
def policed(with_champion, tmp_path):
    with dg.instance_for_test() as instance:
        yield Policed(copied(with_champion, tmp_path / "copy"), instance)


def test_an_alarm_has_its_page_before_anybody_is_told_and_is_told_once(policed, hook):
    url, notes = hook
    for _ in range(2):
        policed.look(environ={"MY_HOOK": url}, private=True)
    [alarm] = policed.world.record.alarms("flowers")
    page = policed.world.pages.playbook("flowers", alarm.number)
    assert "late" in page.read_text()
    assert policed.world.pages.decisions("flowers").exists()
    [note] = notes
    assert str(page) in note["text"]
    assert policed.told() == [(True, "")]


def test_a_network_of_ones_own_is_told_where_the_settings_say_so_alone(policed, hook):
    url, notes = hook
    policed.look(environ={"MY_HOOK": url})
    policed.look()
    assert notes == []
    assert policed.told() == [(False, "only https addresses are posted to")]
    assert url not in str(policed.world.record.events("flowers"))


def test_the_check_of_alarms_is_evaluated_when_they_change(policed):
    [opened] = policed.look().asset_events
    assert (opened.check_name, opened.passed) == ("alarms", False)
    assert opened.severity == dg.AssetCheckSeverity.WARN
    assert "playbook of alarm 1" in opened.metadata
    assert not policed.look().asset_events
    [alarm] = policed.world.record.alarms("flowers")
    told = {"why": "nobody met a flower", "by": "ada"}
    policed.world.record.append("flowers", [("closed", alarm.opened, alarm.number, told)])
    [closed] = policed.look().asset_events
    assert closed.passed


def test_a_period_to_measure_again_whose_run_dies_is_asked_for_three_times_and_then_told(policed):
    world = policed.world
    write_day(world.arrivals, START)
    met = read_production(world.spec, now=CLOCK)
    write_batch(world.spec, world.versions, met, "2026-03-01", now=CLOCK)
    gate_batch(
        world.spec,
        world.versions,
        "2026-03-01",
        suite_of=world.suite_of,
        runner=GreatExpectationsRunner(),
        pages=world.pages,
    )
    keys = set()
    for _ in range(3):
        [request] = policed.look().run_requests
        keys.add(request.run_key)
        # Its process was killed: no step of it failed.
        policed.instance.create_run_for_job(
            policed.jobs["production"], tags=request.tags, status=dg.DagsterRunStatus.FAILURE
        )
    assert len(keys) == 3
    told = policed.look()
    assert not told.run_requests
    assert "2026-03-01: not asked for again, since the run died 3 times" in told.skip_message


def test_pages_are_written_when_the_record_goes_on_alone(policed):
    policed.look()
    page = policed.world.pages.decisions("flowers")
    page.write_text("as it was")
    policed.look()
    assert page.read_text() == "as it was"
    page.unlink()
    policed.look()
    assert page.exists()


def test_the_seconds_between_looks_are_a_setting(policed):
    where = Settings(policed.world.catalog.parent, policed.world.pages.folder, look_seconds=5,
                     catalog=policed.world.catalog)  # fmt: skip
    built = build_definitions({"flowers": policed.spec}, where)
    for name in ("policy", "production", "verdicts_ready"):
        assert built.resolve_sensor_def(f"flowers_{name}").minimum_interval_seconds == 5
