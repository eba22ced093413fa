"""The tracker: every iteration becomes one MLflow run, with its model in the registry.

What belongs here: laying a `TrackedIteration` out as an MLflow run and moving the aliases of its
model. What does not: what an iteration has to say (`burnish.workflows.tracking`), whether it is
promoted (`burnish.workflows.promote`), or how MLflow is reached (`resources.mlflow_connection`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from burnish.errors import TrackingError
from burnish.records import TrackedIteration, TrackedRun
from burnish.store import content_digest
from burnish.typing import Tracker
from resources.mlflow_connection import HINT, connect, mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, LoggedModel, Run

BEGUN = "content_begun"
"""Tag with the digest of what is to be logged, set when the run is made."""

CONTENT = "content_digest"
"""Tag with the digest of what was logged. A run that carries it is complete."""

DIGEST_CHARACTERS = 36
"""How much of a digest MLflow keeps of a dataset; the tag `dataset_digest` has all of it."""

TRUSTED = ("sklearn.", "numpy.", "scipy.")
"""Packages whose types may be named in a model file; anything else is refused."""


class MlflowTracker:
    """Keeps iterations in MLflow: experiment = data set, run = iteration, model = data set.

    `tracking_uri` is a server's address or `sqlite:///...`; `artifact_root` is the folder for
    artifacts where there is no server to choose one. `trusted` are the packages whose types a
    model may consist of (by the start of their names): it is kept as skops, never as a pickle.
    """

    def __init__(
        self, tracking_uri: str, *, artifact_root: str = "", trusted: tuple[str, ...] = TRUSTED
    ) -> None:
        self.tracking_uri = tracking_uri
        self.artifact_root = artifact_root
        self.trusted = trusted

    def log_iteration(
        self,
        iteration: TrackedIteration,
        *,
        patience: float | None = None,  # noqa: ARG002
    ) -> TrackedRun:
        """Log all of an iteration and register its model, as one run.

        Doing it again finds the run: one that was cut short is completed, a complete one is left
        as it is but for its tags, and one of other content is replaced. Runs that another home
        logged (tag `home`) are never touched. The alias `challenger` moves to the newest
        iteration's model, and `champion` with it where `promoted`; an older iteration of the same
        home never takes an alias back.

        Raises `TrackingError` where the server is down (within about five seconds), refuses
        something, or where the model holds types that are not trusted.
        """
        client = connect(self.tracking_uri)
        what = f"{iteration.dataset}@iter{iteration.iteration}"
        with mlflow_errors(self.tracking_uri, what), TemporaryDirectory() as folder:
            prepared = _Prepared.of(iteration, Path(folder), self.trusted)
            experiment = self._experiment(client, iteration.dataset)
            run = _run_for(client, experiment, prepared)
            if CONTENT not in run.data.tags:
                _log(client, run, prepared)
            version = _registered(client, run, prepared)
            _move_aliases(client, iteration, version)
            # Last of all: this tag says that nothing is missing.
            _log_batches(client, run, tags={**_tags(iteration), CONTENT: prepared.content})
            client.set_terminated(run.info.run_id, status="FINISHED")
        return TrackedRun(
            run_id=run.info.run_id,
            url=self._url(run),
            model_name=iteration.dataset,
            model_version=version,
        )

    def _experiment(self, client: MlflowClient, name: str) -> Experiment:
        found = client.get_experiment_by_name(name)
        if found is None:
            root = Path(self.artifact_root).resolve() / name if self.artifact_root else None
            made = client.create_experiment(name, artifact_location=root.as_uri() if root else None)
            for tag, value in _experiment_tags(name).items():
                client.set_experiment_tag(made, tag, value)
        elif found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        return experiment

    def _url(self, run: Run) -> str:
        if not self.tracking_uri.startswith("http"):
            return ""
        base = self.tracking_uri.rstrip("/")
        return f"{base}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


class TrackerResource(dg.ConfigurableResource[Tracker]):
    """Hands assets an `MlflowTracker` as `dg.ResourceParam[Tracker]`.

    Without a `tracking_uri`, a SQLite database and a folder of artifacts in `home`.
    """

    tracking_uri: str = ""
    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> Tracker:  # noqa: ARG002
        home = Path(self.home).resolve()
        uri = self.tracking_uri or f"sqlite:///{home / 'mlflow.db'}"
        local = not uri.startswith("http")
        return MlflowTracker(uri, artifact_root=str(home / "mlartifacts") if local else "")


# ---------------------------------------------------------------- before anything is sent


@dataclass(frozen=True)
class _Prepared:
    """An iteration laid out on disk: whatever can't be logged is refused before a run exists."""

    iteration: TrackedIteration
    content: str
    model: Path
    artifacts: Path

    @classmethod
    def of(cls, iteration: TrackedIteration, folder: Path, trusted: tuple[str, ...]) -> _Prepared:
        artifacts = folder / "artifacts"
        for kind in ("tables", "pages"):
            (artifacts / kind).mkdir(parents=True)
        for name, table in iteration.tables.items():
            text = json.dumps(_split_table(table), allow_nan=False)
            (artifacts / _table_path(name)).write_text(text, encoding="utf-8")
        for name, page in iteration.pages.items():
            path = artifacts / "pages" / f"{_file_name(name).removesuffix('.html')}.html"
            path.write_text(page, encoding="utf-8")
        model = _save_model(iteration, folder / "model", trusted)
        return cls(iteration, _content_digest(iteration), model, artifacts)


