"""What programs ask of a team's sharing: a deal, a handing over, one's own queue, and being away.

What belongs here: those routes under `/api/v1`, and the shapes of what they take and tell. What
does not: assigning one by one (`burnish.review.api_reviews`), or any rule
(`burnish.review.sharing`, `burnish.review.accounts`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from burnish.review.access import Annotator, Desked, Reviewer, address_of
from burnish.review.api_answers import ACTS, USUAL, Dataset
from burnish.review.api_models import (
    LONGEST_COMMENT,
    MOST_IDS,
    AssignedOut,
    Checked,
    ExampleId,
    Name,
    Sent,
    Told,
)
from burnish.review.pages_away import pause
from burnish.review.problems import responses
from burnish.review.records import Item
from burnish.spec import Priority

router = APIRouter(tags=["Sharing"])


class DealIn(Sent):
    """Deals items out to those at work."""

    example_ids: Annotated[list[ExampleId], Field(min_length=1, max_length=MOST_IDS)]
    how: Literal["round_robin", "skill"] = Field(
        description="In turn, or to whom is likely to be right, all done at about the same time."
    )


class HandOverIn(Sent):
    """Gives what is assigned to somebody to another."""

    to: Name = Field(description="Who is asked first from now on; empty: nobody in particular.")
    why: Annotated[str, Checked, Field(min_length=1, max_length=LONGEST_COMMENT)]
    of: Name = Field(default="", description="Whose items; empty: one's own.")


class AwayIn(Sent):
    """Notes that somebody is away, or back."""

    until: datetime | None = Field(description="Null: back. A time without a zone is UTC.")
    name: Name = Field(default="", description="Who; empty: oneself.")


class WaitingOut(Told):
    """An item that waits for somebody."""

    example_id: str
    position: int
    again: bool = Field(description="It was sent back to them.")
    note: str = Field(description="What a reviewer wrote who sent it back.")
    priority: Priority
    due_at: datetime | None

    @classmethod
    def of(cls, item: Item) -> WaitingOut:
        again = item.state == "rework"
        return cls(
            example_id=item.example_id,
            position=item.position,
            again=again,
            note=item.note if again else "",
            priority=item.priority,
            due_at=item.due_at,
        )


class MineOut(Told):
    """What waits for somebody, in the order in which they are asked."""

    items: list[WaitingOut] = Field(description="At most 200 that were sent back, then 200 others.")
    total: int


@router.get("/datasets/{dataset}/mine", responses=USUAL)
def mine(dataset: Dataset, visitor: Annotator, context: Desked) -> MineOut:
    """What is assigned to you and not answered, and what was sent back to you."""
    found = context.desk.mine(dataset, visitor.person.name)
    waiting = [WaitingOut.of(item) for item in (*found.rework, *found.assigned)]
    return MineOut(items=waiting, total=found.total)


@router.post("/datasets/{dataset}/deals", responses=ACTS)
def deal(dataset: Dataset, which: DealIn, visitor: Reviewer, context: Desked) -> AssignedOut:
    """Deal open items out to those at work."""
    count = context.desk.deal(dataset, visitor.person, which.example_ids, which.how)
    return AssignedOut(assigned=count)


@router.post("/datasets/{dataset}/handovers", responses=ACTS)
def hand_over(
    dataset: Dataset, what: HandOverIn, visitor: Annotator, context: Desked
) -> AssignedOut:
    """Give what is assigned to you, or as a reviewer to anybody, to another."""
    count = context.desk.hand_over(dataset, visitor.person, what.to, why=what.why, of=what.of)
    return AssignedOut(assigned=count)


@router.put("/away", status_code=204, responses=responses(400))
def away(request: Request, who: AwayIn, visitor: Annotator, context: Desked) -> None:
    """Note that you are away, or as a reviewer that somebody is."""
    pause(context, visitor, who.name, who.until, address=address_of(request))
