"""Reaching MLflow: quiet, quick to say that nobody is there, and never two at a fresh database.

What belongs here: what must be settled before the first call, and the translation of MLflow's
errors. What does not: what is logged (`resources.tracking`).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 2.5
INITIALISE_SECONDS = 120.0
"""How long to wait for another process that initialises the same fresh database."""

HINT = "the data work is kept: mend this, then materialize `champion` again"

# MLflow reads these when it is imported or called. A user's own values win.
_MANNERS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_SQLITE = "sqlite:///"


def connect(uri: str) -> MlflowClient:
    """A client of the server or database at `uri`, which was seen to answer.

    Raises `TrackingError` within about five seconds where a server does not.
    """
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)
    if uri.startswith(("http://", "https://")):
        _probe(uri)
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if uri.startswith(_SQLITE):
        return _initialised(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def mlflow_errors(uri: str, doing: str) -> Iterator[None]:
    """Turns whatever MLflow and the layers under it raise into a `TrackingError`."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrackingError(
            f"MLflow at {uri} did not take {doing}: {first_line}",
            expected="a tracking server that accepts the iteration",
            hint=HINT,
        ) from error


def _probe(uri: str) -> None:
    import requests

    try:
        answer = requests.get(
            f"{uri.rstrip('/')}/health", timeout=(CONNECT_SECONDS, ANSWER_SECONDS)
        )
    except requests.RequestException as error:
        raise _unreachable(uri, type(error).__name__) from error
    # Gateways in front of a server may not know /health; only what is broken is refused here.
    if answer.status_code >= 500:
        raise _unreachable(uri, f"HTTP {answer.status_code}")


def _unreachable(uri: str, why: str) -> TrackingError:
    return TrackingError(
        f"no MLflow server answers at {uri} ({why})",
        expected="a running tracking server",
        hint=f"{HINT}; `mlflow server` starts one",
    )


def _initialised(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    path = Path(uri.removeprefix(_SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Processes that create the tables of a fresh database at once break each other. SQLite's own
    # write lock on a file beside it lets one in at a time, and goes away with its process.
    lock = path.with_name(f"{path.name}.lock")
    with mlflow_errors(uri, "a connection"), closing(_open(lock)) as held:
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise _unreachable(uri, f"{lock} stays locked") from error
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    return client


def _open(lock: Path) -> sqlite3.Connection:
    return sqlite3.connect(lock, timeout=INITIALISE_SECONDS, isolation_level=None)
