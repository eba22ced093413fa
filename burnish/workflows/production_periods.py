"""The calendar of production: which period a time is of, where it begins and ends, which are over.

What belongs here: days, weeks and months by the clock of the spec. What does not: reading rows
(`burnish.workflows.production_rows`).

A period is called by the date on which it begins. Weeks begin on the weekday of `start`, months on
the first: what lies before the first whole month is before the start. Where a clock is put forward
or back, a day has 23 or 25 hours, and no instant is of two periods or of none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from burnish.errors import DataError
from burnish.policy.periods import day_of, moved
from burnish.spec import DatasetSpec, Production

INSTANT = pa.timestamp("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def required_production(spec: DatasetSpec) -> Production:
    """What the spec says of production; raises `DataError` where it says nothing."""
    if spec.production is None:
        raise DataError(
            f"the spec of {spec.name} has no production",
            expected="a key `production` with a source, a time and a start",
            hint="docs/production.md shows one",
        )
    return spec.production


def first_day(production: Production) -> date:
    """The day on which the first period begins.

    >>> first_day(Production.model_validate({"sql": {"url_variable": "X", "table": "t"},
    ...     "time": "at", "start": "2026-03-07", "period": "month"}))
    datetime.date(2026, 4, 1)
    """
    start = production.start
    if production.period != "month" or start.day == 1:
        return start
    return day_of(moved(start.replace(day=1).isoformat(), 1, "month"))


def shifted(production: Production, period: str, by: int) -> str:
    """The period so many periods later (earlier, where `by` is negative)."""
    return moved(period, by, production.period)


def bounds(production: Production, period: str) -> tuple[datetime, datetime]:
    """The instants, in UTC, at which a period begins and at which it is over."""
    zone = ZoneInfo(production.timezone)
    ends = day_of(shifted(production, period, 1))
    return _midnight(day_of(period), zone), _midnight(ends, zone)


def periods_over(production: Production, now: datetime) -> list[str]:
    """Every period that has ended by `now`, the first of the spec to the newest.

    >>> production = Production.model_validate({"sql": {"url_variable": "X", "table": "t"},
    ...     "time": "at", "start": "2026-03-27", "timezone": "Europe/Berlin"})
    >>> periods_over(production, datetime(2026, 3, 29, 22, 0, tzinfo=UTC))
    ['2026-03-27', '2026-03-28', '2026-03-29']
    """
    found: list[str] = []
    for period in _periods(production):
        if bounds(production, period)[1] > now:
            break
        found.append(period)
    return found


def periods_of(production: Production, times: pa.ChunkedArray) -> pa.Array:
    """The period that each time (timestamp[us, UTC]) is of; null outside of production.

    >>> production = Production.model_validate({"sql": {"url_variable": "X", "table": "t"},
    ...     "time": "at", "start": "2026-03-27"})
    >>> times = pa.chunked_array([[datetime(2026, 3, 28, 9, tzinfo=UTC), None]], INSTANT)
    >>> periods_of(production, times).to_pylist()
    ['2026-03-28', None]
    """
    known = times.is_valid().to_numpy()
    moments = times.cast(pa.int64()).fill_null(0).to_numpy()
    if not known.any():
        return pa.nulls(len(times), pa.string())
    last = int(moments[known].max())
    names: list[str | None] = [None]
    begins: list[int] = []
    for period in _periods(production):
        begin = _micros(bounds(production, period)[0])
        if begin > last:
            break
        names.append(period)
        begins.append(begin)
    else:
        if len(names) > 1:
            names.append(None)
            begins.append(_micros(bounds(production, str(names[-2]))[1]))
    places = np.searchsorted(np.asarray(begins, np.int64), moments, side="right")
    places[~known] = 0
    return pa.array(names, pa.string()).take(pa.array(places))


def window_of(production: Production, period: str, *, back: int = 0) -> list[str]:
    """The periods of the window that ends `back` periods before `period`, oldest first.

    Periods before the start are left out.
    """
    places = range(-back - production.window + 1, -back + 1)
    names = [shifted(production, period, place) for place in places]
    return [name for name in names if day_of(name) >= first_day(production)]


def require_period(production: Production, period: str) -> None:
    """Raise `DataError` unless a period of this calendar is called so."""
    if not is_period(production, period):
        until = "" if production.end is None else f", {production.end} at the latest"
        raise DataError(
            f"no {production.period} of production begins on {period}",
            expected=f"a {production.period} from {first_day(production)} on{until}",
            hint="periods are called by the date on which they begin",
        )


def is_period(production: Production, period: str) -> bool:
    """Whether a period of this calendar is called so; raises `DataError` for what is no date.

    Tables of periods stay where the calendar of a spec is changed, and are periods no more.
    """
    day = day_of(period)
    apart = (day - first_day(production)).days
    fits = {"day": True, "week": apart % 7 == 0, "month": day.day == 1}[production.period]
    return apart >= 0 and fits and not after_end(production, period)


def end_of(production: Production) -> str | None:
    """The date on which the last period is over; None where production has no end.

    >>> end_of(Production.model_validate({"sql": {"url_variable": "X", "table": "t"}, "time": "at",
    ...     "start": "2026-03-07", "end": "2026-03-20", "period": "week"}))
    '2026-03-21'
    """
    if production.end is None:
        return None
    period = first_day(production).isoformat()
    while not after_end(production, period):
        period = shifted(production, period, 1)
    return period


def after_end(production: Production, period: str) -> bool:
    """Whether a period begins after the last day of production."""
    return production.end is not None and period > production.end.isoformat()


def _periods(production: Production) -> Iterator[str]:
    period = first_day(production).isoformat()
    while not after_end(production, period):
        yield period
        period = shifted(production, period, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
