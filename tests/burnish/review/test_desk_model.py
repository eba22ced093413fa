"""A desk and a simple model of it do the same things, whatever is done: a stateful property test.

People take, answer, repeat, come late, undo and review; rows leave the queue and come back; others
decide in the ledger itself; the clock goes on and back. After all that every acknowledged word is
stored once, and the ledger holds just what settled items stand for.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from burnish.database import open_database
from burnish.errors import ReviewError
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.records import Verdict
from burnish.review.accounts import Accounts
from burnish.review.desk import Desk
from burnish.review.records import OpenBatch, Person, Policy
from burnish.review.schema import desk_items, desk_leases
from tests.burnish.review.desk_model import LEASE, Lease, Model, Row
from tests.burnish.review.desks import Loop, Time, queue_row, said

PEOPLE = [Person("ada", "annotator"), Person("bob", "annotator"), Person("cid", "annotator"),
          Person("rob", "reviewer"), Person("eve", "admin")]  # fmt: skip
POLICIES = [
    Policy(answers=answers, agree=agree, approval=approval)
    for answers, agree in ((1, 1), (2, 2), (3, 2))
    for approval in (False, True)
]
REVIEWED = {
    "decide": {"submitted", "disagreed"},
    "approve": {"submitted"},
    "send_back": {"submitted", "disagreed", "settled"},
    "release": {"rework"},
}
NAMES = ["a", "b", "c", "d"]
LABELS = [None, "3", "8", "9"]
# To shrink forty steps takes minutes; the steps that failed are printed as they are.
PHASES = [Phase.generate]
NUMBERS = count(1)
people, labels = st.sampled_from(PEOPLE), st.sampled_from(LABELS)
names = st.sampled_from(NAMES)


class DeskMachine(RuleBasedStateMachine):
    """Does the same to a desk and to the model, and compares."""

    engine: Engine

    @initialize(policy=st.sampled_from(POLICIES), golden=st.booleans())
    def open(self, policy, golden):
        self.dataset = f"digits-{next(NUMBERS)}"
        self.time = Time()
        self.ledger = SqlLedger(self.engine, clock=self.time)
        batch = OpenBatch(self.dataset, 1, EMPTY, 1, policy, ("3", "8", "9"))
        self.all = [queue_row(name, at) for at, name in enumerate(NAMES)]
        self.loop = Loop(batch, self.all, {"a": "3"} if golden else {})
        numbers = count(1)
        self.desk = Desk(
            self.engine, self.ledger, self.loop, clock=self.time,
            make_token=lambda: f"{self.dataset}-{next(numbers):06}",
        )  # fmt: skip
        self.model = Model(policy, {name: Row(name, at) for at, name in enumerate(NAMES)})
        self.tokens: list[str] = []
        self.owners: dict[str, Person] = {}
        self.accounts = Accounts(self.engine, clock=self.time)
        known = {one.name for one in self.accounts.people()}
        for person in PEOPLE:
            if person.name not in known:
                self.accounts.add_person(person.name, person.role, by="root")
            self.accounts.pause(person.name, None, by="root")
        self.desk.batch(self.dataset)

    # -------------------------------------------------------- what a team arranges

    @rule(some=st.sets(names, min_size=1), whom=st.sampled_from(["", *(p.name for p in PEOPLE)]))
    def assign(self, some, whom):
        found = self.desk.assign(self.dataset, PEOPLE[3], sorted(some), whom)
        assert found == len(some)
        for name in some:
            self.model.rows[name].assignee = whom

    @rule(person=people, hours=st.sampled_from([None, 0.05, 1, 48]))
    def pause(self, person, hours):
        until = None if hours is None else self.time.now + timedelta(hours=hours)
        self.accounts.pause(person.name, until, by=person.name)
        if until is None:
            self.model.away.pop(person.name, None)
            return
        self.model.away[person.name] = until
        self.model.leases = [one for one in self.model.leases if one.person != person.name]

    @rule(giver=people, to=st.sampled_from(["", *(p.name for p in PEOPLE)]))
    def hand_over(self, giver, to):
        send = lambda: self.desk.hand_over(self.dataset, giver, to, why="a holiday")  # noqa: E731
        is_away = to in self.model.away and self.model.away[to] > self.time.now
        if to == giver.name or is_away:
            self.refused(send)
            return
        rows = [
            row
            for row in self.model.rows.values()
            if row.assignee == giver.name and self.state(row) == "open"
            and giver.name not in row.people()
        ]  # fmt: skip
        assert send() == len(rows)
        for row in rows:
            row.assignee = "" if to in row.answered else to
            self.model.leases = [
                one for one in self.model.leases if (one.row, one.person) != (row, giver.name)
            ]

    # -------------------------------------------------------- what people do

    @rule(person=people, beside=st.booleans())
    def take(self, person, beside):
        mine = [one.token for one in self.model.leases if one.person == person.name]
        shown = mine[:1] if beside else []
        expected = self.model.held(person.name, shown)
        row = None if expected else self.model.next_row(person.name, self.time.now)
        found = self.desk.take(self.dataset, person, beside=shown)
        if expected is not None:
            assert found.token == expected.token
            expected.renew(self.time.now)
        elif row is None:
            assert found is None
            return
        else:
            assert (found.item.example_id, found.item.state) == (row.name, self.state(row))
            self.model.take(row, person.name, found.token, self.time.now)
            self.tokens.append(found.token)
            self.owners[found.token] = person
        assert found.expires_at == self.time.now + LEASE

    @rule(person=people, label=labels)
    def work(self, person, label):
        """What happens most: the next item, and an answer to it."""
        self.take(person, False)
        mine = [one for one in self.model.leases if one.person == person.name]
        if mine:
            self.take_answer(min(mine, key=lambda one: (one.taken, one.token)), person, label)

    @rule(persons=st.permutations(PEOPLE), label=st.sampled_from(["3", "9"]))
    def agree(self, persons, label):
        """All who are asked say the same."""
        for person in persons[: self.model.policy.agree]:
            self.work(person, label)

    @rule(data=st.data(), label=labels)
    def answer(self, data, label):
        """Under any token there ever was: held, run out, taken over, used."""
        if not self.tokens:
            return
        self.answer_under(data.draw(st.sampled_from(self.tokens[-8:])), label)

    @rule(
        persons=st.permutations(PEOPLE),
        seconds=st.sampled_from([100, 301, -10, -86_400]),
        others=st.integers(1, 3),
        label=labels,
    )
    def come_late(self, persons, seconds, others, label):
        """Somebody takes an item, the clock moves, others take one, and then comes the answer."""
        first, before = persons[0], len(self.tokens)
        self.take(first, False)
        self.time.move(seconds)
        for person in persons[1 : 1 + others]:
            self.take(person, False)
        for token in self.tokens[before : before + 1]:
            self.answer_under(token, label)

    def answer_under(self, token, label):
        lease, known = self.model.lease(token), self.model.keyed.get(token)
        person = self.owners[token]
        if known is not None:
            self.known(token, person, known, label)
        elif lease is None or not self.model.asks(lease.row):
            self.refused(lambda: self.desk.answer(self.dataset, person, token, said(label)))
        else:
            self.take_answer(lease, person, label)

    def take_answer(self, lease: Lease, person, label):
        row = lease.row
        done = self.desk.answer(self.dataset, person, lease.token, said(label))
        row.current.append((person.name, label, done.event.seq))
        row.answered.add(person.name)
        self.model.keyed[lease.token] = (label, done.event.seq)
        self.acknowledge(row, done, person, label)
        again = self.desk.answer(self.dataset, person, lease.token, said(label))
        assert (again.known, again.event) == (True, done.event)

    def known(self, token, person, known, label):
        send = lambda: self.desk.answer(self.dataset, person, token, said(label))  # noqa: E731
        before, seq = known
        # What was taken back does not stand, so nobody may be told that it does.
        if label == before and seq not in self.model.taken_back:
            assert send().known
        else:
            self.refused(send)

    @rule(person=people)
    def give_back(self, person):
        mine = [one for one in self.model.leases if one.person == person.name]
        for lease in mine[:1]:
            self.desk.give_back(self.dataset, person, lease.token)
            self.model.leases.remove(lease)

    @rule(person=people)
    def renew(self, person):
        mine = [one for one in self.model.leases if one.person == person.name]
        for lease in [one for one in mine if self.model.asks(one.row)][-1:]:
            renewed = self.desk.renew(self.dataset, person, lease.token)
            lease.renew(self.time.now)
            assert (renewed.taken_at, renewed.expires_at) == (lease.taken, lease.expires)

    @rule(person=people, at=st.integers(0, 3))
    def undo(self, person, at):
        rows = list(self.model.rows.values())
        theirs = [row for row in rows if person.name in row.people()] or rows
        row = theirs[at % len(theirs)]
        own = [one for one in row.current if one[0] == person.name]
        other = [one for one in [*row.current, *row.past] if one not in own]
        if not own:
            if other:
                self.refused(lambda: self.desk.undo(self.dataset, person, seq=other[0][2]))
            return
        send = lambda: self.desk.undo(self.dataset, person, seq=own[0][2])  # noqa: E731
        if self.gone(row) or row.approved_by or row.decision:
            self.refused(send)
            return
        done = send()
        row.current.remove(own[0])
        self.model.taken_back.add(done.event.undoes)
        self.acknowledge(row, done, person, None)
        assert send().known

    @rule(
        action=st.sampled_from(list(REVIEWED)),
        person=st.sampled_from([*PEOPLE[2:], *PEOPLE[3:]]),
        at=st.integers(0, 3),
        label=labels,
        how=st.sampled_from(["fitting", "fitting", "any", "stale"]),
    )
    def look_at(self, action, person, at, label, how):
        """A reviewer, or who would be one, acts on an item: one that fits, any, or as it was."""
        rows = list(self.model.rows.values())
        fitting = [row for row in rows if self.state(row) in REVIEWED[action]]
        row = (fitting if fitting and how != "any" else rows)[at % len(fitting or rows)]
        self.review(action, person, row.name, how == "stale", label)

    def review(self, action, person, name, stale, label):
        row = self.model.rows[name]
        seen = self.desk.item(self.dataset, name).last_seq if self.opened() else 0
        how = {"after": seen - 1 if stale else seen}
        if action == "send_back":
            how["comment"] = "look again"
        send = {
            "decide": lambda: self.desk.decide(self.dataset, person, name, said(label), **how),
            "approve": lambda: self.desk.approve(self.dataset, person, name, **how),
            "send_back": lambda: self.desk.send_back(self.dataset, person, name, **how),
            "release": lambda: self.desk.release(self.dataset, person, name, **how),
        }[action]
        told = label if action == "decide" else None
        sent = (how["after"], name, action, person.name, told)
        if sent in self.model.reviews:
            # Taken before, and sent again as it was: not what merely has the number before it,
            # since numbers are shared by all items.
            assert send().known
            return
        if stale or not self.may_review(action, person, row):
            self.refused(send)
            return
        done = send()
        if action == "decide":
            row.decision = (person.name, label)
        elif action == "approve":
            row.approved_by = person.name
        elif action == "send_back":
            row.send_back()
        else:
            row.wanted, row.asked_again = None, False
        self.model.reviews.add(sent)
        self.acknowledge(row, done, person, told)
        assert send().known

    def may_review(self, action, person, row: Row) -> bool:
        states = REVIEWED[action]
        answered = person.name in row.people() and action != "release"
        fits = person.role != "annotator" and not answered and not self.gone(row)
        return fits and self.state(row) in states

    # -------------------------------------------------------- what happens around it

    @rule(seconds=st.sampled_from([1, 10, 299, 301, 700, -1, -10, -400, -86_400]))
    def clock(self, seconds):
        self.time.move(seconds)

    @rule(gone=st.sets(names, max_size=2))
    def requeue(self, gone):
        kept = set(NAMES) - gone
        self.loop.requeue([row for row in self.all if row["example_id"] in kept])
        self.desk.batch(self.dataset)
        for row in self.model.rows.values():
            if row.name in kept:
                row.left = False
            elif row.at_desk(self.model.policy) != "settled":
                row.left = True
            self.model.settle_leases(row)

    @rule(name=names, label=st.sampled_from(["3", "9"]))
    def decide_outside(self, name, label):
        row = self.model.rows[name]
        if row.outside is None:
            verdict = Verdict(name, "change", "8", label, author="csv")
            [event] = self.ledger.append(self.dataset, [verdict])
            row.outside = event.event_id

    @rule(name=names)
    def undo_outside(self, name):
        """The newest event of an example, taken back by `burnish` and not at the desk."""
        self.look()
        row = self.model.rows[name]
        course = self.ledger.blame(self.dataset, name)
        if not course or "undoes" in course[-1].verdict.evidence:
            return
        self.ledger.undo(self.dataset, course[-1].event_id, author="csv")
        if course[-1].event_id == row.outside:
            row.outside = None
        elif self.state(row) == "settled":
            row.send_back()
        self.look()

    @rule()
    def look(self):
        """Compare everything: items, leases, events, ledger."""
        progress = self.desk.progress(self.dataset)
        for row in self.model.rows.values():
            self.model.settle_leases(row)
        rows = self.model.rows.values()
        assert progress.states == Counter(map(self.state, rows))
        assert progress.by_person == Counter(p for r in rows for p, _, _ in [*r.past, *r.current])
        self.compare_items()
        self.compare_leases()
        self.compare_words()
        for row in rows:
            self.compare_ledger(row)
        self.ledger.verify(self.dataset)

    def teardown(self):
        if self.opened():
            self.look()

    # -------------------------------------------------------- comparing

    def opened(self) -> bool:
        if not hasattr(self, "model"):
            return False
        self.desk.batch(self.dataset)
        return True

    def state(self, row: Row) -> str:
        return row.state(self.model.policy)

    def gone(self, row: Row) -> bool:
        return self.state(row) == "withdrawn" or row.outside is not None

    def refused(self, send) -> None:
        with pytest.raises(ReviewError):
            send()

    def acknowledge(self, row: Row, done, person, label) -> None:
        event = done.event
        assert (done.known, event.actor, event.example_id) == (False, person, row.name)
        assert (done.item.state, done.item.round) == (self.state(row), row.round)
        self.model.done.append((event.seq, row.name, event.action, person.name, label))
        self.model.settle_leases(row)

    def compare_items(self):
        found, _ = self.desk.items(self.dataset)
        for item in found:
            row = self.model.rows[item.example_id]
            mine = (self.state(row), row.round, len(row.current), row.places(self.model.policy))
            assert (item.state, item.round, item.answers, item.places) == mine

    def compare_leases(self):
        with self.engine.connect() as connection:
            of = desk_leases.c.dataset == self.dataset
            rows = connection.execute(select(desk_leases).where(of)).mappings().all()
            of = desk_items.c.dataset == self.dataset
            query = select(desk_items.c.example_id, desk_items.c.places).where(of)
            places = dict(connection.execute(query).all())
        found = {(r["token"], r["example_id"], r["person"], r["expires_at"]) for r in rows}
        mine = {(o.token, o.row.name, o.person, o.expires) for o in self.model.leases}
        assert found == mine
        for name, holders in Counter(row["example_id"] for row in rows).items():
            assert holders <= places[name], "two people would hold one place"

    def compare_words(self):
        events = [event for name in NAMES for event in self.desk.events(self.dataset, name)]
        found = [
            (e.seq, e.example_id, e.action, e.actor.name, e.said.label if e.said else None)
            for e in sorted(events, key=lambda event: event.seq)
            if e.actor.name != "(desk)"
        ]
        assert found == self.model.done

    def compare_ledger(self, row: Row):
        course = self.ledger.blame(self.dataset, row.name)
        undone = {event.verdict.evidence.get("undoes") for event in course}
        stand_ = [
            event.verdict
            for event in course
            if event.event_id not in undone
            and "undoes" not in event.verdict.evidence
            and event.verdict.author != "csv"
        ]
        settled = self.state(row) == "settled"
        own = [(v.author, v.to_label) for v in stand_ if v.role != "gold"]
        assert own == (row.told() if settled else [])
        if settled:
            flags = [v.evidence["settles"] for v in stand_ if v.role != "gold"]
            assert flags == [False] * (len(flags) - 1) + [True]
        known = self.loop.gold.get(row.name)
        if settled and known and row.outside is None:
            assert stand_[-1].to_label == known
        if not settled and row.outside is None and course:
            assert course[-1].verdict.decision == "unsure", "it is open again"


def run(database: str, *, examples: int, steps: int) -> None:
    DeskMachine.engine = open_database(database)
    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            phases=PHASES, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_a_desk_does_what_the_model_does(tmp_path):
    run(str(tmp_path / "desk.db"), examples=60, steps=40)


@pytest.mark.slow
def test_a_desk_does_what_the_model_does_for_long(tmp_path):
    run(str(tmp_path / "desk.db"), examples=600, steps=80)


def test_a_review_sent_as_of_another_items_event_is_refused(tmp_path):
    DeskMachine.engine = open_database(str(tmp_path / "desk.db"))
    machine = DeskMachine()
    machine.open(Policy(answers=1, agree=1, approval=True), False)
    ada, rob = PEOPLE[0], PEOPLE[3]
    machine.work(ada, "3")
    machine.work(ada, "3")
    machine.review("approve", rob, "a", False, None)
    # The event before this one is of "b": nobody approved "a" as of it.
    machine.review("approve", rob, "a", True, None)
    machine.look()


def test_a_desk_on_either_database_does_what_the_model_does(database):
    run(database, examples=12, steps=30)
