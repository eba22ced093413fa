"""The stopping rule: intervals that hold the count, before and after people have looked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.acquisition import PastBatch, forecast
from burnish.errors import DataError


def rows(chances) -> pa.Table:
    return pa.table(
        {"example_id": [f"e{at:05d}" for at in range(len(chances))], "error_probability": chances}
    )


def odds(chances: np.ndarray) -> np.ndarray:
    return np.log(chances / (1 - chances))


def shifted(chances: np.ndarray, by: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(odds(chances) + by)))


def test_it_is_said_in_one_sentence():
    found = forecast(rows([0.01] * 500), reviews=100)
    assert found.text.startswith("The next 100 reviews are expected to find ")
    assert found.text.endswith(" errors, as the models see it.")
    past = PastBatch([0.01] * 3000, [True] * 30 + [False] * 2970)
    known = forecast(rows([0.03] * 500), reviews=100, history=[past])
    assert known.text == "The next 100 reviews are expected to find 3 (0-6) errors."
    assert forecast(rows([0.5]), reviews=1).text.startswith("The next review is expected")
    nothing = forecast(rows(np.zeros(0)))
    assert (nothing.expected, nothing.text) == (0.0, "No labelled row is left to review.")
    assert known.to_table()["text"].to_pylist() == [known.text]


@pytest.mark.parametrize("off_by", [-1.5, 0.0, 1.5])
def test_with_past_batches_the_interval_holds_the_count_however_far_the_models_are_off(off_by):
    rng = np.random.default_rng(0)
    held, widths = [], []
    for _ in range(200):
        chances = np.sort(rng.beta(0.5, 2, 400))[::-1].clip(0.001, 0.999)
        wrong = rng.random(400) < shifted(chances, off_by)
        history = [PastBatch(chances[a : a + 50], wrong[a : a + 50]) for a in (0, 50, 100)]
        found = forecast(rows(chances[150:]), reviews=100, history=history)
        held.append(found.low <= wrong[150:250].sum() <= found.high)
        widths.append(found.high - found.low)
    assert np.mean(held) > 0.85
    assert np.mean(widths) < 45


@pytest.mark.parametrize("accuracy", [0.85, 0.95])
def test_reviewers_who_err_do_not_make_it_forget_what_is_surely_wrong(accuracy):
    """One slip on a row with p = .999 is no sign that the models are far off."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(100):
        chances = np.sort(rng.beta(0.15, 0.3, 500))[::-1].clip(0.001, 0.999)
        called = (rng.random(500) < chances) ^ (rng.random(500) > accuracy)
        history = [PastBatch(chances[a : a + 50], called[a : a + 50]) for a in (0, 50)]
        found = forecast(rows(chances[100:]), reviews=100, history=history)
        held.append(found.low <= called[100:200].sum() <= found.high)
    assert np.mean(held) > 0.85


def test_an_interval_may_be_as_sure_as_one_likes():
    found = forecast(rows([0.5] * 20), reviews=20, confidence=1 - 1e-12)
    assert (found.low, found.high) == (0, 20)


def test_the_newest_batch_tells_most():
    fine, off = [PastBatch([0.5] * 50, [won] * 50) for won in (True, False)]
    late_off = forecast(rows([0.5] * 200), history=[fine, off])
    late_fine = forecast(rows([0.5] * 200), history=[off, fine])
    assert late_off.expected < 40
    assert late_fine.expected > 60


def test_the_next_rows_are_those_worth_most():
    table = rows([0.9, 0.01, 0.01]).append_column("leverage", pa.array([0.001, 1.0, 1.0]))
    assert forecast(table, reviews=2).high <= 1
    assert forecast(rows([0.9, 0.01, 0.01]), reviews=2).expected > 0.5


def test_thousands_of_reviews_are_forecast_alike():
    past = [PastBatch([0.2] * 500, [True] * 100 + [False] * 400)]
    exact = forecast(rows([0.2] * 2000), reviews=2000, history=past)
    normal = forecast(rows([0.2] * 2001), reviews=2001, history=past)
    assert abs(exact.expected - normal.expected) < 1
    assert abs(exact.low - normal.low) <= 3
    assert abs(exact.high - normal.high) <= 3


@settings(max_examples=60, deadline=None)
@given(
    chances=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60),
    reviews=st.integers(1, 80),
    outcome=st.booleans(),
)
def test_the_interval_lies_in_what_can_be_and_order_has_no_influence(chances, reviews, outcome):
    history = [PastBatch(chances, [outcome] * len(chances))]
    table = rows(chances)
    found = forecast(table, reviews=reviews, history=history)
    assert 0 <= found.low <= found.high <= found.reviews == min(reviews, len(chances))
    assert 0.0 <= found.expected <= found.reviews + 1e-9
    assert forecast(table[::-1], reviews=reviews, history=history) == found


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="error_probability of 'e00001'"):
        forecast(rows([0.5, 1.5]))
    with pytest.raises(DataError, match="0 reviews"):
        forecast(rows([0.5]), reviews=0)
    with pytest.raises(DataError, match="confidence is 1"):
        forecast(rows([0.5]), confidence=1.0)
    with pytest.raises(DataError, match="2 probabilities and 1 outcomes"):
        forecast(rows([0.5]), history=[PastBatch([0.5, 0.5], [True])])


def test_before_any_verdict_no_more_is_expected_than_the_probabilities_add_up_to():
    chances = [0.9] * 5 + [0.02] * 400
    found = forecast(rows(chances), reviews=405)
    assert found.expected == pytest.approx(sum(chances))
    assert found.low <= found.expected <= found.high
