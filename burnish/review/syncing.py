"""Items follow the loop: rows of a queue come and leave, and decisions are made outside.

What belongs here: taking a queue to the desk, and what the ledger got from elsewhere. What does
not: making a queue (`burnish.workflows.queue`), and what people do at the desk
(`burnish.review.desk`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from burnish.database import reading, transact
from burnish.ledger import SqlLedger
from burnish.review import arranging, events, items, leases, settling
from burnish.review.acting import (
    Scene,
    decided_outside,
    housekeep,
    outside_words,
    scene_of,
    withdraw,
)
from burnish.review.promises import due_times
from burnish.review.records import OpenBatch, Policy
from burnish.review.schema import desk_batches, desk_items
from burnish.review.states import DESK, Standing, places

LEFT = "it left the queue"
AT_ONCE = 300
"""Items that are looked at in one transaction: others wait for their turn to write meanwhile."""

_C = desk_batches.c


@dataclass(frozen=True)
class Deal:
    """Whom to ask first for each example, and how that was found."""

    to: Mapping[str, str]
    why: str


def as_kept(connection: Connection, batch: OpenBatch) -> OpenBatch | None:
    """A batch by the policy that it was opened with and its owner now; None: not known yet."""
    query = select(desk_batches).where(*_is(batch))
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    policy = Policy(**json.loads(row["policy"]))
    version = row["queue_version"]
    return replace(batch, policy=policy, owner=row["owner"], queue_version=version)


def take_queue(
    engine: Engine,
    ledger: SqlLedger,
    batch: OpenBatch,
    rows: Sequence[Mapping[str, Any]],
    *,
    deal: Deal | None = None,
    now: datetime,
) -> OpenBatch:
    """Make the desk's items those of a queue: new ones are added, those that left withdrawn.

    Of the new ones those are asked first whom the deal names.
    """
    # Before it is our turn to write: of a large batch it takes as long as storing them.
    due = due_times(batch.promises, now)
    urgent = items.priorities_of(rows)
    made = [
        items.row_of(
            batch, row, now, priority=(own := urgent[row["example_id"]]), due_at=due.get(own)
        )
        for row in rows
    ]

    def work(connection: Connection) -> OpenBatch:
        kept = as_kept(connection, batch)
        if kept is not None and kept.queue_version >= batch.queue_version:
            return kept
        opened = batch if kept is None else replace(kept, queue_version=batch.queue_version)
        if kept is None:
            leases.end_others(connection, batch)
        _keep(connection, opened, now, known=kept is not None)
        before = _states(connection, opened)
        free = dict.fromkeys(("places", "spare"), places(Standing(), opened.policy))
        items.add(connection, [row | free for row in made if row["example_id"] not in before])
        if deal is not None:
            to = {one: name for one, name in deal.to.items() if one not in before}
            arranging.assign(connection, opened, to, actor=DESK.name, why=deal.why, at=now)
        names = {row["example_id"] for row in rows}
        for example_id, state in before.items():
            stays = example_id in names
            if not stays or state == "withdrawn":
                scene = scene_of(connection, ledger, opened, example_id, now)
                _come(scene) if stays else _leave(scene)
        return opened

    return transact(engine, work)


def look_outside(
    engine: Engine, ledger: SqlLedger, batch: OpenBatch, *, after: int, now: datetime
) -> int:
    """Heed what the ledger got from elsewhere beyond `after`; returns up to where it looked.

    What somebody decided is withdrawn from the desk, and comes back when they take it back. A
    settled item whose verdict was taken back is sent back to who answered it.
    """
    head = ledger.head(batch.dataset).event_id
    if head <= after:
        return after
    found = ledger.events(batch.dataset, after=after, until=head)
    ids = sorted({event.verdict.example_id for event in found})
    with reading(engine) as connection:
        ours: set[int] = set()
        for some in _parts(ids):
            ours |= events.appended(connection, batch.dataset, batch.iteration, some)
    others = sorted({e.verdict.example_id for e in found if e.event_id not in ours})
    for some in _parts(others):
        transact(engine, lambda c, some=some: _heed(c, ledger, batch, some, now))
    return head


def set_owner(
    connection: Connection, batch: OpenBatch, owner: str, *, actor: str, at: datetime
) -> None:
    """Name who looks after a batch."""
    before = connection.scalar(select(_C.owner).where(*_is(batch)))
    if before is None or before == owner:
        return
    connection.execute(desk_batches.update().where(*_is(batch)).values(owner=owner))
    line = (batch.dataset, batch.iteration, "", "owner", before, owner)
    arranging.note(connection, [line], actor=actor, why="by hand", at=at)


def _heed(
    connection: Connection, ledger: SqlLedger, batch: OpenBatch, ids: Iterable[str], now: datetime
) -> None:
    for example_id in ids:
        if items.find(connection, batch.dataset, batch.iteration, example_id) is not None:
            _heed_one(scene_of(connection, ledger, batch, example_id, now))


def _heed_one(scene: Scene) -> None:
    decided = decided_outside(scene)
    state = scene.standing.state
    if decided is not None:
        withdraw(scene, outside_words(decided))
    elif state == "withdrawn" and scene.events[-1].comment != LEFT:
        housekeep(scene, "restore", "the decision outside the desk was taken back")
    elif state == "settled" and _is_undone(scene):
        housekeep(scene, "send_back", "its verdict was taken back outside the desk")


def _is_undone(scene: Scene) -> bool:
    """Whether the last settlement of an item was taken back, though not by the desk."""
    item = scene.item
    course = scene.ledger.course(scene.connection, item.dataset, item.example_id)
    last = next(event.ledger_events for event in reversed(scene.events) if event.ledger_events)
    return bool(set(last) & settling.undone_by(course))


def _leave(scene: Scene) -> None:
    if scene.standing.state == "withdrawn" and scene.events[-1].comment != LEFT:
        # It must not come back with a decision outside that is taken back.
        housekeep(scene, "restore", LEFT)
        scene = _again(scene)
    withdraw(scene, LEFT)


def _come(scene: Scene) -> None:
    if scene.events[-1].comment == LEFT:
        housekeep(scene, "restore", "it is in the queue again")
        _heed_one(_again(scene))


def _again(scene: Scene) -> Scene:
    example_id = scene.item.example_id
    return scene_of(scene.connection, scene.ledger, scene.batch, example_id, scene.now)


def _keep(connection: Connection, batch: OpenBatch, now: datetime, *, known: bool) -> None:
    if known:
        new = {"queue_version": batch.queue_version}
        connection.execute(desk_batches.update().where(*_is(batch)).values(**new))
        return
    row = {
        "dataset": batch.dataset,
        "iteration": batch.iteration,
        "queue_version": batch.queue_version,
        "policy": json.dumps(asdict(batch.policy)),
        "owner": batch.owner,
        "opened_at": now,
    }
    connection.execute(desk_batches.insert(), row)


def _states(connection: Connection, batch: OpenBatch) -> dict[str, str]:
    query = select(desk_items.c.example_id, desk_items.c.state)
    found = connection.execute(query.where(items.of_batch(batch.dataset, batch.iteration)))
    return {example_id: state for example_id, state in found}  # noqa: C416 - rows are no pairs


def _is(batch: OpenBatch) -> tuple[Any, ...]:
    return _C.dataset == batch.dataset, _C.iteration == batch.iteration


def _parts(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE))
