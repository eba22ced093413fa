"""The people of the desk and the trail of what was changed about them: for admins.

What belongs here: those two pages and their forms. What does not: what a change brings with it
(`accounts`), or one's own password and tokens (`pages_tokens`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from burnish.errors import ReviewError
from burnish.review import trail
from burnish.review.access import Admin, Desked, address_of
from burnish.review.context import DeskContext
from burnish.review.people import PersonRecord, check_role
from burnish.review.problems import Problem, problem_of
from burnish.review.records import Role
from burnish.review.rendering import render, shown_by
from burnish.review.trail import TrailLine

router = APIRouter(include_in_schema=False)

DONE: Mapping[str, str] = {
    "added": "They can sign in now, if you gave them a password.",
    "role": "The role is changed; whoever was signed in has to sign in again.",
    "password": "The password is set; whoever was signed in has to sign in again.",
    "deactivated": "They are shut out, and their tokens are revoked. What they said stays.",
    "reactivated": "They can sign in again, with the password they had.",
}
LINES = 100
LARGEST = 2**31 - 1


@shown_by("people.html")
@dataclass(frozen=True)
class PeoplePage:
    """Everybody in `people`, the `roles` there are, what was `done`, or the `problem` with it.

    `now` tells who is away.
    """

    people: tuple[PersonRecord, ...]
    roles: tuple[str, ...]
    now: datetime
    done: str = ""
    problem: Problem | None = None


@shown_by("trail.html")
@dataclass(frozen=True)
class TrailPage:
    """Some `lines` of the trail, newest first; the `actions` there are, and the `action` asked for.

    `older` is where the next page begins, None on the last.
    """

    lines: tuple[TrailLine, ...]
    actions: Mapping[str, str]
    action: str
    older: int | None


@dataclass(frozen=True)
class NewPerson:
    """What the form for a new person sends."""

    name: Annotated[str, Form()] = ""
    role: Annotated[str, Form()] = "annotator"
    password: Annotated[str, Form()] = ""
    simulated: Annotated[bool, Form()] = False


@dataclass(frozen=True)
class ChangedPerson:
    """What the forms beside a person send; each fills in what it changes."""

    name: Annotated[str, Form()] = ""
    role: Annotated[str, Form()] = ""
    password: Annotated[str, Form()] = ""


@router.get("/people")
def people_page(request: Request, visitor: Admin, desk: Desked, done: str = "") -> Response:  # noqa: ARG001
    """Everybody, and forms to change what is kept of them."""
    return _page(request, desk, done=DONE.get(done, ""))


@router.post("/people")
def add_person(
    request: Request, visitor: Admin, desk: Desked, form: Annotated[NewPerson, Depends()]
) -> Response:
    """Add somebody."""
    try:
        desk.accounts.add_person(
            form.name,
            check_role(form.role),
            by=visitor.person.name,
            password=form.password or None,
            simulated=form.simulated,
            address=address_of(request),
        )
    except ReviewError as error:
        return _page(request, desk, problem=problem_of(error))
    return _done("added")


@router.post("/people/{change}")
def change_person(
    request: Request,
    change: str,
    visitor: Admin,
    desk: Desked,
    form: Annotated[ChangedPerson, Depends()],
) -> Response:
    """Give another role, set a password, deactivate, or reactivate."""
    by, address = visitor.person.name, address_of(request)
    accounts = desk.accounts
    try:
        match change:
            case "role":
                accounts.set_role(form.name, check_role(form.role), by=by, address=address)
            case "password":
                accounts.set_password(form.name, form.password, by=by, address=address)
            case "deactivated":
                accounts.deactivate(form.name, by=by, address=address)
            case "reactivated":
                accounts.reactivate(form.name, by=by, address=address)
            case _:
                raise ReviewError("there is no such change of a person")
    except ReviewError as error:
        return _page(request, desk, problem=problem_of(error))
    return _done(change)


@router.get("/trail")
def trail_page(
    request: Request,
    visitor: Admin,  # noqa: ARG001
    desk: Desked,
    action: str = "",
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """Who signed in or failed to, and what was changed about people, roles and tokens."""
    chosen = action if action in trail.ACTIONS else ""
    lines = desk.accounts.trail(action=chosen, before=before, limit=LINES + 1)
    older = lines[LINES - 1].seq if len(lines) > LINES else None
    page = TrailPage(tuple(lines[:LINES]), trail.ACTIONS, chosen, older)
    return render(request, "trail.html", page)


def _page(
    request: Request, desk: DeskContext, *, done: str = "", problem: Problem | None = None
) -> Response:
    page = PeoplePage(
        tuple(desk.accounts.people()), get_args(Role), desk.accounts.now(), done, problem
    )
    return render(request, "people.html", page, status=problem.status if problem else 200)


def _done(what: str) -> Response:
    return RedirectResponse(f"/people?done={what}", 303)
