import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.metrics import equal_mass_bins, equal_width_bins


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80, unique=True), st.integers(1, 20))
def test_bins_of_equal_mass_differ_by_one_row_at_most_and_rise_with_the_value(values, bins):
    found = equal_mass_bins(values, bins)
    sizes = np.bincount(found, minlength=bins)
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(found[np.argsort(values)]) >= 0).all()


def test_equal_values_share_a_bin():
    assert equal_mass_bins([0.3, 0.3, 0.3, 0.9], 4).tolist() == [0, 0, 0, 3]


def test_edges_belong_to_the_bin_below():
    assert equal_width_bins([0.0, 0.25, 0.26, 0.75, 1.0], 4).tolist() == [0, 0, 1, 2, 3]


@pytest.mark.parametrize("cut", [equal_mass_bins, equal_width_bins])
def test_less_than_one_bin_is_refused(cut):
    with pytest.raises(DataError, match="bins is 0"):
        cut([0.5], 0)
