"""The usual size of a column: what another unit is told by, and no ordinary day is stopped for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from burnish.workflows.production_gate import FEWEST, scale_of

DAYS = 2_000
RNG = np.random.default_rng(5)
KINDS = RNG.integers(0, 3, 20_000)
COLUMNS = {
    # A fifth of it is negative: its quartiles have one sign, as those of many columns do.
    "a mixture": np.array([0.3, 0.5, 4.0])[KINDS] + RNG.normal(0, 1, KINDS.size),
    "positive": RNG.normal(50, 10, 20_000),
    "incomes": RNG.lognormal(10, 0.8, 20_000),
    "wide": RNG.lognormal(0, 3, 20_000),
    "both signs": RNG.normal(0, 1, 20_000),
    "negative": -RNG.gamma(4, 2, 20_000),
    "far apart": np.array([-1000.0, 1.0, 1.0, 1.0, 1000.0])[RNG.integers(0, 5, 20_000)],
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [FEWEST, 40])
def test_no_ordinary_day_is_taken_for_one_in_another_unit(name, rows):
    usual = COLUMNS[name]
    scale = scale_of(pa.chunked_array([usual[:400]]))
    if scale is None:
        return
    days = np.random.default_rng(rows).choice(usual, (DAYS, rows))
    inside = ((days >= scale[0]) & (days <= scale[1])).mean(axis=1)
    assert int((inside < 0.5).sum()) == 0


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("positive", (0.1, 10.0, 1000.0)),
        ("incomes", (0.05, 20.0)),
        ("negative", (0.05, 20.0)),
        ("both signs", (100.0,)),
        ("a mixture", (100.0,)),
    ],
)
def test_a_day_in_another_unit_is_told(name, factors):
    usual = COLUMNS[name]
    scale = scale_of(pa.chunked_array([usual]))
    assert scale is not None
    for factor in factors:
        inside = (usual * factor >= scale[0]) & (usual * factor <= scale[1])
        assert inside.mean() < 0.5, factor


def test_a_month_of_frost_is_in_no_other_unit():
    noise = np.random.default_rng(3).normal(0, 10, 1460)
    degrees = 50 - 38 * np.cos(2 * np.pi * np.arange(1460) / 365) + noise
    assert 0.01 < float((degrees < 0).mean()) < 0.05
    scale = scale_of(pa.chunked_array([degrees]))
    assert scale is not None
    frost, spring = degrees[:31] - 12.0, degrees[100:131]
    assert float(np.median(frost)) < np.median(degrees) / 7
    shares = [((one >= scale[0]) & (one <= scale[1])).mean() for one in (frost, spring * 10)]
    assert shares[0] == 1.0
    assert shares[1] < 0.5


def test_a_column_that_is_far_apart_has_no_usual_size():
    assert scale_of(pa.chunked_array([COLUMNS["far apart"]])) is None
