from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError, SpecError
from burnish.slices import everything, resolve_slices
from burnish.spec import Slice

TABLE = pa.table(
    {
        "source": ["scanA", "scanB", None, "scanA", "scanC"],
        "age": [0.0, 10.0, 20.0, None, 30.0],
        "code": pa.array([3, 3, 10, 2, None], pa.int64()),
        "flag": [True, False, None, True, True],
        "seen": pa.array(
            [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)] + [None],
            pa.timestamp("us", tz="UTC"),
        ),
        "pixels": [[1.0]] * 5,
    }
)


def resolved(**keys):
    return {
        found.name: found.mask.tolist()
        for found in resolve_slices(TABLE, [Slice(name="cut", **keys)])
    }


def one_id(table=TABLE, **keys):
    (found,) = resolve_slices(table, [Slice(name="cut", **keys)])
    return found.slice_id


def test_a_column_alone_gives_a_slice_for_each_value_and_one_for_missing_values():
    assert resolved(column="source") == {
        "cut:scanA": [True, False, False, True, False],
        "cut:scanB": [False, True, False, False, False],
        "cut:scanC": [False, False, False, False, True],
        "cut:missing": [False, False, True, False, False],
    }


def test_numbers_are_in_order_of_size():
    assert list(resolved(column="code")) == ["cut:2", "cut:3", "cut:10", "cut:missing"]


def test_listed_values_are_slices_even_where_no_row_has_them():
    found = resolved(column="source", values=("scanA", "scanZ"))
    assert found["cut:scanZ"] == [False] * 5
    assert "cut:scanB" not in found


def test_bins_are_half_open_and_the_last_one_is_closed():
    assert resolved(column="age", bins=(0, 10, 20)) == {
        "cut:0..10": [True, False, False, False, False],
        "cut:10..20": [False, True, True, False, False],
        "cut:missing": [False, False, False, True, False],
    }


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"source": "scanA"}, [0, 3]),
        ({"source": ["scanA", "scanC"]}, [0, 3, 4]),
        ({"source": None}, [2]),
        ({"source": ["scanB", None]}, [1, 2]),
        ({"code": "3"}, [0, 1]),
        ({"code": 3.0}, [0, 1]),
        ({"flag": True}, [0, 3, 4]),
        ({"age": {"min": 10, "max": 30}}, [1, 2]),
        ({"age": {"min": 10}}, [1, 2, 4]),
        ({"age": {"max": 10}}, [0]),
        ({"seen": {"min": date(2026, 1, 2), "max": "2026-01-04"}}, [1, 2]),
        ({"source": "scanA", "age": {"max": 5}}, [0]),
    ],
)
def test_where_holds_the_rows_that_meet_every_condition(where, rows):
    assert resolved(where=where) == {"cut": [place in rows for place in range(5)]}


def test_an_id_comes_from_the_meaning_and_not_from_the_spelling():
    assert one_id(where={"code": 3}) == one_id(where={"code": ["3", 3.0]})
    assert one_id(where={"source": ["b", "a"]}) == one_id(where={"source": ["a", "b", "a"]})
    assert one_id(where={"age": {"min": 1}, "code": 3}) == one_id(
        where={"code": "3", "age": {"min": 1.0}}
    )
    assert one_id(where={"seen": {"min": date(2026, 1, 2)}}) == one_id(
        where={"seen": {"min": "2026-01-02T00:00:00Z"}}
    )
    assert one_id(where={"source": "scanA"}) != one_id(where={"code": "scanA"})
    assert one_id(where={"source": None}) != one_id(where={"source": "missing"})


def test_an_id_does_not_change_with_the_data():
    few = TABLE.slice(0, 2)
    cuts = [Slice(name="a", column="source"), Slice(name="b", column="age", bins=(0, 10, 20))]
    whole = {found.name: found.slice_id for found in resolve_slices(TABLE, cuts)}
    for found in resolve_slices(few, cuts):
        assert whole[found.name] == found.slice_id


def test_a_where_slice_and_the_same_value_of_a_column_share_one_id():
    by_column = resolve_slices(TABLE, [Slice(name="cut", column="source")])
    assert by_column[0].slice_id == one_id(where={"source": "scanA"})


def test_the_known_ids_never_change():
    assert one_id(where={"source": "scanA"}) == "8cc046f2"


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=30))
def test_the_slices_of_a_column_hold_each_row_exactly_once(values):
    table = pa.table({"column": pa.array(values, pa.string())})
    masks = [found.mask for found in resolve_slices(table, [Slice(name="c", column="column")])]
    assert (sum(mask.astype(int) for mask in masks) == 1).all()


def test_dictionary_encoded_columns_are_like_their_values():
    coded = pa.table({"source": TABLE["source"].dictionary_encode()})
    found = resolve_slices(coded, [Slice(name="cut", column="source")])
    assert {one.name: one.mask.tolist() for one in found} == resolved(column="source")


def test_a_category_that_no_row_has_makes_no_slice():
    indices, words = pa.array([2, None, 0, 2]), pa.array(["a", "unused", "b"])
    coded = pa.table({"c": pa.DictionaryArray.from_arrays(indices, words)})
    plain = pa.table({"c": pa.array(["b", None, "a", "b"])})
    cut = [Slice(name="c", column="c")]
    found = [(one.name, one.mask.tolist()) for one in resolve_slices(coded, cut)]
    assert found == [(one.name, one.mask.tolist()) for one in resolve_slices(plain, cut)]
    assert len(found) == 3


def test_an_empty_table_has_empty_slices():
    (found,) = resolve_slices(TABLE.slice(0, 0), [Slice(name="a", where={"source": "scanA"})])
    assert found.support == 0
    assert everything(0).support == 0


def test_an_unknown_column_is_named_with_the_nearest_one():
    with pytest.raises(SpecError, match=r"'sorce'(.|\n)*did you mean 'source'"):
        resolved(column="sorce")
    with pytest.raises(SpecError, match="did you mean 'age'"):
        resolved(where={"agee": 3})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"where": {"source": {"min": 1}}}, "cuts column 'source' into ranges"),
        ({"where": {"age": {"mim": 1}}}, "mim"),
        ({"where": {"age": {"min": 5, "max": 5}}}, "no value lies"),
        ({"where": {"age": {"min": "young"}}}, "cannot end a range"),
        ({"where": {"age": {"min": float("nan")}}}, "cannot end a range"),
        ({"where": {"age": {"min": None}}}, "neither min nor max"),
        ({"where": {"source": []}}, r"\[\]"),
        ({"column": "pixels"}, "single values"),
    ],
)
def test_a_slice_that_does_not_fit_the_data_is_refused(keys, message):
    with pytest.raises(SpecError, match=message):
        resolved(**keys)


@pytest.mark.parametrize(
    "where",
    [
        {"age": {"min": date(2026, 1, 1)}},
        {"seen": {"max": 3}},
        {"age": {"min": 1, "max": "2026-01-01"}},
    ],
)
def test_a_range_whose_ends_are_not_of_the_columns_kind_is_refused(where):
    with pytest.raises(DataError, match="is cut at"):
        resolved(where=where)


def test_a_column_of_too_many_values_asks_for_bins():
    table = pa.table({"name": [str(number) for number in range(201)]})
    with pytest.raises(SpecError, match="give bins"):
        resolve_slices(table, [Slice(name="n", column="name")])
