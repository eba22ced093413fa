"""Programs work a batch through the API: blind, disagreeing, adjudicated, sent back, approved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.review.records import Policy
from tests.burnish.review.doors import client_of, signed_in
from tests.burnish.review.planted_desk import BLIND, ROWS, PlantedDesk, plant

DATASET = "/api/v1/datasets/pets"


@pytest.fixture
def planted(tmp_path: Path) -> PlantedDesk:
    return plant(tmp_path)


def take(client: Any) -> dict[str, Any]:
    done = client.post(f"{DATASET}/leases", json={})
    assert done.status_code == 200, done.text
    return done.json()


def answer(client: Any, token: str, **said: Any) -> Any:
    return client.post(f"{DATASET}/leases/{token}/answer", json=said)


def seen(client: Any, example_id: str) -> dict[str, Any]:
    return client.get(f"{DATASET}/item", params={"example_id": example_id}).json()


def test_a_lease_tells_nothing_of_label_model_or_reason(planted: PlantedDesk):
    client = planted.program("ann")
    bodies = []
    beside: list[str] = []
    for _ in ROWS:
        lease = client.post(f"{DATASET}/leases", json={"beside": beside}).json()
        beside.append(lease["token"])
        bodies.append(lease)
    assert [body["example_id"] for body in bodies] == [row["example_id"] for row in ROWS]
    own = {"token", "example_id", "features"}
    assert len({str({k: v for k, v in body.items() if k not in own}) for body in bodies}) == 1
    for body in bodies:
        assert set(body["features"]) == {"text", "weight", "tail"}
        assert body["features"]["weight"] is None
        assert body["opinion"] is None
        assert body["classes"] == ["cat", "dog"]
        for telling in ("suggest", "gold", "control", "audit", "panel", "0.93"):
            assert telling not in str(body).replace("suggested_label", "")


def test_two_who_agree_blind_settle_an_item_and_the_ledger_has_both(planted: PlantedDesk):
    first = planted.answer("ann", label="dog", comment="long snout", seconds=2.5)
    assert first["item"]["state"] == "answered"
    assert planted.ledger.events("pets") == []
    second = planted.answer("ben", label="dog")
    assert (second["item"]["state"], second["ledger_events"]) == ("answered", [])
    assert planted.desk.item("pets", "p1").state == "settled"
    events = planted.ledger.events("pets")
    assert [(e.verdict.author, e.verdict.decision, e.verdict.to_label) for e in events] == [
        ("ann", "change", "dog"),
        ("ben", "change", "dog"),
    ]


def test_the_second_may_not_see_what_the_first_said_nor_the_label(planted: PlantedDesk):
    planted.answer("ann", label="dog", comment="it barked")
    ben = seen(planted.program("ben"), "p1")
    assert ben["opinion"] is None
    assert ben["events"] == []
    ann = seen(planted.program("ann"), "p1")
    assert ann["opinion"]["label"] == "cat"
    assert [event["comment"] for event in ann["events"]] == ["it barked"]
    assert seen(planted.program("rex"), "p1")["events"] == [], "a reviewer may be the second"
    planted.answer("ben", label="cat")
    rex = seen(planted.program("rex"), "p1")
    assert [event["actor"]["name"] for event in rex["events"]] == ["ann", "ben"]


def test_until_it_is_settled_one_sees_of_others_only_that_they_asked_again(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat", comment="it purred")
    assert [e["actor"]["name"] for e in seen(planted.program("ann"), "p1")["events"]] == ["ann"]
    rex = planted.program("rex")
    after = seen(rex, "p1")["last_seq"]
    rex.post(
        f"{DATASET}/returns", json={"example_id": "p1", "after": after, "comment": "see the tail"}
    )
    again = seen(planted.program("ann"), "p1")
    assert again["opinion"] is None, "asked again, nobody is led by the label"
    assert [e["decision"] for e in again["events"]] == [None, None]
    (own,) = planted.program("ann").get(f"{DATASET}/answers").json()["events"]
    assert (own["label"], own["decision"]) == ("dog", None), "nor by whether one had changed it"
    assert [(e["actor"]["name"], e["comment"]) for e in again["events"]] == [
        ("ann", ""),
        ("rex", "see the tail"),
    ]


def test_a_disagreement_is_decided_by_a_reviewer_who_did_not_answer(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("rita", label="cat")
    rex, rita = planted.program("rex"), planted.program("rita")
    assert [item["state"] for item in rex.get(f"{DATASET}/inbox").json()] == ["disagreed"]
    assert rita.get(f"{DATASET}/inbox").json() == []
    act = {"example_id": "p1", "after": seen(rex, "p1")["last_seq"], "label": "cat"}
    refused = rita.post(f"{DATASET}/decisions", json=act)
    assert refused.status_code == 403, refused.text
    done = rex.post(f"{DATASET}/decisions", json=act | {"comment": "whiskers"})
    assert done.status_code == 200, done.text
    last = planted.ledger.events("pets")[-1]
    assert (last.verdict.author, last.verdict.decision) == ("rex", "keep")
    assert len(planted.ledger.events("pets")) == 3
    again = rex.post(f"{DATASET}/decisions", json=act | {"comment": "whiskers"})
    assert again.json()["known"] is True
    assert len(planted.ledger.events("pets")) == 3


def test_a_reviewer_who_saw_an_older_state_changes_nothing(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    rex = planted.program("rex")
    after = seen(rex, "p1")["last_seq"]
    planted.answer("ben", label="cat")
    late = rex.post(
        f"{DATASET}/decisions", json={"example_id": "p1", "after": after, "label": "cat"}
    )
    assert late.status_code == 409
    assert late.json()["error"]["code"] == "review_conflict"
    assert planted.ledger.events("pets") == []


def test_what_was_sent_back_comes_first_to_those_who_answered_it(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat")
    rex = planted.program("rex")
    act = {"example_id": "p1", "after": seen(rex, "p1")["last_seq"]}
    assert rex.post(f"{DATASET}/returns", json=act | {"comment": ""}).status_code == 422
    done = rex.post(f"{DATASET}/returns", json=act | {"comment": "look at the ears"})
    assert done.json()["item"]["state"] == "rework"
    lease = take(planted.program("ann"))
    assert (lease["example_id"], lease["round"], lease["note"]) == ("p1", 2, "look at the ears")
    assert take(planted.program("rita"))["example_id"] != "p1"
    released = rex.post(
        f"{DATASET}/releases",
        json={"example_id": "p1", "after": done.json()["item"]["last_seq"]},
    )
    assert released.json()["item"]["state"] == "open"


def test_with_approval_nothing_is_settled_before_a_reviewer_says_so(tmp_path: Path):
    planted = plant(tmp_path, policy=Policy(approval=True))
    assert planted.answer("ann", label="dog")["item"]["state"] == "submitted"
    assert planted.ledger.events("pets") == []
    rex = planted.program("rex")
    act = {"example_id": "p1", "after": seen(rex, "p1")["last_seq"], "comment": "fine"}
    done = rex.post(f"{DATASET}/approvals", json=act).json()
    assert done["item"]["state"] == "settled"
    (event,) = planted.ledger.events("pets")
    assert (event.verdict.author, event.verdict.evidence["approved_by"]) == ("ann", "rex")


def test_the_same_answer_is_stored_once_and_another_is_refused(planted: PlantedDesk):
    client = planted.program("ann")
    token = take(client)["token"]
    sent = [answer(client, token, label="dog").json() for _ in range(5)]
    assert [one["known"] for one in sent] == [False, True, True, True, True]
    assert len({one["event"]["seq"] for one in sent}) == 1
    other = answer(client, token, label="cat")
    assert other.status_code == 409
    assert "dog" in other.json()["error"]["found"]


def test_an_answer_is_taken_back_and_given_again(planted: PlantedDesk):
    client = planted.program("ann")
    first = planted.answer("ann", decision="drop")
    undone = client.post(f"{DATASET}/undo", json={"seq": first["event"]["seq"]}).json()
    assert undone["event"]["undoes"] == first["event"]["seq"]
    assert client.get(f"{DATASET}/answers").json()["events"] == []
    assert take(client)["example_id"] == "p1"


def test_a_lease_is_renewed_given_back_and_nobody_elses(planted: PlantedDesk):
    ann, ben = planted.program("ann"), planted.program("ben")
    lease = take(ann)
    planted.clock.on(seconds=200)
    place = f"{DATASET}/leases/{lease['token']}"
    renewed = ann.post(f"{place}/renew").json()
    assert renewed["expires_at"] > lease["expires_at"]
    assert ben.get(place).status_code == 409
    assert answer(ben, lease["token"], label="dog").status_code == 409
    assert ann.delete(place).status_code == 204
    assert answer(ann, lease["token"], label="dog").status_code == 409


def test_when_nothing_is_left_there_is_no_content(tmp_path: Path):
    planted = plant(tmp_path, rows=ROWS[:1], policy=Policy())
    planted.answer("ann", label="dog")
    done = planted.program("ann").post(f"{DATASET}/leases", json={})
    assert (done.status_code, done.content) == (204, b"")


@pytest.mark.parametrize(
    "said",
    [{}, {"label": "dog", "decision": "drop"}, {"label": "wolf"}, {"decision": "keep"},
     {"label": "dog", "seconds": -1}, {"label": "dog", "comment": "\x00"}, {"lable": "dog"},
     {"label": "dog", "comment": "x" * 5000}],
)  # fmt: skip
def test_an_answer_that_means_nothing_is_refused_in_words(planted: PlantedDesk, said: Any):
    client = planted.program("ann")
    done = answer(client, take(client)["token"], **said)
    assert done.status_code in {400, 422}, done.text
    assert set(done.json()["error"]) == {"code", "found", "expected", "hint"}
    assert client.get(f"{DATASET}/answers").json()["events"] == []


def test_the_queue_is_for_reviewers_and_hides_random_checks(planted: PlantedDesk):
    assert planted.program("ann").get(f"{DATASET}/items").status_code == 403
    rex = planted.program("rex")
    found = rex.get(f"{DATASET}/items").json()
    by_id = {item["example_id"]: item for item in found["items"]}
    hidden = ("reason", "why", "label", "suggested_label", "error_probability")
    assert [by_id["p3"][name] for name in hidden] == [by_id["p4"][name] for name in hidden]
    assert by_id["p3"]["reason"] == "random check"
    assert by_id["p1"]["error_probability"] == 0.93
    chosen = rex.get(f"{DATASET}/items", params={"reason": "gold"}).json()
    assert chosen["items"] == []
    one = rex.get(f"{DATASET}/items", params={"slice": "first", "limit": 1}).json()
    assert [item["example_id"] for item in one["items"]] == ["p1"]


def test_assigned_rows_come_first_to_whom_they_are_assigned(planted: PlantedDesk):
    rex = planted.program("rex")
    ids = ["a/../p5", ".."]
    done = rex.post(f"{DATASET}/assignments", json={"example_ids": ids, "assignee": "ben"})
    assert done.json() == {"assigned": 2}
    assert take(planted.program("ben"))["example_id"] == "a/../p5"
    assert take(planted.program("ann"))["example_id"] == "p1"
    nobody = rex.post(f"{DATASET}/assignments", json={"example_ids": ids, "assignee": "zoe"})
    assert nobody.status_code == 400
    mine = planted.program("ben").post(
        f"{DATASET}/assignments", json={"example_ids": ids, "assignee": "ben"}
    )
    assert mine.status_code == 403


def test_a_batch_has_an_owner_and_annotators_see_their_own_count_alone(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="dog")
    rex = planted.program("rex")
    assert rex.put(f"{DATASET}/owner", json={"owner": "rita"}).json()["owner"] == "rita"
    assert rex.get(DATASET).json()["by_person"] == {"ann": 1, "ben": 1}
    assert planted.program("ann").get(DATASET).json()["by_person"] == {"ann": 1}


def test_another_look_is_asked_for_in_the_ledger(planted: PlantedDesk):
    client = planted.program("ann")
    done = client.post(f"{DATASET}/requests", json={"example_ids": ["p2"], "reason": "blurred"})
    assert done.status_code == 201, done.text
    (request,) = planted.ledger.requests("pets", now=planted.clock())
    assert (request.example_ids, request.asked_by, request.reason) == (("p2",), "ann", "blurred")
    gone = client.post(f"{DATASET}/requests", json={"example_ids": ["zz"], "reason": "blurred"})
    assert gone.status_code == 400


def test_a_request_for_many_examples_looks_for_all_of_them_at_once(
    planted: PlantedDesk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planted.examples, "row", lambda *_: pytest.fail("it reads one by one"))
    client = planted.program("ann")
    body = {"example_ids": ["p2", "p1", "p2"] * 300, "reason": "blurred"}
    done = client.post(f"{DATASET}/requests", json=body)
    assert (done.status_code, done.json()["example_ids"]) == (201, ["p2", "p1"])


def test_a_browsers_session_needs_the_header_for_changes(planted: PlantedDesk):
    browser = signed_in(planted.app, "ann")
    assert browser.post(f"{DATASET}/leases", json={}).status_code == 200
    del browser.headers["X-CSRF-Token"]
    assert browser.post(f"{DATASET}/leases", json={}).status_code == 403
    assert browser.get(f"{DATASET}/answers").status_code == 200
    stranger = client_of(planted.app)
    assert stranger.get(f"{DATASET}/answers").status_code == 401


def test_the_schema_says_how_to_sign_in_and_what_each_error_looks_like(planted: PlantedDesk):
    schema = planted.program("ann").get("/api/v1/openapi.json").json()
    assert {one["type"] for one in schema["components"]["securitySchemes"].values()} == {
        "http",
        "apiKey",
    }
    for path, methods in schema["paths"].items():
        assert path.startswith("/api/v1"), f"{path} is a page, not for programs"
        for method, route in methods.items():
            assert route["security"], f"{method} {path}"
            assert {"401", "403", "422"} <= set(route["responses"]), f"{method} {path}"
            assert route["summary"]
            assert route["description"]


def test_no_open_batch_is_not_found(planted: PlantedDesk):
    client = planted.program("ann")
    done = client.get("/api/v1/datasets/birds")
    assert done.status_code == 404
    assert done.json()["error"]["found"]
    assert planted.batches.batch.policy == BLIND


@pytest.mark.parametrize("policy", [Policy(), BLIND])
def test_whoever_has_answered_is_not_told_which_items_were_checks(tmp_path, policy):
    planted = plant(tmp_path, policy=policy)
    client, told = planted.program("ann"), list[tuple[str, ...]]()
    for _ in range(4):
        planted.answer("ann", label="dog")
    for name in ("p1", "p2", "p3", "p4"):
        item = client.get("/api/v1/datasets/pets/item", params={"example_id": name}).json()
        told.append(tuple(str(item["opinion"][key]) for key in ("reason", "why")))
        assert item["opinion"]["error_probability"] is None
    assert set(told) == {("", "")}


def test_a_label_that_is_shown_beforehand_comes_without_why_the_item_is_there(tmp_path):
    planted = plant(tmp_path, policy=Policy())
    planted.batches.batch = replace(planted.batches.batch, shown_share=1.0)
    client, opinions = planted.program("ann"), list[dict[str, object]]()
    for _ in range(4):
        lease = client.post("/api/v1/datasets/pets/leases", json={}).json()
        opinions.append(lease["opinion"])
        place = f"/api/v1/datasets/pets/leases/{lease['token']}/answer"
        assert client.post(place, json={"label": "dog"}).status_code == 200
    for opinion in opinions:
        assert (opinion["reason"], opinion["why"], opinion["error_probability"]) == ("", "", None)
        assert opinion["suggested_label"] == "dog"
