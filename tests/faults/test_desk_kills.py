"""The desk under faults: processes killed at any moment, forms sent many times, bad clocks.

What must hold: whatever was acknowledged is stored once, the ledger has just what is settled, and
no item is lost to somebody who is gone.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import burnish
from burnish.database import open_database
from burnish.errors import ReviewConflict
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.review.desk import Desk
from burnish.review.records import OpenBatch, Person, Policy
from tests.burnish.review.desks import Loop, queue_row, said

ROOT = Path(burnish.__file__).parents[1]
POLICY = Policy(answers=2, agree=2)
LEASE = 1.0

# Answers as fast as it can. What was acknowledged is on the disk before the next is taken.
WORKER = """
import os, sys, time
from tests.faults.test_desk_kills import desk_on, label_of, Person, said
path, name, record = sys.argv[1:]
desk, person = desk_on(path), Person(name, "annotator")
file = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
print("ready", flush=True)
while True:
    lease = desk.take("digits", person)
    if lease is None:
        time.sleep(0.02)
        continue
    example = lease.item.example_id
    done = desk.answer("digits", person, lease.token, said(label_of(name, example)))
    os.write(file, f"{done.event.seq} {name} {example}\\n".encode())
    os.fsync(file)
"""
HOLDER = """
import sys, time
from datetime import timedelta
from tests.faults.test_desk_kills import desk_on, Person
path, ahead = sys.argv[1:]
desk = desk_on(path, ahead=timedelta(seconds=float(ahead)))
lease = desk.take("digits", Person("ada", "annotator"))
print(lease.token, lease.item.example_id, flush=True)
time.sleep(600)
"""


# Answers until its files may not grow any more, and goes on when they may.
FULL = """
import os, resource, sys
from burnish.errors import LedgerError
from tests.faults.test_desk_kills import desk_on, label_of, Person, said
path, = sys.argv[1:]
desk, person = desk_on(path), Person("ann", "annotator")
desk.batch("digits")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
room = max(os.path.getsize(path), os.path.getsize(path + "-wal")) + 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
refused, left = 0, 20
while left:
    try:
        lease = desk.take("digits", person)
        done = desk.answer("digits", person, lease.token, said("3"))
    except LedgerError as error:
        assert "see that its disk has room" in str(error), error
        refused += 1
        if refused == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        continue
    left -= refused >= 5
    print(done.event.seq, person.name, lease.item.example_id, flush=True)
"""


def label_of(name: str, example: str) -> str:
    """What a person says of an example, always the same; one in five of them disagreed about."""
    return "9" if name.startswith("b") and int(example[1:]) % 5 == 0 else "3"


def desk_on(path: str, *, rows: int = 0, ahead: timedelta = timedelta()) -> Desk:
    """A desk on a database, its clock ahead by so much; who opens it first names the rows."""
    batch = OpenBatch("digits", 1, EMPTY, 1, POLICY, ("3", "8", "9"))
    loop = Loop(batch, [queue_row(f"r{at}", at) for at in range(rows)])
    engine = open_database(path)
    ledger = SqlLedger(engine)
    clock = lambda: datetime.now(UTC) + ahead  # noqa: E731
    return Desk(engine, ledger, loop, clock=clock, lease_seconds=LEASE)


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def lines_of(*files: Path) -> list[tuple[int, str, str]]:
    """Whole lines: the process may have been killed within the last one."""
    found = []
    for file in files:
        whole, _, _ = file.read_text().rpartition("\n") if file.exists() else ("", "", "")
        found += [
            (int(seq), name, example) for seq, name, example in map(str.split, whole.splitlines())
        ]
    return found


def kill_at_random(database: str, folder: Path, *, rounds: int, seed: int) -> list[Path]:
    """Two people's processes, one of them killed again and again and started anew."""
    chance = random.Random(seed)
    records: list[Path] = []
    running: list[subprocess.Popen[str]] = []
    for number in range(rounds):
        name = "ann" if number % 2 else "bob"
        records.append(folder / f"{number}.txt")
        running.append(start(WORKER, database, name, str(records[-1])))
        assert read_line(running[-1]) == "ready\n"
        if number:
            time.sleep(chance.uniform(0.0, 0.2))
            running.pop(0).kill()
    time.sleep(chance.uniform(0.05, 0.2))
    for process in running:
        process.kill()
        process.wait()
    return records


