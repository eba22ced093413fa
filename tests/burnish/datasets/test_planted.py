"""The planted table: as many errors as asked for, near class borders, and one weak slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.datasets import make_classification_table
from burnish.errors import DataError


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 300),
    n_classes=st.integers(2, 6),
    noise=st.floats(0.0, 0.9),
    seed=st.integers(0, 2**20),
)
def test_exactly_the_asked_share_is_wrong(n, n_classes, noise, seed):
    examples, truth = make_classification_table(n, n_classes=n_classes, noise=noise, seed=seed)
    assert examples["example_id"] == truth["example_id"]
    given_labels, right = examples["label"].to_pylist(), truth["label"].to_pylist()
    assert sum(a != b for a, b in zip(given_labels, right, strict=True)) == round(noise * n)


def test_the_weak_slice_is_harder_for_a_model_on_true_labels():
    examples, truth = make_classification_table(1500, noise=0.0, seed=4)
    X = np.column_stack([examples[f"x{place}"].to_numpy() for place in range(5)])
    y = np.array(truth["label"].to_pylist())
    centres = np.stack([X[y == name].mean(axis=0) for name in np.unique(y)])
    nearest = np.linalg.norm(X[:, None] - centres[None], axis=2).argmin(axis=1)
    right = np.unique(y)[nearest] == y
    east = np.array(examples["site"].to_pylist()) == "east"
    assert right[~east].mean() > right[east].mean() + 0.05


def test_splits_and_repeatability():
    one, two = make_classification_table(100, seed=9), make_classification_table(100, seed=9)
    assert one.examples.equals(two.examples)
    assert one.examples["split"].to_pylist().count("test") == 20
    assert not one.examples.equals(make_classification_table(100, seed=10).examples)


@pytest.mark.parametrize("options", [{"n": 0}, {"n_classes": 1}, {"noise": 1.0}])
def test_impossible_numbers_are_refused(options):
    with pytest.raises(DataError):
        make_classification_table(**({"n": 10} | options))
