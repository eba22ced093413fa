import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import SpecError
from burnish.slices import resolve_partitions, resolve_slices
from burnish.slices.properties import with_properties
from burnish.spec import Slice


def of(values, wanted, kind=None):
    table = with_properties(pa.table({"c": pa.array(values, kind)}), [f"{wanted}(c)"])
    return table[f"{wanted}(c)"].to_pylist()


@given(st.lists(st.one_of(st.none(), st.text("aé1 9\n", max_size=8)), max_size=10))
def test_texts_are_counted_as_python_counts_them(values):
    lengths = [None if value is None else len(value) for value in values]
    words = [None if value is None else len(value.split()) for value in values]
    assert of(values, "characters", pa.string()) == lengths
    assert of(values, "words", pa.string()) == words
    for value, share in zip(values, of(values, "digit_share", pa.string()), strict=True):
        if value:
            assert share == pytest.approx(sum(c in "0123456789" for c in value) / len(value))
        else:
            assert share is None or np.isnan(share)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.int64()), pa.list_(pa.int16(), 9)]
)
def test_lists_of_numbers_are_measured_row_by_row(kind):
    rows = np.random.default_rng(0).integers(0, 16, (5, 9))
    values = [*rows.tolist(), None]
    found = {name: of(values, name, kind) for name in ("brightness", "contrast", "energy")}
    assert found["brightness"] == pytest.approx([*rows.mean(axis=1), None])
    assert found["contrast"] == pytest.approx([*rows.std(axis=1), None])
    assert found["energy"] == pytest.approx([*(rows**2).mean(axis=1), None])


def test_rows_of_different_lengths_keep_their_places():
    assert of([[1.0], [2.0, 4.0], [], [5.0]], "brightness") == [1.0, 3.0, None, 5.0]


def test_a_blurred_image_is_less_sharp():
    image = np.random.default_rng(0).random((8, 8))
    blurred = (image + np.roll(image, 1, 0) + np.roll(image, 1, 1)) / 3
    sharp, soft, ramp = of(
        [image.ravel(), blurred.ravel(), np.add.outer(np.arange(8.0), np.arange(8.0)).ravel()],
        "sharpness",
    )
    assert sharp > 2 * soft
    assert ramp == pytest.approx(0)


def test_a_property_is_cut_like_a_column_and_its_id_says_which():
    table = pa.table({"review": ["one", "one two", None, "a b c"], "stars": [1, 2, 1, 2]})
    cut = Slice(name="length", column="words(review)", bins=(0, 2, 10))
    found = {one.name: one for one in resolve_slices(table, [cut])}
    assert found["length:0..2"].mask.tolist() == [True, False, False, False]
    assert found["length:missing"].mask.tolist() == [False, False, True, False]
    assert found["length:0..2"].predicate == '"words(review)" in [0, 2)'
    where = Slice(name="w", where={"words(review)": {"min": 2}, "stars": 2})
    assert resolve_slices(table, [where])[0].mask.tolist() == [False, True, False, True]


def test_a_column_that_is_really_called_so_stands_as_it_is():
    table = pa.table({"review": ["one"], "words(review)": [7]})
    assert with_properties(table, ["words(review)"])["words(review)"].to_pylist() == [7]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("brightness(text)", "characters, words, digit_share of texts"),
        ("words(pixels)", "brightness, contrast, energy, sharpness of lists"),
        ("sharpness(pixels)", "square images"),
        ("words(number)", "holds int64"),
        ("words(absent)", "does not have"),
    ],
)
def test_a_property_that_a_column_has_not_is_refused(column, message):
    table = pa.table({"text": ["a"], "pixels": [[1.0, 2.0]], "number": [1]})
    with pytest.raises(SpecError, match=message):
        resolve_slices(table, [Slice(name="s", column=column)])


TABLE = pa.table({"sex": ["f", "m", "f", None, "m"], "age": [10.0, 40.0, 70.0, 20.0, 99.0]})
CROSS = Slice(name="who", cross=("sex", {"column": "age", "bins": [0, 30, 80]}))


