"""The loop turns: a whole project on planted data, run the way `burnish loop` runs it."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from burnish.records import Verdict
from burnish.workflows.exchange import import_file
from burnish.workflows.home import open_home
from pipelines import runner

PROJECT = Path(runner.__file__).resolve().parent.parent


def run_loop(planted, monkeypatch, *more: str):
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    arguments = ["loop", "--dataset", "flowers", "--home", str(planted.home), *more]
    return CliRunner().invoke(runner.main, arguments, catch_exceptions=False)


@pytest.fixture
def simulated(planted, monkeypatch):
    """Two iterations with a simulated reviewer, then what they wrote."""
    figures = planted.home.parent / "figures.json"
    result = run_loop(
        planted, monkeypatch, "--reviewer", "simulated", "--iterations", "2",
        "--json", str(figures),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return planted, result, json.loads(figures.read_text())


def test_two_iterations_leave_figures_page_versions_and_runs(simulated):
    planted, result, figures = simulated
    turns = figures["iterations"]
    assert [turn["iteration"] for turn in turns] == [1, 2]
    assert all(turn["reviewed"] == 12 for turn in turns)
    assert all(turn["errors_found"] <= turn["changed"] for turn in turns)
    assert all(turn["accuracy_against"] == "truth" for turn in turns)
    assert "simulated reviewer" in result.output
    page = (planted.home / "loop.html").read_text()
    assert "simulated" in page
    home = open_home(planted.home)
    assert [str(v) for v in home.versions.dataset_versions("flowers")] == ["flowers@1", "flowers@2"]
    iterations = home.versions.iterations("flowers")
    assert [one.is_open for one in iterations] == [False, False]
    assert [one.mlflow_run_id for one in iterations] == [turn["mlflow_run_id"] for turn in turns]
    assert home.ledger.head("flowers").event_id == 24


def test_the_tracking_server_holds_each_iteration_once_with_our_digest(simulated):
    planted, _, figures = simulated
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{planted.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("flowers")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["iter-0001", "iter-0002"]
    by_id = {run.info.run_id: run for run in runs}
    for turn in figures["iterations"]:
        run = by_id[turn["mlflow_run_id"]]
        assert run.data.tags["dataset_digest"] == turn["digest"]
        assert turn["digest"].startswith(run.inputs.dataset_inputs[0].dataset.digest)
        assert any(name.startswith("accuracy/colour:red.") for name in run.data.metrics)


def test_the_loop_turns_on_postgresql(planted, monkeypatch, database):
    if not database.startswith("postgresql"):
        pytest.skip("the other tests of this file run on SQLite")
    monkeypatch.setenv("BURNISH_DATABASE_URL", database)
    result = run_loop(planted, monkeypatch, "--reviewer", "simulated", "--iterations", "2")
    assert result.exit_code == 0, result.output
    assert not (planted.home / "burnish.db").exists()
    home = open_home(planted.home, database_url=database)
    assert [str(v) for v in home.versions.dataset_versions("flowers")] == ["flowers@1", "flowers@2"]
    assert home.ledger.verify("flowers").event_id == 24


def test_a_further_call_goes_on_with_the_next_iteration(simulated, monkeypatch):
    planted, _, _ = simulated
    result = run_loop(planted, monkeypatch, "--reviewer", "simulated", "--iterations", "1")
    assert result.exit_code == 0, result.output
    numbers = [one.number for one in open_home(planted.home).versions.iterations("flowers")]
    assert numbers == [1, 2, 3]


def test_people_decide_through_a_file_that_shows_no_label_and_no_guess(planted, monkeypatch):
    asked = run_loop(planted, monkeypatch, "--iterations", "1")
    assert asked.exit_code == 0, asked.output
    sheet = planted.home / "queues" / "flowers-iter1.csv"
    rows = list(csv.DictReader(sheet.open()))
    assert len(rows) == 12
    assert set(rows[0]) == {
        "example_id", "decision", "label", "author", "comment", "petal", "sepal", "leaf", "colour",
    }  # fmt: skip
    truth = dict(csv.reader((planted.catalog / "truth.csv").open()))
    for row in rows:
        row["label"] = truth[row["example_id"]]
    rows[0] |= {"label": "", "decision": "unsure"}
    with sheet.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    home = open_home(planted.home)
    first = import_file(home, "flowers", sheet, author="Ada")
    assert (first.taken, first.left) == (12, 0)
    again = import_file(home, "flowers", sheet, author="Ada")
    assert (again.taken, again.known) == (0, 12)
    # Bob decides one of them otherwise: Ada's old file does not win over that, nor is it Bob's.
    name, label = rows[1]["example_id"], rows[1]["label"]
    other = "iris" if label != "iris" else "rose"
    home.ledger.append("flowers", [Verdict(name, "change", label, other, author="Bob")])
    once_more = import_file(home, "flowers", sheet, author="Ada")
    assert (once_more.taken, once_more.known, once_more.others) == (0, 11, (name,))
    assert "stay so" in str(once_more)
    # The same sheet under another name says nothing new.
    assert import_file(home, "flowers", sheet, author="Cem").taken == 0
    assert home.ledger.events("flowers")[-1].verdict.author == "Bob"
    done = run_loop(planted, monkeypatch, "--iterations", "1")
    assert done.exit_code == 0, done.output
    assert not open_home(planted.home).versions.iteration("flowers", 1).is_open


def test_a_terminal_sees_each_stage_while_the_run_goes_on(planted):
    """Dagster takes a step's output to a file of its own; the bar must not go there with it."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "pipelines.runner", "loop", "--dataset", "flowers",
               "--home", str(planted.home), "--iterations", "1"]  # fmt: skip
    environment = {**os.environ, "BURNISH_CATALOG": str(planted.catalog), "TERM": "xterm"}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment, cwd=PROJECT):
        os.close(terminal)
        shown = b"".join(iter(lambda: _read_some(screen), b""))
    drawn = set(re.findall(rb"\d+/\d+ ([a-z_ ]+)", shown))
    assert {b"raw_examples ", b"pred_probs ", b"label_audit "} & drawn, shown[-2000:]
    assert len(drawn) >= 5


