"""One thing done to one item, in one transaction: its event, its row, the ledger, the leases.

What belongs here: what happens together whenever anything is done. What does not: who may do what
when (`burnish.review.states`), what the ledger is told (`burnish.review.settling`), and the doors
that people come through (`burnish.review.desk`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from burnish.errors import ItemNotFound, NotAllowed, ReviewConflict
from burnish.ledger import SqlLedger
from burnish.records import LabelEvent, Watermark
from burnish.review import events, items, leases, settling
from burnish.review.glancing import Glance
from burnish.review.records import (
    Action,
    Answered,
    DeskEvent,
    Item,
    OpenBatch,
    Origin,
    Person,
    Said,
)
from burnish.review.states import DESK, Standing, forbidden, refusal, stand
from burnish.versions.schema import iterations

ASKING = frozenset({"open", "rework"})
REASONS: Mapping[Action, str] = {"undo": "undo", "answer": "answers differ"}
"""Why the ledger takes back what it was told of an item, by what was done to it."""

_CLOSED = select(iterations.c.closed_at).where(
    iterations.c.dataset == bindparam("of_dataset"),
    iterations.c.number == bindparam("of_iteration"),
)


@dataclass(frozen=True)
class Scene:
    """An item as a transaction found it: its events, its standing, and what a glance told."""

    connection: Connection
    ledger: SqlLedger
    batch: OpenBatch
    item: Item
    events: tuple[DeskEvent, ...]
    standing: Standing
    now: datetime
    glance: Glance | None = None

    @property
    def appended(self) -> frozenset[int]:
        """The numbers of the ledger's events that the desk appended for this item."""
        return frozenset(number for event in self.events for number in event.ledger_events)


@dataclass(frozen=True)
class Act:
    """What somebody is about to do; `key` makes it once, `guide` is the version before them."""

    action: Action
    actor: Person
    key: str
    said: Said | None = None
    comment: str = ""
    undoes: DeskEvent | None = None
    guide: int | None = None
    origin: Origin | None = None


def scene_of(
    connection: Connection, ledger: SqlLedger, batch: OpenBatch, example_id: str, now: datetime
) -> Scene:
    """The item of an open batch; raises `ItemNotFound` where it has no such row."""
    item = items.find(connection, batch.dataset, batch.iteration, example_id)
    if item is None:
        raise no_item(batch, example_id)
    return scene_with(connection, ledger, batch, item, now)


def no_item(batch: OpenBatch, example_id: str) -> ItemNotFound:
    """The error of an example that an open batch has not."""
    return ItemNotFound(
        f"the open batch of {batch.dataset} has no example {example_id!r}",
        expected="an example that the queue lists",
    )


def scene_with(
    connection: Connection,
    ledger: SqlLedger,
    batch: OpenBatch,
    item: Item,
    now: datetime,
    *,
    glance: Glance | None = None,
) -> Scene:
    """The scene of an item that this transaction has just read, at a `glance` or by itself."""
    done: tuple[DeskEvent, ...] = ()
    if item.last_seq:
        done = tuple(
            events.of_item(connection, batch.dataset, item.example_id, iteration=batch.iteration)
        )
    return Scene(connection, ledger, batch, item, done, stand(done, batch.policy), now, glance)


def check(scene: Scene, act: Act) -> None:
    """Raise `NotAllowed` where it is not for this person, `ReviewConflict` where it is too late."""
    why = forbidden(scene.standing, act.action, act.actor, undoes=act.undoes)
    if why:
        raise NotAllowed(
            f"{act.action} of {scene.item.example_id!r}: {why}", hint="somebody else has to do it"
        )
    why = refusal(scene.standing, act.action, act.actor, undoes=act.undoes)
    if why:
        raise ReviewConflict(
            f"{act.action} of {scene.item.example_id!r}: {why}", hint="look at the item again"
        )


def check_open(scene: Scene) -> None:
    """Raise `ReviewConflict` where the iteration was closed since the batch was looked up.

    In the transaction itself: what is said then would be in no version of the labels.
    """
    batch = scene.batch
    if _is_closed(scene):
        raise ReviewConflict(
            f"the batch of {batch.dataset}, iteration {batch.iteration}, has just been closed",
            hint="what is asked in the next batch can be answered there",
        )


