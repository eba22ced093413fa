"""The ledger under faults: processes that append at once, and one killed in between."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import burnish
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.records import Verdict

ROOT = Path(burnish.__file__).parents[1]
WRITERS, WRITES = 8, 10

# The database does not exist yet: creating it is part of the race.
WRITER = """
import sys
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.records import Verdict
path, name, count = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
ledger = SqlLedger(open_database(path))
for number in range(int(count)):
    ids = [f"{name}-{number}-{part}" for part in "xyz"]
    ledger.append("digits", [Verdict(i, "drop", None, None, author=name) for i in ids])
    print(number, flush=True)
"""


def start(path: Path, name: str, *, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_at_once_lose_nothing_and_leave_no_gap(tmp_path):
    path = tmp_path / "ledger.db"
    writers = [start(path, str(n), count=WRITES) for n in range(WRITERS)]
    for writer in writers:
        go(writer)
    assert [(writer.communicate(), writer.returncode)[1] for writer in writers] == [0] * WRITERS
    ledger = SqlLedger(open_database(path))
    events = ledger.events("digits")
    assert [event.event_id for event in events] == list(range(1, 3 * WRITERS * WRITES + 1))
    assert len({event.verdict.example_id for event in events}) == len(events)
    assert ledger.verify("digits").event_id == len(events)


def test_a_killed_process_leaves_whole_appends_only(tmp_path):
    path, chance = tmp_path / "ledger.db", random.Random(3)
    ledger = SqlLedger(open_database(path))
    acknowledged: set[str] = set()
    writers = [start(path, str(n), count=100_000) for n in range(6)]
    for name, writer in enumerate(writers):
        go(writer)
        time.sleep(chance.uniform(0.02, 0.15))
        writer.kill()
        said, _ = writer.communicate()
        acknowledged |= {f"{name}-{line}-{part}" for line in said.split() for part in "xyz"}
    events = ledger.events("digits")
    found = {event.verdict.example_id for event in events}
    assert acknowledged
    assert acknowledged <= found
    assert len(events) % 3 == 0
    assert ledger.verify("digits").event_id == len(events) == len(found)


def test_threads_of_one_engine_lose_nothing(tmp_path):
    ledger = SqlLedger(open_database(tmp_path / "ledger.db"))

    def work(name: int) -> None:
        for number in range(5):
            verdict = Verdict(f"{name}-{number}", "drop", None, None, author="ann")
            ledger.append("digits", [verdict])

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(work, range(24)))
    assert ledger.verify("digits").event_id == 120


def test_a_new_database_that_somebody_writes_to_is_waited_for(tmp_path):
    path = tmp_path / "ledger.db"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE other (x)")
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: writer.execute("COMMIT"))
    release.start()
    ledger = SqlLedger(open_database(path))
    release.join()
    writer.close()
    assert len(ledger.append("digits", [Verdict("a", "drop", None, None, author="ann")])) == 1
