"""The command that says why a label is doubted: `burnish explain`.

What belongs here: its options. What does not: the work (`burnish.workflows.explain`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from burnish.cli_options import JSON_OPTION, with_catalog

if TYPE_CHECKING:
    from burnish.workflows.home import Home


@click.command()
@click.argument("dataset")
@click.argument("example_id")
@click.option(
    "--iteration",
    type=click.IntRange(min=1),
    default=None,
    help="Whose audit is asked [default: the newest].",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write a page to this file as well.",
)
@JSON_OPTION
@with_catalog
def explain(
    dataset: str,
    example_id: str,
    *,
    iteration: int | None,
    page: Path | None,
    as_json: bool,
    catalog: Path,
    home: Home,
) -> None:
    """Say what speaks against the label of EXAMPLE_ID and what for it.

    The signals of the audit, the rows most like it, and which of their labels would account for
    the doubt. Not for people who may still be asked about the row: it would answer for them.
    """
    from burnish.workflows.showing_explanation import print_explanation

    print_explanation(
        home, catalog, dataset, example_id, iteration=iteration, page=page, as_json=as_json
    )
