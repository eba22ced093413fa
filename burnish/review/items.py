"""The rows of a batch at the desk: reading, listing, counting and updating them.

What belongs here: rows of `desk_items` and the records they stand for. What does not: how they come
from a queue (`burnish.review.syncing`), their life (`burnish.review.states`), and who gets which
next (`burnish.review.choosing`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import cast as cast_to

from burnish.records import HELD_OUT
from burnish.review.events import taken_back, there_is
from burnish.review.promises import priority_of, turn_of
from burnish.review.records import Filters, Item, OpenBatch, Person, Policy, State
from burnish.review.schema import desk_events, desk_items
from burnish.review.states import Standing, places
from burnish.spec import Priority

RANDOM_CHECK = "random check"
"""What everybody reads instead of one of `HIDDEN_REASONS`, while an item is not settled."""
HIDDEN_REASONS = ("control", "gold", HELD_OUT)
INBOX = 200
MOST = 10_000
"""Items that are listed at once at most."""
_AT_ONCE = 500
_NORMAL: Priority = "normal"
_C = desk_items.c


def shown_reason(item: Item) -> str:
    """Why an item is in the batch, as far as anybody may know before it is settled."""
    reason = str(item.facts.get("reason") or "")
    return RANDOM_CHECK if reason in HIDDEN_REASONS and item.state != "settled" else reason


def is_held_out(item: Item) -> bool:
    """Whether an item is a validation or test row, which is judged without its label."""
    return item.facts.get("reason") == HELD_OUT


def item_from(row: RowMapping) -> Item:
    """The item of a row."""
    return Item(
        dataset=row["dataset"],
        iteration=row["iteration"],
        example_id=row["example_id"],
        position=row["position"],
        state=cast("State", row["state"]),
        round=row["round"],
        answers=row["answers"],
        last_seq=row["last_seq"],
        updated_at=row["updated_at"],
        assignee=row["assignee"],
        note=row["note"],
        places=row["places"],
        facts=json.loads(row["facts"]),
        priority=cast("Priority", row["priority"]),
        due_at=row["due_at"],
    )


def priorities_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Priority]:
    """How urgent each row of a queue is, by example_id.

    Checks are as urgent as other rows of the queue, drawn: where an alarm asked for most of it,
    what is not urgent would be a check.

    >>> asked = {"reason": "requested", "why": "Asked for by policy: alarm 3: accuracy."}
    >>> priorities_of([asked | {"example_id": "a"}, {"example_id": "b", "reason": "gold"}])
    {'a': 'urgent', 'b': 'urgent'}
    """
    others: list[Priority] = [
        priority_of(row) for row in rows if row.get("reason") not in HIDDEN_REASONS
    ]
    found: dict[str, Priority] = {}
    told, drawn = iter(others), others or [_NORMAL]
    for row in rows:
        if row.get("reason") not in HIDDEN_REASONS:
            found[row["example_id"]] = next(told)
        else:
            found[row["example_id"]] = drawn[_draw(row, len(drawn))]
    return found


def _draw(row: Mapping[str, Any], count: int) -> int:
    text = json.dumps([row.get("iteration"), row["example_id"]])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % count


def row_of(
    batch: OpenBatch,
    facts: Mapping[str, Any],
    at: datetime,
    *,
    priority: Priority,
    due_at: datetime | None,
) -> dict[str, Any]:
    """The row of `desk_items` for a new row of a queue."""
    return {
        "dataset": batch.dataset,
        "iteration": batch.iteration,
        "example_id": facts["example_id"],
        "position": facts["position"],
        "state": "open",
        "round": 1,
        "answers": 0,
        "places": places(Standing(), batch.policy),
        "last_seq": 0,
        "assignee": "",
        "note": "",
        "reason": str(facts.get("reason") or ""),
        "label": facts.get("label"),
        "suggested_label": facts.get("suggested_label"),
        "facts": json.dumps(facts, default=str),
        "added_at": at,
        "updated_at": at,
        "spare": places(Standing(), batch.policy),
        "priority": priority,
        "due_at": due_at,
        "turn": turn_of(priority, facts["position"]),
    }


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new rows."""
    if not rows:
        return
    connection.execute(desk_items.insert(), rows)
    if connection.dialect.name == "postgresql":
        # It takes a batch that it has not counted for one row, and reads all of it for each.
        connection.exec_driver_sql("ANALYZE desk_items")


