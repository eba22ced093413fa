"""Reaching MLflow: quiet, quick to say that nobody is there, and never two at a fresh database.

What belongs here: what must be settled before the first call, how long any call may take, and
the translation of MLflow's errors. What does not: what is logged (`resources.tracking`).
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from burnish.errors import TrackingError, TrackingUnavailable
from burnish.patience import Patience
from resources.mlflow_database import INITIALISE_SECONDS, POSTGRESQL, SQLITE, initialised

if TYPE_CHECKING:
    from mlflow import MlflowClient

Made = TypeVar("Made")

PROBE_SECONDS = 2.0
"""How long a server may take to say that it is there."""

HINT = "nothing is lost: mend this, and `tracked_iterations` logs the iteration when it runs again"

# MLflow reads these when it is imported or called. A user's own values win. No request is sent a
# second time by itself: one that was heard, but whose answer was lost, would make two runs.
_MANNERS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connect(uri: str, patience: Patience) -> MlflowClient:
    """A client of the server or database at `uri`, which was seen to answer.

    What its calls wait for a server is taken off `patience`. Raises `TrackingUnavailable` within
    two seconds where nobody answers, or a database is locked.
    """
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)
    probe(uri, patience)
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with mlflow_errors(uri, "a connection"):
        if uri.startswith(SQLITE):
            # Nobody is waited for here: what a file takes beyond its lock is our own work.
            return initialised(uri, min(INITIALISE_SECONDS, patience.left))
        if uri.startswith(POSTGRESQL):
            client = initialised(uri, min(INITIALISE_SECONDS, patience.left))
        else:
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    return cast("MlflowClient", _PatientClient(client, patience))


def probe(uri: str, patience: Patience) -> None:
    """Raise `TrackingUnavailable` where nobody answers at `uri`; MLflow itself is not loaded."""
    if uri.startswith(("http://", "https://")):
        _ask_server(uri, patience.part(PROBE_SECONDS))
    elif uri.startswith(SQLITE):
        _ask_file(uri, patience.part(PROBE_SECONDS))
    elif "://" in uri and not uri.startswith(("file:", "databricks")):
        _ask_database(uri, patience.part(PROBE_SECONDS))


@contextmanager
def mlflow_errors(uri: str, doing: str) -> Iterator[None]:
    """Turns whatever MLflow and the layers under it raise into a `TrackingError`.

    It is a `TrackingUnavailable` where nobody answered in time, or what answered was broken or
    busy: the same may well be taken later. What was understood and turned down is the other.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        kind = TrackingUnavailable if any(map(_may_pass, _chain(error))) else TrackingError
        raise kind(
            f"MLflow at {without_password(uri)} did not take {doing}: {first_line}",
            expected="a tracking server that accepts the iteration",
            hint=HINT,
        ) from error


def unless_there(create: Callable[[], Made]) -> Made | None:
    """What `create` makes; None where somebody else made one of that name meanwhile."""
    from mlflow.exceptions import MlflowException

    try:
        return create()
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return None


class _PatientClient:
    """An `MlflowClient` whose calls are given up when the patience is used up."""

    def __init__(self, client: MlflowClient, patience: Patience) -> None:
        self._client, self._patience = client, patience

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return partial(self._patience.call, found) if callable(found) else found


def without_password(uri: str) -> str:
    """The address as it may be shown.

    >>> without_password("postgresql://ada:secret@localhost/mlflow")
    'postgresql://ada:***@localhost/mlflow'
    """
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", uri)


# ---------------------------------------------------------------- who is there


def _ask_server(uri: str, patience: Patience) -> None:
    import requests

    def get() -> int:
        try:
            return requests.get(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS).status_code
        except requests.Timeout as error:
            raise TimeoutError(f"not within {PROBE_SECONDS:g} s") from error

    status = _answer(uri, patience, get, requests.RequestException)
    # Gateways in front of a server may not know /health; only what is broken is refused here.
    if _busy_or_broken(status):
        raise _unreachable(uri, f"HTTP {status}")


def _ask_file(uri: str, patience: Patience) -> None:
    path = Path(uri.removeprefix(SQLITE))
    if not path.exists():
        return

    def lock() -> None:
        with closing(sqlite3.connect(path, PROBE_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")

    try:
        _answer(uri, patience, lock, TimeoutError)
    except sqlite3.DatabaseError as error:
        if _is_locked(error):
            raise _unreachable(uri, str(error)) from error
        # Said here, since MLflow would try ten times to open such a file.
        raise TrackingError(
            f"{path} cannot be used: {error}",
            expected="a SQLite database of MLflow that can be written",
            hint=HINT,
        ) from error


def _ask_database(uri: str, patience: Patience) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    # MLflow itself would try ten times, for minutes.
    engine = create_engine(uri)
    try:
        _answer(uri, patience, lambda: engine.connect().close(), OperationalError)
    finally:
        engine.dispose()


def _answer(uri: str, patience: Patience, ask: Callable[[], Any], fault: type[Exception]) -> Any:
    try:
        return patience.call(ask)
    except TimeoutError as error:
        raise _unreachable(uri, str(error)) from error
    except fault as error:
        raise _unreachable(uri, type(error).__name__) from error


def _unreachable(uri: str, why: str) -> TrackingUnavailable:
    return TrackingUnavailable(
        f"no MLflow server answers at {without_password(uri)} ({why})",
        expected="a running tracking server",
        hint=f"{HINT}; `mlflow server` starts one",
    )


# ---------------------------------------------------------------- what an error means


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    # MLflow raises errors of its own from within the handling of those beneath.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _may_pass(error: BaseException) -> bool:
    """Whether an error is one of a server that is down, broken, busy or too slow.

    MLflow's own are not looked at: beneath one that may pass is what `requests` or the database
    said, and what a server answers in MLflow's words is a no.
    """
    import requests
    from sqlalchemy.exc import OperationalError

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _busy_or_broken(error.response.status_code)
    if isinstance(error, OperationalError) and isinstance(error.orig, sqlite3.Error):
        return _is_locked(error.orig)
    lost = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.RetryError,
    )
    return isinstance(error, (TimeoutError, ConnectionError, OperationalError, *lost))


def _is_locked(error: sqlite3.Error) -> bool:
    # The low byte of an extended code; errors of the module itself have none.
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _busy_or_broken(status: int) -> bool:
    return status >= 500 or status in (408, 429)
