import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.workflows.promote import RULE, decide_promotion


def predictions(right, *, labels=None, split="validation", first=0):
    """A table whose row is predicted right where `right` says so."""
    n = len(right)
    labels = ["a"] * n if labels is None else labels
    other = {"a": "b", "b": "a"}
    return pa.table(
        {
            "example_id": [f"e{number + first}" for number in range(n)],
            "split": [split] * n,
            "label": labels,
            "predicted": [
                label if good else other[label] for label, good in zip(labels, right, strict=True)
            ],
        }
    )


def test_the_first_model_is_promoted_and_the_reason_is_said():
    found = decide_promotion(predictions([True, False]), None)
    assert found.promoted
    assert "first model" in found.reason
    assert found.rows == 0
    assert (found.difference, found.low, found.high) == (None, None, None)


def test_a_clearly_worse_model_is_not_promoted():
    found = decide_promotion(predictions([False] * 30 + [True] * 170), predictions([True] * 200))
    assert not found.promoted
    assert found.high < 0
    assert found.difference == pytest.approx(-0.15)
    assert found.reason.startswith("worse: accuracy -15.0 points on 200 common validation rows")


def test_a_model_that_is_slightly_worse_by_chance_is_promoted():
    found = decide_promotion(predictions([False] * 2 + [True] * 198), predictions([True] * 200))
    assert found.promoted
    assert found.low < 0 < found.high
    assert "not shown to be worse" in found.reason


def test_a_better_model_is_promoted_as_better():
    found = decide_promotion(predictions([True] * 100), predictions([False] * 20 + [True] * 80))
    assert found.promoted
    assert found.reason.startswith("better")


def test_the_incumbent_is_held_against_the_challengers_current_labels():
    """Its labels were mended since: what it predicted then is right by the labels of now."""
    before = predictions([False] * 40 + [True] * 60)
    now = ["b"] * 40 + ["a"] * 60
    found = decide_promotion(predictions([True] * 100, labels=now), before)
    assert found.difference == 0


def test_only_validation_rows_in_common_count_in_any_order():
    challenger = pa.concat_tables(
        [
            predictions([True] * 10),
            predictions([False] * 50, split="test", first=100),
            predictions([False] * 50, first=200),
        ]
    )
    incumbent = pa.concat_tables(
        [predictions([True] * 50, split="test", first=100), predictions([False] * 10)]
    )
    found = decide_promotion(challenger, incumbent)
    assert found.rows == 10
    assert found.difference == 1.0


def test_without_a_row_in_common_nothing_shows_that_it_is_worse():
    found = decide_promotion(predictions([True]), predictions([True], first=9))
    assert found.promoted
    assert "no validation row in common" in found.reason


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_the_decision_is_what_the_rule_says(pairs):
    ours, theirs = [list(side) for side in zip(*pairs, strict=True)]
    found = decide_promotion(predictions(ours), predictions(theirs))
    assert found.rule == RULE
    assert found.promoted == (found.high >= 0)
    assert found.difference == pytest.approx(np.mean(ours) - np.mean(theirs))


@pytest.mark.parametrize("incumbent", [None, predictions([True]), predictions([True], first=9)])
def test_every_decision_can_be_kept_as_json(incumbent):
    found = decide_promotion(predictions([True]), incumbent)
    assert json.loads(json.dumps(vars(found), allow_nan=False))["promoted"] is True
