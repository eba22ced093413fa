"""The noise rate of a sample: weights undo the picking, gold items what reviewers get wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import estimate_noise_rate


def stratified(
    rng: np.random.Generator, *, noise: float, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts on a sample of 4,000 rows, suspicious ones ten times as often as others."""
    wrong = rng.random(4000) < noise
    suspicious = rng.random(4000) < np.where(wrong, 0.6, 0.05)
    chance = np.where(suspicious, 0.5, 0.05)
    drawn = rng.random(4000) < chance
    called = rng.random(4000) < np.where(wrong, accuracy, 1 - accuracy)
    return called[drawn], chance[drawn]


@pytest.mark.parametrize(("accuracy", "noise"), [(0.9, 0.02), (0.9, 0.1), (0.9, 0.4), (0.8, 0.1)])
def test_the_interval_holds_the_truth_though_reviewers_err(accuracy, noise):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        called, chance = stratified(rng, noise=noise, accuracy=accuracy)
        found, kept = (int(n) for n in rng.binomial(30, accuracy, size=2))
        estimate = estimate_noise_rate(called, chance, reviewers=(found, 30, kept, 30))
        held += estimate.low <= noise <= estimate.high
    assert held / 200 >= 0.92


def test_weights_undo_that_suspicious_rows_are_drawn_more_often():
    rng = np.random.default_rng(2)
    samples = [stratified(rng, noise=0.1, accuracy=1.0) for _ in range(200)]
    weighted = [estimate_noise_rate(called, chance).value for called, chance in samples]
    plain = [estimate_noise_rate(called).value for called, _ in samples]
    assert np.mean(weighted) == pytest.approx(0.1, abs=4 * np.std(weighted) / np.sqrt(200))
    assert np.mean(plain) > 0.25


def test_a_whole_that_was_reviewed_by_the_infallible_leaves_no_doubt():
    estimate = estimate_noise_rate(np.arange(100) < 17, np.ones(100))
    assert estimate.value == pytest.approx(0.17)
    assert estimate.high - estimate.low < 1e-3


def test_a_stratum_without_an_error_is_not_taken_for_one_without_doubt():
    called = np.r_[np.ones(60, dtype=bool), np.zeros(30, dtype=bool)]
    chance = np.r_[np.ones(60), np.full(30, 0.01)]
    estimate = estimate_noise_rate(called, chance)
    # One error in 30 rows, of 3,000: the upper limit of a rate with 0 of 30 is above 0.1.
    assert estimate.high > 0.1


def test_without_gold_items_the_estimate_says_whose_it_is():
    estimate = estimate_noise_rate([True] * 20 + [False] * 80)
    assert estimate.value == pytest.approx(0.2)
    assert "share that they would change" in estimate.basis
    assert "100 verdicts, of which 20" in estimate.basis


def test_a_supposed_range_of_accuracy_widens_the_interval_and_is_named():
    called = np.r_[np.ones(60, dtype=bool), np.zeros(240, dtype=bool)]
    seen = estimate_noise_rate(called)
    supposed = estimate_noise_rate(called, reviewer_accuracy=(0.85, 1.0))
    assert supposed.low < 0.07 < seen.low
    assert supposed.high >= seen.high - 0.01
    assert "supposed, not measured, to be right on 85% to 100%" in supposed.basis


def test_more_gold_items_narrow_the_interval():
    called = np.r_[np.ones(60, dtype=bool), np.zeros(240, dtype=bool)]
    widths = []
    for half in (10, 40, 160, 2560):
        counts = (half * 9 // 10, half, half * 9 // 10, half)
        estimate = estimate_noise_rate(called, reviewers=counts)
        widths.append(estimate.high - estimate.low)
    assert widths == sorted(widths, reverse=True)


def test_reviewers_no_better_than_chance_tell_nothing():
    estimate = estimate_noise_rate([True, False], reviewers=(5, 10, 5, 10))
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)
    assert "no better than chance" in estimate.basis
    assert estimate.to_table().to_pylist()[0]["value"] is None


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_sample_gives_shares_in_order_whatever_the_order_of_its_rows(data):
    rows = data.draw(
        st.lists(st.tuples(st.booleans(), st.floats(0.01, 1.0)), min_size=1, max_size=40)
    )
    shown = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    counts = (data.draw(st.integers(0, shown[0])), shown[0],
              data.draw(st.integers(0, shown[1])), shown[1])  # fmt: skip
    ways = []
    for order in (rows, data.draw(st.permutations(rows))):
        called, chance = (np.array(column) for column in zip(*order, strict=True))
        ways.append(estimate_noise_rate(called, chance, reviewers=counts))
    one, other = ways
    assert 0.0 <= one.low <= one.high <= 1.0
    assert np.isnan(one.value) or one.low <= one.value <= one.high
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wrong": []}, "wrong has shape"),
        ({"wrong": [1, 0]}, "type int64"),
        ({"wrong": [True], "inclusion_probability": [0.0]}, r"outside \(0, 1\]"),
        ({"wrong": [True], "inclusion_probability": [0.5, 0.5]}, "has shape"),
        ({"wrong": [True], "reviewers": (11, 10, 9, 10)}, "cannot be"),
        ({"wrong": [True], "reviewer_accuracy": (0.4, 0.9)}, "reviewer_accuracy is"),
        ({"wrong": [True], "confidence": 1.0}, "confidence is 1.0"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        estimate_noise_rate(**arguments)
