"""Whether all that a home keeps of its loop agrees: iterations, gates, versions, ledger, pages.

What belongs here: what must hold of a home in which no loop is at work, read through Burnish's
own doors and, where those might hide something, from the tables themselves. What does not: what
the tracking server holds (`tests.faults.tracked`), and killing loops (`tests.faults.killing`).

A home has been turned by the simulated reviewer alone: nobody decides a row twice, and nothing is
decided outside of an iteration.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg

from assets import AUDIT, RETRAIN
from assets.gates import GATED_STAGES
from burnish.records import DatasetVersion, Iteration
from burnish.store import content_digest
from burnish.versions.views import CURATED, content_of
from burnish.workflows.home import Home, open_home
from burnish.workflows.verify import verify_home
from tests.faults.tracked import tracking_faults

ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
NOTED = ("noise", "dataset_version", "curated_version", "augmented_version", "model_version",
         "predictions_version", "augmentation", "report_version", "promotion")  # fmt: skip


def disagreements(folder: Path, dataset: str = "flowers") -> list[str]:
    """Everything in a home that contradicts something else in it; empty where all agrees.

    An iteration that is closed must be whole: noted, decided, published, numbered, tracked and
    shown. One may be open.
    """
    home = open_home(folder)
    checks = {
        "iterations": _iterations(home, dataset),
        "gates": _gates(home, dataset),
        "dataset versions": _dataset_versions(home, dataset),
        "ledger": _ledger(home, dataset),
        "store": _acknowledged(home, dataset),
        "tracking": tracking_faults(home, dataset),
        "orchestrator": _orchestrator(home, dataset),
        "pages": _pages(home, dataset),
        "verify": (str(one) for one in verify_home(home, dataset) if not one.ok),
    }
    return [f"{part}: {fault}" for part, faults in checks.items() for fault in faults]


def closed_iterations(home: Home, dataset: str) -> list[Iteration]:
    return [one for one in home.versions.iterations(dataset) if not one.is_open]


def version_of(home: Home, iteration: Iteration) -> DatasetVersion:
    """The dataset version that a closed iteration's model was trained on."""
    return home.versions.dataset_version(
        iteration.dataset, int(iteration.summary["dataset_version"])
    )


def _iterations(home: Home, dataset: str) -> Iterator[str]:
    turns = home.versions.iterations(dataset)
    if [one.number for one in turns] != list(range(1, len(turns) + 1)):
        yield f"numbered {[one.number for one in turns]}"
    if any(one.is_open for one in turns[:-1]):
        yield f"open before the newest: {[str(one) for one in turns[:-1] if one.is_open]}"
    for one in closed_iterations(home, dataset):
        missing = [fact for fact in NOTED if fact not in one.summary]
        if missing:
            yield f"{one} was closed without {', '.join(missing)}"
        elif one.promoted != one.summary["promotion"]["promoted"]:
            yield f"{one} was closed with promoted={one.promoted}, and decided otherwise"
        else:
            yield from _made_by(home, one)


def _made_by(home: Home, one: Iteration) -> Iterator[str]:
    """What a closed iteration notes is what it made, and it kept a record of its decision."""
    noted = {
        CURATED: "curated_version",
        "augmented_examples": "augmented_version",
        "trained_model": "predictions_version",
        "slice_report": "report_version",
    }
    for stage, word in noted.items():
        if _newest_made(home, one, stage) != one.summary[word]:
            yield f"{one} notes {stage}@{one.summary[word]}, and made {stage} otherwise"
    kept = _newest_made(home, one, "champion")
    if kept is None:
        yield f"{one} was closed without a record of its decision"
        return
    record = home.versions.store.read(f"{one.dataset}/champion", version=kept).to_pylist()[0]
    if (record["iteration"], record["promoted"]) != (one.number, one.promoted):
        yield f"{one} is recorded as {record['iteration']}, promoted={record['promoted']}"


