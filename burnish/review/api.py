"""The desk for programs: everything under `/api/v1`, put together.

What belongs here: the prefix, the words of the schema, and how a program shows who it is. What does
not: the routes (`burnish.review.api_answers` and its siblings), or the check of who
asks (`burnish.review.access`).

A program sends `Authorization: Bearer TOKEN`; a page of the desk asks with its session's cookie,
and with X-CSRF-Token where it changes something.
"""

from __future__ import annotations

from fastapi import APIRouter, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from burnish.review import (
    api_answers,
    api_figures,
    api_guides,
    api_promises,
    api_reviews,
    api_sharing,
)

bearer = HTTPBearer(auto_error=False, description="A token of your own, made on the page /tokens.")
cookie = APIKeyCookie(
    name="burnish_session",
    auto_error=False,
    description="The session of a browser; changes need the header X-CSRF-Token as well.",
)

# Who asks is found out for all routes at once; these two say so in the schema alone.
router = APIRouter(prefix="/api/v1", dependencies=[Security(bearer), Security(cookie)])
router.include_router(api_answers.router)
router.include_router(api_guides.router)
router.include_router(api_reviews.router)
router.include_router(api_figures.router)
router.include_router(api_sharing.router)
router.include_router(api_promises.router)
