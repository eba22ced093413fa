"""People's answers on chosen rows, weighed to stand for the window they were chosen from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.drift import choose_rows, estimate_performance
from burnish.records import Verdict
from burnish.workflows.production_answers import Answers, Chance, read_answers, weigh
from burnish.workflows.production_asking import ask_for_labels
from burnish.workflows.production_window import Window, label_digests
from tests.burnish.workflows.production_boxes import batch, home_in, labels_came, spec_in

CLASSES = ("no", "yes")


def window_of(rng, n):
    """Rows whose label follows x0, blurred by x1, and a model that has no idea of x1."""
    x = rng.normal(size=(n, 2))
    chance = 1 / (1 + np.exp(-4 * x[:, 0] / (0.4 + np.exp(0.8 * x[:, 1]))))
    labels = np.array(CLASSES)[(rng.random(n) < chance).astype(int)]
    claim = 1 / (1 + np.exp(-2.5 * x[:, 0]))
    return x, np.column_stack([1 - claim, claim]), labels


def asked(rng, asks, *, n=1000, came=0):
    """The measure of a window by answers to `asks` rows each, and its true accuracy."""
    before, after = window_of(rng, n), window_of(rng, n)
    given = {
        "classes": CLASSES, "reference_features": before[0], "current_features": after[0],
    }  # fmt: skip
    estimate = estimate_performance(before[2], before[1], after[1], **given)
    found, labels = Answers.none(n), np.full(n, None, dtype=object)
    for number, rows in enumerate(asks):
        chosen = choose_rows(estimate, rows, taken=found.draw >= 0, random_state=number)
        found.draw[chosen.rows], found.control[chosen.rows] = number, chosen.control
        found.weight[chosen.rows] = chosen.weights
        labels[chosen.rows] = after[2][chosen.rows]
    by = weigh([None] * n, replace(found, labels=tuple(labels)), classes=CLASSES)
    told = estimate_performance(
        before[2], before[1], after[1], **given, current_labels=by.labels,
        label_weights=by.weights, label_control=by.control,
    ).table.to_pylist()[0]  # fmt: skip
    right = np.array(CLASSES)[after[1].argmax(axis=1)] == after[2]
    return told, right.mean(), right[found.draw >= 0].mean()


@pytest.mark.parametrize("asks", [(100,), (60, 60)])
def test_rows_chosen_where_errors_are_likely_measure_the_whole_window(asks):
    off, plain, held = [], [], 0
    for seed in range(12):
        told, truth, as_they_stand = asked(np.random.default_rng(seed), asks)
        off.append(told["measured"] - truth)
        plain.append(as_they_stand - truth)
        held += told["measured_low"] <= truth <= told["measured_high"]
    assert np.mean(plain) < -0.1, "as they stand they are far too few right"
    assert abs(np.mean(off)) < 0.06
    assert held >= 11


def answers(draw, control, weight, labels):
    return Answers(
        np.array(draw), np.array(control), np.array(weight, dtype=float), tuple(labels)
    )  # fmt: skip


@given(
    st.integers(2, 40), st.integers(0, 20), st.integers(1, 20), st.integers(0, 10),
    st.integers(1, 10),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_answers_to_all_that_was_asked_stand_for_all_rows_of_the_window(rest, p1, c1, p2, c2):
    n = p1 + c1 + p2 + c2 + rest
    first, second = (n - p1) / c1, (n - p1 - c1 - p2) / c2
    draw = [0] * (p1 + c1) + [1] * (p2 + c2) + [-1] * rest
    control = [False] * p1 + [True] * c1 + [False] * p2 + [True] * c2 + [False] * rest
    weight = [1.0] * p1 + [first] * c1 + [1.0] * p2 + [second] * c2 + [0.0] * rest
    labels = ["no" if one >= 0 else None for one in draw]
    by = weigh([None] * n, answers(draw, control, weight, labels), classes=CLASSES)
    assert by.weights.sum() == pytest.approx(n)


def test_a_label_that_came_in_holds_where_people_said_otherwise():
    told = answers(
        [0, 0, 0, -1], [False, True, True, False], [1, 2, 2, 0], ["no", "no", "no", None]
    )
    by = weigh(["yes", None, None, None], told, classes=CLASSES)
    assert by.labels == ("yes", "no", "no", None)
    assert by.weights.tolist() == [1.0, 2.0, 2.0, 0.0]


def test_labels_that_came_in_win_once_there_are_as_many_as_answers_are_worth():
    told = answers([0, 0, -1, -1, -1], [False, True, *[False] * 3], [1, 4, 0, 0, 0],
                   ["no", "no", None, None, None])  # fmt: skip
    one = weigh([None, None, "yes", None, None], told, classes=CLASSES)
    assert one.labels == ("no", "no", "yes", None, None)
    assert one.weights.tolist() == [1.0, 4.0, 1.0, 0.0, 0.0]
    many = weigh([None, None, "yes", "no", "yes"], told, classes=CLASSES)
    assert many.weights is None
    assert many.labels == (None, None, "yes", "no", "yes")


@pytest.mark.parametrize("came", [[None] * 3, ["no", None, None]])
def test_picked_rows_alone_measure_nothing_whichever_way_their_labels_came(came):
    told = answers([0, 0, 0], [False, False, True], [1, 1, 9], ["no", "no", None])
    assert weigh(came, told, classes=CLASSES).labels == (None, None, None)


def test_a_row_without_an_answer_is_stood_for_by_those_chosen_as_it_was():
    told = answers([0] * 4, [False, False, True, True], [1, 1, 8, 8], ["no", None, "no", None])
    by = weigh([None] * 4, told, classes=CLASSES)
    assert by.weights.tolist() == [2.0, 0.0, 16.0, 0.0]


def test_labels_of_chosen_rows_are_no_sample_of_the_classes_of_a_window():
    import pyarrow as pa

    told = answers([0, 0, -1], [False, True, False], [1, 2, 0], ["no", "no", None])
    rows = pa.table({"example_id": ["a", "b", "c"]})
    window = Window(("2026-03-01",), rows, np.full((3, 2), 0.5), ("no", None, "yes"), told)
    assert window.came_by_themselves(CLASSES) == (None, None, "yes")
    alone = replace(window, labels=("no", None, None))
    assert alone.came_by_themselves(CLASSES) == (None, None, None)
    assert replace(window, answers=None).came_by_themselves(CLASSES) == window.labels


DAY = "2026-03-07"


def test_what_people_decide_is_read_with_its_chance_and_makes_a_measure_out_of_date(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    batch(home.versions, DAY, ["p1", "p2", "p3", "p4"])
    home.versions.write("boxes", "validated_examples", _one_row(), gated=False)
    chances = {"p1": Chance(False, 1.0), "p3": Chance(True, 3.0), "p4": Chance(True, 3.0)}
    why = {"asked_by": "policy", "reason": "alarm 3"}
    ask_for_labels(spec, home.versions, home.ledger, [*chances, "p2"], **why, chances=chances)
    before = label_digests(home.versions, "boxes")
    told = [("p1", "change", "small"), ("p2", "change", "small"), ("p3", "change", "large"),
            ("p4", "drop", None)]  # fmt: skip
    home.ledger.append("boxes", [Verdict(name, what, None, label, author="ada")
                                 for name, what, label in told])  # fmt: skip
    found = read_answers(home.versions, "boxes", ["p4", "p3", "p2", "p1"])
    assert found.draw.tolist() == [0, 0, -1, 0]
    assert found.control.tolist() == [True, True, False, False]
    assert found.weight.tolist() == [3.0, 3.0, 0.0, 1.0]
    assert found.labels == (None, "large", None, "small")
    after = label_digests(home.versions, "boxes")
    assert set(after) == {DAY}
    assert after != before
    labels_came(home.versions, DAY, {"p2": "large"})
    assert label_digests(home.versions, "boxes")[DAY] != after[DAY]


def _one_row():
    import pyarrow as pa

    return pa.table(
        {
            "example_id": ["s0"], "label": ["large"], "size": [1.0], "split": ["train"],
            "fold_group": ["s0"],
        }
    )  # fmt: skip