def test_a_cross_has_a_slice_for_each_combination_that_occurs():
    (found,) = resolve_partitions(TABLE, [CROSS])
    rows = {one.name: np.flatnonzero(one.mask).tolist() for one in found.masks()}
    # The age of 99 lies beyond the edges, so that its row is in no slice.
    assert rows == {
        "who:f,0..30": [0],
        "who:f,30..80": [2],
        "who:m,30..80": [1],
        "who:missing,0..30": [3],
    }


def test_a_combination_has_the_id_of_the_same_conditions_in_any_order():
    turned = Slice(name="other", cross=(CROSS.cross[1], CROSS.cross[0]))
    where = Slice(name="w", where={"age": {"min": 0, "max": 30}, "sex": "f"})
    first = resolve_slices(TABLE, [CROSS])[0]
    assert first.slice_id == resolve_slices(TABLE, [where])[0].slice_id
    assert first.slice_id in {one.slice_id for one in resolve_slices(TABLE, [turned])}


def test_a_cross_of_three_is_the_conjunction_of_its_sides():
    rng = np.random.default_rng(0)
    table = pa.table({name: rng.integers(0, 3, 60) for name in "abc"})
    found = resolve_slices(table, [Slice(name="x", cross=("a", "b", "c"))])
    assert sum(one.support for one in found) == 60
    for one in found:
        values = dict(zip("abc", one.name.removeprefix("x:").split(","), strict=True))
        (alone,) = resolve_slices(table, [Slice(name="w", where=values)])
        assert (alone.slice_id, alone.mask.tolist()) == (one.slice_id, one.mask.tolist())


def test_a_cross_of_too_many_combinations_is_refused():
    numbers = [str(number) for number in range(201)]
    table = pa.table({"a": numbers, "b": numbers})
    few = Slice(name="x", cross=({"column": "a", "values": numbers[:200]}, "a2"))
    table = table.append_column("a2", pa.array(["p", "q"] * 100 + ["p"]))
    assert len(resolve_slices(table, [few])) == 200
    with pytest.raises(SpecError, match="has 201 values"):
        resolve_slices(table, [Slice(name="x", cross=("a", "a2"))])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"cross": ("a",)}, "two or more different"),
        ({"cross": ("a", "a")}, "two or more different"),
        ({"cross": ("a", "b"), "column": "c"}, "exactly one of"),
        ({"cross": ({"column": "a", "bins": [1]}, "b")}, "rising edges"),
        ({"cross": ("a", "b"), "bins": (0, 1)}, "need a column"),
    ],
)
def test_a_cross_that_says_nothing_clear_is_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        Slice(name="s", **keys)


def test_the_known_ids_never_change():
    # Golden: an id that changes breaks every trend line and every promotion record.
    table = pa.table(
        {"sex": ["f", None], "age": [10.0, 70.0], "text": ["a b", "c"], "px": [[1.0], [3.0]]}
    )
    cuts = [
        Slice(name="column", column="sex"),
        Slice(name="bins", column="age", bins=(0, 30, 80)),
        Slice(name="cross", cross=("sex", {"column": "age", "bins": [0, 80]})),
        Slice(name="words", column="words(text)", bins=(0, 2, 9)),
        Slice(name="light", where={"brightness(px)": {"min": 2}}),
    ]
    found = {one.predicate: one.slice_id for one in resolve_slices(table, cuts)}
    assert found == {
        '"sex" in ["f"]': "f8b7975a",
        '"sex" is missing': "a3b26a49",
        '"age" in [0, 30)': "ea3b5062",
        '"age" in [30, 80]': "9da561b2",
        '("age" in [0, 80]) and ("sex" in ["f"])': "f07ce064",
        '("age" in [0, 80]) and ("sex" is missing)': "13b69324",
        '"words(text)" in [0, 2)': "59282e0c",
        '"words(text)" in [2, 9]': "e2399cc5",
        '"brightness(px)" in [2, inf)': "a4a6624d",
    }
