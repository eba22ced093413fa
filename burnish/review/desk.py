"""The desk: what people and programs do with the rows of open batches, pages and API alike.

What belongs here: the doors that change something, each one transaction. What does not: the life of
an item (`burnish.review.states`), what happens together (`burnish.review.acting`), who may come in
(`burnish.review.accounts`), and what is shown (`burnish.review.pages_label` and its siblings).

Every door may raise `ItemNotFound` (no batch is open, or no such row), `ReviewConflict` (somebody
else or another tab was first), `NotAllowed`, and `ReviewError` for what cannot be taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from burnish.errors import NotAllowed, ReviewConflict, ReviewError
from burnish.review import arranging, events, items, syncing
from burnish.review.acting import (
    Act,
    Scene,
    check,
    check_open,
    decided_outside,
    outside_words,
    perform,
    scene_with,
    withdraw,
)
from burnish.review.bringing import Bringing
from burnish.review.glancing import at_lease
from burnish.review.guiding import Guiding, fit_guide
from burnish.review.items import is_held_out
from burnish.review.leasing import Leasing, lease_of
from burnish.review.reading import Reading
from burnish.review.records import (
    ROLES_HINT,
    Action,
    Answered,
    DeskEvent,
    OpenBatch,
    Person,
    Said,
)
from burnish.review.saying import check_storable, complete, fit_comment, is_name
from burnish.review.sharing import Sharing
from burnish.review.states import refusal
from burnish.spec import Priority

LATEST = 50
"""How many of a person's newest answers are looked through for one that can be taken back."""


@dataclass(frozen=True)
class _Refused:
    """An error to be raised once what goes with it is stored."""

    error: ReviewError


