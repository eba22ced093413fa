"""The first page: which datasets have a batch open, how far each is, and what waits for whom.

What belongs here: that page. What does not: the pages of one dataset (`pages_label`,
`pages_queue`, `pages_review`).
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from burnish.review.access import Annotator, Desked, Visitor
from burnish.review.context import DeskContext
from burnish.review.label_context import Course
from burnish.review.records import OpenBatch, Progress
from burnish.review.rendering import render, shown_by
from burnish.review.showing import course_of

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class HomeRow:
    """One open batch: how far it is, how people answer it, and what waits for the visitor.

    `course` is how far it is in the eyes of the visitor, `to_answer` counts the items that ask for
    answers: to whom answers blind, those that they have not answered.
    """

    batch: OpenBatch
    course: Course
    policy: str
    to_answer: int
    to_review: int


@shown_by("home.html")
@dataclass(frozen=True)
class HomePage:
    """The open batches: one of `rows` each."""

    rows: tuple[HomeRow, ...]


@router.get("/")
def home(request: Request, visitor: Annotator, desk: Desked) -> Response:
    """The open batches."""
    rows = [_row(desk, visitor, progress) for progress in desk.desk.datasets()]
    return render(request, "home.html", HomePage(tuple(rows)))


def policy_words(progress: Progress) -> str:
    """How people answer the items of a batch, in words."""
    policy = progress.batch.policy
    words = {
        "single": "one answer each",
        "double_blind": "two blind answers each",
        "n_of_m": f"{policy.agree} of {policy.answers} must agree",
    }[policy.name]
    return f"{words}, then approval" if policy.approval else words


def _row(desk: DeskContext, visitor: Visitor, progress: Progress) -> HomeRow:
    reviews = visitor.may("reviewer")
    waiting = desk.desk.inbox(progress.batch.dataset, visitor.person) if reviews else []
    course, states = course_of(progress, visitor.person), progress.states
    asks = states.get("open", 0) + states.get("rework", 0)
    to_answer = max(0, course.total - course.mine) if course.blind else asks
    return HomeRow(progress.batch, course, policy_words(progress), to_answer, len(waiting))
