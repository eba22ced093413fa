"""One process at a time, for work that outlasts a transaction.

What belongs here: a lock by name, among all processes that share a database, which vanishes with
the process that holds it. What does not: the order of writes (`burnish.database.connection`), nor
what is done under a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

PAUSE = 0.05
"""Seconds between two tries for a lock that somebody holds."""


@contextmanager
def exclusive(engine: Engine, name: str, *, wait: float = 0.0) -> Generator[bool]:
    """Hold the lock `name` of a database for a `with` block; False where somebody else holds it.

    Everybody who opens the same database meets at the same lock, another block of this process
    included. It is tried for `wait` seconds, and let go at the end of the block or of the process,
    however that ends: a file beside the database is locked (SQLite; it stays, empty), or a
    connection of its own holds an advisory lock (PostgreSQL). A database that breaks off that
    connection lets the lock go; whoever must know does their writes in transactions all the same.

    >>> import tempfile
    >>> from burnish.database import open_database
    >>> engine = open_database(tempfile.mkdtemp() + "/burnish.db")
    >>> with exclusive(engine, "digits") as first, exclusive(engine, "digits") as second:
    ...     first, second
    (True, False)
    """
    if engine.dialect.name == "postgresql":
        with _advisory(engine, name, wait) as ours:
            yield ours
    else:
        with _beside(Path(str(engine.url.database)), name, wait) as ours:
            yield ours


@contextmanager
def _beside(database: Path, name: str, wait: float) -> Generator[bool]:
    readable = re.sub(r"[^\w.-]+", "-", name)
    # Two names that read alike are two locks.
    handle = os.open(
        database.with_name(f"{database.name}.{readable}.{_digest(name).hex()[:8]}.lock"),
        os.O_RDWR | os.O_CREAT,
        0o666,
    )
    try:
        yield _tried(lambda: _flocked(handle), wait)
    finally:
        os.close(handle)


def _flocked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _advisory(engine: Engine, name: str, wait: float) -> Generator[bool]:
    number = int.from_bytes(_digest(name)[:8], "big", signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Never back to the pool: the lock is that of the connection, and ends when it is closed.
        connection.detach()
        query = select(func.pg_try_advisory_lock(number))
        yield _tried(lambda: bool(connection.scalar(query)), wait)


def _tried(take: Callable[[], bool], wait: float) -> bool:
    until = time.monotonic() + wait
    while not take():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(PAUSE, left))
    return True


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
