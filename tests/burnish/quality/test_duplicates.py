"""Equal rows share the name of a group, and only they do."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.quality import duplicate_groups


def names(cells: pa.Array | list[object]) -> list[str]:
    table = pa.table({"x": cells})
    return duplicate_groups(table, ["x"]).to_pylist()


def test_planted_duplicates_are_found() -> None:
    draw = np.random.default_rng(0)
    rows, planted = draw.normal(size=(500, 4)), draw.integers(0, 500, 60)
    rows = np.vstack([rows, rows[planted]])
    table = pa.table({f"x{place}": rows[:, place] for place in range(4)})
    found = duplicate_groups(table, table.column_names).to_pylist()
    assert len(set(found)) == 500
    assert [found[row] for row in planted] == found[500:]


def test_numbers_are_compared_by_value() -> None:
    zero, minus_zero, nan, other_nan, null = names([0.0, -0.0, float("nan"), -float("nan"), None])
    assert zero == minus_zero
    assert nan == other_nan
    assert len({zero, nan, null}) == 3


def test_null_is_neither_nothing_nor_zero() -> None:
    assert len(set(names(pa.array(["", None, "0"])))) == 3
    assert len(set(names(pa.array([0, None, 1])))) == 3
    assert len(set(names(pa.array([[], None, [None], [0.0]])))) == 4


def test_lists_and_bytes_are_compared_by_all_they_hold() -> None:
    a, b, c, d = names(pa.array([[1.0, 2.0], [1.0], [1.0, 2.0], [2.0, 1.0]]))
    assert a == c
    assert len({a, b, d}) == 3
    x, y, z = names(pa.array([b"ab", b"a", b"ab"]))
    assert (x == z, x == y) == (True, False)
    nested = names(pa.array([[[1, 2], [3]], [[1], [2, 3]], [[1, 2], [3]]]))
    assert (nested[0] == nested[2], nested[0] == nested[1]) == (True, False)


def test_cells_do_not_flow_into_their_neighbours() -> None:
    table = pa.table({"a": ["ab", "a"], "b": ["c", "bc"]})
    assert len(set(duplicate_groups(table, ["a", "b"]).to_pylist())) == 2


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([[1.0], None, [1.0, 2.0], [], [1.0]]),
        pa.array([[1, 2], None, [1, 2]], pa.list_(pa.int64(), 2)),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.array([{"a": 1}, None, {"a": 2}]),
    ],
)
def test_a_name_does_not_depend_on_the_layout(cells: pa.Array) -> None:
    whole = names(cells)
    assert names(pa.chunked_array([cells[:1], cells[1:]])) == whole
    assert names(cells[1:]) == whole[1:]


def test_what_has_no_columns_is_refused() -> None:
    table = pa.table({"height": [1.0]})
    with pytest.raises(DataError, match="did you mean 'height'"):
        duplicate_groups(table, ["hight"])
    with pytest.raises(DataError, match="no columns"):
        duplicate_groups(table, [])
    assert len(duplicate_groups(table.slice(0, 0), ["height"])) == 0


CELL = st.one_of(st.none(), st.text(max_size=3))
ROW = st.tuples(CELL, st.one_of(st.none(), st.integers(-2, 2)), st.booleans())


@given(st.lists(ROW, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_rows_share_a_name_exactly_where_they_are_equal(
    rows: list[tuple[str | None, int | None, bool]], draw: random.Random
) -> None:
    draw.shuffle(rows)
    schema = pa.schema({"a": pa.string(), "b": pa.int64(), "c": pa.bool_()})
    table = pa.Table.from_pylist([dict(zip("abc", row, strict=True)) for row in rows], schema)
    found = duplicate_groups(table, ["a", "b", "c"]).to_pylist()
    assert len(set(found)) == len(set(rows)) == len(set(zip(found, rows, strict=True)))
