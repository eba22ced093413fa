import numpy as np
import pytest
from sklearn import metrics as sk

from burnish.errors import DataError
from burnish.metrics import brier, expected_calibration_error, log_loss

CLASSES = ["a", "b", "c"]


def drawn(n=400, seed=0):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet([0.7, 1.0, 1.3], n)
    labels = [CLASSES[rng.choice(3, p=row)] for row in probs]
    return labels, probs


def test_log_loss_agrees_with_scikit_learn():
    labels, probs = drawn()
    expected = sk.log_loss(labels, probs, labels=CLASSES)
    assert log_loss(labels, probs, classes=CLASSES) == pytest.approx(expected)


def test_log_loss_of_one_sure_mistake_is_finite():
    assert np.isfinite(log_loss(["a"], np.array([[0.0, 1.0]]), classes=["a", "b"]))


def test_brier_agrees_with_scikit_learn():
    labels, probs = drawn()
    expected = sk.brier_score_loss(labels, probs, labels=CLASSES, scale_by_half=False)
    assert brier(labels, probs, classes=CLASSES) == pytest.approx(expected)


def test_calibrated_probabilities_have_little_calibration_error_and_sharpened_ones_much():
    labels, probs = drawn(8000)
    sharpened = probs**4 / (probs**4).sum(axis=1, keepdims=True)
    assert expected_calibration_error(labels, probs, classes=CLASSES) < 0.03
    assert expected_calibration_error(labels, sharpened, classes=CLASSES) > 0.1


def test_calibration_error_does_not_depend_on_the_order_of_rows_even_with_ties():
    labels, probs = drawn(200)
    probs = np.round(probs, 1)
    probs[:, 2] = 1 - probs[:, 0] - probs[:, 1]
    probs = np.clip(probs, 0, 1)
    order = np.random.default_rng(1).permutation(200)
    first = expected_calibration_error(labels, probs, classes=CLASSES)
    second = expected_calibration_error([labels[i] for i in order], probs[order], classes=CLASSES)
    assert first == pytest.approx(second)


@pytest.mark.parametrize("metric", [log_loss, brier, expected_calibration_error])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([np.nan, 0.5, 0.5], "NaN or infinite in row 1"),
        ([0.5, 0.6, 0.5], "sums to 1.6 in row 1"),
        ([-0.5, 1.0, 0.5], "row 1"),
        ([np.inf, 0.0, 0.0], "NaN or infinite in row 1"),
    ],
)
def test_what_is_no_probability_is_refused_with_its_row(metric, row, message):
    probs = np.array([[0.2, 0.3, 0.5], row])
    with pytest.raises(DataError, match=message):
        metric(["a", "b"], probs, classes=CLASSES)


def test_a_matrix_of_the_wrong_width_is_refused():
    with pytest.raises(DataError, match="shape"):
        log_loss(["a"], np.array([[0.5, 0.5]]), classes=CLASSES)


def test_less_than_one_bin_is_refused():
    with pytest.raises(DataError, match="bins is 0"):
        expected_calibration_error(["a"], np.array([[1.0, 0.0]]), classes=["a", "b"], bins=0)
