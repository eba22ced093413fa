from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from burnish.consensus import fit_consensus
from burnish.consensus.answers import read_answers
from burnish.consensus.tables import _CompiledSteps, _SparseSteps, dawid_skene
from burnish.errors import DataError

METHODS = ["majority", "reliability", "dawid_skene", "dawid_skene_kinds"]


def kind_of(consensus, name):
    table = consensus.annotators.to_pylist()
    return next(row for row in table if row["annotator_id"] == name)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_every_method_finds_most_of_the_planted_truth(plant, method):
    planted = plant(accuracy=0.7)
    assert planted.accuracy(fit_consensus(planted.table, method=method)) > 0.85


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_are_of_all_classes_and_sum_to_one(plant, method):
    found = fit_consensus(plant().table, method=method, classes=["c", "a", "b", "never"])
    assert found.probabilities.shape == (300, 4)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert (found.probabilities >= 0).all()


def test_weighing_annotators_beats_counting_where_half_of_them_guess(plant):
    planted = plant(spammers=8, good=4, per=3, accuracy=0.85)
    chosen = fit_consensus(planted.table)
    assert chosen.method != "majority"
    assert planted.accuracy(chosen) > planted.accuracy(
        fit_consensus(planted.table, method="majority")
    )


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_spammer_adversary_and_newcomer_are_named(plant, method):
    planted = plant(n=500, spammers=1, adversary=("a", "b"), few=1)
    found = fit_consensus(planted.table, method=method)
    assert kind_of(found, "spam0")["kind"] == "spammer"
    flip = kind_of(found, "flip")
    assert (flip["kind"], flip["flips_from"], flip["flips_to"]) == ("adversary", "a", "b")
    assert kind_of(found, "few0")["kind"] == "few answers"
    others = [row["kind"] for row in found.annotators.to_pylist()]
    assert others.count("ok") == 6


def test_an_annotator_who_always_says_the_same_is_a_spammer_not_an_adversary(plant):
    planted = plant(n=400)
    ids = sorted(planted.truth)[:200]
    lazy = pa.table({"example_id": ids, "annotator_id": ["lazy"] * 200, "label": ["b"] * 200})
    found = fit_consensus(pa.concat_tables([planted.table, lazy]))
    assert kind_of(found, "lazy")["kind"] == "spammer"


def test_an_adversary_with_two_classes_is_turned_round_and_used(plant):
    planted = plant(classes=("no", "yes"), good=3, per=2, accuracy=0.7, seed=3)
    ids = sorted(planted.truth)
    turned = ["no" if planted.truth[name] == "yes" else "yes" for name in ids]
    liar = pa.table({"example_id": ids, "annotator_id": ["liar"] * len(ids), "label": turned})
    found = fit_consensus(pa.concat_tables([planted.table, liar]), method="dawid_skene")
    assert kind_of(found, "liar")["kind"] == "adversary"
    assert planted.accuracy(found) > planted.accuracy(
        fit_consensus(planted.table, method="dawid_skene")
    )


def test_three_right_answers_do_not_make_an_expert(plant):
    found = fit_consensus(plant(few=2, accuracy=0.7).table)
    few = kind_of(found, "few0")
    assert few["reliability"] < 0.9
    assert few["low"] < 0.6
    assert few["high"] > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_intervals_of_reliability_hold_the_planted_accuracy(plant, method):
    inside = 0
    for seed in range(5):
        found = fit_consensus(plant(seed=seed, accuracy=0.8, good=8).table, method=method)
        rows = found.annotators.to_pylist()
        inside += sum(row["low"] <= 0.8 <= row["high"] for row in rows)
    # Others' consensus is itself wrong now and then, so a little under 95 % of 40 is right.
    assert inside >= 34


def test_confusion_matrix_is_recovered_from_the_answers(plant):
    found = fit_consensus(plant(n=900, adversary=("a", "b"), accuracy=0.85).table)
    matrix = found.confusion_matrix("flip")
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert matrix[0, 1] > 0.85
    assert matrix[1, 1] > 0.85
    assert matrix[2, 2] > 0.85
    with pytest.raises(DataError, match="'nobody' gave no answer"):
        found.confusion_matrix("nobody")


def test_errors_shared_by_everybody_are_not_taken_for_truth():
    # Half of the true yes are hard: there everybody says no most of the time. What plain
    # Dawid-Skene finds is 'easy yes'; held-out answers show that more is going on.
    rng = np.random.default_rng(5)
    n, workers = 1500, 12
    yes = rng.random(n) < 0.4
    hard = rng.random(n) < 0.45
    p = np.where(yes, np.where(hard, 0.35, 0.95), np.where(hard, 0.2, 0.02))
    who = np.stack([rng.permutation(workers)[:6] for _ in range(n)])
    label = rng.random((n, 6)) < p[:, None]
    table = pa.table(
        {
            "example_id": np.repeat(np.arange(n), 6),
            "annotator_id": who.ravel(),
            "label": np.where(label.ravel(), "yes", "no").tolist(),
        }
    )
    found = fit_consensus(table)
    assert found.method == "dawid_skene_kinds"
    assert "dawid_skene " in found.why
    scores = {score.method: score for score in found.choice.scores}
    assert scores["dawid_skene"].behind > scores["dawid_skene"].standard_error


def test_the_simplest_of_equals_is_chosen_and_said_so_with_numbers(plant):
    # Equal annotators whose wrong answers are spread evenly: one number each says it all.
    found = fit_consensus(plant(n=600, accuracy=0.8).table)
    assert found.method == "reliability"
    assert found.why.startswith("reliability: mean log-likelihood -")
    assert "held-out answers" in found.why
    assert found.choice.to_table()["method"].to_pylist() == [
        "majority", "reliability", "dawid_skene",
    ]  # fmt: skip


