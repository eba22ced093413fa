"""The reports as web pages: what is handed out, and all that is not."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.pages import PagesServer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "reports"
    (root / "flowers" / "gates").mkdir(parents=True)
    (root / "flowers" / "loop.html").write_text("<h1>What the loop bought</h1>")
    (root / "flowers" / "gates" / "raw <b>.html").write_text("raw")
    (root / ".hidden.html").write_text("hidden")
    (tmp_path / "secret.html").write_text("a secret")
    (root / "out.html").symlink_to(tmp_path / "secret.html")
    (root / "outside").symlink_to(tmp_path)
    (root / "round").symlink_to(root / "round")
    (root / "inside.html").symlink_to(root / "flowers" / "loop.html")
    return root


@pytest.fixture
def port(root: Path) -> Iterator[int]:
    with PagesServer(root) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def ask(
    port: int, target: str, *, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], str]:
    """The answer to a request whose target is sent as it stands; no Host where it is empty."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, target, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_a_page_is_handed_out_and_may_run_nothing(port: int):
    status, headers, body = ask(port, "/flowers/loop.html?again=1")
    assert (status, body) == (200, "<h1>What the loop bought</h1>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "script" not in policy


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.html",
        "/flowers/../../secret.html",
        "/%2e%2e/secret.html",
        "/flowers/..%2f..%2fsecret.html",
        "//secret.html",
        "/..\\secret.html",
        "/out.html",
        "/outside/secret.html",
        "/outside/",
        "/round",
        "/.hidden.html",
        "/flowers/%00loop.html",
        "/absent.html",
        "/etc/passwd",
    ],
)
def test_nothing_else_is(port: int, target: str):
    status, headers, body = ask(port, target)
    assert status == 404
    assert "secret" not in body.replace("secret.html", "")
    assert "Content-Security-Policy" in headers


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "[::1]:{}"])
def test_this_machine_may_be_named_in_each_way(port: int, host: str):
    assert ask(port, "/inside.html", host=host.format(port))[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost:x", "[::2]", ""]
)
def test_a_name_that_somebody_made_point_here_is_refused(port: int, host: str):
    status, _, body = ask(port, "/flowers/loop.html", host=host)
    assert status == 403
    assert "bought" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_reading_is_answered(port: int, method: str):
    assert ask(port, "/flowers/loop.html", method=method)[0] == 501


def test_head_is_a_page_without_its_body(port: int):
    status, headers, body = ask(port, "/flowers/loop.html", method="HEAD")
    assert (status, body) == (200, "")
    assert headers["Content-Length"] == str(len("<h1>What the loop bought</h1>"))


def test_a_folder_lists_what_may_be_read_and_nothing_else(port: int):
    _, _, body = ask(port, "/")
    assert 'href="flowers/"' in body
    assert 'href="inside.html"' in body
    assert not [name for name in ("hidden", "out", "round", "secret") if f'href="{name}' in body]
    status, headers, _ = ask(port, "/flowers/gates")
    assert (status, headers["Location"]) == (301, "/flowers/gates/")
    _, _, gates = ask(port, "/flowers/gates/")
    assert 'href="raw%20%3Cb%3E.html"' in gates
    assert "raw &lt;b&gt;.html" in gates


def test_an_index_page_stands_for_its_folder(port: int, root: Path):
    (root / "flowers" / "index.html").write_text("the index")
    assert ask(port, "/flowers/")[2] == "the index"
    assert ask(port, "/flowers")[0] == 301


def test_an_empty_home_says_that_nothing_was_reported(tmp_path: Path):
    with PagesServer(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert "Nothing was reported yet" in ask(server.server_address[1], "/")[2]
        finally:
            server.shutdown()
            thread.join()


def test_nobody_but_this_machine_can_connect(root: Path):
    with PagesServer(root) as server:
        assert server.server_address[0] == "127.0.0.1"
