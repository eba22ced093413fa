"""The rows of people: their names and roles, read and changed in a caller's transaction.

What belongs here: rules of names and roles, and single statements. What does not: passwords
(`passwords`), what else a change brings with it, or its line in the trail (`accounts`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection, insert, select, update

from burnish.errors import NotAllowed, ReviewConflict, ReviewError
from burnish.review.records import Person, Role
from burnish.review.schema import desk_people

# Letters of any script, digits, and what names and addresses of mail hold between them.
NAME = re.compile(r"\w|\w[\w.@+ '’-]{0,98}\w")
LONGEST, MOST_MARKS = 100, 3
"""Marks of one letter at most: many scripts write their vowels and tones so."""
RESERVED = frozenset({"gold", "nobody", "simulated"})
"""Authors in the ledger that are no people."""


@dataclass(frozen=True)
class PersonRecord:
    """A person as an admin sees them."""

    name: str
    role: Role
    simulated: bool
    active: bool
    has_password: bool
    created_at: datetime
    changed_at: datetime
    paused_until: datetime | None = None

    def is_away(self, now: datetime) -> bool:
        """Whether nothing is dealt to them now, and nothing kept for them."""
        return self.paused_until is not None and self.paused_until > now

    @property
    def person(self) -> Person:
        return Person(self.name, self.role, self.simulated)


def check_name(name: str) -> str:
    """A name as it is kept; `ReviewError` for one that is none.

    >>> check_name(" Ada Lovelace ")
    'Ada Lovelace'
    """
    text = unicodedata.normalize("NFKC", name).strip()
    if not _is_name(text):
        raise ReviewError(
            f"{text[:100]!r} cannot be a name",
            expected="1 to 100 letters and digits, with . @ + - ' and spaces between them",
        )
    if text.casefold() in RESERVED:
        raise ReviewError(
            f"{text} is what the ledger calls an author that is no person", expected="another name"
        )
    return text


def check_role(role: str) -> Role:
    """A role by its name; `ReviewError` for one that there is not."""
    known_roles: tuple[Role, ...] = get_args(Role)
    for one in known_roles:
        if one == role:
            return one
    raise ReviewError(f"there is no role {role[:40]!r}", expected=", ".join(known_roles))


def list_people(connection: Connection) -> list[PersonRecord]:
    """Everybody, by name."""
    query = select(desk_people).order_by(desk_people.c.name)
    return [_record(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, name: str) -> tuple[PersonRecord, str | None] | None:
    """A person and the hash of their password."""
    if not _is_name(name):
        return None
    query = select(desk_people).where(desk_people.c.name == name)
    row = connection.execute(query).mappings().first()
    return (_record(row), row["password_hash"]) if row else None


def known(connection: Connection, name: str) -> PersonRecord:
    """A person who must be there; else `ReviewError`."""
    found = find(connection, name)
    if found is None:
        raise ReviewError(f"there is no person {name[:100]!r}", hint="burnish review person list")
    return found[0]


def add(connection: Connection, person: Person, at: datetime, password_hash: str | None) -> None:
    """Add a person; `ReviewConflict` where the name is taken, in whatever case."""
    for other in connection.scalars(select(desk_people.c.name)):
        if other.casefold() == person.name.casefold():
            raise ReviewConflict(
                f"there is a person {other} already",
                expected="a name that differs in more than its capitals",
            )
    connection.execute(
        insert(desk_people).values(
            name=person.name,
            password_hash=password_hash,
            role=person.role,
            simulated=person.simulated,
            active=True,
            created_at=at,
            changed_at=at,
        )
    )


def change(connection: Connection, name: str, at: datetime, **values: Any) -> None:
    """Change what is kept of a person."""
    mine = desk_people.c.name == name
    connection.execute(update(desk_people).where(mine).values(changed_at=at, **values))


def keep_an_admin(connection: Connection, name: str) -> None:
    """Raise `NotAllowed` where nobody but `name` could sign in and give out roles."""
    admins = select(desk_people.c.name).where(
        desk_people.c.role == "admin",
        desk_people.c.active,
        desk_people.c.password_hash.is_not(None),
    )
    if list(connection.scalars(admins)) == [name]:
        raise NotAllowed(f"{name} is the only admin", hint="make another one first")


def _is_name(text: str) -> bool:
    """Whether a text can be a name: marks of letters (Mn, Mc) are part of the letter before."""
    bare, marks = list[str](), 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Mc"} else 0
        if marks > MOST_MARKS or (marks and not (bare and bare[-1].isalpha())):
            return False
        if not marks:
            bare.append(char)
    return len(text) <= LONGEST and NAME.fullmatch("".join(bare)) is not None


def _record(row: Any) -> PersonRecord:
    return PersonRecord(
        row["name"],
        row["role"],
        row["simulated"],
        row["active"],
        row["password_hash"] is not None,
        row["created_at"],
        row["changed_at"],
        row["paused_until"],
    )
