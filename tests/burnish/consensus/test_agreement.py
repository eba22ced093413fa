from __future__ import annotations

import numpy as np
import pytest

from burnish.consensus import fit_consensus


def by_hand(rows):
    example, annotator, label = zip(*rows, strict=True)
    return fit_consensus(
        {"example_id": example, "annotator_id": annotator, "label": label}, method="majority"
    )


def test_alpha_is_that_of_krippendorffs_own_example():
    # Krippendorff 2011, 'Computing Krippendorff's Alpha-Reliability', nominal data with missing
    # values: four observers, twelve units, alpha = 0.743.
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .",
    ]  # fmt: skip
    rows = [
        (unit, name, value)
        for name, line in enumerate(observers)
        for unit, value in enumerate(line.split())
        if value != "."
    ]
    assert by_hand(rows).agreement.alpha == pytest.approx(0.743, abs=5e-4)


def test_fleiss_kappa_is_that_of_the_worked_example():
    # The example of Fleiss' kappa in general use: fourteen raters, ten subjects, kappa = 0.210.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = []
    for subject, count in enumerate(counts):
        labels = np.repeat(np.arange(5), count)
        rows += [(subject, rater, int(label)) for rater, label in enumerate(labels)]
    assert by_hand(rows).agreement.fleiss == pytest.approx(0.210, abs=5e-4)


def test_cohens_kappa_of_a_pair_on_what_both_answered():
    # Twenty yes-yes, five yes-no, ten no-yes, fifteen no-no: kappa = 0.4.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    rows = [(i, w, pair[w]) for i, pair in enumerate(pairs) for w in (0, 1)]
    rows += [(100, 0, "y"), (101, 1, "n"), (102, 2, "n"), (0, 2, "y")]
    table = by_hand(rows).agreement.pairs.to_pylist()
    assert [(row["annotator_a"], row["annotator_b"], row["n_common"]) for row in table] == [
        ("0", "1", 50), ("0", "2", 1), ("1", "2", 1),
    ]  # fmt: skip
    assert table[0]["kappa"] == pytest.approx(0.4)
    assert table[0]["agreement"] == pytest.approx(0.7)
    assert table[1]["kappa"] is None


def test_disagreement_is_the_share_of_pairs_that_differ():
    found = by_hand([(0, 0, "a"), (0, 1, "a"), (0, 2, "b"), (1, 0, "a"), (2, 0, "b"), (2, 1, "b")])
    assert found.disagreement[0] == pytest.approx(2 / 3)
    assert np.isnan(found.disagreement[1])
    assert found.disagreement[2] == 0
    assert found.to_table()["disagreement"].to_pylist()[1] is None


def test_full_agreement_is_one_and_answers_of_one_class_are_beyond_judgement():
    agree = by_hand([(i, w, i % 2) for i in range(6) for w in range(3)]).agreement
    assert agree.alpha == pytest.approx(1)
    assert agree.fleiss == pytest.approx(1)
    assert np.isnan(by_hand([(i, w, "x") for i in range(4) for w in range(2)]).agreement.alpha)
