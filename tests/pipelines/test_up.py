"""`burnish up`, as processes: it answers, it ends whole, and nothing outlives it unnoticed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipelines import processes, runner
from pipelines.standing import take_place

PROJECT = Path(runner.__file__).resolve().parent.parent
PATIENCE = 180
LAUNCH = """mutation($of: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $of, mode: "default"}) {
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def until(holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        time.sleep(0.2)
    return found


class Call:
    """One call of `burnish up` on a home, as a process of its own, and what it wrote."""

    def __init__(self, planted: Any, *options: str, **environment: str) -> None:
        self.home: Path = planted.home
        self.home.mkdir(exist_ok=True)
        self.out = planted.home.parent / f"up-{time.monotonic_ns()}.out"
        usual = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        mine = {"BURNISH_HOME": str(self.home), "BURNISH_CATALOG": str(planted.catalog)}
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "burnish.cli", "up", *options],
                cwd=PROJECT,
                env={**usual, "PYTHONPATH": str(PROJECT), **mine, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.out.read_text()

    @property
    def note(self) -> dict[str, Any]:
        return json.loads((self.home / "up.json").read_text())

    @property
    def addresses(self) -> dict[str, str]:
        return self.note["addresses"]

    def stands(self) -> Call:
        def answered() -> bool:
            assert self.process.poll() is None, self.text
            return "Ctrl-C ends all of it." in self.text

        until(answered, "burnish up stands")
        return self

    def ended(self) -> int:
        return self.process.wait(PATIENCE)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ask(self, query: str, **variables: object) -> Any:
        request = urllib.request.Request(
            f"{self.addresses['dagster']}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def launch(self, job: str) -> str:
        of = {
            "repositoryLocationName": "burnish",
            "repositoryName": "__repository__",
            "pipelineName": job,
        }

        def launched() -> str:
            # For a moment after its project's process was replaced, the webserver refuses.
            return self.ask(LAUNCH, of=of)["launchRun"].get("run", {}).get("runId", "")

        return until(launched, f"{job} is launched", 30)

    def status(self, run_id: str) -> str:
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        return self.ask(query, id=run_id)["runOrError"]["status"]

    def becomes(self, run_id: str, *statuses: str) -> str:
        def reached() -> str:
            status = self.status(run_id)
            return status if status in {*statuses, "SUCCESS", "FAILURE", "CANCELED"} else ""

        return until(reached, f"run {run_id} is {statuses}")


@pytest.fixture
def call(planted, tmp_path) -> Iterator[Callable[..., Call]]:
    """Starts `burnish up` on the planted home; whatever a test leaves standing is ended."""
    calls: list[Call] = []

    def start(*options: str, **environment: str) -> Call:
        calls.append(Call(planted, *options, **environment))
        return calls[-1]

    yield start
    for one in calls:
        one.process.kill()
        one.process.wait()
    with suppress(FileNotFoundError):
        note = json.loads((planted.home / "up.json").read_text())
        processes.end(note["token"], (), patience=0)
        shutil.rmtree(note["folder"] or tmp_path / "none", ignore_errors=True)


def refuses_connections(addresses: Mapping[str, str]) -> bool:
    for address in addresses.values():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0:
                return False
    return True


def body(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def test_all_of_it_answers_alone_in_its_home_and_leaves_nothing(call, planted):
    up = call(OMP_NUM_THREADS="2").stands()
    note = up.note
    assert list(note["addresses"]) == ["dagster", "mlflow", "reports", "desk"]
    assert all(address in up.text for address in note["addresses"].values())
    assets = up.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
    assert ["flowers", "champion"] in [asset["assetKey"]["path"] for asset in assets]
    assert body(f"{note['addresses']['mlflow']}/health") == "OK"
    assert "Nothing was reported yet" in body(note["addresses"]["reports"])

    known = environments_of(note["token"])
    assert set(note["groups"].values()) < set(known)
    for environment in known.values():
        assert environment["OMP_NUM_THREADS"] == "2"  # a user's own value
        assert environment["OPENBLAS_NUM_THREADS"] == "1"
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert environment["DAGSTER_DISABLE_TELEMETRY"] == "yes"
        assert environment["BURNISH_PAGES_URL"] == note["addresses"]["reports"]
    server = known[note["groups"]["code-server"]]
    assert server["MLFLOW_TRACKING_URI"] == note["addresses"]["mlflow"]

    second = call("--port", "1")
    assert second.ended() == 1
    assert note["addresses"]["dagster"] in second.text
    assert up.process.poll() is None

    assert up.end(signal.SIGTERM) == 0
    assert processes.marked(note["token"]) == set()
    assert refuses_connections(note["addresses"])
    assert not (planted.home / "up.json").exists()
    assert not Path(note["folder"]).exists()


def environments_of(token: str) -> dict[int, dict[str, str]]:
    found = {}
    for pid in processes.marked(token):
        lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        found[pid] = dict(line.split("=", 1) for line in lines if "=" in line)
    return found


def test_a_program_that_cannot_start_is_named_with_its_last_words(call, planted):
    planted.home.mkdir()
    (planted.home / "mlflow.db").write_text("this is no database, and never was one\n" * 50)
    up = call()
    token = until(lambda: (planted.home / "up.json").exists() and up.note, "a note")["token"]
    assert up.ended() == 1
    assert "mlflow ended while it started" in up.text
    assert "file is not a database" in up.text
    assert str(planted.home / "logs" / "mlflow.log") in up.text
    assert processes.marked(token) == set()
    assert not (planted.home / "up.json").exists()


def test_a_named_port_that_is_taken_is_refused_and_nothing_starts(call, planted):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        up = call("--mlflow-port", str(taken.getsockname()[1]))
        assert up.ended() == 1
        assert f"port {taken.getsockname()[1]} (--mlflow-port) is in use" in up.text
    assert not (planted.home / "logs").exists()
    assert not (planted.home / "up.json").exists()


def test_prod_names_each_database_that_it_lacks(call):
    up = call(BURNISH_ENV="prod", BURNISH_DATABASE_URL="postgresql://ada@127.0.0.1:1/burnish")
    assert up.ended() == 1
    assert "BURNISH_DAGSTER_URL" in up.text
    assert "BURNISH_MLFLOW_URL" in up.text
    assert "BURNISH_DATABASE_URL" not in up.text


def test_a_database_that_does_not_answer_is_named_without_its_password(call, planted):
    up = call(BURNISH_DAGSTER_URL="postgresql+psycopg://ada:geheim@127.0.0.1:1/dagster")
    assert up.ended() == 1
    assert "BURNISH_DAGSTER_URL" in up.text
    assert "geheim" not in up.text
    assert not (planted.home / "logs").exists()


FAMILY = """
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" not in sys.argv:
    for new in (False, True):
        subprocess.Popen([sys.executable, *sys.orig_argv[1:], "child"], start_new_session=new)
time.sleep(300)
"""


def family(token: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A marked process with two children, of which one has left its session."""
    leader = subprocess.Popen(
        [sys.executable, "-c", FAMILY, *arguments],
        env={**os.environ, processes.MARK: token},
        start_new_session=True,
    )
    until(lambda: len(processes.marked(token)) == 3, "three processes")
    return leader


def test_what_a_killed_call_left_is_ended_by_the_next(tmp_path: Path):
    standing, left = take_place(tmp_path, "mark-of-the-dead")
    assert left == []
    with family(standing.token) as leader:
        standing.started("daemon", leader.pid)
        leader.kill()
    os.close(standing.lock)  # as the system does for a process that was killed
    again, left = take_place(tmp_path, "another")
    assert left == ["and 2 of their processes"]
    assert processes.marked("mark-of-the-dead") == set()
    again.leave()


def test_what_does_not_listen_is_ended_by_force():
    with family("mark-of-the-stubborn", "stubborn") as leader:
        assert processes.end("mark-of-the-stubborn", [leader.pid], patience=0.5)
    assert processes.marked("mark-of-the-stubborn") == set()
    with family("mark-of-the-polite") as leader:
        assert not processes.end("mark-of-the-polite", [leader.pid], patience=30)


@pytest.mark.slow
def test_what_a_killed_up_left_is_ended_and_its_run_goes_on(call):
    first = call().stands()
    note = first.note
    run_id = first.launch("flowers_audit")
    assert first.becomes(run_id, "STARTED") == "STARTED"
    first.process.kill()
    first.process.wait()
    left = processes.marked(note["token"])
    assert left
    # Stood still, or on a quick machine the run would be over before the second one looks.
    for pid in left:
        os.kill(pid, signal.SIGSTOP)

    second = call().stands()
    assert processes.marked(note["token"]) == set()
    assert "Ended what an earlier `burnish up` had left" in second.text
    assert second.status(run_id) == "FAILURE"
    query = "{ runsOrError { ... on Runs { results { runId parentRunId } } } }"

    def repeated() -> str:
        runs = second.ask(query)["runsOrError"]["results"]
        return next((one["runId"] for one in runs if one["parentRunId"] == run_id), "")

    assert second.becomes(until(repeated, "the run is repeated")) == "SUCCESS"


@pytest.mark.slow
def test_ctrl_c_cancels_what_is_in_progress(call, planted):
    up = call().stands()
    token = up.note["token"]
    run_id = up.launch("flowers_audit")
    assert up.becomes(run_id, "STARTED") == "STARTED"
    assert up.end(signal.SIGINT) == 0
    assert processes.marked(token) == set()
    assert f"The run {run_id[:8]} (flowers_audit): CANCELED." in up.text
    from pipelines.instance import open_instance

    with open_instance(planted.home) as instance:
        assert instance.get_run_by_id(run_id).status.value == "CANCELED"


@pytest.mark.slow
def test_a_program_that_ends_later_ends_all_of_it(call):
    up = call().stands()
    token = up.note["token"]
    os.kill(up.note["groups"]["mlflow"], signal.SIGKILL)
    assert up.ended() == 1
    assert "mlflow has ended (signal 9)" in up.text
    assert processes.marked(token) == set()


@pytest.mark.slow
def test_a_project_process_that_was_killed_comes_back(call):
    up = call().stands()
    for pid in processes.marked(up.note["token"]):
        if b"\0api\0grpc\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    until(lambda: "was started again" in up.text, "the project's process is back")
    assert up.becomes(up.launch("flowers_audit")) == "SUCCESS"


@pytest.mark.slow
def test_a_project_that_cannot_be_loaded_is_said_so(call, tmp_path: Path):
    project = tmp_path / "project"
    for name in ("assets", "pipelines", "resources"):
        shutil.copytree(PROJECT / name, project / name)
    shutil.copy(PROJECT / "workspace.yaml", project)
    with (project / "pipelines" / "definitions.py").open("a") as code:
        code.write("\n\n@dg.definitions\ndef defs():\n    raise RuntimeError('no catalog here')\n")
    up = call("--project", str(project), PYTHONPATH=f"{project}:{PROJECT}")
    assert up.ended() == 1
    assert "the project cannot be loaded" in up.text
    assert "no catalog here" in up.text


@pytest.mark.slow
@pytest.mark.parametrize("order", ["server first", "file first"])
def test_a_loop_with_the_server_and_one_without_share_experiments(call, planted, order):
    def turn(tracking: str = "") -> None:
        command = [sys.executable, "-m", "burnish.cli", "loop", "--dataset", "flowers"]
        subprocess.run(
            [*command, "--home", str(planted.home), "--iterations", "1", "--reviewer", "simulated"],
            cwd=PROJECT,
            env={**os.environ, "BURNISH_CATALOG": str(planted.catalog), "PYTHONPATH": str(PROJECT),
                 "MLFLOW_TRACKING_URI": tracking},
            check=True,
            capture_output=True,
        )  # fmt: skip

    if order == "file first":
        turn()
    up = call().stands()
    server = up.addresses["mlflow"]
    for tracking in (server, ""):
        turn(tracking)
    wanted = ["iter-0001", "iter-0002", "iter-0003"][: 3 if order == "file first" else 2]
    assert read_back(server) == read_back(f"sqlite:///{planted.home / 'mlflow.db'}") == wanted


def read_back(uri: str) -> list[str]:
    """The names of the runs in order, each with a table that can be read and a model that loads."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("flowers")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    for run in runs:
        table = client.list_artifacts(run.info.run_id, "tables")[0].path
        assert Path(client.download_artifacts(run.info.run_id, table)).stat().st_size
        [model] = run.outputs.model_outputs
        location = client.get_logged_model(model.model_id).artifact_location
        assert (Path(location.removeprefix("file://")) / "MLmodel").exists()
    return [run.info.run_name for run in runs]


@pytest.fixture
def three_databases(postgres_url: str) -> Iterator[dict[str, str]]:
    """An empty PostgreSQL database for each of the three settings."""
    import uuid

    import sqlalchemy as sa

    url = sa.engine.make_url(postgres_url)
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    names = {
        setting: f"burnish_{uuid.uuid4().hex}"
        for setting in ("BURNISH_DATABASE_URL", "BURNISH_DAGSTER_URL", "BURNISH_MLFLOW_URL")
    }
    with server.connect() as connection:
        for name in names.values():
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield {
            setting: url.set(database=name).render_as_string(hide_password=False)
            for setting, name in names.items()
        }
    finally:
        with server.connect() as connection:
            for name in names.values():
                connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.mark.slow
def test_postgresql_keeps_the_ledger_dagster_and_mlflow_by_one_setting_each(
    call, planted, three_databases
):
    import sqlalchemy as sa

    up = call(BURNISH_ENV="prod", **three_databases).stands()
    run_id = up.launch("flowers_audit")
    assert up.becomes(run_id) == "SUCCESS"
    log_one(up.addresses["mlflow"])
    assert up.end(signal.SIGTERM) == 0

    def column(setting: str, query: str) -> list[Any]:
        engine = sa.create_engine(three_databases[setting])
        with engine.connect() as connection:
            found = list(connection.execute(sa.text(query)).scalars())
        engine.dispose()
        return found

    assert column("BURNISH_DAGSTER_URL", "SELECT run_id FROM runs") == [run_id]
    assert column("BURNISH_DATABASE_URL", "SELECT dataset FROM iterations") == ["flowers"]
    assert "by hand" in column("BURNISH_MLFLOW_URL", "SELECT name FROM experiments")
    assert not [*planted.home.rglob("*.db")]


def log_one(uri: str) -> None:
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=uri, registry_uri=uri).create_experiment("by hand")
