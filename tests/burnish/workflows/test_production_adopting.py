"""Rows whose label came in are adopted once, keep their split, and leak into no ruler."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.records import Verdict
from burnish.spec import DatasetSpec
from burnish.workflows.curate import curate
from burnish.workflows.production_adopting import (
    NO_CLASS,
    SHARED,
    TURNED_AWAY,
    adopt_labels,
    read_raw,
    repeats_held_out,
    splits_so_far,
    with_adopted,
)
from burnish.workflows.production_asking import ask_for_labels
from burnish.workflows.production_stages import ADOPTED
from burnish.workflows.validate import validate_examples, with_new_splits
from tests.burnish.workflows.production_boxes import batch, home_in, labels_came, spec_in

DAY, NEXT = "2026-03-07", "2026-03-08"


def validated(spec, home) -> pa.Table:
    """What the asset does."""
    fixed = splits_so_far(spec, home.versions)
    rows = validate_examples(read_raw(spec, home.versions), spec, fixed=fixed)
    home.versions.write(spec.name, "fixed_splits", with_new_splits(fixed, rows), gated=False)
    home.versions.write(spec.name, "validated_examples", rows, gated=False)
    return rows


def splits(rows: pa.Table) -> dict[str, str]:
    return dict(zip(rows["example_id"].to_pylist(), rows["split"].to_pylist(), strict=True))


def test_labels_up_to_a_period_are_adopted_once_and_the_others_are_told_with_their_reason(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    validated(spec, home)
    batch(home.versions, DAY, ["p1", "p2", "p3", "s001"])
    batch(home.versions, NEXT, ["p4"])
    labels_came(home.versions, DAY, {"p1": "small", "p2": None, "p3": "medium", "s001": "small"})
    labels_came(home.versions, DAY, {"gone": "small"})
    labels_came(home.versions, NEXT, {"p4": "large"})
    first = adopt_labels(spec, home.versions, until=DAY)
    assert (first.rows, first.total) == (1, 1)
    assert {row["example_id"]: row["why"] for row in first.to_table().to_pylist()} == {
        "gone": TURNED_AWAY,
        "p3": NO_CLASS,
        "s001": SHARED,
    }
    assert first.reasons[NO_CLASS] == 1
    assert adopt_labels(spec, home.versions, until=DAY).rows == 0
    assert adopt_labels(spec, home.versions, until=NEXT).total == 2
    kept = {row["example_id"]: row for row in home.versions.read("boxes", ADOPTED).to_pylist()}
    assert {name: row["adopted_period"] for name, row in kept.items()} == {"p1": DAY, "p4": NEXT}
    assert kept["p1"]["label"] == "small"


def test_raw_rows_are_those_of_the_source_and_below_them_the_adopted_ones(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    before = read_raw(spec, home.versions)
    assert "adopted_period" not in before.column_names
    batch(home.versions, DAY, ["p1"], size=9.5)
    labels_came(home.versions, DAY, {"p1": "large"})
    adopt_labels(spec, home.versions, until=DAY)
    raw = read_raw(spec, home.versions)
    assert raw.num_rows == before.num_rows + 1
    assert raw.slice(before.num_rows).to_pylist() == [
        {"example_id": "p1", "label": "large", "size": 9.5, "site": None, "adopted_period": DAY}
    ]
    assert raw["adopted_period"].null_count == before.num_rows


def test_a_row_that_the_source_has_by_now_is_the_sources():
    raw = pa.table({"example_id": ["p1"], "label": ["x"], "size": [1.0]})
    adopted = pa.table(
        {"example_id": ["p1"], "label": ["y"], "size": [1.0], "adopted_period": [DAY]}
    )
    assert with_adopted(raw, adopted)["label"].to_pylist() == ["x"]
    odd = adopted.set_column(2, "size", pa.array(["tall"])).set_column(
        0, "example_id", pa.array(["p2"])
    )
    with pytest.raises(DataError, match="'size' of rows adopted from production does not fit"):
        with_adopted(raw, odd)


def test_the_ledger_overrules_a_label_that_came_in(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    batch(home.versions, DAY, ["p1"])
    labels_came(home.versions, DAY, {"p1": "large"})
    adopt_labels(spec, home.versions, until=DAY)
    home.ledger.append("boxes", [Verdict("p1", "change", "large", "small", author="Ada")])
    rows = curate(validated(spec, home), home.ledger.fold("boxes")).to_pylist()
    [row] = [row for row in rows if row["example_id"] == "p1"]
    assert (row["label"], row["given_label"]) == ("small", "large")


@pytest.mark.parametrize("declared", ["column", "files", "drawn"])
def test_adopted_rows_draw_a_split_however_the_source_declares_its_own(tmp_path, declared):
    split = {
        "column": {"column": "site", "values": {"north": "train"}},
        "files": {"files": {"train": ["boxes.csv"]}},
        "drawn": {},
    }[declared]
    spec, home = spec_in(tmp_path, split=split), home_in(tmp_path)
    before = splits(validated(spec, home))
    names = [f"p{at:03d}" for at in range(200)]
    batch(home.versions, DAY, names, size=100.0)
    labels_came(home.versions, DAY, dict.fromkeys(names, "large"))
    adopt_labels(spec, home.versions, until=DAY)
    now = splits(validated(spec, home))
    assert {name: now[name] for name in before} == before, "no row of the source moved"
    drawn = [now[name] for name in names]
    # Shares of .2 each: 200 draws lie within five standard errors.
    for part in ("validation", "test"):
        assert 12 <= drawn.count(part) <= 68
    assert splits(validated(spec, home)) == now, "drawn once and for all"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=6, max_size=30))
@settings(max_examples=60, deadline=None)
def test_copies_never_part_and_rows_of_the_source_never_move(cells):
    spec = DatasetSpec.model_validate(
        {
            "name": "toy",
            "source": {"path": "toy.csv"},
            "target": "y",
            "features": {"x": "numeric"},
        }
    )
    adopted = [DAY if late else None for _, late in cells]
    raw = pa.table(
        {
            "example_id": [f"e{at:02d}" for at in range(len(cells))],
            "label": ["a"] * len(cells),
            "x": [float(x) for x, _ in cells],
            "adopted_period": pa.array(adopted, pa.string()),
        }
    )
    source = raw.filter(pa.array([not late for _, late in cells])).drop_columns(["adopted_period"])
    alone = splits(validate_examples(source, spec)) if source.num_rows else {}
    fixed = pa.table({"example_id": list(alone), "split": list(alone.values())}) if alone else None
    found = validate_examples(raw, spec, fixed=fixed)
    now = splits(found)
    assert {name: now[name] for name in alone} == alone
    by_value: dict[float, set[str]] = {}
    for row in found.to_pylist():
        by_value.setdefault(row["x"], set()).add(row["split"])
    assert all(len(parts) == 1 for parts in by_value.values())


def test_a_row_that_was_asked_about_is_a_training_row_for_good(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    validated(spec, home)
    names = [f"p{at:03d}" for at in range(60)]
    batch(home.versions, DAY, names, size=100.0)
    asked = names[:40]
    ask_for_labels(spec, home.versions, home.ledger, asked, asked_by="alarm 1", reason="loss")
    labels_came(home.versions, DAY, dict.fromkeys(names, "large"))
    adopt_labels(spec, home.versions, until=DAY)
    now = splits(validated(spec, home))
    assert {now[name] for name in asked} == {"train"}
    assert {now[name] for name in names[40:]} > {"train"}


def test_a_row_asked_about_that_repeats_a_held_out_row_follows_that_one(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    rows = validated(spec, home).to_pylist()
    twin = next(row for row in rows if row["split"] == "test")
    batch(home.versions, DAY, ["p1"], size=twin["size"])
    ask_for_labels(spec, home.versions, home.ledger, ["p1"], asked_by="Ada", reason="odd")
    labels_came(home.versions, DAY, {"p1": "large"})
    adopt_labels(spec, home.versions, until=DAY)
    assert splits(validated(spec, home))["p1"] == "test"


def test_a_row_without_a_column_still_repeats_a_held_out_row_that_lacks_its_cell():
    spec = DatasetSpec.model_validate(
        {
            "name": "toy",
            "source": {"path": "toy.csv"},
            "target": "y",
            "features": {"x": "numeric", "z": "numeric"},
        }
    )
    known = pa.table(
        {
            "example_id": ["t", "v"],
            "x": [1.0, 2.0],
            "z": pa.array([None, 3.0], pa.float64()),
            "split": ["test", "validation"],
        }
    )
    rows = pa.table({"example_id": ["p", "q"], "x": [1.0, 2.0]})
    assert repeats_held_out(rows, known, spec).to_pylist() == [True, False]
