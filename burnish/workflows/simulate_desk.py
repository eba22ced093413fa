"""Simulated people at the desk: they work a batch through its HTTP API, as any program could.

What belongs here: the client, and people who know the truth and err. What does not: the simulated
reviewer of `burnish loop`, who needs no desk, or loading a truth (`burnish.workflows.simulate`).

They are blind as people are: the API tells neither the label as it stands nor what the model thinks
of it. So they do not fall for either; where one errs, it is for any other class alike. Add them as
simulated people (`burnish review person add NAME --simulated`): the ledger marks their verdicts.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from burnish.acquisition import seeded_keys
from burnish.errors import ReviewConflict, ReviewError

TIMEOUT = 60.0
# A proxy of the environment knows nothing of this machine's loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class SimulatedPerson:
    """Somebody with an API token who names the true label with probability `accuracy`."""

    name: str
    token: str
    accuracy: float = 0.95


@dataclass
class Worked:
    """What came of it: answers by person, and decisions, approvals and conflicts in all."""

    answers: dict[str, int] = field(default_factory=dict[str, int])
    decided: int = 0
    approved: int = 0
    conflicts: int = 0


class DeskClient:
    """The desk at an address, asked on behalf of whom the token stands for.

    Where the desk has no login, the token is empty.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What `/api/v1{path}` answers, None where it is empty.

        Raises `ReviewConflict` where somebody was first, `ReviewError` for whatever else is refused
        and where nobody answers.
        """
        request = urllib.request.Request(  # noqa: S310
            f"{self._url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=self._headers,
        )
        try:
            with _OPENER.open(request, timeout=TIMEOUT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise _refused(error) from error
        except OSError as error:
            raise ReviewError(
                f"the desk at {self._url} does not answer: {error}",
                hint="start it with `burnish review serve`, and give its address",
            ) from error
        return json.loads(text) if text else None


def simulated_reviewers(
    url: str,
    dataset: str,
    *,
    annotators: Sequence[SimulatedPerson],
    reviewers: Sequence[SimulatedPerson] = (),
    truth: Mapping[str, str],
    random_state: int = 0,
) -> Worked:
    """Have simulated people work the open batch of a dataset until nothing is left for them.

    Annotators answer in turn, one item each; then the reviewers decide what was disagreed about,
    approve what they would have said themselves, and decide the rest of what was submitted. An
    answer depends on the row, the round, who gives it and `random_state` only. Raises `ReviewError`
    for a row without truth, and where the desk refuses one of them.
    """
    batch = DeskClient(url, annotators[0].token).ask("GET", f"/datasets/{quote(dataset)}")
    desk = _Simulation(url, dataset, truth, batch["classes"], random_state)
    working = list(annotators)
    while working:
        working = [person for person in working if desk.answers_one(person)]
    for person in reviewers:
        desk.reviews(person)
    return desk.worked


@dataclass
class _Simulation:
    """One batch that simulated people work on."""

    url: str
    dataset: str
    truth: Mapping[str, str]
    classes: Sequence[str]
    random_state: int
    worked: Worked = field(default_factory=Worked)

    def answers_one(self, person: SimulatedPerson) -> bool:
        """Whether there was an item for this person, who has answered it."""
        lease = self._ask(person, "POST", "/leases", {})
        if lease is None:
            return False
        label = self._opinion(person, lease["example_id"], lease["round"])
        try:
            self._ask(person, "POST", f"/leases/{lease['token']}/answer", {"label": label})
        except ReviewConflict:
            self.worked.conflicts += 1
            return True
        self.worked.answers[person.name] = self.worked.answers.get(person.name, 0) + 1
        return True

    def reviews(self, person: SimulatedPerson) -> None:
        """Decide or approve what waits for this reviewer."""
        while waiting := self._waiting(person):
            for item in waiting:
                self._reviews_one(person, item)

    def _waiting(self, person: SimulatedPerson) -> list[dict[str, Any]]:
        found = self._ask(person, "GET", "/inbox")
        return [item for item in found if item["state"] in {"disagreed", "submitted"}]

    def _reviews_one(self, person: SimulatedPerson, item: Mapping[str, Any]) -> None:
        name, act = (
            item["example_id"],
            {"example_id": item["example_id"], "after": item["last_seq"]},
        )
        label = self._opinion(person, name, item["round"])
        agrees = item["state"] == "submitted" and self._agreed(person, name) == label
        try:
            if agrees:
                self._ask(person, "POST", "/approvals", act)
            else:
                self._ask(person, "POST", "/decisions", act | {"label": label})
        except ReviewConflict:
            self.worked.conflicts += 1
            return
        self.worked.approved += agrees
        self.worked.decided += not agrees

    def _agreed(self, person: SimulatedPerson, example_id: str) -> str | None:
        seen = self._ask(person, "GET", f"/item?example_id={quote(example_id, safe='')}")
        said = [event["label"] for event in seen["events"] if event["action"] == "answer"]
        return said[-1] if said else None

    def _opinion(self, person: SimulatedPerson, example_id: str, number: int) -> str:
        right = self.truth.get(example_id)
        if right is None:
            raise ReviewError(
                f"the truth of {example_id!r} is not known",
                expected="a true label for every row of the batch",
            )
        salt = f"{person.name} in round {number}"
        [key] = seeded_keys([example_id], salt=salt, random_state=self.random_state).tolist()
        rng = np.random.default_rng(key)
        others = sorted(set(self.classes) - {right})
        if rng.random() < person.accuracy or not others:
            return right
        return others[int(rng.integers(len(others)))]

    def _ask(
        self, person: SimulatedPerson, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        client = DeskClient(self.url, person.token)
        return client.ask(method, f"/datasets/{quote(self.dataset)}{path}", body)


def _refused(error: urllib.error.HTTPError) -> ReviewError:
    try:
        told: dict[str, str] = json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        told = {"found": f"the desk answers {error.code}"}
    kind = ReviewConflict if error.code == 409 else ReviewError
    found = str(told.get("found", error.code))
    return kind(found, expected=str(told.get("expected", "")), hint=str(told.get("hint", "")))
