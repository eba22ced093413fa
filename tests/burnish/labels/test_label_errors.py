"""Planted wrong labels are ranked first, and nothing depends on the order of rows or classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from burnish.labels import confusion_pairs, estimate_noise, find_label_errors


def planted(
    n: int = 2000, K: int = 5, noise: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """True labels, labels of which a share goes one class on, and fairly good probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, n)
    logits = rng.normal(0, 1, (n, K))
    logits[np.arange(n), true] += 4
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < noise
    return true, np.where(wrong, (true + 1) % K, true), probs


def test_planted_errors_rank_first_and_are_suggested_their_truth() -> None:
    true, labels, probs = planted()
    found = find_label_errors(labels, probs)
    wrong = true != labels
    assert average_precision_score(wrong, found.error_probability) > 0.95
    top = found.rank <= 200
    assert wrong[top].all()
    assert (found.suggested_label[top] == true[top]).mean() > 0.97


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.35])
def test_noise_rate_and_matrix_are_near_the_planted_ones(noise: float) -> None:
    true, labels, probs = planted(n=5000, noise=noise)
    found = find_label_errors(labels, probs)
    assert found.noise_rate == pytest.approx((true != labels).mean(), abs=0.04)
    for k in range(5):
        assert found.noise_matrix[k, (k + 1) % 5] == pytest.approx(noise, abs=0.07)
    np.testing.assert_allclose(found.noise_matrix.sum(axis=1), 1)


def test_error_probabilities_add_up_to_the_noise() -> None:
    _, labels, probs = planted()
    found = find_label_errors(labels, probs)
    assert found.error_probability.mean() == pytest.approx(found.noise_rate, abs=1e-3)


def test_error_probability_is_roughly_calibrated() -> None:
    true, labels, probs = planted(n=5000)
    found = find_label_errors(labels, probs)
    wrong = true != labels
    for low, high in ((0.0, 0.2), (0.8, 1.0)):
        rows = (found.error_probability >= low) & (found.error_probability <= high)
        assert found.error_probability[rows].mean() == pytest.approx(wrong[rows].mean(), abs=0.1)


def test_two_classes_one_example_and_a_class_never_predicted() -> None:
    probs = np.array([[0.6, 0.4, 0.0], [0.7, 0.3, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0]])
    found = find_label_errors(["a", "a", "b", "c"], probs)
    assert found.rank[3] == 1
    assert found.suggested_label[3] == "a"
    np.testing.assert_allclose(found.noise_matrix.sum(axis=1), 1)
    single = find_label_errors(["a", "b"], probs[1:3, :2] / probs[1:3, :2].sum(1, keepdims=True))
    assert np.isfinite(single.error_probability).all()


def test_a_class_that_nobody_carries_gets_the_identity() -> None:
    probs = np.array([[0.6, 0.1, 0.3], [0.1, 0.6, 0.3]])
    matrix = estimate_noise(np.array([0, 1]), probs).matrix
    np.testing.assert_allclose(matrix[2], [0, 0, 1])


def test_only_one_class_means_no_error() -> None:
    found = find_label_errors(["a", "a"], np.ones((2, 1)))
    assert found.noise_rate == 0
    assert (found.error_probability < 0.5).all()


def test_rare_classes_do_not_make_half_of_all_labels_wrong() -> None:
    # Two classes, weak model: many rows reach both thresholds, yet lean to their given label.
    rng = np.random.default_rng(1)
    labels = (rng.random(2000) < 0.25).astype(int)
    one = np.clip(0.25 + 0.1 * labels + rng.normal(0, 0.1, 2000), 0.01, 0.99)
    assert find_label_errors(labels, np.column_stack([1 - one, one])).noise_rate < 0.3


def test_neighbours_are_a_signal_where_features_are_given() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 30)
    features = rng.normal(0, 0.1, (60, 2)) + (labels == "b")[:, None] * 5
    labels[0] = "b"
    found = find_label_errors(labels, np.full((60, 2), 0.5), features=features)
    assert found.signals["neighbour_disagreement"][0] == 1.0
    assert found.signals["neighbour_disagreement"][1:].max() <= 0.1


def test_the_table_has_a_row_an_example() -> None:
    _, labels, probs = planted(n=50)
    table = find_label_errors(labels, probs).to_table()
    assert table.num_rows == 50
    assert sorted(table["audit_rank"].to_pylist()) == list(range(1, 51))


def test_confusion_pairs_put_the_planted_pair_first() -> None:
    true, labels, probs = planted(noise=0.0)
    labels = np.where((true == 2) & (np.arange(true.size) % 3 == 0), 4, true)
    names = np.array(["a", "b", "c", "d", "e"])
    found = find_label_errors(names[labels], probs)
    first = confusion_pairs(names[labels], found).to_pylist()[0]
    assert (first["given"], first["suggested"]) == ("e", "c")
    assert first["count"] == pytest.approx(np.sum(true != labels), abs=15)


probabilities = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(2, 6), st.integers(2, 60))
)


@settings(max_examples=60, deadline=None)
@given(probabilities)
def test_order_of_rows_and_names_of_classes_do_not_matter(drawn: tuple[int, int, int]) -> None:
    seed, K, n = drawn
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(0, K, n), rng.dirichlet(np.full(K, 0.5), n)
    found = find_label_errors(labels, probs, classes=range(K))
    assert (found.error_probability >= 0).all()
    assert (found.error_probability <= 1).all()
    rows = rng.permutation(n)
    moved = find_label_errors(labels[rows], probs[rows], classes=range(K))
    np.testing.assert_allclose(moved.error_probability, found.error_probability[rows], atol=1e-9)
    names = rng.permutation(K)
    renamed = find_label_errors(names[labels], probs, classes=names.tolist())
    np.testing.assert_allclose(renamed.error_probability, found.error_probability, atol=1e-9)
    other = rng.permutation(K)
    columns = find_label_errors(labels, probs[:, other], classes=other.tolist())
    np.testing.assert_allclose(columns.error_probability, found.error_probability, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(probabilities)
def test_error_probability_rises_with_the_score(drawn: tuple[int, int, int]) -> None:
    seed, K, n = drawn
    rng = np.random.default_rng(seed)
    found = find_label_errors(rng.integers(0, K, n), rng.dirichlet(np.ones(K), n), classes=range(K))
    order = np.argsort(found.signals["suspicion"])
    assert (np.diff(found.error_probability[order]) >= 0).all()
