"""Rows of the ledger's tables and the records they stand for.

What belongs here: the way from a `Verdict` to a row and from rows to `LabelEvent` and
`LabelRequest`. What does not: the tables (`burnish.ledger.schema`), or SQL (`burnish.ledger.sql`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import RowMapping

from burnish.errors import LedgerError
from burnish.records import LabelEvent, LabelRequest, Verdict

# The values of a row of `label_events`, in the order of its columns.
EventRow: TypeAlias = tuple[
    str, int, str, str, str | None, str | None, str, str, str, str, str, int | None, int, bytes
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def ticks(moment: datetime) -> int:
    """A time as microseconds since 1970 in UTC; refuses one without a zone."""
    if moment.tzinfo is None:
        raise LedgerError(f"the time {moment} has no time zone", hint="pass a time in UTC")
    return (moment - _EPOCH) // _TICK


def moment_of(count: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return _EPOCH + count * _TICK


def event_facts(event_id: int, verdict: Verdict, evidence: str, at: int) -> list[Any]:
    """What a chain covers of an event; `evidence` is canonical JSON."""
    return [
        event_id,
        verdict.example_id,
        verdict.decision,
        verdict.from_label,
        verdict.to_label,
        verdict.author,
        verdict.role,
        verdict.reason,
        verdict.comment,
        evidence,
        verdict.supersedes,
        at,
    ]


def event_from(row: RowMapping | Mapping[str, Any]) -> LabelEvent:
    """The event of a row."""
    verdict = Verdict(
        example_id=row["example_id"],
        decision=row["decision"],
        from_label=row["from_label"],
        to_label=row["to_label"],
        author=row["author"],
        role=row["role"],
        reason=row["reason"],
        comment=row["comment"],
        evidence=json.loads(row["evidence"]),
        supersedes=row["supersedes"],
    )
    chain = bytes(row["chain"]).hex()
    return LabelEvent(row["event_id"], row["dataset"], verdict, moment_of(row["at"]), chain)


def events_from(
    verdicts: Sequence[Verdict], rows: Sequence[EventRow], at: datetime
) -> list[LabelEvent]:
    """The events that were just made of verdicts."""
    at = at.astimezone(UTC)
    return [
        LabelEvent(row[1], row[0], verdict, at, row[-1].hex())
        for verdict, row in zip(verdicts, rows, strict=True)
    ]


def request_from(row: RowMapping | Mapping[str, Any]) -> LabelRequest:
    """The request of a row."""
    at: datetime = row["at"]
    return LabelRequest(
        example_ids=tuple(json.loads(row["example_ids"])),
        asked_by=row["asked_by"],
        reason=row["reason"],
        until=row["until"],
        request_id=row["request_id"],
        at=at.astimezone(UTC),
    )
