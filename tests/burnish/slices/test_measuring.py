import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import DataError
from burnish.metrics import expected_calibration_error, log_loss, wilson_interval
from burnish.slices import SliceMask, everything, resolve_slices, slice_metrics
from burnish.spec import Slice

CLASSES = ["a", "b"]


def hurt_slice(n=600, seed=0):
    """Predictions that are right 95 times of 100, and 60 times on the slice that was hurt."""
    rng = np.random.default_rng(seed)
    source = np.where(np.arange(n) % 3 == 0, "hurt", "well")
    true = rng.choice(CLASSES, n)
    right = rng.random(n) < np.where(source == "hurt", 0.6, 0.95)
    predicted = np.where(right, true, np.where(true == "a", "b", "a"))
    probs = np.where((predicted == "a")[:, None], [0.9, 0.1], [0.1, 0.9])
    table = pa.table({"source": source.tolist()})
    slices = [everything(n), *resolve_slices(table, [Slice(name="source", column="source")])]
    return true, predicted, probs, slices


def value(table, name, metric):
    (row,) = [row for row in table.to_pylist() if row["slice"] == name and row["metric"] == metric]
    return row


def test_the_slice_that_was_hurt_stands_out_beyond_its_interval():
    true, predicted, probs, slices = hurt_slice()
    table = slice_metrics(true, predicted, slices, pred_probs=probs, classes=CLASSES)
    hurt, well = value(table, "source:hurt", "accuracy"), value(table, "source:well", "accuracy")
    assert hurt["high"] < well["low"]
    assert (hurt["support"], well["support"]) == (200, 400)
    assert value(table, "source:hurt", "ece")["value"] > value(table, "source:well", "ece")["value"]


def test_each_value_is_that_of_the_metric_on_the_rows_of_the_slice():
    true, predicted, probs, slices = hurt_slice()
    table = slice_metrics(true, predicted, slices, pred_probs=probs, classes=CLASSES)
    for part in slices:
        rows = part.mask
        expected = wilson_interval(int((true == predicted)[rows].sum()), part.support)
        found = value(table, part.name, "accuracy")
        assert (found["value"], found["low"], found["high"]) == (
            expected.value,
            expected.low,
            expected.high,
        )
        own = log_loss(true[rows], probs[rows], classes=CLASSES)
        found = value(table, part.name, "log_loss")
        assert found["value"] == pytest.approx(own)
        assert found["low"] < own < found["high"]
        assert value(table, part.name, "ece")["value"] == pytest.approx(
            expected_calibration_error(true[rows], probs[rows], classes=CLASSES)
        )


def test_an_empty_slice_is_unknown_and_not_zero():
    empty = SliceMask("none", "0123abcd", "", np.zeros(2, dtype=bool))
    table = slice_metrics(["a", "b"], ["a", "b"], [empty], pred_probs=np.eye(2), classes=CLASSES)
    assert table.num_rows == 4
    for row in table.to_pylist():
        assert (row["value"], row["low"], row["high"], row["support"]) == (None, None, None, 0)


def test_without_probabilities_only_metrics_of_labels_are_given():
    table = slice_metrics(["a", "b"], ["a", "b"], [everything(2)])
    assert table["metric"].to_pylist() == ["accuracy", "f1_macro"]


def test_one_row_has_a_log_loss_without_an_interval():
    table = slice_metrics(
        ["a"], ["a"], [everything(1)], pred_probs=np.array([[0.5, 0.5]]), classes=CLASSES
    )
    found = value(table, "overall", "log_loss")
    assert found["value"] == pytest.approx(np.log(2))
    assert found["low"] is None


def test_a_mask_of_other_rows_is_refused():
    with pytest.raises(DataError, match="mask of shape"):
        slice_metrics(["a", "b"], ["a", "b"], [everything(3)])


def test_an_unknown_metric_is_refused():
    with pytest.raises(DataError, match="metric 'auc'"):
        slice_metrics(["a"], ["a"], [everything(1)], metrics=["auc"])


def test_probabilities_without_their_classes_are_refused():
    with pytest.raises(DataError, match="without classes"):
        slice_metrics(["a"], ["a"], [everything(1)], pred_probs=np.array([[1.0]]))


def test_a_missing_label_is_refused():
    with pytest.raises(DataError, match="missing in row 1"):
        slice_metrics(np.array(["a", None], dtype=object), ["a", "a"], [everything(2)])
