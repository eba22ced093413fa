"""Planted distortions are undone, and what is calibrated already is left alone."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from burnish.calibration import fit_recalibration
from burnish.calibration.isotonic import fit_curve
from burnish.calibration.maps import FITS
from burnish.errors import DataError
from burnish.metrics import log_loss


def drawn(n, K=3, seed=0):
    rng = np.random.default_rng(seed)
    scores = np.exp(1.5 * rng.normal(size=(n, K)))
    true = scores / scores.sum(axis=1, keepdims=True)
    labels = (rng.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1).clip(0, K - 1)
    return labels, true


def tempered(probs, power):
    return probs**power / (probs**power).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0.5, 2.0, 4.0])
def test_a_temperature_is_recovered_and_new_rows_are_mended(power):
    labels, true = drawn(3000)
    found = fit_recalibration(labels, tempered(true, power), classes=range(3))
    assert found.method == "temperature"
    assert found.fitted.value == pytest.approx(power, rel=0.08)
    new = drawn(500, seed=9)[1]
    assert np.abs(found.apply(tempered(new, power)) - new).max() < 0.03
    assert "better" in found.reason


def test_what_is_calibrated_already_is_left_as_it_is():
    kept = 0
    for seed in range(20):
        labels, true = drawn(300, seed=seed)
        found = fit_recalibration(labels, true, classes=range(3), random_state=seed)
        if found.method == "identity":
            kept += 1
            assert (found.apply(true) == true).all()
            assert "nothing" in found.reason
    assert kept >= 16


def test_a_method_that_is_asked_for_is_not_used_where_it_does_harm():
    labels, true = drawn(60)
    found = fit_recalibration(labels, true, classes=range(3), method="isotonic")
    assert found.method == "identity"
    assert [one.method for one in found.held_out] == ["identity", "isotonic"]
    assert found.held_out[1].gain < 0


def test_shares_of_classes_that_have_shifted_need_more_than_a_temperature():
    labels, true = drawn(4000)
    shifted = true * [4.0, 1.0, 0.5]
    found = fit_recalibration(
        labels, shifted / shifted.sum(axis=1, keepdims=True), classes=range(3)
    )
    assert found.method == "platt"
    assert np.exp(found.fitted.biases[1] - found.fitted.biases[0]) == pytest.approx(4, rel=0.25)


def test_a_step_needs_isotonic_regression():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.02, 0.98, 4000)
    labels = (rng.random(4000) < np.where(sure < 0.6, 0.1, 0.7)).astype(int)
    found = fit_recalibration(labels, np.column_stack([1 - sure, sure]), classes=[0, 1])
    assert found.method == "isotonic"
    mended = found.apply(np.array([[0.7, 0.3], [0.2, 0.8]]))[:, 1]
    assert mended == pytest.approx([0.1, 0.7], abs=0.05)


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_a_rows_own_label_has_no_part_in_its_cross_fitted_probability(method):
    labels, true = drawn(600)
    claimed, fold = tempered(true, 2.5), np.arange(600) % 4
    first = fit_recalibration(labels, claimed, classes=range(3), method=method, folds=fold)
    other = np.where(fold == 2, (labels + 1) % 3, labels)
    second = fit_recalibration(other, claimed, classes=range(3), method=method, folds=fold)
    assert first.method == second.method == method
    assert first.cross_fitted[fold == 2] == pytest.approx(second.cross_fitted[fold == 2], abs=1e-12)
    assert np.abs(first.cross_fitted[fold == 1] - second.cross_fitted[fold == 1]).max() > 1e-6


def test_rows_of_a_group_share_a_fold_and_are_counted_as_one():
    labels, true = drawn(200)
    claimed = tempered(true, 2.0)
    thrice = np.repeat(np.arange(200), 3)
    tripled = fit_recalibration(
        labels[thrice], claimed[thrice], classes=range(3), groups=thrice.tolist()
    )
    for group in range(200):
        assert np.unique(tripled.folds[thrice == group]).size == 1
    assert np.bincount(tripled.folds).min() >= 110
    alone = fit_recalibration(labels, claimed, classes=range(3))
    assert tripled.held_out[1].gain_error == pytest.approx(alone.held_out[1].gain_error, rel=0.2)


def test_every_class_is_spread_over_the_folds():
    labels, true = drawn(100)
    found = fit_recalibration(labels, true, classes=range(3), folds=4)
    for k in range(3):
        sizes = np.bincount(found.folds[labels == k], minlength=4)
        assert sizes.max() - sizes.min() <= 1


def test_the_table_has_the_held_out_loss_of_every_method():
    labels, true = drawn(500)
    found = fit_recalibration(labels, tempered(true, 2.0), classes=range(3))
    rows = {row["method"]: row for row in found.to_table().to_pylist()}
    assert list(rows) == list(FITS)
    assert [row["method"] for row in rows.values() if row["chosen"]] == [found.method]
    chosen = rows[found.method]
    assert chosen["log_loss"] == pytest.approx(
        log_loss(labels, found.cross_fitted, classes=range(3))
    )
    assert chosen["gain"] == pytest.approx(rows["identity"]["log_loss"] - chosen["log_loss"])
    assert chosen["calibration_error"] < rows["identity"]["calibration_error"]


@pytest.mark.parametrize("method", list(FITS))
@pytest.mark.parametrize("K", [2, 4])
def test_every_map_gives_probabilities_even_for_unseen_classes_and_claims_of_zero_and_one(
    method, K
):
    sure = np.eye(K)[[0, 0, 1, 0, 1, 1]]
    fitted = FITS[method](sure, np.array([0, 0, 1, 1, 1, 0]))
    mended = fitted(np.vstack([np.eye(K), np.full((1, K), 1 / K)]))
    assert np.isfinite(mended).all()
    assert (mended >= 0).all()
    assert mended.sum(axis=1) == pytest.approx(1)
    assert fitted.describe()


def test_a_zero_of_a_forest_is_not_taken_for_certainty():
    labels, true = drawn(2000, K=2)
    votes = np.round(20 * true) / 20
    assert (votes == 0).any()
    assert (labels[(votes == 0)[:, 1]] == 1).any(), "some of them are wrong"
    found = fit_recalibration(labels, votes, classes=[0, 1], method="temperature")
    assert found.fitted.value == pytest.approx(1, abs=0.1)


class Claims(LogisticRegression):
    """A model whose probabilities are its features, for scikit-learn to calibrate."""

    def predict_proba(self, X):
        return X

    @property
    def decision_function(self):
        raise AttributeError


def of_scikit_learn(claimed, labels, method):
    model = Claims().fit(claimed, labels)
    cv = CalibratedClassifierCV(FrozenEstimator(model), method=method)
    return cv.fit(claimed, labels).predict_proba(claimed)


def test_the_temperature_is_that_of_scikit_learn():
    labels, true = drawn(800)
    claimed = tempered(true, 1.8)
    ours = FITS["temperature"](claimed, labels)(claimed)
    theirs = of_scikit_learn(claimed, labels, "temperature")
    assert ours == pytest.approx(theirs, abs=1e-4)
    fitted = FITS["temperature"](claimed, labels).value
    least = log_loss(labels, ours, classes=range(3))
    for other in (fitted * 0.99, fitted * 1.01):
        assert log_loss(labels, tempered(claimed, 1 / other), classes=range(3)) > least


def test_platts_scaling_is_a_logistic_regression_of_the_log_odds():
    labels, true = drawn(5000, K=2)
    claimed = tempered(true, 1.8)
    odds = np.log(claimed[:, 1:] / claimed[:, :1])
    expected = LogisticRegression(C=1e6).fit(odds, labels).predict_proba(odds)
    assert FITS["platt"](claimed, labels)(claimed) == pytest.approx(expected, abs=1e-3)


def test_the_curve_without_prior_is_the_isotonic_regression_of_scikit_learn():
    rng = np.random.default_rng(0)
    claimed = np.round(rng.random(400), 2)
    happened = (rng.random(400) < claimed**2).astype(float)
    expected = IsotonicRegression(out_of_bounds="clip").fit(claimed, happened)
    new = np.linspace(0, 1, 501)
    assert fit_curve(claimed, happened, prior=0.0)(new) == pytest.approx(
        expected.predict(new), abs=1e-9
    )


def test_a_prior_keeps_the_curve_rising_and_off_zero_and_one():
    rng = np.random.default_rng(1)
    claimed = rng.uniform(0.01, 0.99, 60)
    curve = fit_curve(claimed, (rng.random(60) < claimed).astype(float), prior=1.0)
    found = curve(np.linspace(0, 1, 101))
    assert (np.diff(found) >= 0).all()
    assert found.min() > 0
    assert found.max() < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "method is 'magic'"),
        ({"folds": 1}, "1 folds"),
        ({"folds": [0, 0, 0, 0]}, "1 of them"),
        ({"folds": [0, 1]}, "folds of shape"),
        ({"groups": ["a"] * 4}, "in one group"),
        ({"groups": ["a", "b"]}, "2 groups for 4 rows"),
    ],
)
def test_what_cannot_be_held_out_is_refused(change, message):
    probs = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    with pytest.raises(DataError, match=message):
        fit_recalibration([0, 1, 1, 0], probs, classes=[0, 1], **change)


def test_new_probabilities_of_another_shape_are_refused():
    labels, true = drawn(60)
    found = fit_recalibration(labels, true, classes=range(3))
    with pytest.raises(DataError, match="shape"):
        found.apply(np.array([[0.5, 0.5]]))
