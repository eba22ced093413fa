"""How many decisions the review desk takes, and how long people wait for it.

A batch of 20,000 rows lies in a home as the loop leaves it. Processes begin at the same moment; in
each one person takes an item, answers it, and takes the next, with no time to think: four such
stand for some hundreds of people who look at each example for a few seconds. Every call asks for
the open batch, as the pages do. Afterwards what each process was told is compared with what the
database holds: none may be lost, none may be there twice, and the ledger has to verify.

SQLite writes with `synchronous=FULL` into the folder for temporary files, so that it is the disk
below that which is measured; a flush of that disk stands above the table. PostgreSQL is measured
where BURNISH_POSTGRES names a server that databases may be created on.

    python benchmarks/desk.py [--people 1 4] [--seconds 10]
"""

from __future__ import annotations

import argparse
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from paired import table

from burnish.ledger import SqlLedger
from burnish.review.desk import Desk
from burnish.review.records import Person, Said
from burnish.review.schema import desk_events
from burnish.workflows.desk import HomeBatches
from burnish.workflows.home import Home, prepare_home

ROWS = 20_000
NAME = "bench"
SPEC = """\
name: bench
source: {path: none.csv}
id: example_id
target: label
features: {x: numeric}
classes: ["3", "8", "9"]
review: {policy: POLICY, budget: 20000}
"""
HEADERS = ["database", "policy", "people", "decisions/s", "take ms", "answer ms", "lost", "twice"]
FLUSHES = 100


@dataclass(frozen=True)
class Worked:
    """What one process was told: (seq, example_id) of each answer, and seconds of each call."""

    told: list[tuple[int, str]]
    takes: list[float]
    answers: list[float]


@dataclass(frozen=True)
class Place:
    """Where a home lies; `url` is empty for SQLite in its folder."""

    folder: Path
    url: str

    def home(self) -> Home:
        return prepare_home(self.folder, database_url=self.url)

    def desk(self) -> Desk:
        home = self.home()
        return Desk(home.versions.engine, home.ledger, HomeBatches(home, self.folder))


def make_home(place: Place, policy: str, rows: int) -> float:
    """A home with an open batch; how many seconds its first look at the desk took."""
    place.folder.mkdir(parents=True, exist_ok=True)
    (place.folder / f"{NAME}.yaml").write_text(SPEC.replace("POLICY", policy))
    versions = place.home().versions
    iteration = versions.join(NAME, opens=True)
    written = versions.write(NAME, "relabel_queue", _queue(rows), gated=False)
    versions.record_output(
        NAME, "relabel_queue", iteration=iteration.number, version=written.version
    )
    desk = place.desk()
    start = time.perf_counter()
    desk.batch(NAME)
    return time.perf_counter() - start


def write_examples(place: Place, rows: int) -> None:
    """What people look at: a number of each row."""
    examples = pa.table(
        {
            "example_id": [f"x{at:07d}" for at in range(rows)],
            "label": ["8"] * rows,
            "x": np.arange(rows, dtype=float),
        }
    )
    place.home().versions.write(NAME, "validated_examples", examples, gated=False)


def work(place: Place, name: str, seconds: float, barrier: Any) -> Worked:
    """One person at work, as fast as it goes."""
    desk, person = place.desk(), Person(name, "annotator", simulated=True)
    worked = Worked([], [], [])
    _decide(desk, person, worked)
    # The first reads known answers and loads what reads tables: once in the life of a desk.
    worked.takes.clear()
    worked.answers.clear()
    barrier.wait()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        _decide(desk, person, worked)
    return worked


def _decide(desk: Desk, person: Person, worked: Worked) -> None:
    begun = time.perf_counter()
    lease = desk.take(NAME, person)
    if lease is None:
        return
    taken = time.perf_counter()
    done = desk.answer(NAME, person, lease.token, Said("change", "3", seconds=1.0))
    worked.takes.append(taken - begun)
    worked.answers.append(time.perf_counter() - taken)
    worked.told.append((done.event.seq, lease.item.example_id))


def _child(place: Place, name: str, seconds: float, barrier: Any, results: Any) -> None:
    results.put((name, work(place, name, seconds, barrier)))


