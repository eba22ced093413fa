"""The trail: who signed in or failed to, and what was changed about people, roles and tokens.

What belongs here: adding a line and reading lines. What does not: what is worth a line
(`accounts`), or what was done to items (`desk_events`, which is a trail of its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from burnish.review.schema import desk_trail

LONGEST = 500

ACTIONS: Mapping[str, str] = {
    "sign_in": "signed in",
    "sign_in_failed": "failed to sign in",
    "sign_in_throttled": "was made to wait",
    "sign_out": "signed out",
    "person_added": "added",
    "person_deactivated": "deactivated",
    "person_reactivated": "reactivated",
    "person_paused": "noted as away",
    "person_back": "noted as back",
    "role_changed": "changed the role of",
    "password_set": "set the password of",
    "token_made": "made a token for",
    "token_revoked": "revoked a token of",
}
"""Every action that the trail may hold, in the words of its page."""


@dataclass(frozen=True)
class TrailLine:
    """One line: `actor` did `action` to `subject`, from `address`."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    address: str

    @property
    def words(self) -> str:
        return ACTIONS.get(self.action, self.action)


@dataclass(frozen=True)
class Doing:
    """Who does something to accounts, when, and from where (empty: at this machine)."""

    actor: str
    at: datetime
    address: str = ""


def note(
    connection: Connection, doing: Doing, action: str, subject: str, *, detail: str = ""
) -> None:
    """Add a line, in the caller's write transaction."""
    newest = connection.scalar(select(func.max(desk_trail.c.seq))) or 0
    connection.execute(
        insert(desk_trail).values(
            seq=newest + 1,
            at=doing.at,
            actor=doing.actor[:LONGEST],
            action=action,
            subject=subject[:LONGEST],
            detail=detail[:LONGEST],
            address=doing.address[:LONGEST],
        )
    )


def read(
    connection: Connection, *, action: str = "", before: int | None = None, limit: int = 100
) -> list[TrailLine]:
    """The newest lines, newest first; of one action, and from before a line, if asked."""
    query = select(desk_trail).order_by(desk_trail.c.seq.desc()).limit(limit)
    if action:
        query = query.where(desk_trail.c.action == action)
    if before is not None:
        query = query.where(desk_trail.c.seq < before)
    return [_line(row) for row in connection.execute(query).mappings()]


def _line(row: Any) -> TrailLine:
    return TrailLine(**row)