def of_batch(dataset: str, iteration: int) -> ColumnElement[bool]:
    """The SQL condition of an item to be in a batch."""
    return and_(_C.dataset == dataset, _C.iteration == iteration)


def find(connection: Connection, dataset: str, iteration: int, example_id: str) -> Item | None:
    """One item of a batch; None where it has no such row."""
    of = {"of_dataset": dataset, "of_iteration": iteration, "of_example": example_id}
    row = connection.execute(_FIND, of).mappings().first()
    return None if row is None else item_from(row)


def find_many(connection: Connection, batch: OpenBatch, ids: Sequence[str]) -> dict[str, Item]:
    """Some items of a batch by example, those that it has; few enough to be named."""
    wanted = and_(of_batch(batch.dataset, batch.iteration), _C.example_id.in_(ids))
    found = _read(connection, select(desk_items).where(wanted)) if ids else []
    return {item.example_id: item for item in found}


def newest(connection: Connection, dataset: str, example_id: str) -> Item | None:
    """The item of the latest batch that had the example; None where none had."""
    query = select(desk_items).where(_C.dataset == dataset, _C.example_id == example_id)
    row = connection.execute(query.order_by(_C.iteration.desc()).limit(1)).mappings().first()
    return None if row is None else item_from(row)


_IS = (
    _C.dataset == bindparam("of_dataset"),
    _C.iteration == bindparam("of_iteration"),
    _C.example_id == bindparam("of_example"),
)
# Made once: to put a query together takes longer than to run it.
_FIND = select(desk_items).where(*_IS)
_UPDATE = (
    desk_items.update()
    .where(*_IS)
    .values({name: bindparam(f"new_{name}") for name in (
        "state", "round", "answers", "places", "last_seq", "note", "updated_at", "spare"
    )})
)  # fmt: skip


def update(
    connection: Connection, item: Item, standing: Standing, policy: Policy, at: datetime
) -> Item:
    """Store where an item stands, and return it so."""
    new = {
        "state": standing.state,
        "round": standing.round,
        "answers": len(standing.answers),
        "places": places(standing, policy),
        "last_seq": standing.last_seq,
        "note": standing.note,
        "updated_at": at,
    }
    of = {
        "of_dataset": item.dataset,
        "of_iteration": item.iteration,
        "of_example": item.example_id,
    }
    stored = new | {"spare": spare(item.assignee, standing, policy)}
    connection.execute(_UPDATE, of | {f"new_{name}": value for name, value in stored.items()})
    return replace(item, **new)


def spare(assignee: str, standing: Standing, policy: Policy) -> int:
    """How many places of an open item are for anybody; of another, none.

    One is kept for whom it is assigned to, until they have answered. (A rework asks those whom it
    was sent back to, whoever the item is assigned to.)
    """
    if standing.state != "open":
        return 0
    kept = bool(assignee) and assignee not in standing.people
    return places(standing, policy) - int(kept)


def listed(
    connection: Connection,
    batch: OpenBatch,
    condition: ColumnElement[bool],
    *,
    offset: int,
    limit: int,
) -> tuple[list[Item], int]:
    """Items of a batch for which a condition holds, by position, and how many there are."""
    wanted = and_(of_batch(batch.dataset, batch.iteration), condition)
    total = _count(connection, wanted)
    query = select(desk_items).where(wanted).order_by(_C.position)
    # What is beyond the last item is nothing, and no number that a database cannot count to.
    page = query.offset(min(max(0, offset), total)).limit(min(max(0, limit), MOST))
    return _read(connection, page), total


def asked_first(
    connection: Connection, batch: OpenBatch, condition: ColumnElement[bool], *, limit: int
) -> tuple[list[Item], int]:
    """The same in the order in which they are given out: what is urgent comes first."""
    wanted = and_(of_batch(batch.dataset, batch.iteration), condition)
    query = select(desk_items).where(wanted).order_by(_C.turn).limit(limit)
    return _read(connection, query), _count(connection, wanted)


def _count(connection: Connection, wanted: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(desk_items).where(wanted)) or 0


