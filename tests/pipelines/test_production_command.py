"""`burnish production run`: what it says, what it leaves, and how it exits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from burnish.spec import load_catalog
from burnish.workflows.policy_actions import carry_out
from burnish.workflows.production_stages import ASKED
from pipelines.runner import main
from tests.burnish.workflows.production_days import (
    START,
    day_lines,
    write_answers,
    write_day,
    write_lines,
)
from tests.burnish.workflows.production_world import World, copied

POLICY = """\
policy:
  rules:
    - {signal: row_drift, action: label, over: 0.65, rows: 20}
"""


@pytest.fixture
def planted_copy(with_champion, tmp_path, monkeypatch):
    made = copied(with_champion, tmp_path / "copy")
    monkeypatch.setenv("BURNISH_CATALOG", str(made.catalog))
    monkeypatch.setenv("BURNISH_HOME", str(made.home))
    return made


def run(*more: str, dataset: str = "flowers"):
    return CliRunner().invoke(main, ["production", "run", "--dataset", dataset, *more])


def test_it_tells_each_period_and_measures_again_once_labels_came_in(planted_copy):
    world = World.of(planted_copy)
    for place in range(3):
        write_day(world.arrivals, START + timedelta(days=place))
    write_answers(world.catalog / "answers", day_lines(START + timedelta(days=1))[1])
    done = run("--until", "2026-03-02")
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if line.startswith("2026-")]
    assert [line.split()[0] for line in lines] == ["2026-03-01", "2026-03-02", "2026-03-02"]
    assert all("40 rows  accuracy likely 0." in line for line in lines)
    assert "labels" not in lines[1]
    assert "by 40 labels" in lines[2]
    assert world.versions.published("flowers", "predictions/2026-03-03") is None
    again = run("--since", "2026-03-02", "--until", "2026-03-02")
    assert again.exit_code == 0
    assert world.versions.published("flowers", "production_batch/2026-03-02").version == 1


def test_a_period_that_a_gate_stops_is_told_and_the_exit_says_so(planted_copy):
    world = World.of(planted_copy)
    write_lines(world.arrivals / "a.csv", ["p1,2026-03-01 10:00:00,1.0"], header="flower,met,petal")
    write_day(world.arrivals, START + timedelta(days=1))
    done = run()
    assert done.exit_code == 3
    first, second = [line for line in done.stdout.splitlines() if line.startswith("2026-")]
    assert "refused" in first
    assert "accuracy likely" in second


def test_with_decide_the_policy_decides_as_its_sensor_does_and_leaves_runs_to_it(planted_copy):
    world = World.of(planted_copy)
    file = planted_copy.catalog / "flowers.yaml"
    end = file.read_text().replace("  window: 3\n", "  window: 3\n  end: 2026-03-03\n")
    file.write_text(end + POLICY)
    for place in range(3):
        write_day(world.arrivals, START + timedelta(days=place), shift=3.0)
    assert run().exit_code == 0
    assert not world.record.events("flowers")

    done = run("--decide")
    assert done.exit_code == 0, done.output
    alarms = [one for one in world.record.alarms("flowers") if one.is_open]
    assert alarms
    for alarm in alarms:
        assert f"alarm {alarm.number} is raised" in done.stdout
        assert world.pages.playbook("flowers", alarm.number).exists()
    assert "label 20 rows" in done.stdout
    assert "the sensor flowers_policy starts flowers_audit" in done.stdout
    asked = world.versions.read("flowers", ASKED)
    assert asked.num_rows > 0

    # The same is decided once, and a run is wanted until the sensor has started it.
    before = world.record.events("flowers")
    again = run("--decide")
    assert "decided: nothing is to be done" in again.stdout
    assert "starts flowers_audit" in again.stdout
    assert [one.seq for one in world.record.events("flowers")] == [one.seq for one in before]
    spec = load_catalog(planted_copy.catalog)["flowers"]
    wanted = carry_out(spec, world.versions, world.ledger, world.record)
    assert {one.part for one in wanted} == {"audit"}
    assert world.versions.read("flowers", ASKED).num_rows == asked.num_rows


@pytest.mark.parametrize(
    ("more", "says"),
    [(["--since", "2026-02-01"], "no day of production begins"), (["--until", "soon"], "'soon'")],
)
def test_a_bound_that_is_no_period_is_refused(planted_copy, more, says):
    World.of(planted_copy)
    done = run(*more)
    assert done.exit_code == 1
    assert says in done.stderr


def test_an_unknown_dataset_and_one_without_a_champion_are_refused(
    planted_copy, planted, monkeypatch
):
    World.of(planted_copy)
    done = run(dataset="trees")
    assert done.exit_code == 1
    assert "flowers" in done.stderr
    World.of(planted)
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.setenv("BURNISH_HOME", str(planted.home))
    done = run()
    assert done.exit_code == 1
    assert "no champion yet" in done.stderr
