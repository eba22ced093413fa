import re
from datetime import UTC, datetime
from math import nan

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.records import DatasetVersion, Iteration, Watermark
from burnish.spec import DatasetSpec
from burnish.workflows.evaluate import slice_report
from burnish.workflows.promote import decide_promotion
from burnish.workflows.tracking import tracked_iteration
from burnish.workflows.train import train_model

SPEC = DatasetSpec.model_validate(
    {
        "name": "blobs",
        "source": {"paths": ["a.csv", "b.csv"]},
        "target": "label",
        "features": {"x": "numeric"},
        "slices": [
            {"name": "source", "column": "source"},
            {"name": "a/b = ..|//", "where": {"source": "scanA"}},
            {"name": "nobody", "where": {"source": "never"}},
        ],
    }
)


def blobs(n=300):
    rng = np.random.default_rng(0)
    kind = np.arange(n) % 2
    return pa.table(
        {
            "example_id": [str(number) for number in range(n)],
            "label": [("ant", "bee")[one] for one in kind],
            "x": rng.normal(kind * 3.0, 1),
            "source": rng.choice(["scanA", "scanB"], n).tolist(),
            "split": rng.choice(["train", "validation", "test"], n).tolist(),
        }
    )


def tracked(*, answers="not measured", **extra):
    table = blobs()
    trained = train_model(table.filter(pc.field("split") == "train"), table, SPEC, random_state=0)
    report = slice_report(trained.predictions, table, SPEC)
    at, mark = datetime(2026, 1, 1, tzinfo=UTC), Watermark(12, "abc")
    found = tracked_iteration(
        answers=answers,
        spec=SPEC,
        iteration=Iteration("blobs", 3, mark, at),
        dataset_version=DatasetVersion(
            "blobs", 7, 2, Watermark(15, "def"), "d1635", 300, {"ant": 150, "bee": 150}, 3, at
        ),
        trained=trained,
        report=report,
        promotion=decide_promotion(trained.predictions, None),
        run_id="run-1",
        home="h0me",
        git_sha="5c28aa3",
        extra_metrics=extra,
    )
    return found, report, trained


def test_tags_say_where_the_iteration_comes_from():
    found, _, _ = tracked()
    expected = {
        "dataset": "blobs",
        "iteration": "3",
        "dataset_version": "blobs@7",
        "dataset_digest": "d1635",
        "ledger_watermark": "15",
        "dagster_run_id": "run-1",
        "git_sha": "5c28aa3",
        "promoted": "true",
    }
    assert expected.items() <= found.tags.items()
    assert (found.dataset_version, found.dataset_digest, found.rows) == ("blobs@7", "d1635", 300)
    assert found.source == "a.csv, b.csv"


def test_iterations_can_be_filtered_by_what_their_known_answers_say():
    assert tracked()[0].tags["answers"] == "not measured"
    assert tracked(answers="bad")[0].tags["answers"] == "bad"


def test_the_accuracy_of_every_slice_is_a_metric_and_all_else_is_in_the_tables():
    found, report, _ = tracked()
    accuracy = report.filter(
        (pc.field("metric") == "accuracy") & (pc.field("split") == "validation")
    )
    known = [row["value"] for row in accuracy.to_pylist() if row["value"] is not None]
    by_slice = {name: value for name, value in found.metrics.items() if "/" in name}
    assert sorted(by_slice.values()) == pytest.approx(sorted(known))
    assert found.metrics["validation_accuracy"] == found.metrics["accuracy/overall"]
    assert found.tables["slice_report"].equals(report)


def test_metric_names_are_legal():
    found, _, _ = tracked()
    for name in found.metrics:
        assert re.fullmatch(r"[/\w.\- :]{1,250}", name)
        assert name.count("/") <= 1
    assert {name.split("/")[0] for name in found.metrics if "/" in name} == {"accuracy"}


def test_the_table_of_slices_is_a_line_a_slice_with_name_and_accuracy_first():
    found, report, _ = tracked()
    table = found.tables["slices"]
    assert table.column_names[:2] == ["slice", "accuracy"]
    assert table.num_rows == len(set(report["slice_id"].to_pylist()))
    lines = {line["slice"]: line for line in table.to_pylist()}
    assert lines["nobody"]["accuracy"] == "no rows"
    whole = lines["overall"]
    assert whole["accuracy"].startswith(f"{whole['validation_accuracy']:.3f} (")
    assert whole["accuracy"].endswith(f" of {whole['validation_rows']}")
    assert whole["trust"] == "uncertain", "fewer than ten of its rows are wrong"
    assert next(iter(found.tables)) == "slices"


def test_what_is_unknown_or_not_finite_is_left_out():
    found, _, _ = tracked(noise=0.05, noise_low=nan, noise_high=float("inf"))
    assert found.metrics["noise"] == 0.05
    assert all(np.isfinite(value) for value in found.metrics.values())
    absent = ("noise_low", "noise_high", "promotion_difference")
    assert not any(name in found.metrics for name in absent)
    assert not any("nobody" in name for name in found.metrics)


def test_the_confusions_are_those_of_validation():
    found, _, trained = tracked()
    rows = trained.predictions.filter(pc.field("split") == "validation")
    confusion = found.tables["confusion"].to_pylist()
    assert sum(row["rows"] for row in confusion) == rows.num_rows
    right = sum(row["rows"] for row in confusion if row["label"] == row["predicted"])
    assert right == sum(rows["correct"].to_pylist())


def test_the_model_goes_along_with_what_it_takes():
    found, _, trained = tracked()
    assert found.model is trained.model
    assert len(found.model.predict(found.model_input)) == 5
    assert found.params["model"] == "logistic"
