"""Carrying decisions out: rows are asked for here, and what takes a run is handed on.

What belongs here: which decisions still wait, asking for labels once, and what runs are wanted.
What does not: deciding (`burnish.workflows.policy_run`), or starting a run (the project's sensors
do, by the key of what is wanted).

Between a decision and its action a process may die. Each action has a key, made of the decision;
what was done is recorded under it, and what is found done is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from burnish.errors import DataError
from burnish.policy import Alarm, PolicyEvent, Signal, SqlPolicyRecord, alarms_of
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.policy_rows import Rows, rows_to_ask
from burnish.workflows.production_asking import ask_for_labels, asked_for
from burnish.workflows.production_reports import ASKED_BY as REPORTED

Part: TypeAlias = Literal["audit", "refresh", "roll_back"]
PARTS: Mapping[str, Part] = {"label": "audit", "retrain": "refresh", "roll_back": "roll_back"}
ASKED_BY = "policy"


@dataclass(frozen=True)
class Wanted:
    """A run that a decision asks for.

    `part` is `audit` (asked rows are queued), `refresh` (the model is retrained) or `roll_back`;
    `key` is the same however often it is asked.
    """

    part: Part
    alarm: int
    why: str
    key: str
    period: str


@dataclass(frozen=True)
class _Waiting:
    """A decision that is to be carried out."""

    key: str
    action: str
    rows: int
    signal: Signal
    alarm: Alarm
    event: PolicyEvent


def carry_out(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger, record: SqlPolicyRecord
) -> list[Wanted]:
    """Ask for the rows that decisions ask for, each once, and say which runs are wanted.

    Decisions of an alarm that is closed, or that a person overruled, are let be; so is a rollback
    of a model that does not serve any more. A run is wanted until `settle` says that it was
    started.
    """
    wanted: list[Wanted] = []
    done = _done(record.events(spec.name))
    for one in _waiting(spec, versions, record):
        asked = done.get((one.key, "label"))
        if one.action == "label" and asked is None:
            asked = _ask(spec, versions, ledger, record, one)
        part = PARTS[one.action]
        nothing = one.action == "label" and not (asked or {}).get("rows")
        if not nothing and (one.key, part) not in done:
            why = f"alarm {one.alarm.number} of {spec.name}: {one.signal.name}"
            wanted.append(Wanted(part, one.alarm.number, why, one.key, one.event.period))
    return wanted


def settle(record: SqlPolicyRecord, dataset: str, wanted: Wanted, *, run_id: str = "") -> None:
    """Record that the run was started: it is not wanted again. Twice is the same as once."""
    body = {"key": wanted.key, "part": wanted.part, "run_id": run_id, "why": wanted.why}
    _record_once(record, dataset, wanted.period, wanted.alarm, body)


def _waiting(spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord) -> Iterator[_Waiting]:
    events = record.events(spec.name)
    alarms = {one.number: one for one in alarms_of(events)}
    champion = versions.champion(spec.name)
    serves = champion.number if champion else None
    for event in events:
        if event.kind != "decided":
            continue
        pairs = zip(event.body["signals"], event.body["decisions"], strict=True)
        for place, (signal, made) in enumerate(pairs):
            alarm = alarms.get(made["number"] or 0)
            if made["action"] not in PARTS or alarm is None or not alarm.is_open:
                continue
            if made["action"] == "roll_back" and event.body["facts"]["champion"] != serves:
                continue
            told = Signal(**signal)
            key = f"{spec.name}-{event.seq}-{place}"
            yield _Waiting(key, made["action"], made["rows"], told, alarm, event)


def _ask(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    record: SqlPolicyRecord,
    one: _Waiting,
) -> dict[str, Any]:
    """Ask for the rows of a decision; what was recorded of it."""
    reason = f"alarm {one.alarm.number}: {one.signal.name} {one.event.period}"
    body: dict[str, Any] = {"key": one.key, "part": "label", "rows": 0}
    try:
        chosen = _asked_before(ledger, spec.name, reason) or rows_to_ask(
            spec, versions, one.signal, one.event.period, most=one.rows
        )
        if chosen.ids:
            reported = asked_for(ledger.requests(spec.name), REPORTED)
            new = [one for one in chosen.ids if one not in reported]
            if new:
                request = ask_for_labels(
                    spec,
                    versions,
                    ledger,
                    new,
                    asked_by=ASKED_BY,
                    reason=reason,
                    chances=chosen.chances,
                )
                body["request"] = request.request_id
            body |= {"rows": len(chosen.ids), "where": chosen.where, "drawn": len(chosen.drawn)}
            body["example_ids"] = list(chosen.ids)
        else:
            body["why"] = "no row of the window is left to ask about"
    except DataError as error:
        # It would be refused again: told on the playbook, for a person to mend.
        body["why"] = f"could not be asked: {error.found}"
    _record_once(record, spec.name, one.event.period, one.alarm.number, body)
    return body


def _asked_before(ledger: LabelLedger, dataset: str, reason: str) -> Rows | None:
    """The rows of this very decision, where they were asked for and that was not recorded."""
    for request in ledger.requests(dataset):
        if (request.asked_by, request.reason) == (ASKED_BY, reason):
            return Rows(request.example_ids, (), "as asked before")
    return None


def _record_once(
    record: SqlPolicyRecord, dataset: str, period: str, alarm: int, body: dict[str, Any]
) -> None:
    """Append an event `acted`, unless there is one of this key and part."""
    while True:
        events = record.events(dataset)
        if (body["key"], body["part"]) in _done(events):
            return
        if record.append(dataset, [("acted", period, alarm, body)], expected=events[-1].seq):
            return


def _done(events: Sequence[PolicyEvent]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What was done, by the key of the decision and the part."""
    return {
        (str(one.body.get("key")), str(one.body.get("part"))): one.body
        for one in events
        if one.kind == "acted"
    }