def test_what_was_acknowledged_before_a_kill_is_there_once(database, tmp_path):
    desk = desk_on(database, rows=3000)
    desk.batch("digits")
    records = kill_at_random(database, tmp_path, rounds=8, seed=5)
    acknowledged = lines_of(*records)
    assert len(acknowledged) > 20
    names = {example for _, _, example in acknowledged}
    events = [event for name in names for event in desk.events("digits", name)]
    found = Counter((event.seq, event.actor.name, event.example_id) for event in events)
    assert {found[line] for line in acknowledged} == {1}
    twice = Counter((event.actor.name, event.example_id) for event in events)
    assert set(twice.values()) == {1}, "nobody answered an item twice"


def test_the_ledger_has_just_what_was_settled_when_all_were_killed(database, tmp_path):
    desk = desk_on(database, rows=60)
    desk.batch("digits")
    kill_at_random(database, tmp_path, rounds=6, seed=9)
    # Leases of the killed have run out by this clock: others finish the batch.
    later = desk_on(database, ahead=timedelta(seconds=10))
    for name in ("ann", "bob", "cid"):
        person = Person(name, "annotator")
        while (lease := later.take("digits", person)) is not None:
            example = lease.item.example_id
            later.answer("digits", person, lease.token, said(label_of(name, example)))
    assert later.progress("digits").leased == 0
    ledger = SqlLedger(open_database(database))
    told: dict[str, list[tuple[str, str | None]]] = {}
    for event in ledger.events("digits"):
        verdict = event.verdict
        told.setdefault(verdict.example_id, []).append((verdict.author, verdict.to_label))
    for item in later.items("digits", limit=100)[0]:
        answers = [(e.actor.name, e.said.label) for e in later.events("digits", item.example_id)]
        assert item.state in {"settled", "disagreed"}
        assert told.get(item.example_id, []) == (answers if item.state == "settled" else [])
    assert ledger.verify("digits").event_id == sum(map(len, told.values()))


def test_a_form_sent_a_hundred_times_by_eight_threads_is_one_answer(database):
    desk, ann = desk_on(database, rows=1), Person("ann", "annotator")
    lease = desk.take("digits", ann)

    def send(_: int) -> tuple[bool, int]:
        done = desk.answer("digits", ann, lease.token, said("3"))
        return done.known, done.event.seq

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(send, range(100)))
    assert Counter(known for known, _ in sent) == {False: 1, True: 99}
    assert len({seq for _, seq in sent}) == len(desk.events("digits", "r0")) == 1


def test_two_forms_of_two_tabs_sent_at_once_are_one_answer_and_conflicts(database):
    desk, ann = desk_on(database, rows=1), Person("ann", "annotator")
    tokens = {desk.take("digits", ann).token for _ in range(2)}
    [token] = tokens

    def send(label: str) -> bool:
        try:
            desk.answer("digits", ann, token, said(label))
        except ReviewConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(send, ["3", "9"] * 20))
    [event] = desk.events("digits", "r0")
    assert taken == [label == event.said.label for label in ["3", "9"] * 20]


def test_a_full_disk_refuses_answers_and_those_before_and_after_are_there(tmp_path):
    database, record = str(tmp_path / "desk.db"), tmp_path / "told.txt"
    desk_on(database, rows=5000).batch("digits")
    with record.open("w") as told:
        code = [sys.executable, "-c", FULL, database]
        subprocess.run(code, cwd=ROOT, stdout=told, check=True, timeout=120)
    acknowledged = lines_of(record)
    assert len(acknowledged) > 20
    desk = desk_on(database)
    names = {example for _, _, example in acknowledged}
    events = [event for name in names for event in desk.events("digits", name)]
    found = [(event.seq, event.actor.name, event.example_id) for event in events]
    assert sorted(found) == sorted(acknowledged)
    # Of what was refused nothing was kept: neither an event nor a verdict.
    last = max(seq for seq, _, _ in acknowledged)
    assert sorted(seq for seq, _, _ in acknowledged) == list(range(1, last + 1))
    assert SqlLedger(open_database(database)).verify("digits").event_id == 0


@pytest.mark.parametrize("ahead", [0.0, 86_400.0], ids=["killed", "killed, and the clock set back"])
def test_a_lease_outlives_its_owner_no_longer_than_it_lasts(database, ahead):
    desk = desk_on(database, rows=1)
    desk.batch("digits")
    holder = start(HOLDER, database, str(ahead))
    token, example = read_line(holder).split()
    holder.kill()
    holder.wait()
    bob, cid = Person("bob", "annotator"), Person("cid", "annotator")
    assert desk.take("digits", bob).item.example_id == example
    # By a clock on which the holder's lease has run out, or before which it was never taken.
    later = desk_on(database, ahead=timedelta(seconds=0 if ahead else LEASE + 0.5))
    assert later.take("digits", cid).item.example_id == example
    with pytest.raises(ReviewConflict):
        later.answer("digits", Person("ada", "annotator"), token, said("3"))
