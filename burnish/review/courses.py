"""All that was ever said at the desk of a dataset's items, item by item, for those who count it.

What belongs here: reading it in one go, and what of it stands: what was taken back, sent back or
decided since. What does not: an item as it is worked on (`burnish.review.states`), or any figure
(`burnish.workflows.people_figures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from burnish.database import reading
from burnish.review.events import event_from
from burnish.review.records import DeskEvent
from burnish.review.schema import desk_events

_C = desk_events.c


@dataclass(frozen=True)
class Course:
    """What was done to one item of one batch, oldest first."""

    iteration: int
    example_id: str
    events: tuple[DeskEvent, ...]

    @property
    def answers(self) -> tuple[DeskEvent, ...]:
        """The answers that were not taken back, of all rounds."""
        undone = {one.undoes for one in self.events if one.action == "undo"}
        return tuple(one for one in self.events if one.action == "answer" and one.seq not in undone)

    @property
    def sent_back(self) -> frozenset[int]:
        """The rounds that a reviewer sent back."""
        return frozenset(one.round for one in self.events if one.action == "send_back")

    @property
    def decision(self) -> DeskEvent | None:
        """What a reviewer decided, and nobody sent back since; None where none did."""
        made = [
            one for one in self.events if one.action == "decide" and one.round not in self.sent_back
        ]
        return made[-1] if made else None

    @property
    def first(self) -> frozenset[int]:
        """The answers that were their author's first to this item, taken back or not.

        Whoever answers again has been shown the label since.
        """
        by: dict[str, int] = {}
        for one in self.events:
            if one.action == "answer":
                by.setdefault(one.actor.name, one.seq)
        return frozenset(by.values())


def read_courses(engine: Engine, dataset: str) -> list[Course]:
    """The courses of all items of a dataset that anybody did anything to, in order of their first.

    Two people's answers of the same moment have their numbers to tell who came first.
    """
    query = select(desk_events).where(_C.dataset == dataset).order_by(_C.seq)
    by: dict[tuple[int, str], list[DeskEvent]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query).mappings():
            by.setdefault((row["iteration"], row["example_id"]), []).append(event_from(row))
    return [course_of(*key, events) for key, events in by.items()]


def course_of(iteration: int, example_id: str, events: Sequence[DeskEvent]) -> Course:
    """The course of an item, from its events in order."""
    return Course(iteration, example_id, tuple(events))


def newest_event(engine: Engine, dataset: str) -> int:
    """The number of the newest event of a dataset, 0 where there is none: it tells news."""
    with reading(engine) as connection:
        return connection.scalar(select(func.max(_C.seq)).where(_C.dataset == dataset)) or 0
