"""Rows of the ledger's tables and the records they stand for.

What belongs here: the way from a `Verdict` to a row and from rows to `LabelEvent` and
`LabelRequest`. What does not: the tables (`burnish.ledger.schema`), or SQL (`burnish.ledger.sql`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from burnish.records import LabelEvent, LabelRequest, Verdict


def event_row(
    dataset: str, verdict: Verdict, evidence: str, *, event_id: int, at: datetime
) -> dict[str, Any]:
    """The row of an event, all but its `chain`; `evidence` is canonical JSON."""
    return {
        "dataset": dataset,
        "event_id": event_id,
        "example_id": verdict.example_id,
        "decision": verdict.decision,
        "from_label": verdict.from_label,
        "to_label": verdict.to_label,
        "author": verdict.author,
        "role": verdict.role,
        "reason": verdict.reason,
        "comment": verdict.comment,
        "evidence": evidence,
        "supersedes": verdict.supersedes,
        "at": at,
    }


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
    at: datetime = row["at"]
    return LabelEvent(row["event_id"], row["dataset"], verdict, at.astimezone(UTC), row["chain"])


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
