"""Whose figures one sees at the desk, and what nobody learns from their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from burnish.review.records import Policy
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import ROWS, PlantedDesk, plant, queue_row

PAGE, API = "/d/pets/people", "/api/v1/datasets/pets/people"
ONE = Policy()
TEN = [queue_row(f"q{n}", n) for n in range(1, 11)]
TEN[4] = queue_row("q5", 5, reason="gold", why="Its answer is known.", label="dog")
TEN[6] = queue_row("q7", 7, reason="gold", why="Its answer is known.", label="dog")


def figures(planted: PlantedDesk, name: str) -> dict[str, Any]:
    response = planted.program(name).get(API)
    assert response.status_code == 200, response.text
    return response.json()


def page(planted: PlantedDesk, name: str, query: str = "") -> str:
    response = signed_in(planted.app, name).get(PAGE + query)
    assert response.status_code == 200
    return response.text


@pytest.fixture
def differed(tmp_path: Path) -> PlantedDesk:
    """ann and ben answered four items, p3 among them, whose answer is known to be dog."""
    planted = plant(tmp_path)
    for label in ("dog", "cat", "dog", "dog"):
        planted.answer("ann", label=label, seconds=4)
        planted.answer("ben", label="cat", seconds=9)
    return planted


def test_an_annotator_sees_nobody_but_themselves(differed: PlantedDesk):
    found = figures(differed, "ann")
    assert [one["name"] for one in found["people"]] == ["ann"]
    assert (found["alpha"], found["pairs"], found["doubts"]) == (None, [], [])
    text = page(differed, "ann")
    assert "Your figures in" in text
    assert "ben" not in text
    assert "alpha" not in text
    assert "9.0 s" not in text


@pytest.mark.parametrize("name", ["rex", "ada"])
def test_reviewers_and_admins_see_everybody(differed: PlantedDesk, name: str):
    found = figures(differed, name)
    assert [one["name"] for one in found["people"]] == ["ann", "ben"]
    assert found["pairs"][0]["equal"]["n"] == 4
    by = {one["name"]: one["accuracy"] for one in found["people"]}
    assert (by["ann"]["value"], by["ben"]["value"]) == (1.0, 0.0)
    text = page(differed, name)
    assert "Krippendorff" in text
    assert "ben" in text
    assert "Two by two" in text


def test_a_desk_that_tells_no_figures_has_no_such_page(tmp_path: Path):
    planted = plant(tmp_path)
    planted.app.state.desk = type(planted.app.state.desk)(
        planted.desk, planted.accounts, planted.examples, planted.app.state.desk.settings
    )
    client = signed_in(planted.app, "rex")
    assert client.get(PAGE).status_code == 404
    assert PAGE not in client.get("/d/pets/queue").text


def seen(client: TestClient, planted: PlantedDesk) -> list[Any]:
    """All that an annotator is told of themselves, but for what every answer changes alike."""
    [mine] = client.get(API).json()["people"]
    same = {name: value for name, value in mine.items() if name not in {"answers", "rework"}}
    text = page(planted, "ann")
    return [same | {"seconds": None}, "Right on known answers" in text, "not known yet" in text]


@pytest.mark.parametrize("label", ["cat", "dog"])
def test_nobody_finds_the_checks_by_answering_one_item_and_looking_at_their_figures(
    tmp_path: Path, label: str
):
    planted = plant(tmp_path, policy=ONE, rows=TEN)
    client, told = planted.program("ann"), list[list[Any]]()
    for _ in TEN:
        planted.answer("ann", label=label, seconds=5)
        told.append(seen(client, planted))
    assert all(one == told[0] for one in told), "no answer changes what another does not"
    assert told[0][0]["accuracy"] is None
    assert told[0][0]["confusions"] == []
    full = figures(planted, "rex")["people"][0]
    assert full["accuracy"]["n"] == 2, "the known answers are there for reviewers"


def test_taking_an_answer_back_tells_nobody_that_it_was_a_check(tmp_path: Path):
    planted = plant(tmp_path, policy=ONE, rows=TEN)
    client = planted.program("ann")
    for _ in range(5):
        done = planted.answer("ann", label="cat", seconds=5)
    before = seen(client, planted)
    client.post("/api/v1/datasets/pets/undo", json={"seq": done["event"]["seq"]})
    planted.answer("ann", label="dog", seconds=5)
    assert done["event"]["example_id"] == "q5"
    assert seen(client, planted) == before


def test_what_was_a_check_is_told_when_its_batch_is_closed(tmp_path: Path):
    planted = plant(tmp_path, policy=ONE, rows=TEN)
    for _ in TEN:
        planted.answer("ann", label="cat", seconds=5)
    planted.batches.is_open = False
    [mine] = figures(planted, "ann")["people"]
    assert (mine["accuracy"]["n"], mine["accuracy"]["value"]) == (2, 0.0)
    assert mine["confusions"] == [{"truth": "dog", "said": "cat", "count": 2}]
    assert "Called instead" in page(planted, "ann")


def test_a_decision_shows_in_the_figures_of_both_who_differed(differed: PlantedDesk):
    before = {one["name"]: one for one in figures(differed, "rex")["people"]}
    assert all(one["adjudicated"] is None for one in before.values())
    after = differed.desk.item("pets", "p1").last_seq
    rex = differed.program("rex")
    act = {"example_id": "p1", "after": after, "label": "dog"}
    assert rex.post("/api/v1/datasets/pets/decisions", json=act).status_code == 200
    found = {one["name"]: one for one in figures(differed, "rex")["people"]}
    assert [found[name]["adjudicated"]["value"] for name in ("ann", "ben")] == [1.0, 0.0]
    assert [found[name]["rework"]["value"] for name in ("ann", "ben")] == [0.0, 0.25]
    [mine] = figures(differed, "ben")["people"]
    assert mine["adjudicated"]["value"] == 0.0, "a decision is told to whom it overruled"


def test_a_few_answers_are_shown_as_few_and_rank_nobody(tmp_path: Path):
    many = [queue_row(f"r{n}", n) for n in range(1, 15)]
    planted = plant(tmp_path, policy=ONE, rows=many)
    for _ in range(11):
        planted.answer("ben", label="cat", seconds=8)
    for _ in range(3):
        planted.answer("ann", label="cat", seconds=1)
    text = page(planted, "rex", "?sort=seconds")
    assert text.index("<bdi>ben</bdi>") < text.index("<bdi>ann</bdi>")
    assert '<span class="tag">few</span>' in text


def test_a_name_is_shown_as_text(tmp_path: Path):
    rows = [queue_row("<b>x</b>", 1), *(dict(row, position=n + 2) for n, row in enumerate(ROWS))]
    planted = plant(tmp_path, rows=rows, classes=("<i>cat</i>", "dog"))
    for name in ("ann", "ben"):
        for _ in range(4):
            planted.answer(name, label="<i>cat</i>")
    text = page(planted, "rex")
    assert "<i>cat</i>" not in text
    assert "<b>x</b>" not in text


def test_a_doubtful_label_is_not_told_to_a_reviewer_who_may_answer_the_item(tmp_path: Path):
    planted = plant(tmp_path, policy=Policy(answers=3, agree=3))
    # Of people who never differ every label would be certain.
    for at in range(5):
        planted.answer("ann", label="dog")
        planted.answer("ben", label="cat" if at in {2, 3} else "dog")
    for _ in range(2):
        planted.answer("rita", label="dog")
    by = {
        name: [one["example_id"] for one in figures(planted, name)["doubts"]]
        for name in ["rex", "rita"]
    }
    assert by == {"rex": ["p1", "p2"], "rita": []}
    assert "p5" not in page(planted, "rex").partition("Agreed, but doubtful")[2]
    planted.batches.is_open = False
    assert len(figures(planted, "rex")["doubts"]) == 3
