"""The environments a project runs in, and the resources of each.

What belongs here: `Settings` and the table `ENVIRONMENTS`. What does not: reading environment
variables, which `pipelines.definitions` alone does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.errors import ProjectError
from resources.compute import MapperResource
from resources.expectations import GateRunnerResource
from resources.tables import LedgerResource, VersionsResource
from resources.tracking import TrackerResource


@dataclass(frozen=True)
class Settings:
    """Where a project's state lives; what is left empty is SQLite or a folder in `home`.

    `database_url` is the ledger and our record, `dagster_url` Dagster's own storage,
    `mlflow_url` what the MLflow server of `burnish up` keeps its runs in, `tracking_uri` the
    server that iterations are logged to, `pages_url` the address under which reports are served.
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
    executor: str = "in_process"
    git_sha: str = "unknown"


def _embedded(settings: Settings) -> dict[str, Any]:
    """SQLite and local files, all of it in one folder."""
    database = settings.database_url or str(settings.home / "burnish.db")
    tables = settings.tables_root or str(settings.home / "tables")
    pages = settings.home / "reports"
    pages.mkdir(parents=True, exist_ok=True)
    return {
        "versions": VersionsResource(database=database, tables=tables),
        "ledger": LedgerResource(database=database),
        "gate_runner": GateRunnerResource(),
        "tracker": TrackerResource(tracking_uri=settings.tracking_uri, home=str(settings.home)),
        "mapper": MapperResource(),
        "pages": pages,
        "git_sha": settings.git_sha,
    }


def _production(settings: Settings) -> dict[str, Any]:
    """The same parts, but nothing may fall back to a file on one machine by accident."""
    missing = [
        name
        for name, value in (
            ("BURNISH_DATABASE_URL", settings.database_url),
            ("MLFLOW_TRACKING_URI", settings.tracking_uri),
        )
        if not value
    ]
    if missing:
        raise ProjectError(
            f"the environment 'prod' lacks {' and '.join(missing)}",
            expected="a database and a tracking server that outlive this machine",
            hint="set the variables, or run with BURNISH_ENV=dev",
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
