"""`burnish production run`: production taken, judged, measured and decided without a daemon.

What belongs here: options, the gate runner of this environment, and what is said of each period.
What does not: the periods (`burnish.workflows.production_run`), runs of Dagster
(`assets.production`) or the sensor that decides (`pipelines.policing`): all keep the same tables
and the same record by the same functions.
"""

import os
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
from burnish.policy import Decision, SqlPolicyRecord
from burnish.policy.words import alarm_sentence
from burnish.spec import DatasetSpec, load_usable
from burnish.versions import Versions
from burnish.workflows.alarms_closing import close_alarms
from burnish.workflows.policy_actions import Wanted, carry_out
from burnish.workflows.production_due import production_due
from burnish.workflows.production_labels import join_labels
from burnish.workflows.production_periods import periods_over, require_period, required_production
from burnish.workflows.production_reference import Champion, load_champion
from burnish.workflows.production_rows import read_production
from burnish.workflows.production_run import RanPeriod, remeasure_period, run_period
from pipelines.definitions import settings_from_environment
from pipelines.environments import Settings, resources_for
from pipelines.policing import decide_due, write_pages


@click.group()
def production() -> None:
    """What the champion meets once it serves."""


@production.command("run")
@click.option("--dataset", required=True, help="The dataset's name.")
@click.option("--since", metavar="DAY", help="The first period [default: the first of the spec].")
@click.option("--until", metavar="DAY", help="The last period [default: the newest that is over].")
@click.option("--home", type=click.Path(path_type=Path), help="Where all state lives.")
@click.option(
    "--decide",
    is_flag=True,
    help="Decide what was measured by the policy, and ask for the labels that it asks for.",
)
def run(
    dataset: str, since: str | None, until: str | None, home: Path | None, *, decide: bool
) -> None:
    """Take, judge, predict and measure the periods of production, in order.

    What Dagster's assets do, in one process; what they see afterwards is the same. A period that a
    gate stops is told, and the others go on. With --decide the policy decides as its sensor does;
    what takes a run is said, and left to the sensor.
    """
    try:
        settings = settings_from_environment()
        settings = settings if home is None else replace(settings, home=home.resolve())
        spec = _spec(settings, dataset)
        refused = 0
        for done in run_periods(spec, settings, since=since, until=until):
            click.echo(_sentence(done))
            refused += bool(done.refused)
        if decide:
            for line in decide_now(spec, settings):
                click.echo(line)
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


def decide_now(spec: DatasetSpec, settings: Settings) -> Iterator[str]:
    """What a look of the policy's sensor decides, in words; nobody is told, and no run begins.

    Alarms that the champion answers are closed, labels are asked for, and playbooks are written.
    What takes a run, or another champion, is wanted still at the sensor's next look.
    """
    required_production(spec)
    now = datetime.now(UTC)
    with _opened(settings) as built:
        versions, record, ledger = built["versions"], built["policy"], built["ledger"]
        closed = close_alarms(spec, versions, record)
        for number, why in (closed.closed if closed is not None else {}).items():
            yield f"alarm {number} is closed: {why}"
        made = decide_due(spec, versions, ledger, record, now=now, environ=os.environ, warn=_warn)
        yield from (_decided(period, one) for period, one in made if _tells(one))
        if not any(_tells(one) for _, one in made):
            yield "decided: nothing is to be done"
        for one in carry_out(spec, versions, ledger, record):
            yield _wanted(spec, one)
        write_pages(spec, versions, record, built["pages"], now=now, seen=0)
        for alarm in record.alarms(spec.name):
            if alarm.is_open:
                look = f"burnish alarms show {spec.name} {alarm.number}"
                yield f"alarm {alarm.number} is open: {look}"


def _warn(why: str) -> None:
    click.secho(why, fg="yellow", err=True)


def _tells(made: Decision) -> bool:
    return made.action not in {"ignore", "watch"} or made.alarm in {"raise", "clear"}


def _decided(period: str, made: Decision) -> str:
    rows = f" {made.rows} rows" if made.rows else ""
    held = f", held back: {made.held_back}" if made.held_back else ""
    told = {"raise": f", alarm {made.number} is raised", "clear": f", alarm {made.number} clears"}
    what = made.action.replace("_", " ") + rows
    return f"{period}  {what}{told.get(made.alarm, '')}{held}: {alarm_sentence(made.signal)}"


def _wanted(spec: DatasetSpec, one: Wanted) -> str:
    does = f"starts {spec.name}_{one.part}"
    if one.part == "roll_back":
        does = f"lets an earlier model serve (or you do: burnish rollback {spec.name})"
    return f"{one.period}  the sensor {spec.name}_policy {does}: {one.why}"


@contextmanager
def _opened(settings: Settings) -> Iterator[Mapping[str, Any]]:
    names = ("versions", "policy", "ledger", "gate_runner", "pages")
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
