from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from burnish.errors import DataError
from burnish.metrics import (
    exact_interval,
    newcombe_difference,
    paired_difference,
    wilson_interval,
)


@given(st.integers(1, 500), st.data())
def test_wilson_agrees_with_scipy_for_any_counts(n, data):
    successes = data.draw(st.integers(0, n))
    found = wilson_interval(successes, n, confidence=0.9)
    expected = stats.binomtest(successes, n).proportion_ci(0.9, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.integers(1, 500), st.data())
def test_exact_limits_agree_with_scipy_for_any_counts(n, data):
    successes = data.draw(st.integers(0, n))
    found = exact_interval(successes, n, confidence=0.9)
    expected = stats.binomtest(successes, n).proportion_ci(0.9, method="exact")
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_of_nothing_exact_limits_know_nothing():
    found = exact_interval(0, 0)
    assert isnan(found.value)
    assert (found.low, found.high) == (0, 1)


def test_of_nothing_wilson_knows_nothing():
    found = wilson_interval(0, 0)
    assert isnan(found.value)
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(DataError, match="successes out of"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_outside_zero_to_one_is_refused(confidence):
    with pytest.raises(DataError, match="confidence"):
        wilson_interval(1, 2, confidence=confidence)


def outcomes(both, only_a, only_b, neither):
    a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return a, b


def score_by_definition(only_a, only_b, n, difference):
    """Tango's score with its nuisance parameter found by a numerical search."""

    def negative_log_likelihood(q):
        cells = np.array([q + difference, q, 1 - 2 * q - difference])
        counts = np.array([only_a, only_b, n - only_a - only_b])
        return -np.sum(counts * np.log(np.clip(cells, 1e-300, 1)))

    span = (max(0.0, -difference), (1 - difference) / 2)
    q = optimize.minimize_scalar(
        negative_log_likelihood, bounds=span, method="bounded", options={"xatol": 1e-12}
    ).x
    variance = n * (2 * q + difference - difference**2)
    return (only_a - only_b - n * difference) / np.sqrt(variance)


@pytest.mark.parametrize("counts", [(60, 12, 4, 24), (30, 1, 9, 10), (43, 1, 2, 5)])
def test_the_paired_limits_are_where_the_score_test_just_rejects(counts):
    a, b = outcomes(*counts)
    found = paired_difference(a, b)
    n, z = sum(counts), stats.norm.ppf(0.975)
    _, only_a, only_b, _ = counts
    assert score_by_definition(only_a, only_b, n, found.low) == pytest.approx(z, abs=1e-3)
    assert score_by_definition(only_a, only_b, n, found.high) == pytest.approx(-z, abs=1e-3)
    assert found.value == pytest.approx((only_a - only_b) / n)


def test_without_one_discordant_pair_the_interval_still_has_the_width_of_its_sample():
    for n in (5, 50, 500):
        found = paired_difference([True] * n, [True] * n)
        half = 1.959964**2 / (n + 1.959964**2)
        assert (found.value, found.low, found.high) == (
            0,
            pytest.approx(-half),
            pytest.approx(half),
        )


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_paired_interval_holds_its_estimate_and_mirrors_when_the_sides_are_swapped(pairs):
    a, b = [list(side) for side in zip(*pairs, strict=True)]
    found, mirrored = paired_difference(a, b), paired_difference(b, a)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == (pytest.approx(-mirrored.high), pytest.approx(-mirrored.low))


@pytest.mark.parametrize("rates", [(0.9, 0.05, 0.05), (0.78, 0.2, 0.02), (0.97, 0.01, 0.02)])
@pytest.mark.parametrize("n", [20, 100])
def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says(rates, n):
    concordant, only_a, only_b = rates
    seen, hits = {}, 0
    draws = np.random.default_rng(7).multinomial(n, [concordant, only_a, only_b], size=1500)
    for same, a_alone, b_alone in draws.tolist():
        if (a_alone, b_alone) not in seen:
            found = paired_difference(*outcomes(same, a_alone, b_alone, 0))
            seen[a_alone, b_alone] = found.low <= only_a - only_b <= found.high
        hits += seen[a_alone, b_alone]
    assert hits / 1500 > 0.93


def test_of_no_rows_the_paired_difference_knows_nothing():
    found = paired_difference([], [])
    assert isnan(found.value)
    assert (found.low, found.high) == (-1, 1)


def test_outcomes_of_different_rows_are_refused():
    with pytest.raises(DataError, match="2 and 1 outcomes"):
        paired_difference([True, False], [True])


def test_what_is_not_boolean_is_refused():
    with pytest.raises(DataError, match="correct_b"):
        paired_difference([True], [0.5])


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
        ((0, 10, 0, 20), -0.1611, 0.2775),
    ],
)
def test_the_difference_of_two_groups_has_the_published_interval(counts, low, high):
    found = newcombe_difference(*counts)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_of_a_group_without_rows_the_difference_is_not_known():
    found = newcombe_difference(3, 4, 0, 0)
    assert isnan(found.value)
    assert (found.low, found.high) == (-1.0, 1.0)
