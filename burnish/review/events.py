"""The events of the desk in SQL: reading them, and adding one.

What belongs here: rows of `desk_events` and the records they stand for. What does not: which event
is allowed (`burnish.review.states`), and what else happens in the same transaction
(`burnish.review.acting`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, case, func, select
from sqlalchemy import literal_column as sql

from burnish.database import utc_text
from burnish.errors import ItemNotFound
from burnish.records import Decision
from burnish.review.records import Action, DeskEvent, Origin, Person, Role, Said
from burnish.review.schema import desk_events

_C = desk_events.c
# Made once: to put a query together takes longer than to run it.
_OF_EXAMPLE = (
    select(desk_events)
    .where(_C.dataset == bindparam("of_dataset"), _C.example_id == bindparam("of_example"))
    .order_by(_C.seq)
)
_OF_ITEM = _OF_EXAMPLE.where(_C.iteration == bindparam("of_iteration"))
_OF_ITEMS = (
    select(desk_events)
    .where(_C.dataset == bindparam("of_dataset"), _C.iteration == bindparam("of_iteration"))
    .where(_C.example_id.in_(bindparam("of_examples", expanding=True)))
    .order_by(_C.seq)
)
_KEYED = select(desk_events).where(_C.request_key == bindparam("key"))
_NEWEST = select(func.max(_C.seq))
_INSERT = desk_events.insert()
_BY_PERSON = _C.seq > sql("0")
"""What names the index of what somebody did; it holds of every event."""


def event_from(row: RowMapping) -> DeskEvent:
    """The event of a row."""
    said = None
    if row["decision"] is not None:
        said = Said(
            cast("Decision", row["decision"]),
            row["label"],
            row["comment"],
            row["seconds"],
            bool(row["shown"]),
        )
    return DeskEvent(
        seq=row["seq"],
        example_id=row["example_id"],
        actor=Person(row["actor"], cast("Role", row["role"]), bool(row["simulated"])),
        action=cast("Action", row["action"]),
        at=row["at"],
        said=said,
        comment=row["comment"],
        undoes=row["undoes"],
        round=row["round"],
        ledger_events=tuple(json.loads(row["ledger_events"])),
        guide=row["guide"],
        origin=_origin_from(row["origin"]),
    )


def of_item(
    connection: Connection, dataset: str, example_id: str, *, iteration: int | None = None
) -> list[DeskEvent]:
    """What was done to an item, oldest first; None for the iteration: in all of them."""
    of = {"of_dataset": dataset, "of_example": example_id}
    if iteration is None:
        return _read(connection, _OF_EXAMPLE, of)
    return _read(connection, _OF_ITEM, of | {"of_iteration": iteration})


def of_items(
    connection: Connection, dataset: str, iteration: int, ids: Sequence[str]
) -> dict[str, list[DeskEvent]]:
    """What was done to some items of a batch, oldest first, by example; few enough to be named."""
    found: dict[str, list[DeskEvent]] = {one: [] for one in ids}
    of = {"of_dataset": dataset, "of_iteration": iteration, "of_examples": list(ids)}
    for event in _read(connection, _OF_ITEMS, of) if ids else []:
        found[event.example_id].append(event)
    return found


def of_person(
    connection: Connection, dataset: str, iteration: int, name: str, *, limit: int
) -> list[DeskEvent]:
    """What a person answered or decided in a batch, newest first; what was undone left out."""
    of = {"of_dataset": dataset, "of_iteration": iteration, "of_person": name, "most": limit}
    return _read(connection, _OF_PERSON, of)


def keyed(connection: Connection, key: str) -> tuple[DeskEvent, str, int] | None:
    """The event that was stored under a request key, its dataset and iteration."""
    row = connection.execute(_KEYED, {"key": key}).mappings().first()
    return None if row is None else (event_from(row), row["dataset"], row["iteration"])


def numbered(connection: Connection, dataset: str, iteration: int, seq: int) -> DeskEvent:
    """The event of a number in a batch; raises `ItemNotFound` where it has none."""
    query = select(desk_events).where(
        _C.seq == seq, _C.dataset == dataset, _C.iteration == iteration
    )
    # A number beyond what a database counts to is no event's.
    row = connection.execute(query).mappings().first() if 0 < seq < 2**31 else None
    if row is None:
        raise no_event(dataset, seq)
    return event_from(row)


def no_event(dataset: str, seq: int) -> ItemNotFound:
    """The error for the number of an event that is not there."""
    return ItemNotFound(f"the open batch of {dataset} has no event {seq}")


def counted(actions: tuple[str, ...]) -> ColumnElement[int]:
    """What an event counts for, where actions are counted: an answer that is taken back for none.

    Only one's own answer is taken back, and once.
    """
    back = -1 if "answer" in actions else 0
    return case((_C.action.in_(actions), 1), (_C.action == "undo", back), else_=0)


def counts(connection: Connection, dataset: str, iteration: int, *, until: int) -> dict[str, int]:
    """How many answers of each person in a batch stood right after the event `until`."""
    query = (
        select(_C.actor, func.sum(counted(("answer",))))
        .where(_C.dataset == dataset, _C.iteration == iteration, _BY_PERSON, _C.seq <= until)
        .group_by(_C.actor)
    )
    return {name: int(count) for name, count in connection.execute(query) if count}


def appended(connection: Connection, dataset: str, iteration: int, ids: list[str]) -> set[int]:
    """The numbers of the ledger's events that the desk appended for these examples."""
    query = select(_C.ledger_events).where(
        _C.dataset == dataset, _C.example_id.in_(ids), _C.iteration == iteration
    )
    return {number for text in connection.scalars(query) for number in json.loads(text)}


