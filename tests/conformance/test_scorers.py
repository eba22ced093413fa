"""What every scorer of labels must keep to, built in or of your own.

A scorer enters through `score_labels`; put yours into `SCORERS_UNDER_TEST` to hold it to the same.
"""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.labels import SCORERS, find_label_errors, score_labels


def entropy_and_doubt(codes, pred_probs):
    """A scorer of one's own: doubt in the given class, heavier where the model is sure."""
    given = pred_probs[np.arange(codes.size), codes]
    sure = pred_probs.max(axis=1)
    return (1 - given) * sure


SCORERS_UNDER_TEST = {**SCORERS, "my own": entropy_and_doubt}
every_scorer = pytest.mark.parametrize(
    "scorer", SCORERS_UNDER_TEST.values(), ids=SCORERS_UNDER_TEST.keys()
)


def drawn(seed: int, n: int, K: int, *, ties: bool = False):
    """Labels as codes, and probabilities; with `ties`, ones that are full of equal values."""
    rng = np.random.default_rng(seed)
    if ties:
        probs = rng.multinomial(3, np.full(K, 1 / K), n) / 3
    else:
        probs = rng.dirichlet(np.full(K, 0.6), n)
    return rng.integers(0, K, n), probs


INPUTS = given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), K=st.integers(2, 6), ties=st.booleans()
)


@every_scorer
@settings(max_examples=25, deadline=None)
@INPUTS
def test_the_order_of_the_rows_does_not_matter(scorer, seed, n, K, ties) -> None:
    codes, probs = drawn(seed, n, K, ties=ties)
    order = np.random.default_rng(seed).permutation(n)
    plain = score_labels(codes, probs, scorer=scorer, classes=range(K))
    moved = score_labels(codes[order], probs[order], scorer=scorer, classes=range(K))
    np.testing.assert_allclose(moved, plain[order], atol=1e-9)


@every_scorer
@settings(max_examples=25, deadline=None)
@INPUTS
def test_the_order_and_the_names_of_the_classes_do_not_matter(scorer, seed, n, K, ties) -> None:
    # Ties between thresholds may fall either way, so these probabilities have none.
    codes, probs = drawn(seed, n, K)
    order = np.random.default_rng(seed).permutation(K)
    plain = score_labels(codes, probs, scorer=scorer, classes=range(K))
    columns = score_labels(codes, probs[:, order], scorer=scorer, classes=order.tolist())
    np.testing.assert_allclose(columns, plain, atol=1e-9)
    names = np.array(["beta", "alpha", "gamma", "zeta", "delta", "eta"], dtype=object)[:K]
    named = score_labels(names[codes], probs, scorer=scorer, classes=names.tolist())
    np.testing.assert_array_equal(named, plain)


@every_scorer
@settings(max_examples=25, deadline=None)
@INPUTS
def test_scores_lie_in_range_and_equal_rows_have_equal_scores(scorer, seed, n, K, ties) -> None:
    codes, probs = drawn(seed, n, K, ties=ties)
    twice = np.concatenate([codes, codes]), np.vstack([probs, probs])
    score = score_labels(*twice, scorer=scorer, classes=range(K))
    assert ((score >= 0) & (score <= 1)).all()
    np.testing.assert_allclose(score[:n], score[n:], atol=1e-12)


@every_scorer
@pytest.mark.parametrize("K", [2, 5])
def test_planted_errors_score_higher(scorer, K) -> None:
    rng = np.random.default_rng(K)
    true = rng.integers(0, K, 3000)
    logits = rng.normal(size=(3000, K)) + 4 * np.eye(K)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(3000) < 0.1
    labels = np.where(wrong, (true + 1) % K, true)
    score = score_labels(labels, probs, scorer=scorer)
    above = (score[wrong][:, None] > score[~wrong][None]).mean()
    assert above > 0.97


