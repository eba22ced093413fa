from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from burnish.augmentation import error_rates, near_partners, pick_origins
from burnish.errors import DataError


def test_rows_of_the_weak_slice_are_drawn_several_times_as_often():
    weak = np.arange(400) < 200
    drawn = pick_origins([weak, ~weak], [0.4, 0.1], n=200, rng=np.random.default_rng(0))
    share = (drawn < 200).mean()
    assert 0.68 < share < 0.88


def test_a_slice_of_a_few_rows_is_not_varied_without_end():
    tiny = np.arange(300) < 3
    everything = np.ones(300, dtype=bool)
    drawn = pick_origins([everything, tiny], [0.05, 1.0], n=90, rng=np.random.default_rng(0))
    assert max(Counter(drawn.tolist()).values()) <= 3


def test_without_a_single_error_every_row_can_still_be_drawn():
    drawn = pick_origins([np.ones(10, dtype=bool)], [0.0], n=30, rng=np.random.default_rng(0))
    assert set(drawn.tolist()) == set(range(10))


def test_a_row_outside_every_slice_is_named():
    mask = np.array([True, True, False])
    with pytest.raises(DataError, match="row 2 is in no slice"):
        pick_origins([mask], [1.0], n=1, rng=np.random.default_rng(0))


def report(**accuracy):
    rows = [
        {"split": split, "slice_id": name, "metric": "accuracy", "value": value, "support": n}
        for name, (value, n) in accuracy.items()
        for split in ("validation", "test")
    ]
    return pa.Table.from_pylist(rows)


def test_error_rates_come_from_validation_and_small_slices_are_drawn_to_the_overall_rate():
    table = report(overall=(0.9, 1000), big=(0.6, 990), small=(0.0, 2), none=(None, 0))
    found = error_rates(["overall", "big", "small", "none", "unknown"], table)
    assert found[0] == pytest.approx(0.1)
    assert found[1] == pytest.approx((990 * 0.4 + 1) / 1000)
    assert found[2] == pytest.approx(3 / 12)
    assert found[3] == found[4] == pytest.approx(0.1)


def test_a_partner_is_near_eligible_and_of_the_same_group():
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal(0, 1, (50, 2)), rng.normal(9, 1, (50, 2))])
    groups = (["left", "right"] * 25) * 2
    eligible = rng.random(100) < 0.7
    rows = np.arange(100)
    partners = near_partners(rows, points, groups, eligible=eligible, rng=rng)
    assert (partners != rows).all()
    for row, partner in zip(rows, partners, strict=True):
        assert groups[row] == groups[partner]
        assert eligible[partner]
        assert (row < 50) == (partner < 50)


def test_a_row_alone_in_its_group_is_its_own_partner():
    found = near_partners(
        np.array([0, 1]),
        np.zeros((2, 1)),
        ["a", "b"],
        eligible=np.array([True, False]),
        rng=np.random.default_rng(0),
    )
    assert found.tolist() == [0, 1]
