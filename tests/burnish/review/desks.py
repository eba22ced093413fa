"""A desk of its own for a test: a batch in memory, a clock that the test moves, named people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.records import LabelEvent
from burnish.review.desk import Desk
from burnish.review.records import OpenBatch, Person, Policy, Said
from burnish.review.skill import Tallies
from burnish.spec import DatasetSpec

START = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
ADA, BOB, CID = Person("ada", "annotator"), Person("bob", "annotator"), Person("cid", "annotator")
ROB, EVE = Person("rob", "reviewer"), Person("eve", "admin")
DOUBLE = Policy(answers=2, agree=2)
TWO_OF_THREE = Policy(answers=3, agree=2)
APPROVED = Policy(approval=True)


class Time:
    """A clock that stands still until it is moved, forward or back."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def queue_row(name: str, position: int, **facts: Any) -> dict[str, Any]:
    """A row of a queue, as the loop makes it."""
    row: dict[str, Any] = {
        "example_id": name,
        "iteration": 1,
        "position": position,
        "reason": "audit",
        "why": "The panel puts 0.93 on '3'; the label says '8'.",
        "label": "8",
        "suggested_label": "3",
        "error_probability": 0.9,
        "inclusion_probability": None,
    }
    return row | facts


@dataclass
class Loop:
    """The loop as the desk sees it; a `burnish.review.ports.Batches`."""

    batch: OpenBatch | None
    rows: list[dict[str, Any]]
    gold: dict[str, str] = field(default_factory=dict[str, str])
    counts: Tallies = field(default_factory=dict[str, Any])
    spec_: DatasetSpec | None = None

    def datasets(self) -> list[str]:
        return [self.batch.dataset] if self.batch else []

    def open(self, dataset: str) -> OpenBatch | None:
        return self.batch if self.batch and dataset == self.batch.dataset else None

    def queue(self, batch: OpenBatch) -> list[dict[str, Any]]:
        return list(self.rows)

    def known_answers(self, dataset: str) -> Mapping[str, str]:
        return self.gold

    def tallies(self, dataset: str) -> Tallies:
        return self.counts

    def spec(self, dataset: str) -> DatasetSpec:
        assert self.spec_ is not None, "the test gives the loop a spec"
        return self.spec_

    def requeue(self, rows: Iterable[dict[str, Any]]) -> None:
        """Make the queue again."""
        assert self.batch is not None
        self.rows = list(rows)
        self.batch = replace(self.batch, queue_version=self.batch.queue_version + 1)


@dataclass
class Room:
    """A desk and all that stands around it."""

    desk: Desk
    ledger: SqlLedger
    loop: Loop
    time: Time
    engine: Engine

    def say(self, person: Person, label: str | None, **how: Any) -> Any:
        """Take the next item and answer it; None: unsure."""
        lease = self.desk.take("digits", person)
        assert lease is not None
        return self.desk.answer("digits", person, lease.token, said(label, **how))

    def told(self, example_id: str) -> list[LabelEvent]:
        """What the ledger holds of an example that was not taken back, oldest first."""
        course = self.ledger.blame("digits", example_id)
        undone = {event.verdict.evidence.get("undoes") for event in course}
        return [
            event
            for event in course
            if event.event_id not in undone and "undoes" not in event.verdict.evidence
        ]


def said(label: str | None, **how: Any) -> Said:
    return Said("unsure" if label is None else "change", label, **how)


def room(
    path: Any,
    *,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    rows: Iterable[dict[str, Any]] | int = 3,
    gold: Mapping[str, str] | None = None,
    shown_share: float = 0.0,
) -> Room:
    """A desk on a new database, with a batch of so many rows: a, b, c, ..."""
    if isinstance(rows, int):
        rows = [queue_row(chr(ord("a") + at), at + 1) for at in range(rows)]
    batch = OpenBatch(
        dataset="digits",
        iteration=1,
        watermark=EMPTY,
        queue_version=1,
        policy=policy,
        classes=("3", "8", "9"),
        shown_share=shown_share,
    )
    engine, time = open_database(path), Time()
    ledger = SqlLedger(engine, clock=time)
    loop, tokens = Loop(batch, list(rows), dict(gold or {})), count(1)
    desk = Desk(engine, ledger, loop, clock=time, make_token=lambda: f"token-{next(tokens):06}")
    return Room(desk, ledger, loop, time, engine)
