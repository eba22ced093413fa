"""The environments a project runs in, and the resources of each.

What belongs here: `Settings` and the table `ENVIRONMENTS`. What does not: reading environment
variables, which `pipelines.definitions` alone does: here their names are at most passed on.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from burnish.errors import ProjectError
from burnish.modeling import FolderCache
from burnish.report.pages import Pages
from resources.compute import MapperResource
from resources.expectations import GateRunnerResource
from resources.tables import LedgerResource, PolicyRecordResource, VersionsResource
from resources.tracking import TrackerResource

CONNECT_SECONDS = 3


@dataclass(frozen=True)
class Settings:
    """Where a project's state lives; what is left empty is SQLite or a folder in `home`.

    `database_url` is the ledger and our record, `dagster_url` Dagster's own storage,
    `mlflow_url` what the MLflow server of `burnish up` keeps its runs in, `tracking_uri` the
    server that iterations are logged to, `pages_url` the address under which reports are served,
    `review_url` the one under which people reach the review desk. `look_seconds` lie between two
    looks of a sensor (0: as many as each takes by itself). `named` are the variables that specs
    may name, for addresses that are secrets; `webhook_private` lets notes go into a network of
    one's own.
    """

    project: Path
    home: Path
    catalog: Path
    environment: str = "dev"
    database_url: str = ""
    tables_root: str = ""
    tracking_uri: str = ""
    dagster_url: str = ""
    mlflow_url: str = ""
    pages_url: str = ""
    review_url: str = ""
    executor: str = "in_process"
    look_seconds: int = 0
    webhook_private: bool = False
    named: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    git_sha: str = "unknown"


def _embedded(settings: Settings) -> dict[str, Any]:
    """SQLite and local files, all of it in one folder."""
    database = _named("BURNISH_DATABASE_URL", settings.database_url) or str(
        settings.home / "burnish.db"
    )
    tables = settings.tables_root or str(settings.home / "tables")
    pages = Pages(settings.home / "reports", settings.pages_url)
    pages.folder.mkdir(parents=True, exist_ok=True)
    return {
        "versions": VersionsResource(database=database, tables=tables),
        "ledger": LedgerResource(database=database),
        "policy": PolicyRecordResource(database=database),
        "gate_runner": GateRunnerResource(),
        "tracker": TrackerResource(
            # Without a server, the database that `burnish up` shows when it runs.
            tracking_uri=settings.tracking_uri or _named("BURNISH_MLFLOW_URL", settings.mlflow_url),
            home=str(settings.home),
        ),
        "mapper": MapperResource(),
        "cache": FolderCache(settings.home / "cache"),
        "pages": pages,
        "git_sha": settings.git_sha,
    }


def _named(variable: str, value: str) -> str:
    """The variable in place of its value: Dagster shows resources, and passwords are in URLs."""
    return dg.EnvVar(variable) if value and os.environ.get(variable) == value else value


def _production(settings: Settings) -> dict[str, Any]:
    """The same parts, but nothing may fall back to a file on one machine by accident."""
    missing = [
        name
        for name, value in (
            ("BURNISH_DATABASE_URL", settings.database_url),
            ("BURNISH_DAGSTER_URL", settings.dagster_url),
            (
                "MLFLOW_TRACKING_URI (or BURNISH_MLFLOW_URL, for the server of `burnish up`)",
                settings.tracking_uri or settings.mlflow_url,
            ),
        )
        if not value
    ]
    if missing:
        raise ProjectError(
            f"the environment 'prod' lacks {' and '.join(missing)}",
            expected="databases and a tracking server, each named",
            hint="set the variables (docs/deploy.md), or run with BURNISH_ENV=dev",
        )
    return _embedded(settings)


ENVIRONMENTS: Mapping[str, Callable[[Settings], dict[str, Any]]] = {
    "dev": _embedded,
    "test": _embedded,
    "prod": _production,
}


def resources_for(settings: Settings) -> dict[str, Any]:
    """The resources of the environment that the settings name."""
    if settings.environment not in ENVIRONMENTS:
        raise ProjectError(
            f"no environment {settings.environment!r}",
            expected=f"one of {', '.join(ENVIRONMENTS)}",
            hint="set BURNISH_ENV",
        )
    return ENVIRONMENTS[settings.environment](settings)


def require_databases(settings: Settings) -> None:
    """Raise `ProjectError`, with the variable, where a PostgreSQL database does not answer."""
    require_apart(settings)
    for variable, url in (
        ("BURNISH_DATABASE_URL", settings.database_url),
        ("BURNISH_DAGSTER_URL", settings.dagster_url),
        ("BURNISH_MLFLOW_URL", "" if settings.tracking_uri else settings.mlflow_url),
    ):
        require_database(variable, url)


def require_apart(settings: Settings) -> None:
    """Raise `ProjectError` where Dagster and MLflow would share a database."""
    if settings.dagster_url and same_database(settings.dagster_url, settings.mlflow_url):
        raise ProjectError(
            "BURNISH_DAGSTER_URL and BURNISH_MLFLOW_URL name one database",
            expected="a database for each: both note their migrations in a table of the same name",
            hint="create another database for one of them",
        )


def same_database(one: str, other: str) -> bool:
    """Whether two addresses lead to one database, whatever driver, user or options they name.

    >>> same_database("postgresql://ada@localhost/d", "postgresql+psycopg://127.0.0.1:5432/d")
    True
    """
    return bool(one and other) and _place(one) == _place(other)


def _place(url: str) -> tuple[str, int, str]:
    import sqlalchemy as sa

    found = sa.engine.make_url(url)
    host = found.host or "localhost"
    host = "localhost" if host in {"127.0.0.1", "::1"} else host
    return host, found.port or 5432, found.database or found.username or ""


def require_database(variable: str, url: str) -> None:
    """The same for one address; what is not PostgreSQL is a file, and is made where it lacks."""
    if not url or "://" not in url or url.startswith("sqlite"):
        return
    if not url.startswith("postgres"):
        raise ProjectError(
            f"{variable} begins with {url.partition('://')[0]!r}",
            expected="postgresql://user@host/database, or nothing for SQLite in the home",
            hint="mend the variable",
        )
    import sqlalchemy as sa

    engine = sa.create_engine(
        url, poolclass=sa.NullPool, connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        engine.connect().close()
    except sa.exc.SQLAlchemyError as error:
        first_line = str(error).splitlines()[0]
        raise ProjectError(
            f"no database answers at {engine.url.render_as_string()} ({variable}): {first_line}",
            expected="a PostgreSQL server that runs, and a database of that name",
            hint="start the server, create the database, or mend the variable",
        ) from error
