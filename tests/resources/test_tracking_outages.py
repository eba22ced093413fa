"""A tracking server that is down, slow, busy or breaks off: little is lost, and nothing twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import TrackingError, TrackingUnavailable
from burnish.patience import Patience
from burnish.records import TrackedIteration
from resources.tracking import MlflowTracker
from tests.resources.between import Between, between
from tests.resources.pets import client_of, made, runs_of, whole

ROOT = Path(__file__).parents[2]
SLACK = 1.0
"""Seconds that a loaded machine may take to notice that the time is up."""


@pytest.fixture(scope="module")
def _way(mlflow_server: str) -> Iterator[Between]:
    with between(mlflow_server) as way:
        yield way


@pytest.fixture
def way(_way: Between) -> Iterator[Between]:
    yield _way
    _way.heal()


@pytest.fixture
def pets() -> str:
    """A data set that the server does not know yet."""
    return f"pets-{uuid.uuid4().hex[:8]}"


def of(dataset: str, number: int = 7, **changes: Any) -> TrackedIteration:
    return made(number, dataset=dataset, promoted=True, **changes)


@pytest.fixture(scope="module")
def at_once(mlflow_server: str) -> dict[str, Any]:
    """What the server holds of an iteration that nothing came in the way of."""
    MlflowTracker(mlflow_server).log_iteration(of("pets-at-once"))
    return whole(mlflow_server, "pets-at-once")


def test_what_is_refused_is_told_without_waiting_and_logged_when_it_is_back(
    way: Between, pets: str, at_once: dict[str, Any]
) -> None:
    tracker, patience = MlflowTracker(way.url), Patience(4.0)
    way.refuse()
    assert not tracker.answers()
    with pytest.raises(TrackingUnavailable, match="no MLflow server answers") as caught:
        tracker.log_iteration(of(pets), patience=patience)
    assert patience.spent < 2.0 + SLACK
    assert "tracked_iterations" in caught.value.hint
    way.heal()
    assert tracker.answers()
    tracker.log_iteration(of(pets), patience=Patience(60))
    assert whole(way.url, pets) == at_once


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_server_that_hangs_costs_what_was_granted(
    way: Between, pets: str, at_once: dict[str, Any], number: int
) -> None:
    patience = Patience(4.0)
    way.hang = number
    with pytest.raises(TrackingUnavailable, match="not within"):
        MlflowTracker(way.url).log_iteration(of(pets), patience=patience)
    assert len(way.seen) == number  # it is not asked again, neither then nor by what was given up
    assert patience.spent < (2.0 if number == 1 else 4.0) + SLACK
    way.heal()
    MlflowTracker(way.url).log_iteration(of(pets), patience=Patience(60))
    assert whole(way.url, pets) == at_once


def test_a_slow_server_is_asked_no_more_than_there_is_time_for(
    way: Between, pets: str, at_once: dict[str, Any]
) -> None:
    patience, began = Patience(4.0), time.monotonic()
    way.delay = 1.0
    for number in (7, 8, 9):
        with pytest.raises(TrackingUnavailable):
            MlflowTracker(way.url).log_iteration(of(pets, number), patience=patience)
    assert len(way.seen) <= 4
    assert patience.left == 0.0
    # The promise itself, by the clock on the wall: at most five seconds, here with slack for a
    # machine that does other things, and for loading MLflow.
    assert time.monotonic() - began < 5.0 + 10 * SLACK
    way.heal()
    MlflowTracker(way.url).log_iteration(of(pets), patience=Patience(60))
    assert whole(way.url, pets) == at_once


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_is_busy_or_broken_may_be_asked_later(
    way: Between, pets: str, status: int
) -> None:
    way.status = status
    assert not MlflowTracker(way.url).answers()
    with pytest.raises(TrackingUnavailable, match=f"HTTP {status}"):
        MlflowTracker(way.url).log_iteration(of(pets))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_server_that_says_no_is_not_asked_for_ever(way: Between, pets: str, status: int) -> None:
    way.status = status
    with pytest.raises(TrackingError) as caught:
        MlflowTracker(way.url).log_iteration(of(pets), patience=Patience(60))
    assert not isinstance(caught.value, TrackingUnavailable)


@pytest.mark.parametrize(
    ("how", "first"),
    [
        ("answer", 15),
        pytest.param("answer", 99, marks=pytest.mark.slow),
        pytest.param("request", 99, marks=pytest.mark.slow),
        pytest.param("middle", 99, marks=pytest.mark.slow),
    ],
)
def test_a_log_cut_at_any_request_becomes_one_whole_run(
    way: Between, pets: str, at_once: dict[str, Any], how: Any, first: int
) -> None:
    MlflowTracker(way.url).log_iteration(of(pets))
    for number in range(1, min(first, len(way.seen)) + 1):
        cut = of(f"{pets}-{number}")
        way.heal()
        way.cut = (number, how)
        with pytest.raises(TrackingUnavailable):
            MlflowTracker(way.url).log_iteration(cut, patience=Patience(60))
        way.heal()
        MlflowTracker(way.url).log_iteration(cut, patience=Patience(60))
        assert whole(way.url, cut.dataset) == at_once, f"cut at request {number}"


def test_a_request_that_arrives_late_leaves_no_second_run(
    way: Between, pets: str, at_once: dict[str, Any]
) -> None:
    MlflowTracker(way.url).log_iteration(of(f"{pets}-before"))
    way.hang = way.seen.index("POST /api/2.0/mlflow/runs/create") + 1
    way.seen.clear()
    with pytest.raises(TrackingUnavailable):
        MlflowTracker(way.url).log_iteration(of(pets), patience=Patience(2.0))
    assert way.seen[-1] == "POST /api/2.0/mlflow/runs/create"
    # The server comes to itself: it hears of the run that nobody waits for, and of the next.
    way.heal()
    MlflowTracker(way.url).log_iteration(of(pets))
    assert whole(way.url, pets) == at_once


def test_an_iteration_that_is_logged_late_has_the_time_when_it_was_closed(
    mlflow_server: str, pets: str
) -> None:
    closed = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
    MlflowTracker(mlflow_server).log_iteration(of(pets, at=closed))
    [run] = runs_of(mlflow_server, pets)
    milliseconds = int(closed.timestamp() * 1000)
    assert (run.info.start_time, run.info.end_time) == (milliseconds, milliseconds)
    [point] = client_of(mlflow_server).get_metric_history(run.info.run_id, "validation_accuracy")
    assert point.timestamp == milliseconds


def test_experiments_are_found_by_their_dataset(mlflow_server: str, pets: str) -> None:
    client = client_of(mlflow_server)
    made_before = client.create_experiment(pets)
    client.set_experiment_tag(made_before, "mlflow.note.content", "mine")
    MlflowTracker(mlflow_server).log_iteration(of(pets))
    found = client.search_experiments(filter_string=f"tags.dataset = '{pets}'")
    by_name = {experiment.name: experiment for experiment in found}
    assert set(by_name) == {pets, f"{pets} by slice"}
    assert by_name[pets].experiment_id == made_before
    assert by_name[pets].tags["mlflow.note.content"] == "mine"


def test_a_locked_database_is_a_server_that_is_busy(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = MlflowTracker(uri, artifact_root=str(tmp_path / "artifacts"))
    first = tracker.log_iteration(made(1))
    patience = Patience(4.0)
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not tracker.answers()
        with pytest.raises(TrackingUnavailable, match=r"locked|not within"):
            tracker.log_iteration(made(2), patience=patience)
    assert patience.spent < 2.0 + SLACK
    assert tracker.answers()
    second = tracker.log_iteration(made(2))
    assert {run.info.run_id for run in runs_of(uri)} == {first.run_id, second.run_id}


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("a shopping list, longer than the header of SQLite " * 9)
    with pytest.raises(TrackingError, match="cannot be used") as caught:
        MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db").log_iteration(made())
    assert not isinstance(caught.value, TrackingUnavailable)


def test_whether_a_server_answers_is_asked_without_loading_mlflow(way: Between) -> None:
    code = (
        "import sys; from resources.tracking import MlflowTracker; "
        "print(MlflowTracker(sys.argv[1]).answers(), 'mlflow' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code, way.url], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert asked.stdout.split() == ["True", "False"]
