"""Many reviewers at the desk at once, over HTTP: how long they wait, and whether anything is lost.

The desk is served as `burnish review` serves it, in a process of its own. Others play reviewers who
sign in, open the labeling page, and then answer as a browser does: the answer, and the next item
ahead of it, with no time to think or `--think` seconds of it. When `--decisions` were made, what
each was told is held against the database: none may be lost or doubled, and no lease may be left
that nobody holds. Then, of a queue of `--rows`, the time of the next item and of the progress of
all of it, at the beginning, in the middle and near the end.

    python benchmarks/desk_load.py [--people 50] [--decisions 20000] [--databases sqlite postgresql]
    python benchmarks/desk_load.py --parts queue --rows 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import numpy as np
import sqlalchemy as sa
from desk import NAME, Place, make_home, places, write_examples
from paired import table

from burnish.review.records import Person, Said
from burnish.review.schema import desk_events, desk_items, desk_leases

PASSWORD = "a long phrase that nobody tries"
HEADERS = [
    "database", "people", "decisions", "a second", "answer ms", "next ms", "lost", "twice", "stuck",
]  # fmt: skip
QUEUE_HEADERS = ["database", "rows", "settled", "next item ms", "progress ms, first", "then"]


@dataclass
class Told:
    """What one reviewer was told: (seq, example) of each answer, and seconds of each request."""

    answers: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    answering: list[float] = field(default_factory=list[float])
    following: list[float] = field(default_factory=list[float])


def serve(place: Place, port: Any) -> None:
    """The desk of a home, until the process is ended."""
    from burnish.review.app import create_app
    from burnish.review.context import DeskSettings
    from burnish.workflows.serve_desk import desk_of, listen, server_of

    context = desk_of(place.home(), place.folder, DeskSettings())
    with listen("127.0.0.1", 0) as listening:
        port.put(listening.getsockname()[1])
        server_of(create_app(context)).run(sockets=[listening])


class Browser:
    """One connection that keeps its cookies, as light as can be: it shares the machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers: dict[str, str] = {}

    def ask(self, path: str, form: dict[str, str] | None = None) -> str:
        """The body of the response, wherever it leads."""
        body = None if form is None else urlencode(form)
        headers = dict(self._headers)
        if body is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        for name, value in response.getheaders():
            if name == "set-cookie":
                self._headers["cookie"] = value.partition(";")[0]
        assert response.status < 400, (path, response.status, text[:300])
        return text

    def reconnect(self) -> None:
        """Begin a new connection: a server closes one that was idle while others signed in."""
        self._connection.close()

    def sign_in(self, name: str) -> str:
        """Sign in; the labeling page, whose token later requests hold."""
        csrf = _found(r'name="csrf" value="([^"]+)"', self.ask("/sign-in"))
        self.ask("/sign-in", {"name": name, "password": PASSWORD, "csrf": csrf})
        page = self.ask(f"/d/{NAME}/label")
        self._headers["x-csrf-token"] = _found(r'name="csrf" content="([^"]+)"', page)
        self._headers["accept"] = "application/json"
        return page


def review(port: int, name: str, left: Iterator[int], start: Barrier, think: float) -> Told:
    """One reviewer, from the sign-in until the decisions are made."""
    told, browser = Told(), Browser(port)
    page = browser.sign_in(name)
    start.wait()
    browser.reconnect()
    token, example = _card(page)
    while token and next(left, None) is not None:
        ahead = _timed(browser, "next", {"token": token}, told.following)
        said = {"token": token, "label": "3", "seconds": "1.0"}
        done = _timed(browser, "answer", said, told.answering)
        told.answers.append((done["seq"], example))
        token, example = _card(ahead["card"] or "")
        if think:
            time.sleep(think)
    return told


def _timed(browser: Browser, what: str, form: dict[str, str], into: list[float]) -> dict[str, Any]:
    begun = time.perf_counter()
    text = browser.ask(f"/d/{NAME}/label/{what}", form)
    into.append(time.perf_counter() - begun)
    return json.loads(text)


def _card(text: str) -> tuple[str, str]:
    """The lease's token and the example of a card; empty where there is none."""
    found = re.search(r'data-token="([^"]+)" data-example="([^"]+)"', text)
    return (found[1], found[2]) if found else ("", "")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"the page has no {pattern}"
    return found[1]


def _all(port: int, names: list[str], decisions: int, think: float) -> tuple[list[Told], float]:
    """What all were told, and how many seconds it took from the moment when all had signed in."""
    left, began = iter(range(decisions)), list[float]()
    start = Barrier(len(names), action=lambda: began.append(time.perf_counter()))
    with ThreadPoolExecutor(len(names)) as pool:
        told = list(pool.map(lambda name: review(port, name, left, start, think), names))
    return told, time.perf_counter() - began[0]


