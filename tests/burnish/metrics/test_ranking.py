import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from burnish.errors import DataError
from burnish.metrics import auroc


def scored(n=200, k=3, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    probs = rng.dirichlet(np.ones(k), n) + 0.5 * np.eye(k)[true]
    return true, np.round(probs / probs.sum(axis=1, keepdims=True), 2)


def test_the_area_is_that_of_scikit_learn_with_ties():
    true, probs = scored(k=2)
    probs = np.column_stack([1 - probs[:, 1], probs[:, 1]])
    found = auroc(true, probs, classes=[0, 1], positive=1)
    assert found.value == pytest.approx(roc_auc_score(true, probs[:, 1]))
    assert found.low < found.value < found.high


def test_without_a_positive_class_it_is_the_mean_of_each_against_the_rest():
    true, probs = scored()
    probs = probs / probs.sum(axis=1, keepdims=True)
    found = auroc(true, probs, classes=[0, 1, 2])
    expected = roc_auc_score(true, probs, multi_class="ovr", average="macro")
    assert found.value == pytest.approx(expected)


def test_the_standard_error_is_delongs():
    # Structural components by hand: V10 of each positive, V01 of each negative.
    rng = np.random.default_rng(1)
    true = np.repeat([1, 0], [30, 70])
    score = rng.normal(size=100) + true
    beats = (score[:30, None] > score[None, 30:]).astype(float)
    variance = beats.mean(axis=1).var(ddof=1) / 30 + beats.mean(axis=0).var(ddof=1) / 70
    from burnish.metrics.grouped import Groups
    from burnish.metrics.ranking import grouped_auroc

    whole = Groups(np.zeros(100, dtype=np.int64), 1)
    found = grouped_auroc(true, np.column_stack([-score, score]), whole, columns=[1])
    assert found.value[0] == pytest.approx(beats.mean())
    assert found.variance[0] == pytest.approx(variance)


def test_of_one_class_alone_nothing_is_known():
    found = auroc([1, 1], np.array([[0.2, 0.8], [0.4, 0.6]]), classes=[0, 1])
    assert np.isnan(found.value)
    assert np.isnan(found.low)


def test_a_positive_that_is_no_class_is_refused():
    with pytest.raises(DataError, match="positive is 'x'"):
        auroc([0], np.array([[1.0, 0.0]]), classes=[0, 1], positive="x")
