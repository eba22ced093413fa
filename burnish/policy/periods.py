"""Periods of production: which follow each other, and how far apart they are.

What belongs here: arithmetic on the dates that name periods. What does not: which rows are of a
period (`burnish.workflows.production_rows`), or what its tables are called
(`burnish.workflows.production_stages`).

A period is named by its first day, `2026-03-07`. Clocks and daylight saving have no say here: a
day is a day, however many hours it had.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from burnish.errors import DataError
from burnish.spec.production import Period


def apart(earlier: str, later: str, every: Period = "day") -> int:
    """How many periods lie between two; negative where the first is the later one.

    Raises `DataError` where one is no date.

    >>> apart("2026-02-27", "2026-03-02"), apart("2026-01-01", "2026-03-01", "month")
    (3, 2)
    """
    return _ordinal(later, every) - _ordinal(earlier, every)


def moved(period: str, by: int, every: Period = "day") -> str:
    """The period so many later, or earlier where `by` is negative.

    >>> moved("2026-03-01", -1), moved("2025-12-01", 1, "month")
    ('2026-02-28', '2026-01-01')
    """
    first = day_of(period)
    if every == "month":
        months = first.year * 12 + first.month - 1 + by
        return date(months // 12, months % 12 + 1, 1).isoformat()
    return (first + timedelta(days=by * (7 if every == "week" else 1))).isoformat()


def period_at(
    moment: datetime, *, start: date, every: Period = "day", timezone: str = "UTC"
) -> str:
    """The period that holds a moment, by the clock of `timezone`; weeks are counted from `start`.

    >>> from datetime import UTC
    >>> period_at(datetime(2026, 3, 7, 23, 30, tzinfo=UTC), start=date(2026, 1, 1),
    ...           timezone="Europe/Berlin")
    '2026-03-08'
    """
    day = moment.astimezone(ZoneInfo(timezone)).date()
    if every == "month":
        return day.replace(day=1).isoformat()
    if every == "week":
        return (day - timedelta(days=(day - start).days % 7)).isoformat()
    return day.isoformat()


def day_of(period: str) -> date:
    """The first day of a period; raises `DataError` where it is no date."""
    try:
        return date.fromisoformat(period)
    except ValueError as error:
        raise DataError(
            f"the period {period!r} is no date", expected="a first day, as 2026-03-07"
        ) from error


def _ordinal(period: str, every: Period) -> int:
    day = day_of(period)
    if every == "month":
        return day.year * 12 + day.month
    return day.toordinal() // 7 if every == "week" else day.toordinal()