def _is_closed(scene: Scene) -> bool:
    if scene.glance is not None:
        return scene.glance.closed
    of = {"of_dataset": scene.batch.dataset, "of_iteration": scene.batch.iteration}
    return scene.connection.scalar(_CLOSED, of) is not None


def perform(scene: Scene, act: Act, *, known: Mapping[str, str]) -> Answered:
    """Do what was checked. `known` are the known answers of gold items."""
    connection, batch, item = scene.connection, scene.batch, scene.item
    event = DeskEvent(
        seq=scene.glance.newest_seq + 1 if scene.glance else events.next_seq(connection),
        example_id=item.example_id,
        actor=act.actor,
        action=act.action,
        at=scene.now,
        said=act.said,
        comment=act.said.comment if act.said else act.comment,
        undoes=act.undoes.seq if act.undoes else None,
        round=scene.standing.round,
        guide=act.guide,
        origin=act.origin,
    )
    after = stand([*scene.events, event], batch.policy)
    told = _tell(scene, act, after, known.get(item.example_id))
    event = replace(event, ledger_events=told)
    events.add(connection, event, dataset=batch.dataset, iteration=batch.iteration, key=act.key)
    item = items.update(connection, item, after, batch.policy, scene.now)
    if item.state in ASKING:
        held = leases.of_item(connection, batch, item.example_id)
        # Whoever has answered holds the item no more.
        done = [one.token for one in held if one.person in after.people]
        leases.end(connection, done)
        left = [one for one in held if one.token not in done]
        leases.make_room(connection, left, places=item.places, now=scene.now)
    else:
        leases.end_of_item(connection, batch, item.example_id)
    return Answered(event, item, ledger_events=told)


def decided_outside(scene: Scene) -> LabelEvent | None:
    """The ledger's event on the item that stands and is not the desk's, since the batch opened."""
    if scene.glance is not None and not scene.glance.spoken:
        return None
    since = scene.batch.watermark.event_id
    item = scene.item
    course = scene.ledger.course(scene.connection, item.dataset, item.example_id, after=since)
    if not course:
        return None
    undone, ours = settling.undone_by(course), scene.appended
    others = [
        event
        for event in course
        if event.event_id not in ours
        and event.event_id not in undone
        and "undoes" not in event.verdict.evidence
    ]
    return others[-1] if others else None


def withdraw(scene: Scene, why: str) -> None:
    """Take an item from the desk, if it has not been settled there or taken from it before."""
    if scene.standing.state not in {"settled", "withdrawn"}:
        housekeep(scene, "withdraw", why)


def housekeep(scene: Scene, action: Action, why: str) -> Answered:
    """What the desk does by itself."""
    batch, item = scene.batch, scene.item
    key = events.action_key(
        action, batch.dataset, batch.iteration, item.example_id, item.last_seq, DESK.name
    )
    return perform(scene, Act(action, DESK, key, comment=why), known={})


def outside_words(event: LabelEvent) -> str:
    """Who decided outside of the desk, and in which event."""
    return f"{event.verdict.author} decided it outside the desk (event {event.event_id})"


def _tell(scene: Scene, act: Act, after: Standing, known: str | None) -> tuple[int, ...]:
    """Append to the ledger what follows from it, and return the numbers of the events."""
    before, item, dataset = scene.standing, scene.item, scene.batch.dataset
    back = []
    if act.action == "answer" and before.state == after.state == "settled":
        # One more who says the same: nothing is taken back, and theirs alone is new.
        after = replace(after, said=after.said[-1:])
    elif before.state == "settled":
        course = scene.ledger.course(scene.connection, dataset, item.example_id)
        reason = REASONS.get(act.action, "sent back")
        back = settling.undos(course, sorted(scene.appended), actor=act.actor, reason=reason)
    new = []
    if after.state == "settled":
        # Where nothing is restated, no number of an event is named.
        newest = 0 if known is None else _head(scene).event_id
        new = settling.verdicts(item, after, known=known, after=newest + len(back))
    if not back and not new:
        return ()
    head = scene.glance.head if scene.glance else None
    appended = scene.ledger.appending(dataset, [*back, *new], head=head)(scene.connection)
    return tuple(event.event_id for event in appended)


def _head(scene: Scene) -> Watermark:
    if scene.glance is not None:
        return scene.glance.head
    return scene.ledger.newest(scene.connection, scene.batch.dataset)
