"""What the doors of the desk stand on: database, ledger and batches, and the items kept in step.

What belongs here: opening a batch, and the one way in which something is written. What does not:
the doors (`burnish.review.desk`, which has `burnish.review.reading` and `burnish.review.leasing`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from burnish.database import migrate, reading, transact
from burnish.errors import ItemNotFound
from burnish.ledger import SqlLedger
from burnish.review import dealing, syncing
from burnish.review.acting import Scene, no_item, scene_of
from burnish.review.assigning import WORDS
from burnish.review.counting import Tallies
from burnish.review.guides import GuideNow, Mark
from burnish.review.ports import Batches
from burnish.review.records import OpenBatch
from burnish.review.saying import is_name
from burnish.review.skill import Skills, pooled
from burnish.spec import DatasetSpec
from burnish.typing import Clock

Result = TypeVar("Result")
_ASKED: ContextVar[dict[tuple[Ground, str], OpenBatch] | None] = ContextVar("asked", default=None)


def one_request() -> None:
    """Look a batch up once from now on in this context, which is that of one request.

    A page asks for it at each of its steps. What it does is checked in the transaction that does
    it (`burnish.review.acting.check_open`).
    """
    _ASKED.set({})


def _now() -> datetime:
    return datetime.now(UTC)


def _token() -> str:
    return secrets.token_urlsafe(24)


class Ground:
    """Database, ledger, batches and clock; `make_token` makes the secrets leases are named by."""

    def __init__(
        self,
        engine: Engine,
        ledger: SqlLedger,
        batches: Batches,
        *,
        clock: Clock = _now,
        lease_seconds: float = 300.0,
        make_token: Callable[[], str] = _token,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._batches = batches
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._make_token = make_token
        self._kept: dict[tuple[str, int], OpenBatch] = {}
        self._looked: dict[tuple[str, int], int] = {}
        self._answers: dict[tuple[str, int, int], Mapping[str, str]] = {}
        self._guides: dict[str, tuple[tuple[Path, Mark | None], GuideNow]] = {}
        self._tallies = Tallies()
        self._turn = threading.Lock()
        migrate(engine)

    @property
    def engine(self) -> Engine:
        """Where its tables lie, for lists that no door here gives (`burnish.review.listing`)."""
        return self._engine

    @property
    def ledger(self) -> SqlLedger:
        """The ledger that settled items go to, for requests and for what it says of an example."""
        return self._ledger

    @property
    def clock(self) -> Clock:
        """The clock that leases and ages go by."""
        return self._clock

    def spec(self, dataset: str) -> DatasetSpec:
        """The spec of a dataset, as the loop goes by it; pages find its pictures by that."""
        return self._batches.spec(dataset)

    def batch(self, dataset: str) -> OpenBatch:
        """The open batch, its items as the queue has them; raises `ItemNotFound` where none is."""
        asked = _ASKED.get()
        if asked is None:
            asked = {}
        if (self, dataset) in asked:
            return asked[self, dataset]
        found = self._batches.open(dataset) if is_name(dataset) else None
        if found is None:
            raise ItemNotFound(
                f"no batch of {dataset!r} is open",
                expected="a dataset whose queue waits for people",
                hint=f"`burnish loop --dataset {dataset} --iterations 1 --reviewer desk` opens one",
            )
        place = (found.dataset, found.iteration)
        kept = self._kept.get(place)
        if kept is None or kept.queue_version < found.queue_version:
            kept = self._kept[place] = self._taken(found)
        batch = replace(found, policy=kept.policy, queue_version=kept.queue_version)
        asked[self, dataset] = batch
        return batch

    def _taken(self, found: OpenBatch) -> OpenBatch:
        with reading(self._engine) as connection:
            kept = syncing.as_kept(connection, found)
        if kept is not None and kept.queue_version >= found.queue_version:
            return kept
        rows, now = self._batches.queue(found), self._clock()
        deal = self._dealt(found, rows, now)
        return syncing.take_queue(self._engine, self._ledger, found, rows, deal=deal, now=now)

    def _dealt(
        self, found: OpenBatch, rows: Sequence[Mapping[str, Any]], now: datetime
    ) -> syncing.Deal | None:
        """Whom to ask first for what is new in the queue; None where the spec asks nobody."""
        if found.assign == "nobody":
            return None
        skills = self._skills(found.dataset) if found.assign == "skill" else None
        with reading(self._engine) as connection:
            new = dealing.new_items(connection, found, rows)
            to = dealing.dealt(connection, found, new, how=found.assign, skills=skills, now=now)
        return syncing.Deal(to, WORDS[found.assign])

    def _skills(self, dataset: str) -> Skills:
        return pooled(self._batches.tallies(dataset))

    def _looked_outside(self, batch: OpenBatch) -> OpenBatch:
        place = (batch.dataset, batch.iteration)
        after = self._looked.get(place, batch.watermark.event_id)
        self._looked[place] = syncing.look_outside(
            self._engine, self._ledger, batch, after=after, now=self._clock()
        )
        return batch

    def _heard(self, batch: OpenBatch, numbers: Sequence[int]) -> None:
        """What the ledger was told by the desk itself, which `_looked_outside` need not read."""
        place = (batch.dataset, batch.iteration)
        if numbers and self._looked.get(place, batch.watermark.event_id) == numbers[0] - 1:
            self._looked[place] = numbers[-1]

    def _known_answers(self, batch: OpenBatch) -> Mapping[str, str]:
        # They are kept when a queue is made, and do not change with it.
        place = (batch.dataset, batch.iteration, batch.queue_version)
        if place not in self._answers:
            self._answers[place] = self._batches.known_answers(batch.dataset)
        return self._answers[place]

    def _scene(self, connection: Connection, batch: OpenBatch, example_id: str) -> Scene:
        if not is_name(example_id):
            raise no_item(batch, example_id)
        return scene_of(connection, self._ledger, batch, example_id, self._clock())

    def _transact(self, work: Callable[[Connection], Result], *, lasting: bool = True) -> Result:
        # Threads of one process need not look again and again whether another is done.
        with self._turn:
            return transact(self._engine, work, lasting=lasting)
