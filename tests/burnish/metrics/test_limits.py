import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from burnish.errors import DataError
from burnish.metrics import wilson_interval
from burnish.metrics.grouped import Groups, midranks
from burnish.metrics.limits import bounded_limits, mean_limits, student_quantile, wilson_limits


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_wilsons_limits_of_many_are_those_of_each(pairs):
    hits, n = np.array([min(p) for p in pairs]), np.array([max(p) for p in pairs])
    found = wilson_limits(hits, n)
    for at in np.flatnonzero(n):
        one = wilson_interval(int(hits[at]), int(n[at]))
        assert (found.value[at], found.low[at], found.high[at]) == (one.value, one.low, one.high)
    assert np.isnan(found.low[n == 0]).all()


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_students_quantile_is_near_the_exact_one(confidence):
    freedom = np.array([1, 2, 3, 5, 9, 30, 1000])
    exact = t.ppf(0.5 + confidence / 2, freedom)
    assert student_quantile(freedom, confidence) == pytest.approx(exact, rel=0.02)


def test_a_symmetric_mean_has_students_interval():
    values = np.arange(11.0)
    found = mean_limits(values, Groups(np.zeros(11, dtype=np.int64), 1))
    half = t.ppf(0.975, 10) * values.std(ddof=1) / np.sqrt(11)
    assert found.high[0] - 5 == pytest.approx(half, rel=1e-3)
    assert 5 - found.low[0] == pytest.approx(half, rel=1e-3)


def test_a_long_upper_tail_stretches_the_upper_limit():
    values = np.array([0.0] * 95 + [4.0] * 5)
    found = mean_limits(values, Groups(np.zeros(100, dtype=np.int64), 1))
    assert found.high[0] - found.value[0] > 1.3 * (found.value[0] - found.low[0])


def test_one_row_has_a_mean_without_limits_and_no_rows_none():
    found = mean_limits(np.array([3.0]), Groups(np.array([1]), 3))
    assert found.value[1] == 3.0
    assert np.isnan(found.value[[0, 2]]).all()
    assert np.isnan(found.low).all()


def test_a_value_of_one_keeps_a_width():
    found = bounded_limits(np.array([1.0]), np.array([0.0]), np.array([20]))
    assert found.high[0] == 1.0
    assert found.low[0] == pytest.approx(wilson_interval(20, 20).low)


def test_a_confidence_of_one_is_refused():
    with pytest.raises(DataError, match="confidence is 1"):
        wilson_limits(np.array([1]), np.array([2]), confidence=1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
def test_midranks_are_those_of_each_group_alone(rows):
    from scipy.stats import rankdata

    values, codes = np.array([float(v) for v, _ in rows]), np.array([c for _, c in rows])
    found = midranks(values, Groups(codes, 3))
    for code in set(codes.tolist()):
        assert found[codes == code] == pytest.approx(rankdata(values[codes == code]))
