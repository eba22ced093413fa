"""No row is judged by a model that saw it; every row gets finite probabilities."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from burnish.errors import DataError
from burnish.labels import find_label_errors
from burnish.modeling import PanelModel, design_frame, out_of_sample_probabilities
from burnish.modeling.folds import assign_folds
from burnish.spec import Feature

TEXT = Feature(kind="text")
NEAREST = [PanelModel("nearest", KNeighborsClassifier(1))]
FAST = [PanelModel("linear", LogisticRegression(C=0.1, max_iter=500))]


def blobs(n: int = 120, K: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % K
    return rng.normal(0, 1, (n, 4)) + 4 * np.eye(K, 4)[labels], labels


def test_no_row_is_judged_by_a_model_that_saw_it() -> None:
    # Random labels: the nearest neighbour of a row that was seen is itself, and always right.
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(300, 3)), rng.integers(0, 3, 300)
    found = out_of_sample_probabilities(X, labels, models=NEAREST)
    assert (found.probs.argmax(axis=1) == labels).mean() < 0.5


def test_copies_in_one_group_do_not_vouch_for_each_other() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(100, 3)), rng.integers(0, 2, 100)
    X2, labels2, groups = np.vstack([X, X]), np.r_[labels, labels], [*range(100)] * 2
    leaky = out_of_sample_probabilities(X2, labels2, models=NEAREST, near_copies=False)
    held = out_of_sample_probabilities(
        X2, labels2, groups=groups, models=NEAREST, near_copies=False
    )
    assert (leaky.probs.argmax(axis=1) == labels2).mean() > 0.8
    assert (held.probs.argmax(axis=1) == labels2).mean() < 0.7


def test_near_copies_are_held_out_together_though_nobody_declared_them() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(100, 3)), rng.integers(0, 2, 100)
    X2 = np.vstack([X, X + rng.normal(0, 1e-4, X.shape)])
    found = out_of_sample_probabilities(X2, np.r_[labels, labels], models=NEAREST)
    assert (found.probs.argmax(axis=1) == np.r_[labels, labels]).mean() < 0.7
    assert found.copies is not None
    assert np.array_equal(found.copies.clusters[:100], found.copies.clusters[100:])


def test_near_copies_of_texts_are_told_by_their_words() -> None:
    rng = np.random.default_rng(0)
    words = ["card", "money", "lost", "where", "top", "up", "rate", "fee", "please", "urgent"]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(60)]
    labels = ["a", "b"] * 30
    frame = design_frame(
        pa.table({"note": texts + [text.upper() + " " for text in texts]}), {"note": TEXT}
    )
    found = out_of_sample_probabilities(frame, labels * 2, features={"note": TEXT})
    assert found.copies is not None
    assert np.array_equal(found.copies.clusters[:60], found.copies.clusters[60:])
    assert (found.probs.argmax(axis=1) == np.array([0, 1] * 60)).mean() < 0.75


def test_rows_that_all_hang_together_are_still_cut_into_folds() -> None:
    labels = np.arange(60) % 2
    found = out_of_sample_probabilities(np.ones((60, 2)) * [1, 2], labels, models=FAST)
    assert np.isfinite(found.probs).all()


def test_the_panel_ranks_planted_errors_above_one_linear_model() -> None:
    # Labels by two rings: a linear model alone is blind here.
    rng = np.random.default_rng(1)
    angle, true = rng.uniform(0, 2 * np.pi, 400), rng.integers(0, 2, 400)
    radius = 1 + 1.5 * true + rng.normal(0, 0.2, 400)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    wrong = rng.random(400) < 0.15
    labels = np.where(wrong, 1 - true, true)
    scores = [
        average_precision_score(
            wrong,
            find_label_errors(
                labels, out_of_sample_probabilities(X, labels, models=models).probs
            ).error_probability,
        )
        for models in (None, FAST)
    ]
    assert scores[0] > 0.9 > scores[1]


def test_digits_errors_by_resemblance_rank_above_one_models_self_confidence() -> None:
    from sklearn.datasets import load_digits

    X, true = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(X))[:700]
    X, true = X[rows], true[rows]
    # People take a digit for one that looks like it: the second choice of a blunt model.
    blunt = LogisticRegression(C=1e-4, max_iter=500)
    likeness = cross_val_predict(blunt, X, true, cv=3, method="predict_proba")
    likeness[np.arange(700), true] = 0
    wrong = np.zeros(700, dtype=bool)
    wrong[np.argsort(-likeness.sum(axis=1) * rng.exponential(size=700))[:140]] = True
    labels = np.where(wrong, likeness.argmax(axis=1), true)
    kinds = {"scan": Feature(kind="image", shape=(8, 8))}
    frame = design_frame(pa.table({"scan": X.tolist()}), kinds)
    found = out_of_sample_probabilities(frame, labels, features=kinds)
    ours = find_label_errors(labels, found.probs).error_probability
    one = cross_val_predict(
        LogisticRegression(max_iter=500), X / 16, labels, cv=5, method="predict_proba"
    )
    baseline = average_precision_score(wrong, 1 - one[np.arange(700), labels])
    assert average_precision_score(wrong, ours) > max(baseline, 0.95)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.integers(2, 6))
def test_any_class_sizes_give_a_distribution_in_each_row(labels: list[int], folds: int) -> None:
    X = np.random.default_rng(0).normal(size=(len(labels), 3))
    found = out_of_sample_probabilities(X, labels, n_folds=folds, models=FAST)
    assert found.probs.shape == (len(labels), len(set(labels)))
    np.testing.assert_allclose(found.probs.sum(axis=1), 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=2, max_size=60),
    st.integers(2, 6),
)
def test_no_group_is_cut_and_no_fold_holds_every_row(
    rows: list[tuple[int, int]], n_folds: int
) -> None:
    codes, groups = np.array([c for c, _ in rows]), [g for _, g in rows]
    if len(set(groups)) < 2:
        return
    folds = assign_folds(codes, groups, n_folds=n_folds, random_state=0)
    for group in set(groups):
        assert len({f for f, g in zip(folds.tolist(), groups, strict=True) if g == group}) == 1
    assert len(set(folds.tolist())) >= 2


def test_the_default_panel_takes_a_class_of_one_and_a_constant_column() -> None:
    X, labels = blobs()
    X[:, 3] = 7.0
    names = np.array(["a", "b", "c"])[labels].tolist()
    names[5] = "only one"
    found = out_of_sample_probabilities(X, names)
    assert np.isfinite(found.probs).all()
    assert found.probs[5, found.classes.index("only one")] < 0.1


def test_a_class_of_the_spec_without_rows_gets_its_column() -> None:
    X, labels = blobs()
    found = out_of_sample_probabilities(X, labels, classes=[0, 1, 2, 3], models=FAST)
    assert found.probs.shape == (120, 4)
    assert found.probs[:, 3].max() < 0.05


def test_the_same_seed_gives_the_same_numbers_and_repeats_differ() -> None:
    X, labels = blobs()
    once = out_of_sample_probabilities(X, labels, random_state=3)
    again = out_of_sample_probabilities(X, labels, random_state=3)
    twice = out_of_sample_probabilities(X, labels, random_state=3, repeats=2)
    np.testing.assert_array_equal(once.probs, again.probs)
    assert not np.array_equal(once.probs, twice.probs)


def test_rows_without_a_label_are_predicted_in_the_same_pass() -> None:
    X, labels = blobs(150)
    found = out_of_sample_probabilities(X[:120], labels[:120], extra=X[120:])
    assert found.probs.shape == (120, 3)
    assert (found.extra_probs.argmax(axis=1) == labels[120:]).mean() > 0.9
    assert found.extra_disagreement.shape == (30,)


def test_disagreement_is_highest_where_models_differ() -> None:
    X, labels = blobs()
    panel = [*FAST, PanelModel("prior", DummyClassifier())]
    found = out_of_sample_probabilities(X, labels, models=panel)
    alone = out_of_sample_probabilities(X, labels, models=FAST)
    assert alone.disagreement.max() == 0
    assert 0 < found.disagreement.max() <= 1
    # The mean of logarithms: of two models, the square root of their product.
    logs = np.mean([np.log(probs + 5e-3) for probs in found.by_model.values()], axis=0)
    np.testing.assert_allclose(found.probs, np.exp(logs) / np.exp(logs).sum(1, keepdims=True))


def test_text_and_numbers_together_use_all_views() -> None:
    rng = np.random.default_rng(0)
    labels = ["spam" if i % 2 else "ham" for i in range(80)]
    words = {"spam": ["win", "cash", "now"], "ham": ["lunch", "at", "noon"]}
    notes = [" ".join(rng.choice(words[label], 4)) for label in labels]
    kinds = {"note": Feature(kind="text"), "size": Feature(kind="numeric")}
    table = pa.table({"note": notes, "size": rng.normal(size=80)})
    found = out_of_sample_probabilities(design_frame(table, kinds), labels, features=kinds)
    assert {"ridge", "words", "kernel"} <= set(found.by_model)
    said = np.array(found.classes)[found.probs.argmax(axis=1)]
    assert (said == np.array(labels)).mean() > 0.95


class Counting:
    """A mapper of the caller's own: it sees every task, and results come back in order."""

    def __init__(self) -> None:
        self.tasks = 0

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        results = [function(item) for item in items]
        self.tasks += len(results)
        return results


