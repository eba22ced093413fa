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
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from time import monotonic
from urllib.parse import SplitResult, urlsplit

LONGEST_LINE = 1024

TRANSLATED = ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address at their end (RFC 6052)."""

LOCAL = tuple(
    ip_network(one)
    for one in ("::/96", "64:ff9b:1::/48", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")
)
"""Never public, whatever the interpreter's own list says: some hold an IPv4 address inside."""


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
        place = _resolved(parts, deadline, private=webhook.private)
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


def _resolved(parts: SplitResult, deadline: float, *, private: bool) -> tuple[str, int] | str:
    """The numeric address and port; every one that the name has must be allowed."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    places = _looked_up(str(parts.hostname), port, deadline)
    if not private and not all(_public(one) for one in places):
        return "the address is a private one"
    return places[0], port


def _looked_up(host: str, port: int, deadline: float) -> list[str]:
    """The addresses of a name. A lookup knows no time limit of its own: it is left behind."""
    found: list[str] = []
    failed: list[OSError | UnicodeError] = []

    def look() -> None:
        try:
            told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(str(one[4][0]) for one in told)
        except (OSError, UnicodeError) as error:
            failed.append(error)

    looking = Thread(target=look, daemon=True)
    looking.start()
    looking.join(_left(deadline))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return list(found)


def _public(place: str) -> bool:
    address: IPv4Address | IPv6Address = ip_address(place.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address in TRANSLATED:
            address = IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address
    local = any(address in one for one in LOCAL)
    return bool(address.is_global) and not address.is_multicast and not local


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
            plain.settimeout(_left(deadline))
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
