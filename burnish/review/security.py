"""What holds for every request and response, whatever page is asked for.

What belongs here: allowed hosts, where a change may come from, the largest body, the headers of
every response, and what must be given before the desk listens to other machines. What does not:
who asks and whether they may (`access`), or how an error is told (`problems`).
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from burnish.errors import ProjectError
from burnish.review.access import SAFE
from burnish.review.context import DeskContext, DeskSettings
from burnish.review.problems import BROKEN, Problem, respond

log = logging.getLogger("burnish.review")

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?", re.ASCII)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with that a browser sends `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
PRIVATE = "no-store"
KEPT = "public, max-age=31536000, immutable"


class Doors:
    """The outermost layer: refuses what no page should see, and dresses every response.

    An error that nobody caught is logged and told without a word of its content.
    """

    def __init__(self, app: ASGIApp, *, settings: DeskSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dressing = _Dressing(send, kept=_is_kept(scope), https=self._settings.https)
        refused = refusal(Headers(scope=scope), str(scope["method"]), self._settings)
        if refused is not None:
            await self._tell(refused, scope, receive, dressing)
            return
        limited = _Limited(receive, self._settings.max_body_bytes)
        try:
            await self._app(scope, limited, dressing)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("a request broke: %s %r", scope["method"], scope["path"])
            if dressing.started:
                raise
            await self._tell(BROKEN, scope, receive, dressing)

    async def _tell(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Nobody is looked up for a request that is refused at the door, or after a fault.
        request.state.visitor = None
        response = await respond(request, problem)
        await response(scope, receive, send)


def refusal(headers: Headers, method: str, settings: DeskSettings) -> Problem | None:
    """Why a request is refused for its headers alone; None where nothing speaks against it."""
    host = headers.get("host", "")
    if not host_allowed(host, settings):
        return Problem(
            400, "unknown_host", "the desk does not go by the name it was asked under",
            hint="name it: burnish review --allow-host NAME",
        )  # fmt: skip
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > settings.max_body_bytes:
        return too_large(settings.max_body_bytes)
    if method not in SAFE and not _from_here(headers, host, settings):
        return Problem(
            403, "cross_site", "the request was sent by a page of another site",
            hint="open the desk itself and repeat what you did",
        )  # fmt: skip
    return None


def host_allowed(host: str, settings: DeskSettings) -> bool:
    """Whether the desk may be asked for under this `Host`.

    A page elsewhere can have its own name point to this machine, and would then be of one origin
    with the desk; so names are allowed by list. A plain address cannot be pointed elsewhere.

    >>> here = DeskSettings()
    >>> host_allowed("127.0.0.1:3002", here), host_allowed("evil.example:3002", here)
    (True, False)
    >>> host_allowed("192.168.1.5:3002", DeskSettings(loopback=False))
    True
    """
    # To the letter: parsers differ on what else may stand here, and a path in it misleads some.
    parts = HOST.fullmatch(host)
    name = parts[1].lower().strip("[]").rstrip(".") if parts else ""
    known = {one.lower() for one in settings.hosts}
    if settings.public_url:
        known.add((urlsplit(settings.public_url).hostname or "").lower())
    if name in known or name in LOOPBACK:
        return bool(name)
    return not settings.loopback and _is_address(name)


def check_settings(context: DeskContext) -> None:
    """Raise `ProjectError` where the desk would stand open.

    Other machines reach it only with a login, and with somebody who can sign in; without a login
    it acts as one named person, on loopback alone.
    """
    settings = context.settings
    if not settings.login and not settings.loopback:
        raise ProjectError(
            "the desk would listen to other machines without a login",
            hint="leave --no-login away, or leave --host away",
        )
    if not settings.login and not settings.sole_person:
        raise ProjectError(
            "without a login the desk does not know whose verdicts it takes",
            expected="the name of one person",
            hint="burnish review --no-login NAME",
        )
    if not settings.loopback and not context.accounts.anybody_can_sign_in():
        raise ProjectError(
            "the desk would listen to other machines, and nobody could sign in",
            expected="at least one person with a password",
            hint="burnish review person add NAME --role admin",
        )


def too_large(limit: int) -> Problem:
    """What is told of a body above the limit."""
    return Problem(
        413, "too_large", "the request is too large", expected=f"at most {limit:,} bytes",
        headers=(("Connection", "close"),),
    )  # fmt: skip


class _Limited:
    """Receives a body up to a limit, however it is sent."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            told = too_large(self._limit)
            detail = {"found": told.found, "expected": told.expected}
            raise HTTPException(413, detail=detail, headers=dict(told.headers))
        return message


class _Dressing:
    """Sends a response with the headers that all have."""

    def __init__(self, send: Send, *, kept: bool, https: bool) -> None:
        self._send = send
        self._kept = kept
        self._https = https
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if self._https:
                headers["Strict-Transport-Security"] = "max-age=31536000"
            kept = self._kept and message["status"] == 200
            headers.setdefault("Cache-Control", KEPT if kept else PRIVATE)
        await self._send(message)


def _is_kept(scope: Scope) -> bool:
    """Whether a response never changes: a static file under an address that names its content."""
    return scope["path"].startswith("/static/") and scope["query_string"].startswith(b"v=")


def _from_here(headers: Headers, host: str, settings: DeskSettings) -> bool:
    """Whether a change was asked for by a page of ours, or by a program that is no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    public = urlsplit(settings.public_url)
    if settings.public_url and origin == f"{public.scheme}://{public.netloc}":
        return True
    return origin in {f"http://{host}", f"https://{host}"}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