def _content_digest(iteration: TrackedIteration) -> str:
    """What makes two logs of an iteration the same; not who ran it, which the tags say."""
    facts = {
        "params": {name: str(value) for name, value in iteration.params.items()},
        "metrics": dict(iteration.metrics),
        "data": [iteration.dataset_version, iteration.dataset_digest, iteration.rows],
        "promoted": iteration.promoted,
        "model": iteration.tags.get("model_digest", ""),
        "tables": {name: content_digest(table) for name, table in iteration.tables.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _save_model(iteration: TrackedIteration, path: Path, trusted: tuple[str, ...]) -> Path:
    import mlflow.sklearn
    import skops.io
    from mlflow.models import infer_signature
    from threadpoolctl import threadpool_limits

    model = iteration.model
    types = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    foreign = sorted(
        name for name in types if not name.startswith(trusted) and name not in iteration.trust
    )
    if foreign:
        raise TrackingError(
            f"the model of {iteration.dataset} holds types that are not trusted: "
            + ", ".join(foreign),
            expected=f"types of {', '.join(name.rstrip('.') for name in trusted)}",
            hint="build the model of these packages, or name yours under `model.trust` in the spec",
        )
    with warnings.catch_warnings(), threadpool_limits(1):
        # MLflow warns that integer columns can't hold missing values; ours are checked by gates.
        warnings.simplefilter("ignore", UserWarning)
        signature = infer_signature(iteration.model_input, model.predict(iteration.model_input))
    mlflow.sklearn.save_model(
        model,
        path,
        serialization_format="skops",
        skops_trusted_types=types,
        # Named here, since inferring them loads the model in another process for seconds.
        pip_requirements=_requirements(),
        signature=signature,
    )
    return path


def _requirements() -> list[str]:
    from importlib.metadata import version

    packages = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{package}=={version(package)}" for package in packages]


def _experiment_tags(name: str) -> dict[str, str]:
    """What the UI needs to show an experiment as models in training, and what is to be seen."""
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": f"Iterations of the data set **{name}**. Columns to add: "
        "`validation_accuracy`, `test_accuracy`, `noise`, `promoted`. Charts has a section a "
        "metric, with a line a slice.",
    }


# ---------------------------------------------------------------- the run


def _run_for(client: MlflowClient, experiment: Experiment, prepared: _Prepared) -> Run:
    """The run of this iteration: the one that is there, or a new one."""
    iteration = prepared.iteration
    home = iteration.tags.get("home", "")
    found = client.search_runs(
        [experiment.experiment_id],
        f"tags.dataset = '{iteration.dataset}' and tags.iteration = '{iteration.iteration}' "
        f"and tags.home = '{home}'",
    )
    same = [run for run in found if _may_hold(run, prepared)]
    # One whole run comes before one that was cut short.
    same.sort(key=lambda run: CONTENT not in run.data.tags)
    for run in found:
        if run not in same[:1]:
            for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                client.delete_model_version(version.name, version.version)
            client.delete_run(run.info.run_id)
    if same:
        return same[0]
    return client.create_run(
        experiment.experiment_id,
        run_name=f"iter-{iteration.iteration:04d}",
        tags={
            "dataset": iteration.dataset,
            "iteration": str(iteration.iteration),
            "home": home,
            BEGUN: prepared.content,
        },
    )


def _may_hold(run: Run, prepared: _Prepared) -> bool:
    # MLflow's parameters can't change, so a run that began with others can't be completed.
    params = {name: str(value) for name, value in prepared.iteration.params.items()}
    fits = all(params.get(name) == value for name, value in run.data.params.items())
    return fits and run.data.tags.get(BEGUN) == prepared.content


def _log(client: MlflowClient, run: Run, prepared: _Prepared) -> None:
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    iteration, run_id = prepared.iteration, run.info.run_id
    tables = [{"path": _table_path(name), "type": "table"} for name in iteration.tables]
    _log_batches(
        client,
        run,
        metrics=iteration.metrics,
        params={name: str(value) for name, value in iteration.params.items()},
        tags={MLFLOW_LOGGED_ARTIFACTS: json.dumps(tables)},
        step=iteration.iteration,
    )
    client.log_inputs(run_id, [_dataset_input(iteration)])
    client.log_artifacts(run_id, str(prepared.artifacts))


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


def _tags(iteration: TrackedIteration) -> dict[str, str]:
    own = {
        "dataset": iteration.dataset,
        "iteration": str(iteration.iteration),
        "dataset_version": iteration.dataset_version,
        "dataset_digest": iteration.dataset_digest,
        "promoted": str(iteration.promoted).lower(),
    }
    note = {"mlflow.note.content": _note(iteration)}
    return {**note, **{name: str(value) for name, value in iteration.tags.items()}, **own}


def _note(iteration: TrackedIteration) -> str:
    """What a person reads first of a run."""
    rule = iteration.tags.get("promotion_reason", "")
    became = "became champion" if iteration.promoted else "did not become champion"
    figures = ", ".join(
        f"{name.replace('_', ' ')} {iteration.metrics[name]:.3f}"
        for name in ("validation_accuracy", "test_accuracy", "noise")
        if name in iteration.metrics
    )
    return (
        f"Iteration {iteration.iteration}, trained on {iteration.dataset_version}: "
        f"{figures}. It {became} ({rule})."
    )


def _dataset_input(iteration: TrackedIteration) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    # Our digest: MLflow's own looks at a sample of the rows.
    dataset = Dataset(
        name=iteration.dataset_version,
        digest=iteration.dataset_digest[:DIGEST_CHARACTERS],
        source_type="local",
        source=json.dumps({"uri": iteration.source}),
        profile=json.dumps({"num_rows": iteration.rows, "digest": iteration.dataset_digest}),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])


