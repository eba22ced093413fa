"""What the gate is shown of a batch is what its reviewers stand by."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa

from burnish.spec import PromotionPolicy
from burnish.workflows.promote_inputs import decide_for
from tests.burnish.workflows.settlements import Course

GOLD = {f"g{n}": "3" for n in range(40)}


def test_gold_answers_that_were_taken_back_are_not_held_against_the_batch():
    course = Course(gold=GOLD)
    for n in range(10):
        course.settle(f"g{n}", [("Sam", "3")], reason="gold", iteration=2)
    for n in range(10, 20):
        slip = course.settle(f"g{n}", [("Sam", "5")], reason="gold", iteration=2)
        course.take_back(slip, by="Sam")
    found = decided(course)
    (gold,) = [one for one in found.checks if one.name == "gold"]
    assert gold.found == 1.0
    assert found.promoted


def decided(course):
    answers = pa.table({"example_id": list(GOLD), "label": list(GOLD.values())})
    rows = pa.table(
        {"example_id": ["a"], "split": ["validation"], "label": ["3"], "predicted": ["3"]}
    )
    tables = {"gold_items": answers, "baseline": rows}
    versions = SimpleNamespace(
        champion=lambda dataset: None,
        ledger=SimpleNamespace(events=lambda dataset, after=0: course.events),
        read_last_good=lambda dataset, stage: tables[stage],
        let_through=lambda dataset, stage, version: rows,
    )
    spec = SimpleNamespace(name="toy", promotion=PromotionPolicy(), slices=(), group=None)
    iteration = SimpleNamespace(
        dataset="toy",
        number=2,
        summary={"curated_version": 1},
        watermark=SimpleNamespace(event_id=0),
    )
    return decide_for(spec, versions, iteration, rows)
