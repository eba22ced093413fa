"""A person's answer to an alarm: seen, overruled, closed.

What belongs here: recording who says so and why. What does not: what follows for later windows
(`burnish.policy.standing`).
"""

from __future__ import annotations

from burnish.errors import DataError
from burnish.ledger.events import storable
from burnish.policy import Alarm, SqlPolicyRecord
from burnish.policy.sql import NewEvent
from burnish.workflows.playbooks import alarm_numbered


def acknowledge(record: SqlPolicyRecord, dataset: str, number: int, *, who: str) -> Alarm:
    """Record that somebody has seen an alarm, and is at it."""
    alarm = _open(record, dataset, number, who=who, why="seen")
    body = {"who": who.strip()}
    return _recorded(record, alarm, [("acknowledged", alarm.opened, number, body)])


def overrule(record: SqlPolicyRecord, dataset: str, number: int, *, who: str, why: str) -> Alarm:
    """Record that an alarm is none: it is closed, and quiet until its signals get worse."""
    alarm = _open(record, dataset, number, who=who, why=why)
    said = {"who": who.strip(), "why": why.strip()}
    closed = {"why": f"overruled: {why.strip()}", "by": who.strip()}
    events: list[NewEvent] = [
        ("overruled", alarm.opened, number, said),
        ("closed", alarm.opened, number, closed),
    ]
    return _recorded(record, alarm, events)


def close(record: SqlPolicyRecord, dataset: str, number: int, *, who: str, why: str) -> Alarm:
    """Record that what was behind an alarm is mended: it has to be shown anew to rise again."""
    alarm = _open(record, dataset, number, who=who, why=why)
    body = {"why": why.strip(), "by": who.strip()}
    return _recorded(record, alarm, [("closed", alarm.opened, number, body)])


def _open(record: SqlPolicyRecord, dataset: str, number: int, *, who: str, why: str) -> Alarm:
    """The alarm, where it is open and the words are fit; raises `DataError` otherwise."""
    for word, text in (("who", who), ("why", why)):
        if not text.strip() or not storable(text):
            raise DataError(
                f"no {word} is given: {text!r}", expected="who answers, and why, in words"
            )
    if who.strip() == "policy":
        raise DataError("who is 'policy'", expected="a person's name: the policy answers by itself")
    alarm = alarm_numbered(record.events(dataset), dataset, number)
    if not alarm.is_open:
        raise DataError(
            f"alarm {number} of {dataset} is {alarm.status} already: {alarm.why_closed}",
            expected="an open alarm",
        )
    return alarm


def _recorded(record: SqlPolicyRecord, alarm: Alarm, events: list[NewEvent]) -> Alarm:
    while not record.append(alarm.dataset, events, expected=record.events(alarm.dataset)[-1].seq):
        # Something came between: look again whether the alarm is open still.
        _open(record, alarm.dataset, alarm.number, who="again", why="again")
    return alarm_numbered(record.events(alarm.dataset), alarm.dataset, alarm.number)
