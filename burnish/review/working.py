"""Working hours on the clock of a time zone: what lies between two moments, and what comes after.

What belongs here: arithmetic over `WorkingHours`, daylight saving included. What does not: the
hours themselves (`burnish.spec.promises`), or what is promised in them (`burnish.review.promises`).

All moments are in UTC, and hours are those that pass. Where the clocks of a zone are set forward
inside the working hours, that day has an hour less of them; where they are set back, one more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from burnish.spec import WorkingHours
from burnish.spec.promises import DAYS

Span = tuple[datetime, datetime]
"""From and until, in UTC."""

DAY = timedelta(days=1)


def after(start: datetime, hours: float, working: WorkingHours | None = None) -> datetime:
    """The moment at which so many working hours have passed since `start`; None: all hours count.

    What ends with a working day is due at its end, not at the beginning of the next one.

    >>> friday = datetime(2026, 11, 27, 16, tzinfo=UTC)
    >>> after(friday, 2.0, WorkingHours()).isoformat()
    '2026-11-30T10:00:00+00:00'
    """
    left = timedelta(hours=hours)
    if working is None:
        return start + left
    if left <= timedelta():
        return start
    for begin, end in spans(start, working):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    raise AssertionError("days do not end")


def between(start: datetime, end: datetime, working: WorkingHours | None = None) -> float:
    """The working hours from `start` until `end`; 0 where `end` is not after it.

    >>> between(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC),
    ...         WorkingHours())
    16.0
    """
    if end <= start:
        return 0.0
    if working is None:
        return (end - start) / timedelta(hours=1)
    worked = timedelta()
    for begin, close in spans(start, working):
        if begin >= end:
            break
        worked += min(close, end) - begin
    return worked / timedelta(hours=1)


def spans(start: datetime, working: WorkingHours) -> Iterator[Span]:
    """The working hours from `start` on, without end: one span a day that has any left."""
    zone = ZoneInfo(working.timezone)
    day = start.astimezone(zone).date()
    while True:
        if DAYS[day.weekday()] in working.days:
            begin, end = hours_of(day, working, zone)
            begin = max(begin, start.astimezone(UTC))
            if begin < end:
                yield begin, end
        day += DAY


def hours_of(day: date, working: WorkingHours, zone: ZoneInfo) -> Span:
    """From when until when a day is worked.

    The clock of the zone says it: of a time that a day has twice it is the earlier one; one that it
    does not have is later by as much as the clocks are set forward.
    """
    midnight = datetime.combine(day, time())
    begin, end = (
        (midnight + timedelta(minutes=minutes)).replace(tzinfo=zone).astimezone(UTC)
        for minutes in working.minutes
    )
    return begin, end
