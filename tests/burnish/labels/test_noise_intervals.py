"""The intervals cover what the same procedure gives on other draws, and shrink with the rows."""

import numpy as np
import pytest

from burnish.errors import DataError
from burnish.labels import estimate_noise

MATRIX = np.array([[0.85, 0.1, 0.05], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]])


def drawn(n: int, seed: int):
    """Given labels by MATRIX from true ones, and probabilities that know the truth fairly well."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    given = (rng.random((n, 1)) > MATRIX[true].cumsum(axis=1)).sum(axis=1)
    logits = rng.normal(0, 1, (n, 3))
    logits[np.arange(n), true] += 4
    probs = np.exp(logits)
    return given, probs / probs.sum(axis=1, keepdims=True)


def test_intervals_cover_what_many_rows_give() -> None:
    expected = estimate_noise(*drawn(200_000, 1))
    rates, cells = [], []
    for seed in range(300):
        noise = estimate_noise(*drawn(600, 100 + seed))
        rates.append(noise.low <= expected.rate <= noise.high)
        inside = (noise.matrix_low <= expected.matrix) & (expected.matrix <= noise.matrix_high)
        cells.append(inside[expected.matrix > 0.02])
    assert 0.92 <= np.mean(rates) <= 0.99
    assert np.mean(cells) >= 0.92


def test_an_interval_holds_its_estimate_and_shrinks_with_the_rows() -> None:
    few, many = estimate_noise(*drawn(500, 3)), estimate_noise(*drawn(50_000, 3))
    for noise in (few, many):
        assert 0 <= noise.low < noise.rate < noise.high <= 1
        assert (noise.matrix_low <= noise.matrix).all()
        assert (noise.matrix <= noise.matrix_high).all()
    assert many.high - many.low == pytest.approx((few.high - few.low) / 10, rel=0.15)
    assert few.high - few.low < (
        estimate_noise(*drawn(500, 3), confidence=0.99).high
        - estimate_noise(*drawn(500, 3), confidence=0.99).low
    )


def test_no_error_found_is_not_no_error_possible() -> None:
    noise = estimate_noise(np.array([0, 1] * 20), np.eye(2)[[0, 1] * 20])
    assert (noise.rate, noise.low) == (0, 0)
    assert 0.05 < noise.high < 0.15


def test_a_class_that_nobody_carries_is_known_least() -> None:
    probs = np.array([[0.6, 0.1, 0.3], [0.1, 0.6, 0.3]])
    noise = estimate_noise(np.array([0, 1]), probs)
    assert noise.matrix_low[2, 2] < 0.3
    assert noise.matrix_high[2, 0] > 0.7
    assert noise.to_table().slice(8).to_pylist()[0]["probability"] == 1.0


def test_a_confidence_of_one_is_refused() -> None:
    with pytest.raises(DataError, match="confidence"):
        estimate_noise(np.array([0]), np.ones((1, 1)), confidence=1.0)
