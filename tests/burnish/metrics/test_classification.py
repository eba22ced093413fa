import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from burnish.errors import DataError
from burnish.metrics import (
    accuracy,
    balanced_accuracy,
    class_metrics,
    confusion_matrix,
    f1_macro,
)

PAIRS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40
)


@given(PAIRS)
def test_every_metric_agrees_with_scikit_learn_on_any_labels(pairs):
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    assert accuracy(true, predicted) == pytest.approx(sk.accuracy_score(true, predicted))
    expected = sk.confusion_matrix(true, predicted, labels=list("abcd"))
    np.testing.assert_array_equal(confusion_matrix(true, predicted, classes=list("abcd")), expected)
    recalls = sk.recall_score(true, predicted, labels=sorted(set(true)), average=None)
    assert balanced_accuracy(true, predicted) == pytest.approx(np.mean(recalls))
    assert f1_macro(true, predicted) == pytest.approx(
        sk.f1_score(true, predicted, average="macro", zero_division=0)
    )


@given(PAIRS)
def test_class_metrics_agree_with_scikit_learn_and_are_nan_where_it_has_nothing_to_count(pairs):
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = class_metrics(true, predicted, classes=list("abcd"))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        true, predicted, labels=list("abcd"), zero_division=np.nan
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    np.testing.assert_array_equal(found.support, support)


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([], [], "shape"),
        (["a"], ["a", "b"], "1 rows and y_pred 2"),
        (["a", None], ["a", "b"], "y_true is missing in row 1"),
        (["a", "b"], ["a", float("nan")], "y_pred"),
        ([["a"]], [["a"]], "shape"),
    ],
)
def test_bad_labels_are_refused_with_their_row(true, predicted, message):
    with pytest.raises(DataError, match=message):
        accuracy(np.array(true, dtype=object), np.array(predicted, dtype=object))


def test_a_label_outside_the_classes_is_named():
    with pytest.raises(DataError, match="y_true is 'z' in row 1"):
        confusion_matrix(["a", "z"], ["a", "a"], classes=["a", "b"])


def test_a_class_listed_twice_is_refused():
    with pytest.raises(DataError, match="twice"):
        class_metrics(["a"], ["a"], classes=["a", "a"])
