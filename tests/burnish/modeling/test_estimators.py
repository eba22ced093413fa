"""Names become estimators; what is unknown says what is known."""

import numpy as np
import pytest

from burnish.errors import SpecError
from burnish.modeling import audit_panel, make_estimator
from burnish.spec import Feature, Model


def test_params_of_the_spec_win_and_the_seed_is_passed() -> None:
    model = make_estimator(
        Model(name="forest", params={"n_estimators": 7}), random_state=3, n_classes=2
    )
    assert (model.n_estimators, model.random_state) == (7, 3)


def test_an_import_path_reaches_any_estimator() -> None:
    model = make_estimator(
        Model(name="sklearn.tree:DecisionTreeClassifier", params={"max_depth": 2}),
        random_state=1,
        n_classes=2,
    )
    assert (type(model).__name__, model.max_depth, model.random_state) == (
        "DecisionTreeClassifier",
        2,
        1,
    )


@pytest.mark.parametrize(
    ("name", "params", "says"),
    [
        ("logit", {}, "logistic, boosting, neighbours, forest, mlp"),
        ("logistic", {"strength": 1}, "refuses its params"),
        ("no_such_package:Model", {}, "cannot be imported"),
        ("sklearn.tree:NoSuchTree", {}, "cannot be imported"),
        ("math:sqrt", {}, "has no `fit`"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, params: dict[str, int], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        make_estimator(Model(name=name, params=params), random_state=0, n_classes=2)


@pytest.mark.filterwarnings("error")
def test_logistic_converges_on_hard_columns() -> None:
    rng = np.random.default_rng(0)
    model = make_estimator(Model(), random_state=0, n_classes=3)
    model.fit(rng.normal(size=(200, 30)) * 3, rng.integers(0, 3, 200))


def test_the_panel_follows_the_modality() -> None:
    text = {"note": Feature(kind="text")}
    both = {**text, "age": Feature(kind="numeric")}
    assert {m.view for m in audit_panel(text, 500, 0, 0)} == {"words", "chars"}
    assert {m.view for m in audit_panel(both, 500, 3, 0)} == {"dense", "words", "chars"}
    assert [m.name for m in audit_panel(None, 20, 3, 0)] == ["linear", "neighbours"]