def test_gold_decides_where_there_is_enough_of_it():
    rng = np.random.default_rng(0)
    truth = np.array(["a", "b"])[rng.integers(2, size=200)]
    rows = []
    for i, t in enumerate(truth):
        for w in range(3):
            label = t if rng.random() < 0.8 else "ab"[int(t == "a")]
            rows.append((i, f"w{w}", label))
    example, annotator, label = zip(*rows, strict=True)
    table = pa.table({"example_id": example, "annotator_id": annotator, "label": label})
    gold = {i: str(truth[i]) for i in range(40)}
    found = fit_consensus(table, gold=gold)
    assert "of 40 gold examples" in found.why
    assert found.labels[:40].tolist() == truth[:40].tolist()
    few = fit_consensus(table, gold={0: str(truth[0])})
    assert "gold" not in few.why
    assert few.labels[0] == truth[0]


def test_gold_overrules_the_answers_in_every_method(plant):
    planted = plant()
    name = sorted(planted.truth)[7]
    wrong = "a" if planted.truth[name] != "a" else "b"
    for method in METHODS:
        found = fit_consensus(planted.table, gold={name: wrong}, method=method)
        assert found.labels[found.example_ids.index(name)] == wrong


def test_a_good_model_is_heard_and_a_useless_one_is_not(plant):
    planted = plant(accuracy=0.5, per=3, n=600)
    names, classes = sorted(planted.truth), ["a", "b", "c"]
    rng = np.random.default_rng(0)
    place = np.array([classes.index(planted.truth[name]) for name in names])
    good = rng.dirichlet(np.ones(3), size=600) * 0.4
    good[np.arange(600), place] += 0.6
    without = fit_consensus(planted.table)
    found = fit_consensus(planted.table, pred_probs=good)
    assert found.method.endswith("+model")
    assert planted.accuracy(found) > planted.accuracy(without) + 0.05
    useless = rng.dirichlet(np.ones(3), size=600)
    deaf = fit_consensus(planted.table, pred_probs=useless)
    assert deaf.method == without.method
    assert deaf.labels.tolist() == without.labels.tolist()


def test_pred_probs_come_as_a_table_in_any_order(plant):
    planted = plant()
    names = sorted(planted.truth)
    probs = np.random.default_rng(1).dirichlet(np.ones(3), size=300)
    frame = pd.DataFrame(probs, columns=["a", "b", "c"]).assign(example_id=names)
    as_array = fit_consensus(planted.table, pred_probs=probs, method="model")
    as_table = fit_consensus(
        planted.table, pred_probs=frame.sample(frac=1, random_state=0), method="model"
    )
    np.testing.assert_array_equal(as_array.probabilities, as_table.probabilities)


def test_to_table_has_a_row_an_example_and_a_column_a_class(plant):
    found = fit_consensus(plant().table)
    table = found.to_table()
    assert table.column_names == [
        "example_id", "label", "probability", "n_answers", "disagreement",
        "probability:a", "probability:b", "probability:c",
    ]  # fmt: skip
    assert table.num_rows == 300
    assert table["example_id"].to_pylist() == sorted(table["example_id"].to_pylist())
    row = table.slice(0, 1).to_pylist()[0]
    assert row["probability"] == max(row[f"probability:{k}"] for k in "abc")


@pytest.mark.parametrize("kinds", [1, 2])
@pytest.mark.parametrize("with_offset", [False, True])
def test_the_compiled_round_is_the_sparse_round(plant, kinds, with_offset):
    answers = read_answers(plant(spammers=2).table)
    rng = np.random.default_rng(0)
    states = rng.dirichlet(np.ones(3 * kinds), size=300)
    prior = np.ones((answers.shape[1] * 3, 3 * kinds))
    weight = rng.normal(size=3 * kinds)
    fixed = rng.normal(size=states.shape) if with_offset else None
    results = []
    for steps in (_SparseSteps(answers), _CompiledSteps(answers)):
        counts = steps.counts(states) + prior
        results.append((counts, *steps.round(states.copy(), counts, weight, fixed, prior)))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7)


def test_dawid_skene_stops_after_the_rounds_it_is_given(plant):
    answers = read_answers(plant().table)
    one = dawid_skene(answers, rounds=1, tolerance=0.0)
    many = dawid_skene(answers, rounds=30, tolerance=0.0)
    assert np.abs(one.probabilities - many.probabilities).max() > 1e-3


def real(name):
    path = Path(os.environ.get("BURNISH_DATA", "/nowhere")) / "crowd_sets" / f"{name}.csv"
    if not path.exists():
        pytest.skip("needs BURNISH_DATA")
    rows = pd.read_csv(path, dtype=str).drop_duplicates(["task", "worker"])
    rows = rows.rename(columns={"task": "example_id", "worker": "annotator_id"})
    return rows.drop(columns="gold"), dict(zip(rows["example_id"], rows["gold"], strict=True))


def hits(found, gold):
    pairs = zip(found.example_ids, found.labels, strict=True)
    return float(np.mean([gold[name] == label for name, label in pairs]))


@pytest.mark.data
@pytest.mark.parametrize("name", ["zencrowd_us", "weather_amt"])
def test_where_dawid_skene_is_said_to_lose_the_choice_does_not(name):
    rows, gold = real(name)
    chosen = hits(fit_consensus(rows), gold)
    assert chosen >= hits(fit_consensus(rows, method="majority"), gold)
    assert chosen >= hits(fit_consensus(rows, method="dawid_skene"), gold)
