"""One stream through the real assets and sensors of a project, in this process, by a moved clock.

What belongs here: the clock, deliveries, and the runs that the project's own sensors ask for. What
does not: the data (`production_stream_data.py`), or figures (`production_stream_score.py`).

The clock of the process is moved (`time-machine`), so that a label is known no earlier, and a model
promoted no earlier, than in the stream. In each period: its rows come in, and the labels of the
period before; `NAME_production` and `NAME_policy` look in turn, and what they ask for is run, until
neither asks. What was predicted is written down before any label of it came in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import dagster as dg
import time_machine

from assets.reporting import WHY_TAG
from benchmarks.production_stream_data import Row, Stream, answer, deliver, write_project
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.policy import SqlPolicyRecord
from burnish.records import Verdict
from burnish.report.pages import Pages
from burnish.spec import load_catalog
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.production_adopting import adopt_labels
from burnish.workflows.production_measure import window_for
from burnish.workflows.production_reference import Champion, load_champion
from burnish.workflows.production_stages import BATCH, PERFORMANCE, PREDICTIONS, partition_stage
from pipelines.definitions import build_definitions
from pipelines.environments import Settings

Arm: TypeAlias = Literal["policy", "always"]
LOOKS = 12
"""So often the sensors look in a period before it is said that they do not come to rest."""


@dataclass
class Told:
    """What was so of one period when it was over: rows, right answers, estimate, and work done."""

    period: str
    champion: int
    rows: int
    right: int
    right_first: int
    window_rows: int
    window_right: int
    estimate: dict[str, Any] | None
    runs: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


class Project:
    """A temporary project with its Dagster instance, opened."""

    def __init__(
        self, stream: Stream, catalog: Path, instance: dg.DagsterInstance, truth: dict[str, str]
    ) -> None:
        self.truth = truth
        self.stream, self.catalog, self.instance = stream, catalog, instance
        home = catalog.parent / "home"
        self.spec = load_catalog(catalog)[stream.name]
        self.definitions = build_definitions(
            {stream.name: self.spec}, Settings(catalog.parent, home, catalog)
        )
        engine = open_database(str(home / "burnish.db"))
        self.ledger = SqlLedger(engine)
        store = DeltaStore(str(home / "tables"), engine)
        self.versions = Versions(engine, store, self.ledger)
        self.record, self.pages = SqlPolicyRecord(engine), Pages(home / "reports")
        self.cursors: dict[str, str | None] = {}
        self.first: Champion

    def run(self, part: str, **options: Any) -> bool:
        """One run of a job, in this process; whether it succeeded."""
        job = self.definitions.resolve_job_def(f"{self.stream.name}_{part}")
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        ).success

    def look(self, which: str) -> list[dg.RunRequest]:
        """What a sensor asks for now."""
        sensor = self.definitions.resolve_sensor_def(f"{self.stream.name}_{which}")
        made = {"versions": self.versions, "policy": self.record}
        made |= {"ledger": self.ledger, "pages": self.pages}
        wanted = {name: made[name] for name in sensor.required_resource_keys}
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(which),
            resources=wanted,
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            found = sensor.evaluate_tick(context)
        self.cursors[which] = found.cursor or self.cursors.get(which)
        return list(found.run_requests or [])

    def first_model(self) -> None:
        """One turn of the loop on the rows of the start; their labels are kept as they are."""
        assert self.run("audit")
        queue = self.versions.read(self.stream.name, "relabel_queue").to_pylist()
        self.ledger.append(
            self.stream.name,
            [Verdict(r["example_id"], "keep", r["label"], r["label"], author="ada") for r in queue],
        )
        assert self.run("retrain")
        self.first = load_champion(self.spec, self.versions)


def run_stream(
    stream: Stream,
    rows: list[Row],
    folder: Path,
    *,
    arm: Arm,
    model: str,
    most: int,
    recent: int | None = None,
) -> Iterator[Told]:
    """Each period as it is done; `most` periods at most."""
    last = stream.first + len(rows) * stream.step
    start = [row for row in rows if row["met"] < _text(stream.start)]
    catalog = write_project(stream, start, folder, model=model, recent=recent)
    with (
        time_machine.travel(stream.start, tick=True) as clock,
        dg.instance_for_test() as instance,
    ):
        truth = {row["example_id"]: row["kind"] for row in rows}
        project = Project(stream, catalog, instance, truth)
        project.first_model()
        before: tuple[str, list[Row]] | None = None
        for place, (period, begin, end) in enumerate(stream.periods(last)):
            if place == most:
                return
            here = [row for row in rows if _text(begin) <= row["met"] < _text(end)]
            clock.move_to(end + timedelta(hours=1))
            began = time.perf_counter()
            deliver(stream, here, catalog, period)
            if before is not None:
                answer(before[1], catalog, before[0], end)
            told = _period(project, arm, period, here, before[0] if before else None)
            told.seconds = time.perf_counter() - began
            before = period, here
            yield told


def _period(project: Project, arm: Arm, period: str, rows: list[Row], before: str | None) -> Told:
    if arm == "policy":
        return _by_sensors(project, period, rows)
    name = project.stream.name
    made: list[str] = []
    wanted = [dg.AssetKey([name, one]) for one in ("production_batch", "predictions")]
    # The order of the policy: rows of the period are predicted before a new model serves.
    taken = project.run("production", partition_key=period, asset_selection=wanted)
    told = _told(project, period, rows)
    told.failed += [] if taken else [f"production {period}"]
    if arm == "always" and before is not None:
        assert project.run("labels")
        adopt_labels(project.spec, project.versions, until=before)
        passed = project.run("refresh", tags={WHY_TAG: "every period"})
        made.append("refresh")
        told.failed += [] if passed else ["refresh"]
    told.runs = made
    return told


def _by_sensors(project: Project, period: str, rows: list[Row]) -> Told:
    told: Told | None = None
    made: list[str] = []
    failed: list[str] = []
    for _ in range(LOOKS):
        asked = [*project.look("production")] or [*project.look("policy")]
        if not asked:
            break
        for one in asked:
            part = str(one.job_name).removeprefix(f"{project.stream.name}_")
            passed = project.run(
                part,
                tags=dict(one.tags),
                partition_key=one.partition_key,
                asset_selection=one.asset_selection,
            )
            made.append(f"{part} {one.partition_key or ''}".strip())
            failed += [] if passed else [made[-1]]
            if told is None and one.partition_key == period:
                told = _told(project, period, rows)
    else:
        failed.append("did not come to rest")
    told = told or Told(period, 0, 0, 0, 0, 0, 0, None)
    told.runs, told.failed = made, failed
    return told


def _told(project: Project, period: str, rows: list[Row]) -> Told:
    name, versions = project.stream.name, project.versions
    if versions.published(name, partition_stage(PREDICTIONS, period)) is None:
        return Told(period, 0, len(rows), 0, 0, 0, 0, None)
    said = versions.read(name, partition_stage(PREDICTIONS, period)).to_pylist()
    truth = {row["example_id"]: row["kind"] for row in rows}
    right = sum(one["predicted"] == truth[one["example_id"]] for one in said)
    table = versions.read_last_good(name, partition_stage(PERFORMANCE, period))
    lines = [] if table is None else table.to_pylist()
    overall = [one for one in lines if one["slice_id"] == "overall" and one["metric"] == "accuracy"]
    return Told(
        period,
        said[0]["champion"],
        len(said),
        right,
        _right_of_first(project, period, truth),
        *_of_window(project, period),
        overall[0] if overall else None,
    )


def _of_window(project: Project, period: str) -> tuple[int, int]:
    """Rows of the window that ends with a period, and the champion's right answers among them."""
    champion = load_champion(project.spec, project.versions)
    window = window_for(project.spec, project.versions, champion, period)
    best = window.probs.argmax(axis=1)
    names = window.rows["example_id"].to_pylist()
    pairs = zip(names, best, strict=True)
    right = sum(project.truth[name] == champion.classes[place] for name, place in pairs)
    return window.rows.num_rows, right


