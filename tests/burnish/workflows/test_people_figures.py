"""People's figures, from answers that were planted at a desk and in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish.records import Verdict
from burnish.review.courses import read_courses
from burnish.review.figures import DROPPED, Figures, PersonFigures, Share
from burnish.review.records import Person
from burnish.workflows.doubtful import agreed_but_doubtful
from burnish.workflows.people_answers import GivenAnswer, given_answers
from burnish.workflows.people_figures import person_figures, team_figures
from burnish.workflows.team import read_figures
from tests.burnish.review.desks import ADA, APPROVED, BOB, DOUBLE, ROB, Room, room, said

GOLD = {"a": "3", "b": "8"}


def given(desk: Room) -> list[GivenAnswer]:
    return given_answers(read_courses(desk.engine, "digits"), desk.ledger.events("digits"))


def figures(desk: Room, gold: Mapping[str, str] = GOLD, **how: Any) -> Figures:
    return read_figures(desk.engine, desk.ledger, "digits", gold=gold, **how)


def of(found: Figures, person: Person) -> PersonFigures:
    one = found.person(person.name)
    assert one is not None
    return one


def decide(desk: Room, name: str, label: str) -> None:
    after = desk.desk.item("digits", name).last_seq
    desk.desk.decide("digits", ROB, name, said(label), after=after)


def send_back(desk: Room, name: str) -> None:
    after = desk.desk.item("digits", name).last_seq
    desk.desk.send_back("digits", ROB, name, after=after, comment="look again")


@pytest.fixture
def both(tmp_path: Path) -> Room:
    """ada says 3, 8, 3 of a, b, c; bob says 3 of all: they differ on b alone."""
    desk = room(tmp_path / "desk.db", policy=DOUBLE, rows=3)
    for label in ("3", "8", "3"):
        desk.say(ADA, label, seconds=4.0)
        desk.say(BOB, "3", seconds=9.0)
    return desk


def test_accuracy_is_of_known_answers_and_says_what_was_taken_for_what(both: Room):
    found = figures(both)
    ada, bob = of(found, ADA), of(found, BOB)
    assert (ada.right, ada.gold, bob.right, bob.gold) == (2, 2, 1, 2)
    assert [(one.label, one.right, one.instead, one.times) for one in bob.by_class] == [
        ("3", Share(1, 1), "", 0),
        ("8", Share(0, 1), "3", 1),
    ]
    assert bob.on("8", "3") == Share(1, 2)
    assert bob.few
    assert ada.accuracy == Share(2, 2).interval


def test_agreement_counts_pairs_of_blind_answers(both: Room):
    found = figures(both)
    assert found.several == 3
    [pair] = found.pairs
    assert (pair.a, pair.b, pair.equal) == ("ada", "bob", Share(2, 3))
    # By hand: 4 of 6 answers pair equally; 5 threes and 1 eight make 20 of 30 by chance.
    assert found.alpha == pytest.approx((4 / 6 - 20 / 30) / (1 - 20 / 30))


def test_a_decision_moves_the_figures_of_both_and_of_nobody_else(both: Room):
    before = figures(both)
    assert of(before, ADA).adjudicated == of(before, BOB).adjudicated == Share(0, 0)
    decide(both, "b", "8")
    after = figures(both)
    assert of(after, ADA).adjudicated == Share(1, 1)
    assert of(after, BOB).adjudicated == Share(0, 1)
    assert (of(after, ADA).reworked, of(after, BOB).reworked) == (0, 1)
    assert after.person("rob") is None, "who decides has others' answers before them"
    assert after.alpha == before.alpha


def test_what_was_sent_back_counts_as_reworked_and_its_second_answer_for_nothing_else(both: Room):
    send_back(both, "b")
    for person in (ADA, BOB):
        lease = both.desk.take("digits", person)
        assert lease is not None
        assert lease.item.example_id == "b"
        both.desk.answer("digits", person, lease.token, said("8"))
    found = figures(both)
    bob = of(found, BOB)
    assert (bob.answers, bob.reworked, bob.right, bob.gold) == (4, 1, 1, 2)
    assert found.pairs[0].equal == Share(2, 3), "the second answer is not blind"


def test_a_decision_that_was_sent_back_overrules_nobody(both: Room):
    decide(both, "b", "8")
    send_back(both, "b")
    bob = of(figures(both), BOB)
    assert (bob.adjudicated, bob.reworked) == (Share(0, 0), 1)


def test_what_was_taken_back_does_not_count_and_nobody_is_blind_twice(tmp_path: Path):
    desk = room(tmp_path / "desk.db", policy=DOUBLE, rows=2)
    desk.say(BOB, "3")
    slip = desk.say(ADA, "8")
    desk.desk.undo("digits", ADA, seq=slip.event.seq)
    desk.say(ADA, "3")
    found = figures(desk)
    assert (of(found, ADA).answers, of(found, ADA).right) == (1, 1)
    assert found.several == 0
    assert [one.blind for one in given(desk)] == [True, False]


def test_unsure_and_dropped_answers_are_told_apart_from_wrong_ones():
    said = [
        GivenAnswer("ada", False, 1, "a", None),
        GivenAnswer("ada", False, 1, "b", DROPPED),
    ]
    ada = person_figures("ada", said, GOLD)
    assert (ada.gold, ada.right, ada.unsure) == (1, 0, 1)
    assert ada.by_class[0].instead == DROPPED


def test_whoever_is_overruled_where_all_agreed_was_reworked_and_not_adjudicated(tmp_path: Path):
    desk = room(tmp_path / "desk.db", policy=APPROVED, rows=1)
    desk.say(ADA, "3")
    decide(desk, "a", "9")
    ada = of(figures(desk), ADA)
    assert (ada.reworked, ada.adjudicated) == (1, Share(0, 0))


def test_a_sheet_counts_for_whom_it_names_and_never_for_agreement(tmp_path: Path):
    desk = room(tmp_path / "desk.db", policy=DOUBLE, rows=3)
    lines = [("a", "3", "Cleo"), ("b", "3", "Cleo"), ("c", "8", "Sim")]
    for name, label, author in lines:
        role = "simulated" if author == "Sim" else "reviewer"
        decision = "keep" if label == "8" else "change"
        desk.ledger.append(
            "digits", [Verdict(name, decision, "8", label, author=author, role=role)]
        )
    found = figures(desk)
    cleo, sim = found.person("Cleo"), found.person("Sim")
    assert cleo is not None
    assert sim is not None
    assert (cleo.answers, cleo.imported, cleo.right, cleo.gold) == (2, 2, 1, 2)
    assert cleo.rework is None, "nobody sends a sheet back"
    assert (cleo.simulated, sim.simulated) == (False, True)
    assert (found.several, found.pairs) == (0, ())


def test_known_answers_restated_behind_a_person_are_nobodys(tmp_path: Path):
    desk = room(tmp_path / "desk.db", rows=1, gold={"a": "3"})
    desk.say(ADA, "9")
    found = figures(desk, {"a": "3"})
    assert [one.name for one in found.people] == ["ada"]
    assert (of(found, ADA).right, of(found, ADA).gold) == (0, 1)


def test_a_batch_that_was_taken_back_from_outside_says_nothing_of_anybody(tmp_path: Path):
    desk = room(tmp_path / "desk.db", rows=2)
    desk.say(ADA, "9")
    desk.say(ADA, "8")
    [event] = [one for one in desk.ledger.events("digits") if one.verdict.example_id == "a"]
    desk.ledger.undo("digits", event.event_id, author="root")
    ada = of(figures(desk), ADA)
    assert (ada.answers, ada.gold, ada.right) == (1, 1, 1)


def test_what_is_answered_anew_after_a_batch_was_taken_back_counts(tmp_path: Path):
    desk = room(tmp_path / "desk.db", rows=1)
    desk.say(ADA, "9")
    [event] = desk.ledger.events("digits")
    desk.ledger.undo("digits", event.event_id, author="root")
    desk.desk.progress("digits")
    desk.say(ADA, "3")
    ada = of(figures(desk), ADA)
    assert (ada.answers, ada.gold, ada.right, ada.reworked) == (1, 1, 1, 0)


def test_the_known_answers_of_the_open_batch_can_be_left_out(both: Room):
    hidden = figures(both, open_since=(1, 0), open_gold=False)
    ada = of(hidden, ADA)
    assert (ada.answers, ada.gold, ada.unsure, ada.confusions) == (3, 0, 0, ())
    assert of(figures(both, open_since=(2, 0), open_gold=False), ADA).gold == 2


def test_a_row_that_was_known_before_counts_by_the_answer_before():
    first = GivenAnswer("ada", False, 1, "a", "3")
    again = GivenAnswer("ada", False, 2, "a", "9", first=False)
    closed = person_figures("ada", [first, again], GOLD, open_gold_of=2)
    assert (closed.gold, closed.right) == (1, 1)


def test_simulated_people_are_marked_and_left_out_of_agreement_where_others_answer():
    rows = [(str(n), name) for n in range(12) for name in ("ann", "ben", "bot")]
    answers = [
        GivenAnswer(name, name == "bot", 1, row, "xy"[int(row) % 2], blind=True)
        for row, name in rows
    ]
    found = team_figures("pets", answers, {})
    assert [(one.name, one.simulated) for one in found.people][2] == ("bot", True)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("ann", "ben")]
    alone = team_figures("pets", [one for one in answers if one.simulated], {})
    assert [one.name for one in alone.people] == ["bot"]


def planted(seed: int, n: int = 400) -> tuple[list[GivenAnswer], dict[str, str], dict[str, str]]:
    """Six people, two of them bad, two to an item; gold of every tenth; and the whole truth."""
    rng = np.random.default_rng(seed)
    right, names = [0.97, 0.96, 0.95, 0.9, 0.65, 0.6], "abcdef"
    truth = {f"i{at}": "xyz"[rng.integers(3)] for at in range(n)}
    answers: list[GivenAnswer] = []
    for name, label in truth.items():
        for at in rng.permutation(6)[:2].tolist():
            others = [one for one in "xyz" if one != label]
            told = label if rng.random() < right[at] else others[rng.integers(2)]
            answers.append(GivenAnswer(names[at], False, 1, name, told, blind=True))
    return answers, {name: truth[name] for name in list(truth)[::10]}, truth


def test_labels_that_were_agreed_on_wrongly_are_among_the_first_doubts():
    found = base = agreed = 0
    for seed in range(6):
        answers, gold, truth = planted(seed)
        doubts = agreed_but_doubtful(answers, gold, most=10_000)
        wrong = [one.label != truth[one.example_id] for one in doubts]
        found, base, agreed = found + sum(wrong[:20]), base + sum(wrong), agreed + len(wrong)
        assert not {one.example_id for one in doubts} & set(gold)
        chances = [one.probability for one in doubts]
        assert chances == sorted(chances)
    assert found / 120 > 3 * base / agreed


def test_what_people_who_never_differ_agree_on_is_no_doubt():
    answers = [
        GivenAnswer(who, False, 1, f"e{at}", "xy"[at % 2], blind=True)
        for at in range(200)
        for who in ("ann", "ben", "cleo")
    ]
    assert agreed_but_doubtful(answers, {"e0": "x"}) == ()


def test_what_a_reviewer_decided_or_nobody_agreed_on_is_no_doubt():
    def pair(name: str, a: str, b: str, **facts: Any) -> list[GivenAnswer]:
        return [
            GivenAnswer(who, False, 1, name, label, blind=True, **facts)
            for who, label in (("ann", a), ("ben", b))
        ]

    known = pair("g", "x", "y")
    answers = [
        *known, *pair("p", "x", "x"), *pair("q", "x", "y"), *pair("r", "x", "x", decided="x"),
        *pair("s", "y", "y", sent_back=True),
    ]  # fmt: skip
    [doubt] = agreed_but_doubtful(answers, {"g": "x"})
    assert (doubt.example_id, doubt.said) == ("p", (("ann", "x"), ("ben", "x")))
    assert agreed_but_doubtful(answers[2:], {}) == (), "two people alone say nothing of each other"
