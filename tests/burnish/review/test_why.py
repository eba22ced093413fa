"""Why a label is doubted is told to reviewers alone, and only when nobody can be led by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.review.records import Policy
from burnish.review.sight import sees_why
from burnish.review.states import Standing
from tests.burnish.review.desks import ADA, EVE, ROB
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import BLIND, PlantedDesk, plant

WHY, HISTORY = "/d/pets/why?id=p1", "/d/pets/examples/p1"
# What the planted explanation says and no other page of the desk does.
TELLING = "They prefer"


@pytest.fixture
def planted(tmp_path: Path) -> PlantedDesk:
    return plant(tmp_path, policy=Policy())


def test_while_an_item_is_open_nobody_is_told_why_it_is_doubted(planted: PlantedDesk):
    for name in ("ann", "ben", "rex", "ada"):
        asked = signed_in(planted.app, name)
        refused = asked.get(WHY)
        assert refused.status_code == 403
        assert TELLING not in refused.text
        assert "/why?" not in asked.get(HISTORY).text


def test_an_annotator_is_never_told_though_the_item_is_settled(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    for name in ("ann", "ben"):
        asked = signed_in(planted.app, name)
        assert asked.get(WHY).status_code == 403
        assert "/why?" not in asked.get(HISTORY).text


def test_a_reviewer_is_told_when_it_is_settled(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    rex = signed_in(planted.app, "rex")
    assert WHY in rex.get(HISTORY).text.replace("&amp;", "&")
    page = rex.get(WHY)
    assert page.status_code == 200
    assert TELLING in page.text
    assert "1 of 90" in page.text
    assert "&lt;p9&gt;" in page.text
    assert "<p9>" not in page.text


def test_answers_that_do_not_settle_an_item_open_nothing(tmp_path: Path):
    planted = plant(tmp_path, policy=BLIND)
    planted.answer("ann", label="dog")
    assert signed_in(planted.app, "rex").get(WHY).status_code == 403
    planted.answer("ben", label="cat")
    assert signed_in(planted.app, "rex").get(WHY).status_code == 403


def test_an_answer_that_waits_for_approval_opens_nothing(tmp_path: Path):
    planted = plant(tmp_path, policy=Policy(approval=True))
    planted.answer("ann", label="dog")
    assert signed_in(planted.app, "rex").get(WHY).status_code == 403


def test_who_answered_and_could_answer_again_is_not_told():
    settled = Standing("settled")
    assert sees_why(settled, EVE)
    assert not sees_why(Standing("rework"), ROB)
    assert not sees_why(settled, ADA)
