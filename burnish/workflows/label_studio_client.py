"""One Label Studio server, asked over HTTP.

What belongs here: requests, tokens, pages, and which failures are tried again. What does not: what
is asked of a project (`burnish.workflows.label_studio_live`), or Label Studio's files
(`burnish.workflows.tools_label_studio`).

The token goes to the address that was named and to no other: redirects are not followed, and http
is spoken to this machine alone unless it is allowed. Both kinds of tokens are known: a legacy one
goes with each request; a personal access token is exchanged for one that lasts some minutes.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import urlsplit

from burnish.errors import ReviewError

TIMEOUT, TRIES, PAUSE = 60.0, 4, 1.0
"""Seconds for one request, how often a read is tried, and seconds before the second time."""
PAGE, MOST_BYTES = 100, 500_000_000
PASSING = frozenset({429, 502, 503, 504})
"""Answers of a server that is busy: the same request may be taken a little later."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: the token would go along to wherever it leads."""

    def redirect_request(self, *args: Any, **more: Any) -> None:  # noqa: ARG002
        return None


@dataclass
class LabelStudioClient:
    """A server at an address, asked on behalf of whom the token stands for.

    `allow_http` lets the token go readable over a network that is trusted; `pause` waits between
    tries. Raises `ReviewError` for an address that is not spoken to, and where the server refuses
    or does not answer.
    """

    url: str
    token: str = field(repr=False)
    allow_http: bool = False
    timeout: float = TIMEOUT
    pause: Callable[[float], None] = time.sleep
    _access: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        _check_address(self.url, allow_http=self.allow_http)
        if not self.token.strip() or not self.token.strip().isascii():
            raise ReviewError(
                "there is no token for Label Studio",
                expected="one in the variable BURNISH_LABEL_STUDIO_TOKEN",
                hint="make one in Label Studio: Account & Settings, Personal Access Token",
            )
        self.token = self.token.strip()
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if urlsplit(self.url).hostname in LOOPBACK:
            # A proxy of the environment knows nothing of this machine's loopback.
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def read(self, path: str) -> Any:
        """What GET answers; tried again where the server is busy or the connection breaks."""
        for attempt in range(1, TRIES):
            try:
                return self._ask("GET", path, None)
            except _Passing:
                self.pause(PAUSE * 2 ** (attempt - 1))
        return self.change("GET", path, None)

    def change(self, method: str, path: str, body: Any) -> Any:
        """What POST or PATCH answers; asked once, since it may have been done."""
        try:
            return self._ask(method, path, body)
        except (_Passing, _Expired) as error:
            # People read the kind of an error, and it passes no more.
            raise ReviewError(error.found, expected=error.expected, hint=error.hint) from error

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The tasks of a list that comes in pages; `path` has a query already."""
        number = 1
        while True:
            found: Any = self.read(f"{path}&page={number}&page_size={PAGE}")
            if not isinstance(found, dict) or not isinstance(found.get("tasks"), list):
                raise self._odd(path)
            tasks = cast("list[Mapping[str, Any]]", found["tasks"])
            yield from tasks
            total = found.get("total")
            if len(tasks) < PAGE or (isinstance(total, int) and number * PAGE >= total):
                return
            number += 1

    def _ask(self, method: str, path: str, body: Any) -> Any:
        try:
            return self._send(method, path, body, self._authorization())
        except _Expired:
            self._access = ""
            return self._send(method, path, body, self._authorization())

    def _authorization(self) -> str:
        if not self.token.startswith("eyJ"):
            return f"Token {self.token}"
        if not self._access:
            path = "/api/token/refresh/"
            found: Any = self._send("POST", path, {"refresh": self.token}, "")
            if not isinstance(found, dict) or not isinstance(found.get("access"), str):
                raise self._odd(path)
            self._access = cast("str", found["access"])
        return f"Bearer {self._access}"

    def _send(self, method: str, path: str, body: Any, authorization: str) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        request = urllib.request.Request(  # noqa: S310 - the address was checked
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=headers,
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                text = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise self._refused(error, method, path, authorization) from error
        except (OSError, HTTPException) as error:
            raise _Passing(
                f"Label Studio at {self.url} does not answer: {getattr(error, 'reason', error)}",
                expected="a server that answers",
                hint="is it running there, and is the address right?",
            ) from error
        if len(text) > MOST_BYTES:
            raise ReviewError(
                f"{path} answers more than {MOST_BYTES:,} bytes",
                hint="export a file there, and `burnish verdicts import` it",
            )
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise self._odd(path) from error

    def _refused(
        self, error: urllib.error.HTTPError, method: str, path: str, authorization: str
    ) -> ReviewError:
        with error:
            said = error.read(2000).decode("utf-8", "replace")
        if error.code == 401 and authorization.startswith("Bearer"):
            return _Expired(
                f"Label Studio refuses the token: {_detail(said)}",
                expected="a token that is valid there",
                hint="make one in Label Studio: Account & Settings, Personal Access Token",
            )
        kind = _Passing if error.code in PASSING else ReviewError
        place = path.partition("?")[0]
        if 300 <= error.code < 400:
            return ReviewError(
                f"{self.url} answers with a redirect, which is not followed with a token",
                hint="name the address that it leads to",
            )
        hints = {
            401: "is the token right? legacy tokens may be off for the organization",
            403: "may the owner of the token change this project?",
            404: "is there a project of this number, and is it Label Studio?",
        }
        return kind(
            f"Label Studio answers {error.code} to {method} {place}: {_detail(said)}",
            hint=hints.get(error.code, ""),
        )

    def _odd(self, path: str) -> ReviewError:
        return ReviewError(
            f"{self.url}{path.partition('?')[0]} does not answer as Label Studio does",
            expected="its API of version 1.7 or later",
        )


class _Passing(ReviewError):
    """A failure that may pass."""


class _Expired(ReviewError):
    """The exchanged token has ended."""


def _check_address(url: str, *, allow_http: bool) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ReviewError(
            f"{url[:100]!r} is no address", expected="https://labels.example.org"
        ) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
        raise ReviewError(f"{url[:100]!r} is no address", expected="https://labels.example.org")
    if parts.username or parts.password:
        raise ReviewError(
            "an address with a password in it is not asked",
            hint="the token belongs into BURNISH_LABEL_STUDIO_TOKEN",
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not allow_http:
        raise ReviewError(
            f"{url[:100]} is http, and the token would cross the network readable",
            expected="https, or this machine",
            hint="--allow-http, where you trust the network",
        )


def _detail(said: str) -> str:
    """What an error of the server says, short and on one line."""
    try:
        found: Any = json.loads(said)
    except ValueError:
        return "no reason given"
    told: Any = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    words = told.get("validation_errors") or told.get("detail") or "no reason given"
    return " ".join(str(words).split())[:300]
