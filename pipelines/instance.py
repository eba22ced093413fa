"""The Dagster instance of a home: its folder, its configuration, and opening it.

What belongs here: `DAGSTER_HOME` under a Burnish home. What does not: our own record of
iterations and gates (`burnish.versions`; Dagster's event log mirrors that), and what became of
runs whose process is gone (`pipelines.orphans`).
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from burnish.errors import ProjectError
from pipelines.databases import make_databases
from pipelines.orphans import PROCESS_TAG, end_orphans, process_name

__all__ = ["PROCESS_TAG", "open_instance", "prepare", "process_name"]

DAGSTER_URL = "BURNISH_DAGSTER_URL"
"""The variable that names Dagster's database: dagster.yaml refers to it, and holds no password."""

POOLS = ("dataset", "returns", "production")
"""What the pools of a dataset are called, before its name: its cycle, and what runs beside it."""

OURS = (
    "# Written by Burnish",
    "# The Dagster instance of a Burnish home; copied there when the home is first used.",
)
"""How the first line of a dagster.yaml begins that nobody else has laid a hand on."""

STORAGE = f"""\
storage:
  postgres:
    postgres_url:
      env: {DAGSTER_URL}
"""

QUIET_STEPS = {
    # A loop on a terminal shows its own progress; captured output would swallow that.
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def prepare(
    home: Path, *, dagster_url: str = "", retry: bool = False, datasets: Iterable[str] = ()
) -> Path:
    """Make `home/dagster`, its configuration and its databases; return that folder.

    With `dagster_url` Dagster keeps runs and events in that PostgreSQL database instead of SQLite
    in the folder. Runs that a killed process left as started are marked failed: they would hold
    the one place that a dataset has. With `retry` the daemon, which is about to start, runs
    again those that a daemon had launched. The pools of `datasets` are made known: Dagster counts
    none that it meets for the first time, so the first two runs of a dataset would overlap.

    Raises `ProjectError` where the database cannot be reached, and where people have made the
    configuration their own and it does not name the database.
    """
    if dagster_url:
        # Where dagster.yaml says to look. Dagster knows no other way to leave a password out.
        os.environ[DAGSTER_URL] = dagster_storage_url(dagster_url)
    folder = _configured(home, dagster_url)
    with _alone(folder):
        make_databases(folder)
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            end_orphans(instance, shared=bool(dagster_url), retry=retry)
            for pool in [f"{kind}/{name}" for name in datasets for kind in POOLS]:
                instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
    return folder


def open_instance(home: Path, *, dagster_url: str = "") -> dg.DagsterInstance:
    """The instance whose history the webserver shows when `DAGSTER_HOME` is the same folder."""
    from dagster._core.instance.ref import InstanceRef

    folder = prepare(home, dagster_url=dagster_url)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=QUIET_STEPS))


def dagster_storage_url(url: str) -> str:
    """A PostgreSQL address with the driver that Dagster's storage is written for.

    >>> dagster_storage_url("postgresql+psycopg://ada@localhost/dagster")
    'postgresql+psycopg2://ada@localhost/dagster'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"postgres(ql)?(\+\w+)?", scheme):
        raise ProjectError(
            f"{DAGSTER_URL} begins with {scheme if separator else 'no scheme'!r}",
            expected="postgresql://user@host/database",
            hint="leave it empty for SQLite in the home",
        )
    return f"postgresql+psycopg2://{rest}"


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns what the database of Dagster's storage raises into an error that names it."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except Exception as error:
        # Its PostgreSQL storage tries a few times, and then raises an error of its own.
        if not isinstance(error, SQLAlchemyError) and not isinstance(
            error.__cause__, SQLAlchemyError
        ):
            raise
        raise ProjectError(
            f"Dagster's database does not answer: {str(error.__cause__ or error).splitlines()[0]}",
            hint=f"see to the server that {DAGSTER_URL} names",
        ) from error


def _configured(home: Path, dagster_url: str) -> Path:
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    wanted = Path(__file__).with_name("dagster.yaml").read_text(encoding="utf-8")
    wanted += STORAGE if dagster_url else ""
    present = target.read_text(encoding="utf-8") if target.exists() else None
    if present is not None and not present.startswith(OURS):
        _require_database(target, present, dagster_url)
    elif present != wanted:
        draft = folder / f".{os.getpid()}.yaml"
        draft.write_text(wanted, encoding="utf-8")
        draft.replace(target)
    return folder


def _require_database(target: Path, text: str, dagster_url: str) -> None:
    if dagster_url and "postgres" not in text:
        raise ProjectError(
            f"{DAGSTER_URL} is set, but {target} names no PostgreSQL storage",
            expected="the file as Burnish writes it, or one with\n" + STORAGE,
            hint="the file is yours since its first line is gone: add that, or delete the file",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: two that create the databases at once leave them broken for good."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
