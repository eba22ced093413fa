"""Planted odd rows score highest; copies with other labels are found, and only they are."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.neighbours import nearest
from burnish.quality import label_conflicts, outliers


def test_planted_outliers_score_highest_whatever_the_unit() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 6))
    rows[:7] *= 8
    for scale in (1e-5, 1.0, 1e5):
        score = outliers(rows * scale).outlier_score
        assert set(np.argsort(score)[-7:]) == set(range(7))
        assert score[:7].min() > 0.7
        assert np.median(score) == pytest.approx(0.5, abs=1e-6)
        assert ((score >= 0) & (score <= 1)).all()


def test_equal_rows_and_a_single_row_are_ordinary() -> None:
    assert outliers(np.ones((30, 2))).outlier_score.tolist() == [0.5] * 30
    assert outliers([[3.0]]).outlier_score.tolist() == [0.5]


def test_known_neighbours_stand_for_the_features() -> None:
    rows = np.random.default_rng(1).normal(size=(100, 3))
    plain, given_ones = outliers(rows), outliers(nearest(rows, k=25))
    assert plain.to_table().equals(given_ones.to_table())


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("ab")), min_size=1, max_size=30))
def test_disagreement_is_the_share_of_copies_with_another_label(rows) -> None:
    groups, labels = [list(part) for part in zip(*rows, strict=True)]
    found = label_conflicts(pa.array(groups), labels)
    for row, (group, label) in enumerate(rows):
        others = [b for at, (a, b) in enumerate(rows) if a == group and at != row]
        expected = sum(b != label for b in others) / len(others) if others else 0.0
        assert found.disagreement[row] == pytest.approx(expected)
        assert found.conflicting[row] == (expected > 0)
        assert found.group_rows[row] == len(others) + 1
    assert found.to_table().num_rows == len(rows)


def test_lengths_and_missing_labels_are_refused() -> None:
    with pytest.raises(DataError, match="2 groups and 1 labels"):
        label_conflicts(pa.array(["x", "y"]), ["a"])
    with pytest.raises(DataError, match="no label in row 1"):
        label_conflicts(pa.array(["x", "y"]), pa.array(["a", None]))


def test_among_copies_a_row_that_is_none_is_not_odd_for_that() -> None:
    rng = np.random.default_rng(0)
    others = rng.normal(size=(40, 2))
    others[0] = 40.0
    score = outliers(np.vstack([np.zeros((60, 2)), others])).outlier_score
    assert score[:60].max() == 0.0
    assert score[60] > 0.8
    assert np.median(score[61:]) < 0.6
