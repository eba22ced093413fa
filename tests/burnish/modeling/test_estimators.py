"""Names become estimators; what is unknown says what is known."""

import sys
import types

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from burnish.errors import SpecError
from burnish.modeling import check_model, make_estimator
from burnish.spec import Model
from burnish.spec.known import MODELS


class Own(LogisticRegression):
    """As somebody's own estimator: a class that is in no trusted library."""


OWN = f"{__name__}:Own"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    # Test modules are imported without being importable; a user's own module is.
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _as_module())


def _as_module() -> types.ModuleType:
    module = types.ModuleType(__name__)
    module.__dict__.update(Own=Own)
    return module


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


@pytest.mark.parametrize("name", MODELS)
def test_every_bundled_model_passes_its_check(name: str) -> None:
    check_model(Model(name=name))


def test_the_names_that_a_spec_knows_are_those_that_are_bundled() -> None:
    from burnish.modeling.estimators import _BUNDLED

    assert tuple(_BUNDLED) == MODELS


@pytest.mark.parametrize(
    ("model", "found", "hint"),
    [
        ({"name": "forrest"}, "model.name: model 'forrest' is not known", "'forest'"),
        ({"name": "sklearn.svm:LinearSVC"}, "model.name: .*no probabilities", "Calibrated"),
        ({"name": "sklearn.linear_model:LinearRegression"}, "gives no probabilities", ""),
        ({"params": {"CC": 3}}, "model.params.CC: .*has no 'CC'", "did you mean 'C'"),
        ({"params": {"C": -1}}, "model.params: .*'C' parameter", ""),
        ({"name": "mlp", "params": {"alpha": "much"}}, "model.params: .*'alpha' parameter", ""),
        ({"name": "no_such_package:Model"}, "model.name: .*cannot be imported", ""),
        ({"name": "sklearn.linear_model:SGDClassifier"}, "gives no probabilities", ""),
    ],
)
def test_a_model_that_could_not_be_trained_is_refused_before(
    model: dict[str, object], found: str, hint: str
) -> None:
    with pytest.raises(SpecError, match=found) as caught:
        check_model(Model.model_validate(model))
    assert hint in caught.value.hint
    assert caught.value.expected


@pytest.mark.usefixtures("own")
def test_a_class_of_ones_own_is_to_be_named_before_it_is_trained() -> None:
    named = f"{__name__}.Own"
    with pytest.raises(SpecError, match=r"model\.trust") as caught:
        check_model(Model(name=OWN))
    assert f"trust: [{named}]" in caught.value.hint
    check_model(Model(name=OWN, trust=(named,)))
