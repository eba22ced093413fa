import json
from dataclasses import asdict
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.spec import PromotionPolicy, Slice
from burnish.workflows.gold import GoldReviews
from burnish.workflows.promote import Promotion, decide_promotion, rule_in_words
from burnish.workflows.promote_checks import check_gold, share_level


def predictions(right, *, labels=None, split="validation", first=0):
    """A table whose row is predicted right where `right` says so."""
    n = len(right)
    labels = ["a"] * n if labels is None else labels
    other = {"a": "b", "b": "a"}
    return pa.table(
        {
            "example_id": [f"e{number + first}" for number in range(n)],
            "split": [split] * n,
            "label": labels,
            "predicted": [
                label if good else other[label] for label, good in zip(labels, right, strict=True)
            ],
        }
    )


def test_the_first_model_is_promoted_and_the_reason_is_said():
    found = decide_promotion(predictions([True, False]), None)
    assert found.promoted
    assert "first model" in found.reason
    assert found.rows == 0
    assert (found.difference, found.low, found.high) == (None, None, None)


def test_a_clearly_worse_model_is_not_promoted():
    found = decide_promotion(predictions([False] * 30 + [True] * 170), predictions([True] * 200))
    assert not found.promoted
    assert found.high < 0
    assert found.difference == pytest.approx(-0.15)
    assert found.reason.startswith("worse: accuracy -15.0 points on 200 common validation rows")


def test_a_model_that_is_slightly_worse_by_chance_is_promoted():
    found = decide_promotion(predictions([False] * 2 + [True] * 198), predictions([True] * 200))
    assert found.promoted
    assert found.low < 0 < found.high
    assert "not shown to be worse" in found.reason


def test_a_better_model_is_promoted_as_better():
    found = decide_promotion(predictions([True] * 100), predictions([False] * 20 + [True] * 80))
    assert found.promoted
    assert found.reason.startswith("better")


def test_the_incumbent_is_held_against_the_challengers_current_labels():
    """Its labels were mended since: what it predicted then is right by the labels of now."""
    before = predictions([False] * 40 + [True] * 60)
    now = ["b"] * 40 + ["a"] * 60
    found = decide_promotion(predictions([True] * 100, labels=now), before)
    assert found.difference == 0


def test_only_validation_rows_in_common_count_in_any_order():
    challenger = pa.concat_tables(
        [
            predictions([True] * 10),
            predictions([False] * 50, split="test", first=100),
            predictions([False] * 50, first=200),
        ]
    )
    incumbent = pa.concat_tables(
        [predictions([True] * 50, split="test", first=100), predictions([False] * 10)]
    )
    found = decide_promotion(challenger, incumbent)
    assert found.rows == 10
    assert found.difference == 1.0


def test_without_a_row_in_common_nothing_shows_that_it_is_worse():
    found = decide_promotion(predictions([True]), predictions([True], first=9))
    assert found.promoted
    assert "no validation row in common" in found.reason


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_a_model_is_promoted_exactly_if_every_check_passed(pairs):
    ours, theirs = [list(side) for side in zip(*pairs, strict=True)]
    found = decide_promotion(predictions(ours), predictions(theirs))
    assert found.rule == rule_in_words(PromotionPolicy())
    assert found.promoted == all(one.passed for one in found.checks)
    assert found.difference == pytest.approx(np.mean(ours) - np.mean(theirs))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_what_is_promoted_as_better_is_promoted_as_not_worse(pairs):
    ours, theirs = [list(side) for side in zip(*pairs, strict=True)]
    strict = decide_promotion(
        predictions(ours), predictions(theirs), policy=PromotionPolicy(require="better")
    )
    if strict.promoted:
        assert strict.low > 0
        assert decide_promotion(predictions(ours), predictions(theirs)).promoted


