"""An iteration on three lines of pets, and what a server holds of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from burnish.records import TrackedIteration

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.where(X[:, 0] > 0, "cat", "dog")
DIGEST = "0123456789abcdef" * 4
REPORT = pa.table(
    {
        "split": ["validation"] * 2,
        "slice": ["overall", "a"],
        "slice_id": ["overall", "0000000a"],
        "metric": ["accuracy"] * 2,
        "value": [0.9, 0.8],
        "support": [60, 20],
    }
)


def fitted(model: Any | None = None) -> Any:
    with threadpool_limits(1):
        return (LogisticRegression() if model is None else model).fit(X, Y)


def made(number: int = 7, **changes: Any) -> TrackedIteration:
    iteration = TrackedIteration(
        dataset="pets",
        iteration=number,
        tags={"git_sha": "abc", "dagster_run_id": "r1"},
        params={"model": "logistic", "C": 1.0},
        metrics={"validation_accuracy": 0.9, "accuracy/source:scanA.1f3a": 0.8},
        tables={
            "slices": pa.table({"slice": ["overall", "a"], "value": [0.9, float("nan")]}),
            "slice_report": REPORT,
        },
        dataset_version=f"pets@{number}",
        dataset_digest=DIGEST,
        rows=60,
        source="pets.csv",
        model=fitted(),
        model_input=X[:5],
        promoted=False,
        pages={"report": "<h1>what it bought</h1>"},
    )
    return replace(iteration, **changes)


def client_of(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_of(uri: str, dataset: str = "pets") -> list[Any]:
    client = client_of(uri)
    experiment = client.get_experiment_by_name(dataset)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def whole(uri: str, dataset: str) -> dict[str, Any]:
    """All that a server holds of a data set, but for the names that it gave by itself."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(dataset)
    assert experiment is not None
    runs = [_run(client, run) for run in client.search_runs([experiment.experiment_id])]
    versions = client.search_model_versions(f"name = '{dataset}'")
    aliases = client.get_registered_model(dataset).aliases
    models = client.search_logged_models([experiment.experiment_id])
    by_slice = client.get_experiment_by_name(f"{dataset} by slice")
    slices = client.search_runs([by_slice.experiment_id])
    found = {
        "experiment": experiment.tags,
        "slices": sorted(
            [run.info.run_name, run.info.status, *_points(client, run)] for run in slices
        ),
        "runs": sorted(runs, key=lambda run: run["name"]),
        "versions": [[int(one.version), one.tags] for one in versions],
        "aliases": {alias: int(version) for alias, version in aliases.items()},
        "models": [[model.name, str(model.status)] for model in models],
    }
    text = re.sub(r"#/experiments/[0-9]+/", "#/experiments/N/", json.dumps(found))
    return json.loads(text.replace(dataset, "pets"))


def _points(client: Any, run: Any) -> list[Any]:
    return [[name, history(client, run, name)[-1].value] for name in sorted(run.data.metrics)]


def _run(client: Any, run: Any) -> dict[str, Any]:
    given = ("mlflow.user", "mlflow.source", "mlflow.runName")
    with TemporaryDirectory() as folder:
        client.download_artifacts(run.info.run_id, "", folder)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        texts = {str(path.relative_to(folder)): path.read_text() for path in files}
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {
            name: [[point.value, point.step] for point in history(client, run, name)]
            for name in sorted(run.data.metrics)
        },
        "tags": {k: v for k, v in sorted(run.data.tags.items()) if not k.startswith(given)},
        "data": [one.dataset.digest for one in run.inputs.dataset_inputs],
        "models": len(run.outputs.model_outputs),
        "files": texts,
    }


def history(client: Any, run: Any, metric: str) -> list[Any]:
    """Every value of a metric."""
    return list(client.get_metric_history(run.info.run_id, metric))
