"""The round trip through a real Label Studio server, which the test starts.

It needs a Python that has `label-studio`, named by BURNISH_LABEL_STUDIO_PYTHON:

    python -m venv /somewhere/ls && /somewhere/ls/bin/pip install label-studio
    BURNISH_LABEL_STUDIO_PYTHON=/somewhere/ls/bin/python make test-all
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from burnish.workflows.label_studio_client import LabelStudioClient
from burnish.workflows.label_studio_live import pull, push
from tests.burnish.workflows.tool_batches import CLASSES, at_the_desk, name_of, planted

PYTHON = os.environ.get("BURNISH_LABEL_STUDIO_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="BURNISH_LABEL_STUDIO_PYTHON names no Python"),
]
ADA, BOB = "ada@example.org", "bob@example.org"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
ITEMS = 200
QUIET = {
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "FEATURE_FLAGS_OFFLINE": "true",
    "NO_PROXY": "127.0.0.1",
}


@dataclass
class Server:
    """A Label Studio that runs, and Ada's legacy token, by which all is set up."""

    url: str

    def ask(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> Any:
        client = LabelStudioClient(self.url, token)
        return client.read(path) if method == "GET" else client.change(method, path, body)

    def person(self, email: str) -> str:
        """Sign a person up as a browser would, by an invitation, and fetch the token of theirs."""
        invited = f"{self.url}{self.ask('GET', '/api/invite')['invite_url']}"
        jar = CookieJar()
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar)
        )
        browser.open(invited, timeout=60).close()
        csrf = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
        form = {"email": email, "password": "correct-horse-9", "csrfmiddlewaretoken": csrf}
        browser.open(invited, data=urllib.parse.urlencode(form).encode(), timeout=60).close()
        with browser.open(f"{self.url}/api/current-user/token", timeout=60) as answer:
            return json.loads(answer.read())["token"]

    def annotate(self, task: int, label: str, *, token: str, seconds: float = 2.0) -> int:
        made = self.ask("POST", f"/api/tasks/{task}/annotations/",
                        {"result": part(label), "lead_time": seconds}, token=token)  # fmt: skip
        return made["id"]


