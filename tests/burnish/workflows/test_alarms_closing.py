"""A new champion closes what it answers; what it does not stays open and says why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from burnish.policy import Signal, SqlPolicyRecord
from burnish.workflows.alarms_closing import (
    ANSWERED,
    Closing,
    _answer,
    _Loss,
    _newest_window,
    close_alarms,
    periods_to_repeat,
)
from tests.burnish.workflows.production_boxes import at, batch, home_in, spec_in
from tests.burnish.workflows.production_days import START, write_day
from tests.burnish.workflows.production_world import World, copied

DAYS = [START + timedelta(days=n) for n in range(3)]


def signal(name="measured_loss", key=""):
    return Signal(name, key, 0.2, 0.15, 0.25, 300, "labels")


def alarm_of(home, *signals):
    record = SqlPolicyRecord(home.versions.engine, clock=lambda: at("2026-03-07"))
    opened = [("opened", "2026-03-07", 1, {"signal": signals[0].to_json(), "why": "?"})]
    record.append("boxes", opened)
    [alarm] = record.alarms("boxes")
    return alarm


def found(**more):
    facts = {"champion": 2, "window": ("2026-03-01", "2026-03-07"), "learned": 50, "fresh": 200}
    return Closing("boxes", **(facts | more))


DOWN = {("measured_loss", ""): _Loss(0.01, -0.01, 0.03, 120)}
UP = {("measured_loss", ""): _Loss(0.12, 0.08, 0.16, 120)}


@pytest.mark.parametrize(
    ("name", "facts", "losses", "closed", "says"),
    [
        ("measured_loss", {}, DOWN, True, "1.0 points (-1.0 to 3.0), not shown to be over 2"),
        ("measured_loss", {}, UP, False, "12.0 points (8.0 to 16.0), shown to be over 2"),
        ("row_drift", {}, DOWN, True, "was trained on 50 rows of the window"),
        ("measured_loss", {"learned": 0}, DOWN, False, "has learned no row of the window"),
        ("measured_loss", {"fresh": 4}, {}, False, "cannot be told: 4 rows"),
        ("late_data", {}, DOWN, False, "which is no answer to it"),
    ],
)
def test_only_what_is_answered_is_closed(tmp_path, name, facts, losses, closed, says):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    answered, why = _answer(spec, alarm_of(home, signal(name)), found(**facts), losses)
    assert answered is closed
    assert says in why


def test_the_slice_an_alarm_was_raised_for_has_to_be_down_as_well(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    alarm = alarm_of(home, signal(key="s1"))
    here = {("measured_loss", "s1"): _Loss(0.2, 0.1, 0.3, 40)}
    assert not _answer(spec, alarm, found(), DOWN | here)[0]
    assert _answer(spec, alarm, found(), DOWN)[0], "what cannot be measured there says nothing"


def test_a_champion_that_learned_nothing_of_the_window_closes_nothing_and_is_asked_once(
    with_champion, tmp_path
):
    world = World.of(copied(with_champion, tmp_path / "copy"))
    world.record.append(
        "flowers", [("opened", "2026-03-03", 1, {"signal": signal().to_json(), "why": "?"})]
    )
    assert close_alarms(world.spec, world.versions, world.record) is None, "no batch yet"
    for day in DAYS:
        write_day(world.arrivals, day)
    world.run(*(day.isoformat() for day in DAYS))
    assert periods_to_repeat(world.spec, world.versions) == []
    # Opened after it came to serve: its own, and let be.
    closing = close_alarms(world.spec, world.versions, world.record)
    assert (closing.learned, closing.closed, closing.rebased) == (0, {}, None)
    assert close_alarms(world.spec, world.versions, world.record) is None
    assert [one.number for one in world.record.alarms("flowers") if one.is_open] == [1]


def test_periods_of_a_calendar_that_the_spec_has_no_more_are_no_window(tmp_path):
    days, home = spec_in(tmp_path), home_in(tmp_path)
    weeks = days.production.model_copy(update={"period": "week"})
    weekly = days.model_copy(update={"production": weeks})
    for number in range(1, 6):
        batch(home.versions, f"2026-03-{number:02d}", [f"m{number}"])
    assert _newest_window(days, home.versions)[-1] == "2026-03-05"
    assert _newest_window(weekly, home.versions) == ["2026-03-01"]


def test_data_that_is_late_or_refused_is_answered_by_no_model():
    assert not {"late_data", "refused_data", "reports"} & ANSWERED
