"""The commands that say what fixes bought: `burnish compare`, `report`, `return`.

What belongs here: their options. What does not: the work (`burnish.workflows.compare_iterations`,
`.iteration_report`, `.returns`), or `burnish rollback`, which needs the tracker and so runs in
the project.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from burnish.cli_options import JSON_OPTION, with_catalog, with_state

if TYPE_CHECKING:
    from burnish.workflows.home import Home

HTML_OPTION = click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the page to this file [default: among the reports of the home].",
)


@click.command()
@click.argument("before")
@click.argument("after")
@HTML_OPTION
@JSON_OPTION
@with_state
def compare(before: str, after: str, *, page: Path | None, as_json: bool, home: Home) -> None:
    """Hold the models of two iterations against each other, on the old and on the new labels.

    BEFORE and AFTER are names such as digits@iter7.
    """
    from burnish.workflows.showing_comparison import print_comparison

    print_comparison(home, before, after, page=page, as_json=as_json)


@click.command()
@click.argument("name")
@HTML_OPTION
@JSON_OPTION
@with_state
def report(name: str, *, page: Path | None, as_json: bool, home: Home) -> None:
    """Write the report of an iteration: what changed and why, what it bought, what got worse.

    NAME is DATASET@iter7, or DATASET for the newest closed iteration, with the cards of its
    champion.
    """
    from burnish.workflows.showing_report import print_report

    print_report(home, name, page=page, as_json=as_json)


@click.command("return")
@click.argument("dataset")
@click.option(
    "--last",
    type=click.IntRange(1, 50),
    default=5,
    show_default=True,
    help="How many batches, newest first, are each left out in turn.",
)
@click.option(
    "--seeds",
    type=click.IntRange(2, 100),
    default=5,
    show_default=True,
    help="How many times each is retrained.",
)
@HTML_OPTION
@JSON_OPTION
@with_catalog
def returns(
    dataset: str,
    *,
    last: int,
    seeds: int,
    page: Path | None,
    as_json: bool,
    catalog: Path,
    home: Home,
) -> None:
    """Retrain DATASET's model with and without each batch of fixes, and say what each bought."""
    from burnish.workflows.showing_returns import print_returns

    print_returns(home, catalog, dataset, last=last, seeds=seeds, page=page, as_json=as_json)
