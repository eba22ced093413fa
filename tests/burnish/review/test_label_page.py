"""The labeling page without a browser: what is hidden, what is shown when, and what is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.review import pages_label
from burnish.review.accounts import Accounts
from burnish.review.desk import Desk
from burnish.review.records import Person, Policy
from tests.browser.labeling import Planted, pictures, spec_of, texts
from tests.burnish.review.doors import CHEAP, PASSWORD, make_app, signed_in

JSON = {"Accept": "application/json"}
ANN, BOB, REX = Person("ann", "annotator"), Person("bob", "annotator"), Person("rex", "reviewer")


class Room:
    """A desk on a planted batch, and people who have signed in."""

    def __init__(self, folder: Path, planted: Planted) -> None:
        engine = open_database(str(folder / "desk.db"))
        self.planted = planted
        self.ledger = SqlLedger(engine)
        self.desk = Desk(engine, self.ledger, planted)
        accounts = Accounts(engine, clock=lambda: datetime.now(UTC), passwords=CHEAP)
        for one in (ANN, BOB, REX):
            accounts.add_person(one.name, one.role, by="root", password=PASSWORD)
        self.app = make_app(accounts, desk=self.desk, examples=planted)
        self.url = f"/d/{planted.name}/label"

    def client(self, name: str = "ann") -> TestClient:
        return signed_in(self.app, name)


Make = Callable[..., Room]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(planted: Planted | None = None, name: str = "a") -> Room:
        folder = tmp_path / name
        folder.mkdir()
        return Room(folder, planted or texts(folder))

    return made


def told(client: TestClient, room: Room, path: str, **fields: Any) -> dict[str, Any]:
    response = client.post(room.url + path, data=fields, headers=JSON)
    assert response.status_code == 200, response.text
    return response.json()


def without_secrets(text: str) -> str:
    """A page without what differs each time: tokens and times."""
    for pattern in (
        r'data-(token|until|lasts)="[^"]*"',
        r'name="(csrf|token)"[^>]*',
        r'content="[^"]*"',
        r'"token":"[^"]*"',
        r'data-(token|until|lasts)=\\"[^"]*\\"',
    ):
        text = re.sub(pattern, "", text)
    return text


def test_before_the_answer_nothing_tells_one_queue_from_another(make):
    seen = []
    for name, (reason, label, suggested, probability) in {
        "a": ("audit", "cat", "dog", 0.99),
        "b": ("control", "dog", "fish", 0.01),
        "c": ("gold", None, None, None),
    }.items():
        planted = texts(Path("nowhere"))
        facts = {
            "reason": reason,
            "why": f"why {name}",
            "label": label,
            "suggested_label": suggested,
            "error_probability": probability,
        }
        planted.queue_ = [{**row, **facts} for row in planted.queue_]
        room = make(planted, name)
        client = room.client()
        page = client.get(room.url).text
        token = re.search(r'data-token="([^"]+)"', page)
        following = client.post(room.url + "/next", data={"token": token[1]}, headers=JSON).text
        renewed = client.post(room.url + "/renew", data={"token": token[1]}, headers=JSON).text
        seen.append((without_secrets(page), without_secrets(following)))
        assert "why" not in page + following + renewed
    assert seen[0] == seen[1] == seen[2]
    assert "pet-000" in seen[0][0]
    assert "pet-001" in seen[0][1]


def test_the_answer_of_one_is_nowhere_before_another_who_is_asked_blind(make):
    planted = texts(Path("nowhere"))
    planted.policy = Policy(answers=2, agree=2)
    room = make(planted)
    ann, bob = room.client(), room.client("bob")
    token = told(ann, room, "/next")["token"]
    told(ann, room, "/answer", token=token, label="fish", comment="SECRET-COMMENT", seconds="3")
    page = bob.get(room.url).text
    assert "pet-000" in page
    assert "SECRET-COMMENT" not in page
    # Every class is on a button, and beside a box of those that can be called unclear.
    classes = r"<button.*?</button>|<label class=\"label-check\">.*?</label>"
    assert "fish" not in re.sub(classes, "", page, flags=re.S)
    assert room.ledger.blame("pets", "pet-000") == []


def test_where_it_is_shown_first_the_card_says_so_and_keep_is_offered(make):
    planted = texts(Path("nowhere"))
    planted.shown_share = 1.0
    room = make(planted)
    client = room.client()
    page = client.get(room.url).text
    assert "Label as it stands" in page
    assert "Probability of an error" in page
    told(client, room, "/answer", token=told(client, room, "/next")["token"], label="cat")
    said = room.desk.answered_by("pets", "ann")[0].said
    assert (said.decision, said.shown) == ("keep", True)


def test_who_takes_an_answer_back_is_not_blind_any_more(make):
    room = make()
    client = room.client()
    told(client, room, "/answer", token=told(client, room, "/next")["token"], label="cat")
    back = told(client, room, "/undo")
    assert "Label as it stands" in back["card"]
    told(client, room, "/answer", token=back["token"], label="dog")
    assert room.desk.answered_by("pets", "ann")[0].said.shown


def test_who_has_an_item_sent_back_reads_why(make):
    room = make()
    client = room.client()
    told(client, room, "/answer", token=told(client, room, "/next")["token"], label="cat")
    item = room.desk.item("pets", "pet-000")
    room.desk.send_back("pets", REX, "pet-000", after=item.last_seq, comment="look at the <tail>")
    page = client.get(room.url).text
    assert "look at the &lt;tail&gt;" in page
    assert 'data-example="pet-000"' in page


def test_the_same_form_sent_again_is_acknowledged_and_counted_once(make):
    room = make()
    client = room.client()
    token = told(client, room, "/next")["token"]
    form = {"token": token, "label": "dog", "comment": "a", "seconds": "2.5"}
    answers = [told(client, room, "/answer", **form) for _ in range(20)]
    assert [one["known"] for one in answers] == [False, *[True] * 19]
    assert len({one["seq"] for one in answers}) == 1
    assert answers[-1]["mine"] == 1
    assert room.desk.answered_by("pets", "ann")[0].said.seconds == 2.5


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"label": "cat", "decision": "drop"}, 400),
        ({"label": "horse"}, 400),
        ({"decision": "keep"}, 422),
        ({"label": "cat", "comment": "x" * 2001}, 422),
        ({"label": "cat", "token": "another"}, 409),
        ({"label": "cat", "token": "t" * 101}, 422),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_nothing_is_stored(make, fields, status):
    room = make()
    client = room.client()
    token = told(client, room, "/next")["token"]
    response = client.post(room.url + "/answer", data={"token": token, **fields}, headers=JSON)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"code", "found", "expected", "hint"}
    assert room.desk.answered_by("pets", "ann") == []


@pytest.mark.parametrize("seconds", ["", "nan", "inf", "-3", "soon", "1e9"])
def test_what_is_no_time_is_no_reason_to_refuse_an_answer(make, seconds):
    room = make()
    client = room.client()
    token = told(client, room, "/next")["token"]
    told(client, room, "/answer", token=token, label="cat", seconds=seconds)
    found = room.desk.answered_by("pets", "ann")[0].said.seconds
    assert found in (None, 600.0)


def test_somebody_elses_lease_is_of_no_use(make):
    room = make()
    token = told(room.client(), room, "/next")["token"]
    bob = room.client("bob")
    answer = bob.post(room.url + "/answer", data={"token": token, "label": "cat"}, headers=JSON)
    assert answer.status_code == 409
    until = room.desk.lease("pets", ANN, token).expires_at.isoformat()
    bob.post(room.url + "/give-back", data={"token": token, "until": until})
    assert room.desk.lease("pets", ANN, token).token == token
    assert list(told(bob, room, "/renew", token=token)["gone"]) == [token]


def test_a_goodbye_does_not_end_a_lease_that_was_prolonged_since(make):
    room = make()
    client = room.client()
    first = told(client, room, "/next")
    until = re.search(r'data-until="([^"]+)"', first["card"])[1]
    renewed = told(client, room, "/renew", token=first["token"])["renewed"][first["token"]]
    goodbye = {"token": first["token"], "until": until}
    assert client.post(room.url + "/give-back", data=goodbye).status_code == 204
    assert room.desk.lease("pets", ANN, first["token"]).token == first["token"]
    client.post(room.url + "/give-back", data={**goodbye, "until": renewed["until"]})
    assert room.desk.progress("pets").leased == 0


def test_an_example_that_left_the_source_can_still_be_passed_on(make):
    planted = texts(Path("nowhere"))
    planted.rows = planted.rows[1:]
    room = make(planted)
    page = room.client().get(room.url).text
    assert "This example has left the source" in page


def test_a_label_may_be_missing_and_the_answer_is_then_a_change(make):
    planted = texts(Path("nowhere"))
    planted.queue_[0] |= {"label": None, "suggested_label": None, "error_probability": None}
    room = make(planted)
    client = room.client()
    after = told(client, room, "/answer", token=told(client, room, "/next")["token"], label="dog")
    assert 'label: <span dir="auto">none</span>' in after["past"]
    assert room.desk.answered_by("pets", "ann")[0].said.decision == "change"


def test_a_picture_is_sent_as_one_and_nothing_else_is(make, tmp_path):
    room = make(pictures(tmp_path))
    client = room.client()
    asked = {"example": "photo-0", "column": "photo"}
    found = client.get("/images/photos", params=asked)
    assert (found.status_code, found.headers["content-type"]) == (200, "image/jpeg")
    assert found.headers["cache-control"].startswith("private")
    small = client.get("/images/photos", params={**asked, "small": "true"})
    assert len(small.content) < len(found.content)
    (tmp_path / "secret.jpg").symlink_to("/etc/passwd")
    room.planted.rows[0]["photo"] = "secret.jpg"
    for wrong in (asked, {**asked, "example": "none"}, {**asked, "column": "scan"}):
        refused = client.get("/images/photos", params=wrong, headers=JSON)
        assert refused.status_code == 404
        assert "root:" not in refused.text


def test_pictures_are_drawn_few_at_once_while_other_pages_go_on(make, tmp_path, monkeypatch):
    room = make(pictures(tmp_path))
    client, other = room.client(), room.client("bob")
    running, most, go = 0, 0, threading.Event()
    real, lock = pages_label.picture_of, threading.Lock()

    def slow(*args: Any, **choices: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(10)
        with lock:
            running -= 1
        return real(*args, **choices)

    monkeypatch.setattr(pages_label, "picture_of", slow)
    ask = {"example": "photo-0", "column": "photo"}
    with client, ThreadPoolExecutor(60) as crowd:
        asked = [crowd.submit(client.get, "/images/photos", params=ask) for _ in range(60)]
        assert other.get("/").status_code == 200
        go.set()
        assert {one.result().status_code for one in asked} == {200}
    assert most <= 2


def test_a_strange_name_of_a_class_comes_back_as_it_was(make):
    classes = ('a "quoted" one', " blanks ", "<b>", "ümläut & co", "two\nlines")
    planted = texts(Path("nowhere"), classes=classes)
    room = make(planted)
    client = room.client()
    for label in classes:
        token = told(client, room, "/next")["token"]
        told(client, room, "/answer", token=token, label=label.replace("\n", "\r\n"))
    answers = [event.said.label for event in room.desk.answered_by("pets", "ann")]
    assert answers == list(reversed(classes))


def test_a_dataset_without_an_open_batch_is_told_of_in_words(make):
    room = make()
    response = room.client().get("/d/none/label")
    assert response.status_code in {400, 404}
    assert "no batch of" in response.text


def test_other_columns_make_another_page(make):
    # The comparison above would hold for any two pages if it left out too much.
    first = make(texts(Path("nowhere")), "a")
    second = make(replace(texts(Path("nowhere")), spec_=spec_of({"note": "text"}, Path("x"))), "b")
    pages = [without_secrets(room.client().get(room.url).text) for room in (first, second)]
    assert pages[0] != pages[1]
