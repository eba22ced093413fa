"""The median and its limits: exact where a table says so, and held in samples of any shape."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from burnish.errors import DataError
from burnish.metrics import Interval, median_interval


@pytest.mark.parametrize(("n", "place"), [(6, 1), (8, 1), (9, 2), (15, 4), (25, 8), (100, 40)])
def test_the_limits_are_the_order_statistics_of_the_published_table(n: int, place: int):
    # Conover 1999, 'Practical Nonparametric Statistics': ranks of the 95 % limits of a median.
    found = median_interval(np.arange(1.0, n + 1))
    assert (found.low, found.high) == (place, n + 1 - place)


@pytest.mark.parametrize("n", [7, 20, 61])
def test_limits_hold_whatever_the_distribution(n: int):
    rng = np.random.default_rng(5)
    for draw, median in (
        (lambda: rng.lognormal(2, 1, n), np.exp(2)),
        (lambda: rng.uniform(size=n), 0.5),
    ):
        found = [median_interval(draw()) for _ in range(600)]
        share = np.mean([one.low <= median <= one.high for one in found])
        # Six hundred samples stray by two points; the limits promise 95 and give a little more.
        assert share >= 0.93


def test_of_five_values_no_two_enclose_the_median_often_enough():
    assert median_interval([1, 2, 3, 4, 5]) == Interval(3.0, -inf, inf)


def test_of_no_value_nothing_is_known():
    found = median_interval([])
    assert isnan(found.value)
    assert (found.low, found.high) == (-inf, inf)


@pytest.mark.parametrize("values", [[1.0, float("nan")], [[1.0, 2.0]], [inf]])
def test_what_are_no_numbers_in_a_row_is_refused(values: list[float]):
    with pytest.raises(DataError, match="no finite numbers in a row"):
        median_interval(values)
