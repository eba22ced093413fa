"""Calibration errors hold planted truth: none, a temperature, and one bin alone."""

import numpy as np
import pytest

from burnish.calibration import calibration_error
from burnish.errors import DataError
from burnish.metrics import equal_mass_bins, expected_calibration_error


def planted(n, K, power, seed):
    """Labels drawn from true probabilities, what a model of that temperature claims, and truth."""
    rng = np.random.default_rng(seed)
    scores = np.exp(2 * rng.normal(size=(n, K)))
    true = scores / scores.sum(axis=1, keepdims=True)
    claimed = true**power / (true**power).sum(axis=1, keepdims=True)
    labels = (rng.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1).clip(0, K - 1)
    return labels, claimed, true


def measured(labels, claimed, **options):
    return calibration_error(labels, claimed, classes=range(claimed.shape[1]), draws=200, **options)


def test_equal_mass_is_the_error_of_metrics():
    labels, claimed, _ = planted(500, 3, 1.3, 0)
    found = measured(labels, claimed)
    assert found.value == pytest.approx(
        expected_calibration_error(labels, claimed, classes=range(3)), abs=1e-12
    )


def test_equal_width_is_the_error_of_guo_et_al():
    labels, claimed, _ = planted(500, 3, 1.3, 0)
    confidence, right = claimed.max(axis=1), claimed.argmax(axis=1) == labels
    expected = 0.0
    for m in range(1, 11):
        inside = (confidence > (m - 1) / 10) & (confidence <= m / 10)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert measured(labels, claimed, kind="equal_width", bins=10).value == pytest.approx(
        expected, abs=1e-9
    )


def test_classwise_is_the_mean_over_classes_of_gaps_in_bins_of_equal_mass():
    labels, claimed, _ = planted(400, 4, 1.3, 1)
    bins = [(k, rows) for k in range(4) for rows in np.array_split(np.argsort(claimed[:, k]), 8)]
    gaps = [abs((labels[rows] == k).sum() - claimed[rows, k].sum()) / 400 for k, rows in bins]
    assert measured(labels, claimed, kind="classwise", bins=8).value == pytest.approx(
        sum(gaps) / 4, abs=1e-9
    )


@pytest.mark.parametrize("kind", ["equal_mass", "equal_width", "classwise"])
@pytest.mark.parametrize("n", [60, 600])
def test_a_calibrated_model_shows_what_chance_gives_and_its_interval_holds_zero(kind, n):
    found = [measured(*planted(n, 3, 1.0, seed)[:2], kind=kind) for seed in range(40)]
    assert np.mean([one.value for one in found]) == pytest.approx(
        np.mean([one.by_chance for one in found]), rel=0.12
    )
    assert sum(one.low == 0 for one in found) >= 36
    assert sum(one.p_value < 0.05 for one in found) <= 6
    assert np.mean([one.debiased for one in found]) < 0.3 * np.mean([one.value for one in found])


@pytest.mark.parametrize(("power", "n"), [(1.2, 300), (1.6, 300), (1.6, 2000)])
def test_the_interval_holds_the_error_of_a_distorted_model(power, n):
    held, debiased, plain = 0, [], []
    for seed in range(40):
        labels, claimed, true = planted(n, 3, power, seed)
        found = measured(labels, claimed)
        top = true[np.arange(n), claimed.argmax(axis=1)] - claimed.max(axis=1)
        sums = np.bincount(equal_mass_bins(claimed.max(axis=1), 15), weights=top)
        error = np.abs(sums).sum() / n
        held += found.low <= error <= found.high
        debiased.append(abs(found.debiased - error))
        plain.append(abs(found.value - error))
    assert held >= 35
    assert np.mean(debiased) < np.mean(plain) + 0.005


def test_a_wide_gap_in_one_bin_alone_is_found_and_not_overstated():
    held = found_out = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sure = rng.uniform(0.5, 1.0, 1500)
        true = np.where(sure > 0.95, sure - 0.3, sure)
        labels = (rng.random(1500) > true).astype(int)
        found = measured(labels, np.column_stack([sure, 1 - sure]), bins=10)
        sums = np.bincount(equal_mass_bins(sure, 10), weights=true - sure)
        held += found.low <= np.abs(sums).sum() / 1500 <= found.high
        found_out += found.p_value < 0.05
    assert held >= 26
    assert found_out >= 27


def test_sure_and_always_right_has_no_error_but_is_not_known_exactly():
    found = measured(np.zeros(50, dtype=int), np.tile([1.0, 0.0], (50, 1)))
    assert (found.value, found.debiased, found.low) == (0.0, 0.0, 0.0)
    assert 0.02 < found.high < 0.15


def test_a_large_table_is_judged_by_part_of_its_rows_as_well_as_by_all(monkeypatch):
    labels, claimed, _ = planted(12_000, 3, 1.1, 3)
    whole = measured(labels, claimed)
    monkeypatch.setattr("burnish.calibration.chance._WORK", 1)
    part = measured(labels, claimed)
    assert part.value == whole.value
    assert part.by_chance == pytest.approx(whole.by_chance, rel=0.08)
    assert part.low == pytest.approx(whole.low, abs=0.004)
    assert part.high == pytest.approx(whole.high, abs=0.004)


def test_limits_enclose_the_estimate_and_the_table_says_all():
    labels, claimed, _ = planted(200, 3, 1.4, 2)
    found = measured(labels, claimed)
    assert 0 <= found.low <= found.debiased <= found.high <= 1
    (row,) = found.to_table().to_pylist()
    assert row["value"] == found.value
    assert row["rows"] == 200
    assert row["kind"] == "equal_mass"
    assert measured(labels, claimed) == found, "the same seed gives the same draws"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "x"}, "kind is 'x'"),
        ({"draws": 0}, "draws is 0"),
        ({"confidence": 0}, "confidence"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        calibration_error([0], np.array([[0.5, 0.5]]), classes=[0, 1], **change)
