from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from burnish.consensus import fit_consensus

METHODS = ["majority", "reliability", "dawid_skene", "dawid_skene_kinds"]


@st.composite
def annotations(draw, max_classes=4):
    n, workers, K = (
        draw(st.integers(1, 12)),
        draw(st.integers(1, 6)),
        draw(st.integers(1, max_classes)),
    )
    rows = []
    for i in range(n):
        who = draw(st.sets(st.integers(0, workers - 1), min_size=1))
        rows += [(i, w, draw(st.integers(0, K - 1))) for w in sorted(who)]
    return rows


def table(rows, *, example="e{}", annotator="w{}", label="k{}"):
    columns = zip(*rows, strict=True)
    given = (example, annotator, label)
    names = zip(("example_id", "annotator_id", "label"), given, columns, strict=True)
    return pa.table(
        {
            column: [name.format(x) if isinstance(name, str) else name[x] for x in codes]
            for column, name, codes in names
        }
    )


@settings(max_examples=25, deadline=None)
@given(annotations(), st.randoms(use_true_random=False), st.sampled_from([*METHODS, "auto"]))
def test_the_order_of_rows_changes_nothing_at_all(rows, random, method):
    shuffled = list(rows)
    random.shuffle(shuffled)
    a, b = (fit_consensus(table(x), method=method) for x in (rows, shuffled))
    assert a.to_table().equals(b.to_table())
    assert a.annotators.equals(b.annotators)
    assert (a.method, a.why) == (b.method, b.why)


@settings(max_examples=25, deadline=None)
@given(annotations(), st.randoms(use_true_random=False), st.sampled_from(METHODS))
def test_names_of_examples_annotators_and_classes_change_nothing(rows, random, method):
    def names(count):
        values = [f"n{x}" for x in range(count)]
        random.shuffle(values)
        return values

    e, w, k = names(12), names(6), names(4)
    a = fit_consensus(table(rows), method=method)
    b = fit_consensus(table(rows, example=e, annotator=w, label=k), method=method)
    theirs = dict(zip(b.example_ids, b.probabilities, strict=True))
    columns = [b.classes.index(k[int(name[1:])]) for name in a.classes]
    for name, row in zip(a.example_ids, a.probabilities, strict=True):
        np.testing.assert_allclose(theirs[e[int(name[1:])]][columns], row, atol=1e-6)
    reliability = dict(
        zip(b.annotators["annotator_id"].to_pylist(), b.annotators["reliability"].to_pylist(),
            strict=True)
    )  # fmt: skip
    for row in a.annotators.to_pylist():
        assert reliability[w[int(row["annotator_id"][1:])]] == pytest.approx(
            row["reliability"], abs=1e-6
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(annotations(), st.sampled_from([*METHODS, "auto"]))
def test_probabilities_are_probabilities_and_the_label_is_the_likeliest(rows, method):
    found = fit_consensus(table(rows), method=method)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-9)
    assert np.isfinite(found.probabilities).all()
    chosen = [found.classes.index(label) for label in found.labels]
    top = found.probabilities.max(axis=1)
    np.testing.assert_allclose(found.probabilities[np.arange(len(chosen)), chosen], top, atol=1e-8)
    at = found.annotators.to_pydict()
    assert all(
        0 <= low <= value <= high <= 1
        for low, value, high in zip(at["low"], at["reliability"], at["high"], strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(annotations(max_classes=2), st.sampled_from(METHODS))
def test_unanimous_examples_get_the_answer_of_all_where_most_agree(rows, method):
    assume(len({k for _, _, k in rows}) == 1)
    found = fit_consensus(table(rows), method=method, classes=["k0", "k1"])
    assert set(found.labels) == {f"k{rows[0][2]}"}


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_one_class_one_annotator_and_single_answers_work(method):
    one_class = fit_consensus(table([(0, 0, 0), (0, 1, 0), (1, 0, 0)]), method=method)
    assert one_class.labels.tolist() == ["k0", "k0"]
    np.testing.assert_allclose(one_class.probabilities, 1)
    alone = fit_consensus(table([(0, 0, 0), (1, 0, 1), (2, 0, 1)]), method=method)
    assert alone.labels.tolist() == ["k0", "k1", "k1"]
    assert np.isnan(alone.disagreement).all()
    assert np.isnan(alone.agreement.alpha)
    assert alone.annotators["kind"].to_pylist() == ["few answers"]
    assert alone.annotators["n_compared"].to_pylist() == [0]


def test_nothing_to_hold_out_means_majority_and_says_so():
    found = fit_consensus(table([(0, 0, 0), (1, 1, 1)]))
    assert found.method == "majority"
    assert "no example has two answers" in found.why


def test_a_tie_goes_to_the_annotators_who_agree_with_others():
    # w0 and w1 are right with everybody on ten examples, w9 is not; then w0 and w9 tie on e99.
    rows = [(i, w, i % 2) for i in range(10) for w in (0, 1)]
    rows += [(i, 9, (i // 2) % 2) for i in range(10)] + [(99, 0, 0), (99, 9, 1)]
    found = fit_consensus(table(rows), method="majority")
    assert found.labels[found.example_ids.index("e99")] == "k0"
    mirrored = [(i, w, 1 - k) for i, w, k in rows]
    found = fit_consensus(table(mirrored), method="majority")
    assert found.labels[found.example_ids.index("e99")] == "k1"


def test_what_stays_tied_is_drawn_by_the_seed_for_each_example():
    rows = [(i, w, w) for i in range(40) for w in (0, 1)]
    labels = [
        fit_consensus(table(rows), method="majority", random_state=seed).labels.tolist()
        for seed in (0, 0, 1)
    ]
    assert labels[0] == labels[1] != labels[2]
    assert 8 < labels[0].count("k0") < 32
