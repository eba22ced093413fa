"""Columns in words: the spec's own, the loop's, and wide tables that stay readable."""

from __future__ import annotations

import pyarrow as pa

from burnish.drift import DRIFT_SCHEMA, PERFORMANCE_SCHEMA
from burnish.report.columns import BESIDE, MOST_FEATURES, column_lines
from burnish.spec import DatasetSpec
from burnish.workflows.audit import AUDIT_SCHEMA
from burnish.workflows.quality_run import REPORT_SCHEMA
from burnish.workflows.queue import QUEUE_SCHEMA
from burnish.workflows.returns_table import RETURNS_SCHEMA


def spec_of(features: int = 2) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "pets", "source": {"path": "a.csv"}, "target": "label",
            "classes": ["cat", "dog"],
            "features": {
                f"x{n}": {"kind": "numeric", "description": f"Of {n}."} for n in range(features)
            },
        }
    )  # fmt: skip


def test_every_column_that_the_loop_makes_is_told_in_words():
    of_the_loop = (AUDIT_SCHEMA, QUEUE_SCHEMA, REPORT_SCHEMA, RETURNS_SCHEMA)
    for schema in (*of_the_loop, DRIFT_SCHEMA, PERFORMANCE_SCHEMA):
        for line in column_lines(schema, spec_of()):
            assert line.text, line.name
            assert line.text != BESIDE, line.name


def test_a_feature_is_told_as_its_spec_does_and_the_label_with_its_classes():
    schema = pa.schema([("x1", pa.float64()), ("label", pa.string()), ("ward", pa.string())])
    feature, label, other = column_lines(schema, spec_of())
    assert (feature.text, feature.limits) == ("Of 1.", ("numeric",))
    assert label.text.endswith("One of: cat, dog.")
    assert other.text == BESIDE


def test_a_wide_table_is_a_short_list():
    names = [f"x{n}" for n in range(300)] + [f"p:{n}" for n in range(50)] + ["label"]
    lines = column_lines(pa.schema([(name, pa.float64()) for name in names]), spec_of(300))
    assert len(lines) == MOST_FEATURES + 3
    assert lines[MOST_FEATURES].name == "(288 more features)"
    assert "and 30 more" in lines[MOST_FEATURES + 1].text


def test_only_a_key_is_unique():
    schema = pa.schema([("example_id", pa.string())])
    assert column_lines(schema, spec_of(), keyed=True)[0].unique
    assert not column_lines(schema, spec_of())[0].unique


def test_every_column_of_what_is_measured_of_production_has_its_own_meaning():
    for measured in (DRIFT_SCHEMA, PERFORMANCE_SCHEMA):
        schema = measured.append(pa.field("window_end", pa.string()))
        told = {line.name: line.text for line in column_lines(schema, spec_of())}
        assert BESIDE not in told.values(), told
    assert "effect size" in told_of(DRIFT_SCHEMA, "effect")
    assert "effect size" not in told_of(pa.schema([("effect", pa.float64())]), "effect", mark=False)


def told_of(schema, name, *, mark=True):
    schema = schema.append(pa.field("window_end", pa.string())) if mark else schema
    return next(line.text for line in column_lines(schema, spec_of()) if line.name == name)
