"""The page of due times: what is overdue, how fast a batch goes, and when it will be done.

What belongs here: the route `/d/{dataset}/promises`, and what its templates are given. What does
not: counting (`burnish.review.keeping`), or setting a priority (`burnish.review.pages_queue`).

Reviewers see the batch. Annotators see by when what is assigned to them is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from burnish.database import reading
from burnish.review.access import Annotator, Desked, Visitor
from burnish.review.api_answers import Dataset
from burnish.review.context import DeskContext
from burnish.review.keeping import Keeping, Promised, asked_of, breaches, keeping
from burnish.review.pages_queue import STATE_WORDS
from burnish.review.rendering import render, shown_by
from burnish.spec import Promises

router = APIRouter(include_in_schema=False)


@shown_by("promises.html")
@dataclass(frozen=True)
class PromisesPage:
    """How far a batch is from what was promised, for reviewers.

    dataset, kept: the batch and its figures. promises: those of the spec, None where it has none.
    overdue: the items whose time has passed, the longest first; `beyond` more are not listed.
    most: the most acts of one day, for bars. words: of each state. now: when it was looked.
    """

    dataset: str
    kept: Keeping
    promises: Promises | None
    overdue: tuple[Promised, ...]
    beyond: int
    most: int
    words: Mapping[str, str]
    now: datetime


@shown_by("promises_mine.html")
@dataclass(frozen=True)
class MyPromisesPage:
    """By when what is assigned to an annotator is due.

    dataset: whose. items: theirs that have no answer of theirs yet, what is due first at the top.
    now: when it was looked.
    """

    dataset: str
    items: tuple[Promised, ...]
    now: datetime


@router.get("/d/{dataset}/promises")
def promises(request: Request, dataset: Dataset, visitor: Annotator, context: Desked) -> Response:
    """The batch for reviewers, one's own items for annotators."""
    if visitor.may("reviewer"):
        return render(request, "promises.html", _page(context, dataset))
    return render(request, "promises_mine.html", _mine(context, dataset, visitor))


def _page(context: DeskContext, dataset: str) -> PromisesPage:
    desk = context.desk
    batch, now = desk.progress(dataset).batch, desk.clock()
    kept = keeping(desk.engine, batch, now=now)
    with reading(desk.engine) as connection:
        overdue = tuple(breaches(connection, batch, now=now))
    return PromisesPage(
        dataset=dataset,
        kept=kept,
        promises=batch.promises,
        overdue=overdue,
        beyond=sum(kept.overdue.values()) - len(overdue),
        most=max((day.acts for day in kept.days), default=0) or 1,
        words=STATE_WORDS,
        now=now,
    )


def _mine(context: DeskContext, dataset: str, visitor: Visitor) -> MyPromisesPage:
    desk = context.desk
    batch = desk.progress(dataset).batch
    with reading(desk.engine) as connection:
        items = tuple(asked_of(connection, batch, visitor.person.name))
    return MyPromisesPage(dataset, items, desk.clock())
