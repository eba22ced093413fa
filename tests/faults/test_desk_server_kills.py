"""The desk's real server killed again and again while people answer over HTTP.

What must hold: what a client was told is stored is there, once; whoever was told nothing sends the
same again, to the server that has come back, under the same tokens; and the ledger has just what
was settled.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import httpx  # whichever of its names this Starlette brings

import burnish
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.review.accounts import Accounts
from burnish.review.app import DeskContext, DeskSettings, create_app
from burnish.review.desk import Desk
from burnish.review.records import OpenBatch, Policy
from burnish.spec import DatasetSpec
from burnish.workflows.serve_desk import listen, server_of
from tests.burnish.review.desks import Loop, queue_row
from tests.burnish.review.planted_desk import PlantedExamples

ROOT = Path(burnish.__file__).parents[1]
ROWS = 5000
PEOPLE = ("ann", "bob", "cid")
BOTH = Policy(answers=2, agree=2)
LEASE = 20.0
SPEC = DatasetSpec.model_validate(
    {
        "name": "digits",
        "source": {"path": "digits.csv"},
        "target": "label",
        "features": {"ink": "numeric"},
    }
)
SERVER = """
import sys
from tests.faults.test_desk_server_kills import serve
serve(sys.argv[1], int(sys.argv[2]))
"""


def desk_on(database: str) -> Desk:
    batch = OpenBatch("digits", 1, EMPTY, 1, BOTH, ("3", "8", "9"))
    loop = Loop(batch, [queue_row(f"r{at}", at) for at in range(ROWS)], spec_=SPEC)
    engine = open_database(database)
    return Desk(engine, SqlLedger(engine), loop, lease_seconds=LEASE)


def serve(database: str, port: int) -> None:
    """What `burnish review` serves, on a batch in memory; runs in a process of its own."""
    desk = desk_on(database)
    examples = PlantedExamples([f"r{at}" for at in range(ROWS)], desk.ledger)
    context = DeskContext(desk, Accounts(desk.engine), examples, DeskSettings())
    desk.batch("digits")
    server_of(create_app(context)).run(sockets=[listen("127.0.0.1", port)])


@dataclass
class Client:
    """Somebody's program: it answers, and sends the same again until it is told what came of it."""

    name: str
    secret: str
    port: int
    over: threading.Event
    told: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    again: int = 0
    refused: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])

    def work(self) -> None:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1/datasets/digits",
            headers={"Authorization": f"Bearer {self.secret}"},
            timeout=10,
        ) as http:
            while not self.over.is_set():
                lease = self.send(http, "leases", {})
                if lease is not None and lease.status_code == 200:
                    self.answer(http, lease.json())

    def answer(self, http: httpx.Client, lease: dict[str, Any]) -> None:
        example = lease["example_id"]
        label = "9" if self.name == "bob" and int(example[1:]) % 5 == 0 else "3"
        said = {"label": label}
        answered = self.send(http, f"leases/{lease['token']}/answer", said)
        if answered is None:
            return
        if answered.status_code == 200:
            self.told.append((answered.json()["event"]["seq"], example))
        elif answered.status_code == 409:
            self.refused.append(example)
        else:
            self.broken.append(f"{answered.status_code} {answered.text}")

    def send(self, http: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response | None:
        """The answer of the server, however often it has to be asked; None: the test is over."""
        while not self.over.is_set():
            try:
                return http.post(f"/{path}", json=body)
            except httpx.TransportError:
                self.again += 1
                time.sleep(0.02)
        return None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def server(database: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server, once it answers; killed at the end, without a chance to end anything."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, database, str(port)], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended by itself"
                assert time.monotonic() < until, "the server does not answer"
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def under_kills(database: str, *, rounds: int, seed: int) -> list[Client]:
    """Three clients at work while the server is killed so many times."""
    accounts, over, port = Accounts(open_database(database)), threading.Event(), free_port()
    clients: list[Client] = []
    for name in PEOPLE:
        accounts.add_person(name, "annotator", by="root", simulated=True)
        token = accounts.make_token(name, "a test", by="root")
        clients.append(Client(name, token.secret, port, over))
    threads = [threading.Thread(target=client.work) for client in clients]
    chance = random.Random(seed)
    for number in range(rounds):
        with server(database, port):
            for thread in threads if number == 0 else []:
                thread.start()
            time.sleep(chance.uniform(0.3, 1.5))
    with server(database, port):
        time.sleep(1.0)
        over.set()
        for thread in threads:
            thread.join()
    return clients


def check(database: str, clients: list[Client]) -> None:
    """What was acknowledged is there once, and the ledger has what was settled."""
    assert [client.broken for client in clients] == [[], [], []]
    assert all(client.again for client in clients), "the server was gone, and they asked again"
    desk = desk_on(database)
    told = {(seq, one.name, example) for one in clients for seq, example in one.told}
    assert len(told) == sum(len(client.told) for client in clients) > 30
    names = {example for _, _, example in told}
    events = {name: desk.events("digits", name) for name in names}
    found = Counter(
        (event.seq, event.actor.name, name) for name, all_ in events.items() for event in all_
    )
    assert {found[one] for one in told} == {1}
    twice = Counter((event.actor.name, name) for name, all_ in events.items() for event in all_)
    assert set(twice.values()) == {1}, "nobody answered an item twice"
    settled = {
        name: [(event.actor.name, event.said.label) for event in all_ if event.said]
        for name, all_ in events.items()
        if desk.item("digits", name).state == "settled"
    }
    heard: dict[str, list[tuple[str, str | None]]] = {}
    for event in desk.ledger.events("digits"):
        heard.setdefault(event.verdict.example_id, []).append(
            (event.verdict.author, event.verdict.to_label)
        )
    assert {name: heard.pop(name, []) for name in settled} == settled
    assert not heard.keys() & names, "of what is not settled the ledger heard nothing"
    desk.ledger.verify("digits")


def test_a_server_killed_under_load_loses_and_doubles_nothing(database):
    check(database, under_kills(database, rounds=3, seed=3))


@pytest.mark.slow
def test_a_server_killed_many_times_loses_and_doubles_nothing(database):
    check(database, under_kills(database, rounds=20, seed=11))


def test_the_same_form_sent_a_hundred_times_over_http_is_one_answer(tmp_path):
    database, port = str(tmp_path / "desk.db"), free_port()
    accounts = Accounts(open_database(database))
    accounts.add_person("ann", "annotator", by="root", simulated=True)
    secret = accounts.make_token("ann", "a test", by="root").secret
    base, sent = f"http://127.0.0.1:{port}/api/v1/datasets/digits", list[tuple[int, int]]()
    with (
        server(database, port),
        httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {secret}"}, timeout=30
        ) as http,
    ):
        # Two tabs: one lease. One of them answers otherwise than the other.
        tokens = {http.post("/leases", json={}).json()["token"] for _ in range(2)}
        [token] = tokens

        def send(label: str) -> None:
            for _ in range(20):
                said = {"label": label}
                told = http.post(f"/leases/{token}/answer", json=said)
                seq = told.json()["event"]["seq"] if told.status_code == 200 else 0
                sent.append((told.status_code, seq))

        threads = [threading.Thread(target=send, args=(label,)) for label in "33399"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    [event] = desk_on(database).events("digits", "r0")
    expected = 60 if event.said and event.said.label == "3" else 40
    assert Counter(sent) == {(200, event.seq): expected, (409, 0): 100 - expected}