class Desk(Leasing, Reading, Sharing, Guiding, Bringing):
    """Leases, answers and decisions on the rows of open batches; safe with many processes.

    `batches` tells of the open batches, `lease_seconds` how long an item is one person's; tables
    are created if absent.
    """

    # ------------------------------------------------------------ answers

    def answer(
        self, dataset: str, person: Person, token: str, said: Said, *, guide: int | None = None
    ) -> Answered:
        """Take what a person says of the item that they lease.

        `guide` is the version of the labeling guide that was before them, None where none was. The
        same answer again under the same token is the one that was taken (`known`).
        """
        batch = self.batch(dataset)
        known = self._known_answers(batch)

        def work(connection: Connection) -> Answered | _Refused:
            glance = at_lease(connection, batch, person, token) if is_name(token) else None
            before = events.keyed(connection, token) if glance is None and is_name(token) else None
            if before is not None:
                return _again(connection, batch, before, person, said)
            lease = glance.lease if glance else lease_of(connection, batch, person, token)
            scene = scene_with(
                connection, self._ledger, batch, lease.item, self._clock(), glance=glance
            )
            full = complete(said, scene.item, batch, shown=lease.shown or _has_seen(scene, person))
            check_storable(full, scene.item, person)
            version = fit_guide(connection, batch.dataset, guide)
            return _do(scene, Act("answer", person, token, full, guide=version), known)

        answered = self._done(work)
        self._heard(batch, answered.ledger_events)
        return answered

    def undo(self, dataset: str, person: Person, *, seq: int | None = None) -> Answered:
        """Take one's own answer back: the event `seq`, or the newest that can be taken back.

        Where it had settled the item, the ledger takes back what it was told. With `seq` it is
        done once, however often it is asked for.
        """
        batch = self.batch(dataset)
        known = self._known_answers(batch)

        def work(connection: Connection) -> Answered | _Refused:
            if seq is None:
                scene, event = self._to_undo(connection, batch, person)
            else:
                before = events.keyed(connection, _undo_key(seq))
                if before is not None and before[0].actor.name == person.name:
                    return _as_known(connection, batch, before[0])
                event = events.numbered(connection, batch.dataset, batch.iteration, seq)
                if person.role == "annotator" and event.actor.name != person.name:
                    # That it is there, and whose it is, would tell how many have answered.
                    raise events.no_event(dataset, seq)
                scene = self._scene(connection, batch, event.example_id)
            return _do(scene, Act("undo", person, _undo_key(event.seq), undoes=event), known)

        return self._done(work)

    # ------------------------------------------------------------ reviews

    def decide(
        self,
        dataset: str,
        person: Person,
        example_id: str,
        said: Said,
        *,
        after: int,
        guide: int | None = None,
    ) -> Answered:
        """A reviewer's own decision on a disagreed or submitted item, which settles it.

        `after` is the item's `last_seq` as the reviewer saw it, here and in the next three. `guide`
        is the version of the labeling guide that was before them.
        """
        return self._review(
            "decide", dataset, person, example_id, after=after, said=said, guide=guide
        )

    def approve(
        self, dataset: str, person: Person, example_id: str, *, after: int, comment: str = ""
    ) -> Answered:
        """A reviewer finds a submitted item right, which settles it."""
        return self._review("approve", dataset, person, example_id, after=after, comment=comment)

    def send_back(
        self, dataset: str, person: Person, example_id: str, *, after: int, comment: str
    ) -> Answered:
        """Ask those who answered to do so again, with a comment; also of a settled item."""
        if not comment.strip():
            raise ReviewError("an item is sent back without a comment", expected="what to look at")
        return self._review("send_back", dataset, person, example_id, after=after, comment=comment)

    def release(self, dataset: str, person: Person, example_id: str, *, after: int) -> Answered:
        """Let anybody answer an item in rework, as when those who were asked are gone."""
        return self._review("release", dataset, person, example_id, after=after)

    # ------------------------------------------------------------ batches

    def set_owner(self, dataset: str, person: Person, owner: str) -> None:
        """Name who looks after the open batch; for reviewers."""
        _require_reviewer(person, "the owner of a batch is named")
        batch, name = self.batch(dataset), _fit_name(owner)
        now = self._clock()
        self._transact(lambda c: syncing.set_owner(c, batch, name, actor=person.name, at=now))

    def assign(
        self, dataset: str, person: Person, example_ids: Sequence[str], assignee: str
    ) -> int:
        """Ask somebody first for these items (an empty name: nobody); returns how many there were.

        A place of an assigned item is kept for whom it is assigned to. For reviewers.
        """
        _require_reviewer(person, "items are assigned")
        batch, name = self.batch(dataset), _fit_name(assignee)
        ids = sorted({one for one in example_ids if is_name(one)})
        to, now = dict.fromkeys(ids, name), self._clock()
        return self._transact(
            lambda c: arranging.assign(c, batch, to, actor=person.name, why="by hand", at=now)
        )

    def set_priority(
        self, dataset: str, person: Person, example_ids: Sequence[str], priority: Priority
    ) -> int:
        """Say how urgent these items are, and with it by when they are due. For reviewers.

        Returns how many of them wait at the desk; what is settled stays as it was.
        """
        _require_reviewer(person, "the priority of items is set")
        batch, now = self.batch(dataset), self._clock()
        ids = sorted({one for one in example_ids if is_name(one)})
        return self._transact(
            lambda c: arranging.set_priority(
                c, batch, ids, priority, actor=person.name, why="by hand", at=now
            )
        )

    # ------------------------------------------------------------ inside

    def _done(self, work: Callable[[Connection], Answered | _Refused]) -> Answered:
        done = self._transact(work)
        if isinstance(done, _Refused):
            raise done.error
        return done

    def _to_undo(
        self, connection: Connection, batch: OpenBatch, person: Person
    ) -> tuple[Scene, DeskEvent]:
        for event in events.of_person(
            connection, batch.dataset, batch.iteration, person.name, limit=LATEST
        ):
            scene = self._scene(connection, batch, event.example_id)
            if not refusal(scene.standing, "undo", person, undoes=event):
                return scene, event
        raise ReviewConflict(
            f"{person.name} has said nothing here that can be taken back",
            hint="what is settled by others or closed is changed by the next verdict on it",
        )

    def _review(
        self,
        action: Action,
        dataset: str,
        person: Person,
        example_id: str,
        *,
        after: int,
        said: Said | None = None,
        comment: str = "",
        guide: int | None = None,
    ) -> Answered:
        _require_reviewer(person, f"{action.replace('_', ' ')}: that")
        batch = self.batch(dataset)
        known = self._known_answers(batch)
        text = fit_comment(comment)
        seen = (example_id, after, person.name)
        key = events.action_key(action, batch.dataset, batch.iteration, *seen)

        def work(connection: Connection) -> Answered | _Refused:
            scene = self._scene(connection, batch, example_id)
            full = said and complete(said, scene.item, batch, shown=not is_held_out(scene.item))
            before = events.keyed(connection, key)
            if before is not None and _same(before[0], full, text):
                return _as_known(connection, batch, before[0])
            if scene.item.last_seq != after:
                raise _moved(scene, after)
            if full is not None:
                check_storable(full, scene.item, person)
            version = fit_guide(connection, batch.dataset, guide)
            return _do(scene, Act(action, person, key, full, text, guide=version), known)

        return self._done(work)


