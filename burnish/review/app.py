"""The desk as a web application: its routers under one roof, behind one door.

What belongs here: putting the application together. What does not: any page (`pages_*`), the API
(`api`), or serving it (`burnish.workflows.desk`).
"""

from __future__ import annotations

from importlib import import_module

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from burnish.review.access import guard
from burnish.review.context import DeskContext, DeskSettings
from burnish.review.problems import handle_problems
from burnish.review.rendering import STATIC
from burnish.review.security import Doors, check_settings

__all__ = ["ROUTERS", "DeskContext", "DeskSettings", "create_app"]

ROUTERS = (
    "pages_home",
    "pages_sign_in",
    "pages_people",
    "pages_away",
    "pages_tokens",
    "pages_label",
    "pages_guide",
    "pages_queue",
    "pages_mine",
    "pages_promises",
    "pages_review",
    "pages_figures",
    "pages_history",
    "pages_why",
    "pages_worth",
    "api",
)
"""The modules of this package whose `router` is part of the desk."""


def create_app(context: DeskContext) -> FastAPI:
    """The desk, ready to be served by any ASGI server.

    Raises `ProjectError` for settings under which it would stand open.
    """
    check_settings(context)
    if not context.settings.login:
        context.accounts.ensure_person(context.settings.sole_person)
    app = FastAPI(
        title="Burnish review desk",
        description="Take items of an open batch, answer them, and review what was answered.",
        version="1",
        openapi_url="/api/v1/openapi.json",
        # The pages of documentation that FastAPI offers fetch their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(guard)],
        redirect_slashes=False,
    )
    app.state.desk = context
    handle_problems(app)
    for name in ROUTERS:
        app.include_router(import_module(f"burnish.review.{name}").router)
    app.add_api_route("/health", _health, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Doors, settings=context.settings)
    return app


async def _health() -> JSONResponse:
    return JSONResponse({"status": "ok"})
