"""Slices over the iterations: an experiment beside that of the iterations, with a run a slice.

What belongs here: the experiment `NAME by slice`. Each slice has one run, whose metrics are
histories over the iterations (step = iteration), so that the charts have one chart a metric with
a line a slice, and the table has a row a slice. What does not: the runs of iterations
(`resources.tracking`), or how the pages are laid out (`resources.mlflow_views`).

A run here carries no tag `iteration`: it is never one. It says of whom it is by the tags `dataset`,
`home`, `slice` and `slice_id`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from colorsys import hls_to_rgb
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from burnish.records import TrackedIteration
from burnish.slices import OVERALL
from burnish.workflows.evaluate import with_uncertain
from burnish.workflows.tracking import SLICE_REPORT

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run, RunTag

MOST_SLICES = 100
"""Slices that get a run: a server draws no more than that, and each costs a call an iteration."""

OWN_METRICS = ("accuracy", "precision", "recall", "f1_macro", "auroc", "log_loss", "brier", "ece")

UNCERTAIN = "uncertain"
"""Tag of a slice: whether its newest accuracy rests on too few rows or mistakes, `yes` or `no`."""


def by_slice_name(dataset: str) -> str:
    """The experiment's name; no dataset can have it, since theirs have no blanks."""
    return f"{dataset} by slice"


@dataclass
class _Slice:
    """One slice: its figures by iteration, each with the time of that iteration's run."""

    name: str
    points: dict[int, tuple[int, Mapping[str, float]]] = field(
        default_factory=dict[int, tuple[int, Mapping[str, float]]]
    )
    uncertain: dict[int, bool] = field(default_factory=dict[int, bool])


@dataclass(frozen=True)
class _Board:
    """The experiment `NAME by slice`, as one home sees it."""

    client: MlflowClient
    experiment_id: str
    dataset: str
    home: str

    def known(self) -> dict[str, Run]:
        """The runs of slices that are there, by the id of the slice."""
        found = self.client.search_runs(
            [self.experiment_id], f"tags.home = '{self.home}'", max_results=1000
        )
        runs: dict[str, Run] = {}
        # A server that hung may have made a run long after nobody waited for it: it is empty.
        for run in sorted(found, key=_newest, reverse=True):
            slice_id = run.data.tags.get("slice_id")
            if slice_id is not None and runs.setdefault(slice_id, run) is not run:
                self.client.delete_run(run.info.run_id)
        return runs

    def make(self, slice_id: str, one: _Slice, place: int) -> Run:
        """A run for a slice that has none yet."""
        started = max(at for at, _ in one.points.values())
        whole = slice_id == OVERALL
        return self.client.create_run(
            self.experiment_id,
            # The newest are shown first: all rows, and then from the lowest up.
            start_time=started + 1000 if whole else started - place,
            run_name=one.name,
            tags={
                "dataset": self.dataset,
                "home": self.home,
                "slice": one.name,
                "slice_id": slice_id,
                "mlflow.runColor": "#191d1c" if whole else _colour(place),
                "mlflow.note.content": f"The slice **{one.name}** of {self.dataset}; step is the "
                "iteration. `accuracy`, `log_loss`, `rows` and so on are of validation rows, "
                "`test_...` of test rows. The tag `uncertain` says whether the newest accuracy "
                "rests on too few rows or mistakes to be trusted.",
            },
        )


def log_slices(
    client: MlflowClient, experiment_id: str, iterations: str, iteration: TrackedIteration, run: Run
) -> None:
    """Put an iteration's figures by slice into place, as points of the runs of its slices.

    `experiment_id` is the experiment `NAME by slice`, `iterations` that of the iterations, `run`
    the iteration's own. Doing it again adds nothing, and what was cut short is completed. An
    iteration that is logged late lands at its step. Where it was logged before with other figures
    (its run was replaced), all runs of slices are made anew from what the iterations' runs hold.
    """
    at = run.info.start_time
    now = _slices_of(iteration.tables.get(SLICE_REPORT), iteration.iteration, at)
    if not now:
        return
    board = _Board(client, experiment_id, iteration.dataset, iteration.tags.get("home", ""))
    known = board.known()
    if OVERALL in known and _is_stale(client, known[OVERALL], now.get(OVERALL)):
        # That of all rows goes last: while it is there, what was begun is begun again.
        for slice_id in sorted(known, key=lambda one: one == OVERALL):
            client.delete_run(known[slice_id].info.run_id)
        known = {}
    if OVERALL not in known:
        now = _with_history(client, iterations, iteration, run, now)
    for place, slice_id in enumerate(_in_order(now, overall_first=OVERALL in known)):
        old = known.get(slice_id) or board.make(slice_id, now[slice_id], place)
        _add_points(client, old, now[slice_id])


def _slices_of(report: Any, number: int, at: int) -> dict[str, _Slice]:
    """The slices of one report, `report` an Arrow table or None."""
    if report is None:
        return {}
    found: dict[str, _Slice] = {}
    figures: dict[str, dict[str, float]] = {}
    for row in with_uncertain(report).to_pylist():
        if row["slice_id"] not in found and len(found) == MOST_SLICES:
            continue
        one = found.setdefault(row["slice_id"], _Slice(row["slice"]))
        own = figures.setdefault(row["slice_id"], {})
        prefix = "" if row["split"] == "validation" else f"{row['split']}_"
        own[f"{prefix}rows"] = float(row["support"])
        if row["value"] is not None and row["metric"] in OWN_METRICS:
            # To four places, which a column has room for; the report itself has them all.
            own[f"{prefix}{row['metric']}"] = round(float(row["value"]), 4)
        if (row["split"], row["metric"]) == ("validation", "accuracy"):
            one.uncertain[number] = bool(row["uncertain"])
        one.points[number] = (at, own)
    return found


