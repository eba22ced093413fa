"""Answers that were given in another tool, taken in as if they had been given at the desk.

What belongs here: the door that they come in by, and what becomes of each. What does not: files and
servers of other tools (`burnish.workflows.tool_exchange` and its siblings), or when an item is
settled (`burnish.review.states`).

An answer is told by its tool's own number and time, so the same file twice is the same as once.
Whoever changes their answer in the tool has the earlier one taken back and the new one taken in,
as they would do it here. Where the tool has no times, what somebody has replaced since is not
taken from a file again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from burnish.database import reading, utc_text
from burnish.errors import ReviewError
from burnish.review import events
from burnish.review.acting import (
    Act,
    Scene,
    check_open,
    decided_outside,
    no_item,
    outside_words,
    perform,
    scene_with,
    withdraw,
)
from burnish.review.ground import Ground
from burnish.review.items import find, is_held_out
from burnish.review.records import DeskEvent, OpenBatch, Origin, Person, Policy, Said
from burnish.review.saying import check_storable, complete
from burnish.review.states import Standing, refusal, stand, takes_late

Outcome = Literal["taken", "changed", "known", "older", "decided", "beyond"]
AT_ONCE = 100
"""Answers of one transaction: people at the desk wait for their turn to write meanwhile."""


@dataclass(frozen=True)
class Brought:
    """What somebody said of an example in another tool."""

    example_id: str
    person: Person
    said: Said
    origin: Origin


class Bringing(Ground):
    """The door of the desk that answers from other tools come in by."""

    def faults(self, dataset: str, answers: Sequence[Brought]) -> Iterator[tuple[int, str]]:
        """What cannot be taken as it is: the place in `answers`, and why."""
        batch = self.batch(dataset)
        with reading(self._engine) as connection:
            for place, one in enumerate(answers):
                try:
                    _fit(connection, batch, one)
                except ReviewError as error:
                    expected = f" (expected: {error.expected})" if error.expected else ""
                    yield place, f"{error.found}{expected}"

    def bring(self, dataset: str, answers: Sequence[Brought]) -> list[Outcome]:
        """Take answers in, in their order; what became of each.

        `taken` is new, `changed` takes the place of an earlier one of the same person, `known` was
        taken before, `older` is behind what the person has said since. `decided` was decided
        otherwise meanwhile: by a reviewer, in a file, or because its row has left the batch.
        `beyond` is more than the policy asks for: an earlier answer of theirs stays then.

        A hundred are taken at a time: should it end before all are, bringing them again goes on.
        Raises `ReviewError` for what `faults` names, and `ReviewConflict` where the batch closes.
        """
        batch = self._looked_outside(self.batch(dataset))
        known = self._known_answers(batch)

        def work(connection: Connection, some: Sequence[Brought]) -> list[Outcome]:
            now = self._clock()
            return [self._bring(connection, batch, one, known, now) for one in some]

        found: list[Outcome] = []
        for start in range(0, len(answers), AT_ONCE):
            some = answers[start : start + AT_ONCE]
            found += self._transact(lambda c, some=some: work(c, some))
        return found

    def _bring(
        self,
        connection: Connection,
        batch: OpenBatch,
        one: Brought,
        known: Mapping[str, str],
        now: datetime,
    ) -> Outcome:
        key = _key(batch, one)
        if events.keyed(connection, key) is not None:
            return _as_before(self._scene(connection, batch, one.example_id), one)
        scene = self._scene(connection, batch, one.example_id)
        check_open(scene)
        own = _own(scene, one.person)
        stays = "" if own is None else _stays(scene, own, one)
        if stays:
            return stays
        decided = decided_outside(scene)
        if decided is not None:
            withdraw(scene, outside_words(decided))
            return "decided"
        if own is not None and not self._asks_after(scene, own, one.person):
            # Others have settled it: what somebody said stays rather than nothing of theirs.
            return "beyond"
        if own is not None:
            back = Act("undo", one.person, f"undo:{own.seq}", undoes=own)
            item = perform(scene, back, known=known).item
            scene = scene_with(connection, self._ledger, batch, item, now)
        if not _asks(scene.standing, batch.policy, one.person):
            return "decided" if scene.standing.state == "withdrawn" else "beyond"
        said = complete(one.said, scene.item, batch, shown=_has_seen(scene, one.person))
        check_storable(said, scene.item, one.person)
        perform(scene, Act("answer", one.person, key, said, origin=one.origin), known=known)
        return "taken" if own is None else "changed"

    @staticmethod
    def _asks_after(scene: Scene, own: DeskEvent, person: Person) -> bool:
        """Whether the item asks somebody again once their answer `own` is taken back."""
        left = stand([one for one in scene.events if one.seq != own.seq], scene.batch.policy)
        return _asks(left, scene.batch.policy, person)


def count_outcomes(outcomes: Sequence[Outcome]) -> Counter[Outcome]:
    """How many there are of each.

    >>> count_outcomes(["taken", "known", "taken"])["taken"]
    2
    """
    return Counter(outcomes)


def _fit(connection: Connection, batch: OpenBatch, one: Brought) -> None:
    item = find(connection, batch.dataset, batch.iteration, one.example_id)
    if item is None:
        raise no_item(batch, one.example_id)
    check_storable(complete(one.said, item, batch, shown=False), item, one.person)


def _asks(standing: Standing, policy: Policy, person: Person) -> bool:
    return not refusal(standing, "answer", person) or takes_late(standing, policy, person)


def _own(scene: Scene, person: Person) -> DeskEvent | None:
    """The answer of this person that stands in this round."""
    return next((e for e in scene.standing.answers if e.actor.name == person.name), None)


def _stays(scene: Scene, own: DeskEvent, one: Brought) -> Literal["", "known", "older", "decided"]:
    """Why the answer that somebody has given stays; empty where the new one replaces it."""
    if own.said is not None and _means(own.said) == _means(one.said):
        return "known"
    before = (own.origin and own.origin.answered_at) or own.at
    if one.origin.answered_at is not None and one.origin.answered_at <= before:
        return "older"
    return "decided" if refusal(scene.standing, "undo", one.person, undoes=own) else ""


def _as_before(scene: Scene, one: Brought) -> Outcome:
    """What is known already; `older` where the person says something else by now."""
    own = _own(scene, one.person)
    same = own is None or own.said is None or _means(own.said) == _means(one.said)
    return "known" if same else "older"


def _means(said: Said) -> tuple[str | None, str, str]:
    """What tells two answers apart: keep and change are told by the label alone."""
    word = "" if said.label is not None else said.decision
    return said.label, word, said.comment.strip()


def _has_seen(scene: Scene, person: Person) -> bool:
    """Whether somebody has answered it here before, where label and model are shown afterwards."""
    if is_held_out(scene.item):
        return False
    here = (event for event in scene.events if event.origin is None and event.action == "answer")
    return any(event.actor.name == person.name for event in here)


def _key(batch: OpenBatch, one: Brought) -> str:
    """What makes an answer once: the tool's own number and time, or else who said what.

    A number and a time are one answer by whatever name its author goes: a file may know them as
    `user 3`, and the server by their address.
    """
    origin = one.origin
    at = "" if origin.answered_at is None else utc_text(origin.answered_at)
    facts: tuple[object, ...] = (origin.tool, origin.task, origin.annotation, at)
    if not (origin.annotation and at):
        facts = (*facts, one.person.name, *_means(one.said))
    return events.action_key("answer", batch.dataset, batch.iteration, one.example_id, *facts)
