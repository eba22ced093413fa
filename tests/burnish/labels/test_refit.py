"""Refitted probabilities: a planted shift is found, and nothing is changed without a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import refit_error_probability


def logistic(z):
    return 1 / (1 + np.exp(-np.asarray(z, dtype=float)))


def planted(
    rng: np.random.Generator, n: int, *, level: float, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Static probabilities, the true ones of the same rows, and which rows are wrong."""
    score = rng.normal(-2, 2, n)
    true = logistic(level + slope * score)
    return logistic(score), true, rng.random(n) < true


def picked(static: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """A tenth at random, the rest those of highest score: what a loop asks about."""
    control = rng.choice(static.size, n // 10, replace=False)
    order = np.argsort(-static)
    return np.concatenate([control, order[~np.isin(order, control)][: n - control.size]])


@pytest.mark.parametrize(("level", "slope"), [(1.5, 1.0), (-1.5, 1.0), (1.0, 0.7), (1.0, 1.5)])
def test_a_planted_shift_is_undone_though_suspicious_rows_were_picked(level, slope):
    rng = np.random.default_rng(4)
    before, after = [], []
    for _ in range(20):
        static, true, wrong = planted(rng, 4000, level=level, slope=slope)
        rows = picked(static, rng, 300)
        refit = refit_error_probability(static[rows], wrong[rows])
        before.append(np.abs(static - true).mean())
        after.append(np.abs(refit.error_probability(static) - true).mean())
    assert np.mean(after) < 0.6 * np.mean(before)


def test_probabilities_that_hold_are_left_alone():
    rng = np.random.default_rng(5)
    moved = []
    for _ in range(20):
        static, _, wrong = planted(rng, 4000, level=0.0, slope=1.0)
        rows = picked(static, rng, 300)
        refit = refit_error_probability(static[rows], wrong[rows])
        moved.append(np.abs(refit.error_probability(static) - static).mean())
    assert np.mean(moved) < 0.01


def test_what_reviewers_break_is_not_taken_for_noise():
    rng = np.random.default_rng(6)
    static, true, wrong = planted(rng, 4000, level=1.0, slope=1.0)
    rows = rng.choice(4000, 600, replace=False)
    called = rng.random(4000) < np.where(wrong, 0.9, 0.1)
    refit = refit_error_probability(static[rows], called[rows], reviewers=(90, 100, 90, 100))
    found = refit.error_probability(static)
    assert refit.broken == pytest.approx(0.1, abs=0.04)
    # Reviewers call 10 % of the rows wrong that are surely right.
    assert found[true < 0.01].mean() < 0.03
    assert found.mean() == pytest.approx(true.mean(), abs=0.03)


def test_a_signal_that_tells_is_kept_and_a_random_one_is_not():
    rng = np.random.default_rng(7)
    score, hint = rng.normal(-1, 1, 1500), rng.normal(0, 1, 1500)
    wrong = rng.random(1500) < logistic(score + 2 * hint)
    telling = refit_error_probability(logistic(score), wrong, signals={"hint": hint})
    assert telling.kind == "combined"
    assert telling.signals["hint"].weight > 0
    noise = {"dice": rng.normal(0, 1, 1500)}
    assert refit_error_probability(logistic(score), wrong, signals=noise).kind != "combined"
    table = telling.to_table().to_pylist()
    assert [row["kind"] for row in table if row["kept"]] == ["combined"]
    assert table[0]["kind"] == "static"
    assert table[0]["better_by"] == 0


def test_a_signal_beyond_what_was_seen_counts_as_at_the_edge():
    rng = np.random.default_rng(8)
    score, hint = rng.normal(0, 1, 1500), rng.uniform(0, 1, 1500)
    wrong = rng.random(1500) < logistic(score + 6 * hint - 3)
    refit = refit_error_probability(logistic(score), wrong, signals={"hint": hint})
    found = refit.error_probability([0.5, 0.5], {"hint": [hint.max(), 1e9]})
    assert found[0] == found[1]


def test_few_verdicts_change_nothing_and_it_says_so():
    refit = refit_error_probability([0.1] * 19, [True] * 19)
    assert not refit.kept
    assert refit.error_probability([0.1, 0.7]).tolist() == [0.1, 0.7]
    assert refit.why == "19 verdicts; 20 are needed to refit anything"
    assert refit_error_probability([], np.zeros(0, dtype=bool)).n == 0


def test_why_tells_what_was_gained():
    rng = np.random.default_rng(9)
    static, _, wrong = planted(rng, 400, level=2.0, slope=1.0)
    refit = refit_error_probability(static, wrong)
    gain = next(one for one in refit.candidates if one.kind == "recalibrated")
    assert gain.better_by > gain.standard_error
    assert f"recalibrated {gain.better_by:+.4f}" in refit.why


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 60), extreme=st.booleans())
def test_any_verdicts_give_probabilities_in_the_order_of_the_score(seed, n, extreme):
    rng = np.random.default_rng(seed)
    static = rng.integers(0, 2, n).astype(float) if extreme else rng.random(n)
    wrong = rng.random(n) < rng.random()
    found = refit_error_probability(static, wrong).error_probability(np.linspace(0, 1, 50))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 60))
def test_the_order_of_verdicts_has_no_influence(seed, n):
    rng = np.random.default_rng(seed)
    static, hint, wrong = rng.random(n), rng.random(n), rng.random(n) < 0.5
    order = rng.permutation(n)
    one = refit_error_probability(static, wrong, signals={"hint": hint})
    other = refit_error_probability(static[order], wrong[order], signals={"hint": hint[order]})
    assert one.kind == other.kind
    grid = np.linspace(0, 1, 9)
    left, right = (refit.error_probability(grid, {"hint": grid}) for refit in (one, other))
    np.testing.assert_allclose(left, right, atol=1e-3)


def test_weights_move_the_fit_to_the_rows_that_carry_them():
    rng = np.random.default_rng(10)
    static = np.full(400, 0.5)
    wrong = np.r_[rng.random(200) < 0.9, rng.random(200) < 0.2]
    weights = np.r_[np.full(200, 0.01), np.full(200, 10.0)]
    plain = refit_error_probability(static, wrong).error_probability([0.5])[0]
    weighted = refit_error_probability(static, wrong, weights=weights).error_probability([0.5])[0]
    assert weighted < 0.3 < plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error_probability": [0.1, 1.2], "wrong": [True, False]}, "1.2 in row 1"),
        ({"error_probability": [0.1, np.nan], "wrong": [True, False]}, "nan in row 1"),
        ({"error_probability": [0.1], "wrong": [1]}, "type int64"),
        ({"error_probability": [0.1], "wrong": [True, True]}, r"shape \(2,\)"),
        ({"error_probability": [0.1], "wrong": [True], "weights": [0.0]}, "weights"),
        ({"error_probability": [0.1], "wrong": [True], "signals": {"x": [np.inf]}}, "signal 'x'"),
        ({"error_probability": [0.1], "wrong": [True], "reviewers": (2, 1, 0, 0)}, "cannot be"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        refit_error_probability(**arguments)


def test_a_combination_asks_for_its_signals():
    rng = np.random.default_rng(7)
    score, hint = rng.normal(-1, 1, 1500), rng.normal(0, 1, 1500)
    wrong = rng.random(1500) < logistic(score + 2 * hint)
    refit = refit_error_probability(logistic(score), wrong, signals={"hint": hint})
    with pytest.raises(DataError, match="no signal 'hint'"):
        refit.error_probability([0.5])
