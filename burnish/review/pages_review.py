"""The review page: what people disagreed about or submitted, one item large, decided by one key.

What belongs here: the routes under `/d/{dataset}/review`, and what their template is given. What
does not: which acts an item allows (`burnish.review.states`), doing one (`burnish.review.desk`), or
an item's whole history (`burnish.review.pages_history`).

The label as given and the model's opinion are folded away until the reviewer asks for them: whoever
decides between two answers is led by a third as anybody is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from burnish.errors import DataError, NotAllowed, ReviewConflict, ReviewError
from burnish.review.access import Desked, Reviewer
from burnish.review.api_answers import Dataset
from burnish.review.api_models import LARGEST, Comment, ExampleId, Name
from burnish.review.context import DeskContext
from burnish.review.guide_context import GuideView, view_now
from burnish.review.label_context import Card
from burnish.review.pages_queue import STATE_WORDS
from burnish.review.records import Action, Answered, DeskEvent, Item, Person, Progress, Said
from burnish.review.rendering import render, shown_by
from burnish.review.showing import choices_of
from burnish.review.sight import (
    NOT_OTHERS,
    Opinion,
    opinion_of,
    sight_of,
    visible_events,
)
from burnish.review.states import Standing, allowed
from burnish.review.viewing import card_to_see

ACTS: tuple[Action, ...] = ("decide", "approve", "send_back", "release")
DONE = {
    "decide": "Decided",
    "approve": "Approved",
    "send_back": "Sent back",
    "release": "Released for anybody",
}

router = APIRouter(include_in_schema=False)


class ReviewForm(BaseModel):
    """What a reviewer does to the item that is before them.

    `typed` is a class chosen from the list, where there are more than have keys. `guide` is the
    version of the labeling guide that was on the screen.
    """

    example_id: ExampleId
    after: int = Field(ge=0, le=LARGEST)
    act: Literal["approve", "send_back", "release", ""] = ""
    label: Name = ""
    typed: Name = ""
    decision: Literal["unsure", "drop", ""] = ""
    comment: Comment = ""
    seconds: float | None = Field(default=None, ge=0, le=86_400, allow_inf_nan=False)
    guide: int | None = Field(default=None, ge=1, le=LARGEST)

    def said(self) -> Said:
        """The reviewer's own decision."""
        if self.decision:
            return Said(self.decision, None, self.comment, self.seconds)
        label = self.label or self.typed.strip()
        if not label:
            raise DataError("no class was chosen", expected="one of the classes, unsure or drop")
        return Said("keep", label, self.comment, self.seconds)


@dataclass(frozen=True)
class Key:
    """A class as a button; `key` decides it, empty from the tenth on."""

    label: str
    key: str
    votes: int


@dataclass(frozen=True)
class Before:
    """The item before the reviewer.

    card: the example. answers: those of this round, side by side. earlier: those of rounds before.
    held_back: why others' answers are not among them, else empty.
    opinion: label and model, folded away. keys: the classes. may: what this reviewer may do now,
    `why_not` says why nothing. after: the newest event that they see.
    """

    item: Item
    card: Card
    answers: tuple[DeskEvent, ...]
    earlier: tuple[DeskEvent, ...]
    held_back: str
    opinion: Opinion
    keys: tuple[Key, ...]
    may: frozenset[Action]
    why_not: str
    after: int


@shown_by("review.html")
@dataclass(frozen=True)
class ReviewPage:
    """The inbox and the item before the reviewer.

    dataset, progress: the batch. waiting: the inbox. before: the item, None where nothing waits.
    notice: what was just done. problem: why it was not. comment: what was written, kept when it was
    not done. words: of each state. guide: the labeling guide, None where there is none.
    """

    dataset: str
    progress: Progress
    waiting: tuple[Item, ...]
    before: Before | None
    notice: str
    problem: str
    comment: str
    words: Mapping[str, str]
    guide: GuideView | None


@router.get("/d/{dataset}/review")
def review(
    request: Request,
    dataset: Dataset,
    *,
    visitor: Reviewer,
    context: Desked,
    item: Annotated[ExampleId | None, Query()] = None,
    done: Annotated[Literal["decide", "approve", "send_back", "release", ""], Query()] = "",
    of: Annotated[Name, Query()] = "",
) -> Response:
    """The inbox, with the item that the address names or the first that waits."""
    notice = f"{DONE[done]}: {of}" if done and of else ""
    page = _page(context, dataset, visitor.person, item, notice=notice)
    return render(request, "review.html", page)


