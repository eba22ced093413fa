"""The states of an item: what the docs draw is what the code allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

import burnish
from burnish.review.records import Action, DeskEvent, Person, Policy, Role, Said, State
from burnish.review.states import (
    DESK,
    HOUSEKEEPING,
    Standing,
    allowed,
    places,
    refusal,
    stand,
)
from tests.burnish.review.desks import ADA, BOB, CID, EVE, ROB, START

PAGE = Path(burnish.__file__).parents[1] / "docs" / "review-states.md"
DOUBLE = Policy(answers=2, agree=2)
ASKED = {"annotator": Person("new", "annotator"), "reviewer": ROB, "admin": EVE}


def happened(*acts: tuple[Person, Action, str]) -> list[DeskEvent]:
    """Events from who did what; the text is a label, or the number of what is undone."""
    events = []
    for seq, (actor, action, text) in enumerate(acts, start=1):
        said = Said("change", text) if action in {"answer", "decide"} else None
        undoes = int(text) if action == "undo" else None
        events.append(DeskEvent(seq, "a", actor, action, START, said, undoes=undoes))
    return events


HISTORIES: dict[State, list[DeskEvent]] = {
    "open": happened((ADA, "answer", "3")),
    "disagreed": happened((ADA, "answer", "3"), (BOB, "answer", "9")),
    "settled": happened((ADA, "answer", "3"), (BOB, "answer", "3")),
    "rework": happened(
        (ADA, "answer", "3"), (BOB, "answer", "9"), (ROB, "send_back", ""), (ADA, "answer", "8")
    ),
    "withdrawn": happened((ADA, "answer", "3"), (DESK, "withdraw", "")),
}


def standing_in(state: State) -> Standing:
    if state == "submitted":
        return stand(HISTORIES["settled"], Policy(answers=2, agree=2, approval=True))
    return stand(HISTORIES[state], DOUBLE)


def table() -> dict[tuple[str, str], str]:
    """The table of the docs: who may, by state and action."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    actions = rows[0][1:]
    return {(row[0], action): who for row in rows[2:]
            for action, who in zip(actions, row[1:], strict=True)}  # fmt: skip


def test_the_table_of_the_docs_has_every_state_and_action():
    assert {state for state, _ in table()} == set(get_args(State))
    assert {action for _, action in table()} == set(get_args(Action))


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("action", get_args(Action))
@pytest.mark.parametrize("role", get_args(Role))
def test_the_table_of_the_docs_is_what_the_code_allows(state, action, role):
    standing, who = standing_in(state), table()[state, action]
    assert standing.state == state
    person, undoes = ASKED[role], None
    if state == "rework" and action == "answer":
        # Of those it was sent back to, the one who has not answered yet.
        person = Person("bob", role)
    if action == "undo":
        own = standing.answers[-1]
        person, undoes = Person(own.actor.name, role), own
    ranks = ["annotator", "reviewer", "admin"]
    least = {"own": "annotator"}.get(who, who)
    expected = least in ranks and ranks.index(role) >= ranks.index(least)
    assert (refusal(standing, action, person, undoes=undoes) == "") == expected


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("action", sorted(HOUSEKEEPING))
def test_the_desk_itself_does_what_the_table_says(state, action):
    assert allowed(standing_in(state), action, DESK) == (table()[state, action] == "desk")


@pytest.mark.parametrize("state", ["disagreed", "submitted", "settled"])
@pytest.mark.parametrize("action", ["approve", "decide", "send_back"])
def test_who_answered_does_not_review(state, action):
    assert not allowed(standing_in(state), action, Person("ada", "reviewer"))


@pytest.mark.parametrize("state", ["open", "rework"])
def test_nobody_answers_twice_in_a_round(state):
    assert not allowed(standing_in(state), "answer", ADA)


def test_rework_is_for_those_who_answered_until_it_is_released():
    events = happened(
        (ADA, "answer", "3"), (BOB, "answer", "9"), (ROB, "send_back", ""), (ROB, "release", "")
    )
    assert not allowed(stand(events[:3], DOUBLE), "answer", CID)
    assert allowed(stand(events, DOUBLE), "answer", CID)


def test_only_ones_own_standing_answer_is_undone():
    standing = standing_in("disagreed")
    [ada, _] = standing.answers
    assert refusal(standing, "undo", BOB, undoes=ada)
    assert refusal(standing, "undo", ADA, undoes=None)
    decided = stand([*HISTORIES["disagreed"], *happened((ROB, "decide", "8"))], DOUBLE)
    assert refusal(decided, "undo", ADA, undoes=ada)


def test_an_undone_answer_was_never_given():
    undone = stand([*HISTORIES["disagreed"], *_numbered((BOB, "undo", "2"), 3)], DOUBLE)
    assert (undone.state, undone.people) == ("open", {"ada"})


def test_a_restored_item_is_what_it_was():
    acts = [(DESK, "withdraw", "", 3), (DESK, "restore", "", 4)]
    events = [*HISTORIES["disagreed"]]
    for actor, action, text, seq in acts:
        events += _numbered((actor, action, text), seq)
    assert [stand(events[:end], DOUBLE).state for end in (2, 3, 4)] == [
        "disagreed", "withdrawn", "disagreed"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "labels", "expected"),
    [
        (Policy(), "", 1), (DOUBLE, "", 2), (DOUBLE, "3", 1), (DOUBLE, "39", 0),
        (Policy(answers=3, agree=2), "", 2), (Policy(answers=3, agree=2), "3", 1),
        (Policy(answers=3, agree=2), "39", 1), (Policy(answers=3, agree=2), "33", 0),
        (Policy(answers=5, agree=3), "393", 1), (Policy(answers=5, agree=3), "389", 2),
    ],
)  # fmt: skip
def test_no_more_are_asked_at_once_than_could_settle_it(policy, labels, expected):
    people = [Person(f"p{at}", "annotator") for at in range(len(labels))]
    acts = [(person, "answer", label) for person, label in zip(people, labels, strict=True)]
    assert places(stand(happened(*acts), policy), policy) == expected


def _numbered(act: tuple[Person, Action, str], seq: int) -> list[DeskEvent]:
    return [replace(happened(act)[0], seq=seq)]
