"""The backlog of the tracker: closed iterations that no tracking server has yet.

What belongs here: telling which wait, rebuilding what is to be logged from the record alone, and
logging it once. What does not: what an iteration leaves behind, and under which names
(`burnish.workflows.tracking`), or how a server is spoken to (the tracker resource).

An iteration is closed without asking any server, so a server that is down or slow holds up
nothing. Nothing is copied aside for later either: an iteration that is closed and has no run is
what waits, and all that its run will say is in the record, in versions that are pinned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import ValidationError

from burnish.errors import BurnishError, IterationError, TrackingUnavailable
from burnish.patience import Patience
from burnish.records import Iteration, TableVersion, TrackedIteration, TrackedRun
from burnish.spec import DatasetSpec
from burnish.typing import Tracker
from burnish.versions import Versions
from burnish.versions.champions import serving
from burnish.workflows.discovered_iteration import CALIBRATION, DISCOVERED, made_by
from burnish.workflows.iterate import extra_metrics
from burnish.workflows.iteration_report_pages import tracked_pages
from burnish.workflows.iteration_report_reading import answers_in_a_word, known_answers_of
from burnish.workflows.promote import Promotion
from burnish.workflows.rolling_back import follow_record
from burnish.workflows.showing_comparison import tracked_comparison
from burnish.workflows.tracking import tracked_iteration
from burnish.workflows.train import Trained, restore

ELSEWHERE = "another process is logging them right now"


@dataclass(frozen=True)
class Backlog:
    """What was logged just now, what still waits, and why; the table is of every iteration.

    `champion` says why the server's alias does not follow a rollback yet; empty where it does.
    """

    logged: Mapping[str, TrackedRun]
    waiting: tuple[Iteration, ...]
    why: str
    written: TableVersion
    table: pa.Table
    champion: str = ""

    @property
    def sentence(self) -> str:
        """What a person wants to know of it."""
        if self.waiting or not self.champion:
            return waiting_sentence(self.waiting, self.why) or "every closed iteration has its run"
        return f"the alias champion waits for MLflow: {self.champion}. The record is the truth."

    @property
    def in_accord(self) -> bool:
        """Whether the server has all that the record says."""
        return not self.waiting and not self.champion


@dataclass
class _Log:
    logged: dict[str, TrackedRun] = field(default_factory=dict[str, TrackedRun])
    refused: list[BurnishError] = field(default_factory=list[BurnishError])
    why: str = ""
    champion: str = ""


def waiting_sentence(waiting: Sequence[Iteration], why: str = "") -> str:
    """Which iterations wait for the tracking server, and why; empty where none does.

    >>> from datetime import UTC, datetime
    >>> from burnish.records import Watermark
    >>> turn = Iteration("digits", 3, Watermark(0, ""), datetime(2026, 1, 1, tzinfo=UTC))
    >>> waiting_sentence([turn], "no server answers")
    'digits@iter3 waits for MLflow: no server answers. It is logged once it can be.'
    """
    if not waiting:
        return ""
    more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    names = ", ".join(str(turn) for turn in waiting[:3]) + more
    because = f": {why}" if why else ""
    if len(waiting) == 1:
        return f"{names} waits for MLflow{because}. It is logged once it can be."
    return (
        f"{len(waiting)} iterations wait for MLflow ({names}){because}. "
        "They are logged once they can be."
    )


def log_waiting(
    spec: DatasetSpec, versions: Versions, tracker: Tracker, *, patience: float
) -> Backlog:
    """Log every iteration that waits, oldest first, losing at most `patience` seconds in all.

    Where the server is down, or the seconds are used up, the others wait on, and so they do while
    another process logs this dataset's. Raises the first `BurnishError` of an iteration that the
    server refuses, or that cannot be rebuilt, after the others were logged.
    """
    with versions.exclusive(f"{spec.name}/tracked_iterations") as alone:
        log = _log_all(spec, versions, tracker, patience) if alone else _Log(why=ELSEWHERE)
        table = _table(versions.iterations(spec.name))
        written = versions.write(spec.name, "tracked_iterations", table, gated=False)
    if log.refused:
        raise log.refused[0]
    waiting = tuple(versions.untracked(spec.name))
    why = log.why if waiting else ""
    return Backlog(log.logged, waiting, why, written, table, champion=log.champion)


def from_record(spec: DatasetSpec, versions: Versions, iteration: Iteration) -> TrackedIteration:
    """All that a tracker is told of a closed iteration, from what the record holds of it.

    The model is described by the spec that it was trained with; `spec`, the one of today, says
    where files lie and which types a model may consist of, so that a mended spec helps.
    """
    summary = iteration.summary
    then = _spec_of(iteration, spec)
    report = versions.let_through(spec.name, "slice_report", int(summary["report_version"]))
    number = int(summary["dataset_version"])
    return tracked_iteration(
        spec=then,
        iteration=iteration,
        dataset_version=versions.dataset_version(spec.name, number),
        trained=_trained(then, versions, iteration),
        report=report,
        promotion=Promotion.from_record(summary["promotion"]),
        run_id=str(summary.get("dagster_run_id", "")),
        git_sha=str(summary.get("git_sha", "unknown")),
        home=versions.home_id(),
        extra_metrics=extra_metrics(iteration),
        answers=answers_in_a_word(known_answers_of(versions, iteration)),
        pages={
            **tracked_pages(versions, versions.ledger, then, iteration),
            **tracked_comparison(versions, iteration),
        },
        serves=iteration.number in serving(versions.champion_events(spec.name)),
        tables={
            name: table
            for name in (DISCOVERED, CALIBRATION)
            if (table := made_by(versions, iteration, name)) is not None
        },
    )


def _log_all(spec: DatasetSpec, versions: Versions, tracker: Tracker, patience: float) -> _Log:
    left, log = Patience(patience), _Log()
    for iteration in versions.untracked(spec.name):
        try:
            # Before the model is rebuilt: that too would be lost to a server that is down.
            tracker.reach(patience=left)
            tracked = _rebuilt(spec, versions, iteration)
            run = tracker.log_iteration(tracked, patience=left)
        except TrackingUnavailable as error:
            log.why = error.found
            break
        except BurnishError as error:
            log.refused.append(error)
        else:
            versions.set_run(spec.name, iteration.number, run.run_id)
            log.logged[str(iteration)] = run
    log.champion = log.why or follow_record(versions, tracker, spec.name, patience=left)
    return log


def _rebuilt(spec: DatasetSpec, versions: Versions, iteration: Iteration) -> TrackedIteration:
    try:
        return from_record(spec, versions, iteration)
    except (LookupError, TypeError, ValueError, pa.ArrowException) as error:
        # The younger ones must not wait for what can't be rebuilt.
        raise IterationError(
            f"{iteration} cannot be rebuilt from the record: {type(error).__name__}: {error}",
            expected="a closed iteration with all that it noted",
            hint="`burnish verify` says what is amiss; the other iterations are logged",
        ) from error


def _spec_of(iteration: Iteration, today: DatasetSpec) -> DatasetSpec:
    try:
        then = DatasetSpec.model_validate({**iteration.summary["spec"], "folder": today.folder})
    except ValidationError as error:
        raise IterationError(
            f"{iteration} was trained with a spec that this Burnish cannot read: {error}",
            hint="log it with the Burnish that closed it",
        ) from error
    model = then.model.model_copy(update={"trust": today.model.trust})
    return then.model_copy(update={"model": model})


def _trained(spec: DatasetSpec, versions: Versions, iteration: Iteration) -> Trained:
    summary, name = iteration.summary, spec.name
    files = versions.store.read(f"{name}/model_files", version=int(summary["model_version"]))
    kept = files.to_pylist()[0]
    return restore(
        kept["model"],
        predictions=versions.let_through(
            name, "trained_model", int(summary["predictions_version"])
        ),
        curated=versions.let_through(name, "curated_examples", int(summary["curated_version"])),
        spec=spec,
        classes=json.loads(kept["classes"]),
        params=json.loads(kept["params"]),
    )


def _table(turns: list[Iteration]) -> pa.Table:
    schema = pa.schema(
        [("iteration", pa.int64()), ("promoted", pa.bool_()), ("mlflow_run_id", pa.string())]
    )
    rows = [
        {"iteration": one.number, "promoted": one.promoted, "mlflow_run_id": one.mlflow_run_id}
        for one in turns
        if not one.is_open
    ]
    return pa.Table.from_pylist(rows, schema=schema)
