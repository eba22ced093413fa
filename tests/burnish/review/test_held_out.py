"""Of a held-out row nobody who may answer it is shown label or model, on any page or by the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.records import HELD_OUT
from burnish.review.leases import is_shown
from burnish.review.records import Person, Policy
from burnish.review.sight import sight_of
from burnish.review.states import Standing
from tests.burnish.review.desks import queue_row as digits_row
from tests.burnish.review.desks import room
from tests.burnish.review.doors import signed_in
from tests.burnish.review.planted_desk import PlantedDesk, plant, queue_row

API = "/api/v1/datasets/pets"
PLACES = ("/d/pets/label", "/d/pets/queue", "/d/pets/examples/p1", f"{API}/item?example_id=p1")
TELLING = ("ferret", "marten", "0.93", "93 %", "the models say")
ROW = queue_row(
    "p1", 1, reason=HELD_OUT, why="Asked for by ann: look.", label=None, suggested_label=None,
    error_probability=None,
)  # fmt: skip
ANN = Person("ann", "annotator")


def desk(folder: Path, policy: Policy) -> PlantedDesk:
    return plant(folder, policy=policy, rows=[ROW, queue_row("p2", 2)])


@pytest.mark.parametrize("policy", [Policy(), Policy(answers=2, agree=2)])
def test_before_and_after_the_answer_no_page_tells_label_or_model(tmp_path: Path, policy: Policy):
    planted = desk(tmp_path, policy)
    browser = signed_in(planted.app, "ann")
    for moment in ("before", "after"):
        for place in PLACES[2:]:
            page = browser.get(place)
            assert page.status_code == 200
            assert "the models say" not in page.text, (moment, place)
            assert "which is another label" not in page.text, (moment, place)
        if moment == "before":
            planted.answer("ann", label="dog")


@pytest.mark.parametrize("name", ["ann", "rex"])
def test_a_diff_tells_its_label_to_nobody_while_its_batch_is_open(tmp_path: Path, name: str):
    change = {
        "example_id": "p1", "change": "relabelled", "before": "ferret", "after": "dog",
        "author": "ann", "role": "annotator", "at": "2026-11-02T09:00:00+00:00", "reason": HELD_OUT,
        "comment": "", "error_probability": None, "suggested_label": None, "event_id": 1,
    }  # fmt: skip
    planted = plant(tmp_path, policy=Policy(), rows=[ROW, queue_row("p2", 2)], changes=[change])
    browser = signed_in(planted.app, name)
    diff = "/d/pets/diff?before=pets@1&after=pets@2"
    assert "ferret" not in browser.get(diff).text
    planted.answer("ann", label="dog")
    # It is settled, and may be taken back and given again.
    assert "ferret" not in browser.get(diff).text


def test_the_reviewers_queue_tells_nothing_of_it_and_not_that_it_is_held_out(tmp_path: Path):
    planted = desk(tmp_path, Policy())
    told = planted.program("rex").get(f"{API}/items").json()
    rows = told if isinstance(told, list) else next(v for v in told.values() if isinstance(v, list))
    (row,) = [one for one in rows if one["example_id"] == "p1"]
    assert row["reason"] == "random check"
    assert not any(
        value for name, value in row.items() if name in {"label", "suggested", "error_probability"}
    )


def test_the_strip_says_that_it_was_blind(tmp_path: Path):
    planted = desk(tmp_path, Policy())
    planted.answer("ann", label="dog")
    page = signed_in(planted.app, "ann").get("/d/pets/label").text
    assert "a blind check: its label is not shown" in page


def test_it_is_never_shown_beforehand_whatever_the_share(tmp_path: Path):
    facts = {"label": None, "suggested_label": None, "error_probability": None}
    rows = [digits_row("a", 1) | facts | {"reason": HELD_OUT}, digits_row("b", 2)]
    one = room(tmp_path / "desk.db", rows=rows, shown_share=1.0)
    assert is_shown(one.desk.batch("digits"), "a", "ann"), "the draw alone would show it"
    lease = one.desk.take("digits", ANN)
    assert lease is not None
    shown = {lease.item.example_id: lease.shown}
    one.say(ANN, "3")
    lease = one.desk.take("digits", ANN)
    assert lease is not None
    shown[lease.item.example_id] = lease.shown
    assert shown == {"a": False, "b": True}


def test_the_verdict_is_marked_blind_also_when_it_is_given_again(tmp_path: Path):
    facts = {"label": None, "suggested_label": None, "error_probability": None}
    one = room(tmp_path / "desk.db", rows=[digits_row("a", 1) | facts | {"reason": HELD_OUT}])
    one.say(ANN, "3")
    one.desk.undo("digits", ANN)
    one.say(ANN, "8")
    (event,) = one.told("a")
    evidence = event.verdict.evidence
    assert (evidence["blind"], evidence["shown"]) == (True, False)
    assert (event.verdict.from_label, event.verdict.to_label) == (None, "8")


def test_who_may_still_answer_does_not_see_its_label_whatever_their_role():
    rex = Person("rex", "reviewer")
    assert sight_of(Standing(), Policy(), rex).label
    assert not sight_of(Standing(), Policy(), rex, held_out=True).label
    assert not sight_of(Standing("settled"), Policy(), ANN, held_out=True).label
    assert sight_of(None, Policy(), ANN, held_out=True).label, "its batch is closed"
