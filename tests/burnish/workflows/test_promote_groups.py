"""Rows of one group are one witness: a gate that knows the groups is not fooled by their number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from burnish.slices import by_class
from burnish.spec import PromotionPolicy
from burnish.workflows.promote import decide_on_pair, decide_promotion
from burnish.workflows.promote_pairs import Pair, by_group, pair_rows

WEEKS, EACH = 4, 100


def said(right: np.ndarray, weeks: np.ndarray) -> pa.Table:
    kinds = np.arange(right.size) % 2
    words = np.array(["no", "yes"])
    return pa.table(
        {
            "example_id": [f"e{at}" for at in range(right.size)],
            "split": ["validation"] * right.size,
            "label": words[kinds],
            "predicted": words[np.where(right, kinds, 1 - kinds)],
            "week": [f"w{week}" for week in weeks],
        }
    )


@pytest.fixture
def one_bad_week() -> tuple[pa.Table, pa.Table]:
    """Challenger and champion: the same but for one week, of which the challenger is no good."""
    weeks = np.repeat(np.arange(WEEKS), EACH)
    good = np.ones(WEEKS * EACH, bool)
    return said(good & ~((weeks == 0) & (np.arange(good.size) % 4 < 2)), weeks), said(good, weeks)


def test_one_bad_week_is_no_proof_where_weeks_are_told(one_bad_week):
    challenger, champion = one_bad_week
    blind = decide_promotion(challenger, champion, examples=challenger)
    told = decide_promotion(challenger, champion, examples=challenger, group="week")
    assert not blind.promoted
    assert blind.high < 0
    assert told.promoted
    assert told.low < 0 < told.high
    assert told.difference == pytest.approx(blind.difference) == -0.125
    assert "400 common validation rows of 4 groups" in told.reason


def test_what_is_worse_in_every_week_is_refused_all_the_same():
    weeks = np.repeat(np.arange(10), EACH)
    good = np.ones(weeks.size, bool)
    challenger = said(good & (np.arange(weeks.size) % 7 != 0), weeks)
    found = decide_promotion(challenger, said(good, weeks), examples=challenger, group="week")
    assert not found.promoted
    assert found.high < 0
    assert "worse in class:" in found.reason


def test_one_group_alone_shows_nothing():
    weeks = np.zeros(200, int)
    champion = said(np.ones(200, bool), weeks)
    found = decide_promotion(
        said(np.zeros(200, bool), weeks), champion, examples=champion, group="week"
    )
    assert found.promoted
    assert (found.difference, found.low, found.high) == (-1.0, -1.0, 1.0)


def test_groups_of_one_row_each_are_judged_as_rows():
    weeks = np.arange(100)
    rows = said(np.arange(100) % 3 > 0, weeks)
    pair = pair_rows(rows, rows, split="validation")
    assert by_group(pair, rows, "week").groups is None


def test_a_row_without_a_group_is_one_by_itself():
    rows = said(np.ones(5, bool), np.array([0, 0, 1, 1, 1]))
    bare = rows.set_column(4, "week", pa.array(["w0", "w0", None, None, None]))
    found = by_group(pair_rows(rows, rows, split="validation"), bare, "week").groups
    assert found.tolist() == [0, 0, 1, 2, 3]


@pytest.mark.parametrize("weeks", [3, 10])
def test_equally_good_models_are_refused_as_seldom_as_is_said(weeks):
    """Chance prefers one of them in each week; without the weeks a third are refused."""
    rng, refused, blind = np.random.default_rng(0), 0, 0
    for _ in range(60):
        one = drawn(weeks, rng)
        policy, slices = PromotionPolicy(), [by_class(one.labels)]
        refused += not decide_on_pair(one, slices, policy).promoted
        alone = Pair(*(getattr(one, name) for name in list(vars(one))[:7]))
        blind += not decide_on_pair(alone, slices, policy).promoted
    assert refused <= 7  # binomial, 60 of 5 %: more than 7 in 1 of 200
    assert blind > 7


def drawn(weeks: int, rng: np.random.Generator) -> Pair:
    week = np.repeat(np.arange(weeks), EACH)
    labels = rng.integers(0, 2, week.size)
    tilt = rng.normal(0, 0.1, weeks)[week]
    words = np.array(["no", "yes"])
    both = [
        np.where(rng.random(week.size) < 0.75 + sign * tilt, labels, 1 - labels) for sign in (1, -1)
    ]
    probs = [np.stack([1 - (0.6 * one + 0.2), 0.6 * one + 0.2], axis=1) for one in both]
    ids = tuple(map(str, range(week.size)))
    return Pair(ids, words[labels], words[both[0]], words[both[1]], ("no", "yes"), *probs, week)