def taken_back(event: Any) -> Any:
    """The SQL condition that an event of `desk_events`, or an alias of it, was undone."""
    undo = desk_events.alias()
    same = (
        undo.c.dataset == event.c.dataset,
        undo.c.example_id == event.c.example_id,
        undo.c.iteration == event.c.iteration,
        undo.c.undoes == event.c.seq,
    )
    return there_is(select(1).where(*same).correlate(event))


def there_is(query: Select[Any]) -> ColumnElement[bool]:
    """The SQL condition that a correlated query finds something, looked up row by row.

    PostgreSQL makes a join of EXISTS, and reads all that ever was said to find one row; of one with
    an OFFSET, be it none, it makes no join.
    """
    return query.offset(0).exists()


_OF_PERSON = (
    select(desk_events)
    .where(_C.dataset == bindparam("of_dataset"), _C.iteration == bindparam("of_iteration"))
    .where(_C.actor == bindparam("of_person"), _BY_PERSON)
    .where(_C.action.in_(["answer", "decide"]), ~taken_back(desk_events))
    .order_by(_C.seq.desc())
    .limit(bindparam("most"))
)


def next_seq(connection: Connection) -> int:
    """The number of the next event."""
    return (connection.scalar(_NEWEST) or 0) + 1


def add(
    connection: Connection, event: DeskEvent, *, dataset: str, iteration: int, key: str
) -> None:
    """Store an event."""
    said = event.said
    connection.execute(
        _INSERT,
        {
            "seq": event.seq,
            "dataset": dataset,
            "iteration": iteration,
            "example_id": event.example_id,
            "actor": event.actor.name,
            "role": event.actor.role,
            "simulated": event.actor.simulated,
            "action": event.action,
            "decision": said.decision if said else None,
            "label": said.label if said else None,
            "comment": event.comment,
            "seconds": said.seconds if said else None,
            "shown": said.shown if said else None,
            "undoes": event.undoes,
            "round": event.round,
            "request_key": key,
            "ledger_events": json.dumps(list(event.ledger_events)),
            "guide": event.guide,
            "origin": _origin_text(event.origin),
            "at": event.at,
        },
    )


def action_key(action: Action, dataset: str, iteration: int, *seen: object) -> str:
    """What makes an action once: who did what to which item, as they had seen it.

    Hashed, since names of datasets and examples are longer than a key may be.
    """
    facts = json.dumps([dataset, iteration, *seen])
    return f"{action}:{hashlib.sha256(facts.encode()).hexdigest()}"


def _origin_text(origin: Origin | None) -> str | None:
    if origin is None:
        return None
    at = origin.answered_at
    facts = asdict(origin) | {"answered_at": None if at is None else utc_text(at)}
    return json.dumps(facts)


def _origin_from(text: str | None) -> Origin | None:
    if text is None:
        return None
    facts: dict[str, Any] = json.loads(text)
    at: str | None = facts["answered_at"]
    answered_at = None if at is None else datetime.fromisoformat(at)
    return Origin(facts["tool"], facts["task"], facts["annotation"], answered_at)


def _read(
    connection: Connection, query: Select[Any], of: dict[str, Any] | None = None
) -> list[DeskEvent]:
    return [event_from(row) for row in connection.execute(query, of or {}).mappings()]
