"""`burnish rollback`: an earlier champion serves again, by one command.

What belongs here: options, the tracker of this environment, and what is said at the end. What does
not: whether it may be, and its record (`burnish.workflows.rolling_back`).
"""

from dataclasses import replace
from pathlib import Path

import click
import dagster as dg

from burnish.errors import BurnishError
from burnish.patience import Patience
from burnish.typing import Tracker
from burnish.workflows.home import open_home
from burnish.workflows.rolling_back import roll_back
from pipelines.definitions import settings_from_environment
from pipelines.environments import resources_for

PATIENCE = 8.0
"""Seconds that a tracking server may cost: its alias may as well follow later."""


@click.command()
@click.argument("dataset")
@click.option("--to", help="digits@iter7, or 7 [default: the champion before the present one].")
@click.option("--author", required=True, help="Who decides this; recorded.")
@click.option("--why", required=True, help="Why, in a sentence; recorded.")
@click.option("--home", type=click.Path(path_type=Path), help="Where all state lives.")
def rollback(dataset: str, to: str | None, author: str, why: str, home: Path | None) -> None:
    """Make an earlier champion of DATASET champion again.

    It is recorded, the next model is held against it, and the alias `champion` in MLflow follows:
    at once where the server answers, else when tracked_iterations runs next.
    """
    try:
        settings = settings_from_environment()
        settings = settings if home is None else replace(settings, home=home.resolve())
        opened = open_home(
            settings.home, database_url=settings.database_url, tables=settings.tables_root
        )
        # The resource reads variables that stand for passwords, as it does for a run.
        with dg.build_resources({"tracker": resources_for(settings)["tracker"]}) as built:
            tracker: Tracker = built.tracker
            done = roll_back(
                opened.versions,
                tracker,
                dataset,
                to=to,
                author=author,
                why=why,
                patience=Patience(PATIENCE),
            )
    except BurnishError as error:
        click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise SystemExit(1) from error
    click.echo(done.sentence)
