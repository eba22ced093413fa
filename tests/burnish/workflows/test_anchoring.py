"""What showing a label does to answers, recovered from planted answers to gold items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from burnish.workflows.anchoring import EVERYBODY, Effect, anchoring, anchoring_table
from tests.burnish.workflows.settlements import Course

WRONG, RIGHT = "3", "8"


def answered(*, rows: int, found: dict[bool, float], kept: dict[bool, float], seed: int) -> Course:
    """Ada answers gold items at planted rates, by whether the label was shown."""
    rng = np.random.default_rng(seed)
    gold = {f"g{at}": (WRONG, RIGHT)[at % 2] for at in range(rows)}
    course = Course(given=RIGHT, gold=gold)
    for name, known in gold.items():
        shown = bool(rng.random() < 0.5)
        rate = kept[shown] if known == RIGHT else 1 - found[shown]
        label = RIGHT if rng.random() < rate else WRONG
        course.settle(name, [("Ada", label)], reason="gold", shown=shown)
    return course


def test_a_planted_effect_lies_inside_its_interval_and_is_told_from_none():
    course = answered(
        rows=800, found={True: 0.5, False: 0.9}, kept={True: 0.98, False: 0.9}, seed=1
    )
    found, kept = [one for one in anchoring(course.events, course.gold) if one.author == "Ada"]
    assert found.difference.low < -0.4 < found.difference.high < -0.2
    assert kept.difference.low < 0.08 < kept.difference.high
    assert found.shown[1] + found.hidden[1] == kept.shown[1] + kept.hidden[1] == 400


def test_without_an_effect_the_interval_holds_zero_as_often_as_it_says():
    inside = 0
    for seed in range(100):
        same = {True: 0.8, False: 0.8}
        course = answered(rows=80, found=same, kept=same, seed=seed)
        effect = anchoring(course.events, course.gold)[0]
        inside += effect.difference.low <= 0 <= effect.difference.high
    assert 88 <= inside <= 100


def test_few_answers_are_called_not_known():
    course = Course(given=RIGHT, gold={"g1": WRONG})
    course.settle("g1", [("Ada", WRONG)], reason="gold", shown=True)
    found = anchoring(course.events, course.gold)[0]
    assert not found.known
    assert "not known" in str(found)
    assert "none of 0 hidden" in str(found)
    row = anchoring_table([found]).to_pylist()[0]
    assert (row["known"], row["hidden"], row["difference"]) == (False, None, None)


def test_enough_answers_are_said_in_points():
    effect = Effect("Ada", "wrong labels found", (10, 20), (18, 20))
    assert str(effect).startswith("wrong labels found: 10 of 20 (50 %, 30-70) shown, 18 of 20")
    assert "showing makes -40 points (-61 to -12)" in str(effect)


def hits(course: Course, author: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    found = anchoring(course.events, course.gold)
    return [(one.shown, one.hidden) for one in found if one.author == author]


def test_a_first_answer_counts_though_it_was_taken_back_and_given_better():
    course = Course(given=RIGHT, gold={"g1": WRONG})
    missed = course.settle("g1", [("Ada", RIGHT)], reason="gold", shown=False)
    course.take_back(missed, by="Ada")
    course.settle("g1", [("Ada", WRONG)], reason="gold", shown=True, again=True)
    assert hits(course, "Ada") == [((0, 0), (0, 1)), ((0, 0), (0, 0))]


def test_who_looks_and_takes_errors_back_does_not_make_an_effect_of_it():
    """Whoever missed a wrong label sees the model's opinion then, and mends the answer."""
    gold = {f"g{at}": WRONG for at in range(200)}
    course = Course(given=RIGHT, gold=gold)
    for at, name in enumerate(gold):
        shown, found = at % 2 == 0, at // 2 % 10 < 7
        given = course.settle(
            name, [("Ada", WRONG if found else RIGHT)], reason="gold", shown=shown
        )
        if not found:
            course.take_back(given, by="Ada")
            course.settle(name, [("Ada", WRONG)], reason="gold", shown=True, again=True)
    effect = anchoring(course.events, gold)[0]
    assert effect.shown == effect.hidden == (70, 100)


def test_only_first_answers_that_say_what_was_shown_count():
    course = Course(given=RIGHT, gold={"g1": WRONG, "g2": RIGHT, "g3": RIGHT, "g4": RIGHT})
    course.settle("g1", [("Ada", WRONG)], reason="gold", shown=True, round=2)
    course.settle("g2", [("Ada", RIGHT)], reason="gold")
    course.settle("g3", [("Ada", None)], reason="gold", shown=False)
    course.settle("g3", [("Ada", WRONG)], reason="gold", shown=True, again=True)
    course.settle("g4", [("Ada", RIGHT)], reason="gold", shown=True, decides=True)
    assert hits(course, "Ada") == []
    course.settle("g2", [("Ada", WRONG)], reason="gold", shown=False)
    assert hits(course, "Ada") == [((0, 0), (0, 0)), ((0, 0), (0, 1))]


def test_each_author_stands_apart_and_everybody_is_people_alone():
    course = Course(given=RIGHT, gold={"g1": WRONG})
    course.settle("g1", [("Ada", WRONG), ("Bob", RIGHT)], reason="gold", shown=True)
    assert hits(course, EVERYBODY)[0] == ((1, 2), (0, 0))
    simulated = [
        replace(event, verdict=replace(event.verdict, role="simulated"))
        if event.verdict.author == "Bob"
        else event
        for event in course.events
    ]
    found = {one.author: one.shown for one in anchoring(simulated, course.gold)[::2]}
    assert found == {"Ada": (1, 1), "Bob": (0, 1), EVERYBODY: (1, 1)}


@pytest.mark.parametrize("gold", [{}, {"elsewhere": RIGHT}])
def test_without_gold_items_nothing_is_known_of_anybody(gold):
    course = Course(given=RIGHT)
    course.settle("a", [("Ada", RIGHT)], shown=True)
    effects = anchoring(course.events, gold)
    assert [(one.author, one.known) for one in effects] == [(EVERYBODY, False)] * 2
