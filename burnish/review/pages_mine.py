"""One's own queue: what is asked of oneself, in order, and handing it over.

What belongs here: the page `/d/{dataset}/mine` and its form. What does not: answering
(`burnish.review.pages_label`), what one has answered (`burnish.review.pages_queue`), or being away
(`burnish.review.pages_away`).

It tells of an item its id, when it is due, and what a reviewer wrote who sent it back: neither why
it is in the batch, nor its label, nor what others said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from burnish.errors import ReviewError
from burnish.review.access import Annotator, Desked, Visitor
from burnish.review.api_answers import Dataset
from burnish.review.api_models import Comment, Name
from burnish.review.context import DeskContext
from burnish.review.people import PersonRecord
from burnish.review.problems import Problem, problem_of
from burnish.review.records import Item
from burnish.review.rendering import render, shown_by

router = APIRouter(include_in_schema=False)

DONE = "They are handed over."


@dataclass(frozen=True)
class Waiting:
    """An item that waits for the visitor: `due_at` and `priority` as promised, a reviewer's `note`.

    `late` says that it is due already.
    """

    example_id: str
    priority: str
    due_at: datetime | None
    late: bool
    note: str


@shown_by("mine.html")
@dataclass(frozen=True)
class MinePage:
    """What waits for `name` in the open batch of `dataset`.

    `rework` comes first, then what is `assigned` to them; `total` counts both. `whose` are those
    whose queue a reviewer may look at, `to` those whom it can be handed to. `own` says that it is
    the visitor's own, `away` until when its person is away. `done` says what was done, `problem`
    why it was not.
    """

    dataset: str
    name: str
    own: bool
    rework: tuple[Waiting, ...]
    assigned: tuple[Waiting, ...]
    total: int
    whose: tuple[str, ...]
    to: tuple[str, ...]
    away: datetime | None
    done: str = ""
    problem: Problem | None = None


class Whose(BaseModel):
    """Whose queue is looked at (empty: one's own), and whether it was just handed over."""

    of: Name = ""
    done: bool = False


class HandOverForm(BaseModel):
    """Whose items are handed over (empty: one's own), to whom (empty: anybody), and why."""

    of: Name = ""
    to: Name = ""
    why: Comment = Field(default="")


@router.get("/d/{dataset}/mine")
def mine(
    request: Request,
    dataset: Dataset,
    visitor: Annotator,
    context: Desked,
    asked: Annotated[Whose, Query()],
) -> Response:
    """One's own queue; a reviewer may look at another's (`of`)."""
    name = asked.of if asked.of and visitor.may("reviewer") else visitor.person.name
    page = _page(context, dataset, visitor, name, done=DONE if asked.done else "")
    return render(request, "mine.html", page)


@router.post("/d/{dataset}/mine/hand-over")
def hand_over(
    request: Request,
    dataset: Dataset,
    form: Annotated[HandOverForm, Form()],
    visitor: Annotator,
    context: Desked,
) -> Response:
    """Give what is assigned to somebody to another, or to anybody."""
    try:
        context.desk.hand_over(dataset, visitor.person, form.to, why=form.why, of=form.of)
    except ReviewError as error:
        name = form.of if form.of and visitor.may("reviewer") else visitor.person.name
        problem = problem_of(error)
        page = _page(context, dataset, visitor, name, problem=problem)
        return render(request, "mine.html", page, status=problem.status)
    return RedirectResponse(f"/d/{dataset}/mine?done=true", 303)


def _page(context: DeskContext, dataset: str, visitor: Visitor, name: str, **said: Any) -> MinePage:
    found, now = context.desk.mine(dataset, name), context.desk.clock()
    everybody = [one for one in context.accounts.people() if one.active]
    whose = [one.name for one in everybody] if visitor.may("reviewer") else []
    return MinePage(
        dataset=dataset,
        name=name,
        own=name == visitor.person.name,
        rework=tuple(_waiting(item, now) for item in found.rework),
        assigned=tuple(_waiting(item, now) for item in found.assigned),
        total=found.total,
        whose=tuple(whose),
        to=tuple(one.name for one in everybody if one.name != name and not one.is_away(now)),
        away=_away(everybody, name, now),
        **said,
    )


def _waiting(item: Item, now: datetime) -> Waiting:
    late = item.due_at is not None and item.due_at <= now
    note = item.note if item.state == "rework" else ""
    return Waiting(item.example_id, item.priority, item.due_at, late, note)


def _away(everybody: list[PersonRecord], name: str, now: datetime) -> datetime | None:
    return next((o.paused_until for o in everybody if o.name == name and o.is_away(now)), None)