def load(place: Place, people: int, decisions: int, think: float) -> list[str]:
    """One row of the table of load."""
    from burnish.workflows.serve_desk import accounts_of

    # So many more that nobody comes to the end of the queue.
    make_home(place, "single", decisions + 2 * people)
    write_examples(place, decisions + 2 * people)
    names = [f"person{at}" for at in range(people)]
    accounts = accounts_of(place.home())
    for name in names:
        accounts.add_person(name, "annotator", by="bench", password=PASSWORD)
    context = get_context("spawn")
    port = context.Queue()
    server = context.Process(target=serve, args=(place, port), daemon=True)
    server.start()
    try:
        told, took = _all(port.get(timeout=120), names, decisions, think)
    finally:
        server.terminate()
        server.join()
    lost, twice, stuck = compare(place, told)
    count = sum(len(one.answers) for one in told)
    return [
        place.url.partition("+")[0] or "sqlite", str(people), f"{count:,}", f"{count / took:,.0f}",
        _times([second for one in told for second in one.answering]),
        _times([second for one in told for second in one.following]),
        str(lost), str(twice), str(stuck),
    ]  # fmt: skip


def compare(place: Place, told: list[Told]) -> tuple[int, int, int]:
    """Acknowledged answers that are not there, examples with two, leases beyond one a person."""
    home = place.home()
    home.ledger.verify(NAME)
    query = sa.select(desk_events.c.seq, desk_events.c.example_id)
    with home.versions.engine.connect() as connection:
        rows = connection.execute(query.where(desk_events.c.action == "answer")).all()
        # Each left the page with one item before them; more are leases that nobody holds.
        held = sa.select(sa.func.count()).select_from(desk_leases).group_by(desk_leases.c.person)
        stuck = sum(count - 1 for count in connection.scalars(held))
    stored = {(row.seq, row.example_id) for row in rows}
    acknowledged = {answer for one in told for answer in one.answers}
    heard = Counter(event.verdict.example_id for event in home.ledger.events(NAME))
    twice = sum(count > 1 for count in Counter(row.example_id for row in rows).values())
    return len(acknowledged - stored), twice + sum(n > 1 for n in heard.values()), stuck


def queue(place: Place, rows: int, asked: int) -> list[list[str]]:
    """Rows of the table of a long queue: where nothing, half and nearly all is settled."""
    print(f"  first look at {rows:,} rows: {make_home(place, 'single', rows):.1f} s", flush=True)
    found: list[list[str]] = []
    for share in (0.0, 0.5, 0.99):
        desk, person = place.desk(), Person("ada", "annotator", simulated=True)
        batch = desk.batch(NAME)
        settled = desk_items.c.position <= int(share * rows)
        with desk.engine.begin() as connection:
            # Set aside by hand: to answer half a million would take an hour.
            connection.execute(
                desk_items.update().where(settled).values(state="settled", places=0, spare=0)
            )
        first = _seconds(lambda desk=desk: desk.progress(NAME))
        takes: list[float] = []
        then: list[float] = []
        for _ in range(asked):
            begun = time.perf_counter()
            lease = desk.take(batch.dataset, person)
            takes.append(time.perf_counter() - begun)
            assert lease is not None
            desk.answer(NAME, person, lease.token, Said("change", "3", seconds=1.0))
            then.append(_seconds(lambda desk=desk: desk.progress(NAME)))
        kind = place.url.partition("+")[0] or "sqlite"
        found.append([kind, f"{rows:,}", f"{share:.0%}", _times(takes), f"{1000 * first:.0f}",
                      _times(then)])  # fmt: skip
    return found


def _seconds(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _times(seconds: list[float]) -> str:
    """Median / 95 in 100 / longest, in milliseconds."""
    if not seconds:
        return "-"
    half, most = 1000 * np.quantile(seconds, [0.5, 0.95])
    return f"{half:.1f} / {most:.1f} / {1000 * max(seconds):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--parts", nargs="+", default=["load", "queue"])
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--think", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    asked = parser.parse_args()
    servers = {"sqlite": "", "postgresql": os.environ.get("BURNISH_POSTGRES", "")}
    loads: list[list[str]] = []
    queues: list[list[str]] = []
    for database in asked.databases:
        if database == "postgresql" and not servers[database]:
            continue
        for part in asked.parts:
            with (
                TemporaryDirectory() as folder,
                places(Path(folder) / "home", server=servers[database]) as place,
            ):
                if part == "load":
                    loads.append(load(place, asked.people, asked.decisions, asked.think))
                else:
                    queues += queue(place, asked.rows, asked.asked)
    print("times: median / 95 in 100 / longest\n")
    for headers, rows in ((HEADERS, loads), (QUEUE_HEADERS, queues)):
        if rows:
            print(table(headers, rows) + "\n")


if __name__ == "__main__":
    main()
