"""Performance estimated without labels: right under covariate shift, doubted where it must be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.drift import PERFORMANCE_SCHEMA, estimate_performance
from burnish.errors import DataError

CLASSES = ["no", "yes"]


def world(n, rng, *, harder=0.0, flipped=0.0, columns=3):
    """Rows whose label follows x0, blurred by x1; a model that has no idea of x1."""
    x = rng.normal(size=(n, columns))
    x[:, 1] += harder
    chance = 1 / (1 + np.exp(-4 * x[:, 0] / (0.4 + np.exp(0.8 * x[:, 1]))))
    chance = np.where(rng.random(n) < flipped, 1 - chance, chance)
    labels = np.array(CLASSES)[(rng.random(n) < chance).astype(int)]
    claim = 1 / (1 + np.exp(-2.5 * x[:, 0]))
    said = np.where(claim > 0.5, chance, 1 - chance)
    return x, np.column_stack([1 - claim, claim]), labels, float(said.mean())


def estimated(before, after, **more):
    return estimate_performance(
        before[2], before[1], after[1], classes=CLASSES,
        reference_features=before[0], current_features=after[0], **more,
    )  # fmt: skip


def line(found, metric="accuracy", part="overall"):
    (one,) = [
        row for row in found.table.to_pylist() if (row["slice"], row["metric"]) == (part, metric)
    ]
    return one


def test_weights_find_the_loss_that_confidences_alone_do_not_see():
    off, naive, held = [], [], 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        before, after = world(1500, rng), world(1500, rng, harder=1.0)
        one = line(estimated(before, after))
        off.append(abs(one["estimated"] - after[3]))
        naive.append(abs(after[1].max(axis=1).mean() - after[3]))
        held += one["low"] <= after[3] <= one["high"]
        assert one["loss_low"] > 0, "the loss of ten points is shown"
    assert np.mean(off) < 0.025
    assert np.mean(naive) > 0.05
    assert held >= 4


def test_nothing_is_lost_and_weights_are_one_where_nothing_moved():
    alarms = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        one = estimated(world(800, rng), world(800, rng))
        alarms += line(one)["loss_low"] > 0
    assert alarms <= 1
    assert one.effective_rows == pytest.approx(800, rel=0.05)


def test_a_slice_that_was_hurt_is_told_apart_from_those_that_were_not():
    rng = np.random.default_rng(5)
    before, after = world(3000, rng), world(3000, rng)
    old, new = before[0][:, 2] > 0.5, after[0][:, 2] > 0.5
    hurt = world(3000, rng, harder=1.5)
    for place in (0, 1):
        after[place][new] = hurt[place][new]
    after[0][new, 2] = rng.normal(size=new.sum()) ** 2 + 0.5
    masks = {
        "reference_slices": {"high": old, "low": ~old},
        "slices": {"high": new, "low": ~new},
    }
    found = estimated(before, after, **masks)
    assert line(found, part="high")["loss_low"] > 0.02
    assert line(found, part="low")["loss_high"] < 0.05
    assert line(found, part="high")["added_errors"] > 0.02


def test_concept_drift_is_seen_by_labels_alone_and_then_said():
    rng = np.random.default_rng(2)
    before, after = world(1500, rng), world(1500, rng, flipped=0.5)
    blind = estimated(before, after)
    assert blind.trusted
    assert line(blind)["estimated"] > after[3] + 0.1, "nobody can see it without labels"
    came = [label if place < 200 else None for place, label in enumerate(after[2])]
    told = estimated(before, after, current_labels=came)
    assert not told.trusted
    assert "labels of 200 rows" in told.why
    one = line(told)
    assert one["measured_low"] <= after[3] <= one["measured_high"]


def test_labels_that_agree_leave_trust_and_measure_the_whole_window():
    rng = np.random.default_rng(3)
    before, after = world(1500, rng), world(1500, rng)
    found = estimated(before, after, current_labels=after[2].tolist())
    said = np.array(CLASSES)[after[1].argmax(axis=1)]
    assert found.trusted
    assert line(found)["labels"] == 1500
    assert line(found)["measured"] == pytest.approx((said == after[2]).mean())


def test_of_many_slices_that_lost_nothing_labels_show_none_to_have_lost():
    shown = []
    for seed in range(8):
        rng = np.random.default_rng(100 + seed)
        before, after = world(1200, rng), world(1200, rng)
        places = [rng.integers(40, size=1200) for _ in range(2)]
        masks = [{f"s{k}": place == k for k in range(40)} for place in places]
        found = estimated(
            before, after, reference_slices=masks[0], slices=masks[1],
            current_labels=after[2].tolist(),
        ).table.to_pylist()  # fmt: skip
        shown += [one["slice"] for one in found if (one["measured_loss_low"] or 0) > 0.05]
    assert shown == []


def test_a_slice_that_labels_show_to_have_lost_is_told_with_the_chance_of_its_reference():
    rng = np.random.default_rng(4)
    before, after = world(1500, rng), world(1500, rng, flipped=0.5)
    masks = [{"few": np.arange(1500) < 30, "many": np.arange(1500) >= 30}] * 2
    found = estimated(
        before, after, reference_slices=masks[0], slices=masks[1], current_labels=after[2].tolist()
    )
    many, few = line(found, part="many"), line(found, part="few")
    assert many["measured_loss_low"] > 0.05
    assert (
        few["measured_loss_high"] - few["measured_loss_low"]
        > few["measured_high"] - few["measured_low"]
    )


def test_labels_of_the_least_sure_rows_do_not_pass_for_the_window():
    rng = np.random.default_rng(4)
    before, after = world(3000, rng), world(3000, rng)
    unsure = np.argsort(after[1].max(axis=1))[:600]
    asked = np.union1d(unsure[::2], rng.permutation(3000)[:200])
    came = np.full(3000, None, dtype=object)
    came[asked] = after[2][asked]
    right = np.array(CLASSES)[after[1].argmax(axis=1)][asked] == after[2][asked]
    one = line(estimated(before, after, current_labels=came.tolist()))
    assert right.mean() < after[3] - 0.08, "as they stand they are far too few right"
    assert abs(one["measured"] - after[3]) < 0.06
    assert one["trusted"]


def test_known_chances_of_being_asked_count_each_label_for_its_rows():
    rng = np.random.default_rng(4)
    before, after = world(1000, rng), world(1000, rng)
    came, weights = np.full(1000, None, dtype=object), np.zeros(1000)
    came[:10], weights[:10] = after[2][:10], [5.0] * 5 + [1.0] * 5
    right = np.array(CLASSES)[after[1].argmax(axis=1)][:10] == after[2][:10]
    found = estimated(before, after, current_labels=came.tolist(), label_weights=weights)
    assert line(found)["measured"] == pytest.approx(np.average(right, weights=weights[:10]))


def test_picked_rows_say_nothing_of_a_slice_in_which_no_row_was_drawn():
    rng = np.random.default_rng(5)
    before, after = world(1000, rng), world(1000, rng)
    place = np.arange(1000)
    masks = {"picked": place < 200, "drawn": place >= 200, "all": place < 10}
    control = (place >= 200) & (place < 240)
    labelled = (place < 40) | control
    came = np.where(labelled, after[2], None).tolist()
    weights = np.where(control, 24.0, 1.0)
    found = estimated(
        before, after, reference_slices=masks, slices=masks, current_labels=came,
        label_weights=weights, label_control=control,
    )  # fmt: skip
    told = {part: line(found, part=part) for part in ("overall", *masks)}
    assert told["picked"]["labels"] == 40
    assert told["picked"]["measured"] is told["picked"]["measured_loss"] is None
    assert None not in {told[part]["measured"] for part in ("overall", "drawn", "all")}


def test_rows_the_reference_has_nothing_like_are_not_trusted():
    rng = np.random.default_rng(6)
    before, after = world(1000, rng), world(1000, rng)
    after[0][:200, 2] = 30.0
    found = estimated(before, after)
    assert not found.trusted
    assert "unlike any reference row" in found.why
    after[0][:200, 2] = np.nan
    assert "unlike any reference row" in estimated(before, after).why


def test_too_few_rows_of_the_reference_are_told():
    rng = np.random.default_rng(7)
    found = estimated(world(30, rng), world(500, rng))
    assert not found.trusted
    assert "reference rows' worth" in found.why


def test_shares_of_classes_that_moved_are_suspected_by_name():
    rng = np.random.default_rng(8)
    before, many = world(1500, rng), world(12000, rng)
    yes, no = np.flatnonzero(many[2] == "yes")[:1200], np.flatnonzero(many[2] == "no")[:300]
    rows = rng.permutation(np.concatenate([yes, no]))
    after = (many[0][rows], many[1][rows], many[2][rows], 0.0)
    found = estimated(before, after)
    assert not found.trusted
    assert "share of class" in found.why


def test_more_than_two_classes_have_a_mean_auroc():
    rng = np.random.default_rng(9)
    names = ["a", "b", "c"]
    probs = rng.dirichlet([0.5, 0.5, 0.5], 2000)
    labels = np.array(names)[(rng.random(2000)[:, None] > probs.cumsum(axis=1)).sum(axis=1)]
    found = estimate_performance(labels[:1000], probs[:1000], probs[1000:], classes=names)
    from burnish.metrics import accuracy, auroc

    said = np.array(names)[probs[1000:].argmax(axis=1)]
    ranked = auroc(labels[1000:], probs[1000:], classes=names).value
    assert line(found)["estimated"] == pytest.approx(accuracy(labels[1000:], said), abs=0.05)
    assert line(found, "auroc")["estimated"] == pytest.approx(ranked, abs=0.04)
    assert line(found, "auroc")["added_errors"] is None


def test_a_seed_gives_the_same_numbers_and_the_table_its_columns():
    rng = np.random.default_rng(10)
    before, after = world(500, rng), world(500, rng, harder=1.0)
    one, two = estimated(before, after, random_state=3), estimated(before, after, random_state=3)
    assert one.table.equals(two.table)
    assert one.to_table().schema.equals(PERFORMANCE_SCHEMA)
    assert one.ratio.shape == one.error_probability.shape == (500,)


@settings(max_examples=10, deadline=None)
@given(st.integers(20, 120), st.integers(1, 120), st.integers(0, 10_000))
def test_limits_lie_inside_and_around_the_estimate_for_any_rows(m, n, seed):
    rng = np.random.default_rng(seed)
    sure = rng.beta(0.5, 0.5, m + n)
    probs = np.column_stack([1 - sure, sure])
    labels = np.array(CLASSES)[rng.integers(0, 2, m)]
    found = estimate_performance(labels, probs[:m], probs[m:], classes=CLASSES)
    for one in found.table.to_pylist():
        assert 0 <= one["low"] <= one["estimated"] <= one["high"] <= 1
        assert -1 <= one["loss_low"] <= one["loss"] <= one["loss_high"] <= 1
    assert ((found.error_probability >= 0) & (found.error_probability <= 1)).all()
    assert isinstance(found.table, pa.Table)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reference_features": np.zeros((40, 2))}, "one side alone"),
        ({"current_labels": ["no"]}, "1 current labels"),
        ({"label_weights": [1.0]}, "label_weights"),
        ({"label_control": np.ones(3, dtype=bool)}, "label_control"),
        ({"slices": {"odd": np.ones(3, dtype=bool)}}, "'odd'"),
        (
            {"reference_features": np.full((40, 1), np.inf), "current_features": np.ones((40, 1))},
            "infinite in row 0",
        ),
        (
            {"reference_features": np.zeros((40, 2)), "current_features": np.zeros((40, 3))},
            r"\(40, 2\) and \(40, 3\)",
        ),
        ({"reference_features": np.zeros(40), "current_features": np.zeros(40)}, "shape"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, told):
    probs = np.tile([[0.7, 0.3], [0.2, 0.8]], (20, 1))
    with pytest.raises(DataError, match=told):
        estimate_performance(["no", "yes"] * 20, probs, probs, classes=CLASSES, **change)


def test_no_rows_and_too_few_are_refused():
    probs = np.tile([[0.7, 0.3], [0.2, 0.8]], (20, 1))
    with pytest.raises(DataError, match="no current rows"):
        estimate_performance(["no", "yes"] * 20, probs, probs[:0], classes=CLASSES)
    with pytest.raises(DataError, match="4 reference rows"):
        estimate_performance(["no", "yes"] * 2, probs[:4], probs, classes=CLASSES)


def test_of_many_slices_with_few_labels_none_is_shown_to_have_lost_where_nothing_changed():
    """A slice of thirty reference rows is often better than it is, by luck."""
    rng = np.random.default_rng(11)
    naive = shown = 0
    for _ in range(25):
        before, after = world(300, rng), world(700, rng)
        masks = [rng.integers(0, 10, n)[:, None] == np.arange(10) for n in (300, 700)]
        came = [label if place < 300 else None for place, label in enumerate(after[2])]
        found = estimated(
            before,
            after,
            current_labels=came,
            reference_slices={str(at): masks[0][:, at] for at in range(10)},
            slices={str(at): masks[1][:, at] for at in range(10)},
        )
        lines = [one for one in found.table.to_pylist() if one["metric"] == "accuracy"]
        naive += any(one["reference"] - one["measured_high"] > 0.05 for one in lines)
        shown += any(one["measured_loss_low"] > 0.05 for one in lines)
    assert naive >= 4, "the reference's own error and the number of slices must be allowed for"
    assert shown <= 1


def test_a_loss_that_labels_show_is_the_reference_less_what_was_measured():
    rng = np.random.default_rng(12)
    before, after = world(1500, rng), world(1500, rng, flipped=0.3)
    one = line(estimated(before, after, current_labels=after[2].tolist()))
    assert one["measured_loss"] == pytest.approx(one["reference"] - one["measured"])
    assert one["reference"] - one["measured_high"] > one["measured_loss_low"] > 0.1
    assert one["measured_loss_high"] > one["reference"] - one["measured_low"]
