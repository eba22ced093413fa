"""Somebody between a client and a server, who can make the way as bad as a test wants it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Cut = Literal["request", "answer", "middle"]
OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Between:
    """The way to a server: `url` is its near end; what is set holds for the next request on.

    `delay` seconds pass before each answer. From the request numbered `hang` on (1 is the first)
    there is no answer, until `release` is set; then the server hears of them. `cut` breaks off the
    connection at the request of that number: before the server hears of it (`request`), after it
    did (`answer`), or half way through what it says (`middle`). `status` is answered without
    asking the server. `seen` are the requests that came in.
    """

    upstream: str
    url: str = ""
    delay: float = 0.0
    hang: int = 0
    status: int = 0
    cut: tuple[int, Cut] | None = None
    seen: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    _server: _Server | None = None

    def heal(self) -> None:
        """As good as new: nothing happens to requests, and none was seen; it listens."""
        self.delay, self.hang, self.status, self.cut = 0.0, 0, 0, None
        self.release.set()
        self.release = threading.Event()
        self.seen.clear()
        if self._server is None:
            self.listen()

    def refuse(self) -> None:
        """Nobody listens any more, and who was connected is not."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None

    def listen(self) -> None:
        """Somebody listens, at the same address as before."""
        handler = type("Handler", (_Handler,), {"way": self})
        self._server = _Server(("127.0.0.1", urlsplit(self.url).port or 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    """A way to the server at `upstream`."""
    way = Between(upstream)
    way.listen()
    try:
        yield way
    finally:
        way.release.set()
        way.refuse()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self.open: list[socket.socket] = []
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for connection in self.open:
            with suppress(OSError):  # closed long ago
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that gave up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    way: Between
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None: ...

    def pass_on(self) -> None:
        way = self.way
        way.seen.append(f"{self.command} {urlsplit(self.path).path}")
        number = len(way.seen)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if way.hang and number >= way.hang:
            way.release.wait(60)
        cut = way.cut[1] if way.cut is not None and way.cut[0] == number else None
        if cut == "request":
            self._break_off()
            return
        status, headers, text = (way.status, {}, b"{}") if way.status else self._ask(body)
        time.sleep(way.delay)
        if cut == "answer" or (cut == "middle" and len(text) < 2):
            self._break_off()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text if cut is None else text[: len(text) // 2])
        if cut == "middle":
            self._break_off()

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        far = urlsplit(self.way.upstream)
        with closing(HTTPConnection(far.hostname or "", far.port, timeout=60)) as connection:
            connection.request(self.command, self.path, body or None, _travelling(self.headers))
            answer = connection.getresponse()
            return answer.status, _travelling(answer.headers), answer.read()

    def _break_off(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815


def _travelling(headers: Message) -> dict[str, str]:
    """Headers that are not of one hop alone."""
    return {name: value for name, value in headers.items() if name.lower() not in OF_A_HOP}
