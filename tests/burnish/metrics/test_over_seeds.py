"""The interval of a paired difference over rows and seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from burnish.errors import DataError
from burnish.metrics import seeded_difference

CELLS = arrays(
    np.int8,
    st.tuples(st.integers(2, 6), st.integers(1, 40)),
    elements=st.sampled_from([-1, 0, 1]),
)


@given(CELLS)
def test_the_mean_lies_in_an_interval_that_widens_with_confidence(cells):
    found = seeded_difference(cells)
    narrow, wide = found.interval(0.9), found.interval(0.99)
    assert found.value == pytest.approx(cells.mean())
    assert -1 <= wide.low <= narrow.low < narrow.high <= wide.high <= 1


@given(CELLS)
def test_turning_with_and_without_around_turns_the_interval_around(cells):
    one, other = seeded_difference(cells).interval(), seeded_difference(-cells).interval()
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@given(CELLS, st.randoms())
def test_the_order_of_rows_and_seeds_says_nothing(cells, random):
    rows, seeds = list(range(cells.shape[1])), list(range(cells.shape[0]))
    random.shuffle(rows)
    random.shuffle(seeds)
    again = seeded_difference(cells[seeds][:, rows])
    assert again.error == pytest.approx(seeded_difference(cells).error)


def test_rows_that_never_differ_still_leave_a_width_that_shrinks_with_their_number():
    few, many = (seeded_difference(np.zeros((5, n))).interval() for n in (20, 2000))
    assert few.low < many.low < 0 < many.high < few.high


def test_seeds_that_disagree_widen_the_interval_more_than_rows_alone_would_say():
    rng = np.random.default_rng(0)
    shift = np.array([0.0, 0.3, 0.0, 0.3, 0.0])[:, None]
    moved = (rng.random((5, 400)) < shift).astype(float)
    assert seeded_difference(moved).error > 2 * moved.mean(axis=0).std() / np.sqrt(400)


@pytest.mark.parametrize(("spread", "shift"), [(0.0, 0.0), (0.5, 0.0), (0.5, 0.2)])
def test_it_holds_the_planted_truth_about_as_often_as_it_says(spread: float, shift: float):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        ease, fixed = rng.normal(1.0, 1.0, 200), rng.normal(0.0, spread, 200)
        noise = rng.normal(0, 0.3, (2, 5, 200)) + rng.normal(0, shift, (2, 5, 1))
        differences = (ease + noise[0] + fixed > 0).astype(float) - (ease + noise[1] > 0)
        # The chance of being right, over rows and seeds without end.
        before = np.sqrt(1.0 + 0.09 + shift**2)
        true = _below(1.0 / np.hypot(before, spread)) - _below(1.0 / before)
        own = seeded_difference(differences).interval()
        held += own.low <= true <= own.high
    # 93 % of 300 with three standard errors to spare.
    assert held / 300 > 0.93 - 3 * np.sqrt(0.07 * 0.93 / 300)


@pytest.mark.parametrize("cells", [[0, 1], [[0, 1]], [[0, 2], [0, 0]], [[np.nan], [0]]])
def test_what_is_no_difference_over_seeds_is_refused(cells):
    with pytest.raises(DataError):
        seeded_difference(cells)


def test_without_rows_nothing_is_known():
    found = seeded_difference(np.zeros((3, 0)))
    assert np.isnan(found.value)
    assert (found.interval().low, found.interval().high) == (-1, 1)


def _below(x: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(x)
