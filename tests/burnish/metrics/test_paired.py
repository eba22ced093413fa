"""Paired limits of many groups at once, against the one by one and against plain simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from burnish.errors import DataError
from burnish.metrics import equal_mass_bins, paired_difference
from burnish.metrics.binning import grouped_equal_mass_bins
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import mean_limits
from burnish.metrics.paired import fold_bias, gathered, influence_limits, tango_limits
from burnish.metrics.paired_together import Parts, bonferroni, max_t_confidence


def one_group(n):
    return Groups(np.zeros(n, dtype=np.int64), 1)


cells = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400))


@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from([0.8, 0.95, 0.9999]))
def test_tangos_limits_of_many_are_those_of_each(counts, confidence):
    only_a, only_b, same = (np.array(column) for column in zip(*counts, strict=True))
    n = only_a + only_b + same
    found = tango_limits(only_a, only_b, n, confidence=confidence)
    for at, (a, b, agreed) in enumerate(counts):
        left = [True] * a + [False] * b + [True] * agreed
        right = [False] * a + [True] * b + [True] * agreed
        one = paired_difference(left, right, confidence=confidence)
        assert (found.low[at], found.high[at]) == pytest.approx((one.low, one.high), abs=1e-9)
        assert found.value[at] == pytest.approx(one.value, abs=1e-12, nan_ok=True)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=40))
def test_limits_by_influence_of_a_mean_are_never_inside_those_of_the_mean(values):
    x = np.round(np.array(values), 3)
    part = (x - x.mean()) / x.size
    found = influence_limits(
        np.array([x.mean()]), part, one_group(x.size), freedom=np.array([x.size - 1])
    )
    plain = mean_limits(x, one_group(x.size))
    reach = stats.t.ppf(0.975, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size)
    assert found.low[0] <= plain.low[0] + 1e-9
    assert found.high[0] >= plain.high[0] - 1e-9
    assert found.high[0] - x.mean() >= 0.96 * reach


def test_what_no_row_was_seen_to_do_has_the_width_of_the_pairs():
    found = influence_limits(
        np.zeros(1),
        np.zeros(50),
        one_group(50),
        freedom=np.array([1e6]),
        scale=np.ones(1),
        rests=np.array([50]),
    )
    tango = tango_limits(np.array([0]), np.array([0]), np.array([50]))
    assert found.high[0] == pytest.approx(tango.high[0], abs=1e-5)


def test_rows_of_one_unit_count_as_one():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=40), 5)
    groups = one_group(200)
    influence = (x - x.mean()) / 200
    part, by, units = gathered(influence, groups, np.repeat(np.arange(40), 5))
    found = influence_limits(np.array([x.mean()]), part, by, freedom=np.array([39]))
    alone = mean_limits(x[::5], one_group(40))
    assert units.tolist() == list(range(40))
    assert found.high[0] >= alone.high[0] - 1e-9
    assert found.high[0] - found.low[0] < 1.1 * (alone.high[0] - alone.low[0])


@pytest.mark.parametrize("mean", [0.0, 0.5, 2.0])
def test_a_folded_estimate_is_too_large_by_what_simulation_finds(mean):
    draws = np.random.default_rng(1).normal(mean, 1.0, 400_000)
    found = fold_bias(np.array([mean]), np.array([1.0]))
    assert found[0] == pytest.approx(np.abs(draws).mean() - mean, abs=5e-3)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=80))
def test_bins_within_groups_are_the_bins_of_each_group(pairs):
    codes, values = (np.array(column) for column in zip(*pairs, strict=True))
    found = grouped_equal_mass_bins(values.astype(float), Groups(codes, 3), 4)
    for group in range(3):
        rows = codes == group
        assert found[rows].tolist() == equal_mass_bins(values[rows], 4).tolist()


def disjoint(count, n=400, seed=0):
    rng = np.random.default_rng(seed)
    units = np.arange(n * count)
    return Parts(units, units // n, rng.normal(size=n * count), count), n * count


def test_of_slices_that_share_no_row_max_t_is_no_narrower_than_sidak():
    parts, units = disjoint(20)
    found = max_t_confidence(
        [parts],
        [np.ones(20, dtype=bool)],
        units=units,
        confidence=0.95,
        draws=20_000,
        random_state=0,
    )
    assert found == pytest.approx(0.95 ** (1 / 20), abs=4e-4)
    assert found <= bonferroni(0.95, 20)


def test_of_slices_that_are_nearly_one_max_t_is_nearly_the_limit_of_one():
    rng = np.random.default_rng(3)
    influence = rng.normal(size=1000)
    nested = [
        Parts(np.arange(n), np.zeros(n, dtype=np.int64), influence[:n], 1)
        for n in range(950, 1000, 5)
    ]
    found = max_t_confidence(
        nested,
        [np.ones(1, dtype=bool)] * 10,
        units=1000,
        confidence=0.95,
        draws=20_000,
        random_state=0,
    )
    assert 0.95 <= found < 0.975 < bonferroni(0.95, 10)


def test_slices_outside_the_family_do_not_widen_it():
    parts, units = disjoint(20)
    family = np.arange(20) < 3
    found = max_t_confidence(
        [parts], [family], units=units, confidence=0.95, draws=20_000, random_state=0
    )
    assert found == pytest.approx(0.95 ** (1 / 3), abs=3e-3)


def test_too_few_draws_are_refused():
    parts, units = disjoint(2)
    with pytest.raises(DataError, match="resamples is 10"):
        max_t_confidence(
            [parts], [np.ones(2, bool)], units=units, confidence=0.95, draws=10, random_state=0
        )
