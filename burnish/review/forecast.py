"""When a batch will be done, with its range, from how fast people were.

What belongs here: the forecast, as a function of times of past acts and of what is still needed.
What does not: counting either (`burnish.review.keeping`), or the hours of work
(`burnish.review.working`).

The time that was worked so far is cut into parts of equal length, and what was done in each is
counted (batch means: Schmeiser 1982). The work of a time T, in parts, is about m T, with variance
s^2 (T + T^2 / k): what varies from part to part, and what k parts leave unknown of the mean. Parts
are whole days as soon as there are five, so that who is there today lies between them. Before that,
days are taken to vary by `DAYS_VARY` beside. The range is all T for which the work that is needed
is not unusual, by Student's t with k - 1 degrees of freedom (Fieller 1954).
`docs/methods/promises.md` has how often such ranges hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt
from typing import TypeAlias

from burnish.review.working import after, between
from burnish.spec import WorkingHours

Acts: TypeAlias = Mapping[datetime, int]
"""How many acts (answers, decisions, approvals) were done from each moment on, until the next."""

LEVEL = 0.8
FEWEST_ACTS = 20
FEWEST_HOURS = 2.5
PARTS = 5
MOST_PARTS = 10
FEWEST_DAYS = 7
"""Whole days that are needed where nobody has said which hours are worked."""
DAYS_VARY = 0.2
"""Standard deviation of what is done in a day, beside its mean, before five days have shown it."""
MOST_HOURS = 5_000.0
"""Of working time; what is forecast to be later is no forecast."""


@dataclass(frozen=True)
class Forecast:
    """When a batch is done, or why nothing can be said of it.

    `needed` acts are left. `rate` is how many are done in a working hour. `done_at` lies in the
    middle, and in the share `level` of such batches between `earliest` and `latest`; all are None
    where `why_not` says why there is no forecast.
    """

    needed: int
    rate: float | None = None
    done_at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    level: float = LEVEL
    why_not: str = ""


@dataclass(frozen=True)
class _Pace:
    """What was done in `count` parts of so many hours: the mean, and what is uncertain.

    The variance of the work of T parts is `varies` T + `unknown` T^2.
    """

    count: int
    hours: float
    mean: float
    varies: float
    unknown: float


def forecast(
    acts: Acts,
    needed: int,
    *,
    now: datetime,
    working: WorkingHours | None = None,
    level: float = LEVEL,
) -> Forecast:
    """When `needed` more acts are done, if people go on as they did since the first of `acts`.

    >>> from datetime import UTC
    >>> start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    >>> acts = {start + timedelta(minutes=10 * at): 3 + at % 2 for at in range(42)}
    >>> told = forecast(acts, 63, now=start + timedelta(hours=7), working=WorkingHours())
    >>> told.done_at.isoformat(timespec="minutes")
    '2026-11-24T11:00+00:00'
    >>> forecast({}, 63, now=start).why_not
    'fewer than 20 answers have been given'
    """
    if needed <= 0:
        return Forecast(0, None, now, now, now, level)
    why_not = _too_little(acts, now, working)
    pace = None if why_not else _pace(acts, now, working)
    if pace is None:
        return Forecast(needed, level=level, why_not=why_not)
    rate = pace.mean / pace.hours
    limits = _limits(pace, needed, level)
    if limits is None or limits[1] * pace.hours > MOST_HOURS:
        return Forecast(needed, rate, level=level, why_not="the pace so far varies too much")
    done, earliest, latest = (
        after(now, part * pace.hours, working) for part in (needed / pace.mean, *limits)
    )
    return Forecast(needed, rate, done, earliest, latest, level)


def _too_little(acts: Acts, now: datetime, working: WorkingHours | None) -> str:
    """Why nothing can be said, or empty."""
    if sum(acts.values()) < FEWEST_ACTS:
        return f"fewer than {FEWEST_ACTS} answers have been given"
    worked = between(min(acts), now, working)
    if working is None and worked < 24 * FEWEST_DAYS:
        return f"no working hours are named, and fewer than {FEWEST_DAYS} days have passed"
    if worked < FEWEST_HOURS:
        return f"fewer than {FEWEST_HOURS:g} hours have been worked"
    return ""


def _pace(acts: Acts, now: datetime, working: WorkingHours | None) -> _Pace:
    first = min(acts)
    worked = between(first, now, working)
    start, end = working.minutes if working else (0, 24 * 60)
    day = (end - start) / 60
    count, hours = _parts(worked, day, working)
    done = [0.0] * count
    for at, acted in acts.items():
        # From the end: what does not fill a part lies at the beginning, and is left out.
        part = ceil((worked - between(first, at, working)) / hours) - 1
        if part < count:
            done[max(0, part)] += acted
    mean = max(0.0, sum(done) / count)
    # Equal counts may be luck: what comes one by one varies at least so much.
    varies = max(mean, sum((one - mean) ** 2 for one in done) / (count - 1))
    of_days = (DAYS_VARY * mean) ** 2 if hours < day else 0.0
    unknown = varies / count + of_days * day / worked
    return _Pace(count, hours, mean, varies + of_days * day / hours, unknown)


def _parts(worked: float, day: float, working: WorkingHours | None) -> tuple[int, float]:
    """How many parts there are, and of how many hours."""
    if working is None or worked >= PARTS * day:
        return min(MOST_PARTS, int(worked / day)), day
    return PARTS, worked / PARTS


def _limits(pace: _Pace, needed: int, level: float) -> tuple[float, float] | None:
    """Between how many parts it takes; None where no latest can be told."""
    from scipy.stats import t

    quantile = float(t.ppf((1 + level) / 2, pace.count - 1))
    square = pace.mean**2 - quantile**2 * pace.unknown
    if square <= 0:
        return None
    half = needed * pace.mean + quantile**2 * pace.varies / 2
    root = sqrt(half**2 - square * needed**2)
    return (half - root) / square, (half + root) / square


def in_words(told: Forecast, *, now: datetime, zone: str = "UTC") -> str:
    """The forecast as a sentence, by the clock of a zone, to the half hour.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    >>> in_words(Forecast(9, 1.0, at + timedelta(hours=29), at + timedelta(hours=7),
    ...                   at + timedelta(hours=50)), now=at)
    'done by Thursday 14:00 (between Wednesday 16:00 and Friday 11:00)'
    >>> in_words(Forecast(9, why_not="the pace so far varies too much"), now=at)
    'no forecast: the pace so far varies too much'
    """
    if told.done_at is None or told.earliest is None or told.latest is None:
        return f"no forecast: {told.why_not}"
    if not told.needed:
        return "nothing is left to do"
    done, earliest, latest = (
        _moment(at, now, zone, up=up)
        for at, up in ((told.done_at, 0.5), (told.earliest, 0.0), (told.latest, 1.0))
    )
    return f"done by {done} (between {earliest} and {latest})"


def _moment(at: datetime, now: datetime, zone: str, *, up: float) -> str:
    """A time by the clock: with its weekday, and with its day where that is a week away."""
    from zoneinfo import ZoneInfo

    local = at.astimezone(ZoneInfo(zone))
    half = timedelta(minutes=30)
    past = timedelta(
        minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond
    )
    rounded = local - past + (half if past > (1 - up) * half else timedelta())
    far = abs(at - now) >= timedelta(days=6)
    return f"{rounded:%A} {rounded.day} {rounded:%B %H:%M}" if far else f"{rounded:%A %H:%M}"
