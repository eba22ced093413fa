"""Permutation importance by slice: what matters where, as in scikit-learn, and limits that hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.modeling import column_groups, design_frame, patch_groups
from burnish.modeling import permutation_importance_by_slice as importance
from burnish.modeling.importance import IMPORTANCE_SCHEMA
from burnish.modeling.permuting import losses_of, orders_of, permuted_losses
from burnish.slices import OVERALL, Partition, SliceMask, SliceName, everything
from burnish.spec import Feature

NAMES = tuple(SliceName.of(name, f"side in {name}") for name in ("left", "right"))


class Planted:
    """Reads `key` where `side` is 0, and `other` where it is 1; never `noise`."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        told = np.where(frame["side"] == 0, frame["key"], frame["other"])
        yes = np.where(told > 0, 0.9, 0.1)
        return np.column_stack([1 - yes, yes])


def planted(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, Partition]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["key", "other", "noise"])
    frame["side"] = np.arange(rows) % 2
    told = np.where(frame["side"] == 0, frame["key"], frame["other"])
    labels = np.where((told > 0) ^ (rng.random(rows) < 0.1), "yes", "no")
    return frame, labels, Partition(NAMES, frame["side"].to_numpy(np.int64))


def cells(table: pa.Table) -> dict[tuple[str, str], dict]:
    return {(row["feature"], row["slice"]): row for row in table.to_pylist()}


def test_a_feature_that_matters_in_one_slice_is_found_there_and_nowhere_else():
    frame, labels, sides = planted(600)
    found = importance(Planted(), frame, labels, [everything(600), sides])
    assert found.table.schema == IMPORTANCE_SCHEMA
    of = cells(found.table)
    assert of["key", "left"]["finding"] == of["other", "right"]["finding"] == "matters"
    assert of["key", "right"]["importance"] == of["other", "left"]["importance"] == 0
    assert of["key", "right"]["finding"] == "not shown"
    assert of["noise", OVERALL]["high_all"] == 0
    assert [row["feature"] for row in found.top(NAMES[0].slice_id, most=1)] == ["key"]


def test_a_column_that_the_model_is_wrong_to_read_misleads():
    frame, labels, _ = planted(400)
    turned = np.where(labels == "yes", "no", "yes")
    found = importance(Planted(), frame, turned, [everything(400)], metric="accuracy")
    assert cells(found.table)["key", OVERALL]["finding"] == "misleads"


def test_few_rows_are_said_to_be_few():
    frame, labels, _ = planted(40)
    some = SliceMask("some", "some", "rows 0 to 19", np.arange(40) < 20)
    none = SliceMask("none", "none", "no row", np.zeros(40, dtype=bool))
    found = importance(Planted(), frame, labels, [some, none])
    of = cells(found.table)
    assert of["key", "some"]["uncertain"]
    assert {of["key", name]["finding"] for name in ("some", "none")} == {"too few"}
    assert of["key", "none"]["importance"] is None
    assert of["key", "none"]["low"] is None


def test_the_column_that_makes_a_slice_has_no_importance_within_it():
    frame, labels, sides = planted(400)
    within = cells(importance(Planted(), frame, labels, [sides], within=True).table)
    across = cells(importance(Planted(), frame, labels, [sides]).table)
    assert within["side", "left"]["importance"] == 0
    assert across["side", "left"]["importance"] > 0.1
    assert within["key", "left"]["finding"] == "matters"


def test_overall_is_what_scikit_learn_says_for_the_same_permutations():
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression
    from sklearn.utils import check_random_state

    frame, labels, _ = planted(300)
    model = LogisticRegression().fit(frame, labels)
    theirs = permutation_importance(
        model, frame, labels, scoring="neg_log_loss", n_repeats=3, random_state=5
    )
    # It shuffles the same indices again and again, and the column along with them.
    seed = check_random_state(5).randint(np.iinfo(np.int32).max + 1)
    rng, index, order, orders = np.random.RandomState(seed), np.arange(300), np.arange(300), []
    for _ in range(3):
        rng.shuffle(index)
        order = order[index]
        orders.append(order)
    losses = losses_of(model, labels, classes=None, metric="log_loss")
    for at, name in enumerate(frame.columns):
        added = permuted_losses(losses, frame, [name], np.array(orders)) - losses(frame)
        assert added.mean(axis=1) == pytest.approx(theirs.importances[at], abs=1e-12)


