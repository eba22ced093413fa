"""Sessions and API tokens: long random texts that stand for a person until they expire.

What belongs here: making, finding and ending them; the database holds their SHA-256 alone, so that
who reads it cannot use them. What does not: cookies and headers (`access`), or who may have one
(`accounts`).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from burnish.errors import ReviewError
from burnish.review.records import Person
from burnish.review.schema import desk_people, desk_sessions, desk_tokens

PREFIX = "burnish_"
SEEN_EVERY = timedelta(minutes=1)
LONGEST_TOKEN_DAYS = 366
# Made once: every request asks it, and to put it together takes longer than to run it.
_OF_TOKEN = (
    select(desk_sessions, desk_people.c.role, desk_people.c.simulated)
    .join(desk_people, desk_people.c.name == desk_sessions.c.name)
    .where(
        desk_sessions.c.token_hash == bindparam("of_token"),
        desk_sessions.c.expires_at > bindparam("now"),
        desk_sessions.c.seen_at > bindparam("since"),
        desk_people.c.active,
    )
)


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in: `token` is for their cookie alone, `csrf` for their forms."""

    token: str
    csrf: str
    person: Person
    expires_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class ApiToken:
    """An API token as it is listed: `token_id` names it and cannot be used as it."""

    token_id: str
    name: str
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A new API token; its `secret` is told here and never again."""

    secret: str
    token: ApiToken


def digest(secret: str) -> str:
    """What the database holds of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_session(
    connection: Connection, person: Person, now: datetime, *, lasts: timedelta
) -> Session:
    """A new session; those that have expired are cleared away."""
    connection.execute(delete(desk_sessions).where(desk_sessions.c.expires_at <= now))
    made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), person, now + lasts, now)
    connection.execute(
        insert(desk_sessions).values(
            token_hash=digest(made.token),
            name=person.name,
            csrf=made.csrf,
            created_at=now,
            seen_at=now,
            expires_at=made.expires_at,
        )
    )
    return made


def find_session(
    connection: Connection, token: str, now: datetime, *, idle: timedelta
) -> Session | None:
    """The session of a token, if it has not expired, was used lately, and its person is active."""
    of = {"of_token": digest(token), "now": now, "since": now - idle}
    row = connection.execute(_OF_TOKEN, of).mappings().first()
    if row is None:
        return None
    person = Person(row["name"], row["role"], row["simulated"])
    return Session(token, row["csrf"], person, row["expires_at"], row["seen_at"])


def saw_session(connection: Connection, token: str, now: datetime) -> None:
    """Note that a session is in use."""
    connection.execute(
        update(desk_sessions).where(desk_sessions.c.token_hash == digest(token)).values(seen_at=now)
    )


def end_session(connection: Connection, token: str) -> str | None:
    """End one session; whose it was."""
    mine = desk_sessions.c.token_hash == digest(token)
    name = connection.scalar(select(desk_sessions.c.name).where(mine))
    connection.execute(delete(desk_sessions).where(mine))
    return name


def end_sessions(connection: Connection, name: str) -> None:
    """End every session of a person."""
    connection.execute(delete(desk_sessions).where(desk_sessions.c.name == name))


def make_token(
    connection: Connection, name: str, label: str, now: datetime, *, lasts: timedelta
) -> IssuedToken:
    """A new API token of a person; `ReviewError` for a life of no days or of years."""
    if not timedelta(0) < lasts <= timedelta(days=LONGEST_TOKEN_DAYS):
        raise ReviewError(
            f"a token cannot last {lasts.days} days", expected=f"1 to {LONGEST_TOKEN_DAYS} days"
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(digest(secret)[:16], name, label, now, now + lasts)
    connection.execute(
        insert(desk_tokens).values(
            token_hash=digest(secret),
            name=name,
            label=label,
            created_at=now,
            expires_at=made.expires_at,
        )
    )
    return IssuedToken(secret, made)


def find_token(connection: Connection, secret: str, now: datetime) -> Person | None:
    """Whom a token stands for, while it has neither expired nor been revoked."""
    query = (
        select(desk_people.c.name, desk_people.c.role, desk_people.c.simulated)
        .join(desk_tokens, desk_people.c.name == desk_tokens.c.name)
        .where(
            desk_tokens.c.token_hash == digest(secret),
            desk_tokens.c.expires_at > now,
            desk_tokens.c.revoked_at.is_(None),
            desk_people.c.active,
        )
    )
    row = connection.execute(query).first()
    return Person(row.name, row.role, row.simulated) if row else None


def list_tokens(connection: Connection, name: str | None) -> list[ApiToken]:
    """The tokens of a person, or of all, newest first; revoked and expired ones among them."""
    query = select(desk_tokens).order_by(desk_tokens.c.created_at.desc(), desk_tokens.c.token_hash)
    if name is not None:
        query = query.where(desk_tokens.c.name == name)
    return [
        ApiToken(
            row["token_hash"][:16],
            row["name"],
            row["label"],
            row["created_at"],
            row["expires_at"],
            row["revoked_at"],
        )
        for row in connection.execute(query).mappings()
    ]


def revoke_tokens(
    connection: Connection, now: datetime, *, name: str | None = None, token_id: str | None = None
) -> int:
    """Revoke one token, or all of a person; how many were not revoked before."""
    which = desk_tokens.c.revoked_at.is_(None)
    if name is not None:
        which = which & (desk_tokens.c.name == name)
    if token_id is not None:
        which = which & desk_tokens.c.token_hash.startswith(token_id, autoescape=True)
    return connection.execute(update(desk_tokens).where(which).values(revoked_at=now)).rowcount
