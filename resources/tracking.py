"""The tracker: every iteration becomes one MLflow run, with its model in the registry.

What belongs here: the order in which an iteration is logged, and the resource that hands out the
tracker. What does not: what an iteration has to say (`burnish.workflows.tracking`), or when it is
logged (`burnish.workflows.backlog`).

    mlflow_connection.py  who is there, how long anything may take, what an error means
    mlflow_layout.py      files, tags and batches of a run, before anything is sent
    mlflow_run.py         experiment and run
    mlflow_model.py       the model, its version, its aliases
    mlflow_slices.py      slices over the iterations, an experiment beside that of the iterations
    mlflow_views.py       what is seen first in the UI
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

from burnish.errors import TrackingUnavailable
from burnish.patience import Patience
from burnish.records import TrackedIteration, TrackedRun
from burnish.typing import Tracker
from resources.mlflow_connection import connect, mlflow_errors, probe
from resources.mlflow_layout import Prepared
from resources.mlflow_model import move_aliases, move_champion, registered_version
from resources.mlflow_run import experiment_for, fill, finish, is_complete, run_for
from resources.mlflow_slices import by_slice_name, log_slices
from resources.mlflow_views import TRAINING, TREND, set_views, view_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

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

    def reach(self, *, patience: Patience | None = None) -> None:
        """Raise `TrackingUnavailable` where nobody answers within two seconds.

        Loads nothing heavy. Raises `TrackingError` where waiting will not help.
        """
        probe(self.tracking_uri, patience or Patience())

    def answers(self) -> bool:
        """Whether the server or database answers within two seconds; loads nothing heavy."""
        try:
            self.reach()
        except TrackingUnavailable:
            return False
        return True

    def log_iteration(
        self, iteration: TrackedIteration, *, patience: Patience | None = None
    ) -> TrackedRun:
        """Log all of an iteration and register its model, as one run.

        Doing it again finds the run: one that was cut short is completed, a complete one is left
        as it is but for its tags, and one of other content is replaced. Runs that another home
        logged (tag `home`) are never touched. The alias `challenger` moves to the newest
        iteration's model, and `champion` with it where it serves; an older iteration of the same
        home never takes an alias back: that is for `set_champion`. Do not log one iteration from
        two processes at once.

        What is waited for the server is taken off `patience`; preparing the model is not. Raises
        `TrackingUnavailable` where the server is down (within two seconds), busy or broken, or the
        patience is used up: what was begun then is completed next time. Raises `TrackingError`
        where the server refuses something, or where the model holds types that are not trusted.
        """
        client = connect(self.tracking_uri, patience or Patience())
        what = f"{iteration.dataset}@iter{iteration.iteration}"
        with mlflow_errors(self.tracking_uri, what), TemporaryDirectory() as folder:
            prepared = Prepared.of(iteration, Path(folder), self.trusted)
            experiment = self._experiment(client, iteration.dataset, iteration.dataset)
            run = run_for(client, experiment, prepared)
            if not is_complete(run):
                fill(client, run, prepared)
                self._show(client, experiment, iteration, run)
            version = registered_version(client, run, iteration, prepared.model)
            move_aliases(client, iteration, version)
            finish(client, experiment, run, prepared)
        return TrackedRun(
            run_id=run.info.run_id,
            url=self._url(run),
            model_name=iteration.dataset,
            model_version=version,
            comparison=self._served(view_path(experiment, TREND, charts=True)),
        )

    def set_champion(self, dataset: str, run_id: str, *, patience: Patience | None = None) -> None:
        """Move the alias `champion` to the model of a run, back or forth; again changes nothing.

        Raises as `log_iteration` does, and `TrackingError` where the run has no model.
        """
        client = connect(self.tracking_uri, patience or Patience())
        with mlflow_errors(self.tracking_uri, f"the champion of {dataset}"):
            move_champion(client, dataset, run_id)

    def _experiment(self, client: MlflowClient, name: str, dataset: str) -> str:
        root = (Path(self.artifact_root).resolve() / name).as_uri() if self.artifact_root else None
        return experiment_for(client, name, root, dataset=dataset)

    def _show(
        self, client: MlflowClient, experiment: str, iteration: TrackedIteration, run: Run
    ) -> None:
        """What makes the UI of use: slices over the iterations, and the views of both."""
        slices = self._experiment(client, by_slice_name(iteration.dataset), iteration.dataset)
        log_slices(client, slices, experiment, iteration, run)
        set_views(client, iteration.dataset, iterations=experiment, slices=slices)

    def _url(self, run: Run) -> str:
        where = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        return self._served(f"{where}?{TRAINING}")

    def _served(self, path: str) -> str:
        """An address in the server's UI; empty where there is no server to show it."""
        served = self.tracking_uri.startswith("http")
        return f"{self.tracking_uri.rstrip('/')}/{path}" if served else ""


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
