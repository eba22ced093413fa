"""Alarms as the status of a check: passed, how grave, and a sentence.

What belongs here: what an orchestrator shows beside the estimates of a period. What does not: the
check itself (`assets.checks`), or the alarms (`burnish.policy`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from burnish.policy import Alarm, SqlPolicyRecord
from burnish.policy.words import alarm_sentence
from burnish.report.pages import Pages

CHECK = "alarms"


@dataclass(frozen=True)
class AlarmStatus:
    """`passed` where no alarm is open; `severity` is never one that stops what comes after."""

    passed: bool
    severity: Literal["WARN"]
    description: str
    open_alarms: tuple[int, ...]
    playbooks: tuple[str, ...]


def alarm_status(record: SqlPolicyRecord, dataset: str, pages: Pages) -> AlarmStatus:
    """The open alarms of a dataset, in a sentence each, with the addresses of their playbooks."""
    known = record.open_alarms(dataset)
    said = " ".join(_told(one) for one in known) or "No alarm is open."
    links = tuple(pages.link(pages.playbook(dataset, one.number)) for one in known)
    return AlarmStatus(not known, "WARN", said, tuple(one.number for one in known), links)


def _told(alarm: Alarm) -> str:
    seen = ", seen" if alarm.status == "acknowledged" else ""
    return f"Alarm {alarm.number} (since {alarm.opened}{seen}): {alarm_sentence(alarm.signal)}"
