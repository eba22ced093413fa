"""How far a batch is from what was promised: planted items, at planted times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from burnish.review.keeping import acts_of, asked_of, breaches, keeping, needed_acts
from burnish.review.records import Policy
from burnish.spec import Promises, WorkingHours
from tests.burnish.review.desks import (
    ADA,
    APPROVED,
    BOB,
    DOUBLE,
    ROB,
    START,
    TWO_OF_THREE,
    queue_row,
    room,
    said,
)

PROMISES = Promises(urgent=4, high=8, normal=24)
SINGLE = Policy()
HOUR = 3600


def promised(path, rows=4, policy=SINGLE, promises=PROMISES):
    named = [queue_row(chr(ord("a") + at), at + 1) for at in range(rows)]
    one = room(path, rows=named, policy=policy)
    one.loop.batch = replace(one.loop.batch, promises=promises)
    return one


def kept(one):
    return keeping(one.engine, one.desk.batch("digits"), now=one.time.now)


def overdue(one):
    batch = one.desk.batch("digits")
    with one.engine.connect() as connection:
        return [item.example_id for item in breaches(connection, batch, now=one.time.now)]


def test_a_forgotten_item_is_overdue_when_its_time_has_passed(database):
    one = promised(database)
    one.desk.set_priority("digits", ROB, ["c"], "urgent")
    one.time.move(4 * HOUR)
    assert overdue(one) == []
    one.time.move(1)
    assert overdue(one) == ["c"]
    found = kept(one)
    assert found.overdue == {"urgent": 1, "high": 0, "normal": 0}
    assert found.waiting == {"urgent": 1, "high": 0, "normal": 3}
    assert (found.soon, found.next_due) == (3, START + timedelta(hours=24))


def test_what_is_settled_is_not_overdue_and_counts_as_kept_or_late(database):
    one = promised(database)
    one.say(ADA, "3")
    one.time.move(25 * HOUR)
    one.say(ADA, "3")
    found = kept(one)
    assert overdue(one) == ["c", "d"]
    assert (found.in_time, found.late) == (1, 1)
    assert found.kept == pytest.approx(1 / 4)


def test_an_item_that_waits_for_a_reviewer_is_as_overdue_as_any(database):
    one = promised(database, rows=1, policy=DOUBLE)
    one.say(ADA, "3")
    one.say(BOB, "9")
    one.time.move(25 * HOUR)
    assert overdue(one) == ["a"]


def test_the_longest_overdue_comes_first(database):
    one = promised(database)
    one.desk.set_priority("digits", ROB, ["d"], "urgent")
    one.desk.set_priority("digits", ROB, ["c"], "high")
    one.time.move(25 * HOUR)
    assert overdue(one) == ["d", "c", "a", "b"]


def test_waiting_items_are_counted_by_age_once(database):
    one = promised(database, rows=3)
    assert one.desk.batch("digits")
    one.time.move(30 * HOUR)
    more = [queue_row(name, at) for at, name in enumerate("abcde", start=1)]
    one.loop.requeue(more)
    assert one.desk.batch("digits")
    one.time.move(50 * HOUR)
    assert kept(one).ages == {
        "under a day": 0,
        "a day or more": 2,
        "three days or more": 3,
        "a week or more": 0,
    }


def test_acts_and_settled_items_are_counted_by_the_day_of_the_zone(database):
    # In Auckland it is 22:00 when it is 09:00 in UTC: three hours later it is the next day.
    hours = WorkingHours(timezone="Pacific/Auckland")
    one = promised(database, promises=PROMISES.model_copy(update={"working_hours": hours}))
    one.say(ADA, "3")
    one.time.move(3 * HOUR)
    one.say(ADA, "3")
    one.say(ADA, "9")
    found = kept(one)
    assert [(day.day.day, day.acts, day.settled) for day in found.days] == [(26, 1, 1), (27, 2, 2)]
    assert found.zone == "Pacific/Auckland"


def test_an_answer_that_is_taken_back_is_no_work_done(database):
    one = promised(database)
    one.say(ADA, "3")
    one.desk.undo("digits", ADA)
    one.say(ADA, "9")
    with one.engine.connect() as connection:
        assert acts_of(connection, one.desk.batch("digits")) == {START: 1}


def needed(one):
    with one.engine.connect() as connection:
        return needed_acts(connection, one.desk.batch("digits"))


def test_one_answer_an_item_is_needed_and_a_review_where_all_are_approved(database):
    assert needed(promised(database)) == 4


def test_what_must_be_approved_needs_twice_the_acts(database):
    one = promised(database, policy=APPROVED)
    assert needed(one) == 8
    one.say(ADA, "3")
    assert needed(one) == 7


def test_of_two_who_answer_as_many_are_expected_to_disagree_as_did(database):
    one = promised(database, policy=DOUBLE)
    assert needed(one) == 8
    for label in ("3", "9"):
        one.say(ADA, "3")
        one.say(BOB, label)
    # Four answers, one decision that waits, and one that one in two of the others will need.
    assert needed(one) == 4 + 1 + 1


def test_of_two_of_three_the_third_is_not_expected(database):
    assert needed(promised(database, policy=TWO_OF_THREE)) == 8


def test_what_is_asked_of_somebody_is_theirs_and_not_answered(database):
    one = promised(database, policy=DOUBLE)
    one.desk.assign("digits", ROB, ["a", "c"], "ada")
    one.desk.assign("digits", ROB, ["b"], "bob")
    batch = one.desk.batch("digits")
    with one.engine.connect() as connection:
        assert [item.example_id for item in asked_of(connection, batch, "ada")] == ["a", "c"]
    lease = one.desk.take("digits", ADA)
    one.desk.answer("digits", ADA, lease.token, said("3"))
    with one.engine.connect() as connection:
        assert [item.example_id for item in asked_of(connection, batch, "ada")] == ["c"]


def test_without_promises_there_is_a_forecast_and_nothing_is_overdue(database):
    one = promised(database, promises=None)
    one.time.move(1000 * HOUR)
    found = kept(one)
    assert sum(found.overdue.values()) == 0
    assert found.kept is None
    assert found.sentence == "no forecast: fewer than 20 answers have been given"


def test_what_was_sent_back_to_others_is_not_told_to_whom_it_was_assigned(database):
    one = promised(database, rows=1)
    one.say(BOB, "3")
    one.desk.assign("digits", ROB, ["a"], "ada")
    after = one.desk.item("digits", "a").last_seq
    one.desk.send_back("digits", ROB, "a", after=after, comment="look again")
    batch = one.desk.batch("digits")
    with one.engine.connect() as connection:
        assert asked_of(connection, batch, "ada") == []
    one.desk.assign("digits", ROB, ["a"], "bob")
    with one.engine.connect() as connection:
        assert [item.example_id for item in asked_of(connection, batch, "bob")] == ["a"]
