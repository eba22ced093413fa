"""The model of an iteration in MLflow: its files, its version in the registry, its aliases.

What belongs here: saving without pickle, registering once, moving `challenger` and `champion`.
What does not: the run that the model is of (`resources.mlflow_run`), or whether it is promoted
(`burnish.workflows.promote`).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.errors import TrackingError
from burnish.records import TrackedIteration
from resources.mlflow_connection import unless_there

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run


def save_model(iteration: TrackedIteration, path: Path, trusted: tuple[str, ...]) -> Path:
    """Write the model as MLflow keeps it, as skops; raises `TrackingError` for foreign types."""
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


def registered_version(
    client: MlflowClient, run: Run, iteration: TrackedIteration, files: Path
) -> str:
    """The model's version in the registry; logged and registered unless the run did that."""
    name, run_id = iteration.dataset, run.info.run_id
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if known:
        return str(max(int(version.version) for version in known))
    logged = _logged(client, run, files)
    if not client.search_registered_models(f"name = '{name}'"):
        unless_there(
            lambda: client.create_registered_model(
                name, description=f"Models of the data set {name}."
            )
        )
    version = client.create_model_version(
        name,
        source=_source_of(client, logged),
        run_id=run_id,
        model_id=logged.model_id,
        tags={
            "iteration": str(iteration.iteration),
            "home": iteration.tags.get("home", ""),
            "dataset_version": iteration.dataset_version,
            "dataset_digest": iteration.dataset_digest,
        },
    )
    return str(version.version)


def move_aliases(client: MlflowClient, iteration: TrackedIteration, version: str) -> None:
    """`challenger` to the newest iteration's model, `champion` with it where that serves.

    An older iteration of the same home never takes an alias back.
    """
    serves = iteration.promoted if iteration.serves is None else iteration.serves
    aliases = ["challenger", "champion"] if serves else ["challenger"]
    model = client.get_registered_model(iteration.dataset)
    for alias in aliases:
        held = model.aliases.get(alias)
        if held is not None:
            tags = client.get_model_version(iteration.dataset, held).tags
            ours = tags.get("home", "") == iteration.tags.get("home", "")
            if ours and int(tags.get("iteration", -1)) > iteration.iteration:
                continue
        client.set_registered_model_alias(iteration.dataset, alias, version)


def move_champion(client: MlflowClient, name: str, run_id: str) -> str:
    """`champion` to the model of a run, back or forth; gives its version.

    Raises `TrackingError` where the run has no registered model.
    """
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if not known:
        raise TrackingError(
            f"the run {run_id} has no registered model {name}",
            expected="a run that `tracked_iterations` logged",
            hint="see in MLflow whether somebody deleted it",
        )
    version = str(max(int(one.version) for one in known))
    if str(client.get_registered_model(name).aliases.get("champion", "")) != version:
        client.set_registered_model_alias(name, "champion", version)
    return version


def forget_models(client: MlflowClient, run: Run) -> None:
    """Delete the models of a run that counts for nothing, and their versions."""
    for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
        client.delete_model_version(version.name, version.version)
    for logged in _models_of(client, run):
        client.delete_logged_model(logged.model_id)


def _requirements() -> list[str]:
    from importlib.metadata import version

    packages = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{package}=={version(package)}" for package in packages]


def _models_of(client: MlflowClient, run: Run) -> list[LoggedModel]:
    return list(
        client.search_logged_models(
            [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
        )
    )


def _logged(client: MlflowClient, run: Run, files: Path) -> LoggedModel:
    """The model of the run: one that was begun is completed, none is made beside it."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    # The steps of `mlflow.sklearn.log_model`, without its process-wide server and active run.
    begun = _models_of(client, run)
    logged = (
        begun[0]
        if begun
        else client.create_logged_model(
            run.info.experiment_id, name="model", source_run_id=run.info.run_id
        )
    )
    if logged.status != LoggedModelStatus.READY:
        description = files / "MLmodel"
        model = Model.load(str(description))
        model.run_id = run.info.run_id
        model.model_id = logged.model_id
        model.artifact_path = logged.artifact_location
        model.save(str(description))
        client.log_model_artifacts(logged.model_id, str(files))
        client.finalize_logged_model(logged.model_id, "READY")
    # MLflow has no outputs for a run that was just made, and takes the same one only once.
    named = run.outputs.model_outputs if run.outputs is not None else []
    if logged.model_id not in [one.model_id for one in named]:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged


def _source_of(client: MlflowClient, logged: LoggedModel) -> str:
    # A server allows nothing but the model's name; without one, that name would be looked up in
    # the process-wide tracking database, which need not be ours.
    served = client.tracking_uri.startswith("http")
    return f"models:/{logged.model_id}" if served else logged.artifact_location
