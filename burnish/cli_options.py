"""Options that several commands share: which home, which project, which catalog.

What belongs here: decorators that give a command its opened home. What does not: the commands
(`burnish.cli`, `burnish.cli_review`), or opening a home (`burnish.workflows.home`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from burnish.errors import BurnishError, ProjectError

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
CATALOG_OPTION = click.option(
    "--catalog",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="BURNISH_CATALOG",
    help="The folder of the dataset specs [default: catalog of the project].",
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def with_state(command: Callable[..., None], *, project_option: bool = True) -> Callable[..., None]:
    """Give a command the options that name a project's state, and hand it the opened home.

    Without `project_option` the project is the one around us: the command's own `--project` is
    something else.
    """

    @wraps(command)
    def opened(
        *args: Any,
        home: Path | None,
        project: Any = None,
        database_url: str,
        tables: str,
        **more: Any,
    ) -> None:
        from burnish.workflows.home import open_home, project_home

        theirs = {} if project_option else {"project": project}
        folder = project_home(home, project if project_option else None)
        at = open_home(folder, database_url=database_url, tables=tables)
        command(*args, home=at, **theirs, **more)

    chosen: Callable[..., None] = opened
    for option in ((PROJECT_OPTION,) if project_option else ()) + STATE_OPTIONS[::-1]:
        chosen = option(chosen)
    return chosen


def with_catalog(
    command: Callable[..., None], *, project_option: bool = True
) -> Callable[..., None]:
    """Give a command the opened home as `with_state` does, and the catalog's folder."""
    opened = with_state(command, project_option=project_option)

    @wraps(opened)
    def found(*args: Any, catalog: Path | None, project: Any = None, **more: Any) -> None:
        folder = found_catalog(catalog, project if project_option else None)
        opened(*args, project=project, catalog=folder, **more)

    return CATALOG_OPTION(found)


def with_catalog_if_any(command: Callable[..., None]) -> Callable[..., None]:
    """As `with_catalog`, for a command that can do without: it gets None where there is none."""
    opened = with_state(command)

    @wraps(opened)
    def found(*args: Any, catalog: Path | None, project: Path | None, **more: Any) -> None:
        try:
            folder = found_catalog(catalog, project)
        except ProjectError:
            folder = None
        opened(*args, project=project, catalog=folder, **more)

    return CATALOG_OPTION(found)


def found_catalog(catalog: Path | None, project: Path | None = None) -> Path:
    """The catalog that was named, else that of the project; `ProjectError` where there is none."""
    from burnish.workflows.home import find_project

    return (catalog or (project or find_project(Path.cwd())) / "catalog").resolve()


class MessageGroup(click.Group):
    """Shows a deliberate error as a message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BurnishError as error:
            click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
            raise SystemExit(1) from error
