"""Flags of unclear classes: whose they are, which count, and that they tell others nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from burnish.errors import ItemNotFound, ReviewError
from burnish.review.flags import counted
from burnish.review.records import Person
from tests.burnish.review.desks import ADA, BOB, DOUBLE, ROB, Room, room
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import PlantedDesk, plant

FLAGS = "/api/v1/datasets/pets/flags"
GUIDE = "/api/v1/datasets/pets/guide"


@pytest.fixture
def desk(database: str) -> Room:
    return room(database, policy=DOUBLE)


def take(desk: Room, person: Person) -> str:
    lease = desk.desk.take("digits", person)
    assert lease is not None
    return lease.item.example_id


def test_a_flag_answers_nothing_and_the_last_of_a_person_and_item_counts(desk: Room):
    item = take(desk, ADA)
    first = desk.desk.flag("digits", ADA, item, ["8", "3"], comment="a loop, half open")
    assert first.flag.labels == ("3", "8"), "in the order of the batch"
    desk.time.move(5)
    again = desk.desk.flag("digits", ADA, item, ["3", "8"], comment="a loop, half open")
    assert (again.flag, again.known) == (first.flag, True)
    desk.desk.flag("digits", ADA, item, ["9"])
    desk.desk.flag("digits", ADA, item, ["3", "8"])
    take(desk, BOB)
    desk.desk.flag("digits", BOB, item, ["8", "9"])
    found = desk.desk.flags("digits")
    assert [(one.person, one.labels) for one in found] == [("bob", ("8", "9")), ("ada", ("3", "8"))]
    assert desk.desk.item("digits", item).state == "open"
    assert desk.desk.events("digits", item) == []
    counts = counted(found)
    assert (counts.total, counts.items, dict(counts.by_class)["8"]) == (2, 1, 2)
    assert dict(counts.by_pair) == {("8", "9"): 1, ("3", "8"): 1}


def test_a_flag_is_taken_back_once_and_can_be_raised_again(desk: Room):
    item = take(desk, ADA)
    with pytest.raises(ReviewError, match="no flag to take back"):
        desk.desk.flag("digits", ADA, item, [])
    desk.desk.flag("digits", ADA, item, ["3"])
    desk.desk.flag("digits", ADA, item, [])
    assert desk.desk.flags("digits") == []
    assert desk.desk.flag_of("digits", ADA, item) is None
    assert desk.desk.flag("digits", ADA, item, []).known, "sent twice, done once"
    desk.desk.flag("digits", ADA, item, ["3"])
    assert len(desk.desk.flags("digits")) == 1


def test_what_is_no_class_and_more_than_three_are_refused(desk: Room):
    item = take(desk, ADA)
    with pytest.raises(ReviewError, match="is no class"):
        desk.desk.flag("digits", ADA, item, ["3", "7"])
    assert desk.loop.batch is not None
    desk.loop.batch = replace(desk.loop.batch, classes=("3", "8", "9", "0"))
    with pytest.raises(ReviewError, match="4 classes"):
        desk.desk.flag("digits", ADA, item, ["3", "8", "9", "0"])
    assert desk.desk.flags("digits") == []


def test_of_an_item_that_is_not_theirs_an_annotator_hears_what_they_hear_of_none(desk: Room):
    item = take(desk, ADA)
    with pytest.raises(ItemNotFound) as of_another:
        desk.desk.flag("digits", BOB, item, ["3"])
    with pytest.raises(ItemNotFound) as of_none:
        desk.desk.flag("digits", BOB, "z", ["3"])
    assert of_another.value.found.replace(item, "z") == of_none.value.found
    desk.desk.flag("digits", ROB, item, ["3"])  # reviewers see the whole batch
    desk.say(ADA, "3")
    desk.desk.flag("digits", ADA, item, ["3"], comment="after the answer")
    assert {one.person for one in desk.desk.flags("digits")} == {"ada", "rob"}


@pytest.fixture
def planted(tmp_path: Path) -> PlantedDesk:
    made = plant(tmp_path)
    made.batches.guide_in(tmp_path).write_text("## cat\n\npurrs\n\n## dog\n\nbarks <b>x</b>\n")
    return made


def raise_flag(planted: PlantedDesk, name: str, **more: Any) -> Any:
    client = planted.program(name)
    lease = client.post("/api/v1/datasets/pets/leases", json={}).json()
    body = {"example_id": lease["example_id"], "labels": ["cat", "dog"], "guide": lease["guide"]}
    response = client.post(FLAGS, json=body | more)
    assert response.status_code == 200, response.text
    return response.json()


def test_annotators_see_their_own_and_reviewers_what_is_no_hint(planted: PlantedDesk):
    flag = raise_flag(planted, "ann", comment="SECRET tail")
    assert (flag["guide"], flag["labels"]) == (1, ["cat", "dog"])
    ben = planted.program("ben").get(FLAGS).json()
    assert ben == {"flags": [], "counts": None}
    ann = planted.program("ann").get(FLAGS).json()
    assert [one["comment"] for one in ann["flags"]] == ["SECRET tail"]
    rex = planted.program("rex").get(FLAGS).json()
    assert rex["flags"] == [], "rex may still answer it"
    assert rex["counts"]["total"] == 1
    assert rex["counts"]["by_pair"] == [{"labels": ["cat", "dog"], "flags": 1}]
    for name in ("ben", "rex"):
        page = signed_in(planted.app, name).get("/d/pets/guide").text
        assert "SECRET" not in page, name
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat")  # now a reviewer decides, and answers no more
    rex = planted.program("rex").get(FLAGS).json()
    assert [one["comment"] for one in rex["flags"]] == ["SECRET tail"]
    assert "SECRET tail" in signed_in(planted.app, "rex").get("/d/pets/guide").text
    assert "SECRET" not in signed_in(planted.app, "ben").get("/d/pets/guide").text


def test_a_flag_changes_nothing_that_others_see_of_the_item(planted: PlantedDesk):
    planted.program("ann").post("/api/v1/datasets/pets/leases", json={})
    before = {name: seen(planted, name) for name in ("ben", "rex")}
    raise_flag(planted, "ann")
    planted.program("ann").post(FLAGS, json={"example_id": "p1", "labels": ["dog"]})
    assert {name: seen(planted, name) for name in ("ben", "rex")} == before


def seen(planted: PlantedDesk, name: str) -> list[str]:
    client = planted.program(name)
    places = ("/item?example_id=p1", "", "/answers")
    return [client.get(f"/api/v1/datasets/pets{place}").text for place in places]


def test_the_guide_is_told_with_its_versions_and_ones_own_answers(
    planted: PlantedDesk, tmp_path: Path
):
    assert planted.desk.guide("pets") is not None
    planted.answer("ann", label="dog", guide=1)
    (tmp_path / "guide.md").write_text("another")
    told = planted.program("ann").get(GUIDE).json()
    assert (told["version"], told["now"], told["text"]) == (2, 2, "another")
    assert [one["answers"] for one in told["versions"]] == [0, 1]
    ben = planted.program("ben").get(GUIDE, params={"version": 1}).json()
    assert "purrs" in ben["text"]
    assert [one["answers"] for one in ben["versions"]] == [0, 0], "others' are not counted"
    assert planted.program("rex").get(GUIDE).json()["versions"][1]["answers"] == 1
    assert planted.program("ann").get(GUIDE, params={"version": 3}).status_code == 404
    assert planted.program("ann").get("/api/v1/datasets/other/guide").status_code == 404


def test_an_answer_under_a_version_that_never_was_is_refused(planted: PlantedDesk):
    client = planted.program("ann")
    lease = client.post("/api/v1/datasets/pets/leases", json={}).json()
    place = f"/api/v1/datasets/pets/leases/{lease['token']}/answer"
    assert client.post(place, json={"label": "dog", "guide": 7}).status_code == 400
    done = client.post(place, json={"label": "dog", "guide": lease["guide"]})
    assert done.json()["event"]["guide"] == 1


def page(planted: PlantedDesk, name: str, place: str) -> str:
    response = signed_in(planted.app, name).get(f"/d/pets/{place}")
    assert response.status_code == 200, response.text
    return response.text


def test_the_page_shows_versions_and_what_changed_and_no_markup_of_theirs(
    planted: PlantedDesk, tmp_path: Path
):
    assert "barks &lt;b&gt;x&lt;/b&gt;" in page(planted, "ann", "guide")
    (tmp_path / "guide.md").write_text("## cat\n\npurrs or hisses\n\n## dog\n\nbarks\n")
    changed = page(planted, "ben", "guide?version=2&before=1")
    assert "<ins>purrs or hisses</ins>" in changed
    assert "<del>barks &lt;b&gt;x&lt;/b&gt;</del>" in changed
    client = signed_in(planted.app, "ann")
    assert client.get("/d/pets/guide?version=9").status_code == 404
    assert client.get("/d/nobodys/guide").status_code == 404


def test_a_file_that_is_gone_is_said_and_its_path_is_nobodys_business(
    planted: PlantedDesk, tmp_path: Path
):
    page(planted, "ann", "guide")
    (tmp_path / "guide.md").unlink()
    for name, told in (("ann", "last version that could"), ("rex", "guide.md cannot be read")):
        text = page(planted, name, "guide")
        assert told in text
        assert "purrs" in text
        assert str(tmp_path) not in text


def test_an_answer_in_a_form_names_the_version_that_the_page_showed(
    planted: PlantedDesk, tmp_path: Path
):
    client: TestClient = signed_in(planted.app, "ann")
    shown = client.get("/d/pets/label").text
    assert 'name="guide" id="guide-version" value="1"' in shown
    assert 'data-class="cat"' in shown
    token = shown.split('id="token" value="')[1].split('"')[0]
    (tmp_path / "guide.md").write_text("newer")
    client.get("/d/pets/guide")
    form = {"token": token, "label": "dog", "guide": "1"}
    answered = client.post(
        "/d/pets/label/answer", data=form, headers={"Accept": "application/json"}
    )
    assert answered.json()["guide"] == 2, "so that the page can fetch the newer one"
    (event,) = planted.desk.answered_by("pets", "ann")
    assert event.guide == 1
    history = client.get(f"/d/pets/examples/{event.example_id}").text
    assert "version of the guide" in history


def test_without_script_a_flag_leads_back_to_the_item(planted: PlantedDesk):
    client = signed_in(planted.app, "ann")
    client.get("/d/pets/label")
    form = {"example_id": "p1", "unclear": ["cat", "dog"], "comment": "which?"}
    response = client.post("/d/pets/label/flag", data=form)
    assert (response.status_code, response.headers["location"]) == (
        303,
        "/d/pets/label?done=flagged",
    )
    back = client.get("/d/pets/label?done=flagged").text
    assert "flagged as unclear" in back
    assert 'value="cat" data-flag-key="1" checked' in back
