"""Discovered slices as a user meets them: conditions, edges, ids, errors."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.slices import discover_slices, resolve_slices
from burnish.slices.edges import quantile_edges, shortest_number, shortest_time
from burnish.spec import Slice

N = 2000


def mixed(seed=0):
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    missing = rng.random(N) < 0.1
    return pa.table(
        {
            "site": rng.choice(["a", "b", 'it\'s, "c"'], N).tolist(),
            "age": pa.array(rng.integers(17, 90, N)),
            "height": pa.array(np.where(missing, np.nan, rng.normal(170.0, 10.0, N))),
            "gain": pa.array(np.where(rng.random(N) < 0.8, 0, rng.integers(1, 9999, N))),
            "flag": pa.array(rng.random(N) < 0.5),
            "few": pa.array(rng.integers(1, 4, N).astype(float)),
            "seen": pa.array(
                [start + timedelta(hours=int(h)) for h in rng.integers(0, 9000, N)],
                pa.timestamp("us", tz="UTC"),
            ),
            "day": pa.array([date(2026, 1, 1) + timedelta(int(d)) for d in rng.integers(0, 90, N)]),
            "note": pa.array([None if m else "x" for m in missing]),
        }
    )


def test_a_discovered_slice_declared_in_a_spec_holds_the_rows_it_was_found_on():
    table, rng = mixed(), np.random.default_rng(1)
    errors = rng.random(N) * (1 + (np.asarray(table["age"]) > 60))
    found = discover_slices(table, errors, k=200, min_support=20, alpha=1.0)
    assert len(found.slices) == 200
    # Every kind of column and of condition is among them.
    assert {column for spec in found.specs for column in spec.where} == set(table.column_names)
    for one, mask in zip(found.slices, resolve_slices(table, found.specs), strict=True):
        assert (one.slice_id, one.predicate) == (mask.slice_id, mask.predicate)
        assert one.support == mask.support
        assert one.mean_error == pytest.approx(errors[mask.mask].mean())


def test_a_discovered_slice_survives_being_written_down_and_read_again():
    found = discover_slices(mixed(), np.arange(N) % 7 == 0, k=50, min_support=20, alpha=1.0)
    for one in found.slices:
        again = Slice.model_validate_json(one.slice.model_dump_json(exclude_defaults=True))
        (mask,) = resolve_slices(mixed(), [again])
        assert mask.slice_id == one.slice_id


def test_the_slice_that_was_hurt_is_the_best():
    table = mixed()
    hurt = (np.asarray(table["few"]) == 2) & np.asarray(table["flag"])
    errors = np.random.default_rng(2).random(N) < np.where(hurt, 0.6, 0.1)
    best = discover_slices(table, errors, k=3).slices[0]
    assert best.slice.where == {"flag": True, "few": 2.0}
    assert best.slice.name == "flag = true and few = 2"
    assert best.support == hurt.sum()


def test_missing_values_are_a_condition():
    table = mixed()
    missing = np.array([value is None for value in table["note"].to_pylist()])
    best = discover_slices(table.select(["height", "note"]), missing, k=1).slices[0]
    assert best.slice.where == {"height": None}


def test_frames_and_mappings_find_what_tables_find():
    table = mixed().select(["site", "age", "few"])
    errors = np.asarray(table["age"]) > 70
    found = discover_slices(table, errors)
    assert discover_slices(table.to_pandas(), errors) == found
    assert discover_slices({n: table[n].to_pylist() for n in table.column_names}, errors) == found
    categories = pd.DataFrame({"site": pd.Categorical(table["site"].to_pylist())})
    assert discover_slices(categories, errors) == discover_slices(table.select(["site"]), errors)


def test_slices_with_too_few_rows_are_not_looked_at():
    values = ["common"] * 90 + ["rare"] * 10
    errors = np.repeat([0.0, 1.0], [90, 10])
    assert discover_slices({"x": values}, errors, min_support=11).slices == ()
    assert discover_slices({"x": values}, errors, min_support=10).slices[0].support == 10


@pytest.mark.parametrize(
    ("errors", "settings"),
    [
        ([0.0, -1.0, 1.0], {}),
        ([0.0, np.nan, 1.0], {}),
        ([0.0, np.inf, 1.0], {}),
        ([0.0, 1.0], {}),
        (["0", "1", "1"], {}),
        ([0, 1, 1], {"k": 0}),
        ([0, 1, 1], {"max_depth": 0}),
        ([0, 1, 1], {"min_support": 0}),
        ([0, 1, 1], {"alpha": 0.0}),
        ([0, 1, 1], {"bins": 1}),
        ([0, 1, 1], {"max_overlap": 1.1}),
    ],
)
def test_what_cannot_be_searched_is_refused(errors, settings):
    with pytest.raises(DataError):
        discover_slices({"x": ["a", "b", "a"]}, errors, **settings)


def test_columns_without_single_values_are_refused_by_name():
    with pytest.raises(DataError, match="pixels"):
        discover_slices(pa.table({"pixels": [[1.0]] * 3}), [0, 1, 1])
    with pytest.raises(DataError, match="names"):
        discover_slices(np.zeros((3, 2)), [0, 1, 1])


def test_an_empty_table_has_no_slices():
    found = discover_slices(pa.table({"x": pa.array([], pa.string())}), [])
    assert found.slices == ()
    assert found.to_table().num_rows == 0


def test_the_table_has_a_row_a_slice():
    found = discover_slices(mixed(), np.arange(N) % 7 == 0, k=4, min_support=20, alpha=1.0)
    rows = found.to_table().to_pylist()
    assert [row["slice_id"] for row in rows] == [one.slice_id for one in found.slices]
    assert rows[0]["score"] == max(row["score"] for row in rows)


finite = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(st.lists(finite, min_size=1, max_size=200), st.integers(2, 12))
def test_no_bin_is_empty_and_edges_rise(values, bins):
    array = np.array(values)
    edges = quantile_edges(array, bins)
    assert (np.diff(edges) > 0).all()
    assert edges.size <= 2 * bins + 1
    assert np.bincount(np.searchsorted(edges, array, side="right")).all()


@given(finite, finite)
def test_a_short_number_lies_where_it_was_asked_for(low, high):
    low, high = sorted([low, high])
    if low < high:
        assert low < shortest_number(low, high) <= high


@given(st.integers(-(10**15), 4 * 10**15), st.integers(1, 10**14))
def test_a_short_time_lies_where_it_was_asked_for(low, width):
    assert low < shortest_time(low, low + width) <= low + width


def test_a_value_that_most_rows_have_is_a_bin_of_its_own():
    values = np.array([0.0] * 900 + list(range(100, 200)))
    (edge,) = quantile_edges(values, 10)
    assert 0 < edge <= 100


def test_bins_are_of_about_equal_size():
    values = np.random.default_rng(0).normal(size=10_000)
    sizes = np.bincount(np.searchsorted(quantile_edges(values, 10), values, side="right"))
    assert sizes.size == 10
    assert sizes.min() >= 600
    assert sizes.max() <= 1400


def test_categories_that_stand_twice_in_a_dictionary_are_one_value():
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2] * 40), pa.array(["a", "b", "a"]))
    found = discover_slices(pa.table({"x": twice}), [1, 0, 1] * 40, k=1)
    assert [(one.slice.where, one.support) for one in found.slices] == [({"x": "a"}, 80)]
    unknown = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 60), pa.array(["a", None]))
    found = discover_slices(pa.table({"x": unknown}), [0, 1] * 60, k=1)
    assert [one.slice.where for one in found.slices] == [{"x": None}]


@pytest.mark.parametrize("max_overlap", [0.0, 0.3, 0.999])
def test_thinned_slices_are_those_left_of_the_whole_ranking(max_overlap):
    table, rng = mixed(), np.random.default_rng(1)
    errors = rng.random(N) * (1 + (np.asarray(table["age"]) > 60))
    whole = discover_slices(table, errors, k=5000, min_support=50, alpha=1.0)
    assert len(whole.slices) < 5000
    kept, masks = [], []
    for one, part in zip(whole.slices, resolve_slices(table, whole.specs), strict=True):
        if all((part.mask & m).sum() <= max_overlap * (part.mask | m).sum() for m in masks):
            kept.append(one)
            masks.append(part.mask)
    choices = {"min_support": 50, "alpha": 1.0, "max_overlap": max_overlap}
    assert list(discover_slices(table, errors, k=8, **choices).slices) == kept[:8]


def test_the_same_rows_under_two_names_are_listed_once():
    same = {"city": ["a", "b"] * 100, "code": ["1", "2"] * 100}
    assert len(discover_slices(same, [0, 1] * 100).slices) == 3
    thinned = discover_slices(same, [0, 1] * 100, max_overlap=0.99)
    assert [one.where for one in thinned.specs] == [{"city": "b"}]
