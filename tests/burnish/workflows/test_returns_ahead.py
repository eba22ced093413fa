"""What the next batch may buy, foretold from those before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.workflows.returns_ahead import (
    Gain,
    forecast_return,
    foretold_so_far,
    foretold_table,
)


def gains(*values: float, error: float = 0.005) -> list[Gain]:
    return [Gain(number, value, error) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_of_fewer_than_three_batches_nothing_is_foretold(count: int):
    assert forecast_return(gains(*[0.01] * count)) is None


def test_a_batch_measured_badly_counts_for_less():
    sure = [Gain(1, 0.01, 0.002), Gain(2, 0.01, 0.002), Gain(3, 0.2, 0.1)]
    found = forecast_return(sure)
    assert found is not None
    assert found.expected == pytest.approx(0.01, abs=0.002)


def test_batches_that_differ_make_the_range_wide():
    alike, mixed = forecast_return(gains(*[0.01] * 6)), forecast_return(gains(0.06, -0.04) * 3)
    assert alike is not None
    assert mixed is not None
    assert mixed.high - mixed.low > 2 * (alike.high - alike.low)


def test_batches_that_changed_nothing_do_not_outweigh_the_others():
    none = [Gain(4, 0.0, 0.0), Gain(5, 0.0, 0.0)]
    found = forecast_return([*gains(0.02, 0.02, 0.02), *none])
    assert found is not None
    assert 0.008 < found.expected < 0.02


def test_where_no_batch_changed_a_label_nothing_is_foretold():
    """Not a gain of exactly nothing: the next batch may change a label."""
    assert forecast_return([Gain(number, 0.0, 0.0) for number in range(4)]) is None


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=10), st.floats(0.001, 0.05))
def test_the_expected_gain_lies_among_the_gains_and_in_its_range(values, error):
    found = forecast_return(gains(*values, error=error))
    assert found is not None
    assert min(values) - 1e-9 <= found.expected <= max(values) + 1e-9
    assert found.low < found.expected < found.high


def test_the_range_holds_the_next_batch_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        true = rng.normal(0.01, 0.01, 6)
        seen = rng.normal(true, 0.01)
        found = forecast_return(gains(*seen[:5], error=0.01))
        assert found is not None
        held += found.low <= seen[5] <= found.high
    # Nominal 90 % on five batches; three standard errors below 88 %.
    assert held / 1000 > 0.88 - 3 * np.sqrt(0.12 * 0.88 / 1000)


def test_past_batches_are_foretold_by_those_before_them_alone():
    told = foretold_so_far(gains(0.01, 0.01, 0.01, 0.5, 0.01))
    assert [one.iteration for one in told] == [4, 5]
    assert told[0].forecast.expected == pytest.approx(0.01)
    assert [one.held for one in told] == [False, True]
    assert foretold_table(told)["came"].to_pylist() == [0.5, 0.01]
    assert foretold_table([]).num_rows == 0