@pytest.mark.parametrize("incumbent", [None, predictions([True]), predictions([True], first=9)])
def test_every_decision_can_be_kept_as_json_and_read_again(incumbent):
    found = decide_promotion(predictions([True]), incumbent, against=3)
    kept = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert Promotion.from_record(kept) == found
    assert found.promoted


def test_a_record_of_before_there_were_checks_is_read():
    old = {"promoted": False, "rule": "r", "reason": "worse", "difference": -0.2, "low": -0.3,
           "high": -0.1, "rows": 50}  # fmt: skip
    found = Promotion.from_record(old)
    assert (found.promoted, found.checks, found.against) == (False, (), None)
    assert found.to_table().num_rows == 0


def by_name(found):
    return {one.name: one for one in found.checks}


def hurt_in_one_slice(lost, *, rows=100, slices=5):
    """`lost` rows of the slice s0 go wrong; as many of the others come right."""
    where = [f"s{number % slices}" for number in range(rows * slices)]
    before, after = [True] * len(where), [True] * len(where)
    mine = [place for place, name in enumerate(where) if name == "s0"][:lost]
    others = [place for place, name in enumerate(where) if name != "s0"][:lost]
    for place in mine:
        after[place] = False
    for place in others:
        before[place] = False
    examples = pa.table({"example_id": [f"e{n}" for n in range(len(where))], "where": where})
    return predictions(before), predictions(after), examples


def test_a_slice_that_is_shown_to_be_worse_stops_a_model_that_is_as_good_overall():
    before, after, examples = hurt_in_one_slice(20)
    cut = [Slice(name="where", column="where")]
    found = decide_promotion(after, before, examples=examples, slices=cut)
    assert not found.promoted
    assert found.difference == 0
    assert found.slices_worse == ("where:s0",)
    assert by_name(found)["overall"].passed
    assert "where:s0 (-20.0 points on 100 rows)" in found.reason


def test_a_loss_in_a_slice_that_the_policy_allows_stops_nothing():
    before, after, examples = hurt_in_one_slice(20)
    cut = [Slice(name="where", column="where")]
    policy = PromotionPolicy(max_slice_loss=0.2)
    found = decide_promotion(after, before, examples=examples, slices=cut, policy=policy)
    assert found.promoted
    assert found.slices_worse == ("where:s0",)
    assert "shown to be worse by more than 20 points" in by_name(found)["slices"].reason


def test_a_slice_that_is_too_small_is_left_aside_and_that_is_said():
    before, after, examples = hurt_in_one_slice(15, rows=15)
    cut = [Slice(name="where", column="where")]
    found = decide_promotion(after, before, examples=examples, slices=cut)
    assert found.promoted
    assert "5 smaller than 20 rows left aside" in by_name(found)["slices"].reason


def with_probabilities(table, sure):
    right = np.asarray(table["label"].to_pylist()) == np.asarray(table["predicted"].to_pylist())
    first = np.asarray(table["predicted"].to_pylist()) == "a"
    assert right.size
    own = np.where(first, sure, 1 - np.asarray(sure))
    return table.append_column("p:a", pa.array(own)).append_column("p:b", pa.array(1 - own))


def test_probabilities_that_became_worse_stop_a_model_of_the_same_accuracy():
    right = [True] * 160 + [False] * 40
    before = with_probabilities(predictions(right), np.full(200, 0.8))
    after = with_probabilities(predictions(right), np.full(200, 0.999))
    found = decide_promotion(after, before)
    assert found.difference == 0
    assert not by_name(found)["calibration"].passed
    assert found.reason.startswith("probabilities worse: Brier score +")
    back = decide_promotion(before, after)
    assert back.promoted
    assert by_name(back)["calibration"].found < 0


def test_a_class_that_only_one_model_knows_has_no_probability_from_the_other():
    one = predictions([True] * 30)
    before = one.append_column("p:a", pa.array([1.0] * 30))
    after = with_probabilities(one, np.ones(30))
    assert by_name(decide_promotion(after, before))["calibration"].found == 0