@every_scorer
@pytest.mark.parametrize("K", [2, 3, 7])
def test_the_surest_of_errors_is_not_below_the_surest_of_right_labels(scorer, K) -> None:
    probs = np.vstack([np.eye(K), np.eye(K)])
    codes = np.concatenate([np.arange(K), (np.arange(K) + 1) % K])
    score = score_labels(codes, probs, scorer=scorer, classes=range(K))
    assert score[K:].min() > score[:K].max()


@every_scorer
def test_a_class_with_one_example_and_one_that_is_never_predicted(scorer) -> None:
    probs = np.array([[0.6, 0.4, 0.0], [0.7, 0.3, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0]])
    score = score_labels(["a", "a", "b", "c"], probs, scorer=scorer)
    assert np.isfinite(score).all()
    assert score.argmax() == 3
    absent = score_labels(["a", "a", "b", "a"], probs, scorer=scorer, classes=["a", "b", "c"])
    assert np.isfinite(absent).all()


@every_scorer
@pytest.mark.parametrize("K", [1, 2])
def test_one_row_and_one_class_have_a_score(scorer, K) -> None:
    score = score_labels([0], np.full((1, K), 1 / K), scorer=scorer, classes=range(K))
    assert score.shape == (1,)


@every_scorer
def test_an_unseen_or_missing_label_is_refused_by_its_row(scorer) -> None:
    probs = np.full((3, 2), 0.5)
    with pytest.raises(DataError, match="'c' in row 2"):
        score_labels(["a", "b", "c"], probs, scorer=scorer, classes=["a", "b"])
    with pytest.raises(DataError, match="row 1"):
        score_labels(["a", None, "b"], probs, scorer=scorer)


@every_scorer
@pytest.mark.parametrize(
    "bad", [[np.nan, 1.0], [np.inf, 0.0], [-np.inf, 1.0], [0.2, 0.2], [1.5, -0.5]], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_that_is_no_distribution_is_refused_by_its_number(scorer, bad, dtype) -> None:
    probs = np.full((9, 2), 0.5, dtype=dtype)
    probs[6] = bad
    with pytest.raises(DataError, match="row 6"):
        score_labels([0, 1] * 4 + [0], probs, scorer=scorer)
    with pytest.raises(DataError, match="shape"):
        score_labels([0, 1, 2] * 3, probs, scorer=scorer)


@every_scorer
def test_float32_scores_like_float64_and_nothing_is_written_to(scorer) -> None:
    codes, probs = drawn(0, 500, 4)
    single = probs.astype(np.float32)
    single.flags.writeable = False
    codes.flags.writeable = False
    wide = score_labels(codes, single.astype(np.float64), scorer=scorer, classes=range(4))
    narrow = score_labels(codes, single, scorer=scorer, classes=range(4))
    np.testing.assert_allclose(narrow, wide, atol=1e-6)


@every_scorer
def test_a_million_rows_are_scored_without_a_copy_of_the_matrix(scorer) -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(10), 1_000_000)
    codes = rng.integers(0, 10, 1_000_000)
    score_labels(codes, probs, scorer=scorer, classes=range(10))
    tracemalloc.start()
    try:
        score = score_labels(codes, probs, scorer=scorer, classes=range(10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < probs.nbytes
    assert score.shape == (1_000_000,)


def test_the_registered_probability_is_that_of_the_audit() -> None:
    codes, probs = drawn(1, 400, 3)
    audit = find_label_errors(codes, probs, classes=range(3))
    np.testing.assert_array_equal(
        score_labels(codes, probs, classes=range(3)), audit.error_probability
    )


@pytest.mark.parametrize(
    ("scorer", "says"),
    [
        ("no_such", "no scorer 'no_such'"),
        (lambda codes, probs: codes * 2.0, "gave 2 in row 1"),
        (lambda codes, probs: codes * np.nan, "gave nan in row 0"),
        (lambda codes, probs: probs, r"shape \(3, 2\)"),
    ],
)
def test_a_scorer_that_answers_otherwise_is_refused(scorer, says) -> None:
    with pytest.raises(DataError, match=says):
        score_labels([0, 1, 0], np.full((3, 2), 0.5), scorer=scorer)