def test_a_mapper_is_given_one_task_a_model_and_fold() -> None:
    X, labels = blobs()
    mapper = Counting()
    there = out_of_sample_probabilities(X, labels, models=FAST, mapper=mapper)
    here = out_of_sample_probabilities(X, labels, models=FAST)
    assert mapper.tasks == 5
    np.testing.assert_array_equal(there.probs, here.probs)


def test_bad_input_is_refused_by_its_row() -> None:
    X, labels = blobs()
    X[7, 1] = np.nan
    with pytest.raises(DataError, match="row 7"):
        out_of_sample_probabilities(X, labels)
    with pytest.raises(DataError, match="119 labels"):
        out_of_sample_probabilities(blobs()[0], labels[:-1])
    with pytest.raises(DataError, match="1 group"):
        out_of_sample_probabilities(blobs()[0], labels, groups=["g"] * 120)
    with pytest.raises(DataError, match="expected: numbers"):
        out_of_sample_probabilities([["a"], ["b"]], ["x", "y"])


def test_groups_and_extra_rows_that_do_not_fit_are_refused() -> None:
    rows, labels = np.zeros((6, 2)), ["a", "b"] * 3
    with pytest.raises(DataError, match=r"2 groups\n.*expected: 6"):
        out_of_sample_probabilities(rows, labels, groups=[1, 2])
    with pytest.raises(DataError, match=r"extra has shape \(3, 5\)"):
        out_of_sample_probabilities(rows, labels, extra=np.zeros((3, 5)))
