"""The desk: what people and programs do with the rows of open batches, pages and API alike.

What belongs here: the doors, each one transaction. What does not: the life of an item
(`burnish.review.states`), what happens together (`burnish.review.acting`), who may come in
(`burnish.review.accounts`), and what is shown (`burnish.review.pages_label` and its siblings).

Every door may raise `ItemNotFound` (no batch is open, or no such row), `ReviewConflict` (somebody
else or another tab was first), `NotAllowed`, and `ReviewError` for what cannot be taken as it is.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from burnish.database import migrate, transact
from burnish.errors import ItemNotFound, NotAllowed, ReviewConflict, ReviewError
from burnish.ledger import SqlLedger
from burnish.review import choosing, events, items, leases, syncing
from burnish.review.acting import (
    ASKING,
    Act,
    Scene,
    check,
    check_open,
    decided_outside,
    outside_words,
    perform,
    scene_of,
    withdraw,
)
from burnish.review.ports import Batches
from burnish.review.records import (
    Action,
    Answered,
    DeskEvent,
    Filters,
    Item,
    Lease,
    OpenBatch,
    Person,
    Progress,
    Said,
)
from burnish.review.saying import check_storable, complete, fit_comment, is_name
from burnish.review.states import Standing, refusal
from burnish.spec import DatasetSpec
from burnish.typing import Clock

Result = TypeVar("Result")
LATEST = 50
"""How many of a person's newest answers are looked through for one that can be taken back."""


def _now() -> datetime:
    return datetime.now(UTC)


def _token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class _Refused:
    """An error to be raised once what goes with it is stored."""

    error: ReviewError


