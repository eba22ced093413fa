import numpy as np
import pytest
from scipy import sparse

from burnish.augmentation import (
    REFUSALS,
    nearest_distances,
    neighbour_distance_limit,
    refuse_changed_class,
    refuse_doubtful,
    refuse_duplicates,
    refuse_unlike,
)
from burnish.errors import DataError


def test_a_point_far_from_all_real_rows_is_unlike_them_and_one_among_them_is_not():
    real = np.random.default_rng(0).normal(0, 1, (500, 3))
    limit = neighbour_distance_limit(real)
    distances = nearest_distances(np.array([[0.0, 0.1, 0.0], [30.0, 0.0, 0.0]]), real)
    inside, outside = refuse_unlike(distances, limit)
    assert inside is None
    assert outside.reason == "unlike_data"


def test_about_one_real_row_of_a_hundred_is_beyond_the_limit():
    real = np.random.default_rng(0).normal(0, 1, (2000, 3))
    limit = neighbour_distance_limit(real[:1000])
    new = nearest_distances(real[1000:], real[:1000])
    assert 0.002 < (new > limit).mean() < 0.03


def test_sparse_points_are_measured_as_dense_ones():
    points = np.random.default_rng(0).random((40, 6)).round()
    rows = sparse.csr_matrix(points)
    assert neighbour_distance_limit(rows) == pytest.approx(neighbour_distance_limit(points))
    np.testing.assert_allclose(nearest_distances(rows[:5], rows), 0, atol=1e-6)


def test_one_row_cannot_say_how_far_apart_rows_lie():
    with pytest.raises(DataError, match="1 training rows"):
        neighbour_distance_limit(np.zeros((1, 2)))


def test_no_points_have_no_distances():
    assert nearest_distances(np.zeros((0, 2)), np.zeros((3, 2))).size == 0


def test_an_origin_is_doubtful_where_the_model_disagrees_and_nobody_decided():
    found = refuse_doubtful(["a"] * 4, ["a", "b", "a", "b"], [False, False, True, True])
    assert [one is None for one in found] == [True, False, True, True]


def test_a_class_has_changed_only_where_the_model_knew_the_origin():
    found = refuse_changed_class(["a"] * 3, ["a", "a", "b"], ["a", "b", "b"])
    assert [one is None for one in found] == [True, False, True]


def test_a_duplicate_is_one_of_a_known_row_or_of_an_earlier_variant():
    found = refuse_duplicates(["x", "y", "y", "z"], {"x"})
    assert [one is None for one in found] == [False, True, False, True]


def test_every_reason_is_explained():
    reasons = {
        refuse_unlike(np.array([2.0]), 1.0)[0].reason,
        refuse_doubtful(["a"], ["b"], [False])[0].reason,
        refuse_changed_class(["a"], ["a"], ["b"])[0].reason,
        refuse_duplicates([1], {1})[0].reason,
    }
    assert reasons == set(REFUSALS)
