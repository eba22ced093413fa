"""Notes on what is overdue: each item once, all of a look in one, and nothing that is secret."""

from __future__ import annotations

import email
import json
from dataclasses import replace
from datetime import timedelta
from email import policy as mail_policy

import pytest
import sqlalchemy as sa
import yaml

from burnish.review.schema import desk_notices
from burnish.spec import Promises, load_spec_named
from burnish.workflows.keeping_promises import tell_of_breaches
from burnish.workflows.webhook import Webhook
from tests.burnish.review.desks import ADA, ROB, START, queue_row, room

HOUR = 3600
SPEC = {
    "name": "digits",
    "source": {"path": "none.csv"},
    "target": "label",
    "owner": "team@example.org",
    "features": {"x": "numeric"},
    "review": {"promises": {"urgent": 4, "high": 8, "normal": 24}},
}


class Post:
    """A webhook that fails as often as it is told to, by the reasons that it gives."""

    def __init__(self, monkeypatch):
        self.notes, self.fails = [], 0
        monkeypatch.setattr("burnish.workflows.keeping_promises.post_note", self.take)

    def take(self, webhook, note):
        self.notes.append(note["text"])
        self.fails -= 1
        return "the answer was 500" if self.fails >= 0 else ""


@pytest.fixture
def post(monkeypatch):
    return Post(monkeypatch)


class Promising:
    """A batch of digits with promises, and looks at what is overdue."""

    def __init__(self, tmp_path, rows=4):
        (tmp_path / "digits.yaml").write_text(yaml.safe_dump(SPEC))
        self.spec, self.folder = load_spec_named(tmp_path, "digits"), tmp_path / "mails"
        named = [queue_row(chr(ord("a") + at), at + 1) for at in range(rows)]
        self.room = room(tmp_path / "desk.db", rows=named)
        promises = Promises(urgent=4, high=8, normal=24)
        self.room.loop.batch = replace(self.room.loop.batch, promises=promises)
        self.desk = self.room.desk

    def after(self, hours):
        self.room.time.now = START + timedelta(hours=hours)
        return self

    def look(self, *, hook=True, mails=False, link=""):
        return tell_of_breaches(
            self.spec,
            self.room.engine,
            self.desk.batch("digits"),
            now=self.room.time.now,
            webhook=Webhook("https://hooks.example.org/secret") if hook else None,
            email_folder=self.folder if mails else None,
            link=link,
        )

    def notices(self):
        with self.room.engine.connect() as connection:
            return list(connection.execute(sa.select(desk_notices)).mappings())


@pytest.fixture
def late(tmp_path):
    one = Promising(tmp_path)
    one.desk.set_priority("digits", ROB, ["c"], "urgent")
    return one


def test_nobody_is_told_before_anything_is_overdue(late, post):
    assert late.after(4).look() == 0
    assert post.notes == []


def test_an_item_is_told_of_once_however_often_it_is_looked(late, post):
    assert [late.after(hours).look() for hours in (4.1, 4.2, 20)] == [1, 0, 0]
    [note] = post.notes
    assert "1 item is overdue" in note
    assert "c: due 2026-11-26 13:00 UTC, urgent" in note


def test_all_that_became_overdue_since_is_told_in_one_note(late, post):
    late.after(4.1).look()
    assert late.after(25).look() == 1
    assert "3 items are overdue" in post.notes[-1]
    assert "• c:" not in post.notes[-1]


def test_many_are_counted_and_ten_are_named(tmp_path, post):
    late = Promising(tmp_path, rows=25)
    late.look()
    late.after(25).look()
    assert post.notes[0].count("•") == 11
    assert "and 15 more" in post.notes[0]
    assert late.after(26).look() == 0


def test_what_could_not_be_told_is_told_later_and_then_once(late, post):
    post.fails = 2
    assert [late.after(4.1).look() for _ in range(4)] == [0, 0, 1, 0]
    assert [(one["ok"], one["why"]) for one in late.notices()] == [
        (False, "the answer was 500"),
        (False, "the answer was 500"),
        (True, ""),
    ]


def test_a_webhook_that_is_away_is_asked_at_growing_distances(late, post):
    post.fails = 1000
    for minute in range(60):
        late.after(4.1 + minute / 60).look()
    assert len(post.notes) <= 9


def test_after_fifty_tries_only_what_is_newly_overdue_is_told(late, post):
    post.fails = 60
    for hour in range(60):
        late.after(5 + hour / 4).look()
    for hour in range(60):
        late.after(30 + hour).look()
    given_up = len(post.notes)
    late.after(200).look()
    assert len(post.notes) == given_up


def test_each_channel_is_told_once(late, post):
    post.fails = 1
    assert late.after(4.1).look(mails=True) == 1
    assert late.after(4.2).look(mails=True) == 1
    assert len(list(late.folder.iterdir())) == 1


def test_a_promise_that_is_made_anew_and_broken_is_told_again(late, post):
    late.after(4.1).look()
    late.desk.set_priority("digits", ROB, ["c"], "normal")
    assert late.after(23).look() == 0
    assert late.after(24.1).look() == 1
    assert "4 items are overdue" in post.notes[-1]


def test_what_is_settled_in_time_is_never_told(late, post):
    late.after(1).room.say(ADA, "3")
    assert late.after(5).look() == 0
    assert post.notes == []


def test_what_a_name_says_becomes_no_link(tmp_path, post):
    late = Promising(tmp_path)
    late.room.loop.requeue([queue_row("<http://evil|click>", 9)])
    late.after(25)
    late.look(link="https://desk.example.org/d/digits/promises")
    late.after(60).look(link="https://desk.example.org/d/digits/promises")
    assert "&lt;http://evil|click&gt;" in post.notes[-1]
    assert "<https://desk.example.org/d/digits/promises|See all" in post.notes[-1]


def test_a_mail_is_a_mail_whatever_an_item_is_called(tmp_path):
    late = Promising(tmp_path)
    late.room.loop.requeue([queue_row("a\r\nBcc: eve@example.org", 9)])
    late.after(25).look(hook=False, mails=True)
    late.after(60).look(hook=False, mails=True)
    for file in late.folder.iterdir():
        found = email.message_from_bytes(file.read_bytes(), policy=mail_policy.default)
        assert found["To"] == "team@example.org"
        assert found["Bcc"] is None
        assert "overdue" in found["Subject"]
        assert "done by" in found.get_content() or "no forecast" in found.get_content()


def test_no_record_holds_the_address_of_the_webhook(late, post):
    post.fails = 1
    late.after(4.1).look()
    late.look()
    assert "secret" not in json.dumps([dict(one) for one in late.notices()], default=str)


def test_no_note_tells_which_item_is_a_check(tmp_path, post):
    late = Promising(tmp_path)
    late.room.loop.requeue(
        [queue_row("g", 1, reason="gold", why="Its answer is known."), queue_row("h", 2)]
    )
    late.after(30).look()
    late.after(60).look()
    lines = [line for note in post.notes for line in note.splitlines()]
    [gold] = [line for line in lines if "• g:" in line]
    [audited] = [line for line in lines if "• h:" in line]
    assert gold.replace("• g:", "") == audited.replace("• h:", "")