class Desk:
    """Leases, answers and decisions on the rows of open batches; safe with many processes.

    `make_token` makes the secrets that leases are named by. Tables are created if absent.
    """

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

    # ------------------------------------------------------------ batches

    def datasets(self) -> list[Progress]:
        """How far each open batch is, by the name of its dataset."""
        names = sorted(self._batches.datasets())
        return [self.progress(name) for name in names if self._batches.open(name) is not None]

    def batch(self, dataset: str) -> OpenBatch:
        """The open batch, its items as the queue has them; raises `ItemNotFound` where none is."""
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
        return replace(found, policy=kept.policy, queue_version=kept.queue_version)

    def progress(self, dataset: str) -> Progress:
        """How far people are with the open batch of a dataset, decisions made outside included."""
        batch = self._looked_outside(self.batch(dataset))
        with self._engine.connect() as connection:
            return Progress(
                batch=syncing.as_kept(connection, batch) or batch,
                states=items.states(connection, batch),
                leased=leases.count_live(connection, batch, self._clock()),
                by_person=events.counts(connection, batch.dataset, batch.iteration),
            )

    def spec(self, dataset: str) -> DatasetSpec:
        """The spec of a dataset, as the loop goes by it; pages find its pictures by that."""
        return self._batches.spec(dataset)

    def set_owner(self, dataset: str, person: Person, owner: str) -> None:
        """Name who looks after the open batch; for reviewers."""
        _require_reviewer(person, "the owner of a batch is named")
        batch, name = self.batch(dataset), _fit_name(owner)
        self._transact(lambda c: syncing.set_owner(c, batch, name))

    def assign(
        self, dataset: str, person: Person, example_ids: Sequence[str], assignee: str
    ) -> int:
        """Ask somebody first for these items (an empty name: nobody); returns how many there were.

        A place of an assigned item is kept for whom it is assigned to. For reviewers.
        """
        _require_reviewer(person, "items are assigned")
        batch, name = self.batch(dataset), _fit_name(assignee)
        ids = sorted({one for one in example_ids if is_name(one)})
        return self._transact(lambda c: items.assign(c, batch, ids, name))

    # ------------------------------------------------------------ leases

    def take(self, dataset: str, person: Person, *, beside: Sequence[str] = ()) -> Lease | None:
        """The next item that this person may answer, leased to them; None where nothing is left.

        Rework for them comes first, then what is assigned to them, then the others by position.
        What they hold already comes before all that, so that two tabs have the same item; `beside`
        are the tokens on their screen, next to which another is wanted.
        """
        batch = self.batch(dataset)

        def work(connection: Connection) -> Lease | None:
            now = self._clock()
            held = self._held(connection, batch, person, beside, now)
            return held or self._next(connection, batch, person, now)

        return self._transact(work)

    def lease(self, dataset: str, person: Person, token: str) -> Lease:
        """The lease of a token as it stands."""
        batch = self.batch(dataset)
        with self._engine.connect() as connection:
            return _lease_of(connection, batch, person, token)

    def renew(self, dataset: str, person: Person, token: str) -> Lease:
        """Let a lease last from now on; also one that has run out, while nobody has its place."""
        batch = self.batch(dataset)

        def work(connection: Connection) -> Lease:
            lease, held = (
                _lease_of(connection, batch, person, token),
                leases.find(connection, token),
            )
            assert held is not None
            return leases.renew(connection, held, self._clock(), self._lease_seconds).with_item(
                lease.item
            )

        return self._transact(work)

    def give_back(self, dataset: str, person: Person, token: str) -> None:
        """End a lease, so that somebody else gets the item; nothing where it has ended already."""
        batch = self.batch(dataset)

        def work(connection: Connection) -> None:
            held = leases.find(connection, token) if is_name(token) else None
            if held is not None and (held.person, held.dataset) == (person.name, batch.dataset):
                leases.end(connection, [token])

        self._transact(work)

    # ------------------------------------------------------------ answers

    def answer(self, dataset: str, person: Person, token: str, said: Said) -> Answered:
        """Take what a person says of the item that they lease.

        The same answer again under the same token is the one that was taken (`known`).
        """
        batch = self.batch(dataset)
        known = self._known_answers(batch)

        def work(connection: Connection) -> Answered | _Refused:
            before = events.keyed(connection, token) if is_name(token) else None
            if before is not None:
                return _again(connection, batch, before, person, said)
            lease = _lease_of(connection, batch, person, token)
            scene = self._scene(connection, batch, lease.item.example_id)
            full = complete(said, scene.item, batch, shown=lease.shown)
            check_storable(full, scene.item, person)
            return _do(scene, Act("answer", person, token, full), known)

        return self._done(work)

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
                before = events.keyed(connection, f"undo:{seq}")
                if before is not None and before[0].actor.name == person.name:
                    return _as_known(connection, batch, before[0])
                event = events.numbered(connection, batch.dataset, batch.iteration, seq)
                scene = self._scene(connection, batch, event.example_id)
            return _do(scene, Act("undo", person, f"undo:{event.seq}", undoes=event), known)

        return self._done(work)

    # ------------------------------------------------------------ reviews

    def decide(
        self, dataset: str, person: Person, example_id: str, said: Said, *, after: int
    ) -> Answered:
        """A reviewer's own decision on a disagreed or submitted item, which settles it.

        `after` is the item's `last_seq` as the reviewer saw it, here and in the next three.
        """
        return self._review("decide", dataset, person, example_id, after=after, said=said)

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

    # ------------------------------------------------------------ reading

    def items(
        self,
        dataset: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        offset: int = 0,
        limit: int = 50,
        among: Collection[str] | None = None,
    ) -> tuple[list[Item], int]:
        """Items of the open batch by position, and how many the filters leave in all.

        `among` are the examples of the slice that the filters name: the desk knows of none itself.
        """
        batch = self._looked_outside(self.batch(dataset))
        if not all(is_name(text) for text in _texts(filters) if text):
            return [], 0
        with self._engine.connect() as connection:
            wanted = items.condition(
                filters, now=self._clock(), dialect=self._engine.dialect.name, among=among
            )
            return items.listed(connection, batch, wanted, offset=offset, limit=limit)

    def item(self, dataset: str, example_id: str) -> Item:
        """One item: of the open batch, else of the latest one that had it."""
        with self._engine.connect() as connection:
            return self._item(connection, dataset, example_id)

    def events(self, dataset: str, example_id: str) -> list[DeskEvent]:
        """Everything that was done to an example at the desk, in all iterations, oldest first."""
        if not (is_name(dataset) and is_name(example_id)):
            return []
        with self._engine.connect() as connection:
            return events.of_item(connection, dataset, example_id)

    def standing(self, dataset: str, example_id: str) -> Standing:
        """Where an item of the open batch stands."""
        batch = self.batch(dataset)
        with self._engine.connect() as connection:
            return self._scene(connection, batch, example_id).standing

    def inbox(self, dataset: str, person: Person) -> list[Item]:
        """What waits for a person beyond new items, at most 200.

        Of a reviewer disagreed and submitted items that they have not answered themselves, and all
        in rework; of an annotator the rework that asks them.
        """
        batch = self._looked_outside(self.batch(dataset))
        with self._engine.connect() as connection:
            return items.inbox(connection, batch, person)

    def answered_by(self, dataset: str, name: str, *, limit: int = 20) -> list[DeskEvent]:
        """What somebody answered or decided in the open batch, and did not undo; newest first."""
        batch = self.batch(dataset)
        if not is_name(name):
            return []
        with self._engine.connect() as connection:
            return events.of_person(connection, batch.dataset, batch.iteration, name, limit=limit)

    # ------------------------------------------------------------ inside

    def _taken(self, found: OpenBatch) -> OpenBatch:
        with self._engine.connect() as connection:
            kept = syncing.as_kept(connection, found)
        if kept is not None and kept.queue_version >= found.queue_version:
            return kept
        rows = self._batches.queue(found)
        return syncing.take_queue(self._engine, self._ledger, found, rows, now=self._clock())

    def _looked_outside(self, batch: OpenBatch) -> OpenBatch:
        place = (batch.dataset, batch.iteration)
        after = self._looked.get(place, batch.watermark.event_id)
        self._looked[place] = syncing.look_outside(
            self._engine, self._ledger, batch, after=after, now=self._clock()
        )
        return batch

    def _known_answers(self, batch: OpenBatch) -> Mapping[str, str]:
        # They are kept when a queue is made, and do not change with it.
        place = (batch.dataset, batch.iteration, batch.queue_version)
        if place not in self._answers:
            self._answers[place] = self._batches.known_answers(batch.dataset)
        return self._answers[place]

    def _scene(self, connection: Connection, batch: OpenBatch, example_id: str) -> Scene:
        if not is_name(example_id):
            raise ItemNotFound(f"the open batch of {batch.dataset} has no example {example_id!r}")
        return scene_of(connection, self._ledger, batch, example_id, self._clock())

    def _item(self, connection: Connection, dataset: str, example_id: str) -> Item:
        named = is_name(dataset) and is_name(example_id)
        found = items.newest(connection, dataset, example_id) if named else None
        if found is None:
            raise ItemNotFound(f"no batch of {dataset!r} had an example {example_id!r}")
        return found

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        # Who waits for SQLite sleeps ever longer: threads of one process take turns instead.
        with self._turn:
            return transact(self._engine, work)

    def _done(self, work: Callable[[Connection], Answered | _Refused]) -> Answered:
        done = self._transact(work)
        if isinstance(done, _Refused):
            raise done.error
        return done

    def _held(
        self,
        connection: Connection,
        batch: OpenBatch,
        person: Person,
        beside: Sequence[str],
        now: datetime,
    ) -> Lease | None:
        for held in leases.of_person(connection, batch, person.name):
            if held.token in beside:
                continue
            item = items.find(connection, batch.dataset, batch.iteration, held.example_id)
            if item is not None and item.state in ASKING:
                renewed = leases.renew(connection, held, now, self._lease_seconds)
                return renewed.with_item(item)
            leases.end(connection, [held.token])
        return None

    def _next(
        self, connection: Connection, batch: OpenBatch, person: Person, now: datetime
    ) -> Lease | None:
        while True:
            item = choosing.next_item(connection, batch, person.name, now)
            if item is None:
                return None
            scene = scene_of(connection, self._ledger, batch, item.example_id, now)
            decided = decided_outside(scene)
            if decided is None:
                return self._leased(scene, person)
            withdraw(scene, outside_words(decided))

    def _leased(self, scene: Scene, person: Person) -> Lease:
        item, now = scene.item, scene.now
        held = leases.of_item(scene.connection, scene.batch, item.example_id)
        leases.make_room(scene.connection, held, places=item.places - 1, now=now)
        lease = leases.new(
            scene.batch,
            item,
            person.name,
            token=self._make_token(),
            now=now,
            seconds=self._lease_seconds,
        )
        leases.add(scene.connection, lease)
        return lease

    def _to_undo(
        self, connection: Connection, batch: OpenBatch, person: Person
    ) -> tuple[Scene, DeskEvent]:
        for event in events.of_person(
            connection, batch.dataset, batch.iteration, person.name, limit=LATEST
        ):
            scene = self._scene(connection, batch, event.example_id)
            if not refusal(scene.standing, "undo", person, undoes=event):
                return scene, event
        raise ReviewConflict(f"{person.name} has said nothing here that can be taken back")

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
    ) -> Answered:
        _require_reviewer(person, f"{action.replace('_', ' ')}: that")
        batch = self.batch(dataset)
        known = self._known_answers(batch)
        text = fit_comment(comment)
        seen = (example_id, after, person.name)
        key = events.action_key(action, batch.dataset, batch.iteration, *seen)

        def work(connection: Connection) -> Answered | _Refused:
            scene = self._scene(connection, batch, example_id)
            full = said and complete(said, scene.item, batch, shown=True)
            before = events.keyed(connection, key)
            if before is not None and _same(before[0], full, text):
                return _as_known(connection, batch, before[0])
            if scene.item.last_seq != after:
                raise _moved(scene, after)
            if full is not None:
                check_storable(full, scene.item, person)
            return _do(scene, Act(action, person, key, full, text), known)

        return self._done(work)


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