def test_columns_of_a_group_are_shuffled_together():
    frame, labels, _ = planted(300)
    frame["again"] = frame["key"]

    class Both(Planted):
        def predict_proba(self, frame):
            assert (frame["key"] == frame["again"]).all(), "shuffled apart"
            return super().predict_proba(frame)

    groups = {"key": ("key", "again"), "other": ("other",)}
    found = importance(Both(), frame, labels, [everything(300)], groups=groups)
    assert cells(found.table)["key", OVERALL]["finding"] == "matters"


def test_features_of_several_columns_are_one_group():
    kinds = {
        "face": Feature(kind="image", shape=(4, 4)),
        "at": Feature(kind="datetime"),
        "face_px_000": Feature(kind="numeric"),
    }
    rows = pa.table(
        {"face": [list(range(16))], "at": ["2026-01-02T03:04:05"], "face_px_000": [1.0]}
    )
    frame = design_frame(rows.rename_columns(["face", "at", "face_px_000"]), kinds)
    groups = column_groups({"face": kinds["face"], "at": kinds["at"]}, frame)
    assert len(groups["at"]) == 5
    patches = patch_groups(kinds["face"], groups["face"], cells=2)
    assert sorted(patches) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert sorted(sum(patches.values(), ())) == sorted(groups["face"])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"repeats": 0}, "0 repeats"),
        ({"groups": {"x": ("nowhere",)}}, "nowhere"),
        ({"groups": {"x": ()}}, "group 'x'"),
        ({"slices": []}, "slices of shapes"),
        ({"slices": [everything(3)]}, "(3,)"),
        ({"classes": ["no"]}, "shape"),
    ],
)
def test_what_does_not_fit_is_refused(change, word):
    frame, labels, _ = planted(40)
    labels = np.full(40, "no") if "classes" in change else labels
    given = {"slices": [everything(40)], **change}
    with pytest.raises(DataError, match=word.replace("(", r"\(").replace(")", r"\)")):
        importance(Planted(), frame, labels, given.pop("slices"), **given)


@given(codes=st.lists(st.integers(-1, 3), min_size=1, max_size=40), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_values_stay_within_their_slice_and_none_is_lost(codes, seed):
    within = np.array(codes, dtype=np.int64)
    for order in orders_of(within.size, 3, random_state=seed, within=within):
        assert sorted(order) == list(range(within.size))
        assert (within[order] == within).all()


@given(seed=st.integers(0, 10_000), rows=st.integers(4, 60))
@settings(max_examples=30, deadline=None)
def test_overall_is_the_mean_of_the_slices_that_make_it_up(seed, rows):
    frame, labels, sides = planted(rows, seed)
    found = importance(Planted(), frame, labels, [everything(rows), sides], repeats=2)
    of = cells(found.table)
    for feature in frame.columns:
        parts = [of[feature, part.name] for part in NAMES]
        mean = sum(one["importance"] * one["support"] for one in parts) / rows
        assert of[feature, OVERALL]["importance"] == pytest.approx(mean, abs=1e-12)


def test_limits_hold_the_importance_in_the_whole_population():
    """The planted model's importance of `key` among the left rows is known: 0.4 of accuracy."""
    # Half of the shuffled values disagree in sign; of these, 90 % were right and now are wrong.
    truth, held, trials = 0.5 * (0.9 - 0.1), 0, 200
    for seed in range(trials):
        frame, labels, sides = planted(240, seed)
        found = importance(Planted(), frame, labels, [sides], metric="accuracy", repeats=5)
        row = cells(found.table)["key", "left"]
        held += row["low"] <= truth <= row["high"]
    assert held / trials >= 0.93


def test_a_model_that_breaks_on_shuffled_rows_is_refused():
    frame, labels, _ = planted(40)

    class Breaks(Planted):
        def predict_proba(self, frame):
            found = super().predict_proba(frame)
            # Of the rows as they were drawn it says what it should.
            return found if len(frame) == 40 else found * np.nan

    with pytest.raises(DataError, match="of a shuffled row"):
        importance(Breaks(), frame, labels, [everything(40)])
