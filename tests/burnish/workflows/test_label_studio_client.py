"""Asking a Label Studio server: pages, tokens, busy servers, and addresses that are not asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.errors import ReviewError
from burnish.workflows.label_studio_client import PAGE, TRIES, LabelStudioClient
from burnish.workflows.label_studio_live import pull, push
from burnish.workflows.tools_label_studio import LABEL
from tests.burnish.workflows.tool_batches import at_the_desk, name_of, planted

REFRESH = "eyJhbGciOiJIUzI1NiJ9.refresh.x"


@dataclass
class Played:
    """A server that is played: a project in memory, and what it was asked by whom."""

    tasks: list[dict[str, Any]] = field(default_factory=list)
    config: str = "<View></View>"
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    break_after: int | None = None
    minted: int = 0
    ended: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, body: Any, by: str) -> tuple[int, Any]:
        parts = urlsplit(path)
        self.asked.append((method, parts.path, by))
        if self.failing:
            return self.failing.pop(0), {"detail": "busy"}
        if parts.path == "/api/token/refresh/":
            self.minted += 1
            return 200, {"access": f"access-{self.minted}"}
        if by.removeprefix("Bearer ") in self.ended:
            return 401, {"detail": "Given token not valid for any token type"}
        known = {
            ("GET", "/api/projects/1/"): lambda: {"label_config": self.config},
            ("PATCH", "/api/projects/1/"): lambda: self.configure(body),
            ("POST", "/api/projects/1/import"): lambda: self.take(body),
            ("GET", "/api/tasks/"): lambda: self.page(parse_qs(parts.query)),
            ("GET", "/api/users/"): lambda: [{"id": 7, "email": "ada@example.org"}],
        }
        make = known.get((method, parts.path))
        return (404, {"detail": "Not found."}) if make is None else (200, make())

    def configure(self, body: Any) -> Any:
        self.config = body["label_config"]
        return {"maximum_annotations": body["maximum_annotations"]}

    def take(self, body: Any) -> Any:
        if self.break_after is not None and len(self.tasks) >= self.break_after:
            self.failing = [500]
        for one in body:
            number = len(self.tasks) + 1
            self.tasks.append(one | {"id": number, "annotations": [], "predictions": []})
        return {"task_count": len(body)}

    def page(self, query: dict[str, list[str]]) -> Any:
        number, size = int(query["page"][0]), int(query["page_size"][0])
        return {
            "tasks": self.tasks[(number - 1) * size : number * size],
            "total": len(self.tasks),
        }


@pytest.fixture
def played() -> Iterator[tuple[Played, str]]:
    there = Played()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            by = self.headers.get("Authorization") or ""
            status, said = there.answer(self.command, self.path, body, by)
            text = json.dumps(said).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{url}/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield there, url
    server.shutdown()
    server.server_close()
    thread.join()


def client_of(url: str, token: str = "legacy", pauses: list[float] | None = None) -> Any:
    return LabelStudioClient(url, token, pause=[].append if pauses is None else pauses.append)


def test_all_pages_are_read(played):
    there, url = played
    there.tasks = [{"id": number, "data": {}} for number in range(2 * PAGE)]
    found = [task["id"] for task in client_of(url).pages("/api/tasks/?project=1")]
    assert found == list(range(2 * PAGE))
    assert len(there.asked) == 2


def test_a_busy_server_is_asked_again_a_few_times_and_then_no_more(played):
    there, url = played
    there.failing, pauses = [503, 429], list[float]()
    assert client_of(url, pauses=pauses).read("/api/users/")[0]["id"] == 7
    assert pauses == [1.0, 2.0]
    there.failing = [503] * 10
    with pytest.raises(ReviewError, match="answers 503"):
        client_of(url).read("/api/users/")
    assert len(there.failing) == 10 - TRIES


def test_what_may_have_been_done_is_not_done_again(played):
    there, url = played
    there.failing = [503] * 3
    with pytest.raises(ReviewError, match="503 to POST"):
        client_of(url).change("POST", "/api/projects/1/import", [])
    assert len(there.failing) == 2


def test_a_redirect_is_not_followed_with_the_token(played):
    there, url = played
    there.failing = [302]
    with pytest.raises(ReviewError, match="redirect, which is not followed"):
        client_of(url).read("/api/users/")
    assert [path for _, path, _ in there.asked] == ["/api/users/"]


def test_a_legacy_token_goes_as_it_is_and_a_personal_one_is_exchanged_once_it_has_ended(played):
    there, url = played
    client_of(url).read("/api/users/")
    assert there.asked[-1][2] == "Token legacy"
    client = client_of(url, REFRESH)
    client.read("/api/users/")
    client.read("/api/users/")
    assert there.minted == 1
    there.ended.add("access-1")
    client.read("/api/users/")
    assert (there.minted, there.asked[-1][2]) == (2, "Bearer access-2")
    there.ended.add("access-2")
    there.ended.add("access-3")
    with pytest.raises(ReviewError, match="refuses the token"):
        client.read("/api/users/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://labels.example.org", "readable"),
        ("ftp://labels.example.org", "no address"),
        ("labels.example.org", "no address"),
        ("https://ann:secret@labels.example.org", "password in it"),
        ("https://labels.example.org:port", "no address"),
    ],
)
def test_an_address_that_would_give_the_token_away_is_not_asked(url, why):
    with pytest.raises(ReviewError, match=why) as raised:
        client_of(url)
    assert "secret" not in str(raised.value)


def test_without_a_token_the_variable_is_named_and_no_token_is_ever_shown():
    with pytest.raises(ReviewError, match="BURNISH_LABEL_STUDIO_TOKEN"):
        client_of("https://labels.example.org", " ")
    assert "legacy" not in repr(client_of("https://labels.example.org"))
    assert LabelStudioClient("http://10.0.0.4", "x", allow_http=True).url == "http://10.0.0.4"


def test_nobody_there_is_told_after_a_few_tries():
    pauses: list[float] = []
    client = LabelStudioClient("http://127.0.0.1:9", "x", timeout=1.0, pause=pauses.append)
    with pytest.raises(ReviewError, match="does not answer"):
        client.read("/api/users/")
    assert len(pauses) == TRIES - 1


def test_a_page_that_is_no_list_of_tasks_is_told_as_such(played):
    _, url = played
    with pytest.raises(ReviewError, match="does not answer as Label Studio does"):
        list(client_of(url).pages("/api/users/?x=1"))


def test_a_push_that_broke_off_goes_on_without_doubling(played, tmp_path, monkeypatch):
    there, url = played
    home = planted(tmp_path, 12)
    monkeypatch.setattr("burnish.workflows.label_studio_live.MOST_TASKS", 5)
    there.break_after = 5
    with pytest.raises(ReviewError, match="500"):
        # The server took the second part, and fails at the third.
        push(at_the_desk(home), client_of(url), 1)
    taken = len(there.tasks)
    assert 5 <= taken < 12
    there.break_after, there.failing = None, []
    done = push(at_the_desk(home), client_of(url), 1)
    assert (done.items, done.before) == (12 - taken, taken)
    names = [task["data"]["burnish"]["example_id"] for task in there.tasks]
    assert sorted(names) == sorted(name_of(row) for row in range(12))
    assert LABEL in there.config


def test_a_pull_names_who_answered_by_their_address(played, tmp_path):
    there, url = played
    home = planted(tmp_path, 2)
    push(at_the_desk(home), client_of(url), 1)
    part = {"from_name": LABEL, "value": {"choices": ["dog"]}}
    there.tasks[0]["annotations"] = [
        {"id": 3, "completed_by": 7, "result": [part], "updated_at": "2026-11-26T10:00:00Z"},
        {"id": 4, "completed_by": 8, "result": [part], "was_cancelled": True},
    ]
    found = pull(at_the_desk(home), client_of(url), 1)
    assert (found.taken, found.blank) == (1, 1)
    assert [event.verdict.author for event in home.ledger.events("pets")] == ["ada@example.org"]


def test_a_server_that_is_away_is_told_as_an_error_that_people_know():
    nobody = client_of("http://127.0.0.1:9")
    for ask in (lambda: nobody.read("/api/users/"), lambda: nobody.change("POST", "/x", {})):
        with pytest.raises(ReviewError, match="does not answer") as caught:
            ask()
        assert type(caught.value) is ReviewError


def test_what_another_server_says_is_not_shown_as_it_came(played):
    there, url = played
    there.answer = lambda *asked: (404, {"error": {"code": "not_found"}})
    with pytest.raises(ReviewError, match="no reason given") as caught:
        client_of(url).read("/api/users/")
    assert "code" not in str(caught.value)


def test_the_commands_push_and_pull_take_the_number_of_a_project(played, tmp_path, monkeypatch):
    there, url = played
    home = planted(tmp_path, 2)
    at_the_desk(home)
    monkeypatch.setenv("BURNISH_LABEL_STUDIO_TOKEN", "legacy")
    where = ("--home", str(home.folder), "--catalog", str(tmp_path / "catalog"))
    for command, said in (("push", "2"), ("pull", "0")):
        args = ["label-studio", command, "pets", "--url", url, "--project", "1", *where]
        result = CliRunner().invoke(main, args, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert said in result.output
    assert len(there.tasks) == 2
