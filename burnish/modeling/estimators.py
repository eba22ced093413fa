"""Estimators by name: the model that is retrained, and the panel that audits labels.

What belongs here: which estimator stands behind a name, and which few models look at a dataset
together. What does not: preprocessing (`burnish.modeling.features`, `burnish.modeling.views`) and
fitting (`burnish.modeling.probabilities`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from burnish.errors import SpecError
from burnish.modeling.saving import TRUSTED_LIBRARIES, untrusted_types
from burnish.spec import Feature, Model
from burnish.spec.keys import near

View = Literal["dense", "words", "chars"]

_SMALL = 50
_LARGE = 20_000
_ROWS_OF_A_TREE = 5_000


@dataclass(frozen=True)
class PanelModel:
    """One model of an audit panel: its name, an unfitted estimator, and the matrix it looks at."""

    name: str
    estimator: Any
    view: View = "dense"


# ---------------------------------------------------------------- the model that is retrained


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


# ---------------------------------------------------------------- the panel that audits


def audit_panel(
    features: Mapping[str, Feature] | None,
    n_rows: int,
    n_features: int,
    random_state: int,
    *,
    n_classes: int = 2,
) -> list[PanelModel]:
    """A few cheap models that err differently, chosen by modality and size.

    `n_features` counts the columns of the dense view (0: there is none), which is standardised
    with unit mean variance. Numbers, categories and images: shrunken discriminant analysis, extra
    trees, and logistic regression on a Nystroem map of the RBF kernel. Text: characters, word
    counts and nearest texts. Below 50 rows, or 5 a class: a linear model and neighbours. Without
    `features` all columns are numbers.

    >>> [model.name for model in audit_panel(None, 1_000, 20, 0)]
    ['discriminant', 'trees', 'kernel']
    """
    panel: list[PanelModel] = []
    if n_features:
        small = n_rows < max(_SMALL, 5 * n_classes)
        panel += _small_panel() if small else _dense_panel(n_rows, n_features, random_state)
    if features and any(feature.kind == "text" for feature in features.values()):
        panel += _text_panel()
    return panel


def _small_panel() -> list[PanelModel]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    # Covariances and forests of a handful of rows say nothing.
    near = KNeighborsClassifier(n_neighbors=3, weights="distance")
    return [
        PanelModel("linear", LogisticRegression(C=0.1, max_iter=2000)),
        PanelModel("neighbours", near),
    ]


def _dense_panel(n_rows: int, n_features: int, random_state: int) -> list[PanelModel]:
    return [
        PanelModel("discriminant", _discriminant(n_features)),
        PanelModel("trees", _trees(n_rows, random_state)),
        PanelModel("kernel", _kernel(n_rows, random_state)),
    ]


def _discriminant(n_features: int) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression

    # Its covariance grows with the square of the columns.
    if n_features > 1_000:
        return LogisticRegression(C=0.1, max_iter=2000)
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _trees(n_rows: int, random_state: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    cap: dict[str, Any] = {}
    if n_rows > 2 * _ROWS_OF_A_TREE:
        cap = {"bootstrap": True, "max_samples": _ROWS_OF_A_TREE}
    return ExtraTreesClassifier(60, min_samples_leaf=3, n_jobs=1, random_state=random_state, **cap)


def _kernel(n_rows: int, random_state: int) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    n_components = min(300, n_rows // 2)
    near = Nystroem(n_components=n_components, random_state=random_state)
    if n_rows > _LARGE:
        return make_pipeline(near, LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    return make_pipeline(near, LogisticRegression(C=3.0, max_iter=2000))


def _text_panel() -> list[PanelModel]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB
    from sklearn.neighbors import KNeighborsClassifier

    near = KNeighborsClassifier(n_neighbors=15, weights="distance", metric="cosine")
    return [
        PanelModel("characters", LogisticRegression(C=3.0, max_iter=500), "chars"),
        PanelModel("words", ComplementNB(alpha=0.3), "words"),
        PanelModel("near_texts", near, "chars"),
    ]
