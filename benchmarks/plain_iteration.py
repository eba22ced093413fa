"""One iteration of the loop as a plain script: the stages and gates of `assets/`, called by hand.

What belongs here: the calls that the assets make, in their order, on plain objects. What does not:
what the assets add for people to look at in Dagster (previews, plots, figures), or any timing
(`benchmarks/overhead.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.gates import suite_for
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.records import Iteration
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.store import DeltaStore
from burnish.typing import GateRunner, Mapper, Tracker
from burnish.versions import Versions
from burnish.workflows import ingest
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.backlog import log_waiting
from burnish.workflows.curate import curate
from burnish.workflows.evaluate import slice_report
from burnish.workflows.gates import known_classes, promised_rows, run_gate
from burnish.workflows.iterate import (
    augment_iteration,
    close_iteration,
    curate_iteration,
    train_iteration,
)
from burnish.workflows.quarantine import quarantined_rows
from burnish.workflows.queue import queue_iteration
from burnish.workflows.refit import refit_iteration
from burnish.workflows.validate import validate_examples, with_new_splits
from resources.compute import SerialMapper
from resources.expectations import GreatExpectationsRunner
from resources.tracking import MlflowTracker

PATIENCE = 4.0
"""Seconds a tracking server may cost: as in `assets.tracked`, though here there is a file alone."""


@dataclass(frozen=True)
class Plain:
    """A home opened without Dagster, in the places where the environment `dev` has its parts."""

    spec: DatasetSpec
    versions: Versions
    ledger: SqlLedger
    pages: Pages
    runner: GateRunner
    tracker: Tracker
    mapper: Mapper

    @classmethod
    def open(cls, spec: DatasetSpec, home: Path) -> Plain:
        engine = open_database(home / "burnish.db")
        ledger = SqlLedger(engine)
        return cls(
            spec,
            Versions(engine, DeltaStore(home / "tables", engine), ledger),
            ledger,
            Pages(home / "reports"),
            GreatExpectationsRunner(),
            MlflowTracker(
                f"sqlite:///{home / 'mlflow.db'}", artifact_root=str(home / "mlartifacts")
            ),
            SerialMapper(),
        )

    def audit(self) -> None:
        """From the source to the queue, as the job `audit` runs it."""
        spec, versions = self.spec, self.versions
        raw = ingest.read_examples(spec)
        versions.write(spec.name, "raw_examples", raw)
        self._gate("raw_examples")
        fixed = versions.read_last_good(spec.name, "fixed_splits")
        rows = validate_examples(versions.read(spec.name, "raw_examples"), spec, fixed=fixed)
        versions.write(spec.name, "fixed_splits", with_new_splits(fixed, rows), gated=False)
        versions.write(spec.name, "validated_examples", rows)
        self._gate("validated_examples")
        turned_away = quarantined_rows(versions, spec.name)
        versions.write(spec.name, "quarantined_examples", turned_away, gated=False)
        iteration = self._predict()
        audit = audit_labels(versions.read(spec.name, "pred_probs", of=iteration))
        audit, _ = refit_iteration(versions, self.ledger, iteration, audit)
        versions.write(spec.name, "label_audit", audit, iteration=iteration.number, gated=False)
        self._queue(iteration)

    def retrain(self) -> None:
        """From the verdicts to the champion, as the job `retrain` runs it."""
        spec, versions, ledger = self.spec, self.versions, self.ledger
        curate_iteration(spec, versions, ledger, self._joined())
        self._gate("curated_examples")
        augment_iteration(spec, versions, self._joined())
        self._gate("augmented_examples")
        train_iteration(spec, versions, ledger, self._joined())
        self._gate("trained_model")
        iteration = self._joined()
        predictions = versions.read(spec.name, "trained_model", of=iteration)
        curated = versions.read(spec.name, "curated_examples", of=iteration)
        report = slice_report(predictions, curated, spec)
        versions.write(spec.name, "slice_report", report, iteration=iteration.number)
        self._gate("slice_report")
        close_iteration(spec, versions, self._joined(), run_id="plain", git_sha="unknown")
        log_waiting(spec, versions, self.tracker, patience=PATIENCE)

    def _joined(self, *, opens: bool = False) -> Iteration:
        return self.versions.join(self.spec.name, opens=opens)

    def _predict(self) -> Iteration:
        spec, versions = self.spec, self.versions
        iteration = self._joined(opens=True)
        labels = self.ledger.fold(spec.name, iteration.watermark.event_id)
        unlabeled = versions.read_last_good(spec.name, "unlabeled_examples")
        current = curate(
            versions.read(spec.name, "validated_examples"), labels, unlabeled=unlabeled
        )
        probs = predict_probs(current, spec, unlabeled=unlabeled, mapper=self.mapper)
        versions.write(spec.name, "pred_probs", probs, iteration=iteration.number, gated=False)
        return iteration

    def _queue(self, iteration: Iteration) -> None:
        queue_iteration(self.spec, self.versions, self.ledger, iteration)
        self._gate("relabel_queue")

    def _gate(self, stage: str) -> None:
        spec, versions = self.spec, self.versions
        classes = known_classes(spec, versions, stage)
        suite = suite_for(stage, spec, classes=classes, budget=promised_rows(spec, versions))
        made = {"code_sha": "unknown", "run": "plain"}
        judged = run_gate(
            spec, stage, suite, versions, runner=self.runner, pages=self.pages, made=made
        )
        if not judged.report.passed:
            raise SystemExit(f"the gate of {stage}: {judged.sentence}")
