"""Deals: everybody gets their share, the able more of what they are good at, nobody is starved."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.review.assigning import EXPLORED, SLACK, Dealt, deal, fair_shares
from burnish.review.skill import Tally, pair_of, pooled

PAIRS = [("3", "8"), ("4", "9"), ("1", "7")]
TEAM = ["ada", "bob", "cid"]


def rows(count: int, pairs=PAIRS) -> list[Dealt]:
    return [Dealt(f"x{at:04}", pairs[at % len(pairs)]) for at in range(count)]


def specialists(n: int = 60):
    """Each is right nine times in ten on a pair of their own, and on others six times."""
    return pooled(
        {
            name: {pair: Tally(round(n * (0.95 if at == which else 0.55)), n)
                   for which, pair in enumerate(PAIRS)}
            for at, name in enumerate(TEAM)
        }
    )  # fmt: skip


def test_in_turn_everybody_gets_as_many():
    found = deal(rows(31), TEAM, how="round_robin")
    assert sorted(Counter(found.values()).values()) == [10, 10, 11]


def test_whoever_is_good_at_a_pair_gets_most_of_it_and_others_some():
    items = rows(300)
    found = deal(items, TEAM, how="skill", skills=specialists())
    by_pair = {
        pair: Counter(found[i.example_id] for i in items if i.pair == pair) for pair in PAIRS
    }
    for name, pair in zip(TEAM, PAIRS, strict=True):
        assert by_pair[pair][name] >= 80
        others = [by_pair[pair][other] for other in TEAM if other != name]
        assert min(others) >= 3, "nobody is kept from a class"
    assert max(Counter(found.values()).values()) <= 120 + 1


def test_where_nobody_is_known_to_be_better_each_pair_is_shared_out_evenly():
    items = rows(300)
    found = deal(items, TEAM, how="skill", skills=pooled({}))
    for pair in PAIRS:
        counts = Counter(found[item.example_id] for item in items if item.pair == pair)
        assert min(counts[name] for name in TEAM) >= 28


def test_who_is_better_at_everything_gets_no_more_than_the_slack():
    counts = {"ada": {pair: Tally(60, 60) for pair in PAIRS}}
    counts |= {name: {pair: Tally(30, 60) for pair in PAIRS} for name in TEAM[1:]}
    found = Counter(deal(rows(300), TEAM, how="skill", skills=pooled(counts)).values())
    assert found["ada"] == 120
    assert min(found.values()) >= 80


def test_what_is_before_somebody_counts_and_so_does_their_pace():
    loads = {"ada": 90}
    found = Counter(deal(rows(90), TEAM, how="skill", skills=pooled({}), loads=loads).values())
    assert found["ada"] == 0
    answers = {"ada": 190, "bob": 90, "cid": 90}
    found = Counter(deal(rows(400), TEAM, how="skill", skills=pooled({}), answers=answers).values())
    assert found["ada"] == pytest.approx(200, abs=40)


def test_a_deal_does_not_see_why_an_item_is_in_the_batch():
    assert set(Dealt.__dataclass_fields__) == {"example_id", "pair", "done"}


def test_of_a_pair_it_is_chance_which_items_somebody_gets():
    """Gold rows stand first of their pair, say: they are dealt as the pair is."""
    items, got = rows(600), Counter()
    for seed in range(40):
        found = deal(items, TEAM, how="skill", skills=specialists(), random_state=seed)
        got += Counter(found[item.example_id] for item in items[:30] if item.pair == PAIRS[0])
    share = got["ada"] / got.total()
    whole = deal(items, TEAM, how="skill", skills=specialists())
    expected = np.mean([whole[i.example_id] == "ada" for i in items if i.pair == PAIRS[0]])
    assert share == pytest.approx(expected, abs=0.06)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 40),
    done=st.lists(st.sets(st.sampled_from(TEAM)), min_size=40, max_size=40),
    loads=st.dictionaries(st.sampled_from(TEAM), st.integers(0, 30)),
    how=st.sampled_from(["round_robin", "skill"]),
    seed=st.integers(0, 5),
)
def test_everything_that_somebody_may_be_asked_is_dealt_to_one_who_may(
    count, done, loads, how, seed
):
    items = [
        Dealt(f"x{at}", PAIRS[at % 3], frozenset(own))
        for at, own in zip(range(count), done, strict=False)
    ]
    found = deal(
        items, TEAM, how=how, skills=specialists(), loads=loads, random_state=seed
    )  # fmt: skip
    assert set(found) == {item.example_id for item in items if item.done < set(TEAM)}
    assert all(found[i.example_id] not in i.done for i in items if i.example_id in found)


@given(
    count=st.integers(0, 500),
    loads=st.dictionaries(st.sampled_from(TEAM), st.integers(0, 300)),
    answers=st.dictionaries(st.sampled_from(TEAM), st.integers(0, 300)),
)
def test_shares_add_up_and_nobody_owes_any(count, loads, answers):
    found = fair_shares(TEAM, count, loads=loads, answers=answers)
    assert sum(found.values()) == pytest.approx(count)
    assert min(found.values()) >= 0


def test_a_few_answers_move_an_estimate_little_and_many_do():
    team = {f"p{at}": {PAIRS[0]: Tally(right, 40)} for at, right in enumerate([24, 28, 34, 38])}
    mean = pooled(team).team
    few = pooled(team | {"new": {PAIRS[0]: Tally(0, 2)}}).expected("new", PAIRS[0])
    many = pooled(team | {"new": {PAIRS[0]: Tally(0, 60)}}).expected("new", PAIRS[0])
    assert 0.4 < few < mean
    assert many < 0.2


def test_a_pair_that_is_hard_for_all_counts_against_nobody():
    hard, easy = PAIRS[0], PAIRS[1]
    counts = {name: {hard: Tally(20, 40), easy: Tally(39, 40)} for name in ("ada", "bob")}
    counts |= {"cid": {hard: Tally(40, 80)}, "dot": {easy: Tally(78, 80)}}
    found = pooled(counts)
    assert found.expected("cid", hard) == pytest.approx(found.expected("ada", hard), abs=0.05)
    assert found.expected("cid", easy) > 0.8


def test_of_equal_people_few_differences_are_made_up():
    raw, shrunk = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        cells = list(product([f"p{at}" for at in range(12)], PAIRS))
        right = {cell: int(rng.binomial(10, 0.8)) for cell in cells}
        counts = {name: {pair: Tally(right[name, pair], 10) for pair in PAIRS} for name, _ in cells}
        found = pooled(counts)
        raw.append(np.std([one / 10 for one in right.values()]))
        shrunk.append(np.std([found.expected(*cell) for cell in cells]))
    assert np.mean(shrunk) < 0.4 * np.mean(raw)


def test_estimates_from_counts_are_nearer_the_truth_than_the_counts():
    rng = np.random.default_rng(7)
    raw, shrunk = [], []
    for _ in range(20):
        truth = {(name, pair): rng.beta(8, 2) for name, pair in product("abcdef", PAIRS)}
        counts = {
            name: {pair: Tally(int(rng.binomial(10, truth[name, pair])), 10) for pair in PAIRS}
            for name in "abcdef"
        }
        found = pooled(counts)
        for (name, pair), share in truth.items():
            raw.append((counts[name][pair].right / 10 - share) ** 2)
            shrunk.append((found.expected(name, pair) - share) ** 2)
    assert np.mean(shrunk) < 0.85 * np.mean(raw)


def test_direction_of_a_pair_is_not_told_apart():
    assert pair_of("8", "3") == pair_of("3", "8")
    assert (EXPLORED, SLACK) == (0.1, 0.2), "docs/methods/assignment.md says so"
