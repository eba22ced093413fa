import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import DataError, SpecError
from burnish.metrics import wilson_interval
from burnish.spec import DatasetSpec
from burnish.workflows.evaluate import (
    REPORT_METRICS,
    WorstSlice,
    headline,
    slice_report,
    worst_slice,
)


def spec_with(*slices):
    return DatasetSpec.model_validate(
        {
            "name": "scans",
            "source": {"path": "scans.csv"},
            "target": "label",
            "features": {"x": "numeric"},
            "slices": list(slices),
        }
    )


SPEC = spec_with({"name": "source", "column": "source"})


def scans(n=600, seed=0):
    """Predictions that are right 95 times of 100, but 60 times on rows of the old scanner."""
    rng = np.random.default_rng(seed)
    source = rng.choice(["old", "new"], n, p=[0.3, 0.7])
    label = rng.choice(["3", "8"], n)
    right = rng.random(n) < np.where(source == "old", 0.6, 0.95)
    predicted = np.where(right, label, np.where(label == "3", "8", "3"))
    split = rng.choice(["validation", "test"], n).tolist()
    ids = [f"e{number}" for number in range(n)]
    sure = np.where(predicted == "3", 0.9, 0.1)
    predictions = pa.table(
        {
            "example_id": ids,
            "split": split,
            "label": label.tolist(),
            "predicted": predicted.tolist(),
            "correct": right,
            "confidence": np.full(n, 0.9),
            "p:3": sure,
            "p:8": 1 - sure,
        }
    )
    curated = pa.table(
        {"example_id": ids, "label": label.tolist(), "split": split, "source": source.tolist()}
    )
    return predictions, curated


def rows_of(report, **keys):
    return [
        row for row in report.to_pylist() if all(row[key] == value for key, value in keys.items())
    ]


def test_the_slice_that_was_hurt_is_the_worst():
    report = slice_report(*scans(), SPEC)
    worst = worst_slice(report)
    assert worst.name == "source:old"
    (row,) = rows_of(report, split="validation", slice="source:old", metric="accuracy")
    assert worst == WorstSlice("source:old", row["slice_id"], row["value"], row["support"])
    assert worst.value < 0.75


def test_the_report_holds_overall_declared_slices_and_classes_for_both_splits():
    report = slice_report(*scans(), SPEC)
    assert report.column_names == [
        "split", "slice", "slice_id", "metric", "value", "low", "high", "support",
        "uncertain",
    ]  # fmt: skip
    assert set(report["split"].to_pylist()) == {"validation", "test"}
    assert list(dict.fromkeys(report["slice"].to_pylist())) == [
        "overall", "source:new", "source:old", "class:3", "class:8",
    ]  # fmt: skip
    assert {row["metric"] for row in rows_of(report, slice="overall")} == {
        "accuracy", "precision", "recall", "f1_macro", "auroc", "log_loss", "brier", "ece",
    }  # fmt: skip


def test_a_class_slice_holds_the_recall_of_its_class():
    predictions, curated = scans()
    report = slice_report(predictions, curated, SPEC)
    rows = [
        row for row in predictions.to_pylist() if row["split"] == "test" and row["label"] == "3"
    ]
    expected = wilson_interval(sum(row["correct"] for row in rows), len(rows))
    (found,) = rows_of(report, split="test", slice="class:3", metric="accuracy")
    assert (found["value"], found["low"], found["high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )
    assert found["support"] == len(rows)


def test_the_order_of_curated_rows_does_not_matter():
    predictions, curated = scans()
    backwards = curated.take(np.arange(curated.num_rows)[::-1])
    assert slice_report(predictions, backwards, SPEC).equals(
        slice_report(predictions, curated, SPEC)
    )


def test_a_slice_without_rows_in_a_split_is_unknown_and_not_zero():
    predictions, curated = scans()
    source = [
        "lost" if split == "test" and number % 2 else "kept"
        for number, split in enumerate(curated["split"].to_pylist())
    ]
    curated = curated.set_column(curated.schema.get_field_index("source"), "source", [source])
    report = slice_report(predictions, curated, SPEC)
    for row in rows_of(report, split="validation", slice="source:lost"):
        assert (row["value"], row["low"], row["support"]) == (None, None, 0)
    assert worst_slice(report).name != "source:lost"


def test_a_split_without_rows_is_left_out():
    predictions, curated = scans()
    only = predictions.filter(pa.compute.equal(predictions["split"], "validation"))
    report = slice_report(only, curated, SPEC)
    assert set(report["split"].to_pylist()) == {"validation"}
    assert not any(name.startswith("test_") for name in headline(report))
    with pytest.raises(DataError, match="no predictions"):
        slice_report(predictions.slice(0, 0), curated, SPEC)


def test_the_headline_names_split_and_metric():
    report = slice_report(*scans(), SPEC)
    found = headline(report)
    assert set(found) == {
        f"{split}_{metric}"
        for split in ("validation", "test")
        for metric in (*REPORT_METRICS, "worst_slice_accuracy")
    }
    (row,) = rows_of(report, split="test", slice="overall", metric="accuracy")
    assert found["test_accuracy"] == row["value"]


def test_small_slices_are_never_the_worst():
    report = slice_report(*scans(), SPEC)
    assert worst_slice(report, min_support=10_000) is None


def test_a_declared_slice_that_is_a_class_is_not_told_twice():
    report = slice_report(*scans(), spec_with({"name": "class", "column": "label"}))
    assert len(rows_of(report, split="test", slice="class:3", metric="accuracy")) == 1


def test_predictions_of_unknown_examples_are_refused():
    predictions, curated = scans()
    with pytest.raises(DataError, match="say 'e599'"):
        slice_report(predictions, curated.slice(0, 599), SPEC)


def test_predictions_held_against_other_labels_are_refused():
    predictions, curated = scans()
    labels = curated["label"].to_pylist()
    labels[7] = "8" if labels[7] == "3" else "3"
    mended = curated.set_column(curated.schema.get_field_index("label"), "label", [labels])
    with pytest.raises(DataError, match="'e7' has label"):
        slice_report(predictions, mended, SPEC)


def test_a_slice_on_an_unknown_column_is_refused():
    with pytest.raises(SpecError, match="did you mean 'source'"):
        slice_report(*scans(), spec_with({"name": "s", "column": "sourse"}))