@router.post("/d/{dataset}/review")
def act(
    request: Request,
    dataset: Dataset,
    form: Annotated[ReviewForm, Form()],
    visitor: Reviewer,
    context: Desked,
) -> Response:
    """Decide, approve, send back or release; then the next, or the same where it had moved."""
    try:
        _do(context, dataset, visitor.person, form)
    except (ReviewError, DataError) as error:
        page = _page(
            context,
            dataset,
            visitor.person,
            form.example_id,
            problem=_in_words(error),
            comment=form.comment,
        )
        return render(request, "review.html", page, status=_status(error))
    told = urlencode({"done": form.act or "decide", "of": form.example_id[:200]})
    return RedirectResponse(f"/d/{dataset}/review?{told}", 303)


def _do(context: DeskContext, dataset: str, person: Person, form: ReviewForm) -> Answered:
    desk, name, after = context.desk, form.example_id, form.after
    match form.act:
        case "approve":
            return desk.approve(dataset, person, name, after=after, comment=form.comment)
        case "send_back":
            comment = form.comment.strip()
            if not comment:
                raise DataError(
                    "an item is sent back with a comment",
                    hint="write what is to be looked at again",
                )
            return desk.send_back(dataset, person, name, after=after, comment=comment)
        case "release":
            return desk.release(dataset, person, name, after=after)
        case _:
            return desk.decide(dataset, person, name, form.said(), after=after, guide=form.guide)


def _in_words(error: ReviewError | DataError) -> str:
    told = [error.found, error.expected and f"Expected: {error.expected}", error.hint]
    return ". ".join(part[0].upper() + part[1:] for part in told if part) + "."


def _status(error: ReviewError | DataError) -> int:
    if isinstance(error, ReviewConflict):
        return 409
    return 403 if isinstance(error, NotAllowed) else 400


def _page(
    context: DeskContext,
    dataset: str,
    person: Person,
    example_id: str | None,
    *,
    notice: str = "",
    problem: str = "",
    comment: str = "",
) -> ReviewPage:
    desk = context.desk
    progress: Progress = desk.progress(dataset)
    waiting: Sequence[Item] = desk.inbox(dataset, person)
    if example_id is None:
        # What was sent back waits for others; it is shown when nothing waits for the reviewer.
        first = sorted(waiting, key=lambda item: item.state == "rework")
        example_id = first[0].example_id if first else None
    return ReviewPage(
        dataset=dataset,
        progress=progress,
        waiting=tuple(waiting),
        before=None if example_id is None else _before(context, progress, person, example_id),
        notice=notice,
        problem=problem,
        comment=comment,
        words=STATE_WORDS,
        guide=view_now(desk.guide(dataset), progress.batch.classes),
    )


def _before(context: DeskContext, progress: Progress, person: Person, example_id: str) -> Before:
    dataset = progress.batch.dataset
    item: Item = context.desk.item(dataset, example_id)
    standing: Standing = context.desk.standing(dataset, example_id)
    may: frozenset[Action] = frozenset(a for a in ACTS if allowed(standing, a, person))
    sight = sight_of(standing, progress.batch.policy, person)
    said = visible_events(standing.said, sight, person)
    answers = tuple(event for event in said if event in standing.answers)
    votes = [one.said.label for one in answers if one.said is not None]
    return Before(
        item=item,
        card=card_to_see(context.examples, dataset, example_id),
        answers=answers,
        earlier=tuple(event for event in said if event not in answers),
        held_back="" if sight.others else NOT_OTHERS,
        opinion=opinion_of(item),
        keys=tuple(
            Key(choice.label, choice.key, votes.count(choice.label))
            for choice in choices_of(progress.batch.classes)
        ),
        may=may,
        why_not="" if may else _why_not(standing, person),
        after=item.last_seq,
    )


def _why_not(standing: Standing, person: Person) -> str:
    if person.name in standing.people:
        return "You answered this item yourself, so another reviewer must look."
    return {
        "open": "People are still asked about this item.",
        "settled": "This item is settled.",
        "withdrawn": "This item was taken off the desk.",
    }.get(standing.state, "Nothing is to be done here.")
