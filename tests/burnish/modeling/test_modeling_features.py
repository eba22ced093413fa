"""Every kind of feature becomes columns, and the fitted pipeline is scikit-learn alone."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from PIL import Image
from sklearn.linear_model import LogisticRegression

from burnish.errors import DataError
from burnish.modeling import (
    design_frame,
    make_estimator,
    make_pipeline,
    out_of_sample_probabilities,
)
from burnish.modeling.sensors import STATISTICS
from burnish.spec import Feature, Model

KINDS = {
    "age": Feature(kind="numeric"),
    "member": Feature(kind="boolean"),
    "city": Feature(kind="categorical"),
    "since": Feature(kind="datetime"),
    "note": Feature(kind="text"),
    "scan": Feature(kind="image", shape=(2, 2)),
    "accel": Feature(kind="sensor"),
}
N = 40


def png(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def examples() -> pa.Table:
    high = [i % 2 == 1 for i in range(N)]
    city: list[str | None] = ["Rome" if h else "Oslo" for h in high]
    note: list[str | None] = ["late again" if h else "all fine" for h in high]
    member: list[bool | None] = list(high)
    since = [datetime(2020, 1 + i % 12, 3, tzinfo=UTC) if i else None for i in range(N)]
    city[7] = note[2] = member[5] = None
    return pa.table(
        {
            "age": [None if i == 3 else float(i) for i in range(N)],
            "member": member,
            "city": city,
            "since": since,
            "note": note,
            "scan": [[0, 16, 16 * int(h), 4] for h in high],
            "accel": [np.sin(np.arange(32) * (1 + int(h))).tolist() for h in high],
        }
    )


def test_each_kind_gives_its_columns(examples: pa.Table) -> None:
    frame = design_frame(examples, KINDS)
    assert len(frame) == N
    assert np.isnan(frame["age"][3])
    assert frame["member"].tolist()[:2] == [0.0, 1.0]
    assert frame["city"][7] == "(missing)"
    assert frame["note"][2] == ""
    assert frame["since__month"][1] == 2
    assert np.isnan(frame["since__month"][0])
    assert frame["scan_px_001"].tolist() == [1.0] * N
    assert frame["scan_px_003"][0] == 0.25
    assert [c for c in frame if c.startswith("accel__")] == [f"accel__{s}" for s in STATISTICS]


@pytest.mark.parametrize("name", ["logistic", "boosting", "neighbours", "forest", "mlp"])
def test_a_fitted_pipeline_survives_skops_with_scikit_learn_types_alone(
    examples: pa.Table, name: str
) -> None:
    frame = design_frame(examples, KINDS)
    labels = ["a", "b"] * (N // 2)
    estimator = make_estimator(Model(name=name), random_state=0, n_classes=2)
    model = make_pipeline(estimator, KINDS, frame).fit(frame, labels)
    data = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=data)
    assert all(kind.startswith(("sklearn.", "numpy.", "scipy.")) for kind in types), types
    again = skops.io.loads(data, trusted=types)
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))


def test_rows_to_predict_may_hold_what_training_never_saw(examples: pa.Table) -> None:
    frame = design_frame(examples, KINDS)
    model = make_pipeline(LogisticRegression(), KINDS, frame).fit(frame, ["a", "b"] * (N // 2))
    new = examples.slice(0, 2).set_column(2, "city", pa.array(["Lima", None]))
    assert np.isfinite(model.predict_proba(design_frame(new, KINDS))).all()


def test_a_constant_pixel_is_not_blown_up() -> None:
    kinds = {"scan": Feature(kind="image")}
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30, 4)).astype(float)
    pixels[:, 0] = 0.0
    frame = design_frame(pa.table({"scan": pixels.tolist()}), kinds)
    prepare = make_pipeline(LogisticRegression(), kinds, frame)[0].fit(frame)
    lit = frame.copy()
    lit["scan_px_000"] = 1.0
    assert np.abs(prepare.transform(lit)).max() <= 3.0


def test_bytes_and_paths_of_an_image_give_the_same_grey_pixels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 20, 3))
    (tmp_path / "one.png").write_bytes(png(picture))
    kinds = {"scan": Feature(kind="image")}
    by_bytes = design_frame(pa.table({"scan": [png(picture)]}), kinds)
    by_path = design_frame(pa.table({"scan": ["one.png"]}), kinds, folder=tmp_path)
    assert by_bytes.shape == (1, 256)
    assert by_bytes.to_numpy().min() >= 0
    assert by_bytes.to_numpy().max() <= 1
    np.testing.assert_array_equal(by_bytes, by_path)


def test_large_lists_are_shrunk_to_sixteen_a_side() -> None:
    frame = design_frame(
        pa.table({"scan": [[255] * 784, [0] * 784]}),
        {"scan": Feature(kind="image", shape=(28, 28))},
    )
    assert frame.shape == (2, 256)
    assert frame.iloc[0].tolist() == [1.0] * 256


def test_an_image_is_found_by_its_path_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(png(np.full((2, 2), 255)))
    folder = tmp_path / "catalog"
    folder.mkdir()
    kinds = {"scan": Feature(kind="image")}
    for path in ("../one.png", str(tmp_path / "one.png")):
        assert design_frame(pa.table({"scan": [path]}), kinds, folder=folder).to_numpy().min() == 1
    with pytest.raises(DataError, match="'scan' in row 1 cannot be read"):
        design_frame(pa.table({"scan": [path, "one.png"]}), kinds, folder=folder)


@pytest.mark.parametrize(
    ("column", "kind", "says"),
    [
        ([1.0, float("inf")], Feature(kind="numeric"), "infinite in row 1"),
        (["1", "two"], Feature(kind="numeric"), "not numeric"),
        (["maybe", "true"], Feature(kind="boolean"), "not boolean"),
        (["2020-01-01", "soon"], Feature(kind="datetime"), "not a datetime"),
        ([b"\x89PNG", b"no"], Feature(kind="image"), "row 0 cannot be read"),
        ([[1, 2, 3, 4], None], Feature(kind="image"), "row 1"),
        ([[1, 2, 3], [1, 2, 3]], Feature(kind="image"), "3 numbers"),
        ([[1.0, 2.0], []], Feature(kind="sensor"), "row 1"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_named(column: list, kind: Feature, says: str) -> None:
    with pytest.raises(DataError, match=says):
        design_frame(pa.table({"x": column}), {"x": kind})


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(DataError, match="'age' is missing"):
        design_frame(pa.table({"years": [1]}), {"age": Feature(kind="numeric")})


def test_the_dominant_frequency_of_a_signal_is_found() -> None:
    wave = np.sin(2 * np.pi * 0.25 * np.arange(64))
    frame = design_frame(pa.table({"x": [wave.tolist()]}), {"x": Feature(kind="sensor")})
    assert frame["x__dominant"][0] == pytest.approx(0.25)
    assert frame["x__entropy"][0] < 0.05


def test_an_embedding_is_a_column_a_number_and_finds_errors() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 300)
    vectors = rng.normal(size=(300, 24)) + 3 * np.eye(3, 24)[true]
    wrong = rng.random(300) < 0.1
    table = pa.table({"vector": [None, *vectors[1:].tolist()]})
    kinds = {"vector": Feature(kind="embedding")}
    frame = design_frame(table, kinds)
    assert list(frame.columns[:2]) == ["vector__000", "vector__001"]
    assert frame.shape == (300, 24)
    assert np.isnan(frame.iloc[0]).all()
    labels = np.where(wrong, (true + 1) % 3, true)
    found = out_of_sample_probabilities(frame, labels, features=kinds)
    own = found.probs[np.arange(300), labels]
    assert own[wrong].mean() < 0.3
    assert own[~wrong].mean() > 0.6


def test_an_embedding_of_another_length_is_refused_by_its_row() -> None:
    kinds = {"vector": Feature(kind="embedding")}
    with pytest.raises(DataError, match="row 1 has 3 numbers"):
        design_frame(pa.table({"vector": [[1.0, 2.0], [1.0, 2.0, 3.0]]}), kinds)
    with pytest.raises(DataError, match="row 1"):
        design_frame(pa.table({"vector": [[1.0, 2.0], [1.0, float("nan")]]}), kinds)