def _newest_made(home: Home, one: Iteration, stage: str) -> int | None:
    made = home.versions.outputs(one.dataset, stage)
    return next((version for number, version in reversed(made) if number == one.number), None)


def _gates(home: Home, dataset: str) -> Iterator[str]:
    """Whatever was published of a gated stage has a passed verdict on those very bytes."""
    verdicts = {row["seq"]: row for row in _rows(home, "gate_verdicts", dataset)}
    if sorted(verdicts) != list(range(1, len(verdicts) + 1)):
        yield f"verdicts numbered {sorted(verdicts)}"
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(home, "publications", dataset):
        shown.setdefault(row["stage"], []).append(row)
    for stage, lines in shown.items():
        lines.sort(key=lambda row: row["seq"])
        if [row["seq"] for row in lines] != list(range(1, len(lines) + 1)):
            yield f"publications of {stage} numbered {[row['seq'] for row in lines]}"
        if any(a["version"] > b["version"] for a, b in pairwise(lines)):
            yield f"{stage} was published backwards: {[row['version'] for row in lines]}"
        for row in lines:
            if bool(row["gated"]) != (stage in GATED_STAGES):
                yield f"{stage}@{row['version']} was published past its gate"
            elif row["gated"]:
                yield from _passed(home, row, verdicts.get(row["verdict_seq"]))


def _passed(home: Home, row: dict[str, Any], verdict: dict[str, Any] | None) -> Iterator[str]:
    what = f"{row['stage']}@{row['version']}"
    if verdict is None or not verdict["passed"]:
        yield f"{what} was published without a passed verdict"
        return
    bytes_of = home.versions.store.read(f"{row['dataset']}/{row['stage']}", version=row["version"])
    found = (row["stage"], row["version"], content_digest(bytes_of))
    judged = (verdict["stage"], verdict["version"], verdict["data_digest"])
    if found != judged:
        yield f"{what} was published by a verdict on {judged}, and is {found}"
    if not Path(verdict["report"]).read_text(encoding="utf-8").rstrip().endswith("</html>"):
        yield f"the page of {what} is cut short: {verdict['report']}"


def _dataset_versions(home: Home, dataset: str) -> Iterator[str]:
    made = home.versions.dataset_versions(dataset)
    if [one.number for one in made] != list(range(1, len(made) + 1)):
        yield f"numbered {[one.number for one in made]}"
    seen = set(home.versions.published_versions(dataset, CURATED))
    for one in made:
        rows = home.versions.read_numbered(one)
        found = content_digest(content_of(rows))
        if (found, rows.num_rows) != (one.digest, one.rows):
            yield f"{one} is recorded as {one.digest[:12]}, and its rows are {found[:12]}"
        if one.table_version not in seen:
            yield f"{one} is {CURATED}@{one.table_version}, which nobody ever published"
    if unnumbered := seen - {one.table_version for one in made}:
        yield f"published without a number: {CURATED}@{sorted(unnumbered)}"
    for turn in closed_iterations(home, dataset):
        used = version_of(home, turn)
        if used.table_version != turn.summary["curated_version"]:
            yield f"{turn} was trained on {used}, and notes other curated rows"


def _ledger(home: Home, dataset: str) -> Iterator[str]:
    """Each row of a closed batch was decided once, in its iteration, and nothing else was."""
    home.ledger.verify(dataset)
    turns = closed_iterations(home, dataset)
    for turn in turns:
        decided = _decided(home, turn, until=version_of(home, turn).watermark.event_id)
        asked = set(_queue(home, turn))
        if twice := sorted(name for name, times in decided.items() if times > 1):
            yield f"{turn} decided {len(twice)} rows more than once: {twice[:3]}"
        if left := asked - decided.keys():
            yield f"{turn} was closed with {len(left)} undecided rows: {sorted(left)[:3]}"
        if more := decided.keys() - asked:
            yield f"{turn} decided {len(more)} rows that it did not ask for: {sorted(more)[:3]}"
    then = [one.watermark for one in home.versions.iterations(dataset)[1:]]
    if len(then) < len(turns):
        then.append(home.ledger.head(dataset))
    for turn, mark in zip(turns, then, strict=True):
        if version_of(home, turn).watermark != mark:
            yield f"after {turn} there are verdicts of nobody's iteration"


