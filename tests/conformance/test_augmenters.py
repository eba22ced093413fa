"""What every augmenter must keep to, built in or of your own."""

import io
import re
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from burnish.augmentation import Augmenter, builtin_augmenters
from burnish.spec import Feature, FeatureKind

ROWS = 24


@dataclass(frozen=True)
class OneMinus:
    """An augmenter of one's own, as a plugin brings it."""

    name: str = "one_minus"
    kind: FeatureKind = "boolean"

    def apply(self, rows, rng, *, features, partners):
        for column in (name for name, one in features.items() if one.kind == self.kind):
            place = rows.schema.get_field_index(column)
            flipped = [None if cell is None else not cell for cell in rows[column].to_pylist()]
            rows = rows.set_column(place, rows.schema.field(column), pa.array(flipped, pa.bool_()))
        return rows


FEATURES = {
    "age": Feature(kind="numeric"),
    "rooms": Feature(kind="numeric"),
    "flag": Feature(kind="boolean"),
    "city": Feature(kind="categorical"),
    "seen": Feature(kind="datetime"),
    "note": Feature(kind="text"),
    "scan": Feature(kind="image", shape=(8, 8)),
    "colour": Feature(kind="image", shape=(4, 4, 3)),
    "photo": Feature(kind="image"),
    "accel": Feature(kind="sensor", shape=(16, 3)),
    "heart": Feature(kind="sensor"),
}
NULLABLE = [name for name in FEATURES if name not in {"age", "rooms"}]


def png(array):
    out = io.BytesIO()
    Image.fromarray(array).save(out, format="PNG")
    return out.getvalue()


def table(seed=0):
    rng = np.random.default_rng(seed)
    words = ["the", "Delivery", "arrived", "late", "again", "and", "nobody", "called"]
    columns = {
        "example_id": pa.array([f"row{seed}-{number}" for number in range(ROWS)]),
        "label": pa.array(rng.choice(["a", "b"], ROWS).tolist()),
        "split": pa.array(["train"] * ROWS),
        "age": pa.array(rng.normal(40, 10, ROWS), pa.float32()),
        "rooms": pa.array(rng.integers(0, 1000, ROWS), pa.int16()),
        "flag": pa.array(rng.random(ROWS) < 0.5),
        "city": pa.array(rng.choice(["Rome", "Oslo"], ROWS).tolist()).dictionary_encode(),
        "seen": pa.array(rng.integers(0, 10**9, ROWS), pa.timestamp("s")),
        "note": pa.array([" ".join(rng.permutation(words)) for _ in range(ROWS)]),
        "scan": pa.array(rng.integers(0, 17, (ROWS, 64)).tolist(), pa.list_(pa.int64())),
        "colour": pa.array(rng.random((ROWS, 48)).tolist(), pa.list_(pa.float32(), 48)),
        "photo": pa.array(
            [png(rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)) for _ in range(ROWS)]
        ),
        "accel": pa.array(rng.normal(0, 1, (ROWS, 48)).tolist(), pa.list_(pa.float64())),
        "heart": pa.array(rng.normal(70, 5, (ROWS, 20)).tolist(), pa.large_list(pa.float64())),
    }
    return pa.table(columns)


def applied(augmenter, *, rows=None, partners=None, seed=0):
    return augmenter.apply(
        table() if rows is None else rows,
        np.random.default_rng(seed),
        features=FEATURES,
        partners=table(1) if partners is None else partners,
    )


AUGMENTERS = [*builtin_augmenters().values(), OneMinus()]
every = pytest.mark.parametrize("augmenter", AUGMENTERS, ids=lambda one: one.name)


@every
def test_it_enters_by_the_door(augmenter):
    assert isinstance(augmenter, Augmenter)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", augmenter.name)
    assert augmenter.kind in get_args(FeatureKind)


@every
def test_rows_columns_and_types_stay(augmenter):
    made = applied(augmenter)
    assert made.num_rows == ROWS
    assert made.schema.equals(table().schema)


@every
def test_only_features_of_its_kind_change_and_nearly_every_row_does(augmenter):
    rows, made = table(), applied(augmenter)
    changed = np.zeros(ROWS, dtype=bool)
    for column in rows.column_names:
        before, after = rows[column].to_pylist(), made[column].to_pylist()
        if column in FEATURES and FEATURES[column].kind == augmenter.kind:
            changed |= [one != other for one, other in zip(before, after, strict=True)]
        else:
            assert before == after, column
    assert changed.mean() > 0.9


@every
def test_all_chance_comes_from_the_generator(augmenter):
    state = np.random.get_state()[1].copy()  # noqa: NPY002  (that it is left alone is the point)
    assert applied(augmenter, seed=3).equals(applied(augmenter, seed=3))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@every
def test_no_rows_give_no_rows(augmenter):
    nothing = table().slice(0, 0)
    assert applied(augmenter, rows=nothing, partners=nothing).equals(nothing)


@every
def test_what_is_missing_stays_missing(augmenter):
    rows = table()
    for column in FEATURES:
        place = rows.schema.get_field_index(column)
        field = rows.schema.field(column)
        rows = rows.set_column(place, field, pa.nulls(ROWS, field.type))
    assert applied(augmenter, rows=rows).equals(rows)


@every
def test_numbers_stay_finite(augmenter):
    made = applied(augmenter)
    for column in ("age", "rooms", "scan", "colour", "accel", "heart"):
        cells = made[column].to_pylist()
        assert np.isfinite(np.asarray(cells, dtype=float)).all(), column
