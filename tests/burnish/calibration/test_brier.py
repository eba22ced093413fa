import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from burnish.calibration import brier_decomposition
from burnish.errors import DataError
from burnish.metrics import brier


def drawn(n, K=3, power=1.0, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.ones(K), n)
    labels = (rng.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1).clip(0, K - 1)
    claimed = true**power / (true**power).sum(axis=1, keepdims=True)
    return labels, claimed


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 4), st.integers(0, 99), st.sampled_from([1, 3, 15, None]))
def test_the_parts_sum_to_the_score(n, K, seed, bins):
    labels, claimed = drawn(n, K, 1.7, seed)
    found = brier_decomposition(labels, claimed, classes=range(K), bins=bins)
    parts = found.reliability - found.resolution + found.uncertainty + found.remainder
    assert found.score == pytest.approx(brier(labels, claimed, classes=range(K)), abs=1e-12)
    assert parts == pytest.approx(found.score, abs=1e-12)
    assert found.reliability >= -1e-12
    assert found.resolution >= -1e-12
    if bins is not None and n > 1:
        debiased = (
            found.reliability_debiased - found.resolution_debiased + found.uncertainty_debiased
        )
        assert debiased + found.remainder == pytest.approx(found.score, abs=1e-12)


def test_with_a_bin_for_each_distinct_claim_it_is_murphys_and_nothing_is_left():
    rng = np.random.default_rng(1)
    first = rng.choice([0.1, 0.4, 0.7], 500)
    labels = (rng.random(500) > first).astype(int)
    found = brier_decomposition(
        labels, np.column_stack([first, 1 - first]), classes=[0, 1], bins=500
    )
    reliability = resolution = 0.0
    for claim in (0.1, 0.4, 0.7):
        rows = labels[first == claim]
        reliability += 2 * len(rows) * (claim - (rows == 0).mean()) ** 2 / 500
        resolution += 2 * len(rows) * ((labels == 0).mean() - (rows == 0).mean()) ** 2 / 500
    assert found.reliability == pytest.approx(reliability, abs=1e-12)
    assert found.resolution == pytest.approx(resolution, abs=1e-12)
    assert found.remainder == pytest.approx(0, abs=1e-12)


def test_bin_free_reliability_is_what_isotonic_regression_saves():
    labels, claimed = drawn(300, 3, 2.0, 3)
    found = brier_decomposition(labels, claimed, classes=range(3), bins=None)
    left = 0.0
    for k in range(3):
        curve = IsotonicRegression().fit(claimed[:, k], labels == k)
        left += ((curve.predict(claimed[:, k]) - (labels == k)) ** 2).mean()
    assert found.reliability == pytest.approx(found.score - left, abs=1e-9)
    assert found.remainder == pytest.approx(0, abs=1e-12)
    assert np.isnan(found.reliability_debiased)


def test_a_calibrated_model_has_no_reliability_but_what_chance_adds():
    found = [
        brier_decomposition(*drawn(150, 3, 1.0, seed), classes=range(3)) for seed in range(150)
    ]
    assert np.mean([one.reliability for one in found]) > 0.03
    assert np.mean([one.reliability_debiased for one in found]) == pytest.approx(0, abs=0.004)
    distorted = brier_decomposition(*drawn(5000, 3, 4.0, 0), classes=range(3))
    assert distorted.reliability_debiased > 0.05


def test_skill_is_zero_for_the_shares_of_the_classes_and_one_for_truth():
    labels = np.array([0, 0, 0, 1])
    shares = np.tile([0.75, 0.25], (4, 1))
    assert brier_decomposition(labels, shares, classes=[0, 1]).skill == pytest.approx(0)
    assert brier_decomposition(labels, np.eye(2)[labels], classes=[0, 1]).skill == 1.0
    lone = brier_decomposition(labels[:3], shares[:3], classes=[0, 1])
    assert np.isnan(lone.skill)
    assert lone.to_table()["score"].to_pylist() == [lone.score]


def test_less_than_one_bin_is_refused():
    with pytest.raises(DataError, match="bins is 0"):
        brier_decomposition([0], np.array([[1.0, 0.0]]), classes=[0, 1], bins=0)
