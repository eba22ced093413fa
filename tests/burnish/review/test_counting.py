"""The counts of a batch that are kept in step with its events are those of counting it anew."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import event

from burnish.errors import ReviewError
from burnish.records import Verdict
from burnish.review import counting
from burnish.review.counting import counted
from burnish.review.records import Policy
from tests.burnish.review.desks import (
    ADA,
    APPROVED,
    BOB,
    CID,
    DOUBLE,
    ROB,
    TWO_OF_THREE,
    Room,
    queue_row,
    room,
    said,
)


def anew(desk_room: Room) -> tuple[object, ...]:
    batch = desk_room.desk.batch("digits")
    with desk_room.engine.connect() as connection:
        tally = counted(connection, batch)
    return tally.states, tally.by_person, tally.final


def kept(desk_room: Room) -> tuple[object, ...]:
    progress = desk_room.desk.progress("digits")
    return progress.states, progress.by_person, progress.final


def do_something(desk_room: Room, draw: Random) -> None:
    """One thing that somebody may do, drawn; nothing where it cannot be done just now."""
    desk, who = desk_room.desk, draw.choice([ADA, BOB, CID])
    what = draw.choice(["say", "say", "say", "say", "undo", "decide", "approve", "send", "outside"])
    name = draw.choice("abcdefgh")
    after = desk.item("digits", name).last_seq
    try:
        if what == "say":
            desk_room.say(who, draw.choice(["3", "8", None]))
        elif what == "undo":
            desk.undo("digits", who)
        elif what == "decide":
            desk.decide("digits", ROB, name, said("9"), after=after)
        elif what == "approve":
            desk.approve("digits", ROB, name, after=after)
        elif what == "send":
            desk.send_back("digits", ROB, name, after=after, comment="look again")
        else:
            desk_room.ledger.append("digits", [Verdict(name, "change", "8", "9", author="sheet")])
    except (ReviewError, AssertionError):
        return


@pytest.mark.parametrize("policy", [Policy(), DOUBLE, TWO_OF_THREE, APPROVED])
def test_counts_kept_in_step_are_those_of_counting_anew(database, policy):
    one, draw = room(database, policy=policy, rows=8), Random(7)
    one.desk.progress("digits")
    seen = set()
    for _ in range(60):
        do_something(one, draw)
        one.time.move(1)
        assert kept(one) == anew(one)
        seen |= set(one.desk.progress("digits").states)
    assert {"open", "settled", "rework"} <= seen


def test_rows_that_a_new_queue_brings_are_counted(database):
    one = room(database, rows=2)
    one.say(ADA, "3")
    assert kept(one)[0] == {"open": 1, "settled": 1}
    one.loop.requeue([queue_row("a", 1), queue_row("b", 2), queue_row("c", 3), queue_row("d", 4)])
    assert kept(one)[0] == {"open": 3, "settled": 1} == anew(one)[0]


def test_after_an_answer_the_batch_is_not_counted_again(database):
    one, counts = room(database, rows=4), list[str]()
    one.desk.progress("digits")

    @event.listens_for(one.engine, "before_cursor_execute")
    def note(connection, cursor, statement, *rest):
        if "GROUP BY" in statement:
            counts.append(statement)

    one.say(ADA, "3")
    assert one.desk.progress("digits").states == {"open": 3, "settled": 1}
    assert not counts


def test_what_many_did_meanwhile_is_counted_at_once(database, monkeypatch):
    monkeypatch.setattr(counting, "AT_ONCE", 2)
    one = room(database, rows=5)
    one.desk.progress("digits")
    for _ in range(4):
        one.say(ADA, "3")
    assert kept(one)[0] == {"open": 1, "settled": 4}