def _has_seen(scene: Scene, person: Person) -> bool:
    """Whether somebody has answered the item before: label and model are shown after an answer.

    Also where the answer was taken back or sent back: the next one is not blind, whoever asks. Of a
    held-out row nothing is shown at any time.
    """
    if is_held_out(scene.item):
        return False
    return any(e.action == "answer" and e.actor.name == person.name for e in scene.events)


def _undo_key(seq: int) -> str:
    """What makes taking an event back once."""
    return f"undo:{seq}"


def _do(scene: Scene, act: Act, known: Mapping[str, str]) -> Answered | _Refused:
    check_open(scene)
    decided = decided_outside(scene)
    if decided is not None:
        withdraw(scene, outside_words(decided))
        return _Refused(
            ReviewConflict(
                f"{scene.item.example_id!r}: {outside_words(decided)}",
                hint="the desk asks no more about it",
            )
        )
    check(scene, act)
    return perform(scene, act, known=known)


def _again(
    connection: Connection,
    batch: OpenBatch,
    before: tuple[DeskEvent, str, int],
    person: Person,
    said: Said,
) -> Answered:
    event, dataset, iteration = before
    ours = (event.actor.name, dataset, iteration) == (person.name, batch.dataset, batch.iteration)
    # Reviews and undos have keys as well, and those are no tokens.
    if not ours or event.action != "answer" or event.said is None:
        raise ReviewConflict("this lease has ended", hint="take the next item")
    if events.keyed(connection, _undo_key(event.seq)) is not None:
        # Another tab has it on its screen still: "known" would mean that it stands.
        raise ReviewConflict(
            f"{person.name} has taken back what was said of {event.example_id!r} under this lease",
            hint="take the item again to answer it",
        )
    item = items.find(connection, dataset, iteration, event.example_id)
    assert item is not None
    full = complete(said, item, batch, shown=event.said.shown)
    if not _same(event, full, full.comment):
        words = event.said.label or event.said.decision
        raise ReviewConflict(
            f"{person.name} has said {words!r} of {event.example_id!r} already",
            hint="undo that answer to give another",
        )
    return Answered(event, item, known=True, ledger_events=event.ledger_events)


def _as_known(connection: Connection, batch: OpenBatch, event: DeskEvent) -> Answered:
    item = items.find(connection, batch.dataset, batch.iteration, event.example_id)
    assert item is not None
    return Answered(event, item, known=True, ledger_events=event.ledger_events)


def _same(event: DeskEvent, said: Said | None, comment: str) -> bool:
    """Whether the same was said before; how long it took does not matter."""
    if event.said is None or said is None:
        return event.said is said and event.comment == comment
    mine = (event.said.decision, event.said.label, event.said.comment)
    return mine == (said.decision, said.label, said.comment)


def _moved(scene: Scene, after: int) -> ReviewConflict:
    newest = scene.events[-1] if scene.events else None
    who = f"{newest.actor.name}: {newest.action}" if newest else "nothing was done to it yet"
    return ReviewConflict(
        f"{scene.item.example_id!r} is at event {scene.item.last_seq} ({who})",
        expected=f"event {after}, as it was seen",
        hint="look at the item again",
    )


def _require_reviewer(person: Person, what: str) -> None:
    if person.role == "annotator":
        raise NotAllowed(f"{what} by reviewers, and {person.name} is an annotator", hint=ROLES_HINT)


def _fit_name(name: str) -> str:
    text = name.strip()
    if text and not is_name(text):
        raise ReviewError(f"{text[:40]!r} is nobody's name", expected="a person's name, or nothing")
    return text
