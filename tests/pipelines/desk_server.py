"""`burnish review` as a process of its own, for tests: where it is, what it says, its end.

What belongs here: starting it on a free port, waiting until it answers, stopping it. What does not:
any expectation.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import runner
from pipelines.services import answers

PROJECT = Path(runner.__file__).resolve().parent.parent
PATIENCE = 120


class DeskServer:
    """One call of `burnish review`, and what it wrote."""

    def __init__(self, home: Path, catalog: Path, *options: str) -> None:
        self.out = home.parent / f"desk-{time.monotonic_ns()}.out"
        usual = {name: value for name, value in os.environ.items() if name[:8] != "BURNISH_"}
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "burnish.cli", "review", "--home", str(home),
                 "--catalog", str(catalog), *options],
                cwd=home.parent,
                env={**usual, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.out.read_text()

    @property
    def url(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.text)
        return found[0] if found else ""

    def stands(self) -> DeskServer:
        end = time.monotonic() + PATIENCE
        while not (self.url and answers(f"{self.url}/health")):
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.1)
        return self

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def desk_server(home: Path, catalog: Path, *options: str) -> Iterator[DeskServer]:
    """A desk that answers, ended when the block is left."""
    server = DeskServer(home, catalog, *options)
    try:
        yield server.stands()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def status_of(url: str, **headers: str) -> int:
    """The HTTP status of a page asked for with these headers; redirects are not followed."""
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(_Stay(), urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
