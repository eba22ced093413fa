"""What the rows around a row say of its label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import find_label_errors


def clusters(seed: int = 0):
    rng = np.random.default_rng(seed)
    true = np.repeat([0, 1, 2], 60)
    features = rng.normal(size=(180, 5)) + np.eye(3, 5)[true] * 12
    labels = true.copy()
    wrong = rng.choice(180, 12, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    return labels, features, wrong


def signals(labels, features):
    flat = np.full((len(labels), 3), 1 / 3)
    return find_label_errors(labels, flat, features=features, classes=range(3)).signals


def test_planted_errors_lie_far_from_their_class() -> None:
    labels, features, wrong = clusters()
    for name in ("neighbour_disagreement", "class_distance"):
        signal = signals(labels, features)[name]
        right = np.delete(signal, wrong)
        assert signal[wrong].min() > 0.5, name
        assert np.quantile(right, 0.95) < 0.5, name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 0.5, 1e6]))
def test_signals_lie_in_range_and_know_no_unit(seed, scale) -> None:
    labels, features, _ = clusters(seed)
    plain, scaled = signals(labels, features), signals(labels, features * scale + 3 * scale)
    for name in ("neighbour_disagreement", "class_distance"):
        assert ((plain[name] >= 0) & (plain[name] <= 1)).all()
        np.testing.assert_allclose(scaled[name], plain[name], atol=1e-6)


def test_a_copy_with_another_label_counts_against_the_row() -> None:
    found = signals([0, 1, 2], [[1.0, 1.0], [1.0, 1.0], [5.0, 5.0]])
    np.testing.assert_allclose(found["class_distance"], [2 / 3, 2 / 3, 0.5])
    found = signals([0, 0, 1], np.ones((3, 2)))
    assert found["class_distance"].tolist() == [0.5] * 3


def test_a_single_row_has_no_surroundings() -> None:
    found = find_label_errors(["a"], [[1.0]], features=[[2.0]])
    assert found.signals["class_distance"].tolist() == [0.0]


def test_features_of_another_length_or_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(3, d\)"):
        signals([0, 1, 2], np.ones((2, 2)))
    with pytest.raises(DataError, match="row 1"):
        signals([0, 1, 2], [[1.0], [np.nan], [2.0]])
