import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from burnish.calibration import reliability, reliability_of
from burnish.errors import DataError
from burnish.metrics import expected_calibration_error, wilson_interval

CLASSES = ["a", "b", "c"]


def drawn(n, seed=0, K=3):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.linspace(0.7, 1.3, K), n)
    labels = (rng.random(n)[:, None] > probs.cumsum(axis=1)).sum(axis=1)
    return [CLASSES[label] for label in labels], probs


@pytest.mark.parametrize(
    ("binning", "strategy"), [("equal_width", "uniform"), ("equal_mass", "quantile")]
)
def test_bins_of_a_class_are_those_of_scikit_learn(binning, strategy):
    labels, probs = drawn(600)
    found = reliability(labels, probs, classes=CLASSES, by="b", bins=10, binning=binning)
    observed, claimed = calibration_curve(
        np.array(labels) == "b", probs[:, 1], n_bins=10, strategy=strategy
    )
    assert [one.observed for one in found.bins] == pytest.approx(observed, abs=1e-9)
    assert [one.claimed for one in found.bins] == pytest.approx(claimed, abs=1e-9)


def test_the_error_of_its_bins_is_the_expected_calibration_error():
    labels, probs = drawn(333)
    found = reliability(labels, probs, classes=CLASSES, bins=12)
    assert found.error == pytest.approx(
        expected_calibration_error(labels, probs, classes=CLASSES, bins=12), abs=1e-12
    )
    assert found.rows == 333
    assert found.greatest_error >= found.error


def test_a_bin_carries_wilsons_interval_of_its_own_rows():
    found = reliability_of([0.2] * 10 + [0.9] * 5, [True] + [False] * 9 + [True] * 5, bins=2)
    low, high = found.bins
    expected = wilson_interval(1, 10)
    assert (low.observed, low.low, low.high) == (expected.value, expected.low, expected.high)
    assert (high.least, high.greatest, high.rows) == (0.9, 0.9, 5)
    assert high.gap == pytest.approx(0.1)


def test_a_calibrated_model_lies_within_its_intervals_and_an_overconfident_one_below():
    labels, probs = drawn(6000)
    calibrated = reliability(labels, probs, classes=CLASSES)
    inside = [one.low <= one.claimed <= one.high for one in calibrated.bins]
    assert sum(inside) >= 12
    sharp = probs**3 / (probs**3).sum(axis=1, keepdims=True)
    too_sure = reliability(labels, sharp, classes=CLASSES)
    assert sum(one.high < one.claimed for one in too_sure.bins) >= 10


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 20),
    st.sampled_from(["equal_mass", "equal_width"]),
)
def test_bins_keep_every_row_rise_and_do_not_depend_on_the_order(rows, bins, binning):
    claimed, happened = [row[0] for row in rows], [row[1] for row in rows]
    found = reliability_of(claimed, happened, bins=bins, binning=binning)
    assert found.rows == len(rows)
    assert len(found.bins) <= bins
    for before, after in zip(found.bins, found.bins[1:], strict=False):
        assert before.greatest < after.least
    for one in found.bins:
        assert one.least - 1e-12 <= one.claimed <= one.greatest + 1e-12
        assert one.low <= one.observed <= one.high
    back = reliability_of(claimed[::-1], happened[::-1], bins=bins, binning=binning)
    assert [one.rows for one in back.bins] == [one.rows for one in found.bins]
    assert back.error == pytest.approx(found.error)


def test_the_table_has_a_row_a_bin():
    labels, probs = drawn(100)
    found = reliability(labels, probs, classes=CLASSES, by="c", bins=5)
    rows = found.to_table().to_pylist()
    assert [row["rows"] for row in rows] == [20] * 5
    assert {row["event"] for row in rows} == {"c"}
    assert rows[0]["gap"] == pytest.approx(found.bins[0].observed - found.bins[0].claimed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": "d"}, "by is 'd'"),
        ({"bins": 0}, "bins is 0"),
        ({"binning": "other"}, "binning is 'other'"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"classes": ["confidence", "b", "c"]}, "name of a class"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    asked = {"classes": CLASSES} | change
    with pytest.raises(DataError, match=message):
        reliability(["b"], np.array([[0.2, 0.5, 0.3]]), **asked)


@pytest.mark.parametrize(
    ("claimed", "happened", "message"),
    [
        ([0.5, np.nan], [True, False], "nan in row 1"),
        ([0.5, 1.5], [True, False], "1.5 in row 1"),
        ([0.5], [True, False], "shape"),
        ([0.5], [2], "neither true nor false"),
        ([], [], "shape"),
    ],
)
def test_events_that_are_none_are_refused(claimed, happened, message):
    with pytest.raises(DataError, match=message):
        reliability_of(claimed, happened)
