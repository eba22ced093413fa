"""`burnish up`: Dagster, MLflow, review desk and reports of a home here, until told to stop.

What belongs here: the command, the order of things, and what is said on the screen. What does
not: the programs (`pipelines.services`), running them (`pipelines.serving`), the place of one
call in a home (`pipelines.standing`), and the runs in progress (`pipelines.watching`).
"""

import logging
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from burnish.errors import BurnishError, ProjectError, SpecError
from burnish.spec import DatasetSpec, load_usable
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.serve_desk import accounts_of, first_admin, require_libraries
from pipelines.environments import Settings, require_databases, resources_for
from pipelines.instance import prepare
from pipelines.jobs import executor_named
from pipelines.orphans import socket_folder
from pipelines.ports import choose_ports
from pipelines.services import DAEMON, DAGSTER, MLFLOW, PAGES, REVIEW, Place, answers, services
from pipelines.serving import Company, Interrupted, Running
from pipelines.standing import Standing, take_place
from pipelines.watching import Watch

USUAL = {DAGSTER: 3000, MLFLOW: 5000, PAGES: 3001, REVIEW: 3002}
OPTIONS = {
    DAGSTER: "--port",
    MLFLOW: "--mlflow-port",
    PAGES: "--pages-port",
    REVIEW: "--review-port",
}
WATCH_SECONDS = 10.0
PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--port", type=PORT, help="Of Dagster's pages [default: 3000, or a free one].")
@click.option("--mlflow-port", type=PORT, help="Of MLflow [default: 5000, or a free one].")
@click.option("--pages-port", type=PORT, help="Of the reports [default: 3001, or a free one].")
@click.option("--review-port", type=PORT, help="Of the desk [default: 3002, or a free one].")
@click.option("--home", type=click.Path(path_type=Path), help="Where all state lives.")
def up(
    port: int | None,
    mlflow_port: int | None,
    pages_port: int | None,
    review_port: int | None,
    home: Path | None,
) -> None:
    """Start Dagster (webserver and daemon), MLflow, review desk and reports, here alone.

    All of it ends with Ctrl-C. A port that is named must be free; without one, the usual port is
    taken, or a free one where somebody else has it.
    """
    # Read here alone; imported late, since it loads the whole graph.
    from pipelines.definitions import settings_from_environment

    settings = settings_from_environment()
    settings = settings if home is None else replace(settings, home=home.resolve())
    named = {DAGSTER: port, MLFLOW: mlflow_port, PAGES: pages_port, REVIEW: review_port}
    try:
        Up(settings).run(named)
    except BurnishError as error:
        click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise SystemExit(1) from error