def _is_stale(client: MlflowClient, run: Run, whole: _Slice | None) -> bool:
    """Whether the run of all rows has other figures at this iteration than it is to have."""
    for number, (at, figures) in whole.points.items() if whole else ():
        # The log-loss of two models is the same if they are; their accuracy may be by chance.
        name = next((one for one in ("log_loss", *OWN_METRICS) if one in figures), "rows")
        history = client.get_metric_history(run.info.run_id, name)
        there = {(one.timestamp, one.value) for one in history if one.step == number}
        return bool(there - {(at, figures.get(name))})
    return False


def _with_history(
    client: MlflowClient,
    iterations: str,
    iteration: TrackedIteration,
    run: Run,
    now: Mapping[str, _Slice],
) -> dict[str, _Slice]:
    """The slices of this iteration and of all others that are logged already."""
    together = {
        slice_id: _Slice(one.name, dict(one.points), dict(one.uncertain))
        for slice_id, one in now.items()
    }
    home = iteration.tags.get("home", "")
    others = client.search_runs([iterations], f"tags.home = '{home}'", max_results=1000)
    for other in others:
        if other.info.run_id == run.info.run_id or "iteration" not in other.data.tags:
            continue
        number = int(other.data.tags["iteration"])
        earlier = _slices_of(_report_of(client, other), number, other.info.start_time)
        for slice_id, one in earlier.items():
            there = together.setdefault(slice_id, _Slice(one.name))
            there.points.update(one.points)
            there.uncertain.update(one.uncertain)
    return together


def _report_of(client: MlflowClient, run: Run) -> Any:
    import pyarrow as pa

    name = f"{SLICE_REPORT}.json"
    files = {file.path for file in client.list_artifacts(run.info.run_id, "tables")}
    if f"tables/{name}" not in files:
        return None
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(run.info.run_id, f"tables/{name}", folder)
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    columns = zip(*table["data"], strict=True)
    return pa.table(dict(zip(table["columns"], map(list, columns), strict=True)))


def _in_order(slices: Mapping[str, _Slice], *, overall_first: bool) -> list[str]:
    """The lowest first, since a server shows those that were made last, and ten at a time.

    That of all rows is logged first where it is there already, and made last where it is not: it
    is by it that one sees later what was cut short.
    """

    def accuracy(slice_id: str) -> float:
        points = slices[slice_id].points
        return points[max(points)][1].get("accuracy", 2.0)

    ranked = sorted((s for s in slices if s != OVERALL), key=lambda s: (accuracy(s), s))
    whole = [OVERALL] if OVERALL in slices else []
    return [*whole, *ranked] if overall_first else [*ranked, *whole]


def _add_points(client: MlflowClient, run: Run, one: _Slice) -> None:
    newest = _newest(run)
    if max(one.points) != newest:
        metrics: list[Metric] = []
        # A change is told of an iteration that follows another, not of one that comes late.
        follows = len(one.points) == 1 and max(one.points) > newest
        before = run.data.metrics.get("accuracy") if follows else None
        for number, (at, figures) in sorted(one.points.items()):
            metrics += _metrics(_with_change(figures, before), at=at, step=number)
            before = figures.get("accuracy", before)
        # A thousand entries are one call's most; those that are there already fall on themselves.
        tags = _trust(one, newest)
        for first in range(0, len(metrics), 800):
            client.log_batch(run.info.run_id, metrics=metrics[first : first + 800], tags=tags)
    if run.info.status != "FINISHED":
        client.update_run(run.info.run_id, status="FINISHED")


def _trust(one: _Slice, newest: int) -> list[RunTag]:
    """The tag that says whether the newest accuracy is certain; none of an iteration come late."""
    from mlflow.entities import RunTag

    last = max(one.uncertain, default=0)
    if not one.uncertain or last < newest:
        return []
    return [RunTag(UNCERTAIN, "yes" if one.uncertain[last] else "no")]


def _colour(place: int) -> str:
    """A colour for each of a hundred lines: hues far apart, in turn dark, plain and light."""
    # A golden section from one hue to the next, so that neighbours differ most.
    parts = hls_to_rgb(0.47 + 0.618034 * place, (0.3, 0.45, 0.62)[place % 3], 0.65)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _newest(run: Run) -> int:
    """The last iteration that a slice has a point of; 0 for none."""
    # `run.data.metrics` has values alone; the points behind it have their steps.
    return max((point.step for point in run.data._metric_objs or ()), default=0)


def _with_change(figures: Mapping[str, float], before: float | None) -> dict[str, float]:
    if before is None or "accuracy" not in figures:
        return dict(figures)
    return {**figures, "accuracy_change": round(figures["accuracy"] - before, 4)}


def _metrics(figures: Mapping[str, float], *, at: int, step: int) -> list[Metric]:
    from mlflow.entities import Metric

    return [Metric(name, value, at, step) for name, value in figures.items()]
