"""Bad labels and probabilities are refused by their row."""

import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import DataError
from burnish.labels import check_pred_probs, encode_labels, find_label_errors

GOOD = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("row", "bad", "says"),
    [
        (1, [np.nan, 0.7], "NaN or infinite in row 1"),
        (2, [np.inf, 0.0], "NaN or infinite in row 2"),
        (0, [1.2, -0.2], "-0.2 in row 0"),
        (2, [0.5, 0.6], "sums to 1.1 in row 2"),
    ],
)
def test_a_row_that_is_no_distribution_is_named(row: int, bad: list[float], says: str) -> None:
    probs = GOOD.copy()
    probs[row] = bad
    with pytest.raises(DataError, match=says):
        find_label_errors(["a", "b", "b"], probs)


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(3, 2\)"):
        find_label_errors(["a", "b", "c"], GOOD)


def test_an_unknown_label_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match="'z' in row 2"):
        encode_labels(["a", "b", "z"], ["a", "b"])


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_label_is_named_with_its_row(missing: object) -> None:
    with pytest.raises(DataError, match="row 1"):
        find_label_errors(pa.array(["a", None, "b"]), GOOD)
    with pytest.raises(DataError, match="row 1"):
        encode_labels(np.array(["a", missing, "b"], dtype=object), ["a", "b"])


def test_no_rows_and_mixed_types_are_refused() -> None:
    with pytest.raises(DataError, match="no labels"):
        find_label_errors([], np.empty((0, 2)))
    with pytest.raises(DataError, match="several types"):
        encode_labels(np.array(["a", 1], dtype=object), ["a", 1])
    with pytest.raises(DataError, match="listed twice"):
        encode_labels(["a"], ["a", "a"])


def test_arrow_and_dictionary_labels_mean_the_same_as_lists() -> None:
    labels = ["b", "a", "b"]
    for given in (
        pa.array(labels),
        pa.chunked_array([labels]),
        pa.array(labels).dictionary_encode(),
    ):
        assert encode_labels(given, ["a", "b"]).tolist() == [1, 0, 1]


def test_float32_rows_off_by_rounding_pass() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(50), 200).astype(np.float32)
    assert check_pred_probs(probs, probs.argmax(axis=1), range(50)) == ()


def test_probabilities_that_agree_with_every_label_are_noted() -> None:
    labels = np.arange(300) % 3
    probs = np.full((300, 3), 0.005)
    probs[np.arange(300), labels] = 0.99
    (note,) = check_pred_probs(probs, labels, range(3))
    assert "out of sample" in note


def test_a_missing_label_in_a_plain_list_is_no_class() -> None:
    with pytest.raises(DataError, match="no label in row 1"):
        find_label_errors(["a", float("nan"), "b"], GOOD)
    with pytest.raises(DataError, match="several types"):
        find_label_errors(["a", 1, "b"], GOOD)


@pytest.mark.parametrize(
    "probs", [[[0.9, 0.1], [1.0], [0.5, 0.5]], [["x", "y"], ["x", "y"], ["x", "y"]]]
)
def test_what_is_no_matrix_is_refused(probs) -> None:
    with pytest.raises(DataError, match="no matrix of numbers"):
        find_label_errors(["a", "b", "b"], probs)


def test_labels_that_are_no_plain_values_are_refused() -> None:
    with pytest.raises(DataError, match="no plain list"):
        encode_labels([["a"], ["a", "b"]], ["a", "b"])
