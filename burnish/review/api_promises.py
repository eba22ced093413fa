"""What programs ask of promises: what is overdue, when the batch is done, how urgent items are.

What belongs here: the routes, and the shapes that they alone use. What does not: counting
(`burnish.review.keeping`), or when an item is due (`burnish.review.promises`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from burnish.database import reading
from burnish.review.access import Desked, Reviewer, signed_in
from burnish.review.api_answers import ACTS, USUAL, Dataset
from burnish.review.api_models import MOST_IDS, ExampleId, Sent, Told, finite
from burnish.review.keeping import Keeping, Promised, breaches, keeping
from burnish.review.records import State
from burnish.spec import Priority

router = APIRouter(tags=["Promises"])


class PriorityIn(Sent):
    """Says how urgent items are."""

    example_ids: Annotated[list[ExampleId], Field(min_length=1, max_length=MOST_IDS)]
    priority: Priority


class PrioritizedOut(Told):
    """How many of the items wait at the desk, and have the priority now."""

    waiting: int


class OverdueOut(Told):
    """An item whose time has passed while it waits."""

    example_id: str
    position: int
    state: State
    priority: Priority
    assignee: str
    due_at: datetime

    @classmethod
    def of(cls, item: Promised) -> OverdueOut:
        return cls(**{name: getattr(item, name) for name in cls.model_fields})


class DayOut(Told):
    """What was done in a day by the clock of the working hours' zone."""

    day: date
    acts: int = Field(description="Answers that stand, decisions and approvals.")
    settled: int


class ForecastOut(Told):
    """When the batch is done; the times are null where `why_not` says why nothing can be said."""

    needed: int = Field(description="Acts that are left.")
    rate: float | None = Field(description="Acts a working hour.")
    done_at: datetime | None
    earliest: datetime | None
    latest: datetime | None
    level: float = Field(description="The share of batches that are done within the range.")
    why_not: str
    sentence: str


class PromisesOut(Told):
    """How far the open batch is from what was promised."""

    dataset: str
    iteration: int
    waiting: dict[Priority, int]
    overdue: dict[Priority, int]
    due_within_a_day: int
    next_due: datetime | None
    ages: dict[str, int] = Field(description="Items that wait, by how long they have.")
    settled_in_time: int
    settled_late: int
    days: list[DayOut]
    forecast: ForecastOut
    breaches: list[OverdueOut] = Field(description="The longest overdue first, at most 200.")

    @classmethod
    def of(cls, kept: Keeping, late: list[Promised]) -> PromisesOut:
        told = kept.forecast
        return cls(
            dataset=kept.dataset,
            iteration=kept.iteration,
            waiting=dict(kept.waiting),
            overdue=dict(kept.overdue),
            due_within_a_day=kept.soon,
            next_due=kept.next_due,
            ages=dict(kept.ages),
            settled_in_time=kept.in_time,
            settled_late=kept.late,
            days=[DayOut(day=one.day, acts=one.acts, settled=one.settled) for one in kept.days],
            forecast=ForecastOut(
                needed=told.needed,
                rate=finite(told.rate),
                done_at=told.done_at,
                earliest=told.earliest,
                latest=told.latest,
                level=told.level,
                why_not=told.why_not,
                sentence=kept.sentence,
            ),
            breaches=[OverdueOut.of(item) for item in late],
        )


@router.get(
    "/datasets/{dataset}/promises", responses=USUAL, dependencies=[Depends(signed_in("reviewer"))]
)
def promises(dataset: Dataset, context: Desked) -> PromisesOut:
    """How far the open batch is from what was promised, and when it will be done."""
    desk = context.desk
    batch, now = desk.progress(dataset).batch, desk.clock()
    with reading(desk.engine) as connection:
        late = breaches(connection, batch, now=now)
    return PromisesOut.of(keeping(desk.engine, batch, now=now), late)


@router.post("/datasets/{dataset}/priorities", responses=ACTS)
def set_priority(
    dataset: Dataset, which: PriorityIn, visitor: Reviewer, context: Desked
) -> PrioritizedOut:
    """Say how urgent items are, and with it by when they are due."""
    found = context.desk.set_priority(dataset, visitor.person, which.example_ids, which.priority)
    return PrioritizedOut(waiting=found)
