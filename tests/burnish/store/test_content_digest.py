"""The digest sees every cell and nothing but the content."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import StoreError
from burnish.store import content_digest
from burnish.store.digest import TableDigest, table_digest

FLOATS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
TEXTS = st.one_of(st.none(), st.text(max_size=5))
LISTS = st.one_of(st.none(), st.lists(FLOATS, max_size=4))
ROWS = st.lists(
    st.tuples(st.text(max_size=3), FLOATS, TEXTS, st.integers(-5, 5), LISTS), max_size=8
)
SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("number", pa.float64()),
        ("text", pa.string()),
        ("count", pa.int64()),
        ("signal", pa.list_(pa.float64())),
    ]
)


def table_of(rows: list[tuple[Any, ...]]) -> pa.Table:
    names = SCHEMA.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=SCHEMA)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    columns = list(SCHEMA.names)
    random.shuffle(columns)
    assert content_digest(table_of(shuffled).select(columns)) == content_digest(table_of(rows))


@given(ROWS, st.data())
def test_chunking_does_not_matter(rows, data):
    table = table_of(rows)
    cut = data.draw(st.integers(0, len(rows)))
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    assert content_digest(chunked) == content_digest(table)


@given(ROWS.filter(bool), st.data())
def test_every_single_cell_change_is_seen(rows, data):
    row = data.draw(st.integers(0, len(rows) - 1))
    place = data.draw(st.integers(0, 4))
    new = data.draw([st.text(max_size=3), FLOATS, TEXTS, st.integers(-5, 5), LISTS][place])
    changed = [list(values) for values in rows]
    changed[row][place] = new
    unchanged = same(rows[row][place], new)
    before, after = content_digest(table_of(rows)), content_digest(table_of(changed))
    assert (before == after) == unchanged


def test_a_swap_between_two_rows_of_the_same_id_is_seen():
    one = pa.table({"example_id": ["a", "a"], "x": [1, 2], "y": [1, 2]})
    other = pa.table({"example_id": ["a", "a"], "x": [1, 2], "y": [2, 1]})
    assert content_digest(one) != content_digest(other)


UNIQUE = ROWS.map(lambda rows: list({row[0]: row for row in rows}.values()))


@given(UNIQUE, st.data())
def test_a_digest_follows_its_table_through_changes_additions_and_removals(rows, data):
    # Kept up to date by the cells and rows that changed alone, it is that of the whole table.
    before = table_of(rows)
    digest = table_digest(before)
    ids = st.sets(st.sampled_from([row[0] for row in rows])) if rows else st.just(set())
    changed, removed = data.draw(ids), data.draw(ids)
    place = data.draw(st.integers(1, 4))
    values = [None, FLOATS, TEXTS, st.integers(-5, 5), LISTS][place]
    after_rows = [
        tuple(data.draw(values) if at == place and row[0] in changed else cell
              for at, cell in enumerate(row))
        for row in rows
    ]  # fmt: skip
    name, taken = SCHEMA.names[place], [row[0] in changed for row in rows]
    cells = [table_of(side).filter(pa.array(taken)).select(["example_id", name])
             for side in (rows, after_rows)] if rows else []  # fmt: skip
    if any(taken):
        digest = digest.with_cells(*cells)
    after = table_of(after_rows)
    assert digest.hex == content_digest(after)
    gone = pa.array([row[0] in removed for row in rows], pa.bool_())
    new = table_of([("a new id", 1.5, "t", 3, None)])
    digest = digest.with_rows(added=new, removed=after.filter(gone))
    kept = [row for row in after_rows if row[0] not in removed]
    assert digest.hex == content_digest(pa.concat_tables([table_of(kept), new]))
    assert TableDigest.from_json(digest.to_json()) == digest


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2, unique=True))
def test_two_numbers_of_one_id_never_have_the_same_sum(pair):
    # Not a matter of luck: each lane is a bijection of the number.
    left, right = (
        table_digest(pa.table({"example_id": ["a"], "x": [number]})).columns["x"] for number in pair
    )
    assert all(a != b for a, b in zip(left, right, strict=True))


def test_a_hundred_thousand_texts_and_their_neighbours_do_not_meet():
    texts = [f"{stem}{n}" for stem in ("", "a", "row-", "x" * 120) for n in range(30_000)]
    from burnish.store.hashing import cell_lanes

    lanes = cell_lanes(pa.array(texts))
    for lane in lanes:
        assert np.unique(lane).size == len(texts)


def test_cells_of_a_bag_of_rows_cannot_be_exchanged():
    bag = table_digest(pa.table({"example_id": ["a", "a"], "x": [1, 2]}))
    cells = pa.table({"example_id": ["a"], "x": [1]})
    with pytest.raises(StoreError, match="without an example_id of their own"):
        bag.with_cells(cells, cells)


def test_a_repeated_row_counts():
    one = pa.table({"example_id": ["a", "b"]})
    other = pa.table({"example_id": ["a", "b", "b"]})
    assert content_digest(one) != content_digest(other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.array([""]), pa.array([None], pa.string())),
        (pa.array([math.nan]), pa.array([None], pa.float64())),
        (pa.array([0]), pa.array([None], pa.int64())),
        (pa.array([False]), pa.array([None], pa.bool_())),
        (pa.array([[]], pa.list_(pa.int64())), pa.array([None], pa.list_(pa.int64()))),
        (pa.array([[None]], pa.list_(pa.null())), pa.array([[]], pa.list_(pa.null()))),
        (pa.array(["ab", "c"]), pa.array(["a", "bc"])),
        (pa.array([["a", "b"], []]), pa.array([["a"], ["b"]])),
        (pa.array([1], pa.int32()), pa.array([1], pa.int64())),
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([0], pa.timestamp("us")), pa.array([0], pa.timestamp("us", tz="UTC"))),
        (pa.array([2**63], pa.uint64()), pa.array([2**63 + 1], pa.uint64())),
    ],
)
def test_what_looks_alike_is_told_apart(left, right):
    assert content_digest(pa.table({"x": left})) != content_digest(pa.table({"x": right}))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.array([-0.0]), pa.array([0.0])),
        (pa.array([math.nan]), pa.array(-np.array([math.nan]))),
        (pa.array(["a", None]), pa.array(["a", None], pa.large_string())),
        (pa.array(["a", None]), pa.array(["a", None], pa.string_view())),
        (pa.array(["a", None, "a"]), pa.array(["a", None, "a"]).dictionary_encode()),
        (pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2))),
        (pa.array([b"ab"]), pa.array([b"ab"], pa.large_binary())),
        (pa.array([[1.0, -0.0], None]), pa.array([[1.0, 0.0], None], pa.list_(pa.float64(), 2))),
        (pa.array([[1.0], None, []]), pa.array([[1.0], None, []], pa.large_list(pa.float64()))),
    ],
)
def test_the_layout_of_a_value_does_not_matter(left, right):
    assert content_digest(pa.table({"x": left})) == content_digest(pa.table({"x": right}))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("2.00")]),
        pa.array([dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)]),
        pa.array([dt.time(1), None, dt.time(2)]),
        pa.array([dt.timedelta(1), None, dt.timedelta(2)]),
        pa.array([np.float16(1), None, np.float16(2)]),
        pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "x"}]),
        pa.array([[("k", 1)], None, [("k", 2)]], pa.map_(pa.string(), pa.int64())),
        pa.array([[["a"], None], None, [[]]]),
        pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
    ],
)
def test_slices_and_nulls_of_every_type(values):
    table = pa.table({"x": values})
    backwards = pa.chunked_array([values.slice(2, 1), values.slice(1, 1), values.slice(0, 1)])
    assert content_digest(pa.table({"x": backwards})) == content_digest(table)
    assert content_digest(table.slice(1)) != content_digest(table.slice(0, 2))


def test_names_of_columns_count():
    assert content_digest(pa.table({"x": [1]})) != content_digest(pa.table({"y": [1]}))


def test_empty_tables_differ_by_their_columns():
    empty = SCHEMA.empty_table()
    assert content_digest(empty) == content_digest(empty.slice(0))
    assert content_digest(empty) != content_digest(empty.drop_columns(["text"]))


def test_blocks_of_rows_join_to_one_digest(monkeypatch):
    table = pa.table({"example_id": [str(n) for n in range(100)], "x": list(range(100))})
    whole = content_digest(table)
    monkeypatch.setattr("burnish.store.digest.ROWS_PER_BLOCK", 7)
    assert content_digest(table) == whole


def test_two_columns_of_one_name_are_refused():
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(StoreError, match="two columns are named 'x'"):
        content_digest(twice)
