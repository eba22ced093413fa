"""A desk with a small planted batch, served by the application, for tests of pages and API.

What belongs here: a batch whose rows, labels and reasons are known, the people who work on it, and
programs that ask for them. What does not: any expectation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from burnish.database import open_database
from burnish.errors import DataError, SpecError, VersionNotFound
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.report.explained import Explanation, NearRow, Signal, WhatIf
from burnish.report.looking import Looked, ShownValue
from burnish.review.accounts import Accounts
from burnish.review.desk import Desk
from burnish.review.figures import Figures
from burnish.review.records import OpenBatch, Policy
from burnish.review.skill import Tallies
from burnish.review.worth import Worth
from burnish.spec import DatasetSpec
from burnish.workflows.team import read_figures
from tests.burnish.review.doors import BASE, CHEAP, PASSWORD, Now, make_app

PEOPLE = {
    "ann": "annotator",
    "ben": "annotator",
    "rex": "reviewer",
    "rita": "reviewer",
    "ada": "admin",
}
BLIND = Policy(answers=2, agree=2)


def queue_row(example_id: str, position: int, **facts: Any) -> dict[str, Any]:
    """A row of a queue; what is not given is that of a label in doubt."""
    usual = {
        "iteration": 1,
        "reason": "audit",
        "why": f"The panel puts 0.93 on 'dog'; the label of {example_id} says 'cat'.",
        "label": "cat",
        "suggested_label": "dog",
        "error_probability": 0.93,
        "inclusion_probability": None,
        "pool_size": 90,
        "review_group": 1,
    }
    return {"example_id": example_id, "position": position} | usual | facts


ROWS = (
    queue_row("p1", 1),
    queue_row("p2", 2),
    queue_row("p3", 3, reason="gold", why="Its answer is known.", label="dog"),
    queue_row("p4", 4, reason="control", why="Drawn at random.", inclusion_probability=0.1),
    queue_row("a/../p5", 5),
    queue_row("..", 6),
)


class PlantedBatches:
    """One open batch of `pets`; a `burnish.review.ports.Batches`."""

    def __init__(
        self, policy: Policy, rows: Sequence[Mapping[str, Any]], classes: Sequence[str]
    ) -> None:
        self.batch = OpenBatch("pets", 1, EMPTY, 1, policy, tuple(classes), owner="ada")
        self.rows, self.is_open = [dict(row) for row in rows], True
        self.spec_ = DatasetSpec.model_validate(
            {
                "name": "pets",
                "source": {"path": "pets.csv"},
                "id": "id",
                "target": "kind",
                "features": {"text": "text", "weight": "numeric"},
            }
        )

    def datasets(self) -> list[str]:
        return ["pets"]

    def open(self, dataset: str) -> OpenBatch | None:
        return self.batch if dataset == "pets" and self.is_open else None

    def queue(self, batch: OpenBatch) -> list[dict[str, Any]]:
        return self.rows

    def known_answers(self, dataset: str) -> Mapping[str, str]:
        return {row["example_id"]: "dog" for row in self.rows if row["reason"] == "gold"}

    def tallies(self, dataset: str) -> Tallies:
        return {}

    def spec(self, dataset: str) -> DatasetSpec:
        if dataset != "pets":
            raise SpecError(f"there is no dataset {dataset!r}")
        return self.spec_

    def guide_in(self, folder: Path) -> Path:
        """Have the spec name a guide in a folder; its file, which is not there yet."""
        review = self.spec_.review.model_copy(update={"guide": "guide.md"})
        self.spec_ = self.spec_.model_copy(update={"review": review, "folder": folder})
        return folder / "guide.md"


@dataclass
class PlantedExamples:
    """Examples with a text and a number; a `burnish.review.ports.Examples`."""

    ids: Sequence[str]
    ledger: SqlLedger
    texts: Mapping[str, str] = field(default_factory=dict)
    changes: Sequence[Mapping[str, Any]] = ()

    def row(self, dataset: str, example_id: str) -> Mapping[str, Any] | None:
        if example_id not in self.ids:
            return None
        return {
            "example_id": example_id,
            "text": self.texts.get(example_id, f"what {example_id} looks like"),
            "weight": float("nan"),
            "tail": None,
        }

    def absent(self, dataset: str, example_ids: Sequence[str]) -> Sequence[str]:
        return [name for name in example_ids if name not in self.ids]

    def look(self, dataset: str, example_id: str, *, by_label: bool) -> Looked | None:
        if example_id not in self.ids:
            return None
        text = self.texts.get(example_id, f"what {example_id} looks like")
        return Looked(texts=(("text", text),), values=(ShownValue("weight", "4.2"),))

    def slices(self, dataset: str, example_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {name: ["first"] if name == "p1" else [] for name in example_ids}

    def explain(self, dataset: str, example_id: str) -> Explanation:
        signal = Signal("lead of the label", -0.8, "against", "They prefer 'dog'.", 1, 90)
        return Explanation(
            dataset=dataset, iteration=1, example_id=example_id, label="cat", suggested="dog",
            probability=0.93, decision="", looked=Looked(), signals=(signal,),
            nearest=(), like_suggested=(),
            like_label=(NearRow("<p9>", "cat", 0.5, "", near_copy=False, looked=Looked()),),
            what_if=WhatIf(10, 1, 9, ("p8",), 5),
        )  # fmt: skip

    def life(self, dataset: str, example_id: str) -> Mapping[str, Any]:
        if example_id not in self.ids:
            raise DataError(f"{dataset} never had an example {example_id!r}")
        audited = {
            "at": "2026-11-01T09:00:00+00:00",
            "what": "audited",
            "where": "pets@iter1",
            "text": "the models say 'dog' of this 'cat'",
            "facts": {"suggested_label": "dog"},
        }
        queued = {
            "at": "2026-11-01T10:00:00+00:00",
            "what": "queued",
            "where": "pets@iter1",
            "text": "asked about at position 3, for gold: its answer is known",
            "facts": {"reason": "gold", "position": 3},
        }
        events = self.ledger.blame(dataset, example_id)
        decided = [
            {
                "at": event.at.isoformat(),
                "what": "decided",
                "where": f"event {event.event_id} of {dataset}",
                "text": "decided",
                "facts": {
                    "event_id": event.event_id,
                    **{name: getattr(event.verdict, name) for name in FACTS},
                },
            }
            for event in events
        ]
        moments = [audited, queued, *decided]
        return {"dataset": dataset, "example_id": example_id, "label": "cat", "moments": moments}

    def versions(self, dataset: str) -> list[Mapping[str, Any]]:
        return [
            {
                "version": f"pets@{number}",
                "created_at": "2026-11-02T09:00:00+00:00",
                "rows": 1000,
                "watermark": number,
                "iteration": number,
                "models": [],
                "digest": "0123456789abcdef",
            }
            for number in (2, 1)
        ]

    def diff(self, before: str, after: str) -> Mapping[str, Any]:
        if not {before, after} <= {"pets@0", "pets@1", "pets@2"}:
            raise VersionNotFound(f"{before} or {after} is no version")
        return {
            "before": before,
            "after": after,
            "changes": list(self.changes),
            "by_slice": {"first": 1},
            "features": {},
        }


@dataclass
class PlantedTeam:
    """The figures of the planted desk, as they are now; a `burnish.review.ports.Team`."""

    engine: Engine
    ledger: SqlLedger
    batches: PlantedBatches

    def figures(self, dataset: str, *, open_gold: bool = True) -> Figures:
        batch, gold = self.batches.open(dataset), self.batches.known_answers(dataset)
        since = (batch.iteration, batch.watermark.event_id) if batch else None
        return read_figures(
            self.engine, self.ledger, dataset, gold=gold, open_since=since, open_gold=open_gold
        )

    def worth(self, dataset: str) -> Worth:
        raise NotImplementedError


FACTS = (
    "decision",
    "from_label",
    "to_label",
    "author",
    "role",
    "reason",
    "comment",
    "evidence",
    "supersedes",
)


@dataclass
class PlantedDesk:
    """The application, what lies behind it, and a client for each person."""

    app: FastAPI
    desk: Desk
    ledger: SqlLedger
    batches: PlantedBatches
    examples: PlantedExamples
    accounts: Accounts
    clock: Now

    def program(self, name: str) -> TestClient:
        """A client that asks with a token of this person."""
        token = self.accounts.make_token(name, "test", by=name).secret
        client = TestClient(
            self.app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False
        )
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def answer(self, name: str, **said: Any) -> dict[str, Any]:
        """Have a person take the next item and answer it; the response's body."""
        client = self.program(name)
        lease = client.post("/api/v1/datasets/pets/leases", json={}).json()
        place = f"/api/v1/datasets/pets/leases/{lease['token']}/answer"
        done = client.post(place, json=said)
        assert done.status_code == 200, done.text
        return done.json()


def plant(
    folder: Path,
    *,
    policy: Policy = BLIND,
    rows: Sequence[Mapping[str, Any]] = ROWS,
    classes: Sequence[str] = ("cat", "dog"),
    texts: Mapping[str, str] | None = None,
    changes: Sequence[Mapping[str, Any]] = (),
    people: Mapping[str, str] = PEOPLE,
    **settings: Any,
) -> PlantedDesk:
    """A desk in a folder, with `PEOPLE` and a batch of `rows`."""
    clock = Now()
    engine = open_database(folder / "burnish.db")
    accounts = Accounts(engine, clock=clock, passwords=CHEAP)
    for name, role in people.items():
        accounts.add_person(name, role, by="root", password=PASSWORD)  # type: ignore[arg-type]
    ledger = SqlLedger(engine, clock=clock)
    batches = PlantedBatches(policy, rows, classes)
    examples = PlantedExamples([row["example_id"] for row in rows], ledger, texts or {}, changes)
    desk = Desk(engine, ledger, batches, clock=clock)
    team = PlantedTeam(engine, ledger, batches)
    app = make_app(accounts, desk=desk, examples=examples, team=team, **settings)
    return PlantedDesk(app, desk, ledger, batches, examples, accounts, clock)
