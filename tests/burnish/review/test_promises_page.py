"""The page of due times and its API: reviewers see the batch, annotators what is theirs."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest

from burnish.spec import Promises
from tests.burnish.review.doors import csrf_of, signed_in
from tests.burnish.review.planted_desk import plant

PROMISES = Promises(urgent=4, high=8, normal=24)
API = "/api/v1/datasets/pets"


def words(page):
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page.text, flags=re.S)
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def planted(tmp_path):
    one = plant(tmp_path)
    one.batches.batch = replace(one.batches.batch, promises=PROMISES)
    one.desk.batch("pets")
    return one


def urgent(planted, *names, priority="urgent"):
    body = {"example_ids": list(names), "priority": priority}
    done = planted.program("rex").post(f"{API}/priorities", json=body)
    assert done.status_code == 200, done.text
    return done.json()


def test_a_reviewer_sees_what_is_overdue_and_makes_it_urgent(planted):
    planted.clock.on(hours=25)
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/promises")
    assert "normal 6, 6 overdue" in words(page)
    assert "No forecast: fewer than 20 answers" in words(page)
    form = {"example_id": "p2", "priority": "urgent", "back": "promises"}
    done = rex.post("/d/pets/queue/priority", data=form | {"csrf": csrf_of(page.text)})
    assert (done.status_code, done.headers["location"]) == (303, "/d/pets/promises")
    assert "urgent 1, 1 overdue" in words(rex.get("/d/pets/promises"))
    lease = planted.program("ann").post(f"{API}/leases", json={}).json()
    assert lease["example_id"] == "p2"


def test_all_that_a_filter_leaves_is_set_at_once(planted):
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/queue?text=p")
    form = {"which": "all", "priority": "high", "csrf": csrf_of(page.text)}
    assert rex.post("/d/pets/queue/priority?text=p", data=form).status_code == 303
    assert "high 5" in words(rex.get("/d/pets/promises"))


def test_an_annotator_sees_when_their_own_items_are_due_and_no_figures(planted):
    planted.program("rex").post(
        f"{API}/assignments", json={"example_ids": ["p1"], "assignee": "ann"}
    )
    urgent(planted, "p1")
    mine = words(signed_in(planted.app, "ann").get("/d/pets/promises"))
    assert "p1 2026-11-02 13:00 UTC due in 4 h" in mine
    for hidden in ("p2", "overdue", "settled", "forecast", "urgent"):
        assert hidden not in mine
    assert "Nothing that is assigned to you" in words(
        signed_in(planted.app, "ben").get("/d/pets/promises")
    )


def test_a_known_answer_that_is_assigned_reads_as_any_other(planted):
    names = ["p1", "p3", "p4"]
    planted.program("rex").post(
        f"{API}/assignments", json={"example_ids": names, "assignee": "ann"}
    )
    page = signed_in(planted.app, "ann").get("/d/pets/promises")
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page.text, flags=re.S)
    assert len(rows) == 3
    assert len({re.sub(r"p\d", "", row) for row in rows}) == 1


def test_the_queue_is_sorted_by_due_time(planted):
    urgent(planted, "p4")
    urgent(planted, "p2", priority="high")
    rex = planted.program("rex")
    found = rex.get(f"{API}/items", params={"sort": "due"}).json()["items"]
    assert [one["example_id"] for one in found][:3] == ["p4", "p2", "p1"]
    assert found[0]["due_at"] == "2026-11-02T13:00:00Z"
    assert "due in 4 h" in words(signed_in(planted.app, "rex").get("/d/pets/queue"))


def test_the_file_has_priority_and_due_time(planted):
    urgent(planted, "p4")
    text = signed_in(planted.app, "rex").get("/d/pets/queue.csv?sort=due").text
    first = next(csv.DictReader(io.StringIO(text)))
    assert (first["priority"], first["due_at"]) == ("urgent", "2026-11-02T13:00:00+00:00")


def test_a_program_reads_what_is_overdue(planted):
    urgent(planted, "p4")
    planted.clock.on(hours=5)
    found = planted.program("rex").get(f"{API}/promises").json()
    assert found["overdue"] == {"urgent": 1, "high": 0, "normal": 0}
    assert [one["example_id"] for one in found["breaches"]] == ["p4"]
    assert found["forecast"]["why_not"] == "fewer than 20 answers have been given"


def test_a_priority_that_there_is_not_is_refused(planted):
    body = {"example_ids": ["p1"], "priority": "asap"}
    done = planted.program("rex").post(f"{API}/priorities", json=body)
    assert done.status_code in {400, 422}


def test_the_history_names_who_made_an_item_urgent_to_reviewers_alone(planted):
    urgent(planted, "p1")
    told = "made it urgent, which was normal"
    assert told in words(signed_in(planted.app, "rex").get("/d/pets/examples/p1"))
    assert told not in words(signed_in(planted.app, "ann").get("/d/pets/examples/p1"))


def test_without_promises_the_page_says_how_to_make_some(tmp_path):
    planted = plant(tmp_path)
    page = words(signed_in(planted.app, "rex").get("/d/pets/promises"))
    assert "review.promises" in page
    assert "Nothing is overdue" in page