# ---------------------------------------------------------------- the model


def _registered(client: MlflowClient, run: Run, prepared: _Prepared) -> str:
    """The model's version in the registry; logged and registered unless the run did that."""
    name, run_id = prepared.iteration.dataset, run.info.run_id
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if known:
        return str(max(int(version.version) for version in known))
    logged = _log_model(client, run, prepared)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=f"Models of the data set {name}.")
    version = client.create_model_version(
        name,
        source=_source_of(client, logged),
        run_id=run_id,
        model_id=logged.model_id,
        tags={
            "iteration": str(prepared.iteration.iteration),
            "home": prepared.iteration.tags.get("home", ""),
            "dataset_version": prepared.iteration.dataset_version,
            "dataset_digest": prepared.iteration.dataset_digest,
        },
    )
    return str(version.version)


def _log_model(client: MlflowClient, run: Run, prepared: _Prepared) -> LoggedModel:
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    # The steps of `mlflow.sklearn.log_model`, without its process-wide server and active run.
    logged = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run.info.run_id
    )
    description = prepared.model / "MLmodel"
    model = Model.load(str(description))
    model.run_id = run.info.run_id
    model.model_id = logged.model_id
    model.artifact_path = logged.artifact_location
    model.save(str(description))
    client.log_model_artifacts(logged.model_id, str(prepared.model))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged


def _source_of(client: MlflowClient, logged: LoggedModel) -> str:
    # A server allows nothing but the model's name; without one, that name would be looked up in
    # the process-wide tracking database, which need not be ours.
    served = client.tracking_uri.startswith("http")
    return f"models:/{logged.model_id}" if served else logged.artifact_location


def _move_aliases(client: MlflowClient, iteration: TrackedIteration, version: str) -> None:
    aliases = ["challenger", "champion"] if iteration.promoted else ["challenger"]
    model = client.get_registered_model(iteration.dataset)
    for alias in aliases:
        held = model.aliases.get(alias)
        if held is not None:
            tags = client.get_model_version(iteration.dataset, held).tags
            ours = tags.get("home", "") == iteration.tags.get("home", "")
            if ours and int(tags.get("iteration", -1)) > iteration.iteration:
                continue
        client.set_registered_model_alias(iteration.dataset, alias, version)


# ---------------------------------------------------------------- names and tables


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise TrackingError(
            f"{name!r} can't be the name of an artifact",
            expected="letters, digits, _ - and .",
            hint=HINT,
        )
    return name


def _table_path(name: str) -> str:
    return f"tables/{_file_name(name)}.json"


def _split_table(table: pa.Table) -> dict[str, Any]:
    """A table as MLflow's UI and `mlflow.load_table` read it."""
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return {"columns": table.column_names, "data": [list(_plain(row)) for row in rows]}


def _plain(row: tuple[Any, ...]) -> Iterator[Any]:
    for value in row:
        if isinstance(value, float) and not math.isfinite(value):
            yield None if math.isnan(value) else str(value)
        elif value is None or isinstance(value, bool | int | float | str):
            yield value
        else:
            yield str(value)
