"""Production in the graph: partitions, the gate by period, the sensor, and faults in between."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.production import partitions_of
from assets.reading import HOW_TO_READ
from burnish.spec import load_catalog
from burnish.workflows.production_due import arrivals_state
from burnish.workflows.production_periods import periods_over
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from tests.burnish.workflows.production_days import (
    HEADER,
    NOW,
    START,
    day_lines,
    with_production,
    write_answers,
    write_day,
    write_lines,
)
from tests.burnish.workflows.production_world import World, copied

PERIODS = [(START + timedelta(days=n)).isoformat() for n in range(3)]
WITHOUT = "flower,met,petal,sepal,colour"
FAULTS = {
    "gone": (lambda cells: [*cells[:4], cells[5]], WITHOUT, "PRODUCTION-COLUMN-EXISTS-LEAF"),
    "renamed": (list, HEADER.replace("leaf", "leaf_mm"), "PRODUCTION-COLUMN-EXISTS-LEAF"),
    "retyped": (
        lambda cells: [*cells[:2], "wide", *cells[3:]], HEADER, "PRODUCTION-FEATURE-TYPE-PETAL",
    ),
    "all null": (
        lambda cells: [*cells[:3], "", *cells[4:]], HEADER, "PRODUCTION-FEATURE-EMPTY-SEPAL",
    ),
    "another unit": (
        lambda cells: [*cells[:4], f"{float(cells[4]) * 1000:.1f}", cells[5]],
        HEADER,
        "PRODUCTION-SCALE-LEAF",
    ),
}  # fmt: skip
STAGES = ["production_batch", "predictions", "drift_report", "performance_estimate"]


class Graph:
    """The flowers with a champion, in a Dagster instance of their own."""

    def __init__(self, planted, instance: dg.DagsterInstance) -> None:
        self.world = World.of(planted)
        self.instance = instance
        where = Settings(planted.catalog.parent, planted.home, planted.catalog)
        self.definitions = build_definitions(load_catalog(planted.catalog), where)

    def run(self, period: str) -> bool:
        job = self.definitions.resolve_job_def("flowers_production")
        done = job.execute_in_process(
            instance=self.instance, partition_key=period, raise_on_error=False
        )
        return done.success

    def run_labels(self) -> bool:
        job = self.definitions.resolve_job_def("flowers_labels")
        return job.execute_in_process(instance=self.instance, raise_on_error=False).success

    def look(self, cursor: str | None = None):
        """One look of the sensor."""
        sensor = self.definitions.resolve_sensor_def("flowers_production")
        resources = {"versions": self.world.versions, "policy": self.world.record}
        with dg.build_sensor_context(
            instance=self.instance, cursor=cursor, resources=resources
        ) as context:
            return sensor(context)

    def began(self, period: str, status: dg.DagsterRunStatus, *, tags=None) -> None:
        """A run of a period that stands so; without `tags` nobody's sensor asked for it."""
        job = self.definitions.resolve_job_def("flowers_production")
        told = {"burnish/dataset": "flowers", "dagster/partition": period} | dict(tags or {})
        self.instance.create_run_for_job(job, tags=told, status=status)

    def metadata(self, stage: str, period: str):
        wanted = dg.AssetRecordsFilter(dg.AssetKey(["flowers", stage]), asset_partitions=[period])
        [newest] = self.instance.fetch_materializations(wanted, limit=1).records
        return newest.asset_materialization.metadata


@pytest.fixture
def graph(with_champion, tmp_path):
    planted = copied(with_champion, tmp_path / "copy")
    with dg.instance_for_test() as instance:
        yield Graph(planted, instance)


def test_a_day_runs_through_and_shows_its_figures(graph):
    for place in range(2):
        write_day(graph.world.arrivals, START + timedelta(days=place))
    assert graph.run(PERIODS[0])
    assert graph.run(PERIODS[1])
    batch = graph.metadata("production_batch", PERIODS[1])
    assert batch["dagster/row_count"].value == 40
    assert batch["late rows"].value == 0
    assert "rows by period" in batch
    estimate = graph.metadata("performance_estimate", PERIODS[1])
    low, value, high = (
        estimate[name].value
        for name in ("estimated accuracy, low", "estimated accuracy", "estimated accuracy, high")
    )
    assert low <= value <= high
    assert graph.metadata("predictions", PERIODS[0])["champion, iteration"].value == 1
    assert "columns drifted" in graph.metadata("drift_report", PERIODS[0])


def test_what_the_descriptions_of_production_name_is_on_its_pages(graph):
    lines, kinds = day_lines(START)
    write_lines(graph.world.arrivals / "one.csv", lines)
    write_answers(graph.world.catalog / "answers", kinds)
    assert graph.run(PERIODS[0])
    assert graph.run_labels()
    assert graph.run(PERIODS[0])
    for stage in STAGES:
        named = set(re.findall(r"\*\*(.+?)\*\*", HOW_TO_READ[stage]))
        assert named <= set(graph.metadata(stage, PERIODS[0])), stage


