"""What every part of `Versions` stands on: the database, the store, the ledger, the clock.

What belongs here: the four of them, reading rows, and being alone with them. What does not: any
meaning of a row.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select

from burnish.database import exclusive, migrate, read_once
from burnish.typing import Clock, LabelLedger, TableStore

Row = dict[str, Any]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ground:
    """Base of the parts; creates the tables where they are absent.

    `store` is the store beneath: for histories, diffs and old versions.
    """

    def __init__(
        self, engine: Engine, store: TableStore, ledger: LabelLedger, *, clock: Clock = _utc_now
    ) -> None:
        self._engine = engine
        self.store = store
        self._ledger = ledger
        self._clock = clock
        migrate(engine)

    def exclusive(self, name: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """The lock `name` for a `with` block; see `burnish.database.exclusive`."""
        return exclusive(self._engine, name, wait=wait)

    @property
    def engine(self) -> Engine:
        """The database of these records, for what has to be in one transaction with them."""
        return self._engine

    @property
    def ledger(self) -> LabelLedger:
        """The ledger whose decisions the label versions are folded from."""
        return self._ledger

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)

    def _rows(self, query: Select[Any], **bound: Any) -> list[Row]:
        with read_once(self._engine) as connection:
            return [_plain(row) for row in connection.execute(query, bound).mappings()]


def first(connection: Connection, query: Select[Any]) -> Row | None:
    """The first row of a query, None where there is none."""
    row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else _plain(row)


def _plain(row: Any) -> Row:
    return {str(name): value for name, value in row.items()}
