"""The task of `overhead.py`: a planted project, two homes prepared alike, and who works on each.

What belongs here: the two sides, the reviewer between their jobs, and all by which it is seen that
both did the same. What does not: timing them (`overhead.py`), or the stages of the plain side
(`plain_iteration.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
# The project's own packages are not installed with the library.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from burnish.ledger import SqlLedger
from burnish.spec import DatasetSpec, load_spec
from burnish.versions import Versions

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
ACCURACY = 0.95
DECIDED_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
SPEC = """\
name: planted
description: Three planted classes, a tenth of the labels wrong, one weak site.
source: {path: planted.parquet}
id: example_id
target: label
features: {x0: numeric, x1: numeric, x2: numeric, x3: numeric, x4: numeric,
           tone: categorical, site: categorical}
classes: [class-0, class-1, class-2]
split: {column: split}
slices:
  - {name: site, column: site}
  - {name: tone, column: tone}
simulation: {path: truth.parquet}
random_state: 7
"""
STAGES = (
    "raw_examples", "quarantined_examples", "validated_examples", "pred_probs", "label_audit",
    "relabel_queue", "curated_examples", "augmented_examples", "trained_model", "slice_report",
)  # fmt: skip


class Side(Protocol):
    """A home, and the two jobs of an iteration on it."""

    versions: Versions
    ledger: SqlLedger

    def audit(self) -> None: ...
    def retrain(self) -> None: ...


class Dagster:
    """The jobs of the dataset, run in this process as `burnish loop` runs them."""

    def __init__(self, spec: DatasetSpec, home: Path, stack: ExitStack) -> None:
        from burnish.workflows.home import prepare_home
        from pipelines.environments import Settings
        from pipelines.instance import open_instance
        from pipelines.turning import open_loop

        opened = prepare_home(home)
        self.versions, self.ledger, self.name = opened.versions, opened.ledger, spec.name
        settings = Settings(PROJECT, home, spec.folder)
        instance = stack.enter_context(open_instance(home))
        self.loop = open_loop(spec, settings, opened, instance, lambda _: None, lambda _: None)

    def audit(self) -> None:
        self.loop.run("audit", self.versions.join(self.name, opens=True))

    def retrain(self) -> None:
        self.loop.run("retrain", self.versions.join(self.name, opens=False))


def open_plain(spec: DatasetSpec, home: Path, stack: ExitStack) -> Side:  # noqa: ARG001
    from plain_iteration import Plain

    return Plain.open(spec, home)


SIDES: dict[str, Callable[[DatasetSpec, Path, ExitStack], Side]] = {
    "plain": open_plain,
    "dagster": Dagster,
}


def write_project(folder: Path, rows: int) -> DatasetSpec:
    """A catalog with one planted table of `rows` rows."""
    import pyarrow.parquet as pq

    from burnish.datasets.planted import make_classification_table

    folder.mkdir(parents=True)
    examples, truth = make_classification_table(rows, seed=rows)
    pq.write_table(examples, folder / "planted.parquet")
    pq.write_table(truth, folder / "truth.parquet")
    (folder / "planted.yaml").write_text(SPEC)
    return load_spec(folder / "planted.yaml")


def make_template(home: Path) -> None:
    """A home whose databases are made and hold nothing: making them is no part of an iteration."""
    from burnish.database import migrate, open_database
    from burnish.patience import Patience
    from pipelines.instance import open_instance
    from resources.mlflow_connection import connect
    from resources.mlflow_database import INITIALISE_SECONDS

    engine = open_database(home / "burnish.db")
    migrate(engine)
    engine.dispose()
    connect(f"sqlite:///{home / 'mlflow.db'}", Patience(INITIALISE_SECONDS))
    with open_instance(home):
        pass


def decide(side: Side, spec: DatasetSpec, truth: dict[str, str], home: Path) -> None:
    """The simulated reviewer looks at the whole batch, at the same hour in each home.

    The chain of the ledger covers that hour, so that even the chains can be compared.
    """
    from burnish.database import open_database
    from burnish.workflows.batch import open_batch
    from burnish.workflows.simulate import simulated_verdicts

    iteration, queue = open_batch(side.versions, spec.name)
    verdicts = simulated_verdicts(
        queue, truth, accuracy=ACCURACY, classes=spec.classes, random_state=iteration.number
    )
    engine = open_database(home / "burnish.db")
    SqlLedger(engine, clock=lambda: DECIDED_AT).append(spec.name, verdicts)
    engine.dispose()


def outcome(side: Side, spec: DatasetSpec, home: Path) -> dict[str, Any]:
    """All in which two homes that did the same are alike."""
    from mlflow import MlflowClient

    versions = side.versions
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    closed = versions.iterations(spec.name)
    runs = [client.get_run(str(one.mlflow_run_id)) for one in closed]
    newest = {stage: versions.candidate(spec.name, stage) for stage in STAGES}
    return {
        "dataset versions": [(str(v), v.digest) for v in versions.dataset_versions(spec.name)],
        "promotion": [one.promoted for one in closed],
        "metrics": [run.data.metrics for run in runs],
        "tables": {stage: one and (one.version, one.digest) for stage, one in newest.items()},
        "gates": sorted(
            (one.stage, one.version, one.data_digest, one.suite_digest, one.passed)
            for one in versions.verdicts(spec.name)
        ),
        "the ledger": side.ledger.head(spec.name),
    }


def check_alike(plain: dict[str, Any], dagster: dict[str, Any]) -> None:
    """Ends the benchmark where the two did not do the same, or did nothing."""
    if not plain["gates"] or not all(plain["metrics"]):
        raise SystemExit("nothing was done that could be compared")
    for what, found in plain.items():
        if found != dagster[what]:
            raise SystemExit(f"the two differ in {what}:\n{found}\n{dagster[what]}")
