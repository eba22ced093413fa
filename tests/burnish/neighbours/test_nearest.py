"""The neighbours are the true ones, on the small way and on the large, ties and all."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.neighbours import nearest, small, tiles
from burnish.neighbours.small import Found, unit_rows

WAYS = [small.search, tiles.search]


def by_definition(rows: NDArray[Any], k: int) -> Found:
    """Every pair by its difference, every tie by its index."""
    rows = rows.astype(np.float64)
    squares = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return order.astype(np.int32), np.take_along_axis(squares, order, axis=1)


def assert_same(found: Found, expected: Found) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("search", WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 1), (40, 3), (1100, 7), (1500, 65)])
def test_neighbours_are_those_of_the_definition(search, dtype, shape) -> None:
    rows = np.random.default_rng(0).normal(size=shape).astype(dtype)
    k = min(10, shape[0] - 1)
    assert_same(search(rows, k=k, workers=2), by_definition(rows, k))


@pytest.mark.parametrize("search", WAYS)
@pytest.mark.parametrize("k", [1, 8])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(9, 400), values=st.integers(1, 4))
def test_ties_and_copies_are_decided_by_index(search, k, seed, n, values) -> None:
    rows = np.random.default_rng(seed).integers(0, values, (n, 3))
    assert_same(search(rows.astype(np.float64), k=k, workers=1), by_definition(rows, k))


@pytest.mark.parametrize("search", WAYS)
def test_tight_clusters_far_apart_are_told_apart_inside(search) -> None:
    # Within a cluster the squared distances lie under the rounding of float32.
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(20, 8)) * 100
    rows = centres[rng.integers(0, 20, 1300)] + rng.normal(size=(1300, 8)) * 1e-4
    assert_same(search(rows, k=5, workers=2), by_definition(rows, 5))


@pytest.mark.parametrize("search", WAYS)
def test_one_row_far_away_and_a_large_offset_harm_no_other(search) -> None:
    rows = np.random.default_rng(2).normal(size=(1200, 6)) + 1e5
    rows[7] = 1e9
    assert_same(search(rows, k=5, workers=2), by_definition(rows, 5))


@pytest.mark.parametrize("search", WAYS)
def test_copies_of_real_numbers_lie_at_zero_and_in_order(search) -> None:
    rows = np.random.default_rng(3).normal(size=(30, 50))[np.arange(3000) % 30]
    indices, squares = search(rows, k=9, workers=2)
    assert (squares == 0).all()
    expected = np.arange(10) * 30
    np.testing.assert_array_equal(indices[0], expected[1:])
    np.testing.assert_array_equal(indices[2999], expected[:9] + 29)


def test_cosine_is_the_angle_alone() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(300, 5))
    found = nearest(rows * rng.uniform(1e-3, 1e3, (300, 1)), k=4, metric="cosine")
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_array_equal(found.indices, by_definition(unit, 4)[0])
    angles = 1 - (unit[:, None] * unit[found.indices]).sum(axis=2)
    np.testing.assert_allclose(found.distances, angles, atol=1e-12)


def test_a_row_of_zeros_is_at_a_right_angle_to_all_but_its_like() -> None:
    found = nearest([[0.0, 0.0], [1e300, 0.0], [0.0, 0.0], [-1.0, 0.0]], k=3, metric="cosine")
    assert found.distances.tolist() == [[0, 1, 1], [1, 1, 2], [0, 1, 1], [1, 1, 2]]
    assert found.indices[0].tolist() == [2, 1, 3]
    assert unit_rows(np.array([[1e-300, 0.0]])).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_large_way_is_taken_and_agrees_with_the_small(metric) -> None:
    rows = np.random.default_rng(5).normal(size=(5_100, 4))
    found = nearest(rows, k=3, metric=metric)
    base = unit_rows(rows) if metric == "cosine" else rows
    indices, squares = small.search(base, k=3)
    np.testing.assert_array_equal(found.indices, indices)
    true = squares / 2 if metric == "cosine" else np.sqrt(squares)
    np.testing.assert_allclose(found.distances, true, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_its_row(bad) -> None:
    rows = np.ones((9_000, 2))
    rows[8_500, 1] = bad
    with pytest.raises(DataError, match="row 8500"):
        nearest(rows)


@pytest.mark.parametrize(
    ("features", "choices", "says"),
    [
        ([1.0, 2.0], {}, "shape"),
        (np.empty((3, 0)), {}, "shape"),
        ([["a"], ["b"]], {}, "not numbers"),
        ([[1.0]], {}, "1 rows"),
        ([[1.0], [2.0]], {"k": 0}, "k is 0"),
        ([[1.0], [2.0]], {"k": 1.5}, "k is 1.5"),
        ([[1.0], [2.0, 3.0]], {}, "not numbers"),
        ([[1.0], [2.0]], {"metric": "hamming"}, "'hamming'"),
        ([[1.0], [2.0]], {"workers": 3}, "3 workers"),
    ],
)
def test_what_cannot_be_searched_is_refused(features, choices, says) -> None:
    with pytest.raises(DataError, match=says):
        nearest(features, **choices)


def test_k_is_cut_to_the_rows_there_are_and_the_table_lists_pairs() -> None:
    found = nearest([[0], [1], [5]])
    assert found.indices.tolist() == [[1, 2], [0, 2], [1, 0]]
    assert found.to_table().slice(2, 2).to_pylist() == [
        {"row": 1, "neighbour": 0, "distance": 1.0},
        {"row": 1, "neighbour": 2, "distance": 4.0},
    ]


def test_a_small_search_loads_neither_numba_nor_sklearn() -> None:
    code = (
        "import sys, numpy as np; from burnish.neighbours import nearest;"
        "nearest(np.ones((50, 2)));"
        "print([m for m in ('numba', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_numbers_whose_squares_are_none_are_refused_by_their_row() -> None:
    with pytest.raises(DataError, match=r"reach 2e\+200 in row 1") as caught:
        nearest([[1.0], [2e200], [0.0]])
    assert "scale" in caught.value.hint
