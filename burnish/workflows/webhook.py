"""One POST to a webhook, by an address that may have been set by anybody.

What belongs here: which addresses may be spoken to, and the one request. What does not: what is
said (`burnish.workflows.notifying`).

Such an address is a way into the network it is called from. So: https alone, no private address (as
resolved, and it is that very address that is connected to), no redirect followed, no answer read
but its first line, and three seconds in all. The reasons given say nothing of the address.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from urllib.parse import SplitResult, urlsplit

LONGEST_LINE = 1024


@dataclass(frozen=True)
class Webhook:
    """Where notes are posted to; the address is a secret.

    `private` lets http and private addresses pass, for a network of one's own; `timeout` is for
    all of it, in seconds.
    """

    url: str = field(repr=False)
    private: bool = False
    timeout: float = 3.0


def post_note(webhook: Webhook, note: Mapping[str, str]) -> str:
    """Post a note as JSON; why it was not taken, or empty.

    A network that fails is a reason, not an error, and no reason names the address.

    >>> post_note(Webhook("http://hooks.example/x"), {"text": "hello"})
    'only https addresses are posted to'
    """
    parts = _parts(webhook)
    if isinstance(parts, str):
        return parts
    deadline = monotonic() + webhook.timeout
    try:
        place = _resolved(parts, private=webhook.private)
        if isinstance(place, str):
            return place
        return _said(parts, place, json.dumps(dict(note)).encode(), deadline)
    except TimeoutError:
        return f"no answer within {webhook.timeout:g} seconds"
    except ssl.SSLError:
        return "no secure connection could be made"
    except (OSError, UnicodeError):
        return "the connection failed"


def _parts(webhook: Webhook) -> SplitResult | str:
    """The parts of the address, or why it is not spoken to."""
    try:
        parts = urlsplit(webhook.url.strip())
        _ = parts.port
    except ValueError:
        return "the address cannot be read"
    if not parts.hostname or not webhook.url.isascii() or set(webhook.url.strip()) & set(" \r\n\t"):
        return "the address cannot be read"
    if parts.scheme != "https" and not (webhook.private and parts.scheme == "http"):
        return "only https addresses are posted to"
    if parts.username or parts.password:
        return "an address with a password in it is not posted to"
    return parts


def _resolved(parts: SplitResult, *, private: bool) -> tuple[str, int] | str:
    """The numeric address and port; every one that the name has must be allowed."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    places = [str(one[4][0]) for one in found]
    if not private and not all(_public(one) for one in places):
        return "the address is a private one"
    return places[0], port


def _public(place: str) -> bool:
    address = ip_address(place.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_global) and not inner.is_multicast


def _said(parts: SplitResult, place: tuple[str, int], body: bytes, deadline: float) -> str:
    """Send the request, and read the first line of the answer."""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: burnish\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    with socket.create_connection(place, timeout=_left(deadline)) as plain:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            with context.wrap_socket(plain, server_hostname=parts.hostname) as secure:
                return _exchanged(secure, head.encode() + body, deadline)
        return _exchanged(plain, head.encode() + body, deadline)


def _exchanged(line: socket.socket, request: bytes, deadline: float) -> str:
    line.settimeout(_left(deadline))
    line.sendall(request)
    answer = b""
    while b"\n" not in answer and len(answer) < LONGEST_LINE:
        # A server that drips would else be waited for without end.
        line.settimeout(_left(deadline))
        more = line.recv(LONGEST_LINE)
        if not more:
            break
        answer += more
    words = answer.split(b"\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return "the answer was no HTTP"
    status = int(words[1])
    if 200 <= status < 300:
        return ""
    told = ", a redirect, which is not followed" if 300 <= status < 400 else ""
    return f"the answer was {status}{told}"


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
