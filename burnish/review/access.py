"""Who asks, and whether they may: what every request passes before any page sees it.

What belongs here: from a request to a `Visitor`, the check of roles, and the check that a change
comes from a form of ours. What does not: people, sessions and tokens (`accounts`), headers and
hosts (`security`), or what may be done to an item (`states`).

A page names its visitor, and with that who may see it:

    @router.get("/d/{dataset}/review")
    def inbox(request: Request, dataset: str, visitor: Reviewer, desk: Desked) -> Response: ...

A route that names none is still closed to those who are not signed in, unless it is in `PUBLIC`.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from burnish.errors import NotAllowed, SignInError
from burnish.review.context import DeskContext
from burnish.review.ground import one_request
from burnish.review.records import ROLES_HINT, Person, Role

RANKS: dict[Role, int] = {"annotator": 0, "reviewer": 1, "admin": 2}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = frozenset({"/sign-in", "/health"})
"""What may be asked for by anybody. `/static` and the API's schema are the same in any install."""

API = "/api/"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Visitor:
    """Who asks: `csrf` is what their forms must hold; `by_token` that a program asks for them."""

    person: Person
    csrf: str
    by_token: bool = False

    def may(self, role: Role) -> bool:
        """Whether they may do what people of `role` may."""
        return RANKS[self.person.role] >= RANKS[role]


def desk_of(request: Request) -> DeskContext:
    """What the application was created with."""
    return cast(DeskContext, request.app.state.desk)


def path_of(request: Request) -> str:
    """The path that was routed. `request.url` is put together with what the Host header says."""
    return str(request.scope["path"])


def session_cookie(desk: DeskContext) -> str:
    """The name of the session's cookie; over https one that no other host can have set."""
    prefix = "__Host-" if desk.settings.https else ""
    return prefix + desk.accounts.cookie_name()


def visitor_of(request: Request) -> Visitor | None:
    """Who asks, as `guard` found out; None where nobody is signed in."""
    return cast("Visitor | None", getattr(request.state, "visitor", None))


async def guard(request: Request) -> None:
    """Find out who asks; refuse strangers and forged forms. Every route depends on this."""
    one_request()
    visitor = await identify(request)
    path = path_of(request)
    if path in PUBLIC:
        return
    if visitor is None:
        raise SignInError("nobody is signed in", hint=_how_to_sign_in(path))
    if request.method not in SAFE and not visitor.by_token:
        await check_form(request, visitor.csrf)


async def identify(request: Request) -> Visitor | None:
    """Who asks, kept in the request's state."""
    visitor = await run_in_threadpool(_identified, request)
    request.state.visitor = visitor
    return visitor


def signed_in(role: Role = "annotator") -> Callable[[Request], Awaitable[Visitor]]:
    """A dependency: the visitor, if they may do what people of `role` may; else `NotAllowed`."""

    async def visitor(request: Request) -> Visitor:
        found = visitor_of(request)
        if found is None:
            raise SignInError("nobody is signed in", hint=_how_to_sign_in(path_of(request)))
        if not found.may(role):
            raise NotAllowed(
                f"{found.person.name} is {_a(found.person.role)}",
                expected=f"{_a(role)}",
                hint=ROLES_HINT,
            )
        return found

    return visitor


Annotator = Annotated[Visitor, Depends(signed_in("annotator"))]
Reviewer = Annotated[Visitor, Depends(signed_in("reviewer"))]
Admin = Annotated[Visitor, Depends(signed_in("admin"))]
Desked = Annotated[DeskContext, Depends(desk_of)]


async def check_form(request: Request, expected: str) -> None:
    """Raise `NotAllowed` unless the header X-CSRF-Token or the field `csrf` holds `expected`."""
    given = request.headers.get("x-csrf-token", "")
    if not given and request.headers.get("content-type", "").startswith(FORMS):
        field = (await request.form()).get("csrf", "")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise NotAllowed(
            "the form does not come from a page of this session",
            hint="load the page again and repeat what you did",
        )


def address_of(request: Request) -> str:
    """The address of who asks; from X-Forwarded-For only where a trusted proxy says so."""
    peer = request.client.host if request.client else ""
    trusted = desk_of(request).settings.trusted_proxies
    if peer not in trusted:
        return peer
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",")]
    # Each proxy appends whom it saw: what stands left of the last stranger is hearsay.
    return next((hop for hop in reversed(hops) if hop and hop not in trusted), peer)


def _identified(request: Request) -> Visitor | None:
    desk = desk_of(request)
    bearer = request.headers.get("authorization", "")
    if bearer:
        return _by_token(desk, bearer) if path_of(request).startswith(API) else None
    if not desk.settings.login:
        person = Person(desk.settings.sole_person, "admin")
        return Visitor(person, desk.accounts.sign(f"sole:{person.name}"))
    session = desk.accounts.session(request.cookies.get(session_cookie(desk), ""))
    return Visitor(session.person, session.csrf) if session else None


def _by_token(desk: DeskContext, header: str) -> Visitor | None:
    kind, _, secret = header.partition(" ")
    person = desk.accounts.token_person(secret.strip()) if kind.lower() == "bearer" else None
    return Visitor(person, "", by_token=True) if person else None


def _how_to_sign_in(path: str) -> str:
    if path.startswith(API):
        return "send the header Authorization: Bearer TOKEN; the page /tokens makes one"
    return "sign in, then try again"


def _a(role: Role) -> str:
    return f"an {role}" if role in {"annotator", "admin"} else f"a {role}"
