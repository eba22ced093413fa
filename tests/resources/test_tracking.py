"""The tracker: one run an iteration whatever happens, and a model that comes back the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits

from burnish.errors import TrackingError, TrackingUnavailable
from burnish.modeling import design_frame, make_estimator, make_pipeline
from burnish.patience import Patience
from burnish.records import TrackedIteration
from burnish.spec.models import Feature, Model
from burnish.typing import Tracker
from resources.mlflow_connection import connect
from resources.tracking import MlflowTracker, TrackerResource
from tests.resources.pets import DIGEST, X, Y, client_of, fitted, made, runs_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An initialised database, made once: MLflow takes a second and a half to make one."""
    folder = tmp_path_factory.mktemp("fresh")
    connect(f"sqlite:///{folder}/mlflow.db", Patience())
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def uri(database: bytes, tmp_path: Path) -> str:
    (tmp_path / "mlflow.db").write_bytes(database)
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def tracker(uri: str, tmp_path: Path) -> MlflowTracker:
    return MlflowTracker(uri, artifact_root=str(tmp_path / "artifacts"))


def test_it_is_a_tracker(tracker: MlflowTracker) -> None:
    assert isinstance(tracker, Tracker)


def test_a_run_holds_all_that_the_iteration_says(tracker: MlflowTracker, uri: str) -> None:
    logged = tracker.log_iteration(made(promoted=True))
    (run,) = runs_of(uri)
    assert (run.info.run_id, run.info.run_name) == (logged.run_id, "iter-0007")
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model": "logistic", "C": "1.0"}
    assert run.data.metrics == {"validation_accuracy": 0.9, "accuracy/source:scanA.1f3a": 0.8}
    tags = {name: run.data.tags[name] for name in ("git_sha", "dataset_digest", "promoted")}
    assert tags == {"git_sha": "abc", "dataset_digest": DIGEST, "promoted": "true"}
    (history,) = client_of(uri).get_metric_history(logged.run_id, "validation_accuracy")
    assert history.step == 7


def test_the_dataset_shown_carries_our_digest(tracker: MlflowTracker, uri: str) -> None:
    tracker.log_iteration(made())
    (run,) = runs_of(uri)
    (shown,) = run.inputs.dataset_inputs
    assert (shown.dataset.name, shown.dataset.digest) == ("pets@7", DIGEST[:36])
    assert json.loads(shown.dataset.profile) == {"num_rows": 60, "digest": DIGEST}


def test_tables_and_pages_can_be_read_back(tracker: MlflowTracker, uri: str) -> None:
    logged = tracker.log_iteration(made())
    client = client_of(uri)

    def text(path: str) -> str:
        return Path(client.download_artifacts(logged.run_id, path)).read_text(encoding="utf-8")

    table = {"columns": ["slice", "value"], "data": [["overall", 0.9], ["a", None]]}
    assert json.loads(text("tables/slices.json")) == table
    assert text("pages/report.html") == "<h1>what it bought</h1>"


def test_nothing_is_left_in_the_working_directory(tracker: MlflowTracker) -> None:
    tracker.log_iteration(made())
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("name", ["logistic", "boosting", "neighbours", "forest", "mlp"])
def test_every_bundled_model_comes_back_and_predicts_the_same(
    tracker: MlflowTracker, uri: str, name: str
) -> None:
    import mlflow.sklearn

    kinds = {"weight": Feature(kind="numeric"), "coat": Feature(kind="categorical")}
    kinds["note"] = Feature(kind="text")
    table = pa.table(
        {"weight": X[:, 0], "coat": ["grey", "black", None] * 20, "note": ["asleep", None] * 30}
    )
    with threadpool_limits(1):
        frame = design_frame(table, kinds)
        estimator = make_estimator(Model(name=name), random_state=0, n_classes=2)
        model = make_pipeline(estimator, kinds, frame).fit(frame, Y.tolist())
        logged = tracker.log_iteration(made(model=model, model_input=frame.head(5)))
        version = client_of(uri).get_model_version("pets", logged.model_version)
        back = mlflow.sklearn.load_model(version.source)
        assert np.array_equal(back.predict_proba(frame), model.predict_proba(frame))
    files = {path.name for path in Path(version.source.removeprefix("file://")).iterdir()}
    assert "model.skops" in files
    assert not any(file.endswith(".pkl") for file in files)


def test_logging_twice_leaves_one_run_and_one_model(tracker: MlflowTracker, uri: str) -> None:
    first = tracker.log_iteration(made())
    again = tracker.log_iteration(made(tags={"git_sha": "abc", "dagster_run_id": "r2"}))
    assert again == first
    (run,) = runs_of(uri)
    assert run.data.tags["dagster_run_id"] == "r2"
    assert len(client_of(uri).search_model_versions("name = 'pets'")) == 1
    assert len(client_of(uri).get_metric_history(first.run_id, "validation_accuracy")) == 1


