"""`python -m resources.mlflow_server`: an MLflow server over a database that is whole.

What belongs here: what must be done before `mlflow server` may start. What does not: when it
runs and where (`pipelines.services`).

The database is named by `MLFLOW_BACKEND_STORE_URI`, as MLflow itself has it, and not by an
argument: an argument is shown by `ps`, with the password that the address may hold.
"""

import os
import sys

from burnish.patience import Patience
from resources.mlflow_connection import connect
from resources.mlflow_database import is_initialised

DATABASE = "MLFLOW_BACKEND_STORE_URI"


def main(arguments: list[str]) -> None:
    """Make the tables of a fresh database, then become `mlflow server` with these arguments."""
    uri = os.environ[DATABASE]
    if not is_initialised(uri):
        connect(uri, Patience())
    command = [sys.executable, "-P", "-m", "mlflow", "server", *arguments]
    os.execv(sys.executable, command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
