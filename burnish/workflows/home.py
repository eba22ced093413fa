"""The home of a project's state: one folder, and how its parts are opened without a project.

What belongs here: paths under a home, and opening store, ledger and versions for commands that
need no orchestrator. What does not: the Dagster resources that do the same from configuration
(`resources.tables`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from burnish.database import open_database
from burnish.errors import ProjectError
from burnish.ledger import SqlLedger
from burnish.store import DeltaStore
from burnish.versions import Versions


@dataclass(frozen=True)
class Home:
    """An opened home: `versions` for tables and iterations, `ledger` for verdicts."""

    folder: Path
    versions: Versions
    ledger: SqlLedger

    @property
    def reports(self) -> Path:
        return self.folder / "reports"


def open_home(folder: Path, *, database_url: str = "", tables: str = "") -> Home:
    """Open the state that earlier runs left in `folder`.

    Raises `ProjectError` where nothing was ever run with that home.
    """
    database = database_url or str(folder / "burnish.db")
    if not database_url and not Path(database).exists():
        raise ProjectError(
            f"nothing was run yet with the home {folder}",
            expected="a folder that holds burnish.db",
            hint="run `burnish loop` first, or name the home with --home",
        )
    return prepare_home(folder, database_url=database_url, tables=tables)


def prepare_home(folder: Path, *, database_url: str = "", tables: str = "") -> Home:
    """Open the state in `folder`, making it where it is new."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_database(database_url or str(folder / "burnish.db"))
    ledger = SqlLedger(engine, clock=_now)
    store = DeltaStore(tables or folder / "tables", engine, clock=_now)
    return Home(folder, Versions(engine, store, ledger, clock=_now), ledger)


def find_project(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds a `workspace.yaml`.

    Raises `ProjectError` where there is none.
    """
    for folder in (start, *start.parents):
        if (folder / "workspace.yaml").is_file():
            return folder
    raise ProjectError(
        f"no Burnish project around {start}",
        expected="a folder with workspace.yaml, here or above",
        hint="go to the project's folder, or name it with --project",
    )


def project_home(home: Path | None, project: Path | None) -> Path:
    """The home named by --home, else `.burnish` of the project (named, or around us)."""
    return (home or (project or find_project(Path.cwd())) / ".burnish").resolve()


def _now() -> datetime:
    return datetime.now(UTC)
