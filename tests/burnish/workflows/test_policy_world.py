"""The policy on tables that production itself wrote: a day that moved, and what came of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from burnish.policy import Signal, replay
from burnish.spec import Policy, Rule
from burnish.workflows.playbooks import write_alarm_pages
from burnish.workflows.policy_actions import carry_out
from burnish.workflows.policy_rows import masks_of, rows_to_ask
from burnish.workflows.policy_run import due_periods, run_policy
from tests.burnish.workflows.production_days import START, write_day
from tests.burnish.workflows.production_world import World, copied

FIRST, SECOND = "2026-03-01", "2026-03-02"
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)


@pytest.fixture
def world(with_champion, tmp_path):
    found = World.of(copied(with_champion, tmp_path / "copy"))
    rule = Rule(signal="column_drift", action="label", over=0.1, rows=20)
    return replace(found, spec=found.spec.model_copy(update={"policy": Policy(rules=(rule,))}))


def test_a_day_that_moved_is_an_alarm_rows_are_asked_for_and_the_playbook_says_where(world):
    write_day(world.arrivals, START, rows=60)
    write_day(world.arrivals, START.replace(day=2), rows=60, shift=3.0)
    world.run(FIRST, SECOND, now=NOW)
    assert due_periods(world.spec, world.versions, world.record, now=NOW) == [FIRST, SECOND]
    calm = run_policy(world.spec, world.versions, world.record, FIRST, now=NOW)
    assert {one.alarm for one in calm} == {"none"}
    made = run_policy(world.spec, world.versions, world.record, SECOND, now=NOW)
    assert {one.number for one in made if one.alarm in {"raise", "join"}} == {1}
    moved = {one.signal.key for one in made if one.signal.name == "column_drift" and one.number}
    assert moved <= {"petal", "sepal", "leaf"}
    assert moved
    wanted = carry_out(world.spec, world.versions, world.ledger, world.record)
    assert due_periods(world.spec, world.versions, world.record, now=NOW) == [SECOND]
    assert replay(world.spec.policy, world.record.events("flowers")).differing == 0
    assert [one.part for one in wanted] == ["audit"]
    [request] = world.ledger.requests("flowers")
    asked = request.example_ids
    assert len(asked) == len(set(asked)) == 20
    assert {name[:5] for name in asked} <= {"p0301", "p0302"}
    write_alarm_pages(world.spec, world.versions, world.record, world.pages, now=NOW)
    page = world.pages.playbook("flowers", 1).read_text(encoding="utf-8")
    assert "before and now" in re.sub(r"<[^>]+>", " ", page)


def test_rows_of_the_slice_that_a_signal_names_come_first(world):
    write_day(world.arrivals, START, rows=60)
    world.run(FIRST, now=NOW)
    rows = world.versions.read_last_good("flowers", f"production_batch/{FIRST}")
    red = next(one for one in masks_of(world.spec, rows) if one.name == "colour:red")
    where = {"slice": red.name, "slice_id": red.slice_id}
    signal = Signal("measured_loss", red.slice_id, 0.2, 0.1, 0.3, 30, "labels", where)
    found = rows_to_ask(world.spec, world.versions, signal, FIRST, most=20)
    colours = dict(zip(*(rows[name].to_pylist() for name in ("example_id", "colour")), strict=True))
    assert [colours[name] for name in found.doubted] == ["red"] * 16
    assert len(found.drawn) == 4
    assert found == rows_to_ask(world.spec, world.versions, signal, FIRST, most=20)
    assert found.where == "the slice colour:red"
    told = [found.chances[name] for name in found.ids]
    assert [one.control for one in told] == [False] * 16 + [True] * 4
    assert sum(one.weight for one in told) == pytest.approx(60), "together they stand for all rows"
