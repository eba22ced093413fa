from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.augmentation import REFUSALS
from burnish.errors import DataError, SpecError
from burnish.spec import DatasetSpec, FeatureKind
from burnish.workflows.augment import augment_examples


def spec_with(**augment):
    return DatasetSpec.model_validate(
        {
            "name": "blobs",
            "source": {"path": "blobs.csv"},
            "target": "label",
            "features": {"x": "numeric", "y": "numeric", "city": "categorical"},
            "slices": [{"name": "source", "column": "source"}],
            "augment": augment,
        }
    )


SPEC = spec_with(share=0.5)
FLIPPED = 12


def blobs(n=400, seed=0, flipped=FLIPPED):
    """Two clouds; the first `flipped` training rows have the label of the other cloud."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 2
    split = rng.choice(["train", "validation", "test"], n, p=[0.6, 0.2, 0.2])
    wrong = np.flatnonzero(split == "train")[:flipped]
    given = kind.copy()
    given[wrong] = 1 - given[wrong]
    labels = [("ant", "bee")[one] for one in given]
    table = pa.table(
        {
            "example_id": [f"e{number}" for number in range(n)],
            "label": labels,
            "given_label": labels,
            "x": rng.normal(kind * 6.0, 1),
            "y": rng.normal(kind * -6.0, 1),
            "city": rng.choice(["Rome", "Oslo"], n).tolist(),
            "source": rng.choice(["scanA", "scanB"], n).tolist(),
            "split": split.tolist(),
            "fold_group": [f"e{number}" for number in range(n)],
            "decision": pa.nulls(n, pa.string()),
            "event_id": pa.nulls(n, pa.int64()),
        }
    )
    return table, {f"e{row}" for row in wrong.tolist()}


def augmented(table=None, spec=SPEC, **choices):
    keys = {"report": None, "random_state": 0, **choices}
    return augment_examples(blobs()[0] if table is None else table, spec, **keys)


def variants(result):
    return result.examples.filter(pc.field("origin_id").is_valid())


@dataclass(frozen=True)
class Moved:
    """Moves x and y by a fixed step."""

    step: float
    name: str = "moved"
    kind: FeatureKind = "numeric"

    def apply(self, rows, rng, *, features, partners):
        for column, sign in (("x", 1), ("y", -1)):
            moved = [value + sign * self.step for value in rows[column].to_pylist()]
            place = rows.schema.get_field_index(column)
            rows = rows.set_column(place, column, pa.array(moved))
        return rows


def reasons(result):
    return set(result.refused["reason"].to_pylist())


def moved_by(step, table=None):
    return augmented(table, augmenters={"moved": Moved(step)})


def test_originals_stay_as_they_are_and_variants_come_after_them():
    table, _ = blobs()
    result = augmented(table)
    training = table.filter(pc.field("split") == "train")
    originals = result.examples.filter(pc.field("origin_id").is_null())
    assert originals.drop_columns(["origin_id", "method"]).equals(training)
    assert result.examples.column_names == [*table.column_names, "origin_id", "method"]
    assert result.tried == round(0.5 * training.num_rows)
    assert variants(result).num_rows + result.refused.num_rows == result.tried
    assert variants(result).num_rows > 0.6 * result.tried


def test_validation_and_test_rows_are_never_in_it():
    table, _ = blobs()
    result = augmented(table)
    held_out = set(table.filter(pc.field("split") != "train")["example_id"].to_pylist())
    assert set(result.examples["split"].to_pylist()) == {"train"}
    assert not held_out & set(result.examples["example_id"].to_pylist())
    assert not held_out & set(result.examples["origin_id"].to_pylist())


def test_a_variant_keeps_every_cell_of_its_origin_but_the_varied_features():
    table, _ = blobs()
    result = augmented(table)
    origin = {row["example_id"]: row for row in table.to_pylist()}
    for row in variants(result).to_pylist():
        before = origin[row["origin_id"]]
        for column in ("label", "given_label", "city", "source", "split", "fold_group"):
            assert row[column] == before[column]
        assert row["x"] != before["x"]
        assert row["example_id"].startswith(f"{row['origin_id']}~{row['method']}-")


def test_ids_are_unique_and_the_same_each_time():
    first, second = augmented(), augmented()
    assert first.examples.equals(second.examples)
    assert first.refused.equals(second.refused)
    names = first.examples["example_id"].to_pylist()
    assert len(set(names)) == len(names)
    assert not first.examples.equals(augmented(random_state=1).examples)


def test_a_label_that_is_probably_wrong_is_not_multiplied():
    table, wrong = blobs()
    result = augmented(table)
    assert not wrong & set(variants(result)["origin_id"].to_pylist())
    doubtful = result.refused.filter(pc.field("reason") == "origin_doubtful")
    assert set(doubtful["origin_id"].to_pylist()) <= wrong
    assert doubtful.num_rows > 0


def test_a_label_that_a_person_decided_is_multiplied_whatever_the_model_says():
    table, wrong = blobs()
    names = table["example_id"].to_pylist()
    decision = pa.array(["keep" if name in wrong else None for name in names], pa.string())
    decided = table.set_column(table.schema.get_field_index("decision"), "decision", decision)
    result = augmented(decided, spec_with(share=2.0))
    assert wrong & set(variants(result)["origin_id"].to_pylist())
    assert "origin_doubtful" not in reasons(result)


def test_unsure_is_no_decision():
    table, _ = blobs()
    unsure = pa.array(["unsure"] * table.num_rows)
    table = table.set_column(table.schema.get_field_index("decision"), "decision", unsure)
    assert "origin_doubtful" in reasons(augmented(table))


def test_a_variant_far_from_all_data_is_refused_as_unlike_it():
    result = moved_by(60.0, blobs(flipped=0)[0])
    assert variants(result).num_rows == 0
    # A row that is drawn twice is moved to the same place twice.
    assert reasons(result) - {"duplicate"} == {"unlike_data"}


def test_a_variant_that_crosses_into_the_other_class_is_refused():
    table = blobs(flipped=0)[0]
    result = moved_by(6.0, table)
    changed = result.refused.filter(pc.field("reason") == "class_changed")
    label = dict(zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert changed.num_rows > 20
    assert {label[name] for name in changed["origin_id"].to_pylist()} == {"ant"}


def test_a_variant_that_is_its_own_origin_is_a_duplicate():
    result = moved_by(0.0, blobs(flipped=0)[0])
    assert variants(result).num_rows == 0
    assert reasons(result) == {"duplicate"}


def test_a_variant_identical_to_a_held_out_row_is_refused():
    table, _ = blobs(flipped=0)
    row = table["split"].to_pylist().index("test")
    target = {name: table[name][row].as_py() for name in ("x", "y", "city", "label")}

    @dataclass(frozen=True)
    class Copying:
        """Turns every row into one of the test rows."""

        name: str = "copying"
        kind: FeatureKind = "numeric"

        def apply(self, rows, rng, *, features, partners):
            for column in ("x", "y", "city"):
                place = rows.schema.get_field_index(column)
                cells = pa.array([target[column]] * rows.num_rows)
                rows = rows.set_column(place, column, cells)
            return rows

    result = augmented(table, augmenters={"copying": Copying()})
    assert variants(result).num_rows == 0
    assert "duplicate" in reasons(result)


def test_weak_slices_are_varied_first():
    table, _ = blobs(flipped=0)
    from burnish.slices import resolve_slices

    ids = {one.name: one.slice_id for one in resolve_slices(table, SPEC.slices)}
    accuracy = {"overall": 0.8, ids["source:scanA"]: 0.3, ids["source:scanB"]: 0.99}
    report = pa.Table.from_pylist(
        [
            {"split": "validation", "slice_id": name, "metric": "accuracy", "value": value,
             "support": 500}
            for name, value in accuracy.items()
        ]
    )  # fmt: skip
    source = dict(zip(table["example_id"].to_pylist(), table["source"].to_pylist(), strict=True))

    def share_of_a(result):
        tried = variants(result)["origin_id"].to_pylist() + result.refused["origin_id"].to_pylist()
        return np.mean([source[name] == "scanA" for name in tried])

    assert share_of_a(augmented(table, report=report)) > share_of_a(augmented(table)) + 0.1


def test_without_a_share_there_are_only_originals():
    result = augmented(spec=spec_with(share=0))
    assert (result.tried, result.refused.num_rows, variants(result).num_rows) == (0, 0, 0)
    assert result.refused.column_names == ["origin_id", "method", "reason", "detail"]


def test_every_refusal_has_a_known_reason_and_says_why():
    result = augmented()
    assert reasons(result) <= set(REFUSALS)
    assert all(result.refused["detail"].to_pylist())


def test_images_that_are_paths_are_left_as_they_are():
    table, _ = blobs()
    table = table.append_column("photo", pa.array(["a.png"] * table.num_rows))
    spec = SPEC.model_copy(
        update={
            "features": DatasetSpec.model_validate(
                {"name": "a", "source": {"path": "b"}, "target": "label",
                 "features": {"photo": "image"}}
            ).features
        }
    )  # fmt: skip
    assert augmented(table, spec).tried == 0


def test_an_unknown_method_is_refused():
    with pytest.raises(SpecError, match="did you mean 'tabular_interpolate'"):
        augmented(spec=spec_with(methods=["tabular_interpolat"]))


def test_an_augmenter_that_loses_rows_is_named():
    @dataclass(frozen=True)
    class Losing:
        name: str = "losing"
        kind: FeatureKind = "numeric"

        def apply(self, rows, rng, *, features, partners):
            return rows.slice(1)

    with pytest.raises(DataError, match="augmenter 'losing'"):
        augmented(augmenters={"losing": Losing()})


def test_a_training_row_without_a_label_is_named():
    table, _ = blobs()
    row = table["split"].to_pylist().index("train")
    labels = table["label"].to_pylist()
    labels[row] = None
    place = table.schema.get_field_index("label")
    with pytest.raises(DataError, match=f"'e{row}' has no label"):
        augmented(table.set_column(place, "label", pa.array(labels)))
