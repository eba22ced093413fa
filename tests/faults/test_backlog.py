"""The backlog of MLflow: whatever happens to it meanwhile, each iteration becomes one whole run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from burnish.errors import BurnishError
from burnish.records import TrackedIteration
from burnish.spec import DatasetSpec
from burnish.workflows.backlog import from_record, log_waiting
from burnish.workflows.home import Home
from burnish.workflows.iterate import close_iteration
from resources.mlflow_layout import content_of
from resources.tracking import MlflowTracker
from tests.burnish.workflows.closed_turns import OWN, measured, pets, prepared, turn
from tests.resources.between import Between, between
from tests.resources.pets import client_of, runs_of, whole

ROOT = Path(__file__).parents[2]

LOGGER = """
import sys
from pathlib import Path
from burnish.workflows.backlog import log_waiting
from burnish.workflows.home import prepare_home
from resources.tracking import MlflowTracker
from tests.burnish.workflows.closed_turns import pets
folder, name, url = sys.argv[1:]
home = prepare_home(Path(folder))
print("ready", flush=True)
sys.stdin.readline()
done = log_waiting(pets(name), home.versions, MlflowTracker(url), patience=60.0)
print(len(done.logged), done.sentence)
"""


@pytest.fixture
def way(mlflow_server: str) -> Iterator[Between]:
    with between(mlflow_server) as way:
        yield way


def turned(folder: Path, name: str, turns: int) -> tuple[Home, DatasetSpec]:
    home, spec = prepared(folder, name), pets(name)
    for _ in range(turns):
        turn(home, spec)
    return home, spec


def local(folder: Path) -> MlflowTracker:
    return MlflowTracker(f"sqlite:///{folder}/mlflow.db", artifact_root=str(folder / "artifacts"))


def logged_at_once(home: Home, spec: DatasetSpec, folder: Path) -> dict:
    """What MLflow holds where it was there all the time: each logged as it stands in the record."""
    tracker = local(folder)
    for iteration in home.versions.iterations(spec.name):
        tracker.log_iteration(from_record(spec, home.versions, iteration))
    return whole(tracker.tracking_uri, spec.name)


def test_iterations_wait_while_the_server_is_away_and_are_logged_once_when_it_is_back(
    way: Between, tmp_path: Path
) -> None:
    home, spec = turned(tmp_path / "home", "pets_outage", 3)
    tracker = MlflowTracker(way.url)

    def log(patience: float) -> str:
        return log_waiting(spec, home.versions, tracker, patience=patience).sentence

    way.refuse()
    refused = log(4.0)
    assert refused.startswith(
        "3 iterations wait for MLflow (pets_outage@iter1, pets_outage@iter2, pets_outage@iter3): "
        "no MLflow server answers"
    )
    way.heal()
    way.hang = 1
    assert "not within 2 s" in log(4.0)
    assert way.seen == ["GET /health"]  # one is asked about, and for the others it is known
    way.heal()
    way.delay = 1.0
    assert "3 iterations wait" in log(4.0)
    assert len(way.seen) <= 5
    way.heal()
    assert log(60.0) == "every closed iteration has its run"
    runs = {run.data.tags["iteration"]: run.info.run_id for run in runs_of(way.url, spec.name)}
    turns = home.versions.iterations(spec.name)
    assert {str(one.number): one.mlflow_run_id for one in turns} == runs
    assert whole(way.url, spec.name) == logged_at_once(home, spec, tmp_path)
    way.seen.clear()
    assert not log_waiting(spec, home.versions, tracker, patience=60.0).logged
    assert way.seen == []


def test_what_is_logged_late_is_what_would_have_been_logged_at_once(tmp_path: Path) -> None:
    home, spec = turned(tmp_path, "pets", 1)

    def digest() -> str:
        return content_of(from_record(spec, home.versions, iteration))

    [iteration] = home.versions.iterations("pets")
    at_once = digest()
    turn(home, spec)
    [iteration, _] = home.versions.iterations("pets")
    assert digest() == at_once


def test_a_row_that_a_gate_turned_away_is_not_logged_late_either(tmp_path: Path) -> None:
    home, spec = prepared(tmp_path), pets()
    turn(home, spec, turned_away=(3,))
    report = from_record(spec, home.versions, home.versions.iteration("pets", 1)).tables[
        "slice_report"
    ]
    turn(home, spec)
    later = from_record(spec, home.versions, home.versions.iteration("pets", 1)).tables[
        "slice_report"
    ]
    everything = from_record(spec, home.versions, home.versions.iteration("pets", 2))
    assert later.equals(report)
    assert later.num_rows == everything.tables["slice_report"].num_rows - 1


@contextmanager
def logger(home: Home, name: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that is about to log what waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGGER, str(home.folder), name, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_that_log_at_once_make_one_run_each_iteration(
    way: Between, tmp_path: Path
) -> None:
    name = "pets_race"
    home, spec = turned(tmp_path / "home", name, 2)
    way.delay = 0.05
    with logger(home, name, way.url) as one, logger(home, name, way.url) as other:
        go(one)
        go(other)
        said = [process.communicate(timeout=120)[0] for process in (one, other)]
    assert sorted(int(text.split()[0]) for text in said) == [0, 2]
    idle = next(text for text in said if text.startswith("0"))
    assert "another process is logging them right now" in idle or "has its run" in idle
    assert home.versions.untracked(name) == []
    assert whole(way.url, name) == logged_at_once(home, spec, tmp_path)


@pytest.mark.parametrize("number", [5, 20])
def test_a_process_that_is_killed_while_it_logs_leaves_no_run_twice(
    way: Between, tmp_path: Path, number: int
) -> None:
    name = f"pets_killed_{number}"
    home, spec = turned(tmp_path / "home", name, 1)
    way.hang = number
    with logger(home, name, way.url) as process:
        go(process)
        while len(way.seen) < number:
            assert process.poll() is None
        process.kill()
    way.heal()
    done = log_waiting(spec, home.versions, MlflowTracker(way.url), patience=60.0)
    assert list(done.logged) == [f"{name}@iter1"]
    assert whole(way.url, name) == logged_at_once(home, spec, tmp_path)


def test_one_that_is_refused_holds_up_no_other_and_is_logged_once_the_spec_is_mended(
    tmp_path: Path,
) -> None:
    home, tracker = prepared(tmp_path), local(tmp_path)
    module, _, kind = OWN.rpartition(".")
    mended = pets(model={"name": f"{module}:{kind}", "trust": [OWN]})
    turn(home, mended)
    turn(home, pets())
    with pytest.raises(BurnishError, match=r"not trusted: .*Stranger"):
        log_waiting(pets(), home.versions, tracker, patience=60.0)
    assert [one.number for one in home.versions.untracked("pets")] == [1]
    done = log_waiting(mended, home.versions, tracker, patience=60.0)
    assert list(done.logged) == ["pets@iter1"]
    assert not home.versions.untracked("pets")
    newest = home.versions.iteration("pets", 2).mlflow_run_id
    for alias in ("challenger", "champion"):
        held = client_of(tracker.tracking_uri).get_model_version_by_alias("pets", alias)
        assert held.run_id == newest


def test_an_iteration_that_was_left_open_by_a_failed_log_is_closed_and_logged(
    tmp_path: Path,
) -> None:
    # As it was before closing and logging were parted: decided and logged, and not yet closed.
    home, spec, tracker = prepared(tmp_path), pets(), local(tmp_path)
    iteration = measured(home, spec)
    home.versions.note("pets", iteration.number, promotion={"promoted": False}, report_version=1)
    left = home.versions.set_run("pets", iteration.number, "of-another-model")
    close_iteration(spec, home.versions, left, run_id="r2", git_sha="5c28aa3")
    [waiting] = home.versions.untracked("pets")
    assert waiting.promoted
    log_waiting(spec, home.versions, tracker, patience=60.0)
    [run] = runs_of(tracker.tracking_uri)
    assert home.versions.iteration("pets", 1).mlflow_run_id == run.info.run_id
    assert run.data.tags["dagster_run_id"] == "r2"


def test_runs_are_sorted_and_filtered_by_the_number_of_their_iteration(tmp_path: Path) -> None:
    home, spec = turned(tmp_path, "pets", 1)
    [iteration] = home.versions.iterations("pets")
    tracked: TrackedIteration = from_record(spec, home.versions, iteration)
    assert tracked.metrics["iteration"] == 1.0
    assert tracked.at == iteration.closed_at
