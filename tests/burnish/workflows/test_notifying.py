"""Telling people of alarms: real servers, good and bad, and mails as files."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from burnish.policy import Signal
from burnish.report.pages import Pages
from burnish.workflows import webhook as posting
from burnish.workflows.alarm_status import alarm_status
from burnish.workflows.notifying import notify
from burnish.workflows.webhook import Webhook, post_note
from tests.burnish.workflows.production_alarms import Ticking, record_of
from tests.burnish.workflows.production_boxes import home_in, spec_in

SECRET = "T0PSECRET"
DAY = "2026-03-07"


class Server:
    """An HTTP server that answers as it is told, and keeps what it was sent."""

    def __init__(self):
        self.status, self.seen, self.location = 200, [], ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, json.loads(body)))
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.end_headers()

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook/{SECRET}"


@pytest.fixture
def server():
    one = Server()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def spec(tmp_path):
    return spec_in(tmp_path, policy={"owner": "ada@example.org"})


@pytest.fixture
def pages(tmp_path):
    return Pages(tmp_path / "reports", "https://reports.example")


@pytest.fixture
def clock():
    return Ticking()


@pytest.fixture
def record(tmp_path, clock):
    record = record_of(home_in(tmp_path), clock)
    signal = Signal("column_drift", "<b>&size", 0.4, 0.35, 0.45, 300, "no labels")
    record.append("boxes", [("opened", DAY, 1, {"signal": signal.to_json(), "why": "w"})])
    return record


def tell(spec, record, pages, clock, **channels):
    return notify(spec, record, pages, now=clock(), **channels)


def test_an_alarm_is_told_once_with_its_playbook(spec, record, pages, clock, server):
    hook = Webhook(server.url, private=True)
    assert [tell(spec, record, pages, clock, webhook=hook) for _ in range(2)] == [1, 0]
    [(path, note)] = server.seen
    assert path.endswith(SECRET)
    assert set(note) == {"text"}
    assert "<https://reports.example/boxes/alarms/1.html|What to do>" in note["text"]
    assert "&lt;b&gt;&amp;size" in note["text"]


def test_that_an_alarm_is_over_is_told_as_well(spec, record, pages, clock, server):
    hook = Webhook(server.url, private=True)
    tell(spec, record, pages, clock, webhook=hook)
    record.append("boxes", [("closed", DAY, 1, {"why": "mended by Ada", "by": "Ada"})])
    assert tell(spec, record, pages, clock, webhook=hook) == 1
    assert "mended by Ada" in server.seen[-1][1]["text"]


def test_that_a_graver_signal_joined_is_told_once(spec, record, pages, clock, server):
    hook = Webhook(server.url, private=True)
    tell(spec, record, pages, clock, webhook=hook)
    joined = Signal("estimated_loss", "", 0.2, 0.15, 0.25, 300, "no labels")
    made = {"alarm": "join", "number": 1, "action": "label", "rows": 100}
    body = {"signals": [joined.to_json()], "decisions": [made]}
    record.append("boxes", [("decided", "2026-03-08", None, body)])
    assert [tell(spec, record, pages, clock, webhook=hook) for _ in range(2)] == [1, 0]
    assert "boxes, alarm 1: graver" in server.seen[-1][1]["text"]


def test_what_was_not_taken_is_tried_again_and_the_address_is_recorded_nowhere(
    spec, record, pages, clock, server, caplog, capfd
):
    hook = Webhook(server.url, private=True)
    server.status = 500
    for _ in range(4):
        assert tell(spec, record, pages, clock, webhook=hook) == 0
        clock.now += timedelta(hours=2)
    server.status = 200
    assert tell(spec, record, pages, clock, webhook=hook) == 1
    notified = [one for one in record.events("boxes") if one.kind == "notified"]
    assert [one.body["why"] for one in notified] == ["the answer was 500"] * 4 + [""]
    kept = repr(record.events("boxes")) + repr(hook) + caplog.text + "".join(capfd.readouterr())
    assert SECRET not in kept


def test_tries_grow_rare(spec, record, pages, clock, server):
    server.status = 500
    for _ in range(30):
        tell(spec, record, pages, clock, webhook=Webhook(server.url, private=True))
    assert 3 < len(server.seen) < 10


def test_a_dead_server_is_asked_once_a_look_however_many_alarms_wait(
    spec, record, pages, clock, server, tmp_path
):
    for number in range(2, 9):
        signal = Signal("late_data", f"2026-03-0{number}", 1.0, 1.0, 1.0, 0, "no labels")
        record.append("boxes", [("opened", DAY, number, {"signal": signal.to_json(), "why": "w"})])
    hook = Webhook(server.url, private=True)
    server.status = 503
    assert tell(spec, record, pages, clock, webhook=hook, email_folder=tmp_path / "mails") == 8
    assert len(server.seen) == 1
    server.status = 200
    assert tell(spec, record, pages, clock, webhook=hook) == 8


def test_a_redirect_is_not_followed(server):
    server.status, server.location = 302, server.url + "/elsewhere"
    why = post_note(Webhook(server.url, private=True), {"text": "x"})
    assert "redirect" in why
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.7", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "localhost",
     "0.0.0.0", "[fe80::1]", "2130706433", "[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]",
     "[2002:a00:1::]", "[::7f00:1]", "[fec0::1]", "100.64.0.1", "[ff02::1]"],
)  # fmt: skip
def test_private_addresses_are_refused_without_a_connection(host, monkeypatch):
    def connects(*args, **kwargs):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(posting.socket, "create_connection", connects)
    assert post_note(Webhook(f"https://{host}/x"), {"text": "x"}) == "the address is a private one"


def test_the_address_that_was_looked_at_is_the_one_connected_to(monkeypatch):
    asked = []

    def resolves(host, port, **kwargs):
        asked.append(host)
        place = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    connected = []

    def connects(place, **kwargs):
        connected.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(posting.socket, "getaddrinfo", resolves)
    monkeypatch.setattr(posting.socket, "create_connection", connects)
    why = post_note(Webhook("https://rebinds.example/x"), {"text": "x"})
    assert (why, connected) == ("the connection failed", [("93.184.216.34", 443)])


def test_public_addresses_of_both_kinds_are_spoken_to():
    public = ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
    assert [one for one in public if not posting._public(one)] == []


def test_a_name_that_is_looked_up_without_end_is_not_waited_for(monkeypatch):
    asked, over = threading.Event(), threading.Event()

    def hangs(*args, **kwargs):
        asked.set()
        over.wait(30)
        return []

    monkeypatch.setattr(posting.socket, "getaddrinfo", hangs)
    why = post_note(Webhook("https://slow.example/x", timeout=0.2), {"text": "x"})
    over.set()
    assert asked.is_set()
    assert why == "no answer within 0.2 seconds"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/x", "only https"),
        ("file:///etc/passwd", "cannot be read"),
        ("https://", "cannot be read"),
        ("https://a b/x", "cannot be read"),
        ("https://ada:word@example.org/x", "password"),
        ("https://example.org:99999/x", "cannot be read"),
        ("https://example.org/x\r\nX-Other: y", "cannot be read"),
    ],
)
def test_odd_addresses_are_refused(url, why):
    assert why in post_note(Webhook(url), {"text": "x"})


def test_a_server_that_drips_or_is_silent_is_not_waited_for():
    listener = socket.create_server(("127.0.0.1", 0))

    def drips():
        line, _ = listener.accept()
        with line:
            for _ in range(40):
                try:
                    line.sendall(b"H")
                except OSError:
                    return
                time.sleep(0.05)

    threading.Thread(target=drips, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    with listener:
        why = post_note(Webhook(url, private=True, timeout=0.3), {"text": "x"})
    assert why == "no answer within 0.3 seconds"


def test_a_server_without_a_certificate_of_its_name_is_not_spoken_to(server):
    url = server.url.replace("http:", "https:")
    assert post_note(Webhook(url, private=True), {"text": "x"}) in {
        "no secure connection could be made", "the connection failed",
    }  # fmt: skip
    assert server.seen == []


def test_a_mail_is_left_as_a_file_that_mail_programs_read(spec, record, pages, clock, tmp_path):
    folder = tmp_path / "mail"
    assert tell(spec, record, pages, clock, email_folder=folder) == 1
    [file] = folder.iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "boxes, alarm 1: opened"
    assert "https://reports.example/boxes/alarms/1.html" in mail.get_content()


def test_a_folder_that_cannot_be_written_is_told(spec, record, pages, clock, tmp_path):
    (tmp_path / "mail").write_text("a file")
    assert tell(spec, record, pages, clock, email_folder=tmp_path / "mail") == 0
    [notified] = [one for one in record.events("boxes") if one.kind == "notified"]
    assert "could not be written" in notified.body["why"]


def test_open_alarms_are_a_status_that_stops_nothing(record, pages):
    status = alarm_status(record, "boxes", pages)
    assert (status.passed, status.severity, status.open_alarms) == (False, "WARN", (1,))
    assert status.playbooks == ("https://reports.example/boxes/alarms/1.html",)
    record.append("boxes", [("closed", DAY, 1, {"why": "over", "by": "policy"})])
    assert alarm_status(record, "boxes", pages).passed