def measure(place: Place, policy: str, people: int, seconds: float) -> list[str]:
    """One row of the table."""
    first_look = make_home(place, policy, ROWS)
    print(f"  first look at {ROWS:,} rows: {first_look:.2f} s", flush=True)
    context = get_context("spawn")
    barrier, results = context.Barrier(people), context.Queue()
    processes = [
        context.Process(target=_child, args=(place, f"p{at}", seconds, barrier, results))
        for at in range(people)
    ]
    for process in processes:
        process.start()
    found: dict[str, Worked] = dict(results.get() for _ in processes)
    for process in processes:
        process.join()
    lost, twice = _compare(place, found)
    count = sum(len(one.takes) for one in found.values())
    kind = place.url.partition("+")[0] or "sqlite"
    return [
        kind, policy, str(people), f"{count / seconds:,.0f}",
        _times([second for one in found.values() for second in one.takes]),
        _times([second for one in found.values() for second in one.answers]),
        str(lost), str(twice),
    ]  # fmt: skip


def _compare(place: Place, found: dict[str, Worked]) -> tuple[int, int]:
    """How many acknowledged answers are not there, and how many are there more than once."""
    home = place.home()
    home.ledger.verify(NAME)
    columns = desk_events.c
    query = sa.select(columns.seq, columns.actor, columns.example_id)
    with home.versions.engine.connect() as connection:
        rows = connection.execute(query.where(columns.action == "answer")).all()
    stored = {(row.seq, row.actor, row.example_id) for row in rows}
    told = {(seq, name, example) for name, one in found.items() for seq, example in one.told}
    times = Counter((row.actor, row.example_id) for row in rows)
    return len(told - stored), sum(count > 1 for count in times.values()) + _twice_told(home.ledger)


def _twice_told(ledger: SqlLedger) -> int:
    events = [event.verdict for event in ledger.events(NAME)]
    times = Counter((verdict.example_id, verdict.author) for verdict in events)
    return sum(count > 1 for count in times.values())


def _queue(rows: int) -> pa.Table:
    facts = [
        {
            "example_id": f"x{at:07d}",
            "iteration": 1,
            "position": at + 1,
            "reason": "audit",
            "why": "The panel puts 0.93 on '3'; the label says '8'.",
            "label": "8",
            "suggested_label": "3",
            "error_probability": 0.93,
            "inclusion_probability": 0.0,
        }
        for at in range(rows)
    ]
    return pa.Table.from_pylist(facts)


def _times(seconds: list[float]) -> str:
    """Median / 95 in 100 / longest, in milliseconds."""
    if not seconds:
        return "-"
    half, most = 1000 * np.quantile(seconds, [0.5, 0.95])
    return f"{half:.1f} / {most:.1f} / {1000 * max(seconds):.0f}"


def _flush_ms(folder: Path) -> float:
    """How long one flush of the disk takes, which each commit on SQLite waits for."""
    with (folder / "flushed").open("wb") as file:
        start = time.perf_counter()
        for _ in range(FLUSHES):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return 1000 * (time.perf_counter() - start) / FLUSHES


@contextmanager
def places(folder: Path, *, server: str) -> Iterator[Place]:
    """A new home, on SQLite where no server is named; its database is dropped afterwards."""
    if not server:
        yield Place(folder, "")
        return
    url, name = sa.engine.make_url(server), f"burnish_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield Place(folder, url.set(database=name).render_as_string(hide_password=False))
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--policies", nargs="+", default=["single", "double_blind"])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    asked = parser.parse_args()
    servers = {"sqlite": "", "postgresql": os.environ.get("BURNISH_POSTGRES", "")}
    rows: list[list[str]] = []
    with TemporaryDirectory() as folder:
        print(f"a flush of the disk: {_flush_ms(Path(folder)):.2f} ms")
        for database in asked.databases:
            if database == "postgresql" and not servers[database]:
                continue
            for policy in asked.policies:
                for people in asked.people:
                    own = Path(folder) / uuid.uuid4().hex
                    with places(own, server=servers[database]) as place:
                        rows.append(measure(place, policy, people, asked.seconds))
    print("times: median / 95 in 100 / longest\n")
    print(table(HEADERS, rows))


if __name__ == "__main__":
    main()
