"""The command `burnish`: what can be done from a shell.

What belongs here: options, and turning deliberate errors into a message and an exit code. What
does not: the work itself (`burnish.workflows`) or anything that needs the orchestrator, which
runs as `python -m pipelines.runner` inside the project.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from burnish import __version__
from burnish.errors import BurnishError

if TYPE_CHECKING:
    from burnish.workflows.home import Home

STATE_OPTIONS = (
    click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="BURNISH_HOME",
        help="Where all state lives [default: .burnish beside the project].",
    ),
    click.option(
        "--database-url",
        envvar="BURNISH_DATABASE_URL",
        default="",
        help="Where ledger and record are [default: SQLite in the home].",
    ),
    click.option(
        "--tables",
        envvar="BURNISH_TABLES",
        default="",
        help="The root of the versioned tables [default: in the home].",
    ),
)
PROJECT_OPTION = click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The project's folder [default: the nearest one with workspace.yaml].",
)


def with_state(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a project's state, and hand it the opened home."""

    @wraps(command)
    def opened(
        *args: Any,
        home: Path | None,
        project: Path | None,
        database_url: str,
        tables: str,
        **more: Any,
    ) -> None:
        from burnish.workflows.home import open_home, project_home

        folder = project_home(home, project)
        command(*args, home=open_home(folder, database_url=database_url, tables=tables), **more)

    chosen: Callable[..., None] = opened
    for option in (PROJECT_OPTION, *reversed(STATE_OPTIONS)):
        chosen = option(chosen)
    return chosen


class _Group(click.Group):
    """Shows a deliberate error as a message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BurnishError as error:
            click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
            raise SystemExit(1) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="burnish")
def main() -> None:
    """Better models through better data: audit, review, retrain, and see what it bought."""


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", required=True, help="The column that holds the label.")
@click.option("--name", default=None, help="The dataset's name [default: from the file's name].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Where to write the spec [default: catalog/NAME.yaml of the project, else here].",
)
@PROJECT_OPTION
def init(file: Path, target: str, name: str | None, out: Path | None, project: Path | None) -> None:
    """Write a first dataset spec from a look at FILE (CSV or Parquet)."""
    from burnish.workflows.init import write_first_spec

    first = write_first_spec(file, target=target, name=name, out=out, project=project)
    spec = first.spec
    click.echo(
        f"Wrote {first.path}: {len(spec.features)} features, {len(spec.classes)} classes, "
        f"{len(spec.slices)} slices."
    )
    for note in first.notes:
        click.echo(f"Note: {note}")
    click.echo(
        f"Look it over, then:\n  burnish loop --dataset {spec.name} --iterations 1 --reviewer file"
    )


@main.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    }
)
@PROJECT_OPTION
@click.pass_context
def loop(ctx: click.Context, project: Path | None) -> None:
    """Run iterations of the loop in the project (`burnish loop --help` lists the options)."""
    from burnish.workflows.home import find_project

    root = (project or find_project(Path.cwd())).resolve()
    # The project's folders are found by path, and the caller's own folder stays the current one:
    # paths in the options mean what they say there.
    command = [sys.executable, "-P", "-m", "pipelines.runner", "loop", *ctx.args]
    search = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, check=False)
    raise SystemExit(done.returncode)


@main.group()
def queue() -> None:
    """What people are asked to look at."""


@queue.command("export")
@click.argument("dataset")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True)
@with_state
def export_queue(dataset: str, target: Path, home: Home) -> None:
    """Write the undecided items of DATASET's open batch as a CSV to fill in.

    The label as it stands and the model's opinion are left out on purpose: people agree with
    what they are shown.
    """
    from burnish.workflows.exchange import export_items

    count = export_items(home, dataset, target)
    click.echo(
        f"Wrote {count} items to {target}. Fill in `label` (or `decision`: drop, unsure), then:\n"
        f"  burnish verdicts import {target} --dataset {dataset} --author YOUR-NAME"
    )


@main.group()
def verdicts() -> None:
    """What people decided."""


@verdicts.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", required=True)
@click.option("--author", default="", help="Who decided, for rows without an `author`.")
@with_state
def import_verdicts(file: Path, dataset: str, author: str, home: Home) -> None:
    """Take the filled-in CSV FILE into the label ledger. Twice is the same as once."""
    from burnish.workflows.exchange import import_file

    click.echo(str(import_file(home, dataset, file, author=author)))


if __name__ == "__main__":
    main()
