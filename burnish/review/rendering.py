"""From a template and its context to a page.

What belongs here: the one Jinja2 environment of the desk, the register of which dataclass each
template is given, and the addresses of static files. What does not: markup (`templates/`), or what
a context says (beside the page's routes).

Everything is escaped, an unknown name is an error, and a template sees nothing but the fields of
its context and the names in `GLOBALS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from burnish.review.access import desk_of, path_of, visitor_of
from burnish.review.worth import time_spent, told_rate

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
STATIC = FOLDER / "static"

GLOBALS = frozenset({"visitor", "title", "path", "login", "team", "csrf_field", "static"})
"""What every template may use: the visitor (or None), the desk's title, the path asked for,
whether there is a login and whether a team's figures are told, `csrf_field()` for the hidden field
that each form must hold, and `static('desk.css')` for the address of a static file."""

CONTEXTS: dict[str, type[Any]] = {}
"""Which dataclass each template is given."""

Context = TypeVar("Context")


def shown_by(template: str) -> Callable[[type[Context]], type[Context]]:
    """Enter a dataclass as the context of a template; its docstring names every field."""

    def enter(kind: type[Context]) -> type[Context]:
        if CONTEXTS.setdefault(template, kind) is not kind:
            raise ValueError(f"{template} has a context already: {CONTEXTS[template]}")
        return kind

    return enter


def render(request: Request, template: str, context: object, *, status: int = 200) -> HTMLResponse:
    """A page: `context` is the dataclass that `shown_by` entered for `template`."""
    if not isinstance(context, CONTEXTS[template]):
        raise TypeError(f"{template} is given {CONTEXTS[template]}, not {type(context)}")
    values = {one.name: getattr(context, one.name) for one in fields(cast(Any, context))}
    text = environment().get_template(template).render({**_around(request), **values})
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """The Jinja2 environment of all templates of the desk."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = moment
    made.filters["since"] = since
    made.filters["time_spent"], made.filters["told_rate"] = time_spent, told_rate
    return made


def moment(at: datetime) -> Markup:
    """A time as `<time>`, to the minute, in UTC.

    >>> from datetime import UTC
    >>> print(moment(datetime(2026, 11, 2, 9, 30, tzinfo=UTC)))
    <time datetime="2026-11-02T09:30:00+00:00">2026-11-02 09:30 UTC</time>
    """
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), at.strftime("%Y-%m-%d %H:%M")
    )


def since(seconds: float) -> str:
    """A span of time in the largest unit that fits.

    >>> since(40), since(600), since(7200), since(200000)
    ('40 s', '10 min', '2 h', '2 days')
    """
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            plural = "s" if unit == "day" and count > 1 else ""
            return f"{count} {unit}{plural}"
    return f"{int(seconds)} s"


def static_address(name: str) -> str:
    """The address of a static file; it changes with its content, so that it can be kept."""
    return f"/static/{name}?v={_digest(STATIC / name)}"


@cache
def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _around(request: Request) -> dict[str, Any]:
    visitor = visitor_of(request)
    settings = desk_of(request).settings

    def csrf_field() -> Markup:
        value = visitor.csrf if visitor else ""
        return Markup('<input type="hidden" name="csrf" value="{}">').format(value)

    return {
        "visitor": visitor,
        "title": settings.title,
        "path": path_of(request),
        "login": settings.login,
        "team": desk_of(request).team is not None,
        "csrf_field": csrf_field,
        "static": static_address,
    }
