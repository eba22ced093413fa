"""catalog/digits.yaml fits the data it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.datasets import load_bundled
from burnish.slices import resolve_slices
from burnish.spec import DatasetSpec, load_spec

CATALOG = Path(__file__).resolve().parents[3] / "catalog"


@pytest.fixture(scope="module")
def spec() -> DatasetSpec:
    return load_spec(CATALOG / "digits.yaml")


@pytest.fixture(scope="module")
def examples(spec):
    return load_bundled(str(spec.source.bundled), **spec.source.options).examples


def test_every_column_it_names_is_there(spec, examples):
    named = {spec.id, spec.target, spec.split.column, *spec.features}
    named |= {item.kwargs["column"] for item in spec.gates.expectations}
    assert named <= set(examples.column_names)
    assert set(examples["label"].to_pylist()) == set(spec.classes)


def test_annotations_are_those_of_the_same_labels(spec):
    assert spec.annotations is not None
    assert spec.annotations.source == spec.source


def test_every_slice_holds_enough_rows_to_be_watched(spec, examples):
    held_out = examples.filter([word != "train" for word in examples["split"].to_pylist()])
    for cut in resolve_slices(held_out, spec.slices):
        assert cut.mask.sum() >= 30, cut.name


def test_its_own_expectations_hold_on_its_own_rows(spec, examples):
    actions = {item.on_fail for item in spec.gates.expectations}
    assert actions == {"quarantine", "stop"}
    for item in spec.gates.expectations:
        values = examples[item.kwargs["column"]].to_pylist()
        if "value_set" in item.kwargs:
            assert set(values) <= set(item.kwargs["value_set"])
        else:
            assert item.kwargs["min_value"] <= min(values)
            assert max(values) <= item.kwargs["max_value"]


def test_it_says_who_is_simulated_and_whose_images_these_are(spec):
    sheet = spec.datasheet
    assert "simulated" in sheet.collection
    assert "simulated" in sheet.preprocessing
    assert "CC BY 4.0" in sheet.licence
