"""Which models look, what they look at, and how their answers become one."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from burnish.errors import DataError
from burnish.labels import find_label_errors
from burnish.modeling import audit_panel, design_frame, out_of_sample_probabilities, review_leverage
from burnish.modeling.combining import join_models
from burnish.modeling.embeddings import embed_texts, embedding_installed
from burnish.modeling.gradients import gradient_matrix
from burnish.modeling.images import picture_shape
from burnish.modeling.ridge import RidgeProbabilities
from burnish.spec import Feature

TEXT = {"note": Feature(kind="text")}
PICTURE = {"scan": Feature(kind="image")}


def names(*args: object, **kwargs: object) -> list[str]:
    return [model.name for model in audit_panel(*args, **kwargs)]  # type: ignore[arg-type]


def test_the_panel_follows_modality_size_and_what_there_is_to_see() -> None:
    assert names(None, 5_000, 9, 0, views={"dense", "columns"})[2:] == [
        "boosting",
        "shallow_boosting",
    ]
    assert names(None, 5_000, 9, 0, n_classes=40, views={"dense", "columns"})[2:] == ["trees"]
    assert names(None, 400, 9, 0, views={"dense", "columns"})[2:] == ["trees"]
    assert "neighbours" in names(PICTURE, 900, 64, 0, views={"dense", "gradients"})
    assert names(TEXT, 500, 0, 0, views={"embedding"})[2:] == ["near_meaning", "meaning"]
    assert names(TEXT, 500, 0, 0)[2:] == ["near_texts", "characters"]
    assert "characters" not in names(TEXT, 100_000, 0, 0, n_classes=150)


def test_of_models_of_one_table_the_better_one_is_heard_more() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 400)
    good = np.where(np.eye(2)[codes] == 1, 0.9, 0.1)
    blind = np.full((400, 2), 0.5)
    folds = np.arange(400) % 5
    assert join_models({"good": good, "blind": blind}, codes, folds, lean=8.0).weights["good"] > 0.9
    assert join_models({"good": good, "blind": blind}, codes, folds).weights["good"] == 0.5


def test_a_fold_has_no_say_in_its_own_temperature() -> None:
    rng = np.random.default_rng(1)
    probs = rng.dirichlet([1, 1, 1], 300)
    codes, folds = rng.integers(0, 3, 300), np.arange(300) % 3
    other = np.where(folds == 0, (codes + 1) % 3, codes)
    before = join_models({"a": probs}, codes, folds).by_model["a"]
    after = join_models({"a": probs}, other, folds).by_model["a"]
    assert np.array_equal(before[folds == 0], after[folds == 0])
    assert not np.allclose(before[folds == 1], after[folds == 1])


def test_trees_on_plain_columns_find_what_straight_lines_do_not() -> None:
    # The label is a comb over one column, with gaps in the data.
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 8, 1_500)
    true = (np.floor(x) % 2).astype(int)
    wrong = rng.random(1_500) < 0.1
    X = np.column_stack([x, rng.normal(size=(1_500, 5))])
    found = out_of_sample_probabilities(X, np.where(wrong, 1 - true, true))
    assert {"boosting", "shallow_boosting"} <= set(found.by_model)
    score = find_label_errors(np.where(wrong, 1 - true, true), found.probs).error_probability
    assert average_precision_score(wrong, score) > 0.9
    assert found.weights["boosting"] > found.weights["discriminant"]


def test_missing_numbers_and_rare_categories_reach_the_trees_as_they_are() -> None:
    import pyarrow as pa

    from burnish.modeling.views import frame_views

    table = pa.table({"age": [31.0, None, 40.0], "town": ["Rome", "Rome", "Oslo"]})
    kinds = {"age": Feature(kind="numeric"), "town": Feature(kind="categorical")}
    columns = frame_views(design_frame(table, kinds), kinds)["columns"]
    assert np.isnan(columns[1, 0])
    assert columns[:, 1].tolist() == [0.0, 0.0, 1.0]


def test_gradients_see_the_stroke_and_not_the_light() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.random((2, 16, 16)) * 0.4
    darker = gradient_matrix(np.concatenate([pictures, pictures * 0.5 + 0.3]))
    assert darker is not None
    assert np.allclose(darker[:2], darker[2:], atol=1e-3)
    turned = gradient_matrix(pictures.transpose(0, 2, 1))
    assert turned is not None
    assert not np.allclose(turned, darker[:2], atol=0.05)
    assert gradient_matrix(np.zeros((2, 4, 9))) is None
    flat = gradient_matrix(np.ones((1, 8, 8)))
    assert flat is not None
    assert not flat.any()


def test_the_shape_of_a_picture_is_known_again() -> None:
    assert picture_shape(16 * 10, (40, 10)) == (16, 10)
    with pytest.raises(DataError, match="7 pixels"):
        picture_shape(7, ())


def test_the_ridge_can_be_copied_and_ranks_two_classes() -> None:
    X = np.linspace(-1, 1, 40)[:, None]
    model = clone(RidgeProbabilities(alpha=2.0)).fit(X, np.array(["a"] * 20 + ["b"] * 20))
    probs = model.predict_proba(X)
    assert model.get_params() == {"alpha": 2.0}
    assert np.allclose(probs.sum(axis=1), 1.0)
    assert probs[0, 0] > 0.9
    assert 0.5 < probs[20, 1] < 0.6


def test_texts_of_one_meaning_are_near_without_a_common_word() -> None:
    if not embedding_installed():
        pytest.skip("needs the extra `text`")
    money, cash, weather, nothing = embed_texts(
        ["send money to a friend", "transfer cash abroad", "a storm brings heavy rain", ""]
    )
    assert money @ cash > money @ weather + 0.1
    assert not nothing.any()


def test_leverage_is_about_one_and_finds_lonely_rows() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6))
    X[7] *= 6
    factors = review_leverage(X)
    assert factors.argmax() == 7
    assert factors.max() <= 2.0
    assert abs(factors.mean() - 1.0) < 0.1
    assert np.allclose(review_leverage(X * 1_000), factors)
    assert review_leverage(np.ones((4, 2))).tolist() == [1.0] * 4
    assert review_leverage(rng.normal(size=(30, 1_200))).shape == (30,)
