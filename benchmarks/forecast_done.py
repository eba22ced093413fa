"""How often a batch is done within the range that the desk forecasts.

Teams work through batches in worlds that are made here: people who come every day or do not, who
stop when they please, who slow down. At a moment of each batch the desk's forecast is made from
what was done until then, and held against when the batch was done. A range of 80 % should hold in
about 80 of 100.

    python benchmarks/forecast_done.py [--batches 1000]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from paired import table

from burnish.review.forecast import Forecast, forecast
from burnish.review.working import hours_of
from burnish.spec import WorkingHours

NINE_TO_FIVE = WorkingHours()
BINS = 48
"""Of ten minutes, in a working day of eight hours."""
DAYS = 120
FIRST = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HEADERS = ["world", "forecast", "held", "too early", "too late", "no forecast", "width"]

Done = NDArray[np.int64]
"""Acts in each ten minutes of each working day, shape (days, BINS)."""


@dataclass(frozen=True)
class World:
    """How people work, and whether the spec says in which hours."""

    name: str
    work: Callable[[np.random.Generator], Done]
    working: WorkingHours | None = NINE_TO_FIVE


def steady(rng: np.random.Generator) -> Done:
    """One pace, at all times."""
    return rng.poisson(rng.uniform(3, 15), (DAYS, BINS))


def team(rng: np.random.Generator, people: int = 5, comes: float = 0.75) -> Done:
    """People who come or do not, for a part of the day, each at a pace that varies by day."""
    pace = np.zeros((DAYS, BINS))
    for own in rng.lognormal(np.log(3.0), 0.5, people):
        for day in range(DAYS):
            if rng.random() < comes:
                length = int(rng.integers(BINS // 6, BINS + 1))
                start = int(rng.integers(0, BINS - length + 1))
                pace[day, start : start + length] += own * rng.lognormal(0.0, 0.25)
    return rng.poisson(pace)


def alone(rng: np.random.Generator) -> Done:
    """One person who comes on three days of five."""
    return team(rng, people=1, comes=0.6)


def bursts(rng: np.random.Generator) -> Done:
    """Twenty minutes of work now and then, an hour or two apart."""
    on = np.zeros(DAYS * BINS, dtype=bool)
    at = 0
    while at < len(on):
        at += int(rng.geometric(1 / 8))
        on[at : at + 2] = True
        at += 2
    return rng.poisson(np.where(on, 25.0, 0.0)).reshape(DAYS, BINS)


def slowing(rng: np.random.Generator) -> Done:
    """A team that does 5 % less each day."""
    return rng.binomial(team(rng), 0.95 ** np.arange(DAYS)[:, None])


def leaving(rng: np.random.Generator) -> Done:
    """A team that is half of it from some day on."""
    done = team(rng)
    gone = int(rng.integers(2, 10))
    done[gone:] = rng.binomial(done[gone:], 0.5)
    return done


WORLDS = (
    World("one steady pace", steady),
    World("a team of five", team),
    World("one person, three days of five", alone),
    World("short bursts", bursts),
    World("a team of five, no hours named", team, None),
    World("a team that slows by 5 % a day", slowing),
    World("a team that is halved", leaving),
)


def moments() -> list[datetime]:
    """When each ten minutes begin, over all working days."""
    days = [FIRST.date() + timedelta(days=at) for at in range(2 * DAYS)]
    from zoneinfo import ZoneInfo

    worked = [day for day in days if day.weekday() < 5][:DAYS]
    starts = [hours_of(day, NINE_TO_FIVE, ZoneInfo("UTC"))[0] for day in worked]
    return [start + timedelta(minutes=10 * at) for start in starts for at in range(BINS)]


def one_batch(
    world: World, rng: np.random.Generator, times: list[datetime]
) -> tuple[Forecast, datetime, datetime] | None:
    """A forecast, when it was made, and when the batch was done; None where it never was."""
    done = world.work(rng).reshape(-1)
    so_far = np.cumsum(done)
    size = int(rng.integers(200, 4000))
    if so_far[-1] < size:
        return None
    end = int(np.searchsorted(so_far, size))
    asked = int(np.searchsorted(so_far, rng.uniform(0.1, 0.9) * size))
    now, finished = times[asked] + timedelta(minutes=10), times[end] + timedelta(minutes=10)
    acts = {times[at]: int(done[at]) for at in range(asked + 1) if done[at]}
    needed = size - int(so_far[asked])
    return forecast(acts, needed, now=now, working=world.working), now, finished


def measured(world: World, batches: int) -> list[object]:
    """A row of the table."""
    rng, times = np.random.default_rng(9), moments()
    made = [found for _ in range(batches) if (found := one_batch(world, rng, times)) is not None]
    told = [one for one in made if one[0].done_at is not None and one[0].needed]
    early = sum(at < one.earliest for one, _, at in told if one.earliest)
    late = sum(at > one.latest for one, _, at in told if one.latest)
    widths = [
        (one.latest - one.earliest) / (one.done_at - now)
        for one, now, _ in told
        if one.latest and one.earliest and one.done_at and one.done_at > now
    ]
    share = len(told) or 1
    return [
        world.name,
        len(told),
        f"{(len(told) - early - late) / share:.0%}",
        f"{early / share:.0%}",
        f"{late / share:.0%}",
        f"{1 - len(told) / max(1, len(made)):.0%}",
        f"{np.median(widths):.2f}" if widths else "",
    ]


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--batches", type=int, default=1000)
    batches = asked.parse_args().batches
    print(table(HEADERS, [[str(cell) for cell in measured(one, batches)] for one in WORLDS]))
    print("width: of the range, beside the time from the forecast to its middle (median)")


if __name__ == "__main__":
    main()
