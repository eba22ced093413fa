"""The desk: what people do with the rows of a batch, and what the ledger hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burnish.database import transact
from burnish.errors import ItemNotFound, NotAllowed, ReviewConflict, ReviewError
from burnish.records import Verdict
from burnish.review.items import RANDOM_CHECK, shown_reason
from burnish.review.records import Filters, Person, Policy, Said
from burnish.versions.schema import iterations
from tests.burnish.review.desks import (
    ADA,
    APPROVED,
    BOB,
    CID,
    DOUBLE,
    EVE,
    ROB,
    START,
    TWO_OF_THREE,
    Room,
    queue_row,
    room,
    said,
)


def says(desk_room: Room, example_id: str) -> list[tuple[str, str, str | None]]:
    return [
        (e.verdict.author, e.verdict.decision, e.verdict.to_label)
        for e in desk_room.told(example_id)
    ]


def test_one_answer_settles_an_item_and_the_ledger_has_it_with_its_evidence(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    done = one.desk.answer(
        "digits", ADA, lease.token, Said("keep", "3", comment=" faint ", seconds=4.5)
    )
    assert (done.item.state, done.event.said.decision) == ("settled", "change")
    [event] = one.ledger.events("digits")
    assert done.ledger_events == (event.event_id,)
    verdict = event.verdict
    assert (verdict.decision, verdict.from_label, verdict.to_label) == ("change", "8", "3")
    assert (verdict.author, verdict.role, verdict.comment) == ("ada", "annotator", "faint")
    assert verdict.evidence == {
        "iteration": 1, "reason": "audit", "suggested_label": "3", "error_probability": 0.9,
        "seconds": 4.5, "shown": False, "answered_at": "2026-11-26T09:00:00.000000+00:00",
        "round": 1, "settles": True,
    }  # fmt: skip


def test_only_what_may_still_come_to_a_person_is_before_others(database):
    two = room(database, policy=DOUBLE, rows=2)
    two.say(ADA, "3")
    two.desk.take("digits", BOB)
    assert two.desk.before_others("digits", ADA) == 0  # hers is said
    assert two.desk.before_others("digits", BOB) == 0  # he has it himself
    held = two.desk.take("digits", ADA)
    assert held.item.example_id == "b"
    assert two.desk.before_others("digits", BOB) == 1
    assert two.desk.before_others("digits", CID) == 2
    two.time.move(10_000)
    assert two.desk.before_others("digits", CID) == 0


def test_an_answer_that_is_given_again_says_so_in_the_ledger(database):
    two = room(database, policy=DOUBLE, rows=1)
    two.say(ADA, "8")
    two.desk.undo("digits", ADA)
    two.say(BOB, "3")
    two.say(ADA, "3")
    told = [(one.verdict.author, one.verdict.evidence.get("again")) for one in two.told("a")]
    assert told == [("bob", None), ("ada", True)]


def test_two_who_agree_are_both_in_the_ledger_and_only_then(database):
    two = room(database, policy=DOUBLE)
    assert two.say(ADA, "3").item.state == "open"
    assert two.ledger.events("digits") == []
    assert two.say(BOB, "3").item.state == "settled"
    assert says(two, "a") == [("ada", "change", "3"), ("bob", "change", "3")]
    assert [e.verdict.evidence["settles"] for e in two.told("a")] == [False, True]


def test_a_reviewer_decides_where_two_disagree(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    seen = two.say(BOB, "9").item
    assert (seen.state, two.ledger.events("digits")) == ("disagreed", [])
    assert [item.example_id for item in two.desk.inbox("digits", ROB)] == ["a"]
    done = two.desk.decide("digits", ROB, "a", said("8"), after=seen.last_seq)
    assert done.item.state == "settled"
    expected = [("ada", "change", "3"), ("bob", "change", "9"), ("rob", "keep", "8")]
    assert says(two, "a") == expected
    assert two.desk.inbox("digits", ROB) == []


def test_a_simulated_person_is_marked_in_the_ledger(database):
    one = room(database)
    one.say(Person("sim-1", "annotator", simulated=True), "3")
    assert [event.verdict.role for event in one.told("a")] == ["simulated"]
    assert one.desk.events("digits", "a")[0].actor.simulated


def test_a_row_without_a_label_is_given_one(database):
    one = room(database, rows=[queue_row("a", 1, label=None, reason="unlabeled")])
    assert one.say(ADA, "3").event.said.decision == "change"
    assert one.told("a")[0].verdict.from_label is None


def test_a_reviewer_approves_and_is_named_in_the_evidence(database):
    one = room(database, policy=APPROVED)
    seen = one.say(ADA, "3").item
    assert (seen.state, one.ledger.events("digits")) == ("submitted", [])
    one.desk.approve("digits", ROB, "a", after=seen.last_seq)
    [event] = one.told("a")
    assert (event.verdict.author, event.verdict.evidence["approved_by"]) == ("ada", "rob")


def test_what_is_sent_back_goes_to_who_answered_it_with_the_comment(database):
    one = room(database)
    seen = one.say(ADA, "3").item
    back = one.desk.send_back("digits", ROB, "a", after=seen.last_seq, comment="look again")
    assert (back.item.state, back.item.note, back.item.round) == ("rework", "look again", 2)
    assert says(one, "a") == []
    assert one.ledger.fold("digits").decisions["decision"].to_pylist() == ["unsure"]
    assert one.desk.take("digits", BOB).item.example_id == "b"
    assert one.desk.take("digits", ADA).item.example_id == "a"
    assert one.say(ADA, "9").item.state == "settled"
    assert says(one, "a") == [("ada", "change", "3"), ("ada", "change", "9")]
    assert [e.verdict.evidence["round"] for e in one.told("a")] == [1, 2]


def test_rework_that_is_released_is_for_anybody(database):
    one = room(database)
    seen = one.say(ADA, "3").item
    back = one.desk.send_back("digits", ROB, "a", after=seen.last_seq, comment="look again")
    one.desk.release("digits", ROB, "a", after=back.item.last_seq)
    assert one.say(BOB, "8").item.example_id == "a"
    assert says(one, "a") == [("ada", "change", "3"), ("bob", "keep", "8")]


def test_an_undo_takes_back_what_the_ledger_was_told(database):
    two = room(database, policy=DOUBLE)
    two.ledger.append("digits", [Verdict("a", "change", "1", "8", author="old")])
    two.loop.batch = replace(two.loop.batch, watermark=two.ledger.head("digits"))
    two.say(ADA, "3")
    two.say(BOB, "3")
    undone = two.desk.undo("digits", BOB)
    assert (undone.item.state, undone.item.answers) == ("open", 1)
    assert says(two, "a") == [("old", "change", "8")]
    assert two.ledger.fold("digits").decisions["label"].to_pylist() == ["8"]
    undos = [e.verdict for e in two.ledger.events("digits") if "undoes" in e.verdict.evidence]
    assert [(v.author, v.reason, v.evidence["undoes"], v.supersedes) for v in undos] == [
        ("bob", "undo", 3, 3), ("bob", "undo", 2, 2)
    ]  # fmt: skip
    assert two.say(BOB, "9").item.state == "disagreed"


def test_an_undo_with_a_number_is_done_once(database):
    one = room(database)
    first, second = one.say(ADA, "3").event, one.say(ADA, "3").event
    done = one.desk.undo("digits", ADA, seq=second.seq)
    again = one.desk.undo("digits", ADA, seq=second.seq)
    assert (again.known, again.event) == (True, done.event)
    assert one.desk.undo("digits", ADA).event.undoes == first.seq
    with pytest.raises(ReviewConflict):
        one.desk.undo("digits", ADA)


def test_an_answer_taken_back_after_others_settled_it_leaves_theirs(database):
    three = room(database, policy=TWO_OF_THREE, rows=1)
    three.say(ADA, "3")
    three.say(BOB, "9")
    assert three.say(CID, "3").item.state == "settled"
    assert three.desk.undo("digits", BOB).item.state == "settled"
    assert says(three, "a") == [("ada", "change", "3"), ("cid", "change", "3")]


def test_the_third_is_asked_when_two_disagree_and_not_before(database):
    three = room(database, policy=TWO_OF_THREE, rows=1)
    ada, bob = three.desk.take("digits", ADA), three.desk.take("digits", BOB)
    assert three.desk.take("digits", CID) is None
    three.desk.answer("digits", ADA, ada.token, said("3"))
    assert three.desk.take("digits", CID) is None
    three.desk.answer("digits", BOB, bob.token, said("9"))
    assert three.say(CID, "8").item.state == "disagreed"


def test_a_known_answer_is_restated_behind_each_that_says_something_else(database):
    gold = [queue_row("a", 1, reason="gold", label="8")]
    two = room(database, policy=DOUBLE, rows=gold, gold={"a": "3"})
    two.say(ADA, "9")
    two.say(BOB, "9")
    expected = [("ada", "9"), ("gold", "3"), ("bob", "9"), ("gold", "3")]
    assert [(e.verdict.author, e.verdict.to_label) for e in two.told("a")] == expected
    events = two.told("a")
    assert [e.verdict.supersedes for e in events] == [None, 1, None, 3]
    two.desk.undo("digits", BOB)
    assert two.told("a") == []


def test_a_decision_from_outside_takes_the_item_from_the_desk(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    [event] = one.ledger.append("digits", [Verdict("a", "change", "8", "9", author="csv")])
    with pytest.raises(ReviewConflict, match="csv decided it outside the desk"):
        one.desk.answer("digits", ADA, lease.token, said("3"))
    assert one.desk.item("digits", "a").state == "withdrawn"
    assert one.desk.take("digits", ADA).item.example_id == "b"
    one.ledger.undo("digits", event.event_id, author="csv")
    assert one.desk.progress("digits").states == {"open": 3}


def test_a_verdict_taken_back_outside_comes_back_to_who_gave_it(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    done = two.say(BOB, "3")
    two.ledger.undo("digits", done.ledger_events[-1], author="eve")
    two.desk.progress("digits")
    item = two.desk.item("digits", "a")
    assert (item.state, two.told("a")) == ("rework", [])
    assert two.desk.take("digits", ADA).item.example_id == "a"


def test_rows_that_leave_the_queue_are_withdrawn_and_new_ones_added(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    rows = one.loop.rows
    one.loop.requeue([*rows[1:], queue_row("d", 4)])
    with pytest.raises(ReviewConflict):
        one.desk.answer("digits", ADA, lease.token, said("3"))
    assert one.desk.progress("digits").states == {"open": 3, "withdrawn": 1}
    one.loop.requeue(rows)
    assert one.desk.progress("digits").states == {"open": 3, "withdrawn": 1}
    assert one.desk.take("digits", ADA).item.example_id == "a"


def test_what_is_only_for_reviewers_is_refused_to_others(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    seq = two.say(BOB, "9").item.last_seq
    refused = [
        lambda: two.desk.decide("digits", CID, "a", said("3"), after=seq),
        lambda: two.desk.send_back("digits", CID, "a", after=seq, comment="x"),
        lambda: two.desk.assign("digits", CID, ["a"], "ada"),
        lambda: two.desk.set_owner("digits", CID, "cid"),
        lambda: two.desk.undo("digits", ROB, seq=seq),
    ]
    for act in refused:
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(ItemNotFound, match="no event"):
        two.desk.undo("digits", ADA, seq=seq)


def test_a_reviewer_who_answered_does_not_decide(database):
    two = room(database, policy=DOUBLE)
    two.say(ROB, "3")
    seq = two.say(BOB, "9").item.last_seq
    assert two.desk.inbox("digits", ROB) == []
    with pytest.raises(NotAllowed, match="another reviewer"):
        two.desk.decide("digits", ROB, "a", said("3"), after=seq)
    assert two.desk.decide("digits", EVE, "a", said("3"), after=seq).item.state == "settled"


def test_a_reviewer_who_saw_an_older_state_is_told_and_a_repeat_is_known(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    seq = two.say(BOB, "9").item.last_seq
    first = two.desk.decide("digits", ROB, "a", said("3"), after=seq)
    assert two.desk.decide("digits", ROB, "a", said("3"), after=seq).event == first.event
    with pytest.raises(ReviewConflict, match="rob: decide"):
        two.desk.decide("digits", EVE, "a", said("9"), after=seq)
    with pytest.raises(ReviewConflict):
        two.desk.decide("digits", ROB, "a", said("9"), after=seq)


def test_assigned_items_come_first_and_keep_their_place(database):
    one = room(database)
    assert one.desk.assign("digits", ROB, ["c", "nowhere"], "bob") == 1
    assert one.desk.take("digits", BOB).item.example_id == "c"
    one.desk.assign("digits", ROB, ["a"], "cid")
    assert one.desk.take("digits", ADA).item.example_id == "b"
    assert one.desk.items("digits", Filters(assignee="bob"))[1] == 1


def test_progress_counts_items_leases_and_answers_that_stand(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    two.say(BOB, "3")
    two.say(ADA, None)
    two.desk.take("digits", ADA)
    two.desk.undo("digits", BOB)
    found = two.desk.progress("digits")
    assert (found.states, found.leased, found.by_person) == ({"open": 3}, 1, {"ada": 2})
    two.desk.set_owner("digits", ROB, "rob")
    [again] = two.desk.datasets()
    assert again.batch.owner == "rob"


def test_filters_find_items_and_never_tell_a_check(database):
    rows = [
        queue_row("a", 1, reason="gold"), queue_row("b", 2, reason="control", label=None),
        queue_row("c%", 3, suggested_label="9"),
    ]  # fmt: skip
    one = room(database, rows=rows)

    def found(filters: Filters, **how: object) -> list[str]:
        items, total = one.desk.items("digits", filters, **how)
        assert total == len(items)
        return [item.example_id for item in items]

    assert found(Filters(reason="gold")) == found(Filters(reason="control")) == []
    assert found(Filters(reason=RANDOM_CHECK)) == ["a", "b"]
    assert found(Filters(reason="audit", suggested="9")) == found(Filters(text="%")) == ["c%"]
    assert found(Filters(label="8")) == ["a", "c%"]
    assert found(Filters(), among={"b", "zz"}) == ["b"]
    assert found(Filters(min_age_hours=1)) == []
    assert found(Filters(text="\0")) == found(Filters(text="' OR 1=1")) == []
    one.say(ADA, "3")
    assert shown_reason(one.desk.item("digits", "a")) == "gold"
    assert shown_reason(one.desk.item("digits", "b")) == RANDOM_CHECK
    assert found(Filters(reason="gold", states=("settled",))) == ["a"]
    assert [i.example_id for i in one.desk.items("digits", offset=1, limit=1)[0]] == ["b"]


@pytest.mark.parametrize(
    "wrong",
    [
        Said("change", "7"), Said("drop", "3"), Said("change"), Said("keep", "3\0"),
        Said("keep", "8", comment="a\x1eb"), Said("unsure", comment="x" * 10_001),
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_it_is_stored(database, wrong):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    with pytest.raises(ReviewError):
        one.desk.answer("digits", ADA, lease.token, wrong)
    assert one.desk.events("digits", "a") == []


def test_names_that_nothing_has_find_nothing(database):
    one = room(database)
    for name in ("zz", "a\0", "\ud800", "x" * 5000, ""):
        for ask in (one.desk.item, one.desk.standing):
            with pytest.raises(ItemNotFound):
                ask("digits", name)
        assert one.desk.events("digits", name) == []
        with pytest.raises(ItemNotFound):
            one.desk.progress(name)
        with pytest.raises(ReviewConflict):
            one.desk.answer("digits", ADA, name, said("3"))
    one.loop.batch = None
    with pytest.raises(ItemNotFound, match="no batch of 'digits' is open"):
        one.desk.take("digits", ADA)
    assert one.desk.datasets() == []


def test_the_policy_a_batch_was_opened_with_holds_to_its_end(database):
    one = room(database)
    one.desk.progress("digits")
    one.loop.batch = replace(one.loop.batch, policy=DOUBLE)
    assert one.say(ADA, "3").item.state == "settled"
    assert one.desk.batch("digits").policy == Policy()


def test_an_answer_for_a_batch_that_has_closed_is_refused(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    one.loop.batch = replace(one.loop.batch, iteration=2)
    with pytest.raises(ReviewConflict, match="lease has ended"):
        one.desk.answer("digits", ADA, lease.token, said("3"))


def test_an_iteration_that_closes_meanwhile_takes_no_answer(database):
    one = room(database)
    lease = one.desk.take("digits", ADA)
    closed = {
        "dataset": "digits", "number": 1, "watermark": 0, "watermark_chain": "", "summary": "{}",
        "opened_at": START, "closed_at": START,
    }  # fmt: skip
    transact(one.engine, lambda connection: connection.execute(iterations.insert(), closed))
    with pytest.raises(ReviewConflict, match="has just been closed"):
        one.desk.answer("digits", ADA, lease.token, said("3"))
    assert one.ledger.events("digits") == []


def test_what_is_shown_first_is_drawn_by_share_and_stays(database):
    one = room(database, rows=[queue_row(f"r{n}", n) for n in range(60)], shown_share=0.5)
    tokens: list[str] = []
    shown = []
    for _ in range(60):
        lease = one.desk.take("digits", ADA, beside=tokens)
        tokens.append(lease.token)
        shown.append(lease.shown)
    assert 15 < sum(shown) < 45
    done = one.desk.answer("digits", ADA, tokens[shown.index(True)], said("3"))
    assert done.event.said.shown
