"""A batch is as good as its gold items say, and no alarm is raised by chance more than is said."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.records import Verdict
from burnish.workflows.batch_quality import BatchGold, batch_gold, gold_alarm, iteration_alarm
from burnish.workflows.gold import GoldReviews
from burnish.workflows.home import prepare_home
from burnish.workflows.promote_inputs import gold_of_batch
from tests.burnish.workflows.settlements import Course

GOLD = {f"g{n}": "3" for n in range(40)}


def answered(right: int, wrong: int, *, by: str = "Sam", batch: int = 1, course=None) -> Course:
    course = course or Course(gold=GOLD)
    first = len({event.verdict.example_id for event in course.events})
    for n in range(right + wrong):
        label = "3" if n < right else "5"
        course.settle(f"g{first + n}", [(by, label)], reason="gold", iteration=batch)
    return course


def test_a_reviewer_who_is_wrong_on_two_gold_items_in_five_is_named():
    course = answered(9, 6)
    answered(10, 0, by="Ada", course=course)
    found = gold_alarm(batch_gold(course.events, GOLD, 1))
    assert found.reviewers == ("Sam",)
    assert not found.raised, "19 of 25 in all is not shown to be below 85 %"
    assert found.batch.together.answered == 25
    alone = gold_alarm(batch_gold(answered(9, 6).events, GOLD, 1))
    assert alone.raised
    assert alone.reason.startswith("9 of 15 gold items of the batch were answered rightly")
    assert alone.reason.endswith("below 85 %; below it by themselves: Sam")


def test_the_answers_of_other_batches_do_not_count():
    course = answered(10, 0, batch=1)
    answered(0, 10, batch=2, course=course)
    assert not gold_alarm(batch_gold(course.events, GOLD, 1)).raised
    assert gold_alarm(batch_gold(course.events, GOLD, 2)).raised


def test_an_answer_that_was_taken_back_does_not_count():
    course = answered(10, 0)
    slip = course.settle("g30", [("Sam", "5")], reason="gold")
    course.take_back(slip, by="Sam")
    assert batch_gold(course.events, GOLD, 1).together.answered == 10


def test_the_promotion_gate_counts_the_answers_that_the_alarm_counts(tmp_path):
    home = prepare_home(tmp_path)
    iteration = home.versions.join("toy", opens=True)
    gold = pa.table({"example_id": ["g"], "label": ["3"]})
    home.versions.write("toy", "gold_items", gold, gated=False)
    said = Verdict("g", "keep", "8", "8", author="Sam", reason="gold", evidence={"iteration": 1})
    home.ledger.append("toy", [said])
    home.ledger.undo("toy", 1, author="Sam")
    right = replace(said, decision="change", to_label="3", author="Bob")
    home.ledger.append("toy", [right])
    found = gold_of_batch(home.versions, iteration)
    assert (found.correct, found.answered) == (1, 1), "Sam took that answer back"
    assert found == iteration_alarm(home.versions, home.ledger, iteration).batch.together


def test_without_gold_items_there_is_no_alarm_and_that_is_said():
    course = Course()
    course.settle("a", [("Sam", "3")])
    found = gold_alarm(batch_gold(course.events, {}, 1))
    assert not found.raised
    assert found.reason.startswith("no gold item of the batch was answered")
    [whole] = found.to_table().to_pylist()
    assert (whole["author"], whole["accuracy"], whole["uncertain"]) == (None, None, True)


def test_few_answers_are_marked_and_raise_no_alarm_by_one_slip():
    course = answered(2, 1)
    answered(12, 0, by="Ada", course=course)
    rows = {row["author"]: row for row in gold_alarm(batch_gold(course.events, GOLD, 1)).to_table()
            .to_pylist()}  # fmt: skip
    assert rows["Sam"]["uncertain"]
    assert not rows["Sam"]["alarm"]
    assert not rows["Ada"]["uncertain"]


def test_one_wrong_answer_names_nobody():
    """A reviewer who is right on 95 % gives one wrong answer of one 5 % of the time."""
    assert not raised(0, 1)
    assert raised(0, 3)
    [whole, sam] = gold_alarm(batch_gold(answered(0, 1).events, GOLD, 1)).to_table().to_pylist()
    assert not whole["alarm"]
    assert not sam["alarm"]


@pytest.mark.parametrize(
    ("items", "right", "most"),
    [(15, 0.95, 0.001), (15, 0.9, 0.02), (30, 0.85, 0.05), (60, 0.85, 0.05)],
)
def test_a_good_batch_is_seldom_called_bad(items, right, most):
    """The chance of an alarm, summed over every number of right answers."""
    alarms = [n for n in range(items + 1) if raised(n, items)]
    chance = sum(comb(items, n) * right**n * (1 - right) ** (items - n) for n in alarms)
    assert chance <= most


def test_of_fifteen_gold_items_a_batch_with_two_in_five_wrong_is_mostly_caught():
    alarms = [n for n in range(16) if raised(n, 15)]
    chance = sum(comb(15, n) * 0.6**n * 0.4 ** (15 - n) for n in alarms)
    assert chance == pytest.approx(0.783, abs=0.001)


@given(st.integers(0, 40), st.integers(0, 40))
def test_one_more_right_answer_never_raises_an_alarm(right, wrong):
    assert not raised(right + 1, right + wrong + 1) or raised(right, right + wrong)


def test_an_impossible_floor_is_refused():
    with pytest.raises(DataError, match="a share from 0 to 1"):
        gold_alarm(BatchGold(1, GoldReviews(), {}), min_accuracy=85)


def raised(right: int, items: int) -> bool:
    reviews = GoldReviews(correct=right, answered=items)
    return gold_alarm(BatchGold(1, reviews, {"Sam": reviews})).raised
