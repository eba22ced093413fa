"""How often signing in may fail before it has to wait.

What belongs here: counting the failures that the trail holds. What does not: trying a password
(`checking`), or signing in (`accounts`).

Ten failures of a name, or thirty from an address, in a quarter of an hour, and the next attempt
waits, right or wrong. So that nobody is locked out by a stranger who knows their name, an address
from which they signed in lately counts by itself. What has to wait is not checked, and adds one
line to the trail in a quarter of an hour, no more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from burnish.errors import TooManyAttempts
from burnish.review.schema import desk_trail
from burnish.review.trail import Doing, note

WINDOW = timedelta(minutes=15)
PER_NAME = 10
PER_ADDRESS = 30
LATELY = timedelta(days=30)


class Throttled(TooManyAttempts):
    """Too many attempts; `retry_after` seconds from now there may be another."""

    retry_after = int(WINDOW.total_seconds())


def wait_of(connection: Connection, subject: str, address: str, now: datetime) -> timedelta | None:
    """How long signing in as `subject` from `address` has to wait; None: not at all."""
    by_name = desk_trail.c.subject == subject
    if address and _was_here(connection, subject, address, now):
        by_name = by_name & (desk_trail.c.address == address)
    waits = [_wait(connection, by_name, PER_NAME, now)]
    if address:
        waits.append(_wait(connection, desk_trail.c.address == address, PER_ADDRESS, now))
    return max((one for one in waits if one is not None), default=None)


def throttled(wait: timedelta) -> Throttled:
    """The error that says how long to wait."""
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    error = Throttled(
        "too many attempts to sign in have failed",
        hint=f"wait {minutes} minute{'s' if minutes > 1 else ''}, then try again",
    )
    error.retry_after = max(1, int(wait.total_seconds()))
    return error


def note_throttled(connection: Connection, doing: Doing, subject: str) -> None:
    """Say once in a window that an address has to wait."""
    said = select(func.count()).where(
        desk_trail.c.action == "sign_in_throttled",
        desk_trail.c.at > doing.at - WINDOW,
        desk_trail.c.address == doing.address,
    )
    if not connection.scalar(said):
        note(connection, doing, "sign_in_throttled", subject)


def _wait(
    connection: Connection, whose: ColumnElement[bool], limit: int, now: datetime
) -> timedelta | None:
    # Failures from after now are of a clock that was set back: they would lock for its whole step.
    failed = (
        select(desk_trail.c.at)
        .where(
            desk_trail.c.action == "sign_in_failed",
            desk_trail.c.at > now - WINDOW,
            desk_trail.c.at <= now,
            whose,
        )
        .order_by(desk_trail.c.at.desc())
        .limit(limit)
    )
    times = list(connection.scalars(failed))
    return times[-1] + WINDOW - now if len(times) >= limit else None


def _was_here(connection: Connection, subject: str, address: str, now: datetime) -> bool:
    query = select(func.count()).where(
        desk_trail.c.action == "sign_in",
        desk_trail.c.at > now - LATELY,
        desk_trail.c.subject == subject,
        desk_trail.c.address == address,
    )
    return bool(connection.scalar(query))