def test_a_refused_day_stops_alone_and_its_verdict_is_of_its_period(graph):
    lines = [line.split(",") for line in day_lines(START)[0]]
    spoilt = [",".join([*one[:4], f"{float(one[4]) * 1000:.1f}", one[5]]) for one in lines]
    write_lines(graph.world.arrivals / "a.csv", spoilt)
    write_day(graph.world.arrivals, START + timedelta(days=1))
    assert not graph.run(PERIODS[0])
    assert graph.run(PERIODS[1])
    logs = [
        entry.dagster_event.event_specific_data
        for run in graph.instance.get_runs()
        for entry in graph.instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        )
    ]
    told = {one.partition: one.passed for one in logs if one.check_name == "gate"}
    assert told == {PERIODS[0]: False, PERIODS[1]: True}
    stage = f"production_batch/{PERIODS[0]}"
    assert graph.world.versions.verdict("flowers", stage).stopped_by == ("PRODUCTION-SCALE-LEAF",)


def test_days_with_each_fault_stop_alone_in_the_graph_and_go_on_once_they_are_mended(graph):
    days = [START + timedelta(days=place) for place in range(len(FAULTS) + 1)]
    for day, (name, (spoil, header, _)) in zip(days, FAULTS.items(), strict=False):
        lines = [",".join(spoil(line.split(","))) for line in day_lines(day)[0]]
        write_lines(graph.world.arrivals / f"{day}.csv", lines, header=header)
        assert not graph.run(day.isoformat()), name
    # The last day came twice, and once more but half.
    write_day(graph.world.arrivals, days[-1])
    whole = write_day(graph.world.arrivals, days[-1], name="twice.csv").read_bytes()
    half = graph.world.arrivals / "half.csv"
    half.write_bytes(whole[: len(whole) // 2])
    assert graph.run(days[-1].isoformat())
    half.unlink()
    assert graph.metadata("production_batch", days[-1].isoformat())["dagster/row_count"].value == 40
    versions = graph.world.versions
    for day, (name, (_, _, code)) in zip(days, FAULTS.items(), strict=False):
        assert code in versions.verdict("flowers", f"production_batch/{day}").stopped_by, name
        assert versions.published("flowers", f"predictions/{day}") is None, name
    # No run that failed is asked for again; a day that came mended is.
    assert not graph.look().run_requests
    write_day(graph.world.arrivals, days[0])
    [again] = graph.look().run_requests
    assert again.partition_key == days[0].isoformat()
    assert graph.run(days[0].isoformat())


def test_a_stage_asked_for_alone_is_refused_past_a_gate_that_stopped(graph):
    write_lines(
        graph.world.arrivals / "a.csv", ["p1,2026-03-01 10:00:00,1.0"], header="flower,met,petal"
    )
    assert not graph.run(PERIODS[0])
    job = graph.definitions.resolve_job_def("flowers_production")
    done = job.execute_in_process(
        instance=graph.instance,
        partition_key=PERIODS[0],
        asset_selection=[dg.AssetKey(["flowers", "predictions"])],
        raise_on_error=False,
    )
    assert not done.success
    assert graph.world.versions.published("flowers", f"predictions/{PERIODS[0]}") is None


def test_the_sensor_asks_for_days_that_came_once_and_again_when_their_rows_change(graph):
    write_day(graph.world.arrivals, START)
    first = graph.look()
    assert [request.partition_key for request in first.run_requests] == [PERIODS[0]]
    assert graph.run(PERIODS[0])
    second = graph.look(first.cursor)
    assert not second.run_requests
    assert "nothing came in" in graph.look(second.cursor).skip_message
    write_day(graph.world.arrivals, START, name="twice.csv")
    third = graph.look(second.cursor)
    assert not third.run_requests
    late = day_lines(START, seed=9, rows=3)[0]
    write_lines(graph.world.arrivals / "late.csv", [f"late{line}" for line in late])
    fourth = graph.look(third.cursor)
    assert [request.partition_key for request in fourth.run_requests] == [PERIODS[0]]
    assert fourth.run_requests[0].run_key != first.run_requests[0].run_key


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_days_that_a_backfill_is_at_work_on_are_not_taken_twice(graph, status):
    for place in range(2):
        write_day(graph.world.arrivals, START + timedelta(days=place))
    graph.began(PERIODS[0], status)
    asked = graph.look()
    assert [one.partition_key for one in asked.run_requests] == [PERIODS[1]]
    graph.began(PERIODS[1], status)
    told = graph.look()
    assert not told.run_requests
    assert "at work" in str(told.skip_reason)
    assert not told.cursor


def test_a_day_whose_run_dies_is_asked_for_three_times_and_then_told(graph):
    write_day(graph.world.arrivals, START)
    keys = set()
    for _ in range(3):
        [request] = graph.look().run_requests
        keys.add(request.run_key)
        # Its process was killed: no step of it failed.
        graph.began(PERIODS[0], dg.DagsterRunStatus.FAILURE, tags=request.tags)
    assert len(keys) == 3
    told = graph.look()
    assert not told.run_requests
    assert f"{PERIODS[0]}: not asked for again, since the run died 3 times" in str(told.skip_reason)
    # By hand, as it says.
    assert graph.run(PERIODS[0])
    assert "every period that came was taken" in str(graph.look().skip_reason)


def test_a_day_whose_run_ends_with_everything_is_asked_for_more_often(graph):
    write_day(graph.world.arrivals, START)
    for _ in range(5):
        [request] = graph.look().run_requests
        tags = {**request.tags, "burnish/stopped": "with everything"}
        graph.began(PERIODS[0], dg.DagsterRunStatus.CANCELED, tags=tags)
    assert graph.look().run_requests


def test_a_file_that_ends_within_a_line_is_taken_once_it_was_let_be_for_a_minute(graph):
    path = write_day(graph.world.arrivals, START)
    path.write_text(path.read_text().rstrip("\n"))
    ahead = time.time() + 3600  # a clock that is ahead wrote it: a moment ago for long
    os.utime(path, (ahead, ahead))
    first = graph.look()
    assert "waiting for arrivals/2026-03-01.csv" in str(first.skip_reason)
    assert not first.cursor


def test_a_reference_that_changed_makes_the_sensor_look_again(graph):
    world = graph.world
    before = arrivals_state(world.spec, world.versions, world.record, now=NOW)
    said = {"window_start": PERIODS[0], "window_end": PERIODS[0]}
    world.record.append("flowers", [("rebased", PERIODS[0], None, said)])
    assert arrivals_state(world.spec, world.versions, world.record, now=NOW) != before


def test_the_sensor_measures_anew_the_windows_that_late_rows_and_labels_are_in(graph):
    for place in range(3):
        write_day(graph.world.arrivals, START + timedelta(days=place))
    for period in PERIODS:
        assert graph.run(period)
    assert not graph.look().run_requests
    late = day_lines(START, seed=9, rows=3)[0]
    write_lines(graph.world.arrivals / "late.csv", [f"late{line}" for line in late])
    assert graph.run(PERIODS[0])
    asked = graph.look().run_requests
    assert [one.partition_key for one in asked] == PERIODS[1:]
    assert {key.path[-1] for one in asked for key in one.asset_selection} == {
        "drift_report", "performance_estimate",
    }  # fmt: skip
    for period in PERIODS:
        assert graph.run(period)
    write_answers(graph.world.catalog / "answers", day_lines(START)[1])
    [labels] = graph.look().run_requests
    assert labels.job_name == "flowers_labels"
    assert graph.run_labels()
    again = graph.look().run_requests
    assert {one.partition_key for one in again} == set(PERIODS)
    assert graph.run(PERIODS[0])
    assert graph.metadata("performance_estimate", PERIODS[0])["labels so far"].value in {0, 40}


def test_days_of_which_nothing_came_are_told(graph):
    write_day(graph.world.arrivals, START + timedelta(days=1))
    assert graph.run(PERIODS[1])
    told = str(graph.look().skip_reason)
    assert PERIODS[0] in told
    assert PERIODS[1] not in told


def test_without_a_champion_the_sensor_waits(planted):
    with_production(planted)
    with dg.instance_for_test() as instance:
        write_day(planted.catalog / "arrivals", START)
        assert "no champion" in Graph(planted, instance).look().skip_message


def test_a_source_that_cannot_be_read_is_told_and_not_a_failure(graph):
    (graph.world.arrivals).rmdir()
    assert "no folder" in graph.look().skip_message


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_dagster_counts_the_periods_as_the_library_does(planted, period, zone):
    spec = with_production(
        planted, **{"window: 3": f"period: {period}\n  timezone: {zone}\n  window: 3"}
    )
    for hours in range(0, 24 * 400, 97):
        now = NOW + timedelta(hours=hours)
        ours = periods_over(spec.production, now)
        assert partitions_of(spec).get_partition_keys(current_time=now) == ours


def test_production_has_a_pool_of_its_own_and_a_dataset_without_it_no_stage(planted):
    where = Settings(planted.catalog.parent, planted.home, planted.catalog)
    plain = build_definitions(load_catalog(planted.catalog), where).resolve_asset_graph()
    assert not any(key.path[-1] in STAGES for key in plain.get_all_asset_keys())
    with_production(planted)
    graph = build_definitions(load_catalog(planted.catalog), where).resolve_asset_graph()
    for stage in (*STAGES, "production_labels"):
        assert graph.get(dg.AssetKey(["flowers", stage])).pools == {"production/flowers"}


def test_definitions_with_production_say_nothing_of_what_dagster_holds_for_new(with_champion):
    specs = load_catalog(with_champion.catalog)
    where = Settings(with_champion.catalog.parent, with_champion.home, with_champion.catalog)
    with warnings.catch_warnings():
        warnings.simplefilter("error", dg.BetaWarning)
        warnings.simplefilter("error", dg.PreviewWarning)
        built = build_definitions(specs, where)
    assert built.resolve_job_def("flowers_production")


def test_the_definitions_import_nothing_heavy():
    heavy = "great_expectations, sklearn, mlflow, numba, scipy, deltalake"
    code = (
        "import sys, pipelines.arrivals, pipelines.definitions\n"
        f"print([n for n in '{heavy}'.split(', ') if n in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
