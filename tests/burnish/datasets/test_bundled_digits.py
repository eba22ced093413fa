"""The bundled digits: real images, errors where digits look alike, everything repeatable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from burnish.datasets import load_bundled
from burnish.datasets.digits import ANNOTATORS
from burnish.datasets.truth import bundled_truth
from burnish.errors import DataError


@pytest.fixture(scope="module")
def digits():
    return load_bundled("digits")


@pytest.fixture(scope="module")
def truth():
    table = bundled_truth("digits")
    return dict(zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def rows_of(table: pa.Table, **where: str) -> list[dict]:
    rows = table.drop_columns(["image"]) if "image" in table.column_names else table
    return [
        row for row in rows.to_pylist() if all(row[name] == value for name, value in where.items())
    ]


def share_wrong(rows: list[dict], truth: dict[str, str]) -> float:
    return float(np.mean([row["label"] != truth[row["example_id"]] for row in rows]))


def test_the_table_is_what_the_spec_says(digits):
    table = digits.examples
    assert table.schema == pa.schema(
        [
            ("example_id", pa.string()),
            ("label", pa.string()),
            ("image", pa.list_(pa.float32())),
            ("source", pa.string()),
            ("ink", pa.float64()),
            ("split", pa.string()),
        ]
    )
    assert table["example_id"].to_pylist()[0] == "digit-0000"
    assert len(set(table["example_id"].to_pylist())) == table.num_rows == 1797
    pixels = np.stack(table["image"].to_numpy())
    assert pixels.shape == (1797, 64)
    assert pixels.min() == 0
    assert pixels.max() == 16
    np.testing.assert_allclose(table["ink"].to_numpy(), pixels.mean(axis=1))


def test_images_of_the_good_scanner_are_the_real_ones(digits):
    from sklearn.datasets import load_digits

    real = load_digits().data
    for row in digits.examples.slice(0, 200).to_pylist():
        same = np.array_equal(row["image"], real[int(row["example_id"].removeprefix("digit-"))])
        assert same == (row["source"] == "scanA")


def test_splits_are_stratified_and_scanners_take_a_third_each(digits, truth):
    counts = Counter(row["split"] for row in rows_of(digits.examples))
    assert counts == {"train": 1079, "validation": 359, "test": 359}
    assert set(Counter(digits.examples["source"].to_pylist()).values()) == {599}
    for split in ("validation", "test"):
        rows = rows_of(digits.examples, split=split)
        by_digit = Counter(truth[row["example_id"]] for row in rows)
        assert min(by_digit.values()) >= 34
        assert max(by_digit.values()) <= 37


@pytest.mark.parametrize("noise", [0.0, 0.07, 0.2, 0.4])
def test_the_share_of_wrong_training_labels_is_exact(noise, truth):
    for seed in (0, 5):
        rows = rows_of(load_bundled("digits", noise=noise, seed=seed).examples, split="train")
        wrong = sum(row["label"] != truth[row["example_id"]] for row in rows)
        assert wrong == round(noise * len(rows))


@pytest.mark.parametrize("seed", range(4))
def test_the_majority_of_five_is_wrong_on_a_few_in_a_hundred(seed, truth):
    examples = load_bundled("digits", seed=seed).examples
    held_out = rows_of(examples, split="validation") + rows_of(examples, split="test")
    assert 0.01 <= share_wrong(held_out, truth) <= 0.06


@pytest.mark.parametrize("seed", range(4))
def test_the_bad_scanner_is_mislabelled_about_twice_as_often(seed, truth):
    examples = load_bundled("digits", seed=seed).examples
    share = {
        source: share_wrong(rows_of(examples, split="train", source=source), truth)
        for source in ("scanA", "scanB", "scanC")
    }
    assert share["scanA"] < share["scanC"]
    assert share["scanB"] < share["scanC"]
    assert share["scanC"] > 1.5 * share["scanA"]


def test_annotators_differ_in_skill_and_answer_every_example_once(digits, truth):
    answers = rows_of(digits.annotations)
    assert len(answers) == 1797 * 5
    wrong = [
        share_wrong([row for row in answers if row["annotator_id"] == name], truth)
        for name in ANNOTATORS
    ]
    assert wrong == sorted(wrong)
    assert wrong[0] < wrong[-1] / 2
    assert all(name.startswith("simulated-") for name in ANNOTATORS)


def test_a_training_label_is_the_answer_of_one_annotator(digits):
    answers: dict[str, set[str]] = {}
    for row in digits.annotations.to_pylist():
        answers.setdefault(row["example_id"], set()).add(row["label"])
    for row in rows_of(digits.examples, split="train"):
        assert row["label"] in answers[row["example_id"]]


def test_held_out_labels_are_a_plurality_of_the_answers(digits):
    votes: dict[str, Counter[str]] = {}
    for row in digits.annotations.to_pylist():
        votes.setdefault(row["example_id"], Counter())[row["label"]] += 1
    for row in rows_of(digits.examples, split="test"):
        count = votes[row["example_id"]]
        assert count[row["label"]] == max(count.values())


def test_errors_are_not_uniform_but_follow_resemblance(truth):
    pairs: Counter[tuple[str, str]] = Counter()
    for seed in range(6):
        for row in rows_of(load_bundled("digits", seed=seed).examples, split="train"):
            right = truth[row["example_id"]]
            if row["label"] != right:
                pairs[(right, row["label"])] += 1
    total = sum(pairs.values())
    # Of 90 ordered pairs, uniform flips would put 11 % of the errors on any ten.
    assert sum(count for _, count in pairs.most_common(10)) / total > 0.3
    # Threes and nines, ones and eights share strokes; sixes and sevens do not.
    alike = pairs[("9", "3")] + pairs[("3", "9")] + pairs[("1", "8")] + pairs[("8", "1")]
    unlike = pairs[("6", "7")] + pairs[("7", "6")] + pairs[("0", "1")] + pairs[("1", "0")]
    assert alike > 5 * unlike


def test_wrong_answers_gather_on_the_same_images(digits, truth):
    wrong: Counter[str] = Counter()
    for row in digits.annotations.to_pylist():
        wrong[row["example_id"]] += row["label"] != truth[row["example_id"]]
    counts = np.array([wrong[example_id] for example_id in truth])
    share = counts.mean() / 5
    # Were images alike, counts would vary as a binomial (a little less: skills differ).
    assert counts.var() > 1.15 * 5 * share * (1 - share)


def test_labels_wrong_at_a_low_noise_are_wrong_at_a_higher_one(truth):
    def wrong(noise: float) -> set[str]:
        rows = rows_of(load_bundled("digits", noise=noise, seed=2).examples, split="train")
        return {row["example_id"] for row in rows if row["label"] != truth[row["example_id"]]}

    assert wrong(0.05) < wrong(0.1) < wrong(0.3)


def test_equal_options_give_equal_tables_and_another_seed_another(digits):
    again = load_bundled("digits", noise=0.2, seed=0)
    assert again.examples.equals(digits.examples)
    assert again.annotations.equals(digits.annotations)
    other = load_bundled("digits", seed=1).examples
    assert other["source"] != digits.examples["source"]
    assert other["split"] != digits.examples["split"]
    assert other["label"] != digits.examples["label"]


def test_withheld_rows_come_without_label_answers_or_split(truth):
    digits = load_bundled("digits", unlabeled=100)
    assert digits.unlabeled is not None
    assert digits.unlabeled.column_names == ["example_id", "image", "source", "ink"]
    withheld = set(digits.unlabeled["example_id"].to_pylist())
    assert len(withheld) == 100
    assert not withheld & set(digits.examples["example_id"].to_pylist())
    assert not withheld & set(digits.annotations["example_id"].to_pylist())
    rows = rows_of(digits.examples, split="train")
    assert len(rows) == 979
    assert sum(row["label"] != truth[row["example_id"]] for row in rows) == round(0.2 * 979)
    assert withheld < set(truth)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"noise": 1.5}, "noise is 1.5"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise": "much"}, "noise is 'much'"),
        ({"noise": True}, "noise is True"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"unlabeled": 100_000}, "100000 rows are to be withheld"),
        ({"size": 3}, "no option 'size'"),
    ],
)
def test_options_that_cannot_be_are_refused(options, found):
    with pytest.raises(DataError, match=found):
        load_bundled("digits", **options)


def test_an_unknown_set_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="expected: one of: digits"):
        load_bundled("letters")
    with pytest.raises(DataError, match="letters"):
        bundled_truth("letters")
