"""The command that says what is wrong with a table: `burnish check`.

What belongs here: its options and its exit code. What does not: the work
(`burnish.workflows.check_file`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from burnish.cli_options import JSON_OPTION
from burnish.errors import BurnishError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", default=None, help="The column that holds the label.")
@click.option("--split", default=None, help="The column of train, validation and test.")
@click.option("--time", default=None, help="The column that says when a row was to be judged.")
@click.option("--id", "identity", default=None, help="The column that names the rows.")
@click.option("--group", default=None, help="The column whose rows belong together.")
@click.option("--text", multiple=True, help="A column of texts; may be given again.")
@click.option("--image", multiple=True, help="A column of images; may be given again.")
@click.option("--exclude", multiple=True, help="A column to leave out; may be given again.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The folder to write a page and a table to [default: nothing is written].",
)
@JSON_OPTION
def check(file: Path, *, as_json: bool, **choices: Any) -> None:
    """Find what is wrong with the rows and columns of FILE: CSV, Parquet, Arrow or JSON lines.

    FILE is only read. Exits with 1 where a finding is an error (training or judging on FILE as it
    is would be wrong), with 2 where it cannot be checked, else with 0.
    """
    from burnish.workflows.check_file import check_file
    from burnish.workflows.check_file_print import print_check

    try:
        found = check_file(file, **choices)
    except BurnishError as error:
        click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise SystemExit(2) from error
    print_check(found, as_json=as_json)
    raise SystemExit(1 if found.failed else 0)
