"""What a tick of the nightly schedule asks for, and that a night comes once a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from assets.reporting import DATASET_TAG, PART_TAG
from burnish.spec import load_catalog
from burnish.workflows.home import prepare_home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.instance import open_instance
from tests.operating.deciding import decide

BERLIN = ZoneInfo("Europe/Berlin")


class Night:
    """The planted project with a schedule of its own, and its ticks."""

    def __init__(self, planted, schedule: str = "{cron: '0 2 * * *'}") -> None:
        spec = planted.catalog / "flowers.yaml"
        spec.write_text(spec.read_text() + f"schedule: {schedule}\n")
        self.settings = Settings(planted.catalog, planted.home, planted.catalog)
        self.definitions = build_definitions(load_catalog(planted.catalog), self.settings)
        self.schedule = self.definitions.resolve_schedule_def("flowers_nightly")
        self.home = prepare_home(planted.home)
        self.instance = open_instance(planted.home)

    def tick(self, at: datetime) -> list[dg.RunRequest] | dg.SkipReason:
        with dg.build_schedule_context(
            instance=self.instance,
            resources={"versions": self.home.versions, "ledger": self.home.ledger},
            scheduled_execution_time=at,
        ) as context:
            return self.schedule(context)

    def parts(self) -> list[str]:
        return [
            request.tags[PART_TAG] for request in self.tick(datetime(2026, 11, 3, 2, tzinfo=UTC))
        ]

    def job(self, name: str) -> bool:
        job = self.definitions.resolve_job_def(f"flowers_{name}")
        return job.execute_in_process(instance=self.instance, raise_on_error=False).success

    def nights(self, since: datetime, until: datetime) -> list[str]:
        """The keys of the runs that Dagster's clock leads to, without those it has seen before."""
        times = schedule_execution_time_iterator(
            since.timestamp(), self.schedule.cron_schedule, self.schedule.execution_timezone, True
        )
        keys: list[str] = []
        for at in times:
            if at > until:
                return keys
            keys += [one.run_key for one in self.tick(at) if one.run_key not in keys]
        raise AssertionError("a schedule has no end")


def test_the_night_audits_then_closes_what_was_decided(planted):
    night = Night(planted)
    assert night.parts() == ["audit"]
    assert night.job("audit")
    assert night.parts() == ["audit"]
    decide(planted.home, "flowers")
    assert night.parts() == ["retrain", "audit"]
    assert night.job("retrain")
    assert night.parts() == ["audit"]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 2 * * *", "0 3 * * *", "59 1 * * *"])
@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_night_comes_once_a_day_when_the_clocks_change(planted, cron, change):
    night = Night(planted, f"{{cron: '{cron}', timezone: Europe/Berlin}}")
    since, until = (datetime.combine(change + timedelta(days), time(), BERLIN) for days in (-2, 2))
    days = [key.removeprefix("flowers-")[:10] for key in night.nights(since, until)]
    assert days == [f"{change:%Y-%m}-{change.day + more:02d}" for more in (-2, -1, 0, 1)]


def test_a_schedule_of_several_times_a_day_keeps_them_all(planted):
    night = Night(planted, "{cron: '0 6,18 * * *', timezone: Europe/Berlin}")
    keys = night.nights(datetime(2026, 5, 1, tzinfo=BERLIN), datetime(2026, 5, 2, tzinfo=BERLIN))
    assert keys == ["flowers-2026-05-01T06:00-audit", "flowers-2026-05-01T18:00-audit"]


def test_a_tick_asks_for_nothing_while_an_audit_waits_or_works(planted):
    night = Night(planted)
    job = night.definitions.resolve_job_def("flowers_audit")
    waiting = night.instance.create_run_for_job(
        job, tags={DATASET_TAG: "flowers", PART_TAG: "audit"}, status=dg.DagsterRunStatus.STARTED
    )
    skipped = night.tick(datetime(2026, 11, 3, 2, tzinfo=UTC))
    assert isinstance(skipped, dg.SkipReason)
    assert "queued or running already" in str(skipped.skip_message)
    night.instance.delete_run(waiting.run_id)
    assert night.parts() == ["audit"]


def test_a_retrain_that_is_under_way_is_not_asked_for_a_second_time(planted):
    night = Night(planted)
    night.job("audit")
    decide(planted.home, "flowers")
    job = night.definitions.resolve_job_def("flowers_retrain")
    night.instance.create_run_for_job(
        job, tags={DATASET_TAG: "flowers", PART_TAG: "retrain"}, status=dg.DagsterRunStatus.STARTED
    )
    assert night.parts() == ["audit"]
    sensor = night.definitions.resolve_sensor_def("flowers_verdicts_ready")
    with dg.build_sensor_context(
        instance=night.instance,
        resources={"versions": night.home.versions, "ledger": night.home.ledger},
    ) as context:
        found = sensor(context)
    assert not found.run_requests
    assert "queued or running already" in str(found.skip_reason)


class Answering:
    """A tracking server that answers or not, as the test says: only the sensor asks it."""

    def __init__(self) -> None:
        self.is_up = False

    def answers(self) -> bool:
        return self.is_up