def test_other_content_for_an_iteration_replaces_its_run(tracker: MlflowTracker, uri: str) -> None:
    first = tracker.log_iteration(made())
    second = tracker.log_iteration(made(params={"model": "forest"}, metrics={"x": 1.0}))
    (run,) = runs_of(uri)
    assert run.info.run_id == second.run_id != first.run_id
    assert run.data.metrics == {"x": 1.0}


def test_a_run_that_was_cut_short_is_completed(
    tracker: MlflowTracker, uri: str, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "artifacts" / "pets"
    in_the_way.parent.mkdir()
    in_the_way.write_text("a file where a folder must be")
    with pytest.raises(TrackingError, match="pets@iter7") as caught:
        tracker.log_iteration(made())
    assert "tracked_iterations" in caught.value.hint
    (cut,) = runs_of(uri)
    assert cut.info.status == "RUNNING"
    in_the_way.unlink()
    logged = tracker.log_iteration(made())
    (run,) = runs_of(uri)
    assert (run.info.run_id, run.info.status) == (cut.info.run_id, "FINISHED")
    assert logged.run_id == cut.info.run_id
    assert len(run.inputs.dataset_inputs) == 1
    assert len(client_of(uri).get_metric_history(logged.run_id, "validation_accuracy")) == 1


def test_aliases_follow_the_newest_and_the_promoted(tracker: MlflowTracker, uri: str) -> None:
    def aliases() -> dict[str, str]:
        held = client_of(uri).get_registered_model("pets").aliases
        return {alias: str(version) for alias, version in held.items()}

    first = tracker.log_iteration(made(1))
    assert aliases() == {"challenger": first.model_version}
    second = tracker.log_iteration(made(2, promoted=True))
    third = tracker.log_iteration(made(3))
    expected = {"challenger": third.model_version, "champion": second.model_version}
    assert aliases() == expected
    # The first is logged again, and says now that it was promoted: it comes too late.
    tracker.log_iteration(made(1, promoted=True))
    assert aliases() == expected


def test_the_champion_can_be_set_back_and_a_later_promotion_takes_it_again(
    tracker: MlflowTracker, uri: str
) -> None:
    def champion() -> str:
        return str(client_of(uri).get_registered_model("pets").aliases["champion"])

    first = tracker.log_iteration(made(1, promoted=True))
    second = tracker.log_iteration(made(2, promoted=True))
    assert champion() == second.model_version
    for _ in range(2):
        tracker.set_champion("pets", first.run_id)
        assert champion() == first.model_version
    # Promoted, and rolled back before it was logged.
    tracker.log_iteration(made(3, promoted=True, serves=False))
    assert champion() == first.model_version
    fourth = tracker.log_iteration(made(4, promoted=True))
    assert champion() == fourth.model_version
    with pytest.raises(TrackingError, match="has no registered model pets"):
        tracker.set_champion("pets", "0" * 32)


def from_home(number: int, home: str, **changes: Any) -> TrackedIteration:
    return made(number, tags={"home": home}, **changes)


def test_two_homes_on_one_server_leave_each_others_runs_alone(
    tracker: MlflowTracker, uri: str
) -> None:
    tracker.log_iteration(from_home(1, "a"))
    theirs = tracker.log_iteration(from_home(2, "a", promoted=True))
    ours = tracker.log_iteration(from_home(1, "b", promoted=True))
    assert len(runs_of(uri)) == 3
    assert {run.data.tags["home"] for run in runs_of(uri)} == {"a", "b"}
    champion = client_of(uri).get_model_version_by_alias("pets", "champion")
    assert champion.run_id == ours.run_id != theirs.run_id


def test_a_run_cut_short_is_not_completed_with_another_model(
    tracker: MlflowTracker, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(tags={"model_digest": "first"})
    with monkeypatch.context() as patch:
        patch.setattr("resources.tracking.move_aliases", cut_short)
        with pytest.raises(TrackingError):
            tracker.log_iteration(first)
    other = made(tags={"model_digest": "second"}, metrics={"validation_accuracy": 0.5})
    tracker.log_iteration(other)
    [run] = runs_of(uri)
    assert run.data.metrics == {"validation_accuracy": 0.5}
    assert run.data.tags["model_digest"] == "second"


def cut_short(*arguments: object) -> None:
    raise TrackingError("the server went away")


def test_many_metrics_parameters_and_tags_all_arrive(tracker: MlflowTracker, uri: str) -> None:
    tracker.log_iteration(
        made(
            metrics={f"accuracy/source:{i}": i / 2000 for i in range(2000)},
            params={f"p{i}": i for i in range(150)},
            tags={f"t{i}": str(i) for i in range(150)},
        )
    )
    (run,) = runs_of(uri)
    assert len(run.data.metrics) == 2000
    assert len(run.data.params) == 150
    assert run.data.tags["t149"] == "149"


def test_a_model_of_foreign_types_is_refused_before_a_run_exists(uri: str) -> None:
    tracker = MlflowTracker(uri, trusted=("numpy.",))
    with pytest.raises(TrackingError, match=r"sklearn\.tree"):
        tracker.log_iteration(made(model=fitted(RandomForestClassifier(2))))
    assert runs_of(uri) == []


def test_a_metric_name_that_mlflow_refuses_is_a_tracking_error(tracker: MlflowTracker) -> None:
    with pytest.raises(TrackingError, match="a=b"):
        tracker.log_iteration(made(metrics={"a=b": 1.0}))


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
def test_an_artifact_cannot_leave_its_folder(tracker: MlflowTracker, name: str) -> None:
    with pytest.raises(TrackingError, match="name of an artifact"):
        tracker.log_iteration(made(pages={name: ""}))


def test_a_server_that_is_down_is_told_in_seconds() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TrackingUnavailable, match="no MLflow server answers") as caught:
        MlflowTracker(f"http://127.0.0.1:{port}").log_iteration(made())
    assert "tracked_iterations" in caught.value.hint


def test_a_server_that_hangs_is_told_in_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TrackingUnavailable, match="not within 2 s"):
            MlflowTracker(url).log_iteration(made())


