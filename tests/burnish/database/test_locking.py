"""A lock by name: one holder among all processes, and gone with whoever held it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

import burnish
from burnish.database import exclusive, open_database, transact

ROOT = Path(burnish.__file__).parents[1]

HOLDER = """
import sys
from burnish.database import exclusive, open_database, transact
with exclusive(open_database(sys.argv[1]), sys.argv[2]) as ours:
    print(ours, flush=True)
    sys.stdin.readline()
print("done", flush=True)
sys.stdin.readline()
"""


@contextmanager
def holder(database: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, database, name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def engine(database):
    engine = open_database(database)
    yield engine
    engine.dispose()


def test_one_block_at_a_time_whoever_asks(engine, database):
    with exclusive(engine, "digits/track") as first:
        with exclusive(engine, "digits/track") as second:
            assert (first, second) == (True, False)
        # The one that was turned away has not let go of what is not its own.
        with exclusive(open_database(database), "digits/track") as third:
            assert not third
    with exclusive(engine, "digits/track") as again:
        assert again


def test_names_are_locks_of_their_own_also_where_they_read_alike(engine):
    with exclusive(engine, "a/b") as first, exclusive(engine, "a-b") as second:
        assert (first, second) == (True, True)
    with exclusive(engine, "../" * 9 + "Zürich") as odd:
        assert odd


def test_a_block_that_fails_lets_go(engine):
    with pytest.raises(KeyError), exclusive(engine, "digits"):
        raise KeyError("x")
    with exclusive(engine, "digits") as ours:
        assert ours


def test_a_lock_of_another_process_holds_until_that_lets_go(engine, database):
    with holder(database, "digits") as other:
        with exclusive(engine, "digits") as ours, exclusive(engine, "wine") as wine:
            assert (ours, wine) == (False, True)
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        with exclusive(engine, "digits") as ours:
            assert ours


def test_a_killed_process_holds_nothing(engine, database):
    with holder(database, "digits") as other:
        other.kill()
        other.wait()
        # PostgreSQL notices that a client is gone, but not before the client is.
        with exclusive(engine, "digits", wait=30) as ours:
            assert ours


def test_who_waits_gets_the_lock_when_it_is_free(engine):
    begun, got = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        begun.set()
        with exclusive(engine, "digits", wait=60) as ours:
            assert ours
            got.set()

    waiting = threading.Thread(target=wait_for_it)
    with exclusive(engine, "digits"):
        waiting.start()
        assert begun.wait(60)
        time.sleep(0.2)
        assert not got.is_set()
    waiting.join(60)
    assert got.is_set()


def test_who_waits_to_write_to_sqlite_comes_soon_after_the_other_is_done(tmp_path):
    engine = open_database(tmp_path / "shared.db")
    late: list[float] = []
    for _ in range(5):
        writing, over = threading.Event(), [0.0]

        def hold(_: Connection, writing=writing, over=over) -> None:
            writing.set()
            # SQLite's own tries would come after 228 and 328 ms.
            time.sleep(0.25)
            over[0] = time.monotonic()

        other = threading.Thread(target=transact, args=(engine, hold))
        other.start()
        writing.wait()
        begun = transact(engine, lambda _: time.monotonic())
        other.join()
        late.append(begun - over[0])
    assert statistics.median(late) < 0.05