def test_what_waits_is_tracked_once_the_server_answers_and_tried_ever_less_if_refused(
    planted, monkeypatch
):
    night = Night(planted)
    night.job("audit")
    decide(planted.home, "flowers")
    tracker = Answering()
    sensor = night.definitions.resolve_sensor_def("flowers_tracking")
    cursor = None

    def look():
        nonlocal cursor
        with dg.build_sensor_context(
            instance=night.instance,
            cursor=cursor,
            resources={"versions": night.home.versions, "tracker": tracker},
        ) as context:
            found = sensor(context)
        if isinstance(found, dg.SensorResult):
            cursor = found.cursor
        return found

    assert "every closed iteration is tracked" in str(look().skip_message)
    # The server is away when the iteration closes.
    away = replace(night.settings, tracking_uri="http://127.0.0.1:1")
    definitions = build_definitions(load_catalog(planted.catalog), away)
    retrain = definitions.resolve_job_def("flowers_retrain")
    assert retrain.execute_in_process(instance=night.instance).success
    assert not night.home.versions.iteration("flowers", 1).is_open
    assert "flowers@iter1 waits for MLflow: no server answers" in str(look().skip_message)
    tracker.is_up = True
    asked = [bool(look().run_requests) for _ in range(9)]
    assert asked == [True, True, False, True, False, False, False, True, False]
    assert night.job("track")
    assert night.home.versions.iteration("flowers", 1).mlflow_run_id
    assert "every closed iteration is tracked" in str(look().skip_message)


def test_after_a_rollback_the_alias_is_moved_once_the_server_answers(planted):
    night = Night(planted)
    versions = night.home.versions
    for number in (1, 2):
        versions.join("flowers", opens=True)
        versions.close("flowers", number, promoted=True)
        versions.set_run("flowers", number, f"r{number}")
    tracker, cursor = Answering(), None
    sensor = night.definitions.resolve_sensor_def("flowers_tracking")

    def look():
        nonlocal cursor
        with dg.build_sensor_context(
            instance=night.instance,
            cursor=cursor,
            resources={"versions": versions, "tracker": tracker},
        ) as context:
            found = sensor(context)
        if isinstance(found, dg.SensorResult):
            cursor = found.cursor
        return found

    assert "every closed iteration is tracked" in str(look().skip_message)
    versions.roll_back("flowers", 1, who="Ada", why="worse", expected=2)
    assert "the alias champion waits for MLflow" in str(look().skip_message)
    tracker.is_up = True
    [request] = look().run_requests
    assert request.tags[PART_TAG] == "track"
    assert "every closed iteration is tracked" in str(look().skip_message)
    versions.roll_back("flowers", 2, who="Ada", why="it was not", expected=3)
    assert look().run_requests[0].run_key != request.run_key


def test_a_retrain_that_was_stopped_with_everything_is_asked_for_again_and_a_failed_one_is_not(
    planted,
):
    night = Night(planted)
    night.job("audit")
    decide(planted.home, "flowers")
    sensor = night.definitions.resolve_sensor_def("flowers_verdicts_ready")
    job = night.definitions.resolve_job_def("flowers_retrain")

    def asked() -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=night.instance,
            resources={"versions": night.home.versions, "ledger": night.home.ledger},
        ) as context:
            return sensor(context).run_requests or []

    def ended(request: dg.RunRequest, status: dg.DagsterRunStatus, **tags: str) -> None:
        more = {f"burnish/{name}": value for name, value in tags.items()}
        run = night.instance.create_run_for_job(job, tags={**request.tags, **more}, status=status)
        assert run.status == status

    [first] = asked()
    ended(first, dg.DagsterRunStatus.CANCELED, stopped="with everything")
    [second] = asked()
    assert second.run_key != first.run_key
    # Its process was killed: no step of it failed.
    ended(second, dg.DagsterRunStatus.FAILURE)
    [third] = asked()
    assert len({first.run_key, second.run_key, third.run_key}) == 3
    # A person cancelled this one.
    ended(third, dg.DagsterRunStatus.CANCELED)
    assert asked() == []


def test_a_retrain_that_a_gate_stopped_is_not_asked_for_again(planted):
    night = Night(planted)
    night.job("audit")
    decide(planted.home, "flowers")
    text = (planted.catalog / "flowers.yaml").read_text()
    (planted.catalog / "flowers.yaml").write_text(text + "gates: {min_accuracy: 0.999}\n")
    strict = build_definitions(load_catalog(planted.catalog), night.settings)
    sensor = strict.resolve_sensor_def("flowers_verdicts_ready")

    def asked() -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=night.instance,
            resources={"versions": night.home.versions, "ledger": night.home.ledger},
        ) as context:
            return sensor(context).run_requests or []

    [request] = asked()
    done = strict.resolve_job_def("flowers_retrain").execute_in_process(
        instance=night.instance, tags=request.tags, raise_on_error=False
    )
    assert not done.success
    assert asked() == []
