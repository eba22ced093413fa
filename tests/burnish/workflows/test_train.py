import sys
import types

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io

from burnish.errors import DataError, SpecError
from burnish.spec import DatasetSpec
from burnish.workflows.train import load_model, restore, train_model

SPEC = DatasetSpec.model_validate(
    {
        "name": "blobs",
        "source": {"path": "blobs.csv"},
        "target": "label",
        "features": {"x": "numeric", "y": "numeric", "city": "categorical", "note": "text"},
    }
)


def blobs(n=180, seed=0):
    """Three clouds far enough apart that any model tells them apart."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    return pa.table(
        {
            "example_id": [f"e{number}" for number in range(n)],
            "label": [("ant", "bee", "cat")[one] for one in kind],
            "x": rng.normal(kind * 6.0, 1),
            "y": rng.normal(kind * -4.0, 1),
            "city": rng.choice(["Rome", "Oslo"], n).tolist(),
            "note": [["crawls", "flies", "walks"][one] + " about" for one in kind],
            "split": rng.choice(["train", "validation", "test"], n, p=[0.6, 0.2, 0.2]).tolist(),
        }
    )


def training(table):
    return table.filter(pc.field("split") == "train")


def trained(spec=SPEC, table=None, rows=None):
    table = blobs() if table is None else table
    return train_model(training(table) if rows is None else rows, table, spec, random_state=0)


def with_label(table, row, label):
    labels = table["label"].to_pylist()
    labels[row] = label
    return table.set_column(
        table.schema.get_field_index("label"), "label", pa.array(labels, pa.string())
    )


def test_every_held_out_row_is_predicted_and_no_other():
    table = blobs()
    found = trained(table=table).predictions
    held_out = table.filter(pc.field("split") != "train")
    assert found["example_id"].to_pylist() == held_out["example_id"].to_pylist()
    assert found["split"].to_pylist() == held_out["split"].to_pylist()
    assert found.column_names[:6] == [
        "example_id", "split", "label", "predicted", "correct", "confidence",
    ]  # fmt: skip


def test_what_is_easy_is_learnt_and_the_columns_of_a_prediction_agree():
    result = trained()
    rows = result.predictions.to_pylist()
    assert np.mean([row["correct"] for row in rows]) > 0.95
    assert result.classes == ("ant", "bee", "cat")
    for row in rows:
        probs = {name: row[f"p:{name}"] for name in result.classes}
        assert sum(probs.values()) == pytest.approx(1)
        assert row["confidence"] == max(probs.values()) == probs[row["predicted"]]
        assert row["correct"] == (row["predicted"] == row["label"])


def test_training_twice_gives_the_same_predictions():
    assert trained().predictions.equals(trained().predictions)


@pytest.mark.parametrize("name", ["logistic", "boosting", "neighbours", "forest", "mlp"])
def test_every_bundled_model_comes_back_from_its_bytes_as_it_was(name):
    result = trained(
        SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"name": name})})
    )
    again = load_model(result.model_bytes)
    np.testing.assert_allclose(
        again.predict_proba(result.input_example), result.model.predict_proba(result.input_example)
    )


def test_a_restored_model_is_what_was_trained():
    table, result = blobs(), trained()
    again = restore(
        result.model_bytes,
        predictions=result.predictions,
        curated=table,
        spec=SPEC,
        classes=list(result.classes),
        params=dict(result.params),
    )
    assert again.classes == result.classes
    assert len(again.input_example) == 5
    np.testing.assert_array_equal(again.model.classes_, result.model.classes_)


def test_parameters_name_the_model_and_what_it_was_trained_on():
    spec = SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"params": {"C": 0.5}})})
    result = trained(spec)
    assert result.params["model"] == "logistic"
    assert result.params["model.C"] == 0.5
    assert result.params["training_rows"] == training(blobs()).num_rows
    assert result.params["augmented_rows"] == 0


def image_rows(top):
    rng = np.random.default_rng(0)
    return (rng.random((40, 4)) * top).tolist()


def test_pixels_have_one_scale_in_training_and_held_out_rows():
    spec = SPEC.model_copy(
        update={"features": DatasetSpec.model_validate(
            {"name": "a", "source": {"path": "b"}, "target": "label",
             "features": {"scan": {"kind": "image", "shape": [2, 2]}}}).features}
    )  # fmt: skip
    bright, dark = image_rows(255.0), image_rows(12.0)
    table = pa.table(
        {
            "example_id": [str(number) for number in range(80)],
            # Bright training rows are of both classes; dark held-out rows are all like class "low".
            "label": ["high" if np.mean(row) > 100 else "low" for row in bright] + ["low"] * 40,
            "scan": bright + dark,
            "split": ["train"] * 40 + ["validation"] * 40,
        }
    )
    assert all(trained(spec, table).predictions["correct"].to_pylist())


def test_a_class_that_training_never_saw_is_named():
    table = blobs()
    row = table["split"].to_pylist().index("validation")
    with pytest.raises(DataError, match=f"'e{row}' has class 'dog', which no training row has"):
        trained(table=with_label(table, row, "dog"))


def test_a_training_row_without_a_label_is_named():
    table = blobs()
    row = table["split"].to_pylist().index("train")
    with pytest.raises(DataError, match=f"'e{row}' has no label"):
        trained(table=with_label(table, row, None))


def test_one_class_is_nothing_to_learn():
    table = blobs()
    one = training(table).filter(pc.field("label") == "ant")
    with pytest.raises(DataError, match="of 1 classes"):
        trained(table=table, rows=one)
    with pytest.raises(DataError, match="0 training rows"):
        trained(table=table, rows=one.slice(0, 0))


def test_a_held_out_row_never_gets_into_training():
    table = blobs()
    with pytest.raises(DataError, match="example_id of a held-out row"):
        trained(table=table, rows=table)


def test_a_variant_of_a_held_out_row_never_gets_into_training():
    table = blobs()
    row = table["split"].to_pylist().index("test")
    rows = training(table)
    origins = [None] * (rows.num_rows - 1) + [f"e{row}"]
    with pytest.raises(DataError, match="origin_id of a held-out row"):
        trained(table=table, rows=rows.append_column("origin_id", pa.array(origins)))


def test_a_model_without_probabilities_is_refused():
    model = SPEC.model.model_copy(update={"name": "sklearn.svm:LinearSVC"})
    with pytest.raises(SpecError, match="gives no probabilities"):
        trained(SPEC.model_copy(update={"model": model}))


class Stranger(LogisticRegression):
    pass


def stranger(C=1.0):
    return Stranger(C=C)


OWN = f"{Stranger.__module__}.Stranger"


@pytest.fixture
def importable(monkeypatch):
    # Tests are imported by path; a module of one's own can be imported by its name.
    module = types.ModuleType(Stranger.__module__)
    module.__dict__.update(Stranger=Stranger, stranger=stranger)
    monkeypatch.setitem(sys.modules, Stranger.__module__, module)


def with_model(**model):
    return SPEC.model_copy(update={"model": SPEC.model.model_validate(model)})


@pytest.mark.usefixtures("importable")
def test_a_model_of_ones_own_is_trained_and_restored_where_it_is_trusted_by_name():
    spec = with_model(name=OWN.replace(".Stranger", ":Stranger"), trust=[OWN])
    table, result = blobs(), trained(spec)
    assert type(load_model(result.model_bytes, trust=[OWN])["model"]).__name__ == "Stranger"
    again = restore(
        result.model_bytes,
        predictions=result.predictions,
        curated=table,
        spec=spec,
        classes=list(result.classes),
        params=dict(result.params),
    )
    np.testing.assert_array_equal(again.model.classes_, result.model.classes_)


@pytest.mark.usefixtures("importable")
def test_a_model_of_ones_own_that_is_not_trusted_says_how_to_trust_it():
    with pytest.raises(DataError, match="not trusted") as caught:
        trained(with_model(name=OWN.replace(".Stranger", ":Stranger")))
    assert f"trust: [{OWN}]" in caught.value.hint


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize(
    "trust",
    [
        ["numpy.load"],
        [OWN.replace(".Stranger", ".stranger")],
        [OWN.replace(".Stranger", "")],
        [OWN[:-1]],
    ],
)
def test_trust_is_of_a_class_by_its_exact_name(trust):
    parts = [np.load, stranger] + ([Stranger()] if "stranger" not in trust[0] else [])
    for part in parts:
        step = part if isinstance(part, Stranger) else FunctionTransformer(part)
        with pytest.raises(DataError, match="not trusted"):
            load_model(io.dumps(Pipeline([("part", step)])), trust=trust)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Stranger(), "Stranger"),
        (FunctionTransformer(print), "print"),
        (FunctionTransformer(np.load), "numpy.load"),
    ],
)
def test_a_model_that_holds_what_is_not_trusted_is_refused_by_name(part, name):
    with pytest.raises(DataError, match=rf"not trusted: .*{name}"):
        load_model(io.dumps(Pipeline([("part", part)])))