@pytest.mark.parametrize(("correct", "promoted"), [(24, False), (36, True), (30, True)])
def test_reviewers_who_are_shown_to_err_too_often_stop_their_batch(correct, promoted):
    gold = GoldReviews(correct=correct, answered=40)
    found = decide_promotion(predictions([True] * 50), predictions([True] * 50), gold=gold)
    assert found.promoted == promoted
    assert by_name(found)["gold"].found == correct / 40
    assert ("shown to be right less often than 80 %" in found.reason) != promoted


@pytest.mark.parametrize("floor", [0.8, 0.9, 0.95])
def test_reviewers_as_good_as_is_asked_are_refused_no_more_often_than_their_share(floor):
    """Of however few answers: the chance of a refusal, summed over every number of right ones."""
    policy = PromotionPolicy(min_gold_accuracy=floor)
    for checks in (1, 2, 4):
        level = share_level(policy.confidence, checks)
        for items in (1, 2, 3, 5, 15, 40):
            refused = [
                right
                for right in range(items + 1)
                if not check_gold(
                    GoldReviews(correct=right, answered=items), policy, level=level
                ).passed
            ]
            chance = sum(
                comb(items, right) * floor**right * (1 - floor) ** (items - right)
                for right in refused
            )
            assert chance <= (1 - level) / 2 + 1e-12


def test_reviewers_who_are_shown_to_err_stop_the_first_model_too():
    found = decide_promotion(predictions([True]), None, gold=GoldReviews(correct=1, answered=20))
    assert not found.promoted
    assert "shown to be right less often than 80 %" in found.reason


def test_a_confidence_of_a_half_is_decided_by_the_difference_itself():
    policy = PromotionPolicy(confidence=0.5)
    same, fewer = predictions([True] * 9), predictions([True] * 8 + [False])
    assert decide_promotion(same, same, policy=policy).promoted
    assert not decide_promotion(fewer, same, policy=policy).promoted


def test_without_gold_items_their_share_of_the_error_rate_goes_to_the_others():
    same = predictions([True] * 50)
    without = decide_promotion(same, same, gold=GoldReviews())
    assert "gold" not in by_name(without)
    assert (
        without.level < decide_promotion(same, same, gold=GoldReviews(correct=9, answered=9)).level
    )


def test_too_few_rows_stop_what_has_to_be_better_and_not_what_has_not_to_be_worse():
    ours, theirs = predictions([True] * 9), predictions([False] * 9)
    found = decide_promotion(ours, theirs, policy=PromotionPolicy(require="better"))
    assert not found.promoted
    assert "only 9 common validation rows, of 20 asked for" in found.reason
    lenient = decide_promotion(ours, theirs)
    assert lenient.promoted
    assert "a loss could hardly be shown" in by_name(lenient)["support"].reason


def test_a_loss_overall_that_the_policy_allows_stops_nothing():
    ours, theirs = predictions([False] * 30 + [True] * 170), predictions([True] * 200)
    policy = PromotionPolicy(max_overall_loss=0.15, max_slice_loss=0.15)
    assert decide_promotion(ours, theirs, policy=policy).promoted


def test_equal_models_are_turned_down_no_more_often_than_is_stated():
    """Predictions exchanged at random between two models: the whole gate, 200 times."""
    rng = np.random.default_rng(0)
    rows = 300
    one, other = rng.random(rows) < 0.8, rng.random(rows) < 0.8
    examples = pa.table(
        {"example_id": [f"e{n}" for n in range(rows)], "where": [f"s{n % 6}" for n in range(rows)]}
    )
    refused = 0
    for _ in range(200):
        swap = rng.random(rows) < 0.5
        found = decide_promotion(
            predictions(np.where(swap, one, other).tolist()),
            predictions(np.where(swap, other, one).tolist()),
            examples=examples,
            slices=[Slice(name="where", column="where")],
        )
        refused += not found.promoted
    # 17 of 200 or more would be seen once in 40 at a rate of exactly 5 %.
    assert refused <= 16