def condition(
    filters: Filters, *, now: datetime, dialect: str, among: Collection[str] | None = None
) -> ColumnElement[bool]:
    """The SQL condition of filters; `among` are the only ids to list (those of a slice)."""
    wanted: list[ColumnElement[bool]] = [_C.state != "withdrawn"]
    if filters.states:
        wanted = [_C.state.in_(filters.states)]
    if filters.reason:
        wanted.append(_reason_is(filters.reason))
    exact = (
        (_C.label, filters.label),
        (_C.suggested_label, filters.suggested),
        (_C.assignee, filters.assignee),
    )
    wanted += [column == text for column, text in exact if text]
    if filters.text:
        found = _C.example_id.contains(filters.text, autoescape=True)
        wanted.append(or_(found, _C.note.contains(filters.text, autoescape=True)))
    if filters.min_age_hours > 0:
        # More than a century is as good as for ever, and no overflow.
        hours = min(filters.min_age_hours, 1e6)
        wanted.append(_C.added_at <= now - timedelta(hours=hours))
    if among is not None:
        wanted.append(_C.example_id.in_(_texts(sorted(among), dialect)))
    return and_(*wanted)


def counted(connection: Connection, batch: OpenBatch) -> tuple[int, dict[State, int], int]:
    """How many items of a batch are in each state, and how many a reviewer settled.

    The first number is that of the newest event then. Where one person answers an item, those that
    a reviewer settled are not counted.
    """
    event = desk_events.alias()
    by_reviewer = there_is(
        select(1)
        .where(
            event.c.dataset == _C.dataset,
            event.c.example_id == _C.example_id,
            event.c.iteration == _C.iteration,
            event.c.action.in_(["approve", "decide"]),
            event.c.round == _C.round,
        )
        .correlate(desk_items)
    )
    final: ColumnElement[int] = literal(0)
    if batch.policy.answers > 1:
        final = func.sum(case((and_(_C.state == "settled", by_reviewer), 1), else_=0))
    newest = select(func.max(desk_events.c.seq)).scalar_subquery()
    query = (
        select(_C.state, func.count(), final, newest)
        .where(of_batch(batch.dataset, batch.iteration))
        .group_by(_C.state)
    )
    rows = connection.execute(query).all()
    states: dict[State, int] = {cast("State", row[0]): int(row[1]) for row in rows}
    seq = max((row[3] or 0 for row in rows), default=0)
    return int(seq), states, sum(int(row[2]) for row in rows)


def inbox(connection: Connection, batch: OpenBatch, person: Person) -> list[Item]:
    """What waits for a person beyond new items: as `Desk.inbox` says."""
    query = select(desk_items).where(of_batch(batch.dataset, batch.iteration))
    rework = and_(_C.state == "rework", asked_again(person.name))
    if person.role != "annotator":
        looks = and_(_C.state.in_(["disagreed", "submitted"]), ~answered_by(person.name))
        query = query.where(or_(looks, _C.state == "rework"))
    else:
        query = query.where(rework)
    order = case({"disagreed": 0, "submitted": 1}, value=_C.state, else_=2)
    return _read(connection, query.order_by(order, _C.position).limit(INBOX))


def answered_by(name: Any, *, rounds_ago: int = 0) -> ColumnElement[bool]:
    """The SQL condition that somebody's answer to the item stands, of this round or before."""
    event = desk_events.alias()
    theirs = (
        select(1)
        .where(
            event.c.dataset == _C.dataset,
            event.c.example_id == _C.example_id,
            event.c.iteration == _C.iteration,
            event.c.actor == name,
            event.c.action == "answer",
            event.c.round == _C.round - rounds_ago,
            ~taken_back(event),
        )
        .correlate(desk_items)
    )
    return there_is(theirs)


def asked_again(name: str) -> ColumnElement[bool]:
    """The SQL condition that an item in rework was sent back to somebody who has to answer yet."""
    return and_(answered_by(name, rounds_ago=1), ~answered_by(name))


def _reason_is(reason: str) -> ColumnElement[bool]:
    """Listing by reason must not tell which items are there for a check."""
    if reason == RANDOM_CHECK:
        return and_(_C.reason.in_(HIDDEN_REASONS), _C.state != "settled")
    same = _C.reason == reason
    return and_(same, _C.state == "settled") if reason in HIDDEN_REASONS else same


def _texts(values: Sequence[str], dialect: str) -> Select[Any]:
    """Many texts as one parameter: databases bound how many parameters they take."""
    told = json.dumps(values)
    if dialect == "sqlite":
        return select(func.json_each(told).table_valued("value").c.value)
    return select(
        func.json_array_elements_text(cast_to(cast_to(told, String), JSON)).column_valued("value")
    )


def _read(connection: Connection, query: Select[Any]) -> list[Item]:
    return [item_from(row) for row in connection.execute(query).mappings()]
