"""Nobody learns from page or API whether others agreed, while an answer can be taken back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from burnish.review.records import Policy
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import BLIND, ROWS, PlantedDesk, plant

API = "/api/v1/datasets/pets"
PAGES = ("/", "/d/pets/label", "/d/pets/queue", "/d/pets/examples/p1")
TWO_OF_THREE = Policy(answers=3, agree=2)
MOVING = re.compile(
    r'"(?:token|expires_at|taken_at|at|updated_at)":\s*"[^"]*"'
    r'|name="(?:csrf|token)"[^>]*|content="[^"]*"|data-(?:token|until|lasts)="[^"]*"'
)


def looked(planted: PlantedDesk, name: str) -> dict[str, str]:
    """All that a person can look at, without what differs each time."""
    browser, program = signed_in(planted.app, name), planted.program(name)
    diff = "/d/pets/diff?before=pets@1&after=pets@2"
    found = {path: browser.get(path).text for path in (*PAGES, diff)}
    for path in ("", "/item?example_id=p1", "/answers"):
        found[API + path] = program.get(API + path).text
    found["datasets"] = program.get("/api/v1/datasets").text
    return {path: MOVING.sub("", text) for path, text in found.items()}


def answered(
    folder: Path, policy: Policy, answers: dict[str, str]
) -> tuple[list[Any], dict[str, str], PlantedDesk]:
    """What the last to answer is told, also when they send it again, and can look at then."""
    folder.mkdir()
    last = list(answers)[-1]
    changes = [
        {"example_id": name, "change": "relabelled", "before": "cat", "after": "dog",
         "author": "ann", "role": "annotator", "at": "2026-11-02T09:00:00+00:00",
         "reason": "audit", "comment": "", "error_probability": 0.9, "suggested_label": "dog",
         "event_id": 1} for name in ("p1", "q1")
    ]  # fmt: skip
    people = {"ann": "annotator", "ben": "annotator", "cem": "annotator", "rex": "reviewer"}
    planted = plant(folder, policy=policy, people=people, changes=changes)
    for name, label in answers.items():
        program = planted.program(name)
        lease = program.post(f"{API}/leases", json={}).json()
        assert lease["example_id"] == "p1"
        sent = [
            program.post(f"{API}/leases/{lease['token']}/answer", json={"label": label}).json()
            for _ in range(2)
        ]
    return sent, looked(planted, last), planted


def without_moving(told: Any) -> str:
    return re.sub(r"'(?:at|updated_at|token)': '[^']*'", "", str(told))


@pytest.mark.parametrize("policy", [BLIND, Policy(answers=2, agree=2, approval=True)])
def test_the_second_of_two_is_told_the_same_whether_they_agree_or_not(
    tmp_path: Path, policy: Policy
):
    agreed = answered(tmp_path / "a", policy, {"ann": "dog", "ben": "cat"})
    differed = answered(tmp_path / "b", policy, {"ann": "cat", "ben": "cat"})
    states = [one[2].desk.item("pets", "p1").state for one in (agreed, differed)]
    assert states[0] != states[1], "the desk knows"
    assert without_moving(agreed[0]) == without_moving(differed[0])
    assert agreed[1] == differed[1]


@pytest.mark.parametrize("policy", [BLIND, TWO_OF_THREE])
def test_the_first_of_several_does_not_see_what_the_second_made_of_it(
    tmp_path: Path, policy: Policy
):
    seen = []
    for place, second in {"a": "cat", "b": "dog"}.items():
        _, _, planted = answered(tmp_path / place, policy, {"ann": "cat", "ben": second})
        seen.append(looked(planted, "ann"))
    assert seen[0] == seen[1]
    assert '"state":"answered"' in seen[0][f"{API}/item?example_id=p1"].replace(" ", "")


def test_who_takes_an_answer_back_is_not_told_what_had_come_of_it(tmp_path: Path):
    told = []
    for place, second in {"a": "cat", "b": "dog"}.items():
        _, _, planted = answered(tmp_path / place, BLIND, {"ann": "cat", "ben": second})
        undone = planted.program("ben").post(f"{API}/undo", json={}).json()
        assert undone["ledger_events"] == []
        told.append(without_moving(undone))
    assert told[0] == told[1]


def test_nobody_counts_the_answers_of_others_by_trying_to_take_them_back(tmp_path: Path):
    _, _, planted = answered(tmp_path / "a", TWO_OF_THREE, {"ann": "cat", "ben": "dog"})
    ann = planted.program("ann")
    theirs, none = (ann.post(f"{API}/undo", json={"seq": seq}) for seq in (2, 3))
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.text.replace("event 2", "") == none.text.replace("event 3", "")


def test_once_a_reviewer_has_decided_all_is_told_and_nothing_is_taken_back(tmp_path: Path):
    _, _, planted = answered(tmp_path / "a", BLIND, {"ann": "cat", "ben": "dog"})
    rex = planted.program("rex")
    after = rex.get(f"{API}/item", params={"example_id": "p1"}).json()["last_seq"]
    act = {"example_id": "p1", "after": after, "label": "dog"}
    assert rex.post(f"{API}/decisions", json=act).status_code == 200
    item = planted.program("ann").get(f"{API}/item", params={"example_id": "p1"}).json()
    assert item["state"] == "settled"
    assert [event["actor"]["name"] for event in item["events"]] == ["ann", "ben", "rex"]
    progress = planted.program("ann").get(API).json()
    assert (progress["settled"], progress["states"]) == (1, {"open": 5, "settled": 1})
    assert planted.program("ann").post(f"{API}/undo", json={}).status_code == 409


def test_a_reviewer_who_may_be_the_second_does_not_see_the_first(tmp_path: Path):
    planted = plant(tmp_path)
    planted.answer("ann", label="dog", comment="it barked")
    rex, browser = planted.program("rex"), signed_in(planted.app, "rex")
    places = ("/d/pets/review?item=p1", "/d/pets/examples/p1", f"{API}/item?example_id=p1")
    for place in places:
        assert "it barked" not in browser.get(place).text, place
    planted.answer("rex", label="cat")
    for place in places:
        assert "it barked" not in browser.get(place).text, f"{place}: it could be flipped"
    rita = signed_in(planted.app, "rita")
    for place in places:
        assert "it barked" in rita.get(place).text, place
    assert rex.get(f"{API}/inbox").json() == []


def test_an_annotator_does_not_learn_that_an_answer_was_a_check(tmp_path: Path):
    told = []
    for place, reason in {"a": "gold", "b": "control"}.items():
        (tmp_path / place).mkdir()
        rows = [ROWS[0] | {"reason": reason, "why": f"why {reason}"}]
        planted = plant(tmp_path / place, policy=Policy(), rows=rows)
        done = planted.answer("ann", label="cat")
        assert planted.desk.item("pets", "p1").state == "settled"
        pages = looked(planted, "ann")
        pages.pop("/d/pets/diff?before=pets@1&after=pets@2")
        told.append((without_moving(done), pages))
        for path, text in pages.items():
            assert "the known answer" not in text, path
            assert not re.search(rf"\b{reason}\b", text), path
    assert told[0] == told[1]


def test_an_answer_after_ones_own_is_not_blind_through_the_api_either(tmp_path: Path):
    planted = plant(tmp_path)
    first = planted.answer("ann", label="dog")
    assert not planted.desk.answered_by("pets", "ann")[0].said.shown
    planted.program("ann").post(f"{API}/undo", json={"seq": first["event"]["seq"]})
    planted.answer("ann", label="cat")
    assert planted.desk.answered_by("pets", "ann")[0].said.shown
