"""The neighbours of one row are those that the search of all rows gives it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.neighbours import nearest, nearest_to


@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), k=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_one_row_is_answered_as_among_all(seed, n, k):
    # Whole numbers, so that many distances are equal.
    matrix = np.random.default_rng(seed).integers(0, 3, (n, 3)).astype(float)
    every = nearest(matrix, k=k)
    row = seed % n
    places, distances = nearest_to(matrix, row, k=k)
    assert places.tolist() == every.indices[row].tolist()
    assert distances == pytest.approx(every.distances[row])


@pytest.mark.parametrize(("row", "k"), [(-1, 1), (2, 1), (0, 0)])
def test_what_cannot_be_asked_is_refused(row, k):
    with pytest.raises(DataError):
        nearest_to([[0.0], [1.0]], row, k=k)
