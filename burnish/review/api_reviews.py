"""What programs ask as reviewers: the queue, an item with its answers, and what is done with it.

What belongs here: routes under `/api/v1` about items that are not one's own to answer. What does
not: answering (`burnish.review.api_answers`), the shapes (`burnish.review.api_models`), or any rule
(`burnish.review.states`, `burnish.review.sight`).

A reviewer's act names `after`, the newest event of the item that they saw. If anything happened
since, it is 409 and nothing is done. An id stands in the query or in the body, never in the path:
an id may hold anything.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from burnish.errors import DataError, ItemNotFound
from burnish.records import LabelRequest
from burnish.review.access import Annotator, Desked, Reviewer, signed_in
from burnish.review.api_answers import ACTS, USUAL, Dataset, said_of
from burnish.review.api_models import (
    AnsweredOut,
    AssignedOut,
    AssignIn,
    DecideIn,
    EventOut,
    ExampleId,
    ItemOut,
    ItemSeenOut,
    ItemsOut,
    ListedOut,
    OpinionOut,
    OwnerIn,
    ProgressOut,
    RequestIn,
    RequestOut,
    ReturnIn,
    ReviewIn,
)
from burnish.review.asked import Asked
from burnish.review.context import DeskContext
from burnish.review.items import is_held_out
from burnish.review.listing import Queue
from burnish.review.records import OpenBatch
from burnish.review.sight import (
    hides_why,
    keeps_secret,
    opinion_of,
    sight_of,
    stands_for,
    visible_events,
)

router = APIRouter(tags=["Reviewing"])


@router.get(
    "/datasets/{dataset}/items", responses=USUAL, dependencies=[Depends(signed_in("reviewer"))]
)
def items(dataset: Dataset, asked: Annotated[Asked, Query()], context: Desked) -> ItemsOut:
    """A page of the queue, filtered."""
    listing = queue_of(context, dataset).page(
        asked.filters(), sort=asked.sort, offset=asked.offset, limit=asked.limit, counted=False
    )
    return ItemsOut(
        items=[ListedOut.of(row) for row in listing.rows],
        total=listing.total,
        offset=listing.offset,
    )


@router.get("/datasets/{dataset}/inbox", responses=USUAL)
def inbox(dataset: Dataset, visitor: Reviewer, context: Desked) -> list[ItemOut]:
    """What waits for this reviewer: disagreements, and what is to be approved."""
    return [ItemOut.of(item) for item in context.desk.inbox(dataset, visitor.person)]


@router.get("/datasets/{dataset}/item", responses=USUAL)
def item(
    dataset: Dataset,
    example_id: Annotated[ExampleId, Query()],
    visitor: Annotator,
    context: Desked,
) -> ItemSeenOut:
    """An item of the open batch, with what you may see of it."""
    person, policy = visitor.person, context.desk.batch(dataset).policy
    found, standing = (
        context.desk.item(dataset, example_id),
        context.desk.standing(dataset, example_id),
    )
    sight = sight_of(standing, policy, person, held_out=is_held_out(found))
    seen = visible_events(context.desk.events(dataset, example_id), sight, person)
    secret, why = keeps_secret(found, standing, person), not hides_why(standing, person)
    opinion = opinion_of(found, secret=secret, why=why)
    return ItemSeenOut(
        **ItemOut.of(found, stands_for(found, standing, policy, person)).model_dump(),
        opinion=OpinionOut.of(opinion) if sight.label else None,
        events=[EventOut.of(event, told=sight.label) for event in seen],
    )


@router.post("/datasets/{dataset}/decisions", responses=ACTS)
def decide(dataset: Dataset, said: DecideIn, visitor: Reviewer, context: Desked) -> AnsweredOut:
    """Decide an item that was disagreed about or submitted."""
    done = context.desk.decide(
        dataset,
        visitor.person,
        said.example_id,
        said_of(said),
        after=said.after,
        guide=said.guide,
    )
    return AnsweredOut.of(done)


@router.post("/datasets/{dataset}/approvals", responses=ACTS)
def approve(dataset: Dataset, act: ReviewIn, visitor: Reviewer, context: Desked) -> AnsweredOut:
    """Approve what the answers agree on."""
    done = context.desk.approve(
        dataset, visitor.person, act.example_id, after=act.after, comment=act.comment
    )
    return AnsweredOut.of(done)


@router.post("/datasets/{dataset}/returns", responses=ACTS)
def send_back(dataset: Dataset, act: ReturnIn, visitor: Reviewer, context: Desked) -> AnsweredOut:
    """Send an item back to those who answered it, with a comment."""
    done = context.desk.send_back(
        dataset, visitor.person, act.example_id, after=act.after, comment=act.comment
    )
    return AnsweredOut.of(done)


@router.post("/datasets/{dataset}/releases", responses=ACTS)
def release(dataset: Dataset, act: ReviewIn, visitor: Reviewer, context: Desked) -> AnsweredOut:
    """Let anybody answer an item that was sent back."""
    done = context.desk.release(dataset, visitor.person, act.example_id, after=act.after)
    return AnsweredOut.of(done)


@router.post("/datasets/{dataset}/assignments", responses=ACTS)
def assign(dataset: Dataset, which: AssignIn, visitor: Reviewer, context: Desked) -> AssignedOut:
    """Have a person asked first."""
    require_person(context, which.assignee)
    count = context.desk.assign(dataset, visitor.person, which.example_ids, which.assignee)
    return AssignedOut(assigned=count)


@router.put("/datasets/{dataset}/owner", responses=ACTS)
def set_owner(dataset: Dataset, who: OwnerIn, visitor: Reviewer, context: Desked) -> ProgressOut:
    """Name who looks after the batch."""
    require_person(context, who.owner)
    context.desk.set_owner(dataset, visitor.person, who.owner)
    return ProgressOut.of(context.desk.progress(dataset), visitor.person)


@router.post("/datasets/{dataset}/requests", status_code=201, responses=ACTS)
def request(dataset: Dataset, wanted: RequestIn, visitor: Annotator, context: Desked) -> RequestOut:
    """Ask for examples to be looked at in a coming batch, and say why."""
    made = ask_again(context, dataset, wanted.example_ids, visitor.person.name, wanted.reason)
    return RequestOut(
        request_id=made.request_id or 0,
        example_ids=list(made.example_ids),
        reason=made.reason,
        asked_by=made.asked_by,
    )


def queue_of(context: DeskContext, dataset: str) -> Queue:
    """The open batch as a list; its progress is asked first, which brings it up to date."""
    desk = context.desk
    batch = desk.progress(dataset).batch
    return Queue(
        desk.engine, batch, desk.clock(), lambda names: context.examples.slices(dataset, names)
    )


def open_batch(context: DeskContext, dataset: str) -> OpenBatch | None:
    """The open batch of a dataset; None where none is."""
    try:
        return context.desk.batch(dataset)
    except ItemNotFound:
        return None


def require_person(context: DeskContext, name: str) -> None:
    """Raise `DataError` for a name that nobody has at this desk; empty is nobody."""
    names = sorted(one.name for one in context.accounts.people() if one.active)
    if name and name not in names:
        raise DataError(
            f"nobody at this desk is called {name!r}",
            expected=f"one of: {', '.join(names[:20])}",
        )


def ask_again(
    context: DeskContext, dataset: str, example_ids: list[str], person: str, reason: str
) -> LabelRequest:
    """Put a request into the ledger; raises `DataError` for an example that is not there."""
    absent = context.examples.absent(dataset, example_ids)
    if absent:
        raise DataError(
            f"{dataset} has no example {absent[0]!r}", expected="an example of the source"
        )
    wanted = tuple(dict.fromkeys(example_ids))
    return context.desk.ledger.request(
        dataset, LabelRequest(wanted, asked_by=person, reason=reason)
    )
