"""Answers from other tools: once each, whose and when, and two who differ are for a reviewer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from burnish.errors import ReviewConflict
from burnish.records import Verdict
from burnish.review.bringing import Brought
from burnish.review.records import Origin, Person, Policy, Said
from tests.burnish.review.desks import ADA, BOB, CID, DOUBLE, ROB, START, TWO_OF_THREE, room, said


def brought(
    example_id: str,
    person: Person,
    label: str | None,
    *,
    minutes: int = 0,
    number: str = "",
    timed: bool = True,
    **how: object,
) -> Brought:
    """What somebody said in a tool, so many minutes after the start of the day."""
    at = START + timedelta(minutes=minutes) if timed else None
    origin = Origin("label-studio", f"task-{example_id}", number or person.name, at)
    return Brought(example_id, person, said(label, **how), origin)


@pytest.fixture
def desk_room(tmp_path):
    return room(tmp_path / "desk.db")


def bring(there, *answers):
    return there.desk.bring("digits", answers)


def states(there):
    found, _ = there.desk.items("digits")
    return {item.example_id: item.state for item in found}


def test_an_answer_settles_its_item_and_the_ledger_names_who_when_and_where(desk_room):
    assert bring(desk_room, brought("a", ADA, "3", minutes=5, number="77", seconds=4.5)) == [
        "taken"
    ]
    [event] = desk_room.told("a")
    verdict = event.verdict
    assert (verdict.author, verdict.decision, verdict.to_label) == ("ada", "change", "3")
    told = {name: verdict.evidence[name] for name in ("tool", "task", "annotation", "seconds")}
    assert told == {
        "tool": "label-studio",
        "task": "task-a",
        "annotation": "77",
        "seconds": 4.5,
    }
    assert verdict.evidence["answered_at"].startswith("2026-11-26T09:05:00")
    [kept] = desk_room.desk.events("digits", "a")
    assert kept.origin == Origin("label-studio", "task-a", "77", START + timedelta(minutes=5))


def test_the_same_again_takes_nothing(desk_room):
    answers = [brought("a", ADA, "3"), brought("b", BOB, None), brought("c", ADA, "8")]
    assert bring(desk_room, *answers) == ["taken"] * 3
    head = desk_room.ledger.head("digits")
    assert bring(desk_room, *answers) == ["known"] * 3
    assert desk_room.ledger.head("digits") == head


def test_a_changed_answer_takes_the_place_of_the_first_and_an_older_one_does_not(desk_room):
    first, second = brought("a", ADA, "3", minutes=1), brought("a", ADA, "9", minutes=2)
    assert bring(desk_room, first) == ["taken"]
    assert bring(desk_room, second) == ["changed"]
    assert [event.verdict.to_label for event in desk_room.told("a")] == ["9"]
    assert bring(desk_room, first, second) == ["older", "known"]
    assert [event.verdict.to_label for event in desk_room.told("a")] == ["9"]


def test_without_times_what_was_replaced_is_not_taken_again(desk_room):
    first, second = (brought("a", ADA, label, timed=False) for label in ("3", "9"))
    assert bring(desk_room, first, second, first, second) == ["taken", "changed", "older", "known"]
    assert [event.verdict.to_label for event in desk_room.told("a")] == ["9"]


def test_two_who_differ_leave_the_item_to_a_reviewer_though_one_was_asked(desk_room):
    assert bring(desk_room, brought("a", ADA, "3"), brought("a", BOB, "9")) == ["taken", "taken"]
    item = desk_room.desk.item("digits", "a")
    assert item.state == "disagreed"
    assert desk_room.told("a") == [], "nothing is decided"
    desk_room.desk.decide("digits", ROB, "a", Said("change", "9"), after=item.last_seq)
    assert [event.verdict.author for event in desk_room.told("a")] == ["ada", "bob", "rob"]
    assert [e.verdict.evidence["settles"] for e in desk_room.told("a")] == [False, False, True]
    assert bring(desk_room, brought("a", CID, "3")) == ["beyond"], "a reviewer's word is the last"
    assert bring(desk_room, brought("a", ADA, "9", minutes=9)) == ["decided"]


def test_a_second_who_says_the_same_leaves_it_settled_and_is_in_the_ledger_once(desk_room):
    bring(desk_room, brought("a", ADA, "3"), brought("a", BOB, "3"))
    assert desk_room.desk.item("digits", "a").state == "settled"
    course = desk_room.ledger.blame("digits", "a")
    assert [(event.verdict.author, event.verdict.to_label) for event in course] == [
        ("ada", "3"),
        ("bob", "3"),
    ]


def test_whoever_comes_round_settles_the_item(desk_room):
    bring(desk_room, brought("a", ADA, "3"), brought("a", BOB, "9"))
    assert bring(desk_room, brought("a", BOB, "3", minutes=3)) == ["changed"]
    assert desk_room.desk.item("digits", "a").state == "settled"
    assert [event.verdict.author for event in desk_room.told("a")] == ["ada", "bob"]


def test_two_are_asked_and_an_answer_here_and_one_from_a_tool_settle_together(tmp_path):
    there = room(tmp_path / "desk.db", policy=DOUBLE, rows=2)
    there.say(ADA, "3")
    assert bring(there, brought("a", BOB, "3"), brought("b", BOB, "3")) == ["taken", "taken"]
    assert states(there) == {"a": "settled", "b": "open"}
    assert bring(there, brought("a", CID, "9")) == ["beyond"], "the policy asks two"
    there.say(ADA, "9")
    assert states(there)["b"] == "disagreed"


def test_a_third_is_heard_where_two_of_three_differ(tmp_path):
    there = room(tmp_path / "desk.db", policy=TWO_OF_THREE, rows=1)
    bring(there, brought("a", ADA, "3"), brought("a", BOB, "9"))
    assert states(there) == {"a": "open"}
    bring(there, brought("a", CID, "9"))
    assert states(there) == {"a": "settled"}
    assert there.told("a")[-1].verdict.to_label == "9"


def test_an_answer_that_a_reviewer_has_to_approve_waits_for_it(tmp_path):
    there = room(tmp_path / "desk.db", policy=Policy(approval=True), rows=1)
    bring(there, brought("a", ADA, "3"))
    assert states(there) == {"a": "submitted"}
    bring(there, brought("a", BOB, "9"))
    assert states(there) == {"a": "disagreed"}


def test_what_somebody_decided_in_a_file_stays_theirs(desk_room):
    desk_room.ledger.append("digits", [Verdict("a", "keep", "8", "8", author="zoe")])
    assert bring(desk_room, brought("a", ADA, "3")) == ["decided"]
    assert [event.verdict.author for event in desk_room.told("a")] == ["zoe"]


def test_an_answer_that_its_author_took_back_at_the_desk_is_not_brought_again(desk_room):
    answer = brought("a", ADA, "3")
    bring(desk_room, answer)
    desk_room.desk.undo("digits", ADA)
    assert bring(desk_room, answer) == ["known"]
    assert desk_room.told("a") == []


def test_what_was_sent_back_asks_for_a_new_answer_in_the_tool(desk_room):
    first = brought("a", ADA, "3", minutes=1)
    bring(desk_room, first)
    item = desk_room.desk.item("digits", "a")
    desk_room.desk.send_back("digits", ROB, "a", after=item.last_seq, comment="look at the tail")
    assert bring(desk_room, first) == ["known"]
    assert states(desk_room)["a"] == "rework"
    assert bring(desk_room, brought("a", ADA, "9", minutes=2)) == ["taken"]
    assert states(desk_room)["a"] == "settled"


def test_a_known_answer_is_restated_behind_what_was_said(tmp_path):
    there = room(tmp_path / "desk.db", rows=1, gold={"a": "3"})
    bring(there, brought("a", ADA, "9"))
    assert [(e.verdict.author, e.verdict.to_label) for e in there.told("a")] == [
        ("ada", "9"),
        ("gold", "3"),
    ]


def test_whoever_had_it_before_them_at_the_desk_is_given_another(desk_room):
    lease = desk_room.desk.take("digits", BOB)
    bring(desk_room, brought(lease.item.example_id, ADA, "3"))
    assert desk_room.desk.take("digits", BOB).item.example_id != lease.item.example_id


def test_faults_are_told_before_anything_is_taken(desk_room):
    answers = [brought("a", ADA, "3"), brought("a", ADA, "7"), brought("z", ADA, "3")]
    found = dict(desk_room.desk.faults("digits", answers))
    assert found.keys() == {1, 2}
    assert "'7' is no class" in found[1]
    assert "no example 'z'" in found[2]
    assert desk_room.told("a") == []


def test_a_late_answer_at_the_desk_itself_is_refused_as_before(desk_room):
    lease = desk_room.desk.take("digits", BOB)
    bring(desk_room, brought("a", ADA, "3"))
    with pytest.raises(ReviewConflict):
        desk_room.desk.answer("digits", BOB, lease.token, said("9"))
    assert states(desk_room)["a"] == "settled"


def test_whose_change_comes_when_others_have_settled_the_item_keep_their_answer(tmp_path):
    there = room(tmp_path / "desk.db", policy=TWO_OF_THREE)
    bring(there, brought("a", ADA, "3"), brought("a", BOB, "8"), brought("a", CID, "3"))
    later = brought("a", BOB, "3", minutes=9)
    for _ in range(2):
        assert bring(there, later) == ["beyond"]
    standing = there.desk.standing("digits", "a")
    assert [(one.actor.name, one.said.label) for one in standing.answers] == [
        ("ada", "3"),
        ("bob", "8"),
        ("cid", "3"),
    ]


def test_one_annotation_is_one_answer_by_whatever_name_its_author_goes(tmp_path):
    there = room(tmp_path / "desk.db", policy=DOUBLE)
    bring(there, brought("a", Person("user 3", "annotator"), "3", number="77"))
    assert bring(there, brought("a", ADA, "3", number="77")) == ["known"]
    assert [one.actor.name for one in there.desk.events("digits", "a")] == ["user 3"]
    assert states(there)["a"] == "open"
