"""Planted drift: what is said to have moved has, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from burnish.datasets import plant_drift
from burnish.datasets.planted_drift import KINDS
from burnish.errors import DataError


def distance(before, after):
    """Largest gap of shares: of values for words, of ranks for numbers; missing is a value."""
    if before.dtype.kind in "OUS":
        values = np.union1d(before, after)
        return max(abs((before == one).mean() - (after == one).mean()) for one in values)
    gone = abs(np.isnan(before).mean() - np.isnan(after).mean())
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    grid = np.quantile(np.concatenate([before, after]), np.linspace(0, 1, 200))
    cdf = [
        np.searchsorted(np.sort(side), grid, side="right") / side.size for side in (before, after)
    ]
    return max(gone, np.abs(cdf[0] - cdf[1]).max())


def column(rows, name):
    found = rows[name].to_pylist()
    if isinstance(found[0], str):
        return np.array(found)
    return np.array([np.nan if one is None else one for one in found])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_columns_told_have_moved_and_no_others(kind):
    planted = plant_drift(kind, reference=8000, window=8000, seed=3)
    at = 1 if kind == "seasonal" else 3
    window = planted.windows[at].rows
    moved = {
        name: distance(column(planted.reference.rows, name), column(window, name))
        for name in window.column_names
    }
    for name, far in moved.items():
        assert (far > 0.05) == (name in planted.columns), (name, far)
    told = (planted.windows[at].labels == "yes").mean()
    assert (abs(told - (planted.reference.labels == "yes").mean()) > 0.1) == (
        "(label)" in planted.columns
    )


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"seasonal"}))
def test_the_first_window_is_clean_and_later_ones_have_moved_rows(kind):
    planted = plant_drift(kind, seed=1)
    assert planted.clean == 1
    assert not planted.windows[0].moved.any()
    assert all(window.moved.mean() > 0.15 for window in planted.windows[1:])


def test_labels_come_about_by_the_chances_told():
    for kind in KINDS:
        window = plant_drift(kind, window=6000, seed=2).windows[-1]
        yes = window.labels == "yes"
        assert yes.mean() == pytest.approx(window.chance.mean(), abs=0.025)
        likely = window.chance > 0.8
        assert yes[likely].mean() == pytest.approx(window.chance[likely].mean(), abs=0.04)


def test_a_season_is_like_the_same_one_a_year_before():
    planted = plant_drift("seasonal", reference=4000, window=4000, seed=2)
    now, before = planted.windows[1].rows, planted.a_year_before[1].rows
    assert distance(column(before, "x2"), column(now, "x2")) < 0.05
    assert distance(column(planted.reference.rows, "x2"), column(now, "x2")) > 0.15


def test_a_seed_makes_the_same_rows_and_what_is_impossible_is_refused():
    one, two = (plant_drift("mean", seed=7).windows[1].rows for _ in range(2))
    assert one.equals(two)
    for change in ({"kind": "gone"}, {"kind": "mean", "windows": 1}, {"kind": "mean", "window": 5}):
        with pytest.raises(DataError):
            plant_drift(**change)
