"""An iteration laid out as MLflow will have it, before anything is sent.

What belongs here: files, tags and batches of a run, and the digest that says whether two logs are
the same. What does not: the model's own files (`resources.mlflow_model`), or the order of the
calls (`resources.mlflow_run`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from burnish.errors import TrackingError
from burnish.records import TrackedIteration
from burnish.store import content_digest
from resources.mlflow_connection import HINT
from resources.mlflow_model import save_model

CHAMPION, TURNED_DOWN = "#0a5f5a", "#a8480f"
"""Colours of runs: those whose model became champion, and the others."""

DIGEST_CHARACTERS = 36
"""How much of a digest MLflow keeps of a dataset; the tag `dataset_digest` has all of it."""


@dataclass(frozen=True)
class Prepared:
    """An iteration laid out on disk: whatever can't be logged is refused before a run exists."""

    iteration: TrackedIteration
    content: str
    model: Path
    artifacts: Path

    @classmethod
    def of(cls, iteration: TrackedIteration, folder: Path, trusted: tuple[str, ...]) -> Prepared:
        artifacts = folder / "artifacts"
        for kind in ("tables", "pages"):
            (artifacts / kind).mkdir(parents=True)
        for name, table in iteration.tables.items():
            text = json.dumps(_split_table(table), allow_nan=False)
            (artifacts / table_path(name)).write_text(text, encoding="utf-8")
        for name, page in iteration.pages.items():
            path = artifacts / "pages" / f"{_file_name(name).removesuffix('.html')}.html"
            path.write_text(page, encoding="utf-8")
        model = save_model(iteration, folder / "model", trusted)
        return cls(iteration, content_of(iteration), model, artifacts)


def content_of(iteration: TrackedIteration) -> str:
    """The digest of what makes two logs of an iteration the same; not who ran it, as tags say."""
    facts = {
        "params": {name: str(value) for name, value in iteration.params.items()},
        "metrics": dict(iteration.metrics),
        "data": [iteration.dataset_version, iteration.dataset_digest, iteration.rows],
        "promoted": iteration.promoted,
        "model": iteration.tags.get("model_digest", ""),
        "tables": {name: content_digest(table) for name, table in iteration.tables.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def experiment_tags(dataset: str) -> dict[str, str]:
    """What an experiment is found by, and shown as: models in training."""
    return {"dataset": dataset, "mlflow.experimentKind": "custom_model_development"}


def run_tags(iteration: TrackedIteration) -> dict[str, str]:
    """Every tag of a finished run."""
    own = {
        "dataset": iteration.dataset,
        "iteration": str(iteration.iteration),
        "dataset_version": iteration.dataset_version,
        "dataset_digest": iteration.dataset_digest,
        "promoted": str(iteration.promoted).lower(),
    }
    note = {
        "mlflow.note.content": _note(iteration),
        # In charts, whose axis is the iteration, colour is free to say something else.
        "mlflow.runColor": CHAMPION if iteration.promoted else TURNED_DOWN,
    }
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


def dataset_input(iteration: TrackedIteration) -> Any:
    """The data that the model was trained on, as MLflow shows it beside a run."""
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


# ---------------------------------------------------------------- names and tables


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise TrackingError(
            f"{name!r} can't be the name of an artifact",
            expected="letters, digits, _ - and .",
            hint=HINT,
        )
    return name


def table_path(name: str) -> str:
    """Where a table lies among the artifacts."""
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


def milliseconds(moment: datetime | None) -> int | None:
    """A time as MLflow counts it."""
    return None if moment is None else int(moment.timestamp() * 1000)
