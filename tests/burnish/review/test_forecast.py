"""The forecast of when a batch is done: what it says, and when it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from burnish.review.forecast import forecast, in_words
from burnish.review.working import after, between
from burnish.spec import WorkingHours

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOURS = WorkingHours()
EVERY = timedelta(minutes=10)


def worked(days, pace, rng=None):
    """Acts in each ten minutes of so many working days, from Monday on."""
    found = {}
    for at in range(int(days * 48)):
        moment = after(MONDAY, at / 6 + 1e-9, HOURS).replace(second=0, microsecond=0)
        found[moment] = int(pace if rng is None else rng.poisson(pace))
    return found


def test_at_a_steady_pace_the_middle_is_where_it_will_be_done():
    now = after(MONDAY, 16.0, HOURS)
    told = forecast(worked(2, 5), 240, now=now, working=HOURS)
    assert told.rate == pytest.approx(30)
    assert between(now, told.done_at, HOURS) == pytest.approx(8.0)
    assert now < told.earliest < told.done_at < told.latest


def test_nobody_is_foretold_to_work_at_night():
    told = forecast(worked(2, 5), 300, now=after(MONDAY, 16.0, HOURS), working=HOURS)
    for at in (told.done_at, told.earliest, told.latest):
        assert at.weekday() < 5
        assert 9 <= at.hour < 17 or (at.hour, at.minute) == (17, 0)


def test_the_range_narrows_when_days_have_shown_how_they_vary():
    rng = np.random.default_rng(1)
    widths = []
    for days in (2, 5, 10):
        now = after(MONDAY, 8.0 * days, HOURS)
        told = forecast(worked(days, 5, rng), 480, now=now, working=HOURS)
        widths.append(between(told.earliest, told.latest, HOURS))
    assert widths == sorted(widths, reverse=True)


def test_at_a_steady_pace_the_range_holds_as_often_as_it_says():
    rng, held = np.random.default_rng(2), 0
    now = after(MONDAY, 48.0, HOURS)
    for _ in range(400):
        # Six days are over; what comes next is drawn by the day, as what was.
        paces = rng.gamma(8.0, 5 / 8.0, 40)
        acts = {}
        for at, moment in enumerate(worked(6, 1)):
            acts[moment] = int(rng.poisson(paces[at // 48]))
        needed, left, at = 600, 600, 0
        while left > 0:
            left -= rng.poisson(paces[6 + at // 48])
            at += 1
        told = forecast(acts, needed, now=now, working=HOURS)
        if told.done_at is None:
            continue
        held += between(now, told.earliest, HOURS) <= at / 6 <= between(now, told.latest, HOURS)
    # 80 % of 400 is 320; a fair range falls outside of these once in ten thousand times.
    assert 285 <= held <= 360


def test_nothing_is_said_of_a_few_answers():
    told = forecast(dict.fromkeys([MONDAY], 19), 5, now=MONDAY + timedelta(hours=5), working=HOURS)
    assert told.done_at is None
    assert in_words(told, now=MONDAY) == "no forecast: fewer than 20 answers have been given"


def test_nothing_is_said_of_the_first_hours():
    told = forecast({MONDAY: 40}, 5, now=MONDAY + timedelta(hours=2), working=HOURS)
    assert "fewer than 2.5 hours" in told.why_not


def test_without_hours_of_work_a_week_is_needed():
    acts = worked(3, 5)
    early = forecast(acts, 100, now=MONDAY + timedelta(days=6))
    later = forecast(acts, 100, now=MONDAY + timedelta(days=7, hours=1))
    assert "no working hours are named" in early.why_not
    assert "no working hours are named" not in later.why_not


def test_a_pace_that_says_nothing_has_no_latest_time():
    acts = {MONDAY: 500}
    told = forecast(acts, 1000, now=after(MONDAY, 16.0, HOURS), working=HOURS)
    assert told.why_not == "the pace so far varies too much"
    assert told.rate == pytest.approx(500 / 16)


def test_what_is_done_needs_no_time():
    told = forecast({}, 0, now=MONDAY)
    assert in_words(told, now=MONDAY) == "nothing is left to do"


def test_times_are_told_by_the_clock_of_the_zone():
    told = forecast(worked(2, 5), 240, now=after(MONDAY, 16.0, HOURS), working=HOURS)
    utc = in_words(told, now=MONDAY)
    tokyo = in_words(told, now=MONDAY, zone="Asia/Tokyo")
    assert "done by Wednesday 17:00" in utc
    assert "done by Thursday 02:00" in tokyo