def _read_some(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # what a terminal says when nobody writes to it any more
        return b""


def test_nobody_is_simulated_without_known_truth(planted, monkeypatch):
    spec = planted.catalog / "flowers.yaml"
    spec.write_text("\n".join(x for x in spec.read_text().splitlines() if "simulation" not in x))
    result = run_loop(planted, monkeypatch, "--reviewer", "simulated")
    assert result.exit_code == 1
    assert "--reviewer file" in result.output


def test_an_unknown_dataset_is_named_with_those_there_are(planted, monkeypatch):
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    result = CliRunner().invoke(runner.main, ["loop", "--dataset", "flowres"])
    assert result.exit_code == 1
    assert "one of: flowers" in result.output


def test_a_tracking_server_that_is_down_costs_the_log_alone(planted, monkeypatch):
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    arguments = ["loop", "--dataset", "flowers", "--home", str(planted.home),
                 "--reviewer", "simulated", "--iterations", "1"]  # fmt: skip
    down = CliRunner().invoke(runner.main, arguments)
    assert down.exit_code == 0, down.output
    assert "flowers@iter1 waits for MLflow: no MLflow server answers" in down.output
    [turn] = open_home(planted.home).versions.iterations("flowers")
    assert (turn.is_open, turn.mlflow_run_id) == (False, None)
    up = run_loop(planted, monkeypatch, "--reviewer", "simulated", "--iterations", "1")
    assert up.exit_code == 0, up.output
    assert "waits for MLflow" not in up.output
    turns = open_home(planted.home).versions.iterations("flowers")
    assert [turn.number for turn in turns if turn.mlflow_run_id] == [1, 2]
    told = json.loads((planted.home / "reports" / "flowers" / "loop.json").read_text())
    assert [turn["mlflow_run_id"] for turn in told] == [turn.mlflow_run_id for turn in turns]
