"""The panel that audits labels: a few cheap models that err differently.

What belongs here: which models look at a dataset together, by modality and size. What does not:
what they look at (`burnish.modeling.views`), fitting them (`burnish.modeling.probabilities`), and
putting their answers together (`burnish.modeling.combining`).

Text and images are judged through views that differ (words, characters, embeddings; pixels,
gradients), and there the weaker model corrects the stronger one. The models of a table see the
same columns, and the better one is better nearly everywhere: they are weighted by their skill.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

from burnish.modeling.ridge import RidgeProbabilities
from burnish.spec import Feature

View = Literal["dense", "columns", "gradients", "words", "chars", "embedding"]

_SMALL = 50
_LARGE = 20_000
_ROWS_OF_A_TREE = 5_000
_ROWS_FOR_BOOSTING = 1_000
# In a wide table most of its time goes, and columns are directions of an embedding more often.
_COLUMNS_FOR_BOOSTING = 300
# Boosting fits a tree for every class in each round.
_CLASSES_FOR_BOOSTING = 12
# Logistic regression on characters: rows times classes up to which it takes about a minute.
_CHARACTER_CELLS = 3_000_000


@dataclass(frozen=True)
class PanelModel:
    """One model of an audit panel: its name, an unfitted estimator, and the matrix it looks at."""

    name: str
    estimator: Any
    view: View = "dense"


def audit_panel(
    features: Mapping[str, Feature] | None,
    n_rows: int,
    n_features: int,
    random_state: int,
    *,
    n_classes: int = 2,
    views: Set[str] = frozenset(),
) -> list[PanelModel]:
    """A few cheap models that err differently, chosen by modality and size.

    `n_features` counts the columns of the dense view (0: there is none). `views` names the further
    views that exist (`burnish.modeling.views`). Columns: shrunken discriminant analysis, logistic
    regression on a Nystroem map of the RBF kernel, and extra trees; from 1,000 rows on, up to 300
    columns and 12 classes, boosting twice instead of the trees. Images: discriminant and kernel on
    gradients, trees and neighbours on pixels and all other columns. Text: complement naive Bayes
    and ridge regression on words, and neighbours and logistic regression on a static embedding
    where there is one, else on characters. Below 50 rows, or 5 a class: a linear model and
    neighbours. Without `features` all columns are numbers.

    >>> [model.name for model in audit_panel(None, 700, 20, 0)]
    ['discriminant', 'kernel', 'trees']
    """
    kinds = {feature.kind for feature in features.values()} if features else {"numeric"}
    panel: list[PanelModel] = []
    if n_features:
        panel += _dense_panel(
            n_rows, n_features, random_state, n_classes=n_classes, views=views, kinds=kinds
        )
    if "text" in kinds:
        panel += _text_panel(n_rows, n_classes, views)
    return panel


def is_table(features: Mapping[str, Feature] | None) -> bool:
    """Whether all models of the panel see the same columns: no text and no image among them.

    >>> is_table(None), is_table({"note": Feature(kind="text")})
    (True, False)
    """
    return not features or not {f.kind for f in features.values()} & {"text", "image"}


def _dense_panel(
    n_rows: int,
    n_features: int,
    random_state: int,
    *,
    n_classes: int,
    views: Set[str],
    kinds: Set[str],
) -> list[PanelModel]:
    if n_rows < max(_SMALL, 5 * n_classes):
        return _small_panel()
    if "image" in kinds and "gradients" in views:
        return _image_panel(n_rows, random_state)
    panel = [
        PanelModel("discriminant", _discriminant(n_features)),
        PanelModel("kernel", _kernel(n_rows, random_state)),
    ]
    suits = n_classes <= _CLASSES_FOR_BOOSTING and n_features <= _COLUMNS_FOR_BOOSTING
    if "columns" in views and n_rows >= _ROWS_FOR_BOOSTING and suits:
        return panel + _boosting_panel(n_classes, random_state)
    return [*panel, PanelModel("trees", _trees(n_rows, random_state))]


def _small_panel() -> list[PanelModel]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    # Covariances and forests of a handful of rows say nothing.
    near = KNeighborsClassifier(n_neighbors=3, weights="distance")
    return [
        PanelModel("linear", LogisticRegression(C=0.1, max_iter=2000)),
        PanelModel("neighbours", near),
    ]


def _image_panel(n_rows: int, random_state: int) -> list[PanelModel]:
    from sklearn.neighbors import KNeighborsClassifier

    near = KNeighborsClassifier(n_neighbors=10, weights="distance")
    return [
        PanelModel("discriminant", _discriminant(1), "gradients"),
        PanelModel("kernel", _kernel(n_rows, random_state), "gradients"),
        PanelModel("trees", _trees(n_rows, random_state)),
        PanelModel("neighbours", near),
    ]


def _boosting_panel(n_classes: int, random_state: int) -> list[PanelModel]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rounds = 100 if n_classes <= 4 else 40
    build: Any = HistGradientBoostingClassifier
    shapes = {"boosting": (15, 0.1), "shallow_boosting": (8, 0.1)}
    return [
        PanelModel(
            name,
            build(
                learning_rate=rate,
                max_leaf_nodes=leaves,
                max_iter=rounds,
                early_stopping=False,
                random_state=random_state,
            ),
            "columns",
        )
        for name, (leaves, rate) in shapes.items()
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


def _text_panel(n_rows: int, n_classes: int, views: Set[str]) -> list[PanelModel]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB
    from sklearn.neighbors import KNeighborsClassifier

    near = KNeighborsClassifier(n_neighbors=15, weights="distance", metric="cosine")
    panel = [
        PanelModel("words", ComplementNB(alpha=0.3), "words"),
        PanelModel("ridge", RidgeProbabilities(alpha=1.0), "words"),
    ]
    if "embedding" in views:
        return [
            *panel,
            PanelModel("near_meaning", near, "embedding"),
            PanelModel("meaning", LogisticRegression(C=100.0, max_iter=300), "embedding"),
        ]
    panel.append(PanelModel("near_texts", near, "chars"))
    if n_rows * n_classes <= _CHARACTER_CELLS:
        characters = LogisticRegression(C=3.0, max_iter=500)
        panel.append(PanelModel("characters", characters, "chars"))
    return panel
