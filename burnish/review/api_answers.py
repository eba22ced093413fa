"""What programs ask as people who answer: batches, the next item, an answer, taking it back.

What belongs here: routes under `/api/v1` for whoever has a place at the desk. What does not: what
reviewers do (`burnish.review.api_reviews`), the shapes (`burnish.review.api_models`), or any rule
(`burnish.review.desk`).

An answer names its lease. Sent again, the very same answer is acknowledged again and stored once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from burnish.errors import DataError
from burnish.review.access import Annotator, Desked
from burnish.review.api_models import (
    AnsweredOut,
    EventOut,
    EventsOut,
    LeaseOut,
    PersonOut,
    ProgressOut,
    SaidIn,
    TakeIn,
    UndoIn,
    lease_out,
)
from burnish.review.context import DeskContext
from burnish.review.problems import responses
from burnish.review.records import Answered, Lease, Person, Said
from burnish.review.sight import opinion_of, stands_for

DATASET = r"^[a-z][a-z0-9_]{0,39}$"
Dataset = Annotated[str, Path(pattern=DATASET, description="The name of a dataset.")]
Token = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The token of a lease of yours.")
]
USUAL = responses(400, 404)
ACTS = responses(400, 404, 409)

router = APIRouter(tags=["Answering"])


@router.get("/me", responses=responses())
def me(visitor: Annotator) -> PersonOut:
    """Who is asking."""
    return PersonOut.of(visitor.person)


@router.get("/datasets", responses=responses())
def datasets(visitor: Annotator, context: Desked) -> list[ProgressOut]:
    """All open batches."""
    return [ProgressOut.of(one, visitor.person) for one in context.desk.datasets()]


@router.get("/datasets/{dataset}", responses=USUAL)
def progress(dataset: Dataset, visitor: Annotator, context: Desked) -> ProgressOut:
    """The open batch of a dataset, and how far it is."""
    return ProgressOut.of(context.desk.progress(dataset), visitor.person)


@router.post(
    "/datasets/{dataset}/leases",
    response_model=LeaseOut,
    responses=ACTS | {204: {"description": "Nothing is left for you, or all of it is taken."}},
)
def take(dataset: Dataset, wanted: TakeIn, visitor: Annotator, context: Desked) -> Any:
    """Take the next item that you may answer; asked again, the one you hold comes back."""
    lease = context.desk.take(dataset, visitor.person, beside=wanted.beside)
    return Response(status_code=204) if lease is None else _told(context, lease)


@router.get("/datasets/{dataset}/leases/{token}", responses=ACTS)
def lease(dataset: Dataset, token: Token, visitor: Annotator, context: Desked) -> LeaseOut:
    """The lease as it stands."""
    return _told(context, context.desk.lease(dataset, visitor.person, token))


@router.post("/datasets/{dataset}/leases/{token}/renew", responses=ACTS)
def renew(dataset: Dataset, token: Token, visitor: Annotator, context: Desked) -> LeaseOut:
    """Keep the item for longer."""
    return _told(context, context.desk.renew(dataset, visitor.person, token))


@router.delete("/datasets/{dataset}/leases/{token}", status_code=204, responses=ACTS)
def give_back(dataset: Dataset, token: Token, visitor: Annotator, context: Desked) -> None:
    """Give the item back unanswered."""
    context.desk.give_back(dataset, visitor.person, token)


@router.post("/datasets/{dataset}/leases/{token}/answer", responses=ACTS)
def answer(
    dataset: Dataset, token: Token, said: SaidIn, visitor: Annotator, context: Desked
) -> AnsweredOut:
    """Answer the item. The same answer under the same token is stored once, and always told."""
    words, guide = said_of(said), said.guide
    done = context.desk.answer(dataset, visitor.person, token, words, guide=guide)
    return _came_of_it(context, visitor.person, done)


@router.post("/datasets/{dataset}/undo", responses=ACTS)
def undo(dataset: Dataset, which: UndoIn, visitor: Annotator, context: Desked) -> AnsweredOut:
    """Take an answer of yours back: the one named, or the newest that can be."""
    done = context.desk.undo(dataset, visitor.person, seq=which.seq)
    return _came_of_it(context, visitor.person, done)


@router.get("/datasets/{dataset}/answers", responses=USUAL)
def answers(
    dataset: Dataset,
    visitor: Annotator,
    context: Desked,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> EventsOut:
    """Your own answers in the open batch, newest first; whether one kept the label is not told."""
    found = context.desk.answered_by(dataset, visitor.person.name, limit=limit)
    return EventsOut(events=[EventOut.of(event, told=False) for event in found])


def said_of(said: SaidIn) -> Said:
    """What was sent as the desk takes it; raises `DataError` where it contradicts itself."""
    try:
        return said.to_said()
    except ValueError as error:
        raise DataError(
            f"label {said.label!r} and decision {said.decision!r}",
            expected=str(error),
            hint="send a `label`, or the `decision` unsure or drop",
        ) from error


def features_of(context: DeskContext, dataset: str, example_id: str) -> Mapping[str, Any]:
    """The example's features alone; empty where it has left the source."""
    row = context.examples.row(dataset, example_id) or {}
    return {name: cell for name, cell in row.items() if name != "example_id"}


def _came_of_it(context: DeskContext, person: Person, done: Answered) -> AnsweredOut:
    """What came of an answer, as far as who gave it may know."""
    if person.role != "annotator":
        return AnsweredOut.of(done)
    dataset = done.item.dataset
    standing = context.desk.standing(dataset, done.item.example_id)
    policy = context.desk.batch(dataset).policy
    return AnsweredOut.of(done, stands_for(done.item, standing, policy, person))


def _told(context: DeskContext, lease: Lease) -> LeaseOut:
    dataset = lease.item.dataset
    now = context.desk.guide(dataset)
    return lease_out(
        lease,
        features_of(context, dataset, lease.item.example_id),
        # Who holds an item answers it: why it is there is told to nobody before that.
        opinion_of(lease.item, why=False) if lease.shown else None,
        classes=context.desk.batch(dataset).classes,
        guide=now.version if now else None,
    )
