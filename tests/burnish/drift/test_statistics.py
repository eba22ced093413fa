"""The statistics are scipy's, and what must not change with a unit does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from burnish.drift.statistics import binned, count_distances, number_distances

# Few distinct values in some draws, so that ties are common.
cells = st.one_of(
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3)),
    st.integers(-3, 3).map(float),
)
samples = hnp.arrays(np.float64, st.integers(1, 60), elements=cells).map(np.sort)
counts = hnp.arrays(np.int64, 6, elements=st.integers(0, 40)).filter(lambda c: c.sum() > 0)


@pytest.mark.parametrize("compiled", [False, True])
@settings(deadline=None)
@given(before=samples, after=samples)
def test_numbers_have_the_distances_of_scipy(compiled: bool, before, after) -> None:
    found = number_distances(before, after, compiled=compiled)
    assert found.ks == pytest.approx(ks_2samp(before, after, method="asymp").statistic, abs=1e-6)
    area = wasserstein_distance(before, after)
    assert found.wasserstein == pytest.approx(area, rel=1e-6, abs=1e-6)
    shares = [side / side.sum() for side in binned(before, after)]
    assert found.jensen_shannon == pytest.approx(jensenshannon(*shares, base=2), abs=1e-6)


@settings(deadline=None)
@given(before=counts, after=counts)
def test_counts_have_the_distances_of_scipy(before, after) -> None:
    found = count_distances(before, after)
    seen = (before + after) > 0
    expected = chi2_contingency(np.array([before[seen], after[seen]]), correction=False).statistic
    assert found.chi_square == pytest.approx(expected, abs=1e-6)
    shares = [side / side.sum() for side in (before, after)]
    assert found.jensen_shannon == pytest.approx(jensenshannon(*shares, base=2), abs=1e-6)
    assert found.total_variation == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2, abs=1e-9)


@settings(deadline=None)
@given(before=samples, after=samples, factor=st.sampled_from([0.5, 2.0, 1024.0]))
def test_a_unit_changes_nothing_but_the_wasserstein_distance(before, after, factor) -> None:
    plain = number_distances(before, after)
    other = number_distances(before * factor, after * factor)
    assert (other.ks, other.psi, other.jensen_shannon) == (
        plain.ks, plain.psi, plain.jensen_shannon,
    )  # fmt: skip
    assert other.wasserstein == pytest.approx(plain.wasserstein * factor)


@settings(deadline=None)
@given(before=samples, after=samples)
def test_which_side_is_which_does_not_matter_to_distances(before, after) -> None:
    here, there = number_distances(before, after), number_distances(after, before)
    assert here.ks == pytest.approx(there.ks, abs=1e-12)
    assert here.wasserstein == pytest.approx(there.wasserstein)


@settings(deadline=None)  # the first call loads compiled code
@given(one=samples)
def test_a_copy_is_at_no_distance(one) -> None:
    for compiled in (False, True):
        found = number_distances(one, one.copy(), compiled=compiled)
        assert (found.ks, found.wasserstein, found.psi, found.jensen_shannon) == (0, 0, 0, 0)


def test_psi_is_that_of_tenths_of_the_reference() -> None:
    before = np.arange(1000.0)
    after = np.sort(np.concatenate([np.arange(500.0), np.arange(500.0)]))  # the upper half is gone
    shares = np.array([0.2] * 5 + [1e-4] * 5)
    expected = ((shares - 0.1) * np.log(shares / 0.1)).sum()
    assert number_distances(before, after).psi == pytest.approx(expected, rel=0.05)