class Up:
    """One call of `burnish up`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.token = uuid.uuid4().hex
        self.specs: dict[str, DatasetSpec] = {}
        self.refused: dict[str, SpecError] = {}
        self.stop = threading.Event()
        self.asked, self.asked_at = 0, 0.0

    def run(self, named: Mapping[str, int | None]) -> None:
        """Start everything, stay until told to stop or something ends, end everything.

        Raises `ProjectError` where something cannot start, or has ended by itself.
        """
        self._require_sense(named)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        # Dagster logs each of its attempts to reach a database; we say what comes of them.
        logging.getLogger().addHandler(logging.NullHandler())
        standing, left = take_place(self.settings.home, self.token)
        if left:
            _say(f"Ended what an earlier `burnish up` had left: {', '.join(left)}.")
        usual = {name: port for name, port in USUAL.items() if self._has(name)}
        try:
            ports = choose_ports(usual, named, OPTIONS)
            for name, port in ports.items():
                if port not in {named[name], usual[name]}:
                    _say(f"Port {usual[name]} is in use: {name} listens on {port}.")
            place = self._place(standing, ports)
            self._stand(place, standing)
        except Interrupted:
            _say("Ended before everything had started.")
        finally:
            standing.leave()

    def _has(self, name: str) -> bool:
        return name != MLFLOW or not self.settings.tracking_uri

    def _require_sense(self, named: Mapping[str, int | None]) -> None:
        if named[MLFLOW] is not None and not self._has(MLFLOW):
            raise ProjectError(
                "--mlflow-port is for a server of our own, and MLFLOW_TRACKING_URI names one",
                expected="one or the other",
            )
        # Whatever the environment lacks, it is better said before anything runs.
        resources_for(self.settings)
        executor_named(self.settings.executor)
        self.specs, self.refused = load_usable(self.settings.catalog)
        require_databases(self.settings)
        require_libraries()

    def _say_nights(self) -> None:
        """Which datasets are run, and when; and which are not, and why."""
        for name, spec in self.specs.items():
            when = f"{spec.schedule.cron} ({spec.schedule.timezone})"
            asked_for = "schedule" in spec.model_fields_set
            _say(f"  {name}: {f'every night, {when}' if asked_for else 'no schedule in its spec'}")
        for file, error in self.refused.items():
            _say(f"  {file} is REFUSED, its dataset is not run: {error}")
        if self.refused:
            _say(
                "  A mended spec is read when its location is reloaded in Dagster, or by a restart."
            )
        if not self.specs and not self.refused:
            _say(f"  No dataset yet: {self.settings.catalog} is empty; `burnish init` fills it.")

    def _asked_to_stop(self, number: int, _: object) -> None:
        # A terminal and whoever forwards signals may both tell us of one Ctrl-C.
        if time.monotonic() - self.asked_at > 1:
            self.asked += 1
        self.asked_at = time.monotonic()
        self.stop.set()
        if number == signal.SIGHUP:
            _leave_terminal()

    def _place(self, standing: Standing, ports: Mapping[str, int]) -> Place:
        folder = Path(tempfile.mkdtemp(prefix=socket_folder()))
        place = Place(self.settings, folder, ports)
        standing.folder = folder
        standing.addresses = {name: place.url(name) for name in ports}
        standing.write()
        return place

    def _stand(self, place: Place, standing: Standing) -> None:
        settings = self.settings
        _say(f"Starting; what each program says is in {settings.home / 'logs'}")
        home = prepare_home(
            settings.home, database_url=settings.database_url, tables=settings.tables_root
        )
        known, _ = load_usable(settings.catalog)
        prepare(settings.home, dagster_url=settings.dagster_url, retry=True, datasets=known)
        company = Company(self.token, settings.home / "logs", self.stop, standing.started)
        with Watch(place) as watch:
            try:
                company.boot(services(place), _say_answers)
                _say_addresses(place)
                _say_who_may_review(home)
                self._say_nights()
                self._stay(company, watch)
            finally:
                self._end(company, watch)

    def _stay(self, company: Company, watch: Watch) -> None:
        looked = time.monotonic()
        while not self.stop.wait(0.5):
            company.require_all_alive("has ended")
            if time.monotonic() - looked > WATCH_SECONDS:
                for line in watch.look():
                    _say(line)
                looked = time.monotonic()

    def _end(self, company: Company, watch: Watch) -> None:
        _say("Ending all of it; once more ends it at once.")
        asked = self.asked

        def hurry() -> bool:
            return self.asked > asked

        try:
            # First of all the daemon: it would launch the next run.
            company.terminate(DAEMON)
            cancelled = watch.cancel(hurry)
        except BurnishError as error:
            _say(f"Runs in progress are cut off, and marked by the next start: {error}")
            cancelled = None
        finally:
            company.end(hurry)
        for line in watch.close_the_books(cancelled) if cancelled is not None else ():
            _say(line)
        _say("Ended.")


def _leave_terminal() -> None:
    """Write nowhere from now on: the terminal is gone, and writing to it would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _say_answers(running: Running) -> None:
    _say(f"  {running.service.name:<12} answers after {time.time() - running.since:.0f} s")


def _say_addresses(place: Place) -> None:
    settings = place.settings
    tracking = place.tracking
    if settings.tracking_uri.startswith("http") and not answers(f"{tracking}/health"):
        tracking += "  (does not answer now)"
    rows = (
        ("Dagster", place.url(DAGSTER), "lineage, gates, runs, schedules"),
        ("MLflow", tracking, "iterations, compared"),
        ("Reports", place.pages, "what gates found, what reviews bought"),
        ("Review", place.review, "where people decide on the rows of a batch"),
    )
    width = max(len(address) for _, address, _ in rows)
    _say("")
    for name, address, what in rows:
        _say(f"  {name:<9} {address:<{width}}   {what}")
    _say(f"  {'Home':<9} {settings.home}")
    _say("\nCtrl-C ends all of it.")


def _say_who_may_review(home: Home) -> None:
    """The first who may sign in at the desk, told where only a screen keeps it."""
    accounts = accounts_of(home)
    made = first_admin(accounts) if sys.stdout.isatty() else None
    if made is not None:
        _say(str(made))
    elif not accounts.anybody_can_sign_in():
        _say("Nobody can sign in at the desk yet: burnish review person add NAME --role admin")


def _say(line: str) -> None:
    # Nobody may be there to read it any more, and the programs have to end all the same.
    with suppress(OSError):
        click.echo(line)
        sys.stdout.flush()
