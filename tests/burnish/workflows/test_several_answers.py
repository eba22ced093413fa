"""Several people's answers to one item: what counts once, what counts for each, what not at all."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from burnish.errors import IterationError
from burnish.labels import ReviewerCounts
from burnish.records import LabelEvent, Verdict
from burnish.workflows.ahead import past_batches, seconds_of_a_review
from burnish.workflows.batch import decided_examples, require_decided, undecided
from burnish.workflows.control_arms import changed_labels, control_arms, gold_counts
from burnish.workflows.gold import count_reviews
from burnish.workflows.home import prepare_home
from burnish.workflows.refit import verdict_history
from burnish.workflows.simulate import score_verdicts
from burnish.workflows.summarise import who_decided
from tests.burnish.workflows.settlements import Course

GOLD = {"g1": "3", "g2": "8", "g3": "3"}


def test_an_answer_decides_nothing_until_its_item_is_settled():
    course = Course()
    course.settle("a", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")])
    alone = [event for event in course.events if event.verdict.author == "Ada"]
    assert decided_examples(alone) == set()
    assert decided_examples(course.events) == {"a"}


def test_an_item_that_was_sent_back_is_undecided_until_it_is_settled_again():
    course = Course()
    first = course.settle("a", [("Ada", "8"), ("Bob", "8")])
    course.take_back(first, by="Rita")
    assert decided_examples(course.events) == set()
    course.settle("a", [("Ada", "3"), ("Bob", "3")], round=2)
    assert decided_examples(course.events) == {"a"}


def test_taking_a_known_answer_back_leaves_the_item_undecided_too():
    course = Course(gold={"a": "3"})
    settled = course.settle("a", [("Ada", "8")], reason="gold")
    assert [event.verdict.author for event in settled] == ["Ada", "gold"]
    assert decided_examples(course.events) == {"a"}
    course.take_back(settled, by="Ada")
    assert decided_examples(course.events) == set()


def test_a_batch_waits_for_what_was_taken_back_and_the_message_names_the_desk(tmp_path):
    home = prepare_home(tmp_path)
    iteration = home.versions.join("toy", opens=True)
    queue = pa.table({"example_id": ["a", "b"], "position": [1, 2], "iteration": [1, 1]})
    home.versions.write("toy", "relabel_queue", queue, iteration=1, gated=False)
    for name in ("a", "b"):
        home.ledger.append("toy", [Verdict(name, "keep", "8", "8", author="Ada")])
    assert undecided(home.ledger, iteration, queue) == []
    home.ledger.undo("toy", 1, author="Ada")
    assert [item["example_id"] for item in undecided(home.ledger, iteration, queue)] == ["a"]
    with pytest.raises(IterationError, match="1 of 2 rows are undecided") as raised:
        require_decided(home.versions, home.ledger, iteration)
    assert "`burnish review`" in raised.value.hint


def test_the_correction_counts_what_came_of_gold_items_and_not_each_answer():
    course = Course(gold=GOLD)
    course.settle("g1", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")], reason="gold")
    course.settle("g2", [("Ada", "8"), ("Bob", "8")], reason="gold")
    course.settle("g3", [("Ada", "8"), ("Bob", "8")], reason="gold")
    assert gold_counts(course.events, GOLD) == ReviewerCounts(1, 2, 1, 1, wrong_mended=1)


def test_each_person_is_measured_by_their_own_answers():
    course = Course(gold=GOLD)
    course.settle("g1", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")], reason="gold")
    course.settle("g2", [("Ada", "8"), ("Bob", "3"), ("Rita", "8")], reason="gold")
    found = count_reviews(course.events, GOLD)
    rates = {name: (one.wrong_found, one.right_kept) for name, one in found.items()}
    assert rates == {"Ada": (0, 1), "Bob": (1, 0), "Rita": (1, 1)}
    assert {(one.wrong_shown, one.right_shown) for one in found.values()} == {(1, 1)}


def test_a_settlement_that_was_taken_back_measures_nobody():
    course = Course(gold=GOLD)
    course.take_back(course.settle("g1", [("Ada", "8")], reason="gold"), by="Rita")
    assert count_reviews(course.events, GOLD) == {}
    assert gold_counts(course.events, GOLD) is None
    course.settle("g1", [("Ada", "3")], reason="gold", round=2)
    assert count_reviews(course.events, GOLD)["Ada"].wrong_found == 1
    assert gold_counts(course.events, GOLD) == ReviewerCounts(1, 1, 0, 0, wrong_mended=1)


def queue_of(*names: str, reason: str = "control") -> pa.Table:
    return pa.table(
        {"example_id": names, "reason": [reason] * len(names), "pool_size": [100] * len(names)}
    )


def test_an_arm_counts_a_row_once_by_what_came_of_it():
    course = Course()
    course.settle("c1", [("Ada", "3"), ("Bob", "8"), ("Rita", "8")], reason="control")
    course.settle("c2", [("Ada", "3"), ("Bob", "3")], reason="control")
    course.settle("a1", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")])
    [arm] = control_arms([queue_of("c1", "c2")], course.events)
    assert (arm.drawn, arm.wrong, arm.changed_after, arm.decided_after) == (2, 1, 2, 3)
    assert changed_labels(course.events) == 2


def test_an_arm_that_is_asked_again_later_begins_where_it_was_settled_for_good():
    course = Course()
    course.take_back(course.settle("c1", [("Ada", "3"), ("Bob", "3")], reason="control"), by="R")
    course.settle("a1", [("Ada", "3"), ("Bob", "3")])
    course.settle("c1", [("Ada", "8"), ("Bob", "8")], reason="control", iteration=2)
    [arm] = control_arms([queue_of("c0"), queue_of("c1")], course.events)
    assert (arm.drawn, arm.wrong, arm.changed_before) == (1, 0, 1)
    assert changed_labels(course.events) == 1


def test_a_refit_learns_what_came_of_an_item_and_nothing_where_that_is_unsure():
    course = Course()
    course.settle("a", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")])
    course.settle("b", [("Ada", "3"), ("Bob", "8"), ("Rita", None)])
    course.take_back(course.settle("c", [("Ada", "3"), ("Bob", "3")]), by="Rita")
    audit = pa.table(
        {
            "example_id": ["a", "b", "c"],
            "label": ["8"] * 3,
            "error_probability": [0.9, 0.5, 0.4],
            "audit_rank": [1, 2, 3],
        }
    )
    history = verdict_history(course.events, {1: audit})
    assert history.select(["example_id", "wrong"]).to_pylist() == [
        {"example_id": "a", "wrong": True}
    ]


def test_a_forecast_is_judged_by_items_and_not_by_answers():
    course = Course()
    course.settle("a", [("Ada", "8"), ("Bob", "3"), ("Rita", "8")])
    course.settle("b", [("Ada", "3"), ("Bob", "3")])
    [batch] = past_batches(course.events)
    assert (len(batch.error_probability), list(batch.wrong)) == (2, [False, True])


def test_a_review_takes_what_one_answer_takes():
    course = Course()
    for number in range(10):
        course.settle(f"a{number}", [("Ada", "8"), ("Bob", "8")], seconds=6.0)
    course.take_back(course.settle("b", [("Ada", "8")], seconds=6.0), by="Ada")
    assert seconds_of_a_review(course.events) == 6.0
    assert seconds_of_a_review(course.events[:18]) is None


def test_answers_are_scored_by_what_came_of_the_item():
    course = Course()
    course.settle("a", [("Ada", "8"), ("Bob", "3"), ("Rita", "3")])
    course.settle("b", [("Ada", "3"), ("Bob", "8"), ("Rita", "8")], reason="control")
    course.take_back(course.settle("c", [("Ada", "3"), ("Bob", "3")]), by="Rita")
    score = score_verdicts(course.events, {"a": "3", "b": "8", "c": "8"})
    assert (score.found, score.broken) == (1, 0)
    assert (score.precision.value, score.base_rate.value) == (0.5, 0.0)


def by_role(role: str, course: Course) -> list[LabelEvent]:
    return [replace(one, verdict=replace(one.verdict, role=role)) for one in course.events]


def test_who_decided_is_told_by_the_ledger():
    desk, sheet = Course(gold=GOLD), Course()
    desk.settle("g1", [("Ada", "8")], reason="gold", round=1)
    sheet.settle("b", [("Ada", "8")])
    assert who_decided(desk.events) == "desk"
    assert who_decided(sheet.events) == who_decided([]) == "file"
    simulated = by_role("simulated", sheet)
    assert who_decided(simulated) == "simulated"
    assert who_decided([*simulated, *desk.events]) == "mixed"


def test_what_a_reviewer_decided_of_others_answers_does_not_measure_them():
    course = Course(given="8", gold=GOLD)
    course.settle("g1", [("Ada", "8"), ("Bob", "3")], reason="gold")
    course.settle("g1", [("Rita", "8")], reason="gold", decides=True)
    course.settle("g2", [("Rita", "8")], reason="gold")
    found = count_reviews(course.events, GOLD)
    assert {name: one.answered for name, one in found.items()} == {"Ada": 1, "Bob": 1, "Rita": 1}
    assert found["Rita"].wrong_shown == 0
