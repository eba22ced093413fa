"""Signing in and out.

What belongs here: the two forms, the session's cookie, and where to go afterwards. What does not:
passwords, sessions and how often one may try (`accounts`).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from burnish.errors import NotAllowed, SignInError
from burnish.review.access import Desked, address_of, desk_of, session_cookie, visitor_of
from burnish.review.problems import problem_of
from burnish.review.rendering import render, shown_by
from burnish.review.sessions import Session

LONGEST = 2000

router = APIRouter(include_in_schema=False)


@shown_by("sign_in.html")
@dataclass(frozen=True)
class SignInPage:
    """The form: `form_token` shows that it is ours, `next_path` is where it leads.

    `name` is what was typed, `problem` why it did not work (empty: it was not tried), `anybody`
    whether there is somebody who could sign in, `done` what was done just before.
    """

    form_token: str
    next_path: str
    name: str = ""
    problem: str = ""
    anybody: bool = True
    done: str = ""


@router.get("/sign-in")
def sign_in_page(
    request: Request,
    desk: Desked,
    next: str = "/",  # noqa: A002
    done: str = "",
) -> Response:
    """The form; who is signed in already goes on at once."""
    if visitor_of(request):
        return RedirectResponse(own_path(next), 303)
    said = "Your password is changed. Sign in with it." if done == "password" else ""
    anybody = desk.accounts.anybody_can_sign_in()
    page = SignInPage("", own_path(next), anybody=anybody, done=said)
    return _with_form(request, page)


@dataclass(frozen=True)
class SignInForm:
    """What the form sends."""

    name: Annotated[str, Form()] = ""
    password: Annotated[str, Form()] = ""
    csrf: Annotated[str, Form()] = ""
    next_path: Annotated[str, Form()] = "/"


@router.post("/sign-in")
def sign_in(request: Request, desk: Desked, form: Annotated[SignInForm, Depends()]) -> Response:
    """Sign in, with a session that is new whatever cookie came with the form."""
    if not _form_is_ours(request, form.csrf):
        raise NotAllowed(
            "the form is not of this browser, or its cookie was refused",
            hint="allow cookies for this address, load the page again, then sign in",
        )
    address = address_of(request)
    try:
        session = desk.accounts.sign_in(form.name, form.password, address=address)
    except SignInError as error:
        return _tried_in_vain(request, form, error)
    desk.accounts.sign_out(request.cookies.get(session_cookie(desk), ""), address=address)
    done = RedirectResponse(own_path(form.next_path), 303)
    _keep(done, request, session)
    return done


@router.post("/sign-out")
def sign_out(request: Request, desk: Desked) -> Response:
    """End the session."""
    cookie = session_cookie(desk)
    desk.accounts.sign_out(request.cookies.get(cookie, ""), address=address_of(request))
    done = RedirectResponse("/sign-in", 303)
    done.delete_cookie(cookie, httponly=True, samesite="lax", secure=desk.settings.https)
    return done


def own_path(path: str) -> str:
    r"""A path of the desk, or "/" for whatever would lead elsewhere.

    >>> own_path("/d/digits/label?x=1"), own_path("//evil.example"), own_path("https://evil.org")
    ('/d/digits/label?x=1', '/', '/')
    >>> own_path("/\\evil.example"), own_path("/\t/evil.example")
    ('/', '/')
    """
    plain = path.isprintable() and len(path) < LONGEST and not {"\\", " "} & set(path)
    if not plain or not path.startswith("/") or path.startswith(("//", "/sign-")):
        return "/"
    return path


def _tried_in_vain(request: Request, form: SignInForm, error: SignInError) -> Response:
    problem = problem_of(error)
    told = f"{problem.found}; {problem.hint}"
    done = _with_form(request, SignInPage("", own_path(form.next_path), form.name[:100], told))
    done.status_code = problem.status
    done.headers.update({key: value for key, value in problem.headers if key == "Retry-After"})
    return done


def _with_form(request: Request, page: SignInPage) -> Response:
    """The page with a token that fits a cookie: only a page of ours can know the two."""
    desk = desk_of(request)
    nonce = request.cookies.get(_form_cookie(request), "") or secrets.token_urlsafe(16)
    token = desk.accounts.sign(f"form:{nonce}")
    done = render(request, "sign_in.html", replace(page, form_token=token))
    done.set_cookie(
        _form_cookie(request), nonce, httponly=True, samesite="strict", secure=desk.settings.https,
    )  # fmt: skip
    return done


def _form_is_ours(request: Request, token: str) -> bool:
    nonce = request.cookies.get(_form_cookie(request), "")
    expected = desk_of(request).accounts.sign(f"form:{nonce}")
    return bool(nonce) and hmac.compare_digest(token.encode(), expected.encode())


def _form_cookie(request: Request) -> str:
    return f"{session_cookie(desk_of(request))}_form"


def _keep(response: Response, request: Request, session: Session) -> None:
    desk = desk_of(request)
    # Lax, not Strict: a link to the desk in a chat would else find nobody signed in. What changes
    # anything is a POST, for which the cookie of a Lax session does not come from other sites.
    response.set_cookie(
        session_cookie(desk),
        session.token,
        # A span, not a time: the clock of a browser may be wrong.
        max_age=int((session.expires_at - session.seen_at).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=desk.settings.https,
    )
