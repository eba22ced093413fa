"""Replaying: the same policy decides the same; another one is told where it parts."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.policy import Facts, decide, replay, standing_after
from burnish.spec import Policy, Rule
from burnish.spec.production import DEFAULT_RULES
from tests.burnish.policy.policy_made import Followed, day, loss

NAMES = [rule.signal for rule in DEFAULT_RULES]
ACTIONS = ["ignore", "watch", "label", "retrain", "roll_back"]

rules = st.builds(
    lambda name, action, over, gap, windows, rows, cooldown: Rule(
        signal=name, action=action, over=over, clear=max(0.0, over - gap), windows=windows,
        rows=rows, cooldown=cooldown,
    ),
    st.sampled_from(NAMES), st.sampled_from(ACTIONS), st.sampled_from([0.0, 0.05, 0.1]),
    st.sampled_from([0.0, 0.04]), st.integers(1, 3), st.integers(1, 120), st.integers(0, 5),
)  # fmt: skip
policies = st.builds(
    lambda some, budget, periods, every: Policy(
        rules=tuple({one.signal: one for one in some}.values()), label_budget=budget,
        label_budget_periods=periods, retrain_every=every,
    ),
    st.lists(rules, max_size=5), st.integers(0, 250), st.integers(1, 6), st.integers(1, 6),
)  # fmt: skip
signals = st.lists(
    st.builds(
        lambda name, key, value: loss(value, key=key, name=name),
        st.sampled_from(NAMES), st.sampled_from(["", "a"]), st.sampled_from([0.0, 0.06, 0.2]),
    ),
    max_size=5, unique_by=lambda one: one.of,
)  # fmt: skip
facts = st.builds(
    Facts, new_labels=st.sampled_from([0, 60]), champion=st.just(3),
    champion_before=st.sampled_from([None, 1]), champion_period=st.just(day(0)),
    worse_low=st.sampled_from([None, -0.1, 0.1]),
)  # fmt: skip
windows = st.lists(
    st.tuples(st.integers(0, 12), signals, facts, st.sampled_from(["", "", "overrule", "close"])),
    max_size=12,
)


def followed(policy, course):
    seen = Followed(policy)
    for number, some, known, human in course:
        seen.look(number, *some, facts=known)
        for alarm in seen.open()[:1] if human else ():
            if human == "overrule":
                seen.take(("overruled", day(number), alarm, {"who": "Ada"}))
            seen.take(("closed", day(number), alarm, {"why": "known", "by": "Ada"}))
    return seen


@settings(max_examples=150, deadline=None)
@given(policies, windows)
def test_the_same_policy_decides_the_same_again(policy, course):
    seen = followed(policy, course)
    assert replay(policy, seen.events).differing == 0


@settings(max_examples=150, deadline=None)
@given(policies, windows)
def test_budget_retrains_and_alarms_keep_their_limits_whatever_is_met(policy, course):
    state = standing_after(followed(policy, course).events)
    for number in range(13):
        asked = state.asked_within(policy.label_budget_periods, day(number))
        assert asked <= policy.label_budget
    retrains = sorted(one.present for one in state.taken if one.action == "retrain")
    for before, after in pairwise(retrains):
        assert int(after[-2:]) - int(before[-2:]) >= policy.retrain_every
    keys = [key for one in state.open.values() for key, stands in one.members.items() if stands]
    assert len(keys) == len(set(keys))


@settings(max_examples=100, deadline=None)
@given(policies, windows, signals, st.integers(0, 99))
def test_the_order_of_signals_has_no_say(policy, course, some, seed):
    history = followed(policy, course).events
    shuffled = list(some)
    random.Random(seed).shuffle(shuffled)
    told = {"period": day(13), "history": history, "facts": Facts(new_labels=60)}
    one, other = (decide(policy, given, **told) for given in (some, shuffled))
    assert {made.signal.of: made for made in one} == {made.signal.of: made for made in other}


def test_another_policy_is_told_where_it_would_have_decided_otherwise():
    seen = Followed(Policy())
    for number, value in enumerate([0.01, 0.09, 0.09, 0.09]):
        seen.look(number, loss(value))
    slower = Policy(rules=(Rule(signal="measured_loss", action="retrain", over=0.05, windows=2),))
    again = replay(slower, seen.events)
    assert again.alarms(replayed=False) == again.alarms(replayed=True) == 1
    parted = [line for line in again.to_table().to_pylist() if line["differs"]]
    assert [(line["period"], line["alarm"], line["replayed_alarm"]) for line in parted] == [
        (day(1), "raise", "none"), (day(2), "keep", "raise"),
    ]  # fmt: skip
    assert again.count("retrain", replayed=True) == 1


def test_what_a_person_said_is_said_of_the_alarm_in_its_place():
    seen = Followed(Policy())
    seen.look(0, loss(0.3, key="x", name="column_drift"), loss(0.10))
    seen.take(("overruled", day(0), 1, {"who": "Ada"}))
    seen.take(("closed", day(0), 1, {"why": "known", "by": "Ada"}))
    seen.look(1, loss(0.11))
    quiet = Policy(rules=(Rule(signal="column_drift", action="ignore"),))
    lines = replay(quiet, seen.events).to_table().to_pylist()
    assert [line["replayed_alarm"] for line in lines if line["signal"] == "measured_loss"] == [
        "raise", "none",
    ]  # fmt: skip
