"""Planted copies are named, counted and told apart by the parts of a split they stand in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from burnish.quality import Checked, check_table
from burnish.quality.copies import (
    MOST_ROWS,
    crossing_duplicates,
    crossing_groups,
    exact_duplicates,
    near_duplicates,
)


def table_of(n: int = 1000, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
            "c": rng.choice(["p", "q", "r"], n).tolist(),
            "label": rng.choice(["a", "b"], n).tolist(),
            "part": (["train"] * (n // 2) + ["test"] * (n - n // 2)),
        }
    )


def with_rows(table: pa.Table, rows: list[int], **changed: object) -> pa.Table:
    more = table.take(pa.array(rows))
    for name, values in changed.items():
        at = more.column_names.index(name)
        cells = values if isinstance(values, list) else [values] * len(rows)
        more = more.set_column(at, name, pa.array(cells, table[name].type))
    return pa.concat_tables([table, more])


def test_planted_copies_are_named_row_by_row() -> None:
    table = with_rows(table_of(), [3, 4, 5])
    (found,) = exact_duplicates(Checked.of(table, target="label", split="part"))
    assert found.rows == (1000, 1001, 1002)
    assert found.severity == "warning"


def test_a_table_of_few_values_repeats_by_itself() -> None:
    table = pa.table({"c": ["p", "q"] * 50})
    (found,) = exact_duplicates(Checked.of(table))
    assert found.severity == "note"


def test_only_copies_of_training_rows_cross_and_the_label_counts() -> None:
    copied = with_rows(table_of(), [0, 1, 2], part="test")
    other = ["b" if one == "a" else "a" for one in copied["label"].to_pylist()[10:12]]
    table = with_rows(copied, [10, 11], part="test", label=other)
    table = with_rows(table, [600], part="test")  # a copy within the test part
    (found,) = crossing_duplicates(Checked.of(table, target="label", split="part"))
    assert found.rows == (1000, 1001, 1002)
    assert found.details["training_rows"] == 3
    assert found.details["same_features"] == 5
    assert found.severity == "warning"


def test_from_one_per_cent_of_a_part_on_crossing_copies_are_an_error() -> None:
    table = with_rows(table_of(), list(range(10)), part="test")
    (found,) = crossing_duplicates(Checked.of(table, target="label", split="part"))
    assert found.severity == "error"


def test_near_copies_and_those_that_cross_are_two_findings() -> None:
    base = table_of(2000)
    near = [value + 1e-5 for value in base["x"].to_pylist()[:20]]
    table = with_rows(base, list(range(20)), part="test", x=near)
    everyone, crossing = near_duplicates(Checked.of(table, target="label", split="part"))
    assert set(range(2000, 2020)) <= set(everyone.rows)
    assert len(everyone.rows) <= 26
    assert set(range(2000, 2020)) <= set(crossing.rows)
    assert crossing.severity == "warning"
    assert crossing.details["crossing"]


def answers(n: int = 1500, seed: int = 0) -> pa.Table:
    """Who said what of tasks that are alike by threes, some of whom answer more of them."""
    rng = np.random.default_rng(seed)
    task = rng.integers(900, size=n)
    who = rng.choice(12, n, p=np.arange(12, 0, -1) / 78)
    words = [" ".join(rng.choice(list("abcdefghijklmnop"), 40)) for _ in range(300)]
    said = [f"{words[one // 3]} {'xyz'[one % 3]}" for one in task.tolist()]
    names = [f"worker {one}" for one in who.tolist()]
    return pa.table({"task": said, "who": names, "answer": rng.integers(2, size=n).tolist()})


def test_near_rows_of_few_values_are_a_note_and_so_are_those_that_cross() -> None:
    table = answers()
    split = pa.array(["train"] * 1000 + ["test"] * 500)
    everyone, crossing = near_duplicates(
        Checked.of(table.append_column("part", split), split="part")
    )
    assert (everyone.severity, crossing.severity) == ("note", "note")
    assert "as many as chance gives" in everyone.sentence


def test_ids_that_stand_close_by_twos_are_no_copies_where_others_answered() -> None:
    rng = np.random.default_rng(1)
    task = rng.integers(200, size=4000)
    who = [f"worker {one}" for one in rng.integers(12, size=4000).tolist()]
    answer = rng.integers(2, size=4000)
    ids = pa.table({"task": task // 2 * 1000 + task % 2, "who": who, "answer": answer})
    (found,) = near_duplicates(Checked.of(ids))
    assert found.severity == "note"
    assert len(found.rows) > 100


def test_copies_beside_a_column_of_few_values_are_a_warning() -> None:
    rng = np.random.default_rng(2)
    said = [" ".join(rng.choice(list("abcdefghijklmnop"), 60)) for _ in range(1000)]
    table = pa.table({"said": said, "who": rng.choice(list("pqrs"), 1000)})
    more = table.slice(0, 40).set_column(0, "said", [[f"{one} !" for one in said[:40]]])
    (found,) = near_duplicates(Checked.of(pa.concat_tables([table, more])))
    assert set(range(1000, 1040)) <= set(found.rows)
    assert found.severity == "warning"


def test_equal_rows_are_not_near_copies_as_well() -> None:
    table = with_rows(table_of(), list(range(20)), part="test")
    assert not [
        one
        for one in near_duplicates(Checked.of(table, split="part"))
        if set(one.rows) & set(range(1000, 1020))
    ]


def test_above_the_limit_it_says_that_near_copies_were_not_looked_for() -> None:
    table = pa.table({"x": np.random.default_rng(0).normal(size=MOST_ROWS + 1)})
    (found,) = near_duplicates(Checked.of(table))
    assert found.severity == "note"
    assert "not looked for" in found.sentence


def test_a_group_on_both_sides_is_an_error_and_no_group_is_none() -> None:
    table = table_of(10).append_column("who", pa.array([*"abcde", "a", *"fghi"]))
    (found,) = crossing_groups(Checked.of(table, split="part", group="who"))
    assert found.rows == (5,)
    assert found.severity == "error"
    apart = table.set_column(5, "who", pa.array([*"abcdefghij"]))
    assert not list(crossing_groups(Checked.of(apart, split="part", group="who")))


def test_a_clean_table_has_no_findings_of_copies() -> None:
    for seed in range(5):
        found = check_table(table_of(1500, seed), target="label", split="part").findings
        assert not [one for one in found if "duplicates" in one.kind and one.count > 3]
