"""One example as people look at it: what is shown, what is marked, and what cannot be shown."""

import io
from base64 import b64decode
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from burnish.report.looking import (
    ALL_ROWS,
    LARGE,
    LONGEST_TEXT,
    MOST_VALUES,
    Usual,
    look,
    usual_values,
)
from burnish.spec import DatasetSpec


def spec_of(features: dict, folder=None) -> DatasetSpec:
    spec = DatasetSpec.model_validate(
        {"name": "toy", "source": {"path": "toy.csv"}, "target": "kind", "features": features}
    )
    return spec if folder is None else spec.model_copy(update={"folder": folder})


def plants() -> tuple[pa.Table, DatasetSpec]:
    rng = np.random.default_rng(0)
    cat = rng.normal(10, 1, 100)
    table = pa.table(
        {
            "x": [*cat, *rng.normal(30, 1, 100)],
            "colour": ["red"] * 99 + ["blue"] + ["blue"] * 100,
            "old": [True] * 200,
            "kind": ["cat"] * 100 + ["dog"] * 100,
        }
    )
    return table, spec_of({"x": "numeric", "colour": "categorical", "old": "boolean"})


def shown(row: dict, label: str = "cat") -> dict[str, str]:
    table, spec = plants()
    usual = usual_values(table, table["kind"], spec)
    return {one.name: one.unusual for one in look(row, spec, label=label, usual=usual).values}


def test_a_number_is_marked_where_it_is_far_from_its_label_alone():
    row = {"x": 30.0, "colour": "red", "old": True}
    assert "median of this label" in shown(row)["x"]
    assert shown(row, "dog")["x"] == ""


def test_a_rare_category_is_marked_with_its_share_and_comes_first():
    row = {"x": 10.0, "colour": "blue", "old": True}
    found = shown(row)
    assert found["colour"] == "1.0 % of this label"
    assert list(found) == ["colour", "x", "old"]
    assert shown({**row, "colour": "green"})["colour"].startswith("0.0 %")
    assert shown({**row, "old": False})["old"].startswith("0.0 %")


def test_missing_values_are_told_as_such():
    found = shown({"x": None, "colour": None, "old": float("nan")})
    assert set(found.values()) == {"missing"}


def test_a_label_with_few_rows_marks_no_category():
    table, spec = plants()
    few = pa.concat_tables([table.slice(98, 2), table.slice(100)])
    usual = usual_values(few, few["kind"], spec)
    found = look({"x": 10.0, "colour": "green", "old": True}, spec, label="cat", usual=usual)
    assert all(not one.unusual for one in found.values if one.name == "colour")


def picture(tmp_path, size=(300, 200), mode="RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, (200, 30, 30, 128)[: len(mode)]).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_becomes_a_small_one_whatever_it_was(tmp_path, mode):
    content = picture(tmp_path, mode=mode)
    spec = spec_of({"scan": "image"}, tmp_path)
    for cell in ("a.png", content):
        ((name, uri),) = look({"scan": cell}, spec, label=None, usual=Usual()).pictures
        head, body = uri.split(",")
        assert (name, head[:11]) == ("scan", "data:image/")
        small = Image.open(io.BytesIO(b64decode(body)))
        assert max(small.size) == 128
        assert len(uri) < 6_000


def test_a_list_of_numbers_is_a_square_picture(tmp_path):
    found = look({"scan": [0, 1, 2, 3]}, spec_of({"scan": "image"}), label=None, usual=Usual())
    assert found.pictures[0][1].startswith("data:image/png;base64,")


@pytest.mark.parametrize("cell", [None, "none.png", b"nonsense", [1, 2, 3]])
def test_a_picture_that_cannot_be_read_is_told_in_words(tmp_path, cell):
    found = look({"scan": cell}, spec_of({"scan": "image"}, tmp_path), label="a", usual=Usual())
    assert found.pictures == ()
    assert found.values[0].text == "no picture"


def test_long_texts_are_cut_and_many_values_counted():
    features = {"note": "text", **{f"x{at}": "numeric" for at in range(20)}}
    row = {"note": "word " * 500, **{f"x{at}": float(at) for at in range(20)}}
    found = look(row, spec_of(features), label=None, usual=Usual())
    assert len(found.texts[0][1]) == LONGEST_TEXT
    assert (len(found.values), found.more) == (MOST_VALUES, 20 - MOST_VALUES)


def test_a_signal_is_drawn_with_its_range_and_holes():
    cell = [1.0, None, float("nan"), 5.0, 3.0]
    found = look({"ecg": cell}, spec_of({"ecg": "sensor"}), label=None, usual=Usual())
    drawn = found.drawings[0][1]
    assert "5 values from 1 to 5" in drawn
    assert drawn.count(",") >= 3
    nothing = look({"ecg": [None]}, spec_of({"ecg": "sensor"}), label=None, usual=Usual())
    assert nothing.drawings[0][1] == ""


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 1, 12, 30, tzinfo=UTC), "2026-03-01 12:30:00"),
        (date(2026, 3, 1), "2026-03-01"),
    ],
)
def test_a_time_is_written_without_what_says_nothing(cell, said):
    found = look({"at": cell}, spec_of({"at": "datetime"}), label="a", usual=Usual())
    assert found.values[0].text == said


def test_over_all_rows_a_value_is_marked_whatever_its_label_and_no_label_is_named():
    table, spec = plants()
    usual = usual_values(table, None, spec)
    found = look({"x": 900.0, "old": False}, spec, label=ALL_ROWS, usual=usual).values
    marks = {one.name: one.unusual for one in found}
    assert marks["x"].startswith("median of all rows: ")
    assert marks["old"] == "0.0 % of all rows"
    assert ALL_ROWS not in str(found)
    # 30 is far from the cats alone: over all rows that must not show.
    assert look({"x": 30.0}, spec, label=ALL_ROWS, usual=usual).values[-1].unusual == ""


def test_a_large_look_keeps_texts_whole_and_leaves_files_to_their_address(tmp_path):
    features = {"note": "text", "scan": "image", **{f"x{at}": "numeric" for at in range(20)}}
    picture(tmp_path)
    row = {"note": "word " * 500, "scan": "a.png", **{f"x{at}": float(at) for at in range(20)}}
    found = look(row, spec_of(features, tmp_path), label=None, usual=Usual(), detail=LARGE)
    assert found.texts[0][1] == row["note"]
    assert (found.files, found.pictures) == (("scan",), ())
    assert (len(found.values), found.more) == (20, 0)


def test_a_large_signal_has_axes_and_the_words_of_its_column():
    spec = spec_of({"ecg": {"kind": "sensor", "description": "millivolt <b>"}})
    row = {"ecg": [0.0, 2.0, None, 1.0]}
    found = look(row, spec, label=None, usual=Usual(), detail=LARGE)
    drawn = found.drawings[0][1]
    assert "4 readings from 0 to 2, 1 missing, millivolt &lt;b&gt;" in drawn
    assert "style=" not in drawn
    assert "<b>" not in drawn
    nothing = look({"ecg": []}, spec, label=None, usual=Usual(), detail=LARGE)
    assert [one.text for one in nothing.values] == ["no signal"]
