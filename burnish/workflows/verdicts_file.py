"""Every verdict of a dataset as a file: who decided what, when, why, and in which tool.

What belongs here: the ledger's events as CSV and as Label Studio's JSON. What does not: labels as
they stand (`burnish.workflows.labels_file`), or the life of one example (`burnish blame`).

All events are written, those that were taken back too: it is the ledger's own account.
"""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from burnish.database import utc_text
from burnish.errors import DataError
from burnish.records import LabelEvent
from burnish.review.exporting import guarded
from burnish.workflows.home import Home
from burnish.workflows.tools_label_studio import COMMENT, DECISION, LABEL

VerdictsAs = Literal["csv", "label-studio"]
COLUMNS = (
    *("event_id", "at", "example_id", "decision", "from_label", "to_label", "author", "role"),
    *("reason", "comment", "supersedes", "iteration", "settles", "undoes"),
    *("tool", "task", "annotation", "answered_at", "evidence"),
)
FROM_EVIDENCE = (*("iteration", "settles", "undoes", "tool", "task", "annotation", "answered_at"),)
"""Parts of the evidence that have a column of their own; all of it is in the last one."""
_JSON = json.JSONEncoder(ensure_ascii=False)


def export_verdicts(home: Home, dataset: str, target: Path, *, form: VerdictsAs = "csv") -> int:
    """Write all events of a dataset's ledger; returns how many there are.

    As `csv` a line an event, its evidence as JSON, cells guarded that a spreadsheet would run. As
    `label-studio` a task an example, its events as annotations in their order: an undo as a
    cancelled one. A file of that name is replaced, whole or not at all. Raises `DataError` where
    nobody has decided anything.
    """
    events = home.ledger.events(dataset)
    if not events:
        raise DataError(
            f"the ledger of {dataset!r} holds no verdict",
            expected="a dataset that somebody has decided on",
            hint="check the name, and the home that --home or BURNISH_HOME names",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("w", newline="", encoding="utf-8") as out:
            if form == "csv":
                writer = csv.writer(out)
                writer.writerow(COLUMNS)
                writer.writerows(_lines(events))
            else:
                # In one go: a file that is written bit by bit takes several times as long.
                out.write(_JSON.encode(_tasks(dataset, events)))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return len(events)


def _lines(events: Iterable[LabelEvent]) -> Iterator[list[str]]:
    for event in events:
        said, told = event.verdict, dict(event.verdict.evidence)
        texts = (said.example_id, said.decision, said.from_label, said.to_label, said.author)
        facts = (event.event_id, utc_text(event.at), *texts, said.role, said.reason, said.comment)
        parts = (told.get(name) for name in FROM_EVIDENCE)
        cells = (*facts, said.supersedes, *parts)
        yield [*map(guarded, cells), _JSON.encode(told)]


def _tasks(dataset: str, events: Iterable[LabelEvent]) -> list[dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = {}
    for event in events:
        name = event.verdict.example_id
        ours = {"dataset": dataset, "example_id": name}
        task = tasks.setdefault(name, {"data": {"burnish": ours}, "annotations": []})
        task["annotations"].append(_annotation(event))
    return list(tasks.values())


def _annotation(event: LabelEvent) -> dict[str, Any]:
    said = event.verdict
    result: list[dict[str, Any]] = []
    if said.to_label is not None:
        result.append(_part(LABEL, "choices", said.to_label))
    else:
        result.append(_part(DECISION, "choices", said.decision))
    if said.comment:
        result.append(_part(COMMENT, "text", said.comment))
    at = utc_text(event.at)
    told = {"event_id": event.event_id, "role": said.role, "reason": said.reason}
    return {
        "completed_by": {"email": said.author},
        "created_at": at,
        "updated_at": str(said.evidence.get("answered_at") or at),
        "was_cancelled": "undoes" in said.evidence,
        "lead_time": said.evidence.get("seconds"),
        "result": result,
        "burnish": told | {"evidence": dict(said.evidence)},
    }


def _part(control: str, kind: str, text: str) -> dict[str, Any]:
    shape = "choices" if kind == "choices" else "textarea"
    return {"from_name": control, "to_name": "text1", "type": shape, "value": {kind: [text]}}
