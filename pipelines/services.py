"""The programs of `burnish up`: code server, webserver, daemon, MLflow, review desk and reports.

What belongs here: their commands, their environment, and how each is asked whether it works. What
does not: running them (`pipelines.serving`).

One code server loads the project once, for webserver and daemon alike, and reloads it when the UI
asks. Its socket is in a folder that only this user can open: whoever reaches it can run code.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from burnish.errors import ProjectError
from pipelines.environments import Settings
from pipelines.instance import DAGSTER_URL, dagster_storage_url
from pipelines.ports import LOOPBACK
from pipelines.serving import Service

CODE, DAGSTER, DAEMON, MLFLOW = "code-server", "dagster", "daemon", "mlflow"
PAGES, REVIEW = "reports", "desk"
LOCATION = "burnish"

# A user's own values win over these.
MANNERS = {
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}
HEALTH = """{
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } } }
  workspaceOrError { ... on Workspace { locationEntries {
    loadStatus
    locationOrLoadError { ... on PythonError { message errorChain { error { message } } } } } } }
}"""


@dataclass(frozen=True)
class Place:
    """Where the programs of one call meet: the home, a private folder, and an address each."""

    settings: Settings
    folder: Path
    ports: Mapping[str, int]

    def url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"

    @property
    def socket(self) -> Path:
        return self.folder / "code.sock"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace.yaml"

    @property
    def tracking(self) -> str:
        """The tracking server that iterations are logged to: the one that was named, or ours."""
        return self.settings.tracking_uri or self.url(MLFLOW)

    @property
    def pages(self) -> str:
        return self.settings.pages_url or self.url(PAGES)

    @property
    def review(self) -> str:
        return self.settings.review_url or self.url(REVIEW)


def services(place: Place) -> list[Service]:
    """The programs; MLflow is not among them where the settings name a tracking server."""
    environment = environment_of(place)
    _write_workspace(place)
    makers = [_pages, _desk, _code, _webserver, _daemon]
    if not place.settings.tracking_uri:
        makers.insert(1, _mlflow)
    return [maker(place, environment) for maker in makers]


def environment_of(place: Place) -> dict[str, str]:
    """What every program finds in its environment: our settings, said once and in full."""
    settings = place.settings
    ours = {
        "BURNISH_HOME": str(settings.home),
        "BURNISH_CATALOG": str(settings.catalog),
        "BURNISH_PAGES_URL": place.pages,
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "MLFLOW_TRACKING_URI": place.tracking,
        # The caller's folder stays the current one, as paths in settings are relative to it; but
        # what lies in it must not be imported in place of the project's.
        "PYTHONPATH": os.pathsep.join(
            [str(settings.project), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
        "PYTHONSAFEPATH": "1",
    }
    for name in ("NO_PROXY", "no_proxy"):
        ours[name] = ",".join([*filter(None, [os.environ.get(name)]), LOOPBACK, "localhost"])
    if settings.dagster_url:
        ours[DAGSTER_URL] = dagster_storage_url(settings.dagster_url)
    return {**MANNERS, **os.environ, **ours}


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _pages(place: Place, environment: Mapping[str, str]) -> Service:
    root, port = place.settings.home / "reports", str(place.ports[PAGES])
    command = _python("pipelines.pages", "--root", str(root), "--port", port)
    return Service(PAGES, command, environment, lambda _: answers(place.url(PAGES)))


def _desk(place: Place, environment: Mapping[str, str]) -> Service:
    # Home, database, tables and catalog are in the environment.
    port = str(place.ports[REVIEW])
    command = _python("burnish.cli", "review", "serve", "--host", LOOPBACK, "--port", port)
    return Service(REVIEW, command, environment, lambda _: answers(f"{place.url(REVIEW)}/health"))


def _code(place: Place, environment: Mapping[str, str]) -> Service:
    project = place.settings.project
    command = _python(
        "dagster", "code-server", "start",
        "--socket", str(place.socket),
        "--python-file", str(project / "pipelines" / "definitions.py"),
        "--working-directory", str(project),
        "--location-name", LOCATION,
        "--use-python-environment-entry-point",
        "--log-level", "warning",
    )  # fmt: skip
    # The socket is there once the code was loaded, or has failed to: then the webserver knows why.
    return Service(CODE, command, environment, lambda _: place.socket.exists())


def _webserver(place: Place, environment: Mapping[str, str]) -> Service:
    command = _python(
        "dagster_webserver",
        "--host", LOOPBACK,
        "--port", str(place.ports[DAGSTER]),
        "--workspace", str(place.workspace),
        "--dagster-log-level", "warning",
    )  # fmt: skip
    return Service(DAGSTER, command, environment, lambda _: _serves_the_project(place), after=CODE)


def _daemon(place: Place, environment: Mapping[str, str]) -> Service:
    command = _python("dagster._daemon", "run", "--workspace", str(place.workspace))
    return Service(DAEMON, command, environment, lambda since: _beats(place, since), after=CODE)


def _mlflow(place: Place, environment: Mapping[str, str]) -> Service:
    settings = place.settings
    artifacts = settings.home / "mlartifacts"
    database = settings.mlflow_url or f"sqlite:///{settings.home / 'mlflow.db'}"
    # Clients write artifacts to the folder themselves, as those do that have no server: so both
    # read and write the same experiments. A server that served them would put its own address
    # into the experiments that it makes.
    command = _python(
        "resources.mlflow_server",
        "--host", LOOPBACK,
        "--port", str(place.ports[MLFLOW]),
        "--workers", "1",
        "--no-serve-artifacts",
        "--default-artifact-root", artifacts.as_uri(),
    )  # fmt: skip
    own = {**environment, "MLFLOW_BACKEND_STORE_URI": database}
    del own["MLFLOW_TRACKING_URI"]
    return Service(MLFLOW, command, own, lambda _: answers(f"{place.url(MLFLOW)}/health"))


def _write_workspace(place: Place) -> None:
    server = {"location_name": LOCATION, "host": "localhost", "socket": str(place.socket)}
    text = yaml.safe_dump({"load_from": [{"grpc_server": server}]})
    place.workspace.write_text(text, encoding="utf-8")


def _serves_the_project(place: Place) -> bool:
    health = _health(place)
    entries = health["workspaceOrError"]["locationEntries"] if health else []
    if not entries or any(entry["loadStatus"] != "LOADED" for entry in entries):
        return False
    for entry in entries:
        error = entry["locationOrLoadError"]
        if error.get("message"):
            # The last of the chain is what happened; those before it say where it was noticed.
            causes = [error["message"], *(one["error"]["message"] for one in error["errorChain"])]
            raise ProjectError(
                f"the project cannot be loaded: {causes[-1].strip()}",
                hint=f"all of it is in {place.settings.home / 'logs' / f'{CODE}.log'}",
            )
    return True


def _beats(place: Place, since: float) -> bool:
    health = _health(place)
    if health is None:
        return False
    statuses = health["instance"]["daemonHealth"]["allDaemonStatuses"]
    needed = [status for status in statuses if status["required"]]
    # The heartbeats of a daemon that ended a minute ago still count as healthy.
    return bool(needed) and all(
        status["healthy"] and status["lastHeartbeatTime"] >= since for status in needed
    )


def _health(place: Place) -> dict[str, Any] | None:
    request = urllib.request.Request(  # noqa: S310
        f"{place.url(DAGSTER)}/graphql",
        data=json.dumps({"query": HEALTH}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with _OPENER.open(request, timeout=10) as answer:
            return json.load(answer)["data"]
    except (OSError, ValueError):  # not there yet, or not whole yet
        return None


def answers(url: str) -> bool:
    """Whether a server says that all is well there."""
    try:
        with _OPENER.open(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:  # HTTP errors are OSErrors too
        return False


# A proxy of the environment knows nothing of this machine's loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
