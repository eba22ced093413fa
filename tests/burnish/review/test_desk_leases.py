"""The desk: tokens, tabs and leases. Who has an item before them, and which answer counts once."""

from __future__ import annotations

import pytest

from burnish.errors import ReviewConflict
from burnish.review.accounts import Accounts
from tests.burnish.review.desks import (
    ADA,
    BOB,
    DOUBLE,
    ROB,
    room,
    said,
)


def test_the_same_form_sent_again_is_the_same_answer_and_another_is_a_conflict(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    first = one.desk.answer("digits", ADA, lease.token, said("3", seconds=2.0))
    for _ in range(3):
        again = one.desk.answer("digits", ADA, lease.token, said("3", seconds=9.0))
        assert (again.known, again.event) == (True, first.event)
    with pytest.raises(ReviewConflict, match="has said '3' of 'a' already"):
        one.desk.answer("digits", ADA, lease.token, said("9"))
    with pytest.raises(ReviewConflict):
        one.desk.answer("digits", BOB, lease.token, said("3"))
    assert len(one.ledger.events("digits")) == 1


def test_what_was_taken_back_is_not_known_to_another_tab(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    event = one.desk.answer("digits", ADA, lease.token, said("3")).event
    one.desk.undo("digits", ADA, seq=event.seq)
    with pytest.raises(ReviewConflict, match="taken back"):
        one.desk.answer("digits", ADA, lease.token, said("3"))
    assert one.say(ADA, "9").item.state == "settled"


def test_the_key_of_an_undo_is_no_token(database):
    one = room(database)
    event = one.say(ADA, "3").event
    one.desk.undo("digits", ADA)
    with pytest.raises(ReviewConflict, match="this lease has ended"):
        one.desk.answer("digits", ADA, f"undo:{event.seq}", said("3"))


def test_what_is_assigned_to_somebody_who_is_shut_out_is_for_anybody(database):
    one = room(database, rows=2)
    accounts = Accounts(one.engine, clock=one.time)
    accounts.add_person("bob", "annotator", by="eve")
    one.desk.assign("digits", ROB, ["a", "b"], "bob")
    assert one.desk.take("digits", ADA) is None
    assert one.say(BOB, "3").item.example_id == "a"
    accounts.deactivate("bob", by="eve")
    assert one.say(ADA, "3").item.example_id == "b"
    assert one.desk.item("digits", "a").assignee == "bob", "who settled it was asked first"


def test_two_tabs_have_one_item_and_the_next_is_another(database):
    one = room(database)
    first = one.desk.take("digits", ADA)
    assert one.desk.take("digits", ADA).token == first.token
    ahead = one.desk.take("digits", ADA, beside=[first.token])
    assert (ahead.item.example_id, ahead.token != first.token) == ("b", True)
    assert one.desk.take("digits", ADA, beside=[first.token]).token == ahead.token
    assert one.desk.take("digits", BOB).item.example_id == "c"


def test_a_late_answer_counts_unless_somebody_has_the_place(database):
    one = room(database, rows=1)
    ada = one.desk.take("digits", ADA)
    assert one.desk.take("digits", BOB) is None
    one.time.move(301)
    bob = one.desk.take("digits", BOB)
    with pytest.raises(ReviewConflict, match="lease has ended"):
        one.desk.answer("digits", ADA, ada.token, said("3"))
    one.time.move(301)
    assert one.desk.answer("digits", BOB, bob.token, said("9")).item.state == "settled"


def test_a_clock_set_back_frees_what_is_leased(database):
    one = room(database, rows=1)
    one.desk.take("digits", ADA)
    one.time.move(-86_400)
    assert one.desk.take("digits", BOB).item.example_id == "a"


def test_a_lease_is_renewed_and_given_back(database):
    one = room(database, rows=1)
    lease = one.desk.take("digits", ADA)
    one.time.move(200)
    assert one.desk.renew("digits", ADA, lease.token).expires_at > lease.expires_at
    one.time.move(200)
    assert one.desk.take("digits", BOB) is None
    one.desk.give_back("digits", BOB, lease.token)
    assert one.desk.lease("digits", ADA, lease.token).item.example_id == "a"
    one.desk.give_back("digits", ADA, lease.token)
    assert one.desk.take("digits", BOB).item.example_id == "a"
    with pytest.raises(ReviewConflict):
        one.desk.renew("digits", ADA, lease.token)


def test_nobody_is_asked_the_same_twice_in_a_round(database):
    two = room(database, policy=DOUBLE, rows=1)
    two.say(ADA, "3")
    assert two.desk.take("digits", ADA) is None
