"""Two models compared by slice: values, findings, and what must hold of any two models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.metrics import paired_difference
from burnish.slices import (
    COMPARISON_SCHEMA,
    Partition,
    SliceMask,
    SliceName,
    by_class,
    compare,
    everything,
    slice_metrics,
)

METRICS = ("accuracy", "precision", "recall", "f1", "f1_macro", "auroc", "log_loss", "brier", "ece")
NUMBERS = ("mae", "rmse", "bias", "r2")
LIMITS = ("low", "high", "low_all", "high_all")


def parts(codes):
    codes = np.asarray(codes, dtype=np.int64)
    names = [SliceName.of(f"part {at}", str(at)) for at in range(codes.max() + 1)]
    return Partition(tuple(names), codes)


def scores(true, rng, gap):
    probs = rng.dirichlet(np.ones(3), true.size) + gap * np.eye(3)[true]
    return probs / probs.sum(axis=1, keepdims=True)


def world(seed=0, n=600, gain=0.0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    before, after = scores(true, rng, 0.4), scores(true, rng, 0.4 + gain)
    return true, before, after, rng.integers(0, 3, n)


def held(true, before, after, cuts, **keys):
    keys = {"metrics": METRICS, "classes": [0, 1, 2], **keys}
    return compare(
        true, before.argmax(axis=1), after.argmax(axis=1), cuts,
        probs_before=before, probs_after=after, **keys,
    )  # fmt: skip


def column(found, name):
    return found.to_table()[name].to_numpy()


@pytest.mark.parametrize("positive", [None, 1])
def test_before_and_after_are_what_slice_metrics_says_of_each_model(positive):
    true, before, after, codes = world()
    cuts = [everything(true.size), parts(codes), by_class(true)]
    found = held(true, before, after, cuts, positive=positive)
    assert found.to_table().schema == COMPARISON_SCHEMA
    for name, probs in (("before", before), ("after", after)):
        alone = slice_metrics(
            true, probs.argmax(axis=1), cuts,
            pred_probs=probs, classes=[0, 1, 2], metrics=METRICS, positive=positive,
        )  # fmt: skip
        assert alone["slice"].to_pylist() == found.to_table()["slice"].to_pylist()
        assert alone["metric"].to_pylist() == found.to_table()["metric"].to_pylist()
        np.testing.assert_allclose(column(found, name), alone["value"].to_numpy(), atol=1e-12)


def test_of_numbers_before_and_after_are_what_slice_metrics_says():
    rng = np.random.default_rng(2)
    true = rng.gamma(2, 3, 300)
    before, after = true + rng.normal(0.5, 1, 300), true + rng.normal(-0.2, 2, 300)
    cuts = [parts(rng.integers(0, 3, 300))]
    found = compare(true, before, after, cuts, task="regression", metrics=NUMBERS)
    alone = slice_metrics(true, after, cuts, task="regression", metrics=NUMBERS)
    size = np.where(np.array(alone["metric"].to_pylist()) == "bias", -1, 1)
    expected = np.where(size < 0, np.abs(alone["value"].to_numpy()), alone["value"].to_numpy())
    np.testing.assert_allclose(column(found, "after"), expected, atol=1e-12)


def test_accuracy_has_tangos_limits_at_the_level_of_its_family():
    true, before, after, codes = world()
    found = list(held(true, before, after, [parts(codes)], metrics=["accuracy"]).rows())
    for at, row in enumerate(found):
        rows = codes == at
        right = [(p.argmax(axis=1) == true)[rows] for p in (after, before)]
        own = paired_difference(*right)
        wide = paired_difference(*right, confidence=1 - 0.05 / 3)
        assert [row[name] for name in LIMITS] == pytest.approx(
            [own.low, own.high, wide.low, wide.high], abs=1e-9
        )


def planted(hurt=0.25, n=6000, seed=0):
    """Probabilities that are right 85 % of the time; after, less so in slice 2."""
    rng = np.random.default_rng(seed)
    true, codes = rng.integers(0, 2, n), rng.integers(0, 6, n)
    right = rng.random(n) < 0.85
    spoiled = right & ~((codes == 2) & (rng.random(n) < hurt))
    probs = [
        np.where(ok[:, None] == (np.eye(2)[true] > 0), 0.85, 0.15)
        + 0.1 * rng.random((n, 1)) * [1, -1]
        for ok in (right, spoiled)
    ]
    return true, probs[0], probs[1], codes


@pytest.mark.parametrize("correction", ["bonferroni", "max-t"])
@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "auroc", "log_loss", "brier"])
def test_a_slice_that_was_hurt_is_called_worse_and_no_other(metric, correction):
    true, before, after, codes = planted()
    found = held(
        true, before, after, [parts(codes)], classes=[0, 1], metrics=[metric], correction=correction
    )
    assert [row["slice"] for row in found.rows(finding="worse")] == ["part 2"]
    assert not list(found.rows(finding="better"))
    turned = held(
        true, after, before, [parts(codes)], classes=[0, 1], metrics=[metric], correction=correction
    )
    assert [row["slice"] for row in turned.rows(finding="better")] == ["part 2"]


def test_calibration_that_was_lost_is_called_worse():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 0.95, 8000)
    true = (rng.random(8000) < sure).astype(int)
    before = np.column_stack([1 - sure, sure])
    power = sure**4 / (sure**4 + (1 - sure) ** 4)
    after = np.column_stack([1 - power, power])
    (row,) = held(true, before, after, [everything(8000)], classes=[0, 1], metrics=["ece"]).rows()
    assert row["finding"] == "worse"
    assert row["difference"] > 0


models = st.tuples(st.integers(0, 10_000), st.sampled_from([40, 90, 200]), st.sampled_from([0, 1]))


@settings(max_examples=25, deadline=None)
@given(models, st.sampled_from(["bonferroni", "max-t"]))
def test_swapping_the_models_negates_differences_and_swaps_limits(given_world, correction):
    seed, n, gain = given_world
    true, before, after, codes = world(seed, n, gain)
    cuts = [everything(n), parts(codes)]
    found = held(true, before, after, cuts, correction=correction, resamples=500)
    turned = held(true, after, before, cuts, correction=correction, resamples=500)
    for name, other in (("low", "high"), ("low_all", "high_all"), ("difference", "difference")):
        np.testing.assert_allclose(column(found, name), -column(turned, other), atol=1e-9)
    np.testing.assert_array_equal(column(found, "uncertain"), column(turned, "uncertain"))


@settings(max_examples=15, deadline=None)
@given(models)
def test_a_slice_of_all_rows_has_the_numbers_of_the_whole(given_world):
    seed, n, gain = given_world
    true, before, after, _ = world(seed, n, gain)
    cuts = [everything(n), parts(np.zeros(n)), SliceMask("all", "x", "x", np.ones(n, dtype=bool))]
    found = held(true, before, after, cuts, positive=1)
    for name in ("before", "after", "difference", *LIMITS):
        whole, part, mask = column(found, name).reshape(3, -1)
        np.testing.assert_array_equal(whole, part)
        np.testing.assert_array_equal(whole, mask)


@settings(max_examples=15, deadline=None)
@given(models)
def test_the_order_of_rows_changes_nothing(given_world):
    seed, n, gain = given_world
    true, before, after, codes = world(seed, n, gain)
    order = np.random.default_rng(seed).permutation(n)
    found = held(true, before, after, [parts(codes)])
    mixed = held(true[order], before[order], after[order], [parts(codes).take(order)])
    for name in ("difference", *LIMITS):
        np.testing.assert_allclose(column(found, name), column(mixed, name), atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(models)
def test_two_models_that_agree_differ_by_nothing_with_a_width(given_world):
    seed, n, _ = given_world
    true, before, _, codes = world(seed, n)
    found = held(true, before, before, [everything(n), parts(codes)])
    assert not column(found, "difference").any()
    for row in found.rows(finding="not shown"):
        assert row["low_all"] <= row["low"] < 0 < row["high"] <= row["high_all"]
    assert {row["finding"] for row in found.rows()} <= {"not shown", "too few"}


def test_a_small_slice_is_uncertain_and_called_too_few_never_zero():
    true, before, after, _ = world(n=500)
    codes = np.where(np.arange(500) < 12, 0, 1)
    found = held(true, before, after, [parts(codes)], metrics=["accuracy", "log_loss"])
    small = [row for row in found.rows() if row["slice"] == "part 0"]
    assert {row["finding"] for row in small} == {"too few"}
    assert all(row["uncertain"] and row["low"] < row["high"] for row in small)
    assert all(row["before"] is not None for row in small)


def test_an_empty_slice_is_unknown():
    true, before, after, _ = world(n=100)
    nothing = SliceMask("none", "x", "x", np.zeros(100, dtype=bool))
    for row in held(true, before, after, [nothing]).rows():
        assert (row["before"], row["after"], row["difference"]) == (None, None, None)
        assert (row["support"], row["finding"], row["uncertain"]) == (0, "too few", True)


def test_of_no_rows_at_all_everything_is_unknown():
    found = compare([], [], [], [everything(0)])
    assert [(row["difference"], row["finding"]) for row in found.rows()] == [(None, "too few")]


def test_a_precision_of_a_model_that_calls_nothing_is_unknown_and_no_finding():
    true = np.array([1] * 50 + [0] * 50)
    keys = {"metrics": ["precision"], "positive": 1}
    (row,) = compare(true, true, true * 0, [everything(100)], **keys).rows()
    assert (row["before"], row["after"], row["difference"]) == (1.0, None, None)
    assert (row["finding"], row["uncertain"]) == ("too few", True)


def test_a_recall_of_few_positive_rows_is_too_few_though_the_slice_is_large():
    true = np.array([1] * 5 + [0] * 500)
    guess = np.zeros(505, dtype=int)
    (row,) = compare(true, true, guess, [everything(505)], metrics=["recall"], positive=1).rows()
    assert (row["finding"], row["support"], row["difference"]) == ("too few", 505, -1.0)


def test_rows_of_one_patient_are_one_piece_of_evidence():
    rng = np.random.default_rng(0)
    copies = np.repeat(np.arange(60), 20)
    true = np.zeros(1200, dtype=int)
    after = np.repeat((rng.random(60) < 0.2).astype(int), 20)
    before = np.repeat((rng.random(60) < 0.3).astype(int), 20)
    alone, together = (
        next(compare(true, before, after, [everything(1200)], groups=groups).rows())
        for groups in (None, copies)
    )
    once = next(compare(true[::20], before[::20], after[::20], [everything(60)]).rows())
    width, wide, expected = (row["high"] - row["low"] for row in (alone, together, once))
    assert wide > 3 * width
    assert wide == pytest.approx(expected, rel=0.25)
    assert together["support"] == 1200


def test_what_lies_outside_every_part_of_a_partition_is_not_counted():
    true, before, after, codes = world(n=300)
    some = Partition(parts(codes).parts, np.where(codes == 1, -1, codes))
    found = held(true, before, after, [some])
    whole = held(true, before, after, [parts(codes)])
    picked = [row for row in whole.rows() if row["slice"] != "part 1"]
    kept = [row for row in found.rows() if row["slice"] != "part 1"]
    assert [row["low"] for row in kept] == pytest.approx([row["low"] for row in picked])
    assert {row["support"] for row in found.rows() if row["slice"] == "part 1"} == {0}


def test_a_family_of_all_metrics_is_wider_than_one_of_a_metric():
    true, before, after, codes = world()
    metric, every = (
        held(true, before, after, [parts(codes)], family=family) for family in ("metric", "all")
    )
    assert (column(every, "high_all") > column(metric, "high_all")).all()
    np.testing.assert_array_equal(column(every, "high"), column(metric, "high"))


@pytest.mark.parametrize("correction", ["bonferroni", "max-t"])
def test_models_exchanged_at_random_raise_an_alarm_no_more_often_than_said(correction):
    true, before, after, codes = world(n=1500, gain=0.2)
    cuts = [everything(1500), parts(codes), by_class(true), parts(np.arange(1500) % 7)]
    alarms = 0
    for seed in range(60):
        swap = np.random.default_rng(seed).random(1500)[:, None] < 0.5
        found = held(
            true, np.where(swap, after, before), np.where(swap, before, after), cuts,
            family="all", correction=correction, resamples=1000,
        )  # fmt: skip
        alarms += bool({row["finding"] for row in found.rows()} & {"better", "worse"})
    # 60 runs at 5 %: 8 or more would be seen once in 150.
    assert alarms <= 7


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"metrics": ["mae"]}, "metric 'mae'"),
        ({"metrics": ["accuracy"], "correction": "fdr"}, "correction 'fdr'"),
        ({"metrics": ["accuracy"], "family": "split"}, "family 'split'"),
        (
            {"metrics": ["accuracy"], "groups": [*"ab" * 29, None, "c"]},
            "60 groups, 1 of them missing",
        ),
        ({"metrics": ["accuracy"], "groups": [np.nan, *range(59)]}, "1 of them missing"),
        ({"metrics": ["accuracy"], "positive": 9}, "positive is 9"),
        ({"metrics": ["accuracy"], "probs_after": None}, "of one model alone"),
        ({"metrics": ["accuracy"], "groups": [1, 2]}, "2 groups"),
        ({"metrics": ["accuracy"], "confidence": 1.0}, "confidence"),
        ({"classes": None}, "without classes"),
    ],
)
def test_what_cannot_be_compared_is_refused(keys, message):
    true, before, after, codes = world(n=60)
    given_keys = {"probs_before": before, "probs_after": after, "classes": [0, 1, 2], **keys}
    with pytest.raises(DataError, match=message):
        compare(true, before.argmax(axis=1), after.argmax(axis=1), [parts(codes)], **given_keys)


def test_predictions_of_other_rows_are_refused():
    with pytest.raises(DataError, match="one shape"):
        compare([0, 1], [0, 1], [0], [everything(2)])
