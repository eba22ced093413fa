"""What a kept model reads is asked of held-out rows, of the very model, and shown as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import DataError, IterationError
from burnish.modeling import Importance
from burnish.modeling.importance import IMPORTANCE_SCHEMA
from burnish.report.importance_part import (
    PatchMap,
    importance_markdown,
    importance_part,
    patch_map_svg,
)
from burnish.slices import OVERALL
from burnish.workflows import importance as workflow
from burnish.workflows.home import Home
from burnish.workflows.importance import importance_of, patch_maps_of
from tests.burnish.workflows.closed_turns import measured, pets, prepared


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    home = prepared(tmp_path_factory.mktemp("home"))
    measured(home, pets())
    return home


def test_the_feature_that_tells_the_classes_apart_matters_most(home: Home):
    found = importance_of(home.versions, home.versions.iteration("pets", 1), pets())
    weight, height = found.top()
    assert (weight["feature"], height["feature"]) == ("weight", "height")
    assert weight["importance"] > height["importance"]
    names = set(found.table["slice"].to_pylist())
    assert names >= {OVERALL, "source:home", "source:street", "class:cat", "class:dog"}
    held_out = home.versions.read_candidate("pets", "trained_model").num_rows
    assert found.rows == found.of_rows == weight["support"] == held_out


def test_rows_that_the_model_was_fitted_on_are_refused(home: Home):
    iteration = home.versions.iteration("pets", 1)
    for splits in (("train",), ("test", "train"), ()):
        with pytest.raises(DataError, match=r"train|no split"):
            importance_of(home.versions, iteration, pets(), splits=splits)
    tested = importance_of(home.versions, iteration, pets(), splits=("test",))
    assert tested.rows < importance_of(home.versions, iteration, pets()).rows


def test_an_iteration_without_a_model_is_refused(home: Home):
    iteration = home.versions.iteration("pets", 1)
    with pytest.raises(IterationError, match="has not trained"):
        importance_of(home.versions, replace(iteration, summary={}), pets())


def test_a_model_that_says_something_else_than_it_did_is_refused(home: Home, monkeypatch):
    load = workflow.load_model

    class Other:
        def __init__(self, model):
            self.predict_proba = lambda frame: model.predict_proba(frame)[:, ::-1]

    monkeypatch.setattr(workflow, "load_model", lambda *given, **more: Other(load(*given, **more)))
    with pytest.raises(DataError, match="says something else"):
        importance_of(home.versions, home.versions.iteration("pets", 1), pets())


def test_many_rows_are_thinned_and_it_is_said(home: Home, monkeypatch):
    monkeypatch.setattr(workflow, "MOST_ROWS", 12)
    found = importance_of(home.versions, home.versions.iteration("pets", 1), pets())
    assert found.rows == 12
    assert found.of_rows > 12
    assert f"12 of {found.of_rows}" in importance_part(found)


def test_no_more_rows_are_asked_than_may_be_looked_up(home: Home, monkeypatch):
    monkeypatch.setattr(workflow, "FEWEST_ROWS", 4)
    iteration = home.versions.iteration("pets", 1)
    asked = {"repeats": 2, "most_lookups": 40}
    assert importance_of(home.versions, iteration, pets(), **asked).rows == 10  # of two features


def test_without_pictures_there_is_no_map(home: Home):
    assert patch_maps_of(home.versions, home.versions.iteration("pets", 1), pets()) == ()


def test_a_map_finds_the_corner_of_a_picture_that_tells(tmp_path: Path):
    home = prepared(tmp_path)
    rows = home.versions.read_candidate("pets", "validated_examples")
    rng = np.random.default_rng(1)
    pictures = rng.uniform(0, 5, (rows.num_rows, 16))
    pictures[:, 0] = np.where(np.array(rows["label"].to_pylist()) == "dog", 15.0, 1.0)
    images = pa.array(pictures.tolist(), pa.list_(pa.float64()))
    home.versions.write(
        "pets", "validated_examples", rows.append_column("photo", images), gated=False
    )
    spec = pets(features={"photo": {"kind": "image", "shape": [4, 4]}})
    measured(home, spec)
    (found,) = patch_maps_of(home.versions, home.versions.iteration("pets", 1), spec, cells=2)
    values = np.array(found.values)
    assert values.shape == (2, 2)
    assert values.argmax() == 0
    assert found.findings[0][0] == "matters"


# ------------------------------------------------------------------ how it is shown


def figures(*rows: tuple[str, str, float, str]) -> Importance:
    lines = [
        {
            "feature": feature, "slice": name, "slice_id": name, "importance": value,
            "low": value - 0.1, "high": value + 0.1, "low_all": value - 0.2,
            "high_all": value + 0.2, "support": 90, "finding": finding, "uncertain": False,
        }
        for feature, name, value, finding in rows
    ]  # fmt: skip
    table = pa.Table.from_pylist(lines, IMPORTANCE_SCHEMA)
    return Importance(table, "log_loss", 0.95, 10, 90, 90)


def test_slices_in_which_a_feature_matters_otherwise_are_named_and_no_others():
    found = figures(
        ("<ink>", OVERALL, 1.0, "matters"), ("<ink>", "scanA", 1.1, "matters"),
        ("<ink>", "scanB", 0.1, "not shown"), ("size", OVERALL, 0.0, "not shown"),
    )  # fmt: skip
    part = importance_part(
        found, maps=[PatchMap("face", ((1.0, -0.001),), (("matters", "not shown"),), 90)]
    )
    rows = re.findall(r"<th scope=\"row\">(.*?)</th>", part)
    assert rows == ["&lt;ink&gt;", "size", "scanB"]
    assert "<ink>" not in part
    assert "(0.00)" in part
    assert "<script" not in part


def test_without_a_difference_it_says_so():
    part = importance_part(figures(("ink", OVERALL, 1.0, "matters")))
    assert "In no slice" in part


def test_markdown_keeps_its_table_whatever_a_feature_is_called():
    text = importance_markdown(figures(("a|b\nc", OVERALL, 1.0, "matters")))
    assert text.splitlines()[-1] == r"| a\|b c | 1.000 | 0.900 to 1.100 | matters |"


def test_a_patch_of_which_nothing_is_known_has_no_figure():
    drawn = patch_map_svg(PatchMap("face", ((float("nan"), 0.5),), (("too few", "matters"),), 9))
    assert "nan" not in drawn
    assert ">0.50<" in drawn
