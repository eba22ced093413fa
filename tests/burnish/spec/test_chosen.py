"""What people choose goes before what a column looks like, and what cannot be is refused."""

from pathlib import Path

import pytest
import yaml

from burnish.errors import DataError
from burnish.spec import Chosen, guess_from_file, load_spec

ROWS = "".join(
    f"{place},{place % 5},n{place % 3},img/{place}.png,{'ab'[place % 2]}\n" for place in range(40)
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.csv"
    path.write_text("row_id,x,town,scan,kind\n" + ROWS)
    return path


def guessed(file: Path, **choices: object) -> dict:
    guess = guess_from_file(file, target="kind", chosen=Chosen(**choices))
    path = file.with_suffix(".yaml")
    path.write_text(guess.text)
    load_spec(path)
    return yaml.safe_load(guess.text)


def test_nothing_chosen_changes_nothing(file):
    spec = guessed(file)
    assert spec["id"] == "row_id"
    assert "group" not in spec
    assert "review" not in spec
    assert spec["features"] == {"x": "numeric", "town": "categorical"}


def test_the_id_the_group_and_the_budget_are_those_chosen(file):
    spec = guessed(file, identity="scan", group="town", budget=7)
    assert (spec["id"], spec["group"]) == ("scan", "town")
    assert spec["features"] == {"x": "numeric"}
    assert spec["review"] == {"budget": 7}


def test_a_budget_of_one_row_leaves_none_to_draw_at_random(file):
    assert guessed(file, budget=1)["review"] == {"budget": 1, "control_share": 0}


def test_a_chosen_kind_goes_before_what_a_column_looks_like(file):
    spec = guessed(file, kinds={"town": "text", "row_id": "text", "scan": "image"})
    assert spec["features"] == {
        "row_id": "text", "x": "numeric", "town": "text", "scan": "image"
    }  # fmt: skip
    assert "id" not in spec
    assert all(one["column"] != "town" for one in spec.get("slices", []))


def test_annotations_stand_for_the_target(file, tmp_path):
    answers = tmp_path / "answers.csv"
    answers.write_text("example_id,annotator_id,label\n0,ann,yes\n0,bob,no\n1,ann,no\n")
    chosen = Chosen(annotations=answers)
    guess = guess_from_file(file, target=None, folder=tmp_path / "out", chosen=chosen)
    spec = yaml.safe_load(guess.text)
    assert spec["annotations"] == {"source": {"path": "../answers.csv"}}
    assert spec["classes"] == ["no", "yes"]
    assert "target" not in spec


@pytest.mark.parametrize(
    "choices",
    [
        {"identity": "x", "group": "x"},
        {"group": "town", "kinds": {"town": "text"}},
        {"kinds": {"kind": "text"}},
    ],
)
def test_one_column_cannot_be_two_things(file, choices):
    with pytest.raises(DataError, match="at once"):
        guessed(file, **choices)


def test_a_column_that_is_left_out_is_no_feature_and_said_so(file):
    guess = guess_from_file(file, target="kind", chosen=Chosen(exclude=("x",)))
    assert "x" not in yaml.safe_load(guess.text)["features"]
    assert "#   x: left out, as chosen" in guess.text
    with pytest.raises(DataError, match="no column 'xx' to be left out"):
        guess_from_file(file, target="kind", chosen=Chosen(exclude=("xx",)))
    with pytest.raises(DataError, match="'kind' cannot be left out and the target at once"):
        guess_from_file(file, target="kind", chosen=Chosen(exclude=("kind",)))
