import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.slices import metric_name, slice_id


def legal_for_mlflow(name):
    """The rule of mlflow 3.17's `_validate_metric_name`, and its limit of 250 characters."""
    norm = posixpath.normpath(name)
    unique = norm == name and norm != "." and not norm.startswith(("..", "/"))
    return bool(re.match(r"^[/\w.\- :]*$", name)) and unique and len(name) <= 250


@given(st.text(max_size=400), st.text(max_size=40))
def test_a_metric_name_is_legal_whatever_a_slice_is_called(name, predicate):
    found = metric_name("accuracy", name, slice_id(predicate))
    assert legal_for_mlflow(found)
    assert found.rsplit("/", 1)[0] == "accuracy"
    assert found.count("/") == 1
    assert found.endswith(f".{slice_id(predicate)}")


@pytest.mark.parametrize("name", ["..", ".", "", "/", "a//b", "\n", "x" * 300, "a=b|c", "naïve"])
def test_names_that_once_broke_trackers_are_legal(name):
    assert legal_for_mlflow(metric_name("test_accuracy", name, slice_id("p")))


def test_two_slices_that_are_spelled_alike_after_cleaning_keep_two_names():
    first = metric_name("accuracy", "a/b", slice_id("one"))
    assert first != metric_name("accuracy", "a|b", slice_id("other"))


@pytest.mark.parametrize("metric", ["", "a/b", "..", "1a", "accuracy "])
def test_a_metric_that_is_no_word_is_refused(metric):
    with pytest.raises(DataError, match="metric"):
        metric_name(metric, "source:a", "0123abcd")


@pytest.mark.parametrize("identity", ["", "xyz", "0123ABCD", "0123abcd0"])
def test_what_is_no_slice_id_is_refused(identity):
    with pytest.raises(DataError, match="slice id"):
        metric_name("accuracy", "source:a", identity)
