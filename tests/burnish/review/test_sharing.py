"""A team at the desk: deals of a new batch and by hand, pauses, handing over, one's own queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from burnish.cli_review import review
from burnish.errors import NotAllowed, ReviewError
from burnish.review import arranging, choosing
from burnish.review.accounts import Accounts
from burnish.review.schema import desk_items
from burnish.review.skill import Tally
from burnish.workflows.home import prepare_home
from tests.burnish.review.desks import ADA, BOB, CID, DOUBLE, ROB, Room, queue_row, room
from tests.burnish.review.doors import CHEAP

ROWS = [queue_row(f"r{at:02}", at) for at in range(1, 13)]


def team(made: Room, *people) -> Accounts:
    accounts = Accounts(made.engine, clock=made.time, passwords=CHEAP)
    for one in people:
        accounts.add_person(one.name, one.role, by="root")
    return accounts


def dealing(path, how="round_robin", **choices) -> Room:
    made = room(path, rows=choices.pop("rows", ROWS), **choices)
    made.loop.batch = replace(made.loop.batch, assign=how)
    return made


def assignees(made: Room) -> dict[str, str]:
    return {item.example_id: item.assignee for item in made.desk.items("digits", limit=99)[0]}


def lines(made: Room, name: str) -> list[tuple[str, str, str, str]]:
    with made.engine.connect() as connection:
        found = arranging.of_item(connection, "digits", 1, name)
    return [(one.before, one.after, one.actor, one.why) for one in found]


def test_a_new_batch_is_dealt_in_turn_to_annotators_who_are_here(database):
    made = dealing(database)
    accounts = team(made, ADA, BOB, CID, ROB)
    accounts.pause("cid", made.time.now + timedelta(days=2), by="cid")
    assert Counter(assignees(made).values()) == {"ada": 6, "bob": 6}
    assert lines(made, "r01") == [("", "ada", "(desk)", "in turn")]
    assert [made.desk.take("digits", who).item.assignee for who in (ADA, BOB)] == ["ada", "bob"]


def test_rows_that_join_later_are_dealt_and_the_others_left_as_they_are(database):
    made = dealing(database)
    team(made, ADA, BOB)
    before = assignees(made)
    made.desk.assign("digits", ROB, list(before), "ada")
    made.loop.requeue([*ROWS, *(queue_row(f"s{at}", 20 + at) for at in range(4))])
    found = assignees(made)
    assert {name: found[name] for name in before} == dict.fromkeys(before, "ada")
    assert Counter(found[f"s{at}"] for at in range(4)) == {"ada": 2, "bob": 2}


def test_by_skill_a_batch_goes_to_who_is_right_on_the_pair_and_gold_like_all_else(tmp_path):
    rows = [
        queue_row(f"{kind}{at:02}", 40 * (kind == "b") + at, label=label, suggested_label=other,
                  reason="gold" if at % 5 == 0 else "audit")
        for kind, label, other in (("a", "3", "8"), ("b", "9", "3")) for at in range(1, 41)
    ]  # fmt: skip
    found = {}
    for gold in (True, False):
        kept = [row | ({} if gold else {"reason": "audit"}) for row in rows]
        made = dealing(tmp_path / f"{gold}.db", "skill", rows=kept)
        team(made, ADA, BOB)
        right, wrong = Tally(38, 40), Tally(22, 40)
        made.loop.counts = {
            "ada": {("3", "8"): right, ("3", "9"): wrong},
            "bob": {("3", "8"): wrong, ("3", "9"): right},
        }
        found[gold] = assignees(made)
    got = Counter((name[0], who) for name, who in found[True].items())
    assert min(got["a", "ada"], got["b", "bob"]) >= 34
    assert min(got["a", "bob"], got["b", "ada"]) >= 1
    assert found[True] == found[False], "who is asked does not depend on why a row is there"


def test_a_reviewer_deals_open_items_to_those_who_have_not_answered_them(database):
    made = room(database, rows=ROWS, policy=DOUBLE)
    team(made, ADA, BOB)
    for _ in range(6):
        made.say(ADA, "3")
    assert made.desk.deal("digits", ROB, [row["example_id"] for row in ROWS], "round_robin") == 12
    found = assignees(made)
    assert {found[f"r{at:02}"] for at in range(1, 7)} == {"bob"}
    with pytest.raises(NotAllowed):
        made.desk.deal("digits", ADA, ["r01"], "round_robin")


def test_a_desk_where_nobody_has_an_account_deals_to_nobody(tmp_path):
    made = dealing(tmp_path / "desk.db", "skill")
    assert set(assignees(made).values()) == {""}
    assert made.desk.take("digits", ADA) is not None


def test_what_is_kept_for_somebody_away_is_for_anybody_until_they_are_back(database):
    made = room(database)
    accounts = team(made, ADA, BOB)
    made.desk.assign("digits", ROB, ["a", "b", "c"], "ada")
    held = made.desk.take("digits", ADA)
    assert made.desk.take("digits", BOB) is None
    accounts.pause("ada", made.time.now + timedelta(hours=3), by="ada")
    given = made.desk.take("digits", BOB)
    assert given.item.example_id == held.item.example_id, "the lease has ended"
    made.desk.give_back("digits", BOB, given.token)
    made.time.move(3 * 3600)
    assert made.desk.take("digits", BOB) is None
    assert [line.words for line in accounts.trail(action="person_paused")] == ["noted as away"]


def test_of_a_blind_item_only_the_place_of_whom_it_is_assigned_to_is_kept(database):
    made = room(database, rows=1, policy=DOUBLE)
    team(made, ADA, BOB, CID)
    made.desk.assign("digits", ROB, ["a"], "ada")
    made.say(BOB, "3")
    assert made.desk.take("digits", CID) is None
    made.say(ADA, "3")
    assert made.desk.item("digits", "a").state == "settled"


@pytest.mark.parametrize("days", [-1, 400])
def test_nobody_is_away_until_yesterday_or_for_years(tmp_path, days):
    made = room(tmp_path / "desk.db")
    accounts = team(made, ADA)
    with pytest.raises(ReviewError, match="nobody can be away until"):
        accounts.pause("ada", made.time.now + timedelta(days=days), by="ada")


def test_what_is_handed_over_keeps_its_lines_and_goes_to_who_has_not_answered(database):
    made = room(database, policy=DOUBLE)
    team(made, ADA, BOB)
    made.say(BOB, "3")
    made.desk.assign("digits", ROB, ["a", "b", "c"], "ada")
    held = made.desk.take("digits", ADA)
    assert made.desk.hand_over("digits", ADA, "bob", why="a holiday") == 3
    assert assignees(made) == {"a": "", "b": "bob", "c": "bob"}
    assert lines(made, "b")[-1] == ("ada", "bob", "ada", "a holiday")
    with pytest.raises(ReviewError, match="this lease has ended"):
        made.desk.lease("digits", ADA, held.token)


def test_nobody_hands_over_what_is_anothers_or_to_who_is_not_here(database):
    made = room(database)
    accounts = team(made, ADA, BOB, CID)
    made.desk.assign("digits", ROB, ["a", "b"], "ada")
    with pytest.raises(NotAllowed):
        made.desk.hand_over("digits", BOB, "bob", why="mine now", of="ada")
    accounts.pause("bob", made.time.now + timedelta(days=1), by="bob")
    accounts.deactivate("cid", by="root")
    for whom, words in (("bob", "is away"), ("cid", "deactivated"), ("zoe", "no person"),
                        ("ada", "has it already")):  # fmt: skip
        with pytest.raises(ReviewError, match=words):
            made.desk.hand_over("digits", ADA, whom, why="a holiday")
    with pytest.raises(ReviewError, match="without a word"):
        made.desk.hand_over("digits", ADA, "", why=" ")
    assert made.desk.hand_over("digits", ROB, "", why="she is ill", of="ada") == 2
    assert set(assignees(made).values()) == {""}


def test_ones_own_queue_has_rework_first_and_what_is_assigned_and_not_answered(database):
    made = room(database, rows=4)
    made.say(ADA, "3")
    after = made.desk.item("digits", "a").last_seq
    made.desk.send_back("digits", ROB, "a", after=after, comment="look at the ears")
    made.desk.assign("digits", ROB, ["c", "d"], "ada")
    found = made.desk.mine("digits", "ada")
    assert [one.example_id for one in found.rework] == ["a"]
    assert [one.example_id for one in found.assigned] == ["c", "d"]
    assert found.total == 3
    assert made.desk.mine("digits", "bob").total == 0


def test_a_desk_from_before_has_its_kept_places_counted(database):
    made = room(database, rows=5, policy=DOUBLE)
    team(made, ADA, BOB)
    made.say(ADA, "3")
    made.say(BOB, "3")
    made.say(ADA, "3")
    made.say(ADA, "3")
    made.desk.undo("digits", ADA)
    made.desk.assign("digits", ROB, ["a", "b", "c", "d"], "ada")
    wanted = select(desk_items.c.example_id, desk_items.c.spare)
    with made.engine.connect() as connection:
        kept = dict(connection.execute(wanted).all())
    assert kept == {"a": 0, "b": 1, "c": 1, "d": 1, "e": 2}
    step = import_module("burnish.database.migrations.versions.0006_team")
    with made.engine.begin() as connection:
        connection.execute(desk_items.update().values(spare=0))
        connection.execute(text(step.SPARE))
        assert dict(connection.execute(wanted).all()) == kept


def test_where_all_is_dealt_out_whoever_is_done_looks_through_none_of_it(tmp_path):
    made = room(tmp_path / "desk.db")
    made.desk.batch("digits")
    known = {"dataset": "digits", "iteration": 1, "name": "ada"}
    known |= {"now": made.time.now, "soon": made.time.now, "since": 0}
    query = choosing._FIRST.compile(dialect=made.engine.dialect)
    bound = query.construct_params(known)
    values = tuple(
        value.isoformat() if isinstance(value := bound[name], datetime) else value
        for name in query.positiontup
    )
    with made.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
    used = [
        row[3].split("INDEX ")[1].split(" ")[0] for row in plan if "SEARCH desk_items" in row[3]
    ]
    # Rework is found by its state: which of the two indexes that begin with it does not matter.
    assert used[0] in {"desk_items_in_order", "desk_items_due"}
    assert used[1:] == ["desk_items_assigned", "desk_items_open"]
    # Nor through all that the ledger has heard since: it grows with each answer.
    heard = [row[3] for row in plan if "label_events" in row[3]]
    assert [line.split("INDEX ")[1].split(" ")[0] for line in heard] == ["label_events_of_example"]


def test_the_command_line_notes_who_is_away_and_back(tmp_path):
    home = str(tmp_path)
    prepare_home(tmp_path)

    def run(*words: str) -> str:
        done = CliRunner().invoke(review, ["person", *words, "--home", home])
        assert done.exit_code == 0, done.output
        return done.output

    run("add", "ann", "--simulated")
    until = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M")
    assert (
        run("pause", "ann", "--until", until)
        == f"ann is away until {until[:10]} {until[11:]} UTC.\n"
    )
    assert f"away until {until[:10]}" in run("list")
    run("back", "ann")
    assert "away" not in run("list")


def test_ones_own_queue_is_in_the_order_in_which_one_is_asked(database):
    made = room(database, rows=3)
    made.desk.assign("digits", ROB, ["a", "b", "c"], "ada")
    made.desk.set_priority("digits", ROB, ["c"], "urgent")
    found = [item.example_id for item in made.desk.mine("digits", "ada").assigned]
    assert found == ["c", "a", "b"]
    assert made.desk.take("digits", ADA).item.example_id == "c"
