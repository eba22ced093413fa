"""Due times: by priority, in working hours, and nothing in them that tells a check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.acquisition.reasons import why_requested
from burnish.errors import NotAllowed
from burnish.records import LabelRequest
from burnish.review import arranging
from burnish.review.items import priorities_of
from burnish.review.promises import PRIORITIES, due_again, due_times, priority_of
from burnish.spec import Policy, Promises, WorkingHours
from burnish.workflows.policy_actions import ASKED_BY as POLICY
from burnish.workflows.production_reports import ASKED_BY as REPORTS
from tests.burnish.review.desks import ADA, ROB, START, queue_row, room, said

PROMISES = Promises(urgent=4, high=8, normal=24)
ALARM = why_requested(LabelRequest(("a",), POLICY, "alarm 3: accuracy 2026-03-01"))
USERS = why_requested(LabelRequest(("b",), REPORTS, "wrong, says a user"))
PERSON = why_requested(LabelRequest(("c",), "ann", "is this a dog?"))


def promised(path, rows, promises=PROMISES):
    """A desk whose batch comes with promises."""
    one = room(path, rows=rows)
    one.loop.batch = replace(one.loop.batch, promises=promises)
    return one


def items_of(one):
    return {item.example_id: item for item in one.desk.items("digits", limit=100)[0]}


def test_what_an_alarm_and_users_ask_for_is_due_sooner(database):
    rows = [
        queue_row("a", 1, reason="requested", why=ALARM),
        queue_row("b", 2, reason="requested", why=USERS),
        queue_row("c", 3, reason="requested", why=PERSON),
        queue_row("d", 4),
    ]
    found = items_of(promised(database, rows))
    assert [found[name].priority for name in "abcd"] == ["urgent", "high", "normal", "normal"]
    hours = [(found[name].due_at - START) / timedelta(hours=1) for name in "abcd"]
    assert hours == [4, 8, 24, 24]


def test_no_check_can_be_told_by_when_it_is_due(database):
    rows = [
        queue_row("audit", 1),
        queue_row("gold", 2, reason="gold", why="Its answer is known."),
        queue_row("control", 3, reason="control", why="Drawn at random."),
        queue_row("held", 4, reason="held_out", why=ALARM, label=None),
    ]
    found = items_of(promised(database, rows))
    assert len({(item.priority, item.due_at) for item in found.values()}) == 1


def test_checks_are_as_urgent_as_what_an_alarm_filled_a_batch_with(database):
    checks = [
        queue_row("gold", 4, reason="gold", why="Its answer is known."),
        queue_row("control", 5, reason="control", why="Drawn at random."),
        queue_row("held", 6, reason="held_out", why=USERS, label=None),
    ]
    asked = [queue_row(name, at, reason="requested", why=ALARM) for at, name in enumerate("abc", 1)]
    found = items_of(promised(database, [*asked, *checks]))
    assert {(item.priority, item.due_at) for item in found.values()} == {
        ("urgent", START + timedelta(hours=4))
    }


def test_checks_are_urgent_in_the_share_of_the_other_rows():
    rows = [
        queue_row(f"r{at}", at, reason="requested", why=ALARM if at % 4 == 0 else PERSON)
        for at in range(400)
    ]
    gold = [queue_row(f"g{at}", 400 + at, reason="gold") for at in range(400)]
    found = priorities_of([*rows, *gold])
    assert sum(found[f"r{at}"] == "urgent" for at in range(400)) == 100
    assert 70 <= sum(found[f"g{at}"] == "urgent" for at in range(400)) <= 130


def test_without_promises_nothing_is_due(database):
    found = items_of(room(database, rows=2))
    assert {item.due_at for item in found.values()} == {None}


def test_what_came_before_a_spec_promised_anything_keeps_no_due_time(database):
    one = room(database, rows=1)
    assert items_of(one)["a"].due_at is None
    one.loop.batch = replace(one.loop.batch, promises=PROMISES)
    one.time.move(3600)
    one.loop.requeue([queue_row("a", 1), queue_row("b", 2)])
    found = items_of(one)
    assert found["a"].due_at is None
    assert found["b"].due_at == START + timedelta(hours=25)


def again(before, now, **other):
    known = {"due_at": START + timedelta(hours=24), "added_at": START, "at": START} | other
    return due_again(PROMISES, before=before, now=now, **known)


def test_what_waited_and_becomes_urgent_is_not_overdue_at_once():
    at = START + timedelta(hours=10)
    assert again("normal", "urgent", at=at) == at + timedelta(hours=4)


def test_what_becomes_urgent_is_due_no_later_than_it_was():
    assert again("normal", "high", at=START + timedelta(hours=20)) == START + timedelta(hours=24)


def test_what_becomes_less_urgent_is_due_as_if_it_had_come_so():
    at = START + timedelta(hours=3)
    due = again("urgent", "normal", due_at=START + timedelta(hours=4), at=at)
    assert due == START + timedelta(hours=24)


@given(st.lists(st.tuples(st.sampled_from(PRIORITIES), st.floats(0.0, 30.0)), max_size=8))
def test_no_change_of_priority_is_overdue_at_once_that_was_not_before(changes):
    priority, due, at = "normal", START + timedelta(hours=24), START
    for now, hours in changes:
        at += timedelta(hours=hours)
        late = due < at
        due = due_again(PROMISES, before=priority, now=now, due_at=due, added_at=START, at=at)
        priority = now
        assert late or due >= at


def test_hours_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="rising hours"):
        Promises(urgent=10, high=5)


def test_a_promise_of_centuries_is_refused():
    with pytest.raises(ValueError, match="weeks of 1 working hours"):
        Promises(normal=9000, working_hours=WorkingHours(days=("mon",), end="10:00"))


def test_all_of_a_batch_is_due_in_working_hours():
    promises = Promises(urgent=1, high=8, normal=16, working_hours=WorkingHours())
    due = due_times(promises, START)
    assert [due[name].strftime("%a %H:%M") for name in PRIORITIES] == [
        "Thu 10:00",
        "Thu 17:00",
        "Fri 17:00",
    ]


def test_the_words_of_an_alarm_by_somebody_else_are_not_urgent():
    told = why_requested(LabelRequest(("a",), "ann", "policy: alarm 3: now"))
    assert priority_of({"reason": "requested", "why": told}) == "normal"


# ------------------------------------------------------------------ in turn


def next_of(one, person=ADA):
    lease = one.desk.take("digits", person)
    one.desk.answer("digits", person, lease.token, said("3"))
    return lease.item.example_id


def test_what_is_urgent_is_given_out_first_and_then_by_position(database):
    rows = [
        queue_row("a", 1),
        queue_row("b", 2, reason="requested", why=USERS),
        queue_row("c", 3, reason="requested", why=ALARM),
        queue_row("d", 4, reason="requested", why=ALARM),
        queue_row("e", 5),
    ]
    one = promised(database, rows)
    assert [next_of(one) for _ in range(5)] == ["c", "d", "b", "a", "e"]


def test_a_reviewer_puts_an_item_first_and_is_named_for_it(database):
    one = promised(database, [queue_row(name, at) for at, name in enumerate("abc", start=1)])
    one.time.move(3600)
    assert one.desk.set_priority("digits", ROB, ["c", "no such row"], "urgent") == 1
    assert items_of(one)["c"].due_at == START + timedelta(hours=5)
    assert next_of(one) == "c"
    with one.engine.connect() as connection:
        [line] = arranging.of_item(connection, "digits", 1, "c")
    told = (line.what, line.before, line.after, line.actor, line.at)
    assert told == ("priority", "normal", "urgent", "rob", START + timedelta(hours=1))


def test_a_priority_that_is_set_again_changes_nothing(database):
    one = promised(database, [queue_row("a", 1)])
    one.desk.set_priority("digits", ROB, ["a"], "high")
    due = items_of(one)["a"].due_at
    one.time.move(1800)
    one.desk.set_priority("digits", ROB, ["a"], "high")
    assert items_of(one)["a"].due_at == due
    with one.engine.connect() as connection:
        assert len(arranging.of_item(connection, "digits", 1, "a")) == 1


def test_what_is_settled_keeps_its_priority(database):
    one = promised(database, [queue_row("a", 1)])
    next_of(one)
    assert one.desk.set_priority("digits", ROB, ["a"], "urgent") == 0
    assert items_of(one)["a"].priority == "normal"


def test_an_annotator_sets_no_priority(database):
    one = promised(database, [queue_row("a", 1)])
    with pytest.raises(NotAllowed):
        one.desk.set_priority("digits", ADA, ["a"], "urgent")


def test_without_promises_an_urgent_item_comes_first_and_is_never_due(database):
    one = room(database, rows=2)
    one.desk.set_priority("digits", ROB, ["b"], "urgent")
    assert items_of(one)["b"].due_at is None
    assert next_of(one) == "b"


@pytest.mark.parametrize("told", ["https://hooks.example.org/x", "", "MY HOOK", "1HOOK"])
def test_an_address_is_no_name_of_a_variable(told):
    with pytest.raises(ValueError, match="the name of a variable"):
        Promises(webhook_variable=told)
    with pytest.raises(ValueError, match="the name of a variable"):
        Policy(webhook_variable=told)


def test_a_variable_is_named():
    assert Promises(webhook_variable="MY_HOOK").webhook_variable == "MY_HOOK"
