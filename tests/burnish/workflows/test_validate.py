"""Every row gets its split once and for all, and rows that belong together stay so."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.spec import DatasetSpec
from burnish.workflows.validate import crossing_duplicates, validate_examples, with_new_splits


def spec_of(**parts: Any) -> DatasetSpec:
    base = {"name": "toy", "source": {"path": "toy.csv"}, "target": "y"}
    return DatasetSpec.model_validate({**base, "features": {"x": "numeric"}, **parts})


def rows_of(count: int, **columns: Any) -> pa.Table:
    base = {"example_id": [f"e{n:05d}" for n in range(count)], "label": ["a"] * count}
    return pa.table({**base, "x": [float(n) for n in range(count)], **columns})


def splits(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["example_id"].to_pylist(), table["split"].to_pylist(), strict=True))


def test_shares_are_about_those_asked_for() -> None:
    found = validate_examples(rows_of(5000), spec_of(split={"validation": 0.1, "test": 0.3}))
    counts = Counter(found["split"].to_pylist())
    assert counts["test"] == pytest.approx(1500, abs=120)
    assert counts["validation"] == pytest.approx(500, abs=90)
    assert found.column_names == ["example_id", "label", "x", "split", "fold_group"]


def test_a_split_drawn_does_not_depend_on_order_or_on_other_rows() -> None:
    rows, spec = rows_of(300), spec_of()
    whole = splits(validate_examples(rows, spec))
    part = rows.take(np.random.default_rng(0).permutation(300)[:100])
    assert splits(validate_examples(part, spec)).items() <= whole.items()
    assert splits(validate_examples(rows, spec_of(random_state=1))) != whole


def test_a_group_stays_in_one_split() -> None:
    rows = rows_of(400, who=[f"p{n % 37}" for n in range(400)])
    found = validate_examples(rows, spec_of(group="who"))
    assert found["fold_group"].to_pylist() == rows["who"].to_pylist()
    pairs = set(zip(found["who"].to_pylist(), found["split"].to_pylist(), strict=True))
    assert len(pairs) == 37
    assert crossing_duplicates(found) == 0


def test_exact_duplicates_share_the_smallest_id_and_the_split() -> None:
    rows = rows_of(400, x=[float(n % 50) for n in range(400)])
    found = validate_examples(rows, spec_of())
    assert found["fold_group"][350].as_py() == "e00000"
    assert crossing_duplicates(found) == 0
    assert len(set(zip(found["x"].to_pylist(), found["split"].to_pylist(), strict=True))) == 50


def test_groups_that_hold_copies_of_each_other_are_one() -> None:
    # Two hundred pairs of copies, each half of a pair in another group.
    rows = rows_of(
        400, x=[float(n % 200) for n in range(400)], who=[f"p{n:03d}" for n in range(400)]
    )
    found = validate_examples(rows, spec_of(group="who"))
    assert crossing_duplicates(found) == 0
    assert found["fold_group"].to_pylist() == [f"p{n % 200:03d}" for n in range(400)]


def test_a_row_that_was_away_comes_back_to_its_split() -> None:
    rows, spec = rows_of(300), spec_of()
    first = validate_examples(rows, spec)
    seen = with_new_splits(None, first)
    seen = with_new_splits(seen, validate_examples(rows.slice(100), spec, fixed=seen))
    again = validate_examples(rows, spec_of(random_state=9), fixed=seen)
    assert splits(again) == splits(first)
    assert seen.num_rows == 300


def test_a_row_without_a_group_stands_alone() -> None:
    rows = rows_of(3, who=["p", None, "p"])
    found = validate_examples(rows, spec_of(group="who"))
    assert found["fold_group"].to_pylist() == ["p", "e00001", "p"]


def test_words_of_a_column_are_mapped() -> None:
    rows = rows_of(3, part=["learn", "validation", "7"])
    split = {"column": "part", "values": {"learn": "train", "7": "test"}}
    found = validate_examples(rows, spec_of(split=split))
    assert found["split"].to_pylist() == ["train", "validation", "test"]


@pytest.mark.parametrize(("word", "shown"), [("val", "'val'"), (None, "nothing")])
def test_a_word_that_is_no_split_is_named(word: str | None, shown: str) -> None:
    rows = rows_of(3, part=["train", "test", word])
    with pytest.raises(DataError, match=f"says {shown} of example 'e00002'"):
        validate_examples(rows, spec_of(split={"column": "part"}))


def test_without_training_rows_a_declared_split_is_refused() -> None:
    with pytest.raises(DataError, match="no row for training"):
        validate_examples(rows_of(2, part=["test"] * 2), spec_of(split={"column": "part"}))


def test_files_give_splits_and_training_groups_give_validation() -> None:
    count = 2000
    files = ["a/1.csv" if n < 1500 else "b.csv" for n in range(count)]
    rows = rows_of(count, source_file=files, x=[float(n // 2) for n in range(count)])
    split = {"files": {"train": ["./a/*.csv"], "test": ["b.csv"]}, "validation": 0.25}
    found = validate_examples(rows, spec_of(split=split))
    counts = Counter(found["split"].to_pylist())
    assert counts["test"] == 500
    assert counts["validation"] == pytest.approx(375, abs=60)
    assert crossing_duplicates(found) == 0


def test_each_file_belongs_to_one_split() -> None:
    rows = rows_of(2, source_file=["one.csv", "two.csv"])
    with pytest.raises(DataError, match=r"'two.csv' is claimed by no split"):
        validate_examples(rows, spec_of(split={"files": {"train": ["one.csv"]}}))
    both = {"files": {"train": ["one.csv"], "test": ["*.csv"]}}
    with pytest.raises(DataError, match="claimed by train and test"):
        validate_examples(rows, spec_of(split=both))


def test_declared_duplicates_stay_where_they_are_and_are_counted() -> None:
    rows = rows_of(4, x=[1.0, 1.0, 1.0, 2.0], part=["train", "test", "validation", "test"])
    found = validate_examples(rows, spec_of(split={"column": "part"}))
    assert found["split"].to_pylist() == rows["part"].to_pylist()
    assert crossing_duplicates(found) == 2


@pytest.mark.parametrize("split", [{}, {"column": "part"}, {"column": "part", "validation": 0.5}])
def test_a_fixed_row_never_moves(split: dict[str, Any]) -> None:
    words = ["train"] * 60 + ["test"] * 20
    before = validate_examples(rows_of(80, part=words), spec_of(split=split))
    grown = rows_of(160, part=["train"] * 160, x=[1.0] * 160)
    after = validate_examples(grown, spec_of(split=split, random_state=9), fixed=before)
    assert splits(before).items() <= splits(after).items()


def test_a_new_row_follows_the_fixed_rows_of_its_group() -> None:
    spec = spec_of(group="who")
    before = validate_examples(rows_of(40, who=[f"p{n}" for n in range(40)]), spec)
    moved = spec_of(group="who", random_state=5)
    grown = rows_of(80, who=[f"p{n % 40}" for n in range(80)])
    after = validate_examples(grown, moved, fixed=before)
    assert crossing_duplicates(after) == 0
    assert after["split"].to_pylist()[40:] == before["split"].to_pylist()


@pytest.mark.parametrize("name", ["https://example.org/" + "x" * 600, "a\x1fb", "a\x00"])
def test_an_id_that_nobody_could_decide_on_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(DataError, match="nobody could decide on it"):
        validate_examples(rows_of(2, example_id=["a", name]), spec_of())
    validate_examples(rows_of(2, example_id=["a", "x" * 600]), spec_of())


def test_ids_must_be_there_and_differ() -> None:
    with pytest.raises(DataError, match="row 2 has no example_id"):
        validate_examples(rows_of(2, example_id=["a", None]), spec_of())
    with pytest.raises(DataError, match="'a' stands in 2 rows"):
        validate_examples(rows_of(2, example_id=["a", "a"]), spec_of())
    with pytest.raises(DataError, match="fixed splits holds 'dev'"):
        validate_examples(
            rows_of(1), spec_of(), fixed=pa.table({"example_id": ["a"], "split": ["dev"]})
        )


@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.sampled_from("pqr")), max_size=40),
    st.integers(0, 3),
)
def test_nothing_that_belongs_together_is_ever_parted(
    cells: list[tuple[int, str | None]], seed: int
) -> None:
    rows = rows_of(
        len(cells),
        x=pa.array([float(x) for x, _ in cells], pa.float64()),
        who=pa.array([who for _, who in cells], pa.string()),
        label=pa.nulls(len(cells), pa.string()),
        example_id=pa.array([f"e{n}" for n in range(len(cells))], pa.string()),
    )
    for group in (None, "who"):
        found = validate_examples(rows, spec_of(group=group, random_state=seed))
        assert crossing_duplicates(found) == 0
