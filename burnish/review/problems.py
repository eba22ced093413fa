"""How the desk says that something went wrong: one shape for programs, one page for people.

What belongs here: from an error to a status, a body and a page. What does not: raising errors, or
who may see what (`access`).

    {"error": {"code": "review_conflict", "found": "...", "expected": "...", "hint": "..."}}
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from burnish.errors import (
    BurnishError,
    DataError,
    ItemNotFound,
    LedgerError,
    LedgerMoved,
    NotAllowed,
    ReviewConflict,
    ReviewError,
    SignInError,
    SpecError,
    TooManyAttempts,
    VersionNotFound,
    WriteConflict,
)
from burnish.review.access import API, SAFE, identify, path_of
from burnish.review.rendering import render, shown_by

log = logging.getLogger("burnish.review")

STATUSES: tuple[tuple[type[BurnishError], int], ...] = (
    (TooManyAttempts, 429),
    (SignInError, 401),
    (NotAllowed, 403),
    (ReviewConflict, 409),
    (LedgerMoved, 409),
    (WriteConflict, 409),
    (VersionNotFound, 404),
    (ItemNotFound, 404),
    (ReviewError, 400),
    (DataError, 400),
    (SpecError, 400),
    (LedgerError, 503),
)
"""The first that fits counts; what is not here is a fault of ours."""

HEADINGS = {
    400: "That did not work",
    401: "Please sign in",
    403: "You may not do that",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "Somebody was faster",
    413: "That is too large",
    422: "That does not fit",
    429: "Too many attempts",
    500: "Something broke",
    503: "Not just now",
}


class ProblemDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="A stable name of the kind of error, such as review_conflict.")
    found: str = Field(description="What was found.")
    expected: str = Field(description="What would have been right; may be empty.")
    hint: str = Field(description="What to do about it; may be empty.")


class ProblemBody(BaseModel):
    """The body of every response that is no success."""

    error: ProblemDetail


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: the statuses that it may answer with, in our one shape.

    >>> sorted(responses(404, 409))
    [401, 403, 404, 409, 413, 422]
    """
    every = {401, 403, 413, 422, *statuses}
    return {
        status: {"model": ProblemBody, "description": HEADINGS.get(status, "An error")}
        for status in sorted(every)
    }


@dataclass(frozen=True)
class Problem:
    """An error as it is told: its status and code, what was found, expected, and what to do."""

    status: int
    code: str
    found: str
    expected: str = ""
    hint: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> dict[str, dict[str, str]]:
        return {
            "error": {
                "code": self.code,
                "found": self.found,
                "expected": self.expected,
                "hint": self.hint,
            }
        }


@shown_by("error.html")
@dataclass(frozen=True)
class ErrorPage:
    """The page that says what went wrong: its `heading`, the `problem`, and `back`, where to go."""

    heading: str
    problem: Problem
    back: str


BROKEN = Problem(
    500, "internal_error", "the desk hit a fault of its own", hint="its log says which"
)


def not_found(what: str, *, hint: str = "") -> HTTPException:
    """The error to raise where an address names something that is not there."""
    return HTTPException(404, detail={"found": what, "hint": hint})


def problem_of(error: BurnishError) -> Problem:
    """How an error of ours is told.

    >>> problem_of(ReviewConflict("ann was first")).status
    409
    """
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    if status == 500:
        # Its words may name files and hosts, which are nobody's business but the operator's.
        log.error("an error of the desk", exc_info=error)
        return BROKEN
    headers = [("WWW-Authenticate", "Bearer")] if status == 401 else []
    if isinstance(error, TooManyAttempts):
        headers.append(("Retry-After", str(getattr(error, "retry_after", 900))))
    kind = next(kind for kind, _ in STATUSES if isinstance(error, kind))
    return Problem(
        status, _snake(kind.__name__), error.found, error.expected, error.hint, tuple(headers)
    )


def wants_json(path: str, accept: str) -> bool:
    """Whether a program asks: of the API, or of a page with `Accept: application/json`."""
    return path.startswith(API) or ("application/json" in accept and "text/html" not in accept)


async def respond(request: Request, problem: Problem) -> Response:
    """A problem as JSON for programs, as a page for people, or as the way to the sign-in page."""
    headers = dict(problem.headers)
    if wants_json(path_of(request), request.headers.get("accept", "")):
        return JSONResponse(problem.body(), problem.status, headers)
    # To a browser this header would be an offer of a login window of its own.
    headers.pop("WWW-Authenticate", None)
    if problem.status == 401 and request.method in SAFE:
        return RedirectResponse(f"/sign-in?next={quote(_here(request), safe='')}", 303)
    if not hasattr(request.state, "visitor"):
        await identify(request)
    back = _back(request, problem)
    page = ErrorPage(HEADINGS.get(problem.status, "An error"), problem, back)
    done = await run_in_threadpool(render, request, "error.html", page)
    done.status_code = problem.status
    done.headers.update(headers)
    return done


def handle_problems(app: FastAPI) -> None:
    """Have every error of `app` told in our shapes."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, BurnishError)
        return await respond(request, problem_of(error))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        return await respond(request, _of_http(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await respond(request, _of_input(error.errors()))

    app.add_exception_handler(BurnishError, ours)
    app.add_exception_handler(AnyHTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _of_http(error: AnyHTTPException) -> Problem:
    detail: Any = error.detail
    texts: dict[str, Any] = detail if isinstance(detail, dict) else {"found": _plain(str(detail))}
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
        error.status_code, "bad_request"
    )
    return Problem(
        error.status_code,
        code,
        str(texts.get("found", "")),
        str(texts.get("expected", "")),
        str(texts.get("hint", "")),
        tuple((error.headers or {}).items()),
    )


def _plain(detail: str) -> str:
    # The framework's own words for what it raises itself.
    return {
        "Not Found": "the desk has no such address",
        "Method Not Allowed": "this address does not do that",
    }.get(detail, detail)


def _of_input(errors: Sequence[Any]) -> Problem:
    # What was sent is left out: it may be a password.
    told = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in errors[:5]]
    return Problem(422, "invalid_input", "; ".join(told), hint="mend what is named and send again")


def _here(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return path_of(request) + (f"?{query}" if query else "")


def _back(request: Request, problem: Problem) -> str:
    worth_it = request.method in SAFE and problem.status not in {403, 404}
    return path_of(request) if worth_it else "/"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
