"""What the database knows of versions: acknowledged commits, tags, pins, and what was let go.

What belongs here: reading and writing those rows. What does not: what a mark protects against
(`DeltaStore.vacuum`), or which version readers should see (`burnish.versions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, exists, func, select

from burnish.database import migrate, read_once, transact
from burnish.errors import StoreError, VersionNotFound
from burnish.store.schema import pins, store_commits, tags, vacuumed
from burnish.typing import Clock

TAG_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

_C, _V = store_commits.c, vacuumed.c
_SHA256 = select(_C.sha256).where(
    _C.table_name == bindparam("table"), _C.version == bindparam("version")
)
_GONE = exists().where(_V.table_name == bindparam("table"), _V.version == bindparam("version"))
# Made once: to put a query together takes longer than to run it, and every read of a table asks.
_STATE = select(_SHA256.scalar_subquery(), _GONE)


class Marks:
    """The rows of one store's tables in the database."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        migrate(engine)

    def acknowledge(self, table: str, version: int, sha256: str) -> None:
        """Record that a commit was made, and what its file holds."""

        def record(connection: Connection) -> None:
            if not _known(connection, table, version):
                row = {"table_name": table, "version": version, "sha256": sha256, "at": self._now()}
                connection.execute(store_commits.insert(), row)

        transact(self._engine, record)

    def acknowledged(self, table: str, version: int) -> str | None:
        """The sha256 of a version's commit file; None where nobody was told of it."""
        with self._engine.connect() as connection:
            return _known(connection, table, version)

    def state(self, table: str, version: int) -> tuple[str | None, bool]:
        """As `acknowledged`, and whether the version was let go; one statement."""
        with read_once(self._engine) as connection:
            sha256, gone = connection.execute(_STATE, {"table": table, "version": version}).one()
            return sha256, bool(gone)

    def newest(self, table: str) -> int:
        """The newest version that a writer was told of; 0 where there is none."""
        query = select(func.max(store_commits.c.version)).where(store_commits.c.table_name == table)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def newest_of(self, *, under: str) -> dict[str, int]:
        """The newest version that a writer was told of, of all tables that begin with `under`."""
        name = store_commits.c.table_name
        query = (
            select(name, func.max(store_commits.c.version))
            .where(name.startswith(under, autoescape=True))
            .group_by(name)
        )
        with read_once(self._engine) as connection:
            return {str(table): int(version) for table, version in connection.execute(query)}

    def tables(self) -> list[str]:
        """Every table that was ever written, by name."""
        query = select(store_commits.c.table_name).distinct().order_by(store_commits.c.table_name)
        with self._engine.connect() as connection:
            return [str(name) for name in connection.scalars(query)]

    def set_tag(self, table: str, name: str, version: int) -> None:
        """Let a tag mean a version from now on."""
        _check_tag(name)

        def move(connection: Connection) -> None:
            newest = _tag_row(connection, table, name)
            if newest is not None and newest[1] == version:
                return
            row = {
                "table_name": table,
                "name": name,
                "seq": newest[0] + 1 if newest else 1,
                "version": version,
                "at": self._now(),
            }
            connection.execute(tags.insert(), row)

        transact(self._engine, move)

    def tagged(self, table: str, name: str) -> int:
        """The version that a tag means; raises `VersionNotFound` for an unknown tag."""
        _check_tag(name)
        with self._engine.connect() as connection:
            found = _tag_row(connection, table, name)
        if found is None:
            known = sorted(self._meanings(table))
            raise VersionNotFound(
                f"{table} has no tag {name!r}", expected=f"one of: {', '.join(known) or 'none yet'}"
            )
        return found[1]

    def pin(self, table: str, version: int, reason: str) -> None:
        """Hold a version for good; the same reason twice is one pin."""
        if not reason.strip() or len(reason) > 400:
            raise StoreError(
                f"a pin for the reason {reason[:40]!r}",
                expected="1 to 400 characters",
                hint="say who needs the version",
            )

        def record(connection: Connection) -> None:
            same = select(pins.c.version).where(
                pins.c.table_name == table, pins.c.version == version, pins.c.reason == reason
            )
            if connection.scalar(same) is None:
                row = {"table_name": table, "version": version, "reason": reason, "at": self._now()}
                connection.execute(pins.insert(), row)

        transact(self._engine, record)

    def pins(self, table: str) -> list[tuple[int, str]]:
        """Every (version, reason) that holds a version of a table."""
        query = select(pins.c.version, pins.c.reason).where(pins.c.table_name == table)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(pins.c.version, pins.c.reason))
            return [(row.version, row.reason) for row in found]

    def held(self, table: str) -> set[int]:
        """The versions that a tag or a pin holds."""
        return {*self._meanings(table).values(), *(version for version, _ in self.pins(table))}

    def let_go(self, table: str, versions: Iterable[int], why: str) -> None:
        """Record that versions are no longer kept."""
        at = self._now()
        rows = [{"table_name": table, "version": v, "why": why, "at": at} for v in versions]
        if rows:
            transact(self._engine, lambda connection: connection.execute(vacuumed.insert(), rows))

    def gone(self, table: str) -> set[int]:
        """The versions that were let go."""
        query = select(vacuumed.c.version).where(vacuumed.c.table_name == table)
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def _meanings(self, table: str) -> dict[str, int]:
        query = select(tags.c.name, tags.c.version).where(tags.c.table_name == table)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(tags.c.seq))
            return {row.name: row.version for row in rows}

    def _now(self) -> datetime:
        return self._clock()


def _known(connection: Connection, table: str, version: int) -> str | None:
    return connection.scalar(_SHA256, {"table": table, "version": version})


def _tag_row(connection: Connection, table: str, name: str) -> tuple[int, int] | None:
    query = (
        select(tags.c.seq, tags.c.version)
        .where(tags.c.table_name == table, tags.c.name == name)
        .order_by(tags.c.seq.desc())
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.seq, row.version)


def _check_tag(name: str) -> None:
    if not TAG_NAME.fullmatch(name):
        raise StoreError(
            f"{name!r} cannot be a tag", expected="letters, digits and _ . - (100 at most)"
        )
