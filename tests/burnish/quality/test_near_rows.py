"""Near copies among rows with categories: planted ones are grouped, equal categories are not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.quality import duplicate_groups, near_duplicate_rows

KINDS = {
    "age": "numeric",
    "pay": "numeric",
    "hours": "numeric",
    "job": "categorical",
    "to": "categorical",
}


def people(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "age": rng.integers(17, 80, n).astype(float),
        "pay": rng.lognormal(10, 0.6, n),
        "hours": rng.choice([20.0, 38, 40, 40, 40, 45, 60], n),
        "job": rng.choice(["clerk", "cook", "driver", "nurse", "smith"], n),
        "to": rng.choice(["north", "south"], n, p=[0.9, 0.1]),
    }


def rows_of_groups(names: pa.Array) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for row, name in enumerate(names.to_pylist()):
        found.setdefault(name, set()).add(row)
    return {frozenset(rows) for rows in found.values() if len(rows) > 1}


@pytest.mark.parametrize("seed", range(3))
def test_planted_copies_are_found_and_equal_categories_are_not_enough(seed) -> None:
    rows = people(4000, seed)
    rng = np.random.default_rng(100 + seed)
    copies = {name: cells[:80].copy() for name, cells in rows.items()}
    copies["pay"] *= 1 + rng.normal(size=80) * 1e-5
    table = pa.table({name: np.concatenate([rows[name], copies[name]]) for name in rows})
    found = rows_of_groups(near_duplicate_rows(table, KINDS))
    planted = {frozenset({row, 4000 + row}) for row in range(80)}
    assert len(planted - found) <= 8
    assert len(found - planted) <= 12, "about a row in a thousand by chance"


def test_one_other_category_sets_rows_apart_however_near_their_numbers() -> None:
    rows = people(500, 1)
    twins = {name: cells.copy() for name, cells in rows.items()}
    twins["job"] = np.where(rows["job"] == "cook", "nurse", "cook")
    table = pa.table({name: np.concatenate([rows[name], twins[name]]) for name in rows})
    groups = rows_of_groups(near_duplicate_rows(table, KINDS))
    assert not any({row, 500 + row} <= group for group in groups for row in range(500))


def test_a_missing_number_equals_a_missing_number_alone() -> None:
    table = pa.table({"x": [1.0, None, 1.0, None, 7.0, 9.0], "c": ["a"] * 6})
    found = rows_of_groups(near_duplicate_rows(table, {"x": "numeric", "c": "categorical"}))
    assert found == {frozenset({0, 2}), frozenset({1, 3})}


def test_texts_are_near_by_their_pieces_and_categories_divide_them() -> None:
    table = pa.table(
        {
            "said": ["Where is my new card?", "where is my  new card", "Top up", "Top up"],
            "to": ["bank", "bank", "bank", "shop"],
        }
    )
    found = rows_of_groups(near_duplicate_rows(table, {"said": "text", "to": "categorical"}))
    assert found == {frozenset({0, 1})}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60))
def test_equal_rows_are_always_grouped_and_order_does_not_matter(seed, n) -> None:
    rng = np.random.default_rng(seed)
    table = pa.table(
        {
            "x": rng.integers(0, 3, n) + rng.choice([0.0, 1e-9], n),
            "c": pa.array(rng.choice(["a", "b", None], n).tolist(), pa.string()),
        }
    )
    kinds = {"x": "numeric", "c": "categorical"}
    names = np.array(near_duplicate_rows(table, kinds).to_pylist())
    order = rng.permutation(n)
    again = near_duplicate_rows(table.take(pa.array(order)), kinds).to_pylist()
    assert again == names[order].tolist()
    for group in rows_of_groups(duplicate_groups(table, ["x", "c"])):
        assert len({names[row] for row in group}) == 1


def test_a_column_that_is_not_there_or_not_finite_is_named() -> None:
    table = pa.table({"x": [1.0, float("inf")]})
    with pytest.raises(DataError, match="'x' holds an infinite number"):
        near_duplicate_rows(table, {"x": "numeric"})
    with pytest.raises(DataError, match="'y' is missing"):
        near_duplicate_rows(table, {"y": "numeric"})
