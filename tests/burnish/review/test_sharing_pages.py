"""The pages and the API by which a team shares its work: they do it, and tell nothing too early."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.burnish.review.doors import csrf_of, signed_in
from tests.burnish.review.planted_desk import ROWS, PlantedDesk, plant


@pytest.fixture
def planted(tmp_path: Path) -> PlantedDesk:
    return plant(tmp_path)


def words(page: Any) -> str:
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page.text, flags=re.S)
    return re.sub(r"\s+", " ", text)


def assigned(planted: PlantedDesk) -> dict[str, str]:
    return {item.example_id: item.assignee for item in planted.desk.items("pets")[0]}


def test_ones_own_queue_names_items_and_nothing_that_would_tell_an_answer(planted: PlantedDesk):
    rex = planted.accounts.person("rex")
    assert rex is not None
    planted.desk.assign("pets", rex, [row["example_id"] for row in ROWS], "ann")
    planted.answer("ben", label="cat")
    read = words(signed_in(planted.app, "ann").get("/d/pets/mine"))
    told = planted.program("ann").get("/api/v1/datasets/pets/mine")
    assert [one["example_id"] for one in told.json()["items"]] == [r["example_id"] for r in ROWS]
    for text in (read, told.text):
        assert "p3" in text
        for telling in ("gold", "control", "random check", "cat", "dog", "ben answered", "0.93"):
            assert telling not in text
    assert "Nothing is assigned to you" in words(signed_in(planted.app, "ben").get("/d/pets/mine"))


def test_an_annotator_who_names_another_sees_their_own_queue(planted: PlantedDesk):
    rex = planted.accounts.person("rex")
    assert rex is not None
    planted.desk.assign("pets", rex, ["p1"], "ben")
    assert "p1" not in words(signed_in(planted.app, "ann").get("/d/pets/mine?of=ben"))
    assert "p1" in words(signed_in(planted.app, "rex").get("/d/pets/mine?of=ben"))


def test_a_reviewer_deals_all_that_the_filters_leave(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    form = {"csrf": csrf_of(rex.get("/d/pets/queue").text), "which": "all", "how": "skill"}
    assert rex.post("/d/pets/queue/assign?reason=audit", data=form).status_code == 303
    found = assigned(planted)
    assert sorted(found.values()) == ["", "", "ann", "ann", "ben", "ben"]
    assert found["p3"] == found["p4"] == "", "random checks were not asked for"


def test_one_hands_over_ones_own_items_with_a_reason(planted: PlantedDesk):
    rita, ann = planted.program("rita"), signed_in(planted.app, "ann")
    ids = ["p1", "p2"]
    rita.post("/api/v1/datasets/pets/assignments", json={"example_ids": ids, "assignee": "ann"})
    form = {"csrf": csrf_of(ann.get("/d/pets/mine").text), "to": "ben"}
    refused = ann.post("/d/pets/mine/hand-over", data=form | {"why": " "})
    assert (refused.status_code, "without a word" in words(refused)) == (400, True)
    done = ann.post("/d/pets/mine/hand-over", data=form | {"why": "a holiday"})
    assert done.headers["location"] == "/d/pets/mine?done=true"
    assert {name for name, who in assigned(planted).items() if who == "ben"} == set(ids)
    other = {"to": "ann", "why": "mine", "of": "ben"}
    assert (
        planted.program("ann").post("/api/v1/datasets/pets/handovers", json=other).status_code
        == 403
    )
    assert rita.post("/api/v1/datasets/pets/handovers", json=other).json() == {"assigned": 2}


def test_one_says_that_one_is_away_and_a_reviewer_that_anybody_is(planted: PlantedDesk):
    ann, rex = signed_in(planted.app, "ann"), signed_in(planted.app, "rex")
    until = (planted.accounts.now()).strftime("%Y-12-24T09:00")
    token = csrf_of(ann.get("/away").text)
    assert ann.post("/away", data={"csrf": token, "until": until}).status_code == 303
    assert "You are away until 2026-12-24 09:00 UTC" in words(ann.get("/away"))
    assert ann.post("/away", data={"csrf": token, "name": "ben", "until": until}).status_code == 403
    assert "ben" not in words(ann.get("/away"))
    read = words(rex.get("/away"))
    assert "until 2026-12-24 09:00 UTC" in read
    assert (
        planted.program("rex").put("/api/v1/away", json={"name": "ann", "until": None}).status_code
        == 204
    )
    assert "You are here" in words(ann.get("/away"))
    past = rex.post(
        "/away", data={"csrf": csrf_of(rex.get("/away").text), "until": "2020-01-01T00:00"}
    )
    assert (past.status_code, "within a year" in words(past)) == (400, True)


def test_a_deal_by_a_program_is_for_reviewers(planted: PlantedDesk):
    asked = {"example_ids": ["p1", "p2"], "how": "round_robin"}
    place = "/api/v1/datasets/pets/deals"
    assert planted.program("ann").post(place, json=asked).status_code == 403
    assert planted.program("rex").post(place, json=asked).json() == {"assigned": 2}
    assert {assigned(planted)[name] for name in ("p1", "p2")} == {"ann", "ben"}
