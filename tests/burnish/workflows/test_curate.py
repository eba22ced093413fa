"""Standing decisions change labels, and nothing else does."""

from typing import Any

import pyarrow as pa
import pytest

from burnish.errors import DataError
from burnish.records import LabelVersion, Watermark
from burnish.workflows.curate import curate, trainable

DECISIONS = pa.schema(
    {
        "example_id": pa.string(),
        "decision": pa.string(),
        "label": pa.string(),
        "author": pa.string(),
        "at": pa.timestamp("us", "UTC"),
        "event_id": pa.int64(),
    }
)


def labels(*decisions: tuple[str, str, str | None]) -> LabelVersion:
    rows = [
        {"example_id": name, "decision": decision, "label": label, "event_id": place}
        for place, (name, decision, label) in enumerate(decisions, start=1)
    ]
    table = pa.Table.from_pylist(rows, DECISIONS)
    return LabelVersion("toy", Watermark(len(rows), "x"), table, "digest")


def validated(**columns: Any) -> pa.Table:
    base = {
        "example_id": ["a", "b", "c", "d", "e"],
        "label": ["cat", "dog", "cat", "dog", None],
        "x": [1.0, 2.0, 3.0, 4.0, 5.0],
        "site": ["n", "n", "s", "s", "s"],
        "split": ["train", "train", "train", "test", "validation"],
        "fold_group": ["a", "b", "c", "d", "e"],
    }
    return pa.table({**base, **columns})


UNLABELED = pa.table(
    {
        "example_id": ["u", "v", "w", "z"],
        "label": pa.nulls(4, pa.string()),
        "x": [9.0, 8.0, 7.0, 6.0],
    }
)


def test_each_decision_does_what_it_says() -> None:
    rows = curate(
        validated(),
        labels(
            ("a", "change", "dog"), ("b", "keep", "dog"), ("c", "unsure", None), ("d", "drop", None)
        ),
    )
    assert rows["example_id"].to_pylist() == ["a", "b", "c", "e"]
    assert rows["label"].to_pylist() == ["dog", "dog", "cat", None]
    assert rows["given_label"].to_pylist() == ["cat", "dog", "cat", None]
    assert rows["decision"].to_pylist() == ["change", "keep", "unsure", None]
    assert rows["event_id"].to_pylist() == [1, 2, 3, None]
    assert rows.schema.field("event_id").type == pa.int64()


def test_without_decisions_nothing_changes() -> None:
    rows = curate(validated(), labels())
    assert rows.select(validated().column_names).equals(validated())
    assert rows.column_names == [*validated().column_names, "given_label", "decision", "event_id"]
    assert rows["decision"].null_count == 5


def test_a_decision_on_a_row_that_left_changes_nothing() -> None:
    rows = curate(validated(), labels(("gone", "change", "dog"), ("u", "change", "cat")))
    assert rows.equals(curate(validated(), labels()))


def test_unlabeled_rows_join_training_with_their_first_label() -> None:
    given = labels(("u", "change", "cat"), ("v", "drop", None), ("w", "unsure", None))
    rows = curate(validated(), given, unlabeled=UNLABELED)
    assert rows.num_rows == 6
    assert rows.to_pylist()[-1] == {
        "example_id": "u",
        "label": "cat",
        "x": 9.0,
        "site": None,
        "split": "train",
        "fold_group": "u",
        "given_label": None,
        "decision": "change",
        "event_id": 1,
    }


def test_an_unlabeled_row_never_leaks_held_out_rows_into_training() -> None:
    # u repeats a test row, v a training row; w is of the group of a validation row.
    unlabeled = UNLABELED.set_column(2, "x", pa.array([4.0, 2.0, 7.0, 6.0])).append_column(
        "fold_group", pa.array([None, None, "e", "new"])
    )
    found = trainable(unlabeled, validated())
    assert found["example_id"].to_pylist() == ["v", "z"]
    assert found["fold_group"].to_pylist() == ["b", "new"]
    told = labels(("u", "change", "cat"), ("v", "change", "cat"))
    rows = curate(validated(), told, unlabeled=unlabeled)
    assert rows["example_id"].to_pylist() == ["a", "b", "c", "d", "e", "v"]


def test_a_duplicate_of_both_sides_is_held_out() -> None:
    both = validated(x=[4.0, 2.0, 3.0, 4.0, 5.0], fold_group=["g", "b", "c", "h", "e"])
    unlabeled = UNLABELED.slice(0, 1).set_column(2, "x", pa.array([4.0]))
    assert trainable(unlabeled, both).num_rows == 0


def test_labels_that_the_unlabeled_source_holds_are_not_used() -> None:
    unlabeled = UNLABELED.set_column(1, "label", pa.array(["cat"] * 4))
    rows = curate(validated(), labels(("u", "change", "dog")), unlabeled=unlabeled)
    assert rows["label"].to_pylist()[-1] == "dog"
    assert rows["given_label"].to_pylist()[-1] is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (labels(("a", "keep", "cat"), ("a", "drop", None)), "'a' has 2 decisions"),
        (labels(("a", "maybe", None)), "decision 'maybe'"),
        (labels(("a", "change", None)), "changed to no label"),
    ],
)
def test_what_is_no_fold_is_refused(given: LabelVersion, found: str) -> None:
    with pytest.raises(DataError, match=found):
        curate(validated(), given)


def test_a_row_in_both_tables_is_refused() -> None:
    twice = UNLABELED.set_column(0, "example_id", pa.array(["a", "v", "w", "z"]))
    with pytest.raises(DataError, match="'a' stands among the labelled"):
        curate(validated(), labels(("a", "change", "dog")), unlabeled=twice)


def test_columns_that_do_not_fit_are_refused() -> None:
    odd = UNLABELED.set_column(2, "x", pa.array(["one", "two", "three", "four"]))
    with pytest.raises(DataError, match="column 'x' of the unlabeled rows does not fit"):
        curate(validated(), labels(("u", "change", "dog")), unlabeled=odd)
