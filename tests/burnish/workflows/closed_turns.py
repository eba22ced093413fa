"""Iterations that were turned and closed by the library alone, without an orchestrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from burnish.records import GateReport, Iteration, Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.versions import QUARANTINE
from burnish.workflows.evaluate import slice_report
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.iterate import augment_iteration, close_iteration, train_iteration

ROWS = 90


class Stranger(LogisticRegression):
    """Somebody's own model: skops trusts it by name alone."""


OWN = f"{__name__}.{Stranger.__name__}"


class Pass:
    """A gate that turns away the rows it is told to, by position, and has no other objection."""

    def __init__(self, *turned_away: int) -> None:
        self.turned_away = turned_away

    def run(self, suite: Suite, data: pa.Table, *, key: str | None = "example_id") -> GateReport:
        lines = [{"row": row, "code": "X", "expectation": "e"} for row in self.turned_away]
        found = pa.Table.from_pylist(lines, schema=QUARANTINE)
        return GateReport(suite.gate, data.num_rows, (), found, (), suite.digest)


def pets(name: str = "pets", **parts: Any) -> DatasetSpec:
    """A spec of two kinds of pets, told by two numbers."""
    return DatasetSpec.model_validate(
        {
            "name": name,
            "source": {"path": "pets.csv"},
            "target": "label",
            "features": {"weight": "numeric", "height": "numeric"},
            "slices": [{"name": "source", "column": "source"}],
            "model": {"name": "logistic"},
            **parts,
        }
    )


def prepared(folder: Path, name: str = "pets") -> Home:
    """A home that knows validated rows of pets."""
    home = prepare_home(folder)
    rng = np.random.default_rng(0)
    kind = np.arange(ROWS) % 2
    ids = [f"p{row}" for row in range(ROWS)]
    rows = pa.table(
        {
            "example_id": ids,
            "label": [("cat", "dog")[one] for one in kind],
            "weight": rng.normal(kind * 2.0, 1),
            "height": rng.normal(kind * 1.0, 1),
            "source": rng.choice(["home", "street"], ROWS).tolist(),
            "split": rng.choice(["train", "validation", "test"], ROWS, p=[0.6, 0.2, 0.2]).tolist(),
            "fold_group": ids,
        }
    )
    home.versions.write(name, "validated_examples", rows, gated=False)
    return home


def turn(home: Home, spec: DatasetSpec, *, turned_away: tuple[int, ...] = ()) -> None:
    """One whole iteration, closed; its report is without the rows that were turned away."""
    iteration = measured(home, spec, turned_away=turned_away)
    run_id = f"run-{iteration.number}"
    close_iteration(spec, home.versions, iteration, run_id=run_id, git_sha="5c28aa3")


def measured(home: Home, spec: DatasetSpec, *, turned_away: tuple[int, ...] = ()) -> Iteration:
    """An iteration up to its report: a verdict, curated, augmented, trained and measured."""
    versions = home.versions
    iteration = versions.join(spec.name, opens=True)
    number = iteration.number
    dropped = Verdict(f"p{number}", "drop", None, None, author="Ann")
    home.ledger.append(spec.name, [dropped])
    versions.write_curated(spec.name, home.ledger.fold(spec.name), iteration=number)
    _gate(home, spec, "curated_examples")
    augment_iteration(spec, versions, iteration)
    _gate(home, spec, "augmented_examples")
    train_iteration(spec, versions, home.ledger, iteration)
    _gate(home, spec, "trained_model")
    predictions = versions.read(spec.name, "trained_model", of=iteration)
    curated = versions.read(spec.name, "curated_examples", of=iteration)
    report = slice_report(predictions, curated, spec)
    versions.write(spec.name, "slice_report", report, iteration=number)
    _gate(home, spec, "slice_report", *turned_away)
    return versions.iteration(spec.name, number)


def _gate(home: Home, spec: DatasetSpec, stage: str, *turned_away: int) -> None:
    pages, runner = Pages(home.folder / "pages"), Pass(*turned_away)
    run_gate(spec, stage, Suite(stage, ()), home.versions, runner=runner, pages=pages)
