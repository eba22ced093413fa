"""Working hours, where the clocks of a zone are set forward and back, and over weekends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.review.working import after, between, hours_of, spans
from burnish.spec import WorkingHours

BERLIN = WorkingHours(timezone="Europe/Berlin")
ALL_DAY = WorkingHours(
    days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    start="00:00",
    end="24:00",
    timezone="Europe/Berlin",
)
NIGHTS = WorkingHours(days=("sat", "sun"), start="02:30", end="03:30", timezone="America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_comes_on_a_friday_afternoon_is_due_on_monday():
    # In Berlin it is 16:00 in winter: one hour is left of the day.
    assert after(at("2026-11-27 15:00"), 3.0, BERLIN) == at("2026-11-30 10:00")


def test_what_comes_at_night_waits_for_the_morning():
    assert after(at("2026-11-26 01:00"), 1.0, BERLIN) == at("2026-11-26 09:00")
    assert after(at("2026-11-28 12:00"), 1.0, BERLIN) == at("2026-11-30 09:00")


def test_what_ends_with_the_day_is_due_at_its_end():
    assert after(at("2026-11-26 08:00"), 8.0, BERLIN) == at("2026-11-26 16:00")


def test_the_same_hours_by_the_clock_lie_an_hour_earlier_in_summer():
    # The clocks were set forward on Sunday, 29 March.
    assert after(at("2026-03-27 15:00"), 2.0, BERLIN) == at("2026-03-30 08:00")


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)]
)
def test_a_day_has_23_hours_when_clocks_are_set_forward_and_25_when_back(day, hours):
    begin, end = hours_of(date.fromisoformat(day), ALL_DAY, ZoneInfo("Europe/Berlin"))
    assert (end - begin) / timedelta(hours=1) == hours


def test_hours_that_a_night_does_not_have_are_not_worked():
    # In New York 01:59 is followed by 03:00 on Sunday, 8 March, and 02:30 is what 03:30 is.
    begun = spans(at("2026-03-07 00:00"), NIGHTS)
    assert next(begun) == (at("2026-03-07 07:30"), at("2026-03-07 08:30"))
    assert next(begun) == (at("2026-03-14 06:30"), at("2026-03-14 07:30"))


def test_without_working_hours_every_hour_counts():
    assert after(at("2026-11-27 15:00"), 72.0) == at("2026-11-30 15:00")
    assert between(at("2026-11-27 15:00"), at("2026-11-28 15:00")) == 24.0


SECONDS = st.floats(0.0, 4 * 365 * 86400.0)
MOMENTS = SECONDS.map(lambda seconds: at("2024-01-01 00:00") + timedelta(seconds=seconds))


@given(MOMENTS, st.floats(0.01, 300.0), st.sampled_from([None, BERLIN, ALL_DAY, NIGHTS]))
def test_so_many_hours_after_are_so_many_hours_between(start, hours, working):
    assert between(start, after(start, hours, working), working) == pytest.approx(hours, abs=1e-6)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_hours_add_up(one, two, three):
    a, b, c = sorted((one, two, three))
    assert between(a, c, BERLIN) == pytest.approx(
        between(a, b, BERLIN) + between(b, c, BERLIN), abs=1e-6
    )
