"""Whether the tracking server of a home says of each iteration what the home's own record says.

What belongs here: one whole run an iteration, one registered model a run, and the aliases. What
does not: the record itself (`tests.faults.agreement`).
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse
from urllib.request import url2pathname

import yaml

from burnish.records import Iteration
from burnish.workflows.home import Home
from burnish.workflows.tracking import slice_accuracies

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CONTENT = "content_digest"
"""The tag that says of a run that nothing of it is missing."""


def tracking_faults(home: Home, dataset: str) -> Iterator[str]:
    """How MLflow and the record differ; every closed iteration must have been logged."""
    client = client_of(home.folder)
    closed = [one for one in home.versions.iterations(dataset) if not one.is_open]
    experiment = client.get_experiment_by_name(dataset)
    if experiment is None:
        yield "there is no experiment"
        return
    if "mlflow.experimentKind" not in experiment.tags:
        yield "the experiment has lost the tags that its page needs"
    runs = _runs(client, experiment.experiment_id)
    by_name = Counter(_named(run) for run in runs)
    for name, times in by_name.items():
        if times > 1:
            yield f"{times} runs of iteration {name[1]} of {name[0]}, home {name[2]}"
    ours = {(dataset, str(one.number), home.versions.home_id()) for one in closed}
    if by_name.keys() != ours:
        yield f"runs of {sorted(by_name)}, and {sorted(ours)} are closed"
    by_id = {run.info.run_id: run for run in runs}
    for one in closed:
        run = by_id.get(one.mlflow_run_id or "")
        if run is None:
            yield f"{one} is recorded as the run {one.mlflow_run_id}, which there is not"
        else:
            yield from (f"the run of {one} {fault}" for fault in _run_faults(home, one, run))
            yield from _model_faults(client, dataset, one, run)
    yield from _alias_faults(home, client, dataset, closed)
    yield from _slice_faults(home, client, dataset, closed)


def client_of(folder: Path) -> MlflowClient:
    """A client of the database that a home without a tracking server logs to."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _runs(client: MlflowClient, experiment: str) -> list[Run]:
    """Every run that was ever made and not deleted, page by page."""
    found: list[Run] = []
    token: str | None = ""
    while token is not None:
        page = client.search_runs([experiment], page_token=token or None)
        found += page
        token = page.token or None
    return found


def _named(run: Run) -> tuple[str, str, str]:
    tags = run.data.tags
    return (tags.get("dataset", ""), tags.get("iteration", ""), tags.get("home", ""))


def _run_faults(home: Home, one: Iteration, run: Run) -> Iterator[str]:
    number = int(one.summary["dataset_version"])
    version = home.versions.dataset_version(one.dataset, number)
    expected = {
        "dataset_version": str(version),
        "dataset_digest": version.digest,
        "ledger_watermark": str(version.watermark.event_id),
        "promoted": str(one.promoted).lower(),
    }
    told = {name: run.data.tags.get(name) for name in expected}
    if told != expected:
        yield f"says {told}, and the record {expected}"
    if run.info.status != "FINISHED" or CONTENT not in run.data.tags:
        yield f"is {run.info.status}, and {'' if CONTENT in run.data.tags else 'not '}complete"
    report = home.versions.store.read(
        f"{one.dataset}/slice_report", version=int(one.summary["report_version"])
    )
    measured = slice_accuracies(report)
    if not measured.items() <= run.data.metrics.items():
        yield f"lacks metrics by slice, of {len(measured)}"
    kept = Path(url2pathname(urlparse(run.info.artifact_uri).path)) / "tables" / "slice_report.json"
    if len(json.loads(kept.read_text(encoding="utf-8"))["data"]) != report.num_rows:
        yield f"keeps other slices than the {report.num_rows} of the report"
    inputs = [used.dataset.name for used in run.inputs.dataset_inputs]
    if inputs != [str(version)]:
        yield f"was trained on {inputs}, not on {version} alone"


def _model_faults(client: MlflowClient, dataset: str, one: Iteration, run: Run) -> Iterator[str]:
    made = client.search_model_versions(f"name = '{dataset}' and run_id = '{run.info.run_id}'")
    if len(made) != 1:
        yield f"{one} has {len(made)} models in the registry"
    elif made[0].tags.get("iteration") != str(one.number):
        yield f"the model of {one} is tagged as that of iteration {made[0].tags.get('iteration')}"
    elif not _is_whole(made[0]):
        yield f"the model of {one} cannot be loaded"
    history = client.get_metric_history(run.info.run_id, "validation_accuracy")
    if len(history) != 1:
        yield f"the run of {one} was measured {len(history)} times"
    shown = [output.model_id for output in run.outputs.model_outputs]
    if len(shown) != 1:
        yield f"the run of {one} shows {len(shown)} models"


def _is_whole(version: ModelVersion) -> bool:
    """Whether the files that a version of the registry points at are those of its run's model."""
    folder = Path(url2pathname(urlparse(version.source).path))
    described = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    with zipfile.ZipFile(folder / "model.skops") as files:
        return files.testzip() is None and described["run_id"] == version.run_id


def _alias_faults(
    home: Home, client: MlflowClient, dataset: str, closed: list[Iteration]
) -> Iterator[str]:
    champion = home.versions.champion(dataset)
    expected = {"challenger": closed[-1].number if closed else None,
                "champion": champion.number if champion else None}  # fmt: skip
    aliases = client.get_registered_model(dataset).aliases
    for alias, number in expected.items():
        held = aliases.get(alias)
        tags = client.get_model_version(dataset, held).tags if held else {}
        told = int(tags["iteration"]) if "iteration" in tags else None
        if told != number:
            yield f"the alias {alias} is at iteration {told}, and not at {number}"


def _slice_faults(
    home: Home, client: MlflowClient, dataset: str, closed: list[Iteration]
) -> Iterator[str]:
    """Each slice has one run, with one point for each iteration that measured it."""
    steps: dict[str, list[int]] = {}
    for one in closed:
        version = int(one.summary["report_version"])
        report = home.versions.store.read(f"{dataset}/slice_report", version=version)
        for name in sorted({row["slice"] for row in report.to_pylist()}):
            steps.setdefault(name, []).append(one.number)
    experiment = client.get_experiment_by_name(f"{dataset} by slice")
    runs = _runs(client, experiment.experiment_id) if experiment else []
    names = sorted(run.data.tags["slice"] for run in runs)
    if names != sorted(steps):
        yield f"there are runs of the slices {names}, and {sorted(steps)} were measured"
        return
    for run in runs:
        name = run.data.tags["slice"]
        history = client.get_metric_history(run.info.run_id, "rows")
        found = sorted(point.step for point in history)
        if found != steps[name]:
            yield f"the slice {name} has points of iterations {found}, not of {steps[name]}"