def _right_of_first(project: Project, period: str, truth: dict[str, str]) -> int:
    """Right answers of the first model on the same rows, as `predict_period` would make them."""
    rows = project.versions.read(project.stream.name, partition_stage(BATCH, period))
    best = project.first.probs(rows).argmax(axis=1)
    said = [project.first.classes[place] for place in best]
    names = rows["example_id"].to_pylist()
    return sum(truth[name] == one for name, one in zip(names, said, strict=True))


def kept(project_folder: Path, stream: Stream) -> dict[str, Any]:
    """What the record says in the end: decisions by period, promotions and refusals."""
    engine = open_database(str(project_folder / "home" / "burnish.db"))
    store = DeltaStore(str(project_folder / "home" / "tables"), engine)
    versions = Versions(engine, store, SqlLedger(engine))
    events = SqlPolicyRecord(engine).events(stream.name)
    turns = [
        {
            "number": one.number,
            "promoted": one.promoted,
            "opened": one.opened_at.isoformat(),
            "promotion": one.summary.get("promotion"),
        }
        for one in versions.iterations(stream.name)
    ]
    return {
        "turns": turns,
        "events": [
            {"kind": e.kind, "period": e.period, "alarm": e.alarm, "at": e.at.isoformat(),
             "body": e.body} for e in events
        ],
    }  # fmt: skip


def line_of(told: Told) -> str:
    """A period as a line of JSON."""
    return json.dumps(asdict(told), default=str)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
