"""The built-in suites: a sound table passes, and each planted fault meets its code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from assets.gates import GATED_STAGES, suite_for
from burnish.errors import SpecError
from burnish.records import GateReport
from burnish.spec.models import DatasetSpec
from resources.expectations import GreatExpectationsRunner

CLASSES = ("cat", "dog")
N = 24
Columns = dict[str, list[Any]]


def spec(**changes: Any) -> DatasetSpec:
    fields: dict[str, Any] = {
        "name": "pets",
        "source": {"path": "pets.csv"},
        "target": "species",
        "id": "pet_id",
        "classes": CLASSES,
        "features": {"weight": "numeric", "coat colour": "categorical"},
        "group": "owner",
        "slices": [
            {"name": "by shelter", "column": "shelter"},
            {"name": "big", "where": {"weight": {"min": 4}, "pet_id": "e1"}},
        ],
        "gates": {"min_accuracy": 0.5, "max_share": 0.1},
        "review": {"budget": N},
    }
    return DatasetSpec.model_validate({**fields, **changes})


def sound(stage: str) -> Columns:
    ids, labels = [f"e{i}" for i in range(N)], [CLASSES[i % 2] for i in range(N)]
    splits = [("train", "train", "validation", "test")[i // 2 % 4] for i in range(N)]
    features: Columns = {"weight": [float(i) for i in range(N)], "coat colour": ["grey"] * N}
    rest: Columns = {"owner": ["o"] * N, "shelter": ["s"] * N}
    raw = {"example_id": ids, "label": labels, **features, **rest}
    validated = {**raw, "split": splits, "fold_group": ids}
    p_cat = [0.9 if label == "cat" else 0.2 for label in labels]
    tables: dict[str, Columns] = {
        "raw_examples": raw,
        "validated_examples": validated,
        "curated_examples": {**validated, "given_label": labels, "decision": [None] * N},
        "augmented_examples": {
            **raw,
            "split": ["train"] * N,
            "origin_id": [None] * (N - 2) + ["e0", "e1"],
            "method": [None] * (N - 2) + ["noise", "noise"],
        },
        "relabel_queue": {
            "example_id": ids,
            "iteration": [1] * N,
            "position": list(range(1, N + 1)),
            "reason": ["audit"] * (N - 2) + ["control", "control"],
            "why": ["The model is sure of another class."] * N,
            "label": labels,
            "suggested_label": labels,
            "error_probability": [0.5] * (N - 1) + [None],
            "inclusion_probability": [1.0] * (N - 2) + [0.1, 0.1],
        },
        "trained_model": {
            "example_id": ids,
            "split": ["validation", "test"] * (N // 2),
            "label": labels,
            "predicted": labels,
            "correct": [True] * N,
            "confidence": [max(p, 1 - p) for p in p_cat],
            "p:cat": p_cat,
            "p:dog": [1 - p for p in p_cat],
        },
        "slice_report": {
            "split": ["validation"] * 8,
            "slice": ["overall"] * 4 + ["shelter=s"] * 4,
            "slice_id": ["overall"] * 4 + ["s1"] * 4,
            "metric": ["accuracy", "f1_macro", "log_loss", "ece"] * 2,
            "value": [0.9, 0.8, 1.7, 0.1, None, None, None, None],
            "support": [N] * 4 + [0] * 4,
        },
    }
    return tables[stage]


def judge(
    stage: str,
    columns: Columns,
    *,
    given: DatasetSpec | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> GateReport:
    suite = suite_for(stage, given or spec(), classes=classes)
    return GreatExpectationsRunner().run(suite, pa.table(columns))


def codes(report: GateReport) -> set[str]:
    """What stops, and what turns rows away."""
    return {*report.stopped_by, *report.quarantined["code"].to_pylist()}


def put(column: str, value: Any, *rows: int) -> Callable[[Columns], Columns]:
    """The same value into some rows of a column, all rows where none are named."""

    def change(columns: Columns) -> Columns:
        cells = list(columns[column])
        for row in rows or range(len(cells)):
            cells[row] = value
        return {**columns, column: cells}

    return change


def without(column: str) -> Callable[[Columns], Columns]:
    return lambda columns: {name: cells for name, cells in columns.items() if name != column}


def first(n: int) -> Callable[[Columns], Columns]:
    return lambda columns: {name: cells[:n] for name, cells in columns.items()}


def one_class_in_training(columns: Columns) -> Columns:
    labels = [
        "cat" if split == "train" else label
        for label, split in zip(columns["label"], columns["split"], strict=True)
    ]
    return {**columns, "label": labels}


FAULTS: list[tuple[str, Callable[[Columns], Columns], str]] = [
    ("raw_examples", first(10), "RAW-ROWS"),
    ("raw_examples", put("example_id", None, 3), "RAW-ID-MISSING"),
    ("raw_examples", put("example_id", "e1", 3), "RAW-ID-UNIQUE"),
    ("raw_examples", put("label", None, 3), "RAW-LABEL-MISSING"),
    ("raw_examples", put("label", "dgo", 3), "RAW-LABEL-KNOWN"),
    ("raw_examples", put("label", "cat"), "RAW-CLASS-MISSING"),
    ("raw_examples", without("owner"), "RAW-COLUMN-EXISTS-OWNER"),
    ("raw_examples", without("shelter"), "RAW-COLUMN-EXISTS-SHELTER"),
    ("raw_examples", put("weight", None, *range(9)), "RAW-FEATURE-MISSING-WEIGHT"),
    ("raw_examples", put("weight", float("nan"), *range(9)), "RAW-FEATURE-MISSING-WEIGHT"),
    ("raw_examples", without("coat colour"), "RAW-FEATURE-MISSING-COAT-COLOUR"),
    ("raw_examples", put("weight", float("inf"), 3), "RAW-FEATURE-INFINITE-WEIGHT"),
    ("validated_examples", first(10), "VALIDATED-ROWS"),
    ("validated_examples", put("example_id", None, 3), "VALIDATED-ID-MISSING"),
    ("validated_examples", put("example_id", "e1", 3), "VALIDATED-ID-UNIQUE"),
    ("validated_examples", put("label", None, 3), "VALIDATED-LABEL-MISSING"),
    ("validated_examples", put("label", "dgo", 3), "VALIDATED-LABEL-KNOWN"),
    ("validated_examples", put("split", None, 3), "VALIDATED-SPLIT-MISSING"),
    ("validated_examples", put("split", "dev", 3), "VALIDATED-SPLIT-KNOWN"),
    ("validated_examples", put("split", "train"), "VALIDATED-SPLIT-PRESENT"),
    ("validated_examples", put("fold_group", None, 3), "VALIDATED-GROUP-MISSING"),
    ("validated_examples", one_class_in_training, "VALIDATED-CLASS-MISSING"),
    ("relabel_queue", put("example_id", None, 3), "RELABEL-ID-MISSING"),
    ("relabel_queue", put("example_id", "e1", 3), "RELABEL-ID-UNIQUE"),
    ("relabel_queue", put("iteration", 2, 3), "RELABEL-ITERATION-ONE"),
    ("relabel_queue", put("position", None, 3), "RELABEL-POSITION-MISSING"),
    ("relabel_queue", put("position", 1, 3), "RELABEL-POSITION-UNIQUE"),
    ("relabel_queue", put("position", 0, 0), "RELABEL-POSITION-RANGE"),
    ("relabel_queue", put("reason", None, 3), "RELABEL-REASON-MISSING"),
    ("relabel_queue", put("reason", "mood", 3), "RELABEL-REASON-KNOWN"),
    ("relabel_queue", put("why", None, 3), "RELABEL-WHY-MISSING"),
    ("relabel_queue", put("why", " ", 3), "RELABEL-WHY-BLANK"),
    ("relabel_queue", put("inclusion_probability", 1.5, 3), "RELABEL-CHANCE-RANGE"),
    ("relabel_queue", put("inclusion_probability", None, -1), "RELABEL-CHANCE-CONTROL-MISSING"),
    ("relabel_queue", put("inclusion_probability", 0.0, -1), "RELABEL-CHANCE-CONTROL-ZERO"),
    ("relabel_queue", put("reason", "held_out", 3), "RELABEL-HELD-OUT-BLIND"),
    ("relabel_queue", put("reason", "held_out", 3), "RELABEL-HELD-OUT-SUGGESTED"),
    ("relabel_queue", put("error_probability", -0.5, 3), "RELABEL-ERROR-RANGE"),
    ("curated_examples", first(10), "CURATED-ROWS"),
    ("curated_examples", put("example_id", None, 3), "CURATED-ID-MISSING"),
    ("curated_examples", put("example_id", "e1", 3), "CURATED-ID-UNIQUE"),
    ("curated_examples", put("label", None, 3), "CURATED-LABEL-MISSING"),
    ("curated_examples", put("label", "bird", 3), "CURATED-LABEL-KNOWN"),
    ("curated_examples", put("decision", "drop", 3), "CURATED-DROPPED"),
    ("curated_examples", put("split", None, 3), "CURATED-SPLIT-MISSING"),
    ("curated_examples", put("split", "dev", 3), "CURATED-SPLIT-KNOWN"),
    ("curated_examples", put("split", "train"), "CURATED-SPLIT-PRESENT"),
    ("curated_examples", one_class_in_training, "CURATED-CLASS-MISSING"),
    ("augmented_examples", put("example_id", None, 3), "AUGMENTED-ID-MISSING"),
    ("augmented_examples", put("example_id", "e0", -1), "AUGMENTED-ID-UNIQUE"),
    ("augmented_examples", put("split", None, 3), "AUGMENTED-SPLIT-MISSING"),
    ("augmented_examples", put("split", "test", 3), "AUGMENTED-SPLIT-TRAIN"),
    ("augmented_examples", put("label", None, 3), "AUGMENTED-LABEL-MISSING"),
    ("augmented_examples", put("label", "bird", 3), "AUGMENTED-LABEL-KNOWN"),
    ("augmented_examples", put("label", "cat"), "AUGMENTED-CLASS-MISSING"),
    ("augmented_examples", put("origin_id", None, -1), "AUGMENTED-ORIGIN-MISSING"),
    ("augmented_examples", put("method", None, -1), "AUGMENTED-METHOD-MISSING"),
    ("augmented_examples", put("weight", float("-inf"), 3), "AUGMENTED-FEATURE-INFINITE-WEIGHT"),
    ("trained_model", put("example_id", None, 3), "TRAINED-ID-MISSING"),
    ("trained_model", put("example_id", "e1", 3), "TRAINED-ID-UNIQUE"),
    ("trained_model", put("split", "train", 3), "TRAINED-SPLIT-KNOWN"),
    ("trained_model", put("split", "test"), "TRAINED-SPLIT-PRESENT"),
    ("trained_model", put("label", None, 3), "TRAINED-LABEL-MISSING"),
    ("trained_model", put("predicted", None, 3), "TRAINED-PREDICTED-MISSING"),
    ("trained_model", put("predicted", "bird", 3), "TRAINED-PREDICTED-KNOWN"),
    ("trained_model", put("confidence", None, 3), "TRAINED-CONFIDENCE-MISSING"),
    ("trained_model", put("confidence", 1.2, 3), "TRAINED-CONFIDENCE-RANGE"),
    ("trained_model", put("p:cat", float("nan"), 3), "TRAINED-PROBABILITY-MISSING-CAT"),
    ("trained_model", without("p:dog"), "TRAINED-PROBABILITY-MISSING-DOG"),
    ("trained_model", put("p:cat", -0.1, 3), "TRAINED-PROBABILITY-RANGE-CAT"),
    ("trained_model", put("p:dog", 1.1, 3), "TRAINED-PROBABILITY-RANGE-DOG"),
    ("trained_model", put("correct", None, 3), "TRAINED-CORRECT-MISSING"),
    ("trained_model", put("correct", False, *range(0, N, 2)), "TRAINED-ACCURACY"),
    ("slice_report", put("slice_id", None, 5), "SLICE-ID-MISSING"),
    ("slice_report", put("metric", "accuracy", 5), "SLICE-ROW-UNIQUE"),
    ("slice_report", put("split", "dev", 5), "SLICE-SPLIT-KNOWN"),
    ("slice_report", put("slice_id", "s0", 0, 1, 2, 3), "SLICE-OVERALL-MISSING"),
    ("slice_report", put("value", None, 0), "SLICE-OVERALL-VALUE"),
    ("slice_report", put("metric", None, 5), "SLICE-METRIC-MISSING"),
    ("slice_report", put("metric", "vibes", 5), "SLICE-METRIC-KNOWN"),
    ("slice_report", put("metric", "ece", 0, 4), "SLICE-METRIC-ACCURACY"),
    ("slice_report", put("value", 1.2, 1), "SLICE-SHARE-RANGE"),
    ("slice_report", put("value", -0.2, 2), "SLICE-LOSS-RANGE"),
    ("slice_report", put("support", None, 5), "SLICE-SUPPORT-MISSING"),
    ("slice_report", put("support", -1, 5), "SLICE-SUPPORT-RANGE"),
]


@pytest.mark.parametrize("stage", GATED_STAGES)
def test_a_sound_table_passes_whole(stage: str) -> None:
    report = judge(stage, sound(stage))
    assert [item for item in report.results if not item.passed] == []
    assert report.quarantined.num_rows == 0


@pytest.mark.parametrize(
    ("stage", "fault", "code"), FAULTS, ids=[f"{number}-{f[2]}" for number, f in enumerate(FAULTS)]
)
def test_a_planted_fault_meets_its_code(
    stage: str, fault: Callable[[Columns], Columns], code: str
) -> None:
    # That check alone: the whole suites are run on sound tables above.
    suite = suite_for(stage, spec(), classes=CLASSES)
    one = tuple(item for item in suite.expectations if item.code == code)
    table = pa.table(fault(sound(stage)))
    assert codes(GreatExpectationsRunner().run(replace(suite, expectations=one), table)) == {code}


def test_every_check_of_every_gate_has_a_fault_that_it_was_seen_to_catch() -> None:
    checks = {
        item.code
        for stage in GATED_STAGES
        for item in suite_for(stage, spec(), classes=CLASSES).expectations
    }
    # The budget is not in the table: it takes another spec, in a test of its own below.
    assert checks - {code for _, _, code in FAULTS} == {"RELABEL-BUDGET"}


def test_a_queue_larger_than_the_budget_stops() -> None:
    small = spec(review={"budget": N - 1})
    assert judge("relabel_queue", sound("relabel_queue"), given=small).stopped_by == (
        "RELABEL-BUDGET",
    )


def test_bad_labels_leave_one_by_one_and_the_rest_goes_on() -> None:
    columns = put("label", "dgo", 3)(put("label", None, 5)(sound("raw_examples")))
    report = judge("raw_examples", columns)
    assert report.passed
    assert report.quarantined.select(["row", "code", "value"]).to_pylist() == [
        {"row": 3, "code": "RAW-LABEL-KNOWN", "value": "dgo"},
        {"row": 5, "code": "RAW-LABEL-MISSING", "value": "(missing)"},
    ]


def test_before_classes_are_known_any_two_labels_will_do_but_no_blank_one() -> None:
    unknown = spec(classes=())
    columns = put("label", "  ", 0)(sound("raw_examples"))
    report = judge("raw_examples", columns, given=unknown, classes=())
    assert report.passed
    assert report.quarantined["code"].to_pylist() == ["RAW-LABEL-BLANK"]
    alone = judge("raw_examples", put("label", "cat")(columns), given=unknown, classes=())
    assert alone.stopped_by == ("RAW-CLASS-COUNT",)
    columns = one_class_in_training(sound("validated_examples"))
    alone = judge("validated_examples", columns, given=unknown, classes=())
    assert alone.stopped_by == ("VALIDATED-CLASS-COUNT",)


def test_text_in_a_numeric_feature_stops() -> None:
    report = judge("raw_examples", put("weight", "heavy")(sound("raw_examples")))
    assert report.stopped_by == ("RAW-FEATURE-INFINITE-WEIGHT",)


def test_the_specs_own_expectations_come_last_with_codes_of_their_own() -> None:
    extra = {"expect": "expect_column_values_to_be_between", "on_fail": "quarantine"}
    gates = {
        "expectations": [
            {
                **extra,
                "kwargs": {"column": "weight", "max_value": 22},
                "why": "No pet is that big.",
            },
            {
                "expect": "expect_table_column_count_to_equal",
                "on_fail": "stop",
                "kwargs": {"value": 6},
            },
            {**extra, "gate": "trained_model", "kwargs": {"column": "confidence", "min_value": 0}},
        ]
    }
    given = spec(gates=gates)
    suite = suite_for("raw_examples", given, classes=CLASSES)
    assert [item.code for item in suite.expectations[-2:]] == [
        "RAW-EXTRA-01-WEIGHT",
        "RAW-EXTRA-02",
    ]
    assert codes(judge("raw_examples", sound("raw_examples"), given=given)) == {
        "RAW-EXTRA-01-WEIGHT"
    }
    own = suite_for("trained_model", given, classes=CLASSES).expectations[-1]
    assert own.code == "TRAINED-EXTRA-01-CONFIDENCE"


@pytest.mark.parametrize("stage", GATED_STAGES)
def test_codes_start_with_the_gate_and_are_unique_and_every_check_says_why(stage: str) -> None:
    features = {
        "a b": "numeric",
        "a-b": "numeric",
        "A_B": "text",
        "größe": "image",
        "$x": "numeric",
    }
    suite = suite_for(stage, spec(features=features, slices=[]), classes=CLASSES)
    found = [item.code for item in suite.expectations]
    assert len(set(found)) == len(found)
    prefix = stage.split("_", 1)[0].upper()
    assert all(code.startswith(f"{prefix}-") for code in found)
    assert all(re.fullmatch(r"[\w-]+", code) for code in found)
    assert all(item.why.endswith(".") and "$classes" not in item.why for item in suite.expectations)
    assert suite.max_share == 0.1


def test_limits_of_the_spec_reach_the_suite() -> None:
    gates = {"min_rows": 5, "max_missing": 0.7, "min_accuracy": 0.0}
    by_code = {
        item.code: item.kwargs
        for stage in ("raw_examples", "trained_model")
        for item in suite_for(stage, spec(gates=gates), classes=CLASSES).expectations
    }
    assert by_code["RAW-ROWS"] == {"min_value": 5}
    assert by_code["RAW-FEATURE-MISSING-WEIGHT"] == {"column": "weight", "mostly": 0.3}
    assert "TRAINED-ACCURACY" not in by_code


def test_a_stage_without_a_gate_is_refused() -> None:
    with pytest.raises(SpecError, match="label_audit"):
        suite_for("label_audit", spec(), classes=CLASSES)
