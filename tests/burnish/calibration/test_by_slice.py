import numpy as np
import pytest

from burnish.calibration import brier_decomposition, calibration_by_slice, calibration_error
from burnish.errors import DataError

CLASSES = ["yes", "no"]


def planted(n=1500, seed=0):
    """A model that claims too much where `hurt`, and is calibrated elsewhere."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.5, 1.0, n)
    hurt = rng.random(n) < 0.25
    right = rng.random(n) < np.where(hurt, sure - 0.2, sure)
    labels = np.where(right, "yes", "no")
    return labels, np.column_stack([sure, 1 - sure]), hurt


def test_the_slice_that_was_hurt_is_found_and_small_calibrated_ones_are_not():
    found = alarms = 0
    for seed in range(15):
        labels, probs, hurt = planted(seed=seed)
        small = {f"small {i}": ~hurt & (np.arange(hurt.size) % 20 == i) for i in range(4)}
        table = (
            calibration_by_slice(labels, probs, {"hurt": hurt, **small}, classes=CLASSES, draws=200)
            .to_table()
            .to_pylist()
        )
        found += table[0]["low"] > 0 and table[0]["gap_high"] < 0
        alarms += sum(row["low"] > 0 for row in table[1:])
        assert all(row["ece"] > 0.04 for row in table[1:]), "the plain error would alarm"
    assert found == 15
    assert alarms <= 6, "60 looks at 2.5 %, and a margin"


def test_a_slice_has_the_figures_of_its_rows_alone():
    labels, probs, hurt = planted(400)
    (one,) = calibration_by_slice(
        labels, probs, {"hurt": hurt}, classes=CLASSES, bins=6, draws=50
    ).slices
    assert one.error == calibration_error(
        labels[hurt], probs[hurt], classes=CLASSES, bins=6, draws=50
    )
    assert one.brier == brier_decomposition(labels[hurt], probs[hurt], classes=CLASSES, bins=6)
    assert one.reliability is not None
    assert one.reliability.error == pytest.approx(one.error.value)
    assert one.rows == hurt.sum()


def test_an_empty_slice_is_unknown_not_zero():
    labels, probs, _ = planted(50)
    nobody = np.zeros(50, dtype=bool)
    found = calibration_by_slice(labels, probs, {"nobody": nobody}, classes=CLASSES)
    (row,) = found.to_table().to_pylist()
    assert (row.pop("slice"), row.pop("rows")) == ("nobody", 0)
    assert set(row.values()) == {None}


def test_a_slice_of_one_row_is_measured_and_uncertain():
    labels, probs, _ = planted(50)
    lone = np.arange(50) == 7
    (row,) = (
        calibration_by_slice(labels, probs, {"lone": lone}, classes=CLASSES).to_table().to_pylist()
    )
    assert row["low"] == 0
    assert row["gap_high"] - row["gap_low"] > 0.7


@pytest.mark.parametrize("mask", [np.ones(3, dtype=bool), np.ones(50, dtype=int)])
def test_what_is_no_mask_is_refused_by_the_name_of_its_slice(mask):
    labels, probs, _ = planted(50)
    with pytest.raises(DataError, match="slice 'x' has a mask"):
        calibration_by_slice(labels, probs, {"x": mask}, classes=CLASSES)
