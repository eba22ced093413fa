"""The return on labeling on planted batches: good fixes, harmful ones, and none at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import DataError
from burnish.records import Verdict
from burnish.workflows.returns import (
    Returns,
    keep_returns,
    measure_returns,
    plan_returns,
    read_returns,
)
from burnish.workflows.returns_fits import correct_by_arm, with_chance
from tests.burnish.workflows.paid_batches import NAME, Paid, Plain, planted_spec


def measured(paid: Paid, spec: Any = None, **more: Any) -> Returns:
    spec = spec or planted_spec()
    plan = plan_returns(spec, paid.home.versions, paid.home.ledger, **more)
    return measure_returns(plan, mapper=Plain())


def of(returns: Returns, kind: str, iteration: int, **more: Any) -> dict[str, Any]:
    (row,) = [one for one in returns.rows(kind, **more) if one["iteration"] == iteration]
    return row


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> tuple[Paid, dict[str, int], Returns]:
    paid = Paid(tmp_path_factory.mktemp("home"))
    numbers = {
        "good": paid.mend(140),
        "null": paid.confirm(60, reason="control"),
        "bad": paid.harm(110, site="north", reason="requested"),
    }
    return paid, numbers, measured(paid)


def test_a_batch_of_good_fixes_is_shown_to_help_both_ways(found):
    _, numbers, returns = found
    for kind in ("left out", "as it came"):
        row = of(returns, kind, numbers["good"])
        assert row["finding"] == "better", kind
        assert row["gain"] > 0.01
        assert row["reviews"] == 140
    assert of(returns, "as it came", numbers["good"])["changed"] == 140
    # Those that the harmful batch overruled are no longer its own.
    assert 0 < of(returns, "left out", numbers["good"])["changed"] < 140


def test_a_batch_of_wrong_labels_hurts_and_its_slice_is_named(found):
    _, numbers, returns = found
    assert of(returns, "left out", numbers["bad"])["finding"] == "worse"
    slices = [
        row
        for row in returns.rows("left out", whole=False)
        if row["iteration"] == numbers["bad"] and row["slice"].startswith("site:")
    ]
    assert {row["slice"] for row in slices if row["finding"] == "worse"} == {"site:north"}


def test_a_batch_of_confirmations_bought_exactly_nothing(found):
    _, numbers, returns = found
    rows = [row for row in returns.rows(split=None, whole=None) if row["iteration"] == 2]
    assert rows
    assert numbers["null"] == 2
    for row in rows:
        assert (row["changed"], row["gain"], row["low"], row["high"]) == (0, 0.0, 0.0, 0.0)


def test_reasons_pay_as_their_batches_do(found):
    _, _, returns = found
    by_reason = {row["reason"]: row for row in returns.rows("reason")}
    assert list(by_reason) == ["audit", "requested", "control"]
    assert by_reason["audit"]["finding"] == "better"
    assert by_reason["requested"]["finding"] == "worse"
    assert by_reason["control"]["gain"] == 0.0


def test_a_deterministic_model_is_given_chance_by_resampling_its_rows(found):
    paid, _, returns = found
    assert returns.facts["resampled"] is True
    forest = planted_spec(model={"name": "forest", "params": {"n_estimators": 5}})
    plan = plan_returns(forest, paid.home.versions, paid.home.ledger, last=1)
    assert not with_chance(plan.ground).resampled


def test_validation_and_test_stand_beside_both_together(found):
    _, numbers, returns = found
    parts = [of(returns, "left out", numbers["good"], split=s) for s in ("validation", "test")]
    both = of(returns, "left out", numbers["good"])
    assert both["support"] == sum(part["support"] for part in parts) == 360
    total = sum(part["gain"] * part["support"] for part in parts)
    assert both["gain"] == pytest.approx(total / both["support"])


def test_limits_for_all_at_once_are_never_narrower_than_those_of_one(found):
    _, _, returns = found
    for row in returns.rows(split=None, whole=None):
        assert row["low_all"] <= row["low"] <= row["high"] <= row["high_all"]


def test_it_is_kept_and_read_again_without_training(found):
    paid, _, returns = found
    keep_returns(paid.home.versions, returns)
    again = read_returns(paid.home.versions, NAME)
    assert again is not None
    assert again.table.to_pylist() == returns.table.to_pylist()
    assert again.facts == dict(returns.facts)


def test_before_any_measurement_there_is_nothing_to_read(tmp_path: Path):
    assert read_returns(Paid(tmp_path).home.versions, NAME) is None


def test_the_cost_is_told_beforehand_and_not_exceeded(found):
    paid, _, _ = found
    plan = plan_returns(planted_spec(), paid.home.versions, paid.home.ledger, last=2, seeds=3)
    mapper = Plain()
    measure_returns(plan, mapper=mapper)
    assert mapper.calls == 3
    assert plan.fits == 3 * len(plan.ground.arms) + 2
    assert f"{plan.fits} fits" in plan.sentence


def test_verdicts_on_held_out_rows_and_those_taken_back_are_of_no_batch(tmp_path: Path):
    paid = Paid(tmp_path, rows=300)
    number = paid.mend(20)
    apart = next(r["example_id"] for r in paid.rows.to_pylist() if r["split"] == "test")
    ledger = paid.home.ledger
    facts = {"iteration": number, "reason": "audit"}
    ledger.append(
        NAME, [Verdict(apart, "change", paid.labels[apart], "class-2", "Ada", evidence=facts)]
    )
    first = ledger.events(NAME)[0]
    back = Verdict(
        first.verdict.example_id, "unsure", None, None, "Ada", evidence={"undoes": first.event_id}
    )
    ledger.append(NAME, [back])
    plan = plan_returns(planted_spec(), paid.home.versions, ledger)
    assert {one.effort.reviews for one in plan.contrasts} == {19}
    assert {one.changed for one in plan.contrasts} == {19}
    held = dict(
        zip(
            plan.ground.held_out["example_id"].to_pylist(),
            plan.ground.held_out["label"].to_pylist(),
            strict=True,
        )
    )
    # Left out or not, the ruler is the same: the label as it stands now.
    assert held[apart] == "class-2"


def test_what_a_later_batch_decided_again_is_not_lost_with_the_earlier(tmp_path: Path):
    paid = Paid(tmp_path, rows=300)
    names = paid.wrong()[:10]
    right = {name: paid.truth[name] for name in names}
    one = paid.batch(names, right)
    paid.batch(names, right)
    plan = plan_returns(planted_spec(), paid.home.versions, paid.home.ledger)
    changed = {(c.kind, c.iteration): c.changed for c in plan.contrasts}
    assert changed["left out", one] == 0
    assert changed["as it came", one] == 10


def test_hours_are_the_desks_where_it_timed_answers_and_the_specs_where_not(tmp_path: Path):
    paid = Paid(tmp_path, rows=300)
    paid.mend(10, seconds=12.0)
    paid.mend(10)
    spec = planted_spec(review={"seconds_per_review": 36.0})
    plan = plan_returns(spec, paid.home.versions, paid.home.ledger)
    efforts = {one.iteration: one.effort for one in plan.contrasts if one.iteration}
    assert (efforts[1].hours, efforts[1].timed) == (pytest.approx(120 / 3600), "timed at the desk")
    assert (efforts[2].hours, efforts[2].timed) == (pytest.approx(0.1), "as the spec says")
    (reason,) = [one.effort for one in plan.contrasts if one.kind == "reason"]
    assert reason.timed == "partly timed"


def test_production_labels_are_one_more_ruler_once_there_are_any(tmp_path: Path):
    paid = Paid(tmp_path, rows=600)
    number = paid.mend(90)
    assert not list(measured(paid).rows(split="production"))
    fresh = Paid(tmp_path / "later", rows=300, noise=0.0).rows
    ids = pa.array([f"live-{place}" for place in range(fresh.num_rows)])
    fresh = fresh.set_column(0, "example_id", ids).drop_columns(["split", "fold_group"])
    paid.home.versions.write(NAME, "production_labels", fresh, gated=False)
    row = of(measured(paid), "left out", number, split="production")
    assert row["support"] == 300
    both = of(measured(paid, scored={"production": fresh}), "left out", number, split="production")
    assert both == row


def test_augmentation_is_drawn_the_same_with_and_without_a_batch(tmp_path: Path):
    paid = Paid(tmp_path, rows=300)
    paid.mend(30)
    spec = planted_spec(augment={"share": 0.5})
    plan = plan_returns(spec, paid.home.versions, paid.home.ledger)
    ground = with_chance(plan.ground)
    assert not ground.resampled
    assert plan.fits == 5 * (len(ground.arms) + 3) + 2 * 4
    twice = replace(ground, arms=(*ground.arms, ground.arms[0]))
    correct = correct_by_arm(twice, 1)
    np.testing.assert_array_equal(correct[0], correct[-1])


def test_without_a_decided_batch_it_says_so(tmp_path: Path):
    paid = Paid(tmp_path, rows=90)
    with pytest.raises(DataError, match="no closed iteration in which people decided"):
        plan_returns(planted_spec(), paid.home.versions, paid.home.ledger)


def test_rows_of_production_alone_are_no_rows_to_measure_on(tmp_path: Path):
    """Every page speaks of the held-out rows first: so nothing is trained without them."""
    paid = Paid(tmp_path, rows=300)
    paid.mend(30)
    live = paid.rows.slice(0, 60).set_column(
        0, "example_id", pa.array([f"l{n}" for n in range(60)])
    )
    training = paid.rows.filter(pc.field("split") == "train")
    paid.home.versions.write(NAME, "validated_examples", training, gated=False)
    with pytest.raises(DataError, match="0 rows are held out"):
        plan_returns(
            planted_spec(), paid.home.versions, paid.home.ledger, scored={"production": live}
        )
