"""The run of an iteration in MLflow: one, whatever happens, and complete or seen not to be.

What belongs here: the experiment, finding or making the run, filling and finishing it. What does
not: what it is filled with (`resources.mlflow_layout`), or its model (`resources.mlflow_model`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from resources.mlflow_connection import unless_there
from resources.mlflow_layout import (
    Prepared,
    dataset_input,
    experiment_tags,
    milliseconds,
    run_tags,
    table_path,
)
from resources.mlflow_model import forget_models

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

BEGUN = "content_begun"
"""Tag with the digest of what is to be logged, set when the run is made."""

CONTENT = "content_digest"
"""Tag with the digest of what was logged. A run that carries it is complete."""


def experiment_for(client: MlflowClient, name: str, artifacts: str | None, *, dataset: str) -> str:
    """The id of an experiment of a data set, made or restored where need be, with its tags.

    `artifacts` is where it will keep files, None where that is the server's to say.
    """
    tags = experiment_tags(dataset)
    found = client.get_experiment_by_name(name)
    if found is None:
        made = unless_there(
            lambda: client.create_experiment(name, artifact_location=artifacts, tags=tags)
        )
        return made or experiment_for(client, name, artifacts, dataset=dataset)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for tag, value in tags.items():
        # What people wrote there stays.
        if tag not in found.tags:
            client.set_experiment_tag(found.experiment_id, tag, value)
    return str(found.experiment_id)


def run_for(client: MlflowClient, experiment: str, prepared: Prepared) -> Run:
    """The run of this iteration: the one that is there, or a new one."""
    iteration = prepared.iteration
    found = _runs_of(client, experiment, prepared)
    same = [run for run in found if _may_hold(run, prepared)]
    # One whole run comes before one that was cut short.
    same.sort(key=lambda run: not is_complete(run))
    for run in found:
        if run not in same[:1]:
            _discard(client, run)
    if same:
        return same[0]
    return client.create_run(
        experiment,
        start_time=milliseconds(iteration.at),
        run_name=f"iter-{iteration.iteration:04d}",
        tags={
            "dataset": iteration.dataset,
            "iteration": str(iteration.iteration),
            "home": iteration.tags.get("home", ""),
            BEGUN: prepared.content,
        },
    )


def is_complete(run: Run) -> bool:
    """Whether all that the iteration has to say is in its run."""
    return CONTENT in run.data.tags


def fill(client: MlflowClient, run: Run, prepared: Prepared) -> None:
    """Log figures, data and files; what was logged before falls on itself."""
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    iteration, run_id = prepared.iteration, run.info.run_id
    tables = [{"path": table_path(name), "type": "table"} for name in iteration.tables]
    _log_batches(
        client,
        run,
        metrics=iteration.metrics,
        params={name: str(value) for name, value in iteration.params.items()},
        tags={MLFLOW_LOGGED_ARTIFACTS: json.dumps(tables)},
        step=iteration.iteration,
    )
    client.log_inputs(run_id, [dataset_input(iteration)])
    client.log_artifacts(run_id, str(prepared.artifacts))


def finish(client: MlflowClient, experiment: str, run: Run, prepared: Prepared) -> None:
    """Say that nothing is missing, and that there is no other run of this iteration."""
    tags = {**run_tags(prepared.iteration), CONTENT: prepared.content}
    _log_batches(client, run, tags=tags)
    ended = milliseconds(prepared.iteration.at)
    client.set_terminated(run.info.run_id, status="FINISHED", end_time=ended)
    # A server that hung may have made a run long after nobody waited for it any more.
    for other in _runs_of(client, experiment, prepared):
        if other.info.run_id != run.info.run_id and not is_complete(other):
            _discard(client, other)


def _runs_of(client: MlflowClient, experiment: str, prepared: Prepared) -> list[Run]:
    iteration = prepared.iteration
    home = iteration.tags.get("home", "")
    return list(
        client.search_runs(
            [experiment],
            f"tags.dataset = '{iteration.dataset}' and tags.iteration = '{iteration.iteration}' "
            f"and tags.home = '{home}'",
        )
    )


def _may_hold(run: Run, prepared: Prepared) -> bool:
    # MLflow's parameters can't change, so a run that began with others can't be completed.
    params = {name: str(value) for name, value in prepared.iteration.params.items()}
    fits = all(params.get(name) == value for name, value in run.data.params.items())
    return fits and run.data.tags.get(BEGUN) == prepared.content


def _discard(client: MlflowClient, run: Run) -> None:
    forget_models(client, run)
    client.delete_run(run.info.run_id)


def _log_batches(
    client: MlflowClient,
    run: Run,
    *,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    step: int = 0,
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    # The start of the run as time, so that what is logged a second time falls on the first.
    at = run.info.start_time
    all_metrics = [Metric(name, float(x), at, step) for name, x in (metrics or {}).items()]
    all_params = [Param(name, value) for name, value in (params or {}).items()]
    all_tags = [RunTag(name, value) for name, value in (tags or {}).items()]
    # One call takes 1,000 entries in all, at most 100 of them parameters and 100 tags.
    calls = max(len(all_metrics) / 800, len(all_params) / 100, len(all_tags) / 100)
    for i in range(math.ceil(calls)):
        client.log_batch(
            run.info.run_id,
            metrics=all_metrics[800 * i : 800 * (i + 1)],
            params=all_params[100 * i : 100 * (i + 1)],
            tags=all_tags[100 * i : 100 * (i + 1)],
        )