def _decided(home: Home, turn: Iteration, *, until: int) -> Counter[str]:
    events = home.ledger.events(turn.dataset, after=turn.watermark.event_id, until=until)
    return Counter(event.verdict.example_id for event in events)


def _queue(home: Home, turn: Iteration) -> list[str]:
    version = _newest_made(home, turn, "relabel_queue")
    queue = home.versions.store.read(f"{turn.dataset}/relabel_queue", version=version)
    return queue["example_id"].to_pylist()


def _acknowledged(home: Home, dataset: str) -> Iterator[str]:
    """Whatever readers were ever shown was acknowledged, so that its loss would be noticed."""
    query = "SELECT table_name, version FROM store_commits"
    known = {(row["table_name"], row["version"]) for row in _query(home, query)}
    for row in _rows(home, "publications", dataset):
        if (f"{dataset}/{row['stage']}", row["version"]) not in known:
            yield f"{row['stage']}@{row['version']} is shown, and was never acknowledged"


def _orchestrator(home: Home, dataset: str) -> Iterator[str]:
    """No run goes on, and Dagster's mirror of stages and gates says what our record says."""
    with dg.DagsterInstance.from_config(str(home.folder / "dagster")) as instance:
        going_on = [run for run in instance.get_runs() if run.status.value not in ENDED]
        for run in going_on:
            yield f"the run {run.run_id} of {run.job_name} is left {run.status.value}"
        for stage in (*AUDIT, *RETRAIN):
            newest = home.versions.candidate(dataset, stage)
            event = instance.get_latest_materialization_event(dg.AssetKey([dataset, stage]))
            told = event and event.asset_materialization.tags["dagster/data_version"]
            if told != (newest and newest.digest):
                yield f"Dagster tells of the data {told} of {stage}, our record of {newest}"
        storage = instance.event_log_storage
        if held := storage.get_concurrency_run_ids():
            yield f"the runs {held} still hold a place in a pool"
        for stage in GATED_STAGES:
            key = dg.AssetCheckKey(dg.AssetKey([dataset, stage]), "gate")
            mirrored = storage.get_latest_asset_check_execution_by_key([key]).get(key)
            verdict = home.versions.verdict(dataset, stage)
            says = None if mirrored is None else mirrored.status.value == "SUCCEEDED"
            if says != (verdict and verdict.passed):
                yield f"Dagster says passed={says} of the gate of {stage}, our record {verdict}"


def _pages(home: Home, dataset: str) -> Iterator[str]:
    """The figures of every closed iteration are kept, and the page of the loop is whole."""
    kept = json.loads((home.reports / dataset / "loop.json").read_text(encoding="utf-8"))
    told = [(one["iteration"], one["mlflow_run_id"], one["digest"]) for one in kept]
    expected = [
        (one.number, one.mlflow_run_id, version_of(home, one).digest)
        for one in closed_iterations(home, dataset)
    ]
    if told != expected:
        yield f"the figures tell of {told}, and the record of {expected}"
    for page in (home.folder / "loop.html", home.reports / dataset / "loop.html"):
        if not page.read_text(encoding="utf-8").rstrip().endswith("</html>"):
            yield f"{page} is cut short"


def _rows(home: Home, table: str, dataset: str) -> Iterable[dict[str, Any]]:
    return _query(home, f"SELECT * FROM {table} WHERE dataset = ?", dataset)


def _query(home: Home, query: str, *values: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{home.folder / 'burnish.db'}?mode=ro", uri=True)) as opened:
        opened.row_factory = sqlite3.Row
        return [dict(row) for row in opened.execute(query, values)]
