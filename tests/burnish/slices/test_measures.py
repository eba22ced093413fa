"""Every metric by slice, against scikit-learn on the rows of the slice, and its limits."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from burnish.errors import DataError
from burnish.slices import (
    Partition,
    SliceName,
    by_class,
    everything,
    resolve_partitions,
    resolve_slices,
    slice_metrics,
    worst,
)
from burnish.spec import Slice

ALL = ["accuracy", "precision", "recall", "f1", "f1_macro", "auroc", "log_loss", "brier", "ece"]


def parts(codes):
    codes = np.asarray(codes, dtype=np.int64)
    names = [SliceName.of(str(at), str(at)) for at in range(codes.max() + 1)]
    return Partition(tuple(names), codes)


def classified(n=900, k=3, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    probs = rng.dirichlet(np.ones(k), n) + 0.4 * np.eye(k)[true]
    probs /= probs.sum(axis=1, keepdims=True)
    return true, probs.argmax(axis=1), probs, rng.integers(0, 3, n)


def cells(table, name):
    return {row["metric"]: row for row in table.to_pylist() if row["slice"] == name}


@pytest.mark.parametrize("positive", [None, 1])
def test_values_are_those_of_scikit_learn_on_the_rows_of_each_slice(positive):
    true, predicted, probs, codes = classified()
    found = slice_metrics(
        true, predicted, [parts(codes)],
        pred_probs=probs, classes=[0, 1, 2], metrics=ALL, positive=positive,
    )  # fmt: skip
    how = {"average": "macro"} if positive is None else {"labels": [1], "average": "macro"}
    for at in range(3):
        rows = codes == at
        y, guess, p = true[rows], predicted[rows], probs[rows]
        area = (
            sk.roc_auc_score(y, p, multi_class="ovr")
            if positive is None
            else sk.roc_auc_score(y == 1, p[:, 1])
        )
        expected = {
            "accuracy": sk.accuracy_score(y, guess),
            "precision": sk.precision_score(y, guess, **how),
            "recall": sk.recall_score(y, guess, **how),
            "f1": sk.f1_score(y, guess, **how),
            "f1_macro": sk.f1_score(y, guess, average="macro"),
            "auroc": area,
            "log_loss": sk.log_loss(y, p),
            "brier": ((p - np.eye(3)[y]) ** 2).sum(axis=1).mean(),
        }
        own = cells(found, str(at))
        for metric, value in expected.items():
            assert own[metric]["value"] == pytest.approx(value), metric
            assert own[metric]["low"] < value < own[metric]["high"], metric
        assert own["ece"]["low"] is None
        assert own["accuracy"]["support"] == rows.sum()


def test_errors_of_numbers_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    true = rng.normal(5, 2, 400)
    guess = true + rng.normal(0.3, 1, 400)
    codes = np.arange(400) % 2
    found = slice_metrics(true, guess, [parts(codes)], task="regression")
    for at in range(2):
        y, p = true[codes == at], guess[codes == at]
        expected = {
            "mae": sk.mean_absolute_error(y, p),
            "rmse": sk.root_mean_squared_error(y, p),
            "bias": (p - y).mean(),
            "r2": sk.r2_score(y, p),
        }
        own = cells(found, str(at))
        assert list(own) == list(expected)
        for metric, value in expected.items():
            assert own[metric]["value"] == pytest.approx(value), metric
            assert own[metric]["low"] < value < own[metric]["high"], metric


@pytest.mark.parametrize("labels", ["integers", "negative", "text", "booleans", "mixed"])
def test_a_partition_and_its_masks_measure_the_same_whatever_the_labels(labels):
    true, predicted, _, codes = classified()
    codes = np.where(np.arange(codes.size) < 50, -1, codes)
    names = {
        "integers": np.array([7, 100, 900]),
        "negative": np.array([-100, 0, 100], dtype=np.int8),
        "text": np.array(["x", "y", "zz"]),
        "booleans": np.array([True, False, False]),
        "mixed": np.array(["x", 1, 2.5], dtype=object),
    }[labels]
    cut = parts(codes)
    together = slice_metrics(names[true], names[predicted], [cut], metrics=ALL)
    apart = slice_metrics(names[true], names[predicted], cut.masks(), metrics=ALL)
    assert together == apart
    right = (names[true] == names[predicted])[codes == 1].mean()
    assert cells(together, "1")["accuracy"]["value"] == pytest.approx(right)


def test_a_label_of_one_kind_is_never_one_of_another():
    found = slice_metrics([1, 2], ["1", "2"], [everything(2)], metrics=["accuracy"])
    assert found["value"].to_pylist() == [0.0]


def test_what_cannot_be_counted_is_unknown_and_not_zero():
    # Nothing is predicted `b` in slice 0, nothing is truly `b` in slice 1, slice 2 is empty.
    true, predicted = ["b", "a", "a", "a"], ["a", "a", "b", "a"]
    cut = Partition(
        tuple(SliceName.of(str(at), str(at)) for at in range(3)), np.array([0, 0, 1, 1])
    )
    found = slice_metrics(
        true, predicted, [cut], metrics=["precision", "recall", "accuracy"], positive="b"
    )
    assert cells(found, "0")["precision"]["value"] is None
    assert cells(found, "0")["recall"]["value"] == 0.0
    assert cells(found, "1")["recall"]["value"] is None
    for row in cells(found, "2").values():
        assert (row["value"], row["low"], row["high"], row["support"]) == (None, None, None, 0)


def test_no_rows_at_all_are_unknown():
    found = slice_metrics([], [], [everything(0)], metrics=["accuracy"])
    assert found.to_pylist()[0]["value"] is None


def test_few_rows_and_few_of_the_rarer_outcome_are_marked_uncertain():
    true = np.zeros(230, dtype=int)
    predicted = true.copy()
    codes = np.repeat([0, 1, 2], [29, 101, 100])
    predicted[:12] = 1  # 12 wrong of 29 rows
    predicted[29:38] = 1  # 9 wrong of 101
    predicted[130:140] = 1  # 10 wrong of 100
    found = slice_metrics(true, predicted, [parts(codes)], metrics=["accuracy"])
    assert found["uncertain"].to_pylist() == [True, True, False]


def test_an_own_metric_has_a_bootstrap_interval_that_repeats():
    true, predicted, _, codes = classified()

    def share_right(y, guess, probs):
        assert probs is None
        return float((y == guess).mean())

    def measured(seed):
        return slice_metrics(
            true, predicted, [parts(codes)],
            metrics=["accuracy"], own={"share": share_right}, random_state=seed,
        )  # fmt: skip

    found = measured(0)
    assert found == measured(0)
    assert found != measured(1)
    for at in range(3):
        own = cells(found, str(at))
        assert own["share"]["value"] == own["accuracy"]["value"]
        assert own["share"]["low"] == pytest.approx(own["accuracy"]["low"], abs=0.02)
        assert own["share"]["high"] == pytest.approx(own["accuracy"]["high"], abs=0.02)


def test_the_slices_of_the_classes_have_the_recall_of_each():
    true, predicted, _, _ = classified()
    found = slice_metrics(true, predicted, [by_class(true)], metrics=["accuracy"])
    expected = sk.recall_score(true, predicted, average=None)
    assert found["value"].to_pylist() == pytest.approx(expected.tolist())
    assert found["slice"].to_pylist() == ["class:0", "class:1", "class:2"]


def test_class_slices_have_the_ids_of_a_spec_that_cuts_the_labels():
    labels = ["b", "a"]
    declared = resolve_slices(pa.table({"label": labels}), [Slice(name="class", column="label")])
    assert [one.slice_id for one in by_class(labels).parts] == [one.slice_id for one in declared]


@pytest.mark.parametrize("keys", [{}, {"values": ("x", "z", float("nan"))}, {"values": ("y", "y")}])
def test_a_column_is_cut_alike_as_a_partition_and_as_masks(keys):
    table = pa.table({"c": ["x", None, "y", "x", "w"]})
    cut = [Slice(name="c", column="c", **keys)]
    (whole,) = resolve_partitions(table, cut)
    for one in resolve_slices(table, cut):
        (alone,) = resolve_slices(
            table,
            [Slice(name="c", where={"c": None if one.name == "c:missing" else one.name[2:]})],
        )
        assert alone.slice_id == one.slice_id
        assert alone.mask.tolist() == one.mask.tolist()
    ids = [part.slice_id for part in whole.parts]
    assert len(set(ids)) == len(ids)


def test_the_worst_slices_come_first_and_small_ones_not_at_all():
    table = pa.table(
        {
            "slice": ["overall", "a", "b", "c", "d"],
            "slice_id": ["overall", "1", "2", "3", "4"],
            "metric": ["m"] * 5,
            "value": [0.1, 0.9, 0.4, None, 0.2],
            "support": [99, 50, 50, 50, 5],
        }
    )
    assert worst(table, "m", k=2)["slice"].to_pylist() == ["b", "a"]
    assert worst(table, "m", k=1, higher_is_worse=True)["slice"].to_pylist() == ["a"]
    assert worst(table, "m", min_support=1)["slice"].to_pylist() == ["d", "b", "a"]
    with pytest.raises(DataError, match="metric 'n'"):
        worst(table, "n")


def test_a_loss_is_worst_when_high_and_a_bias_when_far_from_zero():
    table = pa.table(
        {
            "slice": ["a", "b", "c"] * 2,
            "slice_id": ["1", "2", "3"] * 2,
            "metric": ["mae"] * 3 + ["bias"] * 3,
            "value": [0.1, 0.9, 0.4, -2.0, 1.0, 0.1],
            "support": [50] * 6,
        }
    )
    assert worst(table, "mae", k=1)["slice"].to_pylist() == ["b"]
    assert worst(table, "bias", k=1)["slice"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"positive": "x"}, "positive is 'x'"),
        ({"task": "regression"}, "expected: numbers"),
        ({"own": {"accuracy": lambda *_: 0.0}}, "called 'accuracy'"),
        ({"metrics": ["mae"]}, "metric 'mae'"),
        ({"resamples": 0}, "resamples is 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(keys, message):
    with pytest.raises(DataError, match=message):
        slice_metrics(["a", "b"], ["a", "b"], [everything(2)], **keys)


def test_a_partition_of_other_rows_is_refused():
    with pytest.raises(DataError, match="mask of shape"):
        slice_metrics(["a"], ["a"], [parts([0, 0])])


def test_a_positive_that_has_no_probability_is_refused():
    with pytest.raises(DataError, match="positive is 'c'"):
        slice_metrics(
            ["a", "b"], ["a", "c"], [everything(2)],
            pred_probs=np.eye(2), classes=["a", "b"], metrics=["auroc"], positive="c",
        )  # fmt: skip


def test_a_code_without_its_slice_is_refused():
    with pytest.raises(DataError, match="1 slices with code 1"):
        Partition((SliceName.of("a", "a"),), np.array([0, 1]))


def test_a_partition_without_slices_and_no_slices_at_all_give_no_rows():
    nothing = Partition((), np.array([-1, -1]))
    for slices in ([nothing], []):
        found = slice_metrics(
            ["a", "b"], ["a", "b"], slices,
            pred_probs=np.eye(2), classes=["a", "b"], metrics=ALL,
        )  # fmt: skip
        assert found.num_rows == 0


def test_a_missing_number_is_refused_by_its_row():
    with pytest.raises(DataError, match="y_pred is missing or infinite in row 1"):
        slice_metrics([1.0, 2.0], [1.0, float("nan")], [everything(2)], task="regression")


def test_intervals_hold_the_truth_as_often_as_they_say():
    # 300 slices of 200 rows; three standard errors of a share of .95 over 300 are .038.
    rng = np.random.default_rng(5)
    n, repetitions = 200, 300

    def drawn(size, slices):
        true = rng.integers(0, 2, size)
        score = 1.5 * (true - 0.5) + rng.normal(size=size)
        sure = 1 / (1 + np.exp(-1.5 * score))
        probs = np.column_stack([1 - sure, sure])
        return slice_metrics(
            true, (sure > 0.5).astype(int), [slices],
            pred_probs=probs, classes=[0, 1], metrics=ALL[:-1], positive=1,
        )  # fmt: skip

    sample = drawn(n * repetitions, parts(np.arange(n * repetitions) % repetitions)).to_pylist()
    exact = {row["metric"]: row["value"] for row in drawn(400_000, parts(np.zeros(400_000)))
             .to_pylist()}  # fmt: skip
    held = {name: [] for name in ALL[:-1]}
    for row in sample:
        held[row["metric"]].append(row["low"] <= exact[row["metric"]] <= row["high"])
    assert min(len(one) for one in held.values()) == repetitions
    shares = {name: np.mean(one) for name, one in held.items()}
    assert np.mean(list(shares.values())) >= 0.93, shares
    assert min(shares.values()) >= 0.91, shares