def test_an_asset_gets_the_plain_tracker_with_its_database_in_the_home(tmp_path: Path) -> None:
    @dg.asset
    def where(tracker: dg.ResourceParam[Tracker]) -> tuple[str, str]:
        assert isinstance(tracker, MlflowTracker)
        return tracker.tracking_uri, tracker.artifact_root

    resources = {"tracker": TrackerResource(home=str(tmp_path))}
    instance = dg.DagsterInstance.ephemeral()
    done = dg.materialize([where], resources=resources, instance=instance)
    expected = (f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "mlartifacts"))
    assert done.output_for_node("where") == expected


RACER = """
import sys
from resources.mlflow_connection import connect
from burnish.patience import Patience
print(len(connect(sys.argv[1], Patience()).search_experiments()))
"""


@pytest.mark.slow
def test_processes_that_meet_at_a_fresh_database_all_get_in(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, f"sqlite:///{tmp_path}/mlflow.db"]
    racers = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [racer.communicate(timeout=120) for racer in racers]
    assert [out.strip() for out, _ in said] == ["1"] * 4
    assert [err for _, err in said] == [""] * 4  # and MLflow keeps quiet about its migrations


def test_a_real_server_keeps_the_iteration_and_gives_the_model_back(
    mlflow_server: str, tmp_path: Path
) -> None:
    tracker = MlflowTracker(mlflow_server)
    first = tracker.log_iteration(made(promoted=True))
    assert tracker.log_iteration(made(promoted=True)) == first
    (run,) = runs_of(mlflow_server)
    at = f"{mlflow_server}/#/experiments/{run.info.experiment_id}/runs"
    # As a run of a model in training, not as one of traces and prompts.
    assert first.url == f"{at}/{first.run_id}?workflowType=machine_learning"
    assert first.comparison.startswith(f"{at}?viewStateShareKey=")
    back = subprocess.run(
        [sys.executable, "-c", READER],
        env={**os.environ, "MLFLOW_TRACKING_URI": mlflow_server},
        input=json.dumps(X.tolist()),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    predicted, table = json.loads(back.stdout)
    assert predicted == fitted().predict(X).tolist()
    assert table == {"slice": ["overall", "a"], "value": [0.9, None]}
    client = client_of(mlflow_server)
    assert "what it bought" in Path(
        client.download_artifacts(first.run_id, "pages/report.html", str(tmp_path))
    ).read_text(encoding="utf-8")


READER = """
import json, sys
import mlflow.sklearn, numpy
model = mlflow.sklearn.load_model("models:/pets@champion")
mlflow.set_experiment("pets")
table = mlflow.load_table("tables/slices.json")[["slice", "value"]].astype(object)
table = {name: [None if x != x else x for x in cells] for name, cells in table.items()}
print(json.dumps([model.predict(numpy.array(json.load(sys.stdin))).tolist(), table]))
"""
