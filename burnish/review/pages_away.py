"""Who is away, and until when: said by oneself, or by a reviewer of anybody.

What belongs here: the page `/away` and its form. What does not: what a pause brings with it
(`burnish.review.accounts`, `burnish.review.choosing`), or other changes of people
(`burnish.review.pages_people`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from burnish.errors import NotAllowed, ReviewError
from burnish.review.access import Annotator, Desked, Visitor, address_of
from burnish.review.api_models import Name
from burnish.review.context import DeskContext
from burnish.review.people import PersonRecord
from burnish.review.problems import Problem, problem_of
from burnish.review.records import ROLES_HINT
from burnish.review.rendering import render, shown_by

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Presence:
    """A person, and until when they are away (None: they are here)."""

    name: str
    role: str
    away_until: datetime | None


@shown_by("away.html")
@dataclass(frozen=True)
class AwayPage:
    """The visitor themselves (`me`), and `others` where they may note who is away: reviewers do.

    `done` says what was done, `problem` why it was not.
    """

    me: Presence
    others: tuple[Presence, ...]
    done: str = ""
    problem: Problem | None = None


class AwayForm(BaseModel):
    """Who is away (empty: oneself), and until when in UTC; without a time they are back."""

    name: Name = ""
    until: datetime | None = None


@router.get("/away")
def away_page(
    request: Request, visitor: Annotator, context: Desked, done: bool = False
) -> Response:
    """Whether one is away; for reviewers, whether others are."""
    return render(request, "away.html", _page(context, visitor, done="It is noted." * done))


@router.post("/away")
def note_away(
    request: Request, form: Annotated[AwayForm, Form()], visitor: Annotator, context: Desked
) -> Response:
    """Note that somebody is away, or back."""
    try:
        pause(context, visitor, form.name, form.until, address=address_of(request))
    except ReviewError as error:
        problem = problem_of(error)
        page = _page(context, visitor, problem=problem)
        return render(request, "away.html", page, status=problem.status)
    return RedirectResponse("/away?done=true", 303)


def pause(
    context: DeskContext, visitor: Visitor, name: str, until: datetime | None, *, address: str
) -> None:
    """Note that somebody is away (`name` empty: the visitor); a time without a zone is UTC.

    Raises `NotAllowed` where an annotator names somebody else, and what `Accounts.pause` does.
    """
    whom = name or visitor.person.name
    if whom != visitor.person.name and not visitor.may("reviewer"):
        raise NotAllowed("who else is away is noted by reviewers", hint=ROLES_HINT)
    at = until.replace(tzinfo=UTC) if until is not None and until.tzinfo is None else until
    context.accounts.pause(whom, at, by=visitor.person.name, address=address)


def _page(
    context: DeskContext,
    visitor: Visitor,
    *,
    done: str = "",
    problem: Problem | None = None,
) -> AwayPage:
    now, own = context.accounts.now(), visitor.person
    found = [_presence(one, now) for one in context.accounts.people() if one.active]
    me = next((one for one in found if one.name == own.name), Presence(own.name, own.role, None))
    others = [one for one in found if one.name != own.name] if visitor.may("reviewer") else []
    return AwayPage(me, tuple(others), done, problem)


def _presence(one: PersonRecord, now: datetime) -> Presence:
    return Presence(one.name, one.role, one.paused_until if one.is_away(now) else None)
