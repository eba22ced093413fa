"""One's own account: the password, and the tokens that programs use in one's name.

What belongs here: that page and its forms; admins see the tokens of everybody, and make one for
those who do not sign in themselves. What does not: people and roles (`pages_people`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from burnish.errors import NotAllowed, ReviewError
from burnish.review.access import Annotator, Desked, Visitor, address_of
from burnish.review.context import DeskContext
from burnish.review.problems import Problem, problem_of
from burnish.review.records import ROLES_HINT
from burnish.review.rendering import render, shown_by
from burnish.review.sessions import ApiToken, IssuedToken

router = APIRouter(include_in_schema=False)

DAYS = (7, 30, 90, 365)


@shown_by("tokens.html")
@dataclass(frozen=True)
class TokensPage:
    """The `tokens` that the visitor may see, and the form for another.

    `now` tells which have expired. `people` are those whom a token can be made for, `days` how long
    it may last. `issued` is a new one, shown this once; `done` says that one was revoked; `problem`
    why something did not work.
    """

    tokens: tuple[ApiToken, ...]
    people: tuple[str, ...]
    days: tuple[int, ...]
    now: datetime
    issued: IssuedToken | None = None
    done: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class NewToken:
    """What the form for a new token sends; without a name it is for oneself."""

    label: Annotated[str, Form()] = ""
    days: Annotated[int, Form(ge=1, le=365)] = 90
    name: Annotated[str, Form()] = ""


@dataclass(frozen=True)
class NewPassword:
    """What the form for another password sends."""

    old: Annotated[str, Form()] = ""
    new: Annotated[str, Form()] = ""
    again: Annotated[str, Form()] = ""


@router.get("/tokens")
def tokens_page(request: Request, visitor: Annotator, desk: Desked, done: str = "") -> Response:
    """One's own account."""
    return _page(request, desk, visitor, done="The token is revoked." if done == "revoked" else "")


@router.post("/tokens")
def make_token(
    request: Request, visitor: Annotator, desk: Desked, form: Annotated[NewToken, Depends()]
) -> Response:
    """Make a token, and show it this once."""
    name = form.name or visitor.person.name
    if name != visitor.person.name and not visitor.may("admin"):
        raise NotAllowed("tokens of others are made by admins", hint=ROLES_HINT)
    try:
        issued = desk.accounts.make_token(
            name, form.label, by=visitor.person.name, days=form.days, address=address_of(request)
        )
    except ReviewError as error:
        return _page(request, desk, visitor, problem=problem_of(error))
    return _page(request, desk, visitor, issued=issued)


@router.post("/tokens/revoke")
def revoke_token(
    request: Request, visitor: Annotator, desk: Desked, token_id: Annotated[str, Form()] = ""
) -> Response:
    """Revoke a token: one's own, or as an admin anybody's."""
    owner = None if visitor.may("admin") else visitor.person.name
    desk.accounts.revoke_token(
        token_id, by=visitor.person.name, owner=owner, address=address_of(request)
    )
    return RedirectResponse("/tokens?done=revoked", 303)


@router.post("/password")
def change_password(
    request: Request, visitor: Annotator, desk: Desked, form: Annotated[NewPassword, Depends()]
) -> Response:
    """Set one's own password; every session ends, this one too."""
    try:
        if form.new != form.again:
            raise ReviewError("the new password was typed in two ways", hint="type the same twice")
        name, address = visitor.person.name, address_of(request)
        desk.accounts.change_password(name, form.old, form.new, address=address)
    except ReviewError as error:
        return _page(request, desk, visitor, problem=problem_of(error))
    return RedirectResponse("/sign-in?done=password", 303)


def _page(
    request: Request,
    desk: DeskContext,
    visitor: Visitor,
    *,
    issued: IssuedToken | None = None,
    done: str = "",
    problem: Problem | None = None,
) -> Response:
    admin = visitor.may("admin")
    everybody = [one.name for one in desk.accounts.people() if one.active] if admin else []
    page = TokensPage(
        tuple(desk.accounts.tokens(None if admin else visitor.person.name)),
        tuple(everybody),
        DAYS,
        desk.accounts.now(),
        issued,
        done,
        problem,
    )
    return render(request, "tokens.html", page, status=problem.status if problem else 200)
