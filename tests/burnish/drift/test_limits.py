"""What chance adds is taken off, and limits miss the truth no more often than they say."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from burnish.drift import detect_drift
from burnish.drift.blocks import worth
from burnish.drift.limits import chance_variation, joined, room, share_gap, share_limits, size_of
from burnish.metrics import Interval, exact_interval

counts = hnp.arrays(np.int64, 8, elements=st.integers(0, 30)).filter(lambda c: c.sum() > 0)


def test_of_categories_that_did_not_change_chance_is_the_mean_over_permutations() -> None:
    rng = np.random.default_rng(0)
    before, after = np.array([30, 10, 3, 1, 1, 0]), np.array([15, 5, 1, 1, 0, 1])
    rows = np.repeat(np.arange(6), before + after)
    found: list[float] = []
    for _ in range(4000):
        codes = rng.permutation(rows)
        first, second = np.bincount(codes[:45], minlength=6), np.bincount(codes[45:], minlength=6)
        found.append(np.abs(first / 45 - second / 23).sum() / 2)
    assert chance_variation(before, after) == pytest.approx(np.mean(found), rel=0.03)


def test_of_a_column_of_unique_values_all_is_chance() -> None:
    once = np.ones(300, dtype=np.int64)
    before, after = np.r_[once, once * 0], np.r_[once * 0, once]
    assert chance_variation(before, after) == pytest.approx(1.0, abs=1e-9)
    assert len(joined(before, after)) == 1, "values as frequent as each other are not told apart"


@settings(deadline=None)
@given(before=counts, after=counts)
def test_chance_does_not_depend_on_the_side_or_the_order(before, after) -> None:
    here = chance_variation(before, after)
    assert here >= 0
    assert chance_variation(after, before) == pytest.approx(here)
    assert chance_variation(before[::-1], after[::-1]) == pytest.approx(here)


@settings(deadline=None)
@given(before=counts, after=counts)
def test_joining_categories_never_adds_variation_nor_loses_rows(before, after) -> None:
    whole = np.abs(before / before.sum() - after / after.sum()).sum() / 2
    for first, second in joined(before, after):
        assert (first.sum(), second.sum()) == (before.sum(), after.sum())
        gap = np.abs(first / before.sum() - second / after.sum()).sum() / 2
        assert gap <= whole + 1e-12


@pytest.mark.parametrize("n", [30, 500])
def test_the_room_holds_as_often_as_it_says(n: int) -> None:
    rng, alpha, missed = np.random.default_rng(n), 0.1, 0
    edges = np.linspace(0, 1, 101)
    for _ in range(400):
        before, after = rng.random(n), rng.random(n) ** 0.8
        gaps = [np.searchsorted(np.sort(side), edges) / n for side in (before, after)]
        truth = edges - edges**1.25
        missed += np.abs(gaps[0] - gaps[1] - truth).max() > room(n, n, alpha)
    assert missed <= 0.1 * 400 + 3 * np.sqrt(400 * 0.1 * 0.9)


@settings(deadline=None)
@given(n=st.integers(1, 200), part=st.floats(0, 1))
def test_share_limits_are_exact(n: int, part: float) -> None:
    successes = round(part * n)
    found, expected = share_limits(successes, n, 0.05), exact_interval(successes, n)
    # Of none or of all of the rows, as of others, a tail each way.
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_a_difference_of_shares_has_a_size_whichever_its_sign() -> None:
    few, many = share_limits(10, 200, 0.05), share_limits(60, 200, 0.05)
    up, down = size_of(share_gap(few, many)), size_of(share_gap(many, few))
    assert up == down
    assert up.low > 0.1
    assert size_of(Interval(0.01, -0.1, 0.2)).low == 0.0


def test_rows_of_a_block_that_are_all_alike_are_worth_one() -> None:
    blocks = np.repeat(np.arange(200), 10)
    alike = np.random.default_rng(0).integers(0, 2, 200)[blocks]
    assert worth(alike, 2, blocks, alpha=0.05, ordered=False) == pytest.approx(0.1, rel=0.1)
    apart = np.random.default_rng(0).integers(0, 2, 2000)
    assert worth(apart, 2, blocks, alpha=0.05, ordered=False) > 0.7
    assert worth(apart, 2, None, alpha=0.05, ordered=False) == 1.0
    one = np.zeros(2000, dtype=np.int64)
    assert worth(apart, 2, one, alpha=0.05, ordered=False) == pytest.approx(1 / 2000)


def test_cells_that_days_lose_together_are_worth_days_not_rows() -> None:
    """Each day loses a column's cells with one chance in ten, as ever."""

    def days(rng: np.random.Generator, count: int, each: int) -> tuple[pa.Table, list[int]]:
        day = np.repeat(np.arange(count), each)
        columns = {}
        for at in range(3):
            lost = (rng.random(count) < 0.1)[day]
            columns[f"x{at}"] = pa.array(rng.normal(size=day.size), mask=lost)
            columns[f"c{at}"] = pa.array(rng.choice(list("abcdefgh"), day.size), mask=lost)
        return pa.table(columns), day.tolist()

    alarms = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        (before, first), (after, second) = days(rng, 120, 20), days(rng, 7, 100)
        told = {"reference_blocks": first, "current_blocks": second}
        alarms += detect_drift(before, after, **told).drifted
    assert alarms <= 1
    gone = pa.table({name: pa.nulls(700, after[name].type) for name in after.column_names})
    assert detect_drift(before, gone, **told).drifted