def part(label: str) -> list[dict[str, Any]]:
    value = {"choices": [label]}
    return [
        {"from_name": "burnish_label", "to_name": "picture1", "type": "choices", "value": value}
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("label-studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = ["--no-browser", "--host", url, "--internal-host", "127.0.0.1", "--port", str(port)]
    words += ["--data-dir", str(folder), "--username", ADA, "--password", "correct-horse-1"]
    words += ["--enable-legacy-api-token", "--user-token", TOKEN]
    program = Path(PYTHON).with_name("label-studio")
    # Neither our packages nor our variables: it has a world of its own.
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "BURNISH"))}
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [str(program), "start", *words],
            env=keep | QUIET | {"LABEL_STUDIO_BASE_DATA_DIR": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(f"{url}/health", running, folder / "log")
        yield Server(url)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(30)


def wait_for(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(900):
        assert running.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (OSError, urllib.error.HTTPError):
            time.sleep(1)
    pytest.fail(log.read_text()[-3000:])


def test_two_hundred_items_go_out_and_two_peoples_verdicts_come_back_once(server, tmp_path):
    home = planted(tmp_path, ITEMS)
    project = server.ask("POST", "/api/projects/", {"title": "pets"})["id"]
    client = LabelStudioClient(server.url, TOKEN)
    pushed = push(at_the_desk(home), client, project)
    assert (pushed.items, pushed.before, pushed.configured) == (ITEMS, 0, True)
    again = push(at_the_desk(home), client, project)
    assert (again.items, again.before) == (0, ITEMS)
    tasks = {
        task["data"]["burnish"]["example_id"]: task["id"]
        for task in client.pages(f"/api/tasks/?project={project}&fields=task_only")
    }
    assert tasks.keys() == {name_of(row) for row in range(ITEMS)}
    assert len(set(tasks.values())) == ITEMS

    bob = server.person(BOB)
    said = {name_of(row): (CLASSES[row % 3], (ADA, BOB)[row % 2]) for row in range(ITEMS)}
    made = {
        name: server.annotate(tasks[name], label, token=TOKEN if by == ADA else bob)
        for name, (label, by) in said.items()
    }

    personal = server.ask("POST", "/api/token/", {})["token"]
    by_personal_token = LabelStudioClient(server.url, personal)
    first = pull(at_the_desk(home), by_personal_token, project)
    assert (first.taken, first.known, first.blank, first.settled) == (ITEMS, 0, 0, ITEMS)
    events = home.ledger.events("pets")
    assert {e.verdict.example_id: (e.verdict.to_label, e.verdict.author) for e in events} == said
    assert len(events) == ITEMS
    assert {event.verdict.evidence["annotation"] for event in events} == {
        str(number) for number in made.values()
    }

    head = home.ledger.head("pets")
    second = pull(at_the_desk(home), client, project)
    assert (second.taken, second.changed, second.known) == (0, 0, ITEMS)
    assert home.ledger.head("pets") == head

    number = made[name_of(1)]
    changed = server.ask("PATCH", f"/api/annotations/{number}/", {"result": part("cat")}, token=bob)
    third = pull(at_the_desk(home), client, project)
    assert (third.taken, third.changed, third.known) == (0, 1, ITEMS - 1)
    *_, newest = home.ledger.blame("pets", name_of(1))
    assert (newest.verdict.author, newest.verdict.to_label) == (BOB, "cat")
    when = changed["updated_at"].removesuffix("Z")
    assert newest.verdict.evidence["answered_at"].startswith(when)
    standing = home.ledger.fold("pets").decisions.to_pylist()
    assert len(standing) == ITEMS
    wanted = {name: label for name, (label, _) in said.items()} | {name_of(1): "cat"}
    assert {row["example_id"]: row["label"] for row in standing} == wanted


def test_an_exported_file_comes_home_and_its_configuration_is_taken(server, tmp_path):
    home = planted(tmp_path, 4)
    project = server.ask("POST", "/api/projects/", {"title": "by file"})["id"]
    from burnish.workflows.tool_exchange import hand_out, take_back

    out = tmp_path / "out.json"
    tasks, config = hand_out(at_the_desk(home), "label-studio", out).files
    server.ask("PATCH", f"/api/projects/{project}/", {"label_config": config.read_text()})
    server.ask("POST", f"/api/projects/{project}/import", json.loads(tasks.read_text()))
    listed = server.ask("GET", f"/api/tasks/?project={project}&fields=task_only")["tasks"]
    for task in listed[:3]:
        server.annotate(task["id"], "ferret & co", token=TOKEN)
    exported = server.ask("GET", f"/api/projects/{project}/export?exportType=JSON")
    back = tmp_path / "back.json"
    back.write_text(json.dumps(exported))
    known_as = {"user 1": ADA}
    found = take_back(at_the_desk(home), "label-studio", back, known_as=known_as)
    assert (found.taken, found.settled) == (3, 3)
    assert {e.verdict.author for e in home.ledger.events("pets")} == {ADA}


def test_a_project_of_somebody_else_is_left_as_it_is(server, tmp_path):
    from burnish.errors import ReviewError

    home = planted(tmp_path, 4)
    config = (
        '<View><Text name="t" value="$t"/>'
        '<Choices name="c" toName="t"><Choice value="x"/></Choices></View>'
    )
    body = {"title": "theirs", "label_config": config}
    project = server.ask("POST", "/api/projects/", body)["id"]
    client = LabelStudioClient(server.url, TOKEN)
    with pytest.raises(ReviewError, match="without our control"):
        push(at_the_desk(home), client, project)
    assert client.read(f"/api/projects/{project}/")["label_config"] == config
    with pytest.raises(ReviewError, match="404"):
        pull(at_the_desk(home), client, 987_654)
    with pytest.raises(ReviewError, match="401"):
        pull(at_the_desk(home), LabelStudioClient(server.url, "f" * 40), project)
