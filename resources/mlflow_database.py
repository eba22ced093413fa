"""MLflow's own database: its tables are made once, by one process, as a whole.

What belongs here: making the tables of a fresh database, and keeping those apart that would make
them at once. What does not: servers, and what an error means (`resources.mlflow_connection`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

INITIALISE_SECONDS = 120.0
"""How long to wait for another process that makes the same tables."""

# Any fixed number: on PostgreSQL those who may make MLflow's tables take turns under it.
INITIALISE_LOCK = 0x6D6C666C

SQLITE, POSTGRESQL = "sqlite:///", "postgresql"


def is_initialised(uri: str) -> bool:
    """Whether a database has MLflow's tables; waits while somebody is making them.

    Asked without loading MLflow, which takes seconds. Raises `TimeoutError` where they never end.
    """
    import sqlalchemy as sa

    if uri.startswith(SQLITE) and not _file(uri).exists():
        return False
    with _alone(uri, INITIALISE_SECONDS):
        engine = sa.create_engine(uri)
        try:
            return sa.inspect(engine).has_table("alembic_version")
        finally:
            engine.dispose()


def initialised(uri: str, seconds: float) -> MlflowClient:
    """A client of a database whose tables are there, made now if need be.

    Raises `TimeoutError`, or what the database raises, where another process makes them for
    longer than `seconds`.
    """
    from mlflow import MlflowClient

    with _alone(uri, seconds):
        if uri.startswith(SQLITE) and not _file(uri).exists():
            _make(_file(uri))
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    return client


def _make(path: Path) -> None:
    """Make MLflow's tables under another name: what a kill leaves of them, nothing can mend."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    draft = path.with_name(f".{path.name}.draft")
    for left in path.parent.glob(f"{draft.name}*"):
        left.unlink()
    SqlAlchemyStore(f"{SQLITE}{draft}", str(path.with_name("mlartifacts"))).engine.dispose()
    with suppress(FileExistsError):  # a server that asks for no lock may have made it meanwhile
        path.hardlink_to(draft)
    draft.unlink()


@contextmanager
def _alone(uri: str, seconds: float) -> Iterator[None]:
    """One process at a time: those that make the tables of a fresh database at once break them."""
    if uri.startswith(SQLITE):
        with _sqlite_lock(_file(uri), seconds):
            yield
    elif uri.startswith(POSTGRESQL):
        with _postgresql_lock(uri, seconds):
            yield
    else:
        yield


@contextmanager
def _sqlite_lock(path: Path, seconds: float) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite's own write lock on a file beside the database goes away with its process.
    lock = path.with_name(f"{path.name}.lock")
    with closing(sqlite3.connect(lock, timeout=seconds, isolation_level=None)) as held:
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise TimeoutError(f"{lock} stays locked") from error
        yield


@contextmanager
def _postgresql_lock(uri: str, seconds: float) -> Iterator[None]:
    import sqlalchemy as sa

    engine = sa.create_engine(uri, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as held:
        held.execute(sa.text(f"SET lock_timeout = {max(1, int(1000 * seconds))}"))
        # Held by the session, so that it goes away with its process.
        held.execute(sa.select(sa.func.pg_advisory_lock(INITIALISE_LOCK)))
        yield


def _file(uri: str) -> Path:
    return Path(uri.removeprefix(SQLITE))