def _lease_of(connection: Connection, batch: OpenBatch, person: Person, token: str) -> Lease:
    held = leases.find(connection, token) if is_name(token) else None
    if held is not None and held.person == person.name and held.dataset == batch.dataset:
        item = items.find(connection, batch.dataset, held.iteration, held.example_id)
        if item is not None and held.iteration == batch.iteration:
            return held.with_item(item)
    raise ReviewConflict(
        "this lease has ended: the item was given to somebody else, answered, or its batch closed",
        hint="take the next item",
    )


def _again(
    connection: Connection,
    batch: OpenBatch,
    before: tuple[DeskEvent, str, int],
    person: Person,
    said: Said,
) -> Answered:
    event, dataset, iteration = before
    ours = (event.actor.name, dataset, iteration) == (person.name, batch.dataset, batch.iteration)
    if not ours:
        raise ReviewConflict("this lease has ended", hint="take the next item")
    item = items.find(connection, dataset, iteration, event.example_id)
    assert item is not None
    assert event.said is not None
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
        raise NotAllowed(f"{what} by reviewers, and {person.name} is an annotator")


def _fit_name(name: str) -> str:
    text = name.strip()
    if text and not is_name(text):
        raise ReviewError(f"{text[:40]!r} is nobody's name", expected="a person's name, or nothing")
    return text


def _texts(filters: Filters) -> list[str]:
    named = (filters.reason, filters.label, filters.suggested, filters.assignee, filters.text)
    return [*named, *filters.states]
