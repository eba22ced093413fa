"""`burnish production run`: production taken, judged, predicted and measured without a daemon.

What belongs here: options, the gate runner of this environment, and what is said of each period.
What does not: the periods (`burnish.workflows.production_run`), or runs of Dagster
(`assets.production`): both keep the same tables by the same functions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import dagster as dg

from assets.gates import production_suite
from burnish.errors import BurnishError, SpecError
from burnish.policy import SqlPolicyRecord
from burnish.spec import DatasetSpec, load_usable
from burnish.versions import Versions
from burnish.workflows.production_due import production_due
from burnish.workflows.production_labels import join_labels
from burnish.workflows.production_periods import periods_over, require_period, required_production
from burnish.workflows.production_reference import Champion, load_champion
from burnish.workflows.production_rows import read_production
from burnish.workflows.production_run import RanPeriod, remeasure_period, run_period
from pipelines.definitions import settings_from_environment
from pipelines.environments import Settings, resources_for


@click.group()
def production() -> None:
    """What the champion meets once it serves."""


@production.command("run")
@click.option("--dataset", required=True, help="The dataset's name.")
@click.option("--since", metavar="DAY", help="The first period [default: the first of the spec].")
@click.option("--until", metavar="DAY", help="The last period [default: the newest that is over].")
@click.option("--home", type=click.Path(path_type=Path), help="Where all state lives.")
def run(dataset: str, since: str | None, until: str | None, home: Path | None) -> None:
    """Take, judge, predict and measure the periods of production, in order.

    What Dagster's assets do, in one process; what they see afterwards is the same. A period that a
    gate stops is told, and the others go on.
    """
    try:
        settings = settings_from_environment()
        settings = settings if home is None else replace(settings, home=home.resolve())
        spec = _spec(settings, dataset)
        refused = 0
        for done in run_periods(spec, settings, since=since, until=until):
            click.echo(_sentence(done))
            refused += bool(done.refused)
    except BurnishError as error:
        click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise SystemExit(1) from error
    if refused:
        raise SystemExit(3)


def run_periods(
    spec: DatasetSpec, settings: Settings, *, since: str | None = None, until: str | None = None
) -> Iterator[RanPeriod]:
    """Each period of production that is over, in order, as it is done.

    Labels that came in are joined at the end, and what they are of is measured again. Raises
    `DataError` where a bound is no period, `GateError` where there is no champion.
    """
    calendar = required_production(spec)
    for bound in filter(None, (since, until)):
        require_period(calendar, bound)
    now = datetime.now(UTC)
    periods = [
        one for one in periods_over(calendar, now) if (since or one) <= one <= (until or one)
    ]
    with _opened(settings) as built:
        champion = load_champion(spec, built["versions"])
        met = read_production(spec, now=now, periods=periods)
        for period in periods:
            if period not in met.counts:
                continue
            yield run_period(
                spec,
                built["versions"],
                built["policy"],
                built["pages"],
                period,
                met=met,
                suite_of=lambda one: production_suite(spec, built["versions"], one),
                runner=built["gate_runner"],
                now=now,
                champion=champion,
            )
        if calendar.labels is not None:
            join_labels(spec, built["versions"], now=now)
            yield from measure_again(spec, built["versions"], built["policy"], champion, now=now)


def measure_again(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    champion: Champion,
    *,
    now: datetime,
) -> Iterator[RanPeriod]:
    """Periods in whose window labels or rows came in since they were measured, oldest first."""
    for period, _ in production_due(spec, versions, record, now=now).measures:
        yield remeasure_period(spec, versions, record, period, champion=champion)


@contextmanager
def _opened(settings: Settings) -> Iterator[Mapping[str, Any]]:
    names = ("versions", "policy", "gate_runner", "pages")
    wanted = {name: resources_for(settings)[name] for name in names}
    with dg.build_resources(wanted) as built:
        yield {name: getattr(built, name) for name in names}


def _spec(settings: Settings, dataset: str) -> DatasetSpec:
    specs, refused = load_usable(settings.catalog)
    if dataset not in specs:
        mistakes = [error for name, error in refused.items() if Path(name).stem == dataset]
        if mistakes:
            raise mistakes[0]
        raise SpecError(
            f"no dataset {dataset!r} in {settings.catalog}",
            expected=f"one of {', '.join(specs) or 'none yet'}",
        )
    return specs[dataset]


def _sentence(done: RanPeriod) -> str:
    if done.refused:
        return f"{done.period}  {done.rows:>6} rows  refused: {done.refused.splitlines()[0]}"
    worth = "accuracy not known"
    if done.estimated is not None:
        worth = f"accuracy likely {done.estimated:.3f}"
    if done.measured is not None:
        worth += f", {done.measured:.3f} by {done.labels} labels"
    drifted = ", ".join(done.drifted) or "nothing"
    return f"{done.period}  {done.rows:>6} rows  {worth}; drifted: {drifted}"
