"""A SQL database that several processes write to: how it is opened, and how a write holds.

What belongs here: engines, transactions, and the column type of a time. What does not: the tables
themselves (`burnish.store.schema`, `burnish.ledger.schema`, `burnish.versions.schema`), and how
they come to be (`burnish.database.migrating`).

On SQLite a transaction that reads and then writes must take the write lock at its start: begun
as usual (`DEFERRED`), two of them deadlock and one fails at once, whatever the timeout. So
`transact` begins with `BEGIN IMMEDIATE`, and all other transactions are for reading.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    String,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from burnish.errors import LedgerError

Result = TypeVar("Result")
WRITES = "burnish_writes"
LASTING = "burnish_lasting"
ALONE = "burnish_alone"
BUSY_SECONDS = 30
SWITCH_PAUSE = 0.02
TURN_PAUSE = 0.001
"""Seconds between two tries to be the one who writes to a SQLite file."""
ATTEMPTS = 5
IDLE_SECONDS = 1.0
"""A connection that lay unused for longer is asked whether it still stands."""
LEFT = "burnish_left"
# Any fixed number: those who write to one PostgreSQL database take turns under it.
WRITE_LOCK = 0x6275726F
_TURN = select(func.pg_advisory_xact_lock(WRITE_LOCK))
_FLEETING_TURN = _TURN.add_columns(func.set_config("synchronous_commit", "off", True))


class UtcTime(TypeDecorator[datetime]):
    """A time as ISO text in UTC, to the microsecond: the same bytes on every database.

    The text sorts as the time does, and what a hash chain covers is what was stored.
    """

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else utc_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


def utc_text(moment: datetime) -> str:
    """A time as text: "2026-11-02T09:30:00.000000+00:00"; refuses one without a zone."""
    if moment.tzinfo is None:
        raise LedgerError(f"the time {moment} has no time zone", hint="pass a time in UTC")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def open_database(url_or_path: str | Path) -> Engine:
    """Open a database by its URL, or a SQLite file by its path (created if absent).

    SQLite is set to WAL with `synchronous=FULL`, so that what was committed outlives a power
    cut, and waits 30 seconds for a writer before it gives up.

    >>> import tempfile
    >>> open_database(tempfile.mkdtemp() + "/ledger.db").dialect.name
    'sqlite'
    """
    text = str(url_or_path)
    if "://" not in text:
        path = Path(text).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"sqlite:///{path}"
    url = make_url(text)
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url)
        event.listen(engine, "checkin", _put_back)
        event.listen(engine, "checkout", partial(_taken_out, engine.dialect))
        return engine
    if not url.database or url.database == ":memory:":
        raise LedgerError(
            "a database in memory belongs to one thread alone", hint="give the path of a file"
        )
    # Threads that wait for the write lock hold a connection each, and the one that has it may
    # need a second to read: a bounded pool could leave them waiting for each other.
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, max_overflow=-1)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def reading(engine: Engine) -> Connection:
    """A connection for statements that read; on SQLite they see one moment.

    PostgreSQL would be told of the beginning and the end of a transaction, in which it lets each
    statement see its own moment all the same: three round trips for a statement in place of one.
    """
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    return connection


def read_once(engine: Engine) -> Connection:
    """A connection for one statement that reads, with no transaction around it."""
    return reading(engine).execution_options(**{ALONE: True})


def transact(
    engine: Engine, work: Callable[[Connection], Result], *, lasting: bool = True
) -> Result:
    """Run `work` in one write transaction: all of it happens, or nothing.

    `work` numbers its rows by reading the newest and adding one. On SQLite and PostgreSQL it runs
    alone. Where a number was taken all the same, the primary key refuses it and `work` runs again:
    so it must not change anything outside the database that may not be changed twice.

    With `lasting` false the disk is not waited for: a power cut may take the transaction back, as
    long as no lasting one has followed it. Raises `LedgerError` where the database cannot be
    written.
    """
    writer = engine.execution_options(**{WRITES: True, LASTING: lasting})
    for _ in range(ATTEMPTS - 1):
        try:
            return _once(writer, work)
        except IntegrityError:
            continue
    try:
        return _once(writer, work)
    except IntegrityError as error:
        raise LedgerError(
            f"the database refused a write: {error.orig}",
            hint="nothing was written: what it holds contradicts what was to be added",
        ) from error


def _once(writer: Engine, work: Callable[[Connection], Result]) -> Result:
    try:
        with writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Writers take turns, as on SQLite: a large one would never win against small ones.
                lasting = connection.get_execution_options()[LASTING]
                connection.execute(_TURN if lasting else _FLEETING_TURN)
            return work(connection)
    except OperationalError as error:
        raise LedgerError(
            f"the database did not take a write: {error.orig}",
            hint="nothing was written: see that its disk has room and no writer hangs, try again",
        ) from error


def _put_back(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ARG001
    record.info[LEFT] = time.monotonic()


def _taken_out(
    dialect: Dialect,
    connection: Any,
    record: ConnectionPoolEntry,
    proxy: object,  # noqa: ARG001
) -> None:
    # Asked each time, it would be one more round trip for each statement of a busy desk.
    if time.monotonic() - record.info.get(LEFT, time.monotonic()) <= IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        # As many as lay unused are gone with it: the server was begun anew.
        raise InvalidatePoolError from error


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001
    # The driver's own guess of when a transaction begins is switched off; `_begin_sqlite` says.
    connection.isolation_level = None
    try:
        _switch_to_wal(connection)
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"the database cannot be used: {error}",
            expected="a SQLite file that can be written, in a folder that can be",
            hint="copy the home to where you may write, or mend its permissions",
        ) from error
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait for this one: two processes that switch a new file at once deadlock,
    # and one of them is told "locked" on the spot, whatever the timeout.
    for _ in range(int(BUSY_SECONDS / SWITCH_PAUSE)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(SWITCH_PAUSE)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(ALONE, False):
        return
    if not options.get(WRITES, False):
        connection.exec_driver_sql("BEGIN")
        return
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    # In WAL a commit that is not waited for is flushed by the next one that is.
    driver.execute(f"PRAGMA synchronous={'FULL' if options.get(LASTING, True) else 'NORMAL'}")
    # SQLite itself sleeps ever longer between its tries, up to a tenth of a second: among processes
    # that write all the time, one that came late would wait for seconds.
    driver.execute("PRAGMA busy_timeout=0")
    try:
        if not _begun(driver):
            # Once more, for an error as all others are.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _begun(driver: sqlite3.Connection) -> bool:
    """Begin to write, as soon as nobody else does; False where that could not be."""
    until = time.monotonic() + BUSY_SECONDS
    while time.monotonic() < until:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
            time.sleep(TURN_PAUSE)
        else:
            return True
    return False
