"""Rows to label: from where errors were added, no copies, and some drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.drift import PERFORMANCE_SCHEMA, PerformanceEstimate, choose_rows
from burnish.errors import DataError


def estimate(error, ratio=None, lines=()):
    import pyarrow as pa

    error = np.asarray(error, dtype=float)
    ratio = np.ones(error.size) if ratio is None else np.asarray(ratio, dtype=float)
    table = pa.Table.from_pylist(list(lines), PERFORMANCE_SCHEMA)
    return PerformanceEstimate(table, error, np.ones(5), 5.0, True, "", ratio)


def accuracy(part, loss, low, **more):
    return {
        "slice": part,
        "metric": "accuracy",
        "reference": 0.9,
        "loss": loss,
        "loss_low": low,
    } | more


def picked(chosen):
    return set(chosen.rows[~chosen.control].tolist())


def test_rows_likely_wrong_and_newly_frequent_come_first():
    error, ratio = np.full(100, 0.1), np.ones(100)
    error[:10], ratio[5:20] = 0.5, 4.0
    chosen = choose_rows(estimate(error, ratio), 5, control_share=0.0)
    assert picked(chosen) == {5, 6, 7, 8, 9}
    assert "4.0 times as frequent" in chosen.reasons[0]
    assert "probability 0.50" in chosen.reasons[0]


def test_a_slice_that_lost_is_asked_about_before_others():
    lines = [accuracy("overall", 0.05, 0.03), accuracy("site=east", 0.3, 0.25)]
    mask = np.arange(100) >= 80
    chosen = choose_rows(
        estimate(np.full(100, 0.2), lines=lines), 10, slices={"site=east": mask}, control_share=0.0
    )
    assert picked(chosen) <= set(range(80, 100))
    assert "'site=east' seems to have lost 30 points" in chosen.reasons[0]


def test_labels_that_show_a_loss_count_where_the_estimate_saw_none():
    hurt = accuracy("b", 0.0, -0.05, labels=40, measured=0.5, measured_high=0.62)
    lines = [accuracy("overall", 0.0, -0.02), accuracy("a", 0.0, -0.05), hurt]
    masks = {"a": np.arange(100) < 50, "b": np.arange(100) >= 50}
    chosen = choose_rows(
        estimate(np.full(100, 0.2), lines=lines), 10, slices=masks, control_share=0.0
    )
    assert picked(chosen) <= set(range(50, 100))


def test_copies_of_a_picked_row_are_passed_over():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 2))
    features[:20] = features[0]
    error = np.full(100, 0.2)
    error[:20] = 0.9
    chosen = choose_rows(estimate(error), 10, features=features, control_share=0.0)
    assert len(picked(chosen) & set(range(20))) == 1


def test_missing_features_do_not_stop_the_choice():
    features = np.full((50, 2), np.nan)
    assert choose_rows(estimate(np.full(50, 0.2)), 10, features=features).rows.size == 10


def test_control_rows_stand_for_the_window_without_bias():
    rng = np.random.default_rng(1)
    error = rng.uniform(0, 0.6, 500)
    wrong = rng.random(500) < error
    found = []
    for seed in range(300):
        chosen = choose_rows(estimate(error), 50, random_state=seed)
        found.append(np.average(wrong[chosen.rows], weights=chosen.weights))
        assert chosen.weights.sum() == pytest.approx(500)
    spread = np.std(found) / np.sqrt(300)
    assert abs(np.mean(found) - wrong.mean()) < 4 * spread


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 80), st.floats(0, 1), st.integers(0, 99), st.booleans())
def test_any_choice_is_of_free_rows_each_once_and_as_many_as_there_are(w, n, share, seed, spread):
    rng = np.random.default_rng(seed)
    taken = rng.random(w) < 0.3
    features = rng.integers(0, 3, size=(w, 2)) if spread else None
    choose = {"features": features, "taken": taken, "control_share": share, "random_state": seed}
    chosen = choose_rows(estimate(rng.random(w), rng.uniform(0, 5, w)), n, **choose)
    assert chosen.rows.size == min(n, int((~taken).sum())) == len(set(chosen.rows.tolist()))
    assert not taken[chosen.rows].any()
    assert chosen.to_table().num_rows == len(chosen.reasons)
    again = choose_rows(estimate(rng.random(w), rng.uniform(0, 5, w)), 0, **choose)
    assert again.rows.size == 0


def test_the_same_seed_draws_the_same_rows():
    one = estimate(np.linspace(0, 1, 100))
    assert choose_rows(one, 20, random_state=4).rows.tolist() == (
        choose_rows(one, 20, random_state=4).rows.tolist()
    )
    assert choose_rows(one, 20, random_state=4).rows.tolist() != (
        choose_rows(one, 20, random_state=5).rows.tolist()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"control_share": 1.5},
        {"taken": np.zeros(3, dtype=bool)},
        {"features": np.zeros((3, 1))},
        {"slices": {"a": np.zeros(3, dtype=bool)}},
    ],
)
def test_what_does_not_fit_the_window_is_refused(change):
    with pytest.raises(DataError):
        choose_rows(estimate(np.full(10, 0.1)), 5, **change)
    with pytest.raises(DataError):
        choose_rows(estimate(np.full(10, 0.1)), -1)
