"""A project that is up: a real webserver and daemon, and what a test asks of them by GraphQL.

What belongs here: starting and ending the processes, and queries. What does not: any expectation.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests

from burnish.spec import load_usable
from pipelines.instance import prepare

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""

RUN = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      tags { key value }
      eventConnection(limit: 1000) {
        events {
          __typename
          ... on ExecutionStepFailureEvent {
            stepKey
            error { message causes { message } }
            failureMetadata { description metadataEntries { label } }
          }
          ... on ExecutionStepUpForRetryEvent { stepKey }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Ran:
    """A run that has ended."""

    run_id: str
    status: str
    tags: dict[str, str]
    failures: dict[str, str] = field(default_factory=dict)
    retried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Served:
    """The running project."""

    url: str
    home: Path
    environ: dict[str, str]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer; an assertion fails where it has errors."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60
        )
        told = answer.json()
        assert "errors" not in told, told["errors"]
        return told["data"]

    def launch(
        self, job: str = "__ASSET_JOB", *, assets: list[str] | None = None, dataset: str = ""
    ) -> str:
        """Launch a job, or some assets of a dataset, as the UI does; returns the run's id."""
        selector: dict[str, Any] = {
            "jobName": job,
            "repositoryName": "__repository__",
            "repositoryLocationName": "burnish",
        }
        if assets is not None:
            selector["assetSelection"] = [{"path": [dataset, name]} for name in assets]
        done = self.ask(LAUNCH, params={"selector": selector, "mode": "default"})
        [launched] = done.values()
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def ended(self, run_id: str, *, seconds: float = 120) -> Ran:
        """The run once it has ended."""
        return self.until(lambda: self._ran(run_id), seconds=seconds, what=f"run {run_id} to end")

    def run(self, job: str = "__ASSET_JOB", **how: Any) -> Ran:
        """Launch, and wait for the end."""
        return self.ended(self.launch(job, **how))

    def until(self, found: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """What `found` returns once that is not None."""
        deadline = time.monotonic() + seconds
        while (answer := found()) is None:
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
            time.sleep(0.3)
        return answer

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs that carry the tags, newest first: runId, status, jobName."""
        wanted = [{"key": f"burnish/{name}", "value": value} for name, value in tags.items()]
        query = """
        query ($tags: [ExecutionTag!]) {
          runsOrError(filter: {tags: $tags}) {
            ... on Runs { results { runId status jobName tags { key value } } }
          }
        }
        """
        return self.ask(query, tags=wanted)["runsOrError"]["results"]

    def _ran(self, run_id: str) -> Ran | None:
        told = self.ask(RUN, id=run_id)["runOrError"]
        if told["status"] not in {"SUCCESS", "FAILURE", "CANCELED"}:
            return None
        events = told["eventConnection"]["events"]
        return Ran(
            run_id,
            told["status"],
            {tag["key"]: tag["value"] for tag in told["tags"]},
            {
                event["stepKey"]: " / ".join(_messages(event))
                for event in events
                if event["__typename"] == "ExecutionStepFailureEvent"
            },
            tuple(
                event["stepKey"]
                for event in events
                if event["__typename"] == "ExecutionStepUpForRetryEvent"
            ),
        )


def _messages(event: dict[str, Any]) -> list[str]:
    said = [event["failureMetadata"]["description"]] if event["failureMetadata"] else []
    if event["error"]:
        said += [event["error"]["message"], *(one["message"] for one in event["error"]["causes"])]
    return [text for text in said if text]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(catalog: Path, home: Path) -> Iterator[Served]:
    """A webserver and a daemon on a catalog and a home; both are ended, and all they started."""
    folder = prepare(home, datasets=load_usable(catalog)[0])
    environ = {
        **os.environ,
        "BURNISH_CATALOG": str(catalog),
        "BURNISH_HOME": str(home),
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    environ.pop("MLFLOW_TRACKING_URI", None)
    port = free_port()
    tools = Path(sys.executable).parent
    commands = {
        "web": [tools / "dagster-webserver", "-h", "127.0.0.1", "-p", str(port)],
        "daemon": [tools / "dagster-daemon", "run"],
    }
    processes = []
    try:
        for name, command in commands.items():
            log = (home / f"{name}.log").open("w")
            processes.append(
                subprocess.Popen(
                    [*map(str, command), "-w", str(ROOT / "workspace.yaml")],
                    env=environ,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        served = Served(f"http://127.0.0.1:{port}", home, environ)
        served.until(lambda: _loaded(served), seconds=120, what="the webserver to answer")
        yield served
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _loaded(served: Served) -> bool | None:
    query = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
    try:
        entries = served.ask(query)["workspaceOrError"]["locationEntries"]
    except requests.ConnectionError:
        return None
    return True if entries and all(one["loadStatus"] == "LOADED" for one in entries) else None
