"""`python -m pipelines.pages`: the reports of a home as web pages, on this machine alone.

What belongs here: handing out files of one folder, and refusing everything else. What does not:
how the pages are made (`burnish.report`).

Reports quote data, and data may hold anything: so pages run no script and load nothing, only
GET and HEAD are answered, nothing outside the folder is reached by `..` or by a link, and a
request must name this machine as its host, or a page elsewhere could read the reports through a
name that it makes point here.
"""

import html
import os
import re
import socket
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import click

HOSTS = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
EMPTY = "Nothing was reported yet: pages appear here once a gate has judged or a loop has turned."
INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.55 system-ui, sans-serif; max-width: 44rem;
  margin: 2rem auto; padding: 0 1rem; }}
li {{ margin: .2rem 0; }}
small {{ color: GrayText; margin-left: .6rem; }}
</style></head><body><h1>{title}</h1>{body}</body></html>
"""


class PagesHandler(BaseHTTPRequestHandler):
    """Answers from the folder `root`; of a folder without `index.html` it lists the pages."""

    server_version = "burnish-pages"
    sys_version = ""
    timeout = 30

    def __init__(self, *args: object, root: Path) -> None:
        self.root = root.resolve()
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def end_headers(self) -> None:
        # Here and not with the answers: errors have them as well.
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def _answer(self, *, with_body: bool) -> None:
        if not _names_this_machine(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.FORBIDDEN, "this server is for this machine alone")
            return
        found = find(self.root, self.path)
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif found.is_dir() and not urlsplit(self.path).path.endswith("/"):
            self._send_on(found)
        elif found.is_dir():
            self._send(listing(self.root, found).encode(), TYPES[".html"], with_body=with_body)
        else:
            kind = TYPES.get(found.suffix.lower(), "application/octet-stream")
            self._send(found.read_bytes(), kind, with_body=with_body)

    def _send(self, body: bytes, kind: str, *, with_body: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _send_on(self, folder: Path) -> None:
        """To the same folder with a slash, from which the links of its page are taken."""
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", f"/{quote(str(folder.relative_to(self.root)))}/")
        self.send_header("Content-Length", "0")
        self.end_headers()


def find(root: Path, target: str) -> Path | None:
    """The file or folder that a request's target names; None where it is not one of ours.

    Files and folders whose name begins with a dot are nobody's business. What a link leads to
    counts, not where the link stands.
    """
    path = unquote(urlsplit(target).path)
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if any(part.startswith(".") or "\0" in part or "\\" in part for part in parts):
        return None
    try:
        found = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):  # absent, unreadable, or links in a circle
        return None
    if not found.is_relative_to(root) or not os.access(found, os.R_OK):
        return None
    inside = found.relative_to(root)
    if any(part.startswith(".") for part in inside.parts):
        return None
    if found.is_dir():
        # Without the slash, the links of its index would be taken from the folder above.
        return (path.endswith("/") and find(root, quote(f"{inside}/index.html"))) or found
    return found if found.is_file() else None


def listing(root: Path, folder: Path) -> str:
    """A page of links to the pages in a folder, newest first, and to the folders in it."""
    entries = [one for one in folder.iterdir() if find(root, quote(str(one.relative_to(root))))]
    folders = sorted(one for one in entries if one.is_dir())
    pages = [one for one in entries if one.suffix == ".html"]
    pages.sort(key=lambda one: (-one.stat().st_mtime_ns, one.name))
    lines = [_line(f"{one.name}/", "") for one in folders]
    lines += [_line(one.name, _time(one)) for one in pages]
    title = "Reports" if folder == root else f"Reports: {folder.relative_to(root)}"
    body = f"<ul>{''.join(lines)}</ul>" if lines else f"<p>{EMPTY}</p>"
    up = "" if folder == root else '<p><a href="../">All reports</a></p>'
    return INDEX.format(title=html.escape(title), body=up + body)


def _line(name: str, note: str) -> str:
    return f'<li><a href="{html.escape(quote(name))}">{html.escape(name)}</a> {note}</li>'


def _time(page: Path) -> str:
    moment = datetime.fromtimestamp(page.stat().st_mtime, UTC)
    return f"<small>{moment:%Y-%m-%d %H:%M} UTC</small>"


def _names_this_machine(hosts: list[str]) -> bool:
    return len(hosts) == 1 and re.sub(r":\d+$", "", hosts[0].strip().lower()) in HOSTS


class PagesServer(ThreadingHTTPServer):
    """On the loopback interface alone; a request that hangs keeps nobody from ending it."""

    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self, root: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), partial(PagesHandler, root=root))


@click.command()
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--port", type=click.IntRange(1, 65535), required=True)
def main(root: Path, port: int) -> None:
    """Serve the pages of a folder until told to stop."""
    root.mkdir(parents=True, exist_ok=True)
    with PagesServer(root, port) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
