"""Slices over the iterations in MLflow: a run a slice, a point an iteration, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from burnish.errors import TrackingError
from burnish.patience import Patience
from burnish.records import TrackedIteration
from resources import mlflow_slices
from resources.mlflow_connection import connect
from resources.mlflow_slices import log_slices
from resources.mlflow_views import set_views

SLICES = {"overall": "overall", "scanA": "aaaaaaaa", "scanB": "bbbbbbbb"}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("fresh")
    connect(f"sqlite:///{folder}/mlflow.db", Patience())
    return (folder / "mlflow.db").read_bytes()


class Server:
    """A database of MLflow, with the runs of iterations as the tracker makes them."""

    def __init__(self, folder: Path) -> None:
        self.client = connect(f"sqlite:///{folder}/mlflow.db", Patience())
        self.ids = {
            name: self.client.create_experiment(name, (folder / name).as_uri())
            for name in ("pets", "pets by slice")
        }

    def log(self, number: int, home: str = "h", **accuracy: float | None) -> None:
        """Log an iteration: again into the run it has, or into a new one if its figures differ."""
        report = reported({"overall": 0.5, **accuracy})
        run = self.run_of(number, home, json.dumps(accuracy))
        text = json.dumps(
            {"columns": report.column_names, "data": [list(r.values()) for r in report.to_pylist()]}
        )
        self.client.log_text(run.info.run_id, text, "tables/slice_report.json")
        iteration = TrackedIteration(
            dataset="pets", iteration=number, tags={"home": home}, params={}, metrics={},
            tables={"slice_report": report}, dataset_version=f"pets@{number}", dataset_digest="",
            rows=40, source="pets.csv", model=None, model_input=None, promoted=False,
        )  # fmt: skip
        log_slices(self.client, self.ids["pets by slice"], self.ids["pets"], iteration, run)

    def run_of(self, number: int, home: str, content: str) -> Any:
        which = f"tags.iteration = '{number}' and tags.home = '{home}'"
        for run in self.client.search_runs([self.ids["pets"]], which):
            if run.data.tags["content"] == content:
                return run
            self.client.delete_run(run.info.run_id)
        tags = {"iteration": str(number), "home": home, "content": content}
        return self.client.create_run(self.ids["pets"], tags=tags)

    def runs(self, home: str = "h") -> dict[str, Any]:
        found = self.client.search_runs([self.ids["pets by slice"]], f"tags.home = '{home}'")
        named = {run.info.run_name: run for run in found}
        assert len(named) == len(found), "a slice has one run"
        return named

    def points(self, name: str, metric: str = "accuracy", home: str = "h") -> list[tuple]:
        run = self.runs(home)[name]
        history = self.client.get_metric_history(run.info.run_id, metric)
        return sorted((point.step, point.value) for point in history)


def reported(accuracy: Mapping[str, float | None]) -> pa.Table:
    lines = [
        {
            "split": split, "slice": name, "slice_id": SLICES[name], "metric": "accuracy",
            "value": value, "low": 0.0, "high": 1.0, "support": 20,
        }
        for split in ("validation", "test")
        for name, value in accuracy.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(lines)


@pytest.fixture
def server(tmp_path: Path, empty: bytes) -> Server:
    (tmp_path / "mlflow.db").write_bytes(empty)
    return Server(tmp_path)


def test_every_slice_is_one_run_with_a_point_an_iteration(server: Server) -> None:
    server.log(1, scanA=0.7, scanB=0.9)
    server.log(2, scanA=0.8, scanB=0.9)
    assert set(server.runs()) == {"overall", "scanA", "scanB"}
    assert server.points("scanA") == [(1, 0.7), (2, 0.8)]
    assert server.points("scanA", "test_accuracy") == [(1, 0.7), (2, 0.8)]
    assert server.points("scanA", "accuracy_change") == [(2, 0.1)]
    assert server.points("scanB", "rows") == [(1, 20.0), (2, 20.0)]


def test_a_run_of_a_slice_is_never_taken_for_an_iteration(server: Server) -> None:
    server.log(1, scanA=0.7)
    for run in server.runs().values():
        assert "iteration" not in run.data.tags
        assert run.data.tags["dataset"] == "pets"
        assert run.info.status == "FINISHED"
    assert len(server.client.search_runs([server.ids["pets"]])) == 1


def test_logging_twice_adds_no_point(server: Server) -> None:
    server.log(1, scanA=0.7)
    server.log(2, scanA=0.8)
    server.log(2, scanA=0.8)
    server.log(1, scanA=0.7)
    assert server.points("scanA") == [(1, 0.7), (2, 0.8)]


def test_an_iteration_that_comes_late_lands_in_its_place(server: Server) -> None:
    server.log(1, scanA=0.7)
    server.log(3, scanA=0.9)
    server.log(2, scanA=0.8)
    assert server.points("scanA") == [(1, 0.7), (2, 0.8), (3, 0.9)]
    # What the table shows is still the newest.
    assert server.runs()["scanA"].data.metrics["accuracy"] == 0.9


def test_an_iteration_logged_anew_with_other_figures_has_these_alone(server: Server) -> None:
    server.log(1, scanA=0.7)
    server.log(2, scanA=0.8)
    server.log(2, scanA=0.6)
    assert server.points("scanA") == [(1, 0.7), (2, 0.6)]


def test_a_run_that_a_hanging_server_made_twice_goes(server: Server) -> None:
    server.log(1, scanA=0.7)
    tags = {"home": "h", "slice_id": "aaaaaaaa", "slice": "scanA"}
    server.client.create_run(server.ids["pets by slice"], tags=tags, run_name="scanA")
    server.log(2, scanA=0.8)
    assert server.points("scanA") == [(1, 0.7), (2, 0.8)]


def test_a_slice_without_rows_in_an_iteration_has_a_gap(server: Server) -> None:
    server.log(1, scanA=0.7)
    server.log(2, scanA=None)
    server.log(3, scanA=0.9)
    assert server.points("scanA") == [(1, 0.7), (3, 0.9)]


def test_a_slice_that_is_declared_later_begins_there(server: Server) -> None:
    server.log(1, scanA=0.7)
    server.log(2, scanA=0.8, scanB=0.4)
    assert server.points("scanB") == [(2, 0.4)]
    assert server.points("overall") == [(1, 0.5), (2, 0.5)]


@pytest.mark.parametrize("calls", [0, 1, 2])
@pytest.mark.parametrize("before", [{}, {"scanA": 0.8, "scanB": 0.2}, {"scanA": 0.6, "scanB": 0.4}])
def test_what_was_cut_short_is_completed(
    server: Server, monkeypatch: pytest.MonkeyPatch, before: dict[str, float], calls: int
) -> None:
    # Made for the first time, added to, or made anew because the figures are others.
    server.log(1, scanA=0.7, scanB=0.3)
    if before:
        server.log(2, **before)
    with monkeypatch.context() as patch:
        patch.setattr(mlflow_slices, "_add_points", failing_after(calls))
        with suppress(TrackingError):
            server.log(2, scanA=0.8, scanB=0.2)
    server.log(2, scanA=0.8, scanB=0.2)
    for name, points in {"scanA": [(1, 0.7), (2, 0.8)], "scanB": [(1, 0.3), (2, 0.2)]}.items():
        assert server.points(name) == points


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_first_time_that_was_cut_short_is_completed(
    server: Server, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(mlflow_slices, "_add_points", failing_after(calls))
        with pytest.raises(TrackingError):
            server.log(1, scanA=0.8, scanB=0.2)
    server.log(2, scanA=0.9, scanB=0.1)
    server.log(1, scanA=0.8, scanB=0.2)
    assert server.points("scanA") == [(1, 0.8), (2, 0.9)]
    assert server.points("scanB") == [(1, 0.2), (2, 0.1)]


def failing_after(calls: int) -> Any:
    whole, left = mlflow_slices._add_points, [calls]

    def add(*arguments: Any) -> None:
        if left[0] == 0:
            raise TrackingError("the server went away")
        left[0] -= 1
        whole(*arguments)

    return add


def test_two_homes_have_runs_of_their_own(server: Server) -> None:
    server.log(1, "one", scanA=0.7)
    server.log(1, "other", scanA=0.2)
    assert server.points("scanA", home="one") == [(1, 0.7)]
    assert server.points("scanA", home="other") == [(1, 0.2)]


def test_the_first_shown_is_the_whole_and_then_the_lowest(server: Server) -> None:
    server.log(1, scanA=0.9, scanB=0.3)
    started = {name: run.info.start_time for name, run in server.runs().items()}
    assert sorted(started, key=lambda name: -started[name]) == ["overall", "scanB", "scanA"]


def test_no_more_slices_than_a_server_draws(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_slices, "MOST_SLICES", 2)
    server.log(1, scanA=0.9, scanB=0.3)
    assert set(server.runs()) == {"overall", "scanA"}


def test_views_are_saved_once_and_what_people_changed_stays(server: Server) -> None:
    iterations, slices = server.ids.values()
    set_views(server.client, "pets", iterations=iterations, slices=slices)
    server.client.set_experiment_tag(iterations, "mlflow.note.content", "ours")
    set_views(server.client, "pets", iterations=iterations, slices=slices)
    keys = {
        iterations: {"burnish-iterations", "burnish-over-iterations"},
        slices: {"burnish-lowest-slices", "burnish-slices-over-iterations"},
    }
    for experiment, expected in keys.items():
        tags = server.client.get_experiment(experiment).tags
        assert {tag.rpartition(".")[2] for tag in tags if "sharedViewState" in tag} == expected
        assert all(len(value) < 5000 for value in tags.values())
    assert server.client.get_experiment(iterations).tags["mlflow.note.content"] == "ours"
    note = server.client.get_experiment(slices).tags["mlflow.note.content"]
    assert all(key in note for each in keys.values() for key in each)
