"""Estimators by name: the model that is retrained.

What belongs here: which estimator stands behind a name of a spec. What does not: the models that
audit labels (`burnish.modeling.panel`), preprocessing (`burnish.modeling.features`) and fitting
(`burnish.workflows.train`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from burnish.errors import SpecError
from burnish.modeling.saving import TRUSTED_LIBRARIES, untrusted_types
from burnish.spec import Model
from burnish.spec.keys import near


def make_estimator(model: Model, *, random_state: int, n_classes: int) -> Any:
    """The unfitted estimator that a spec's `model` names, with its `params` over our defaults.

    Bundled: logistic, boosting, neighbours, forest, mlp. Otherwise `module:Class` of anything
    with scikit-learn's interface; `random_state` is passed where the class takes it. Raises
    `SpecError` on an unknown name, an import that fails, or parameters the class refuses.

    >>> make_estimator(Model(name="logistic", params={"C": 0.1}), random_state=0, n_classes=3).C
    0.1
    """
    build, defaults = _named(model.name, n_classes)
    params = {**defaults, **model.params}
    takes = inspect.signature(build).parameters
    if "random_state" in takes:
        params.setdefault("random_state", random_state)
    open_ended = any(one.kind is one.VAR_KEYWORD for one in takes.values())
    unknown = [] if open_ended else [name for name in model.params if name not in takes]
    if unknown:
        raise SpecError(
            f"model.params.{unknown[0]}: model {model.name!r} refuses its params: it has no "
            f"{unknown[0]!r}",
            expected="one of: " + ", ".join(takes),
            hint=near(unknown[0], takes),
        )
    try:
        return build(**params)
    except (TypeError, ValueError) as error:
        raise _refused(model, error) from error


def check_model(model: Model) -> None:
    """Refuse a spec's `model` that could not be trained, though nothing is trained yet.

    Imports the estimator and makes one, so it costs what scikit-learn costs to import. Raises
    `SpecError`, naming the key, on what `make_estimator` refuses, on a parameter outside of what
    the estimator allows, on one without `predict_proba`, and on one whose class may not be kept.

    >>> check_model(Model(name="logistic", params={"C": 0.1}))
    >>> try:
    ...     check_model(Model(name="logistic", params={"CC": 3}))
    ... except SpecError as error:
    ...     print(error.found)
    model.params.CC: model 'logistic' refuses its params: it has no 'CC'
    """
    from skops import io

    estimator = make_estimator(model, random_state=0, n_classes=2)
    # Scikit-learn looks at the values of parameters when it fits, with this method of its own.
    validate = getattr(estimator, "_validate_params", None)
    if callable(validate):
        try:
            validate()
        except (TypeError, ValueError) as error:
            raise _refused(model, error) from error
    require_probabilities(estimator, model)
    refused = untrusted_types(io.dumps(estimator), trust=model.trust)
    if refused:
        raise SpecError(
            f"model.trust: model {model.name!r} is made of types that are not trusted: "
            + ", ".join(refused),
            expected="classes of " + ", ".join((*TRUSTED_LIBRARIES, *model.trust)),
            hint=f"if it is yours, name it in the spec: `trust: [{', '.join(refused)}]` under "
            "`model` (classes alone, no functions)",
        )


def require_probabilities(estimator: Any, model: Model) -> None:
    """Raise `SpecError` where the estimator that `model` names has no `predict_proba`."""
    if not hasattr(estimator, "predict_proba"):
        raise SpecError(
            f"model.name: model {model.name!r} gives no probabilities",
            expected="a classifier with predict_proba",
            hint="take a bundled one, or sklearn.calibration:CalibratedClassifierCV, which makes "
            "probabilities of a linear SVM",
        )


def _refused(model: Model, error: Exception) -> SpecError:
    return SpecError(
        f"model.params: model {model.name!r} refuses its params: {error}",
        expected="parameters that " + model.name.rpartition(":")[2] + " can be made with",
    )


def _named(name: str, n_classes: int) -> tuple[Callable[..., Any], dict[str, Any]]:
    if ":" in name:
        return _imported(name), {}
    bundled = _BUNDLED.get(name)
    if bundled is None:
        raise SpecError(
            f"model.name: model {name!r} is not known",
            expected="one of: " + ", ".join(_BUNDLED) + "; or module:Class",
            hint=near(name, _BUNDLED) or "set `model: logistic` in the spec",
        )
    path, defaults = bundled
    # Boosting fits a tree for every class in each round.
    rounds = {"max_iter": 100 if n_classes <= 4 else 40} if name == "boosting" else {}
    return _imported(path), {**defaults, **rounds}


_BUNDLED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "logistic": ("sklearn.linear_model:LogisticRegression", {"C": 0.3, "max_iter": 2000}),
    "boosting": (
        "sklearn.ensemble:HistGradientBoostingClassifier",
        {"learning_rate": 0.1, "max_leaf_nodes": 15},
    ),
    "neighbours": (
        "sklearn.neighbors:KNeighborsClassifier",
        {"n_neighbors": 10, "weights": "distance"},
    ),
    "forest": (
        "sklearn.ensemble:RandomForestClassifier",
        {"n_estimators": 200, "min_samples_leaf": 2, "n_jobs": 1},
    ),
    "mlp": (
        "sklearn.neural_network:MLPClassifier",
        {"hidden_layer_sizes": (64,), "alpha": 0.1, "early_stopping": True, "max_iter": 500},
    ),
}


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecError(
            f"model.name: model {path!r} cannot be imported: {error}",
            expected="module:Class of a package that is installed here",
        ) from error
    if not callable(found) or not hasattr(found, "fit"):
        raise SpecError(
            f"model.name: model {path!r} has no `fit`", expected="a scikit-learn classifier"
        )
    return found
