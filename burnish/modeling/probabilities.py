"""Out-of-sample class probabilities: each row judged by models that never saw its label.

What belongs here: cross-fitting a panel of models. What does not: which models there are
(`burnish.modeling.panel`), what they look at (`burnish.modeling.views`), how their answers become
one (`burnish.modeling.combining`), or what it says of a label (`burnish.labels`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels import check_pred_probs, encode_labels
from burnish.labels.checks import sorted_classes
from burnish.modeling.caching import content_key
from burnish.modeling.combining import TABLE_LEAN, join_models
from burnish.modeling.copies import Copies, find_copies, held_together
from burnish.modeling.folds import assign_folds
from burnish.modeling.panel import PanelModel, audit_panel, is_table
from burnish.modeling.views import Views, frame_views, matrix_views, neighbour_space
from burnish.spec import Feature
from burnish.typing import ArrayCache, Labels, Mapper

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutOfSample", "check_pred_probs", "out_of_sample_probabilities"]

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]
A = TypeVar("A")
B = TypeVar("B")

# Told after each fit: how many of the panel's fits are done, of how many.
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class OutOfSample:
    """Probabilities of rows by models that did not see their labels; columns follow `classes`.

    `probs` (n, K) joins `by_model` (each (n, K), calibrated) by the mean of their logarithms, with
    `weights`. `disagreement` (n,) in [0, 1] is the weighted mean total variation distance of a
    model from it. `features` (n, d) are the rows as numbers on comparable scales, where near means
    alike, and `copies` their near copies, None where they were not sought. The `extra_` fields say
    the same of the rows passed as `extra`, by the mean over the models of all folds.
    """

    probs: FloatArray
    by_model: Mapping[str, FloatArray]
    classes: tuple[Any, ...]
    disagreement: FloatArray
    extra_probs: FloatArray
    extra_disagreement: FloatArray
    features: FloatArray
    extra_features: FloatArray
    weights: Mapping[str, float]
    copies: Copies | None


def out_of_sample_probabilities(
    frame_or_matrix: pd.DataFrame | ArrayLike,
    labels: Labels,
    *,
    features: Mapping[str, Feature] | None = None,
    extra: pd.DataFrame | ArrayLike | None = None,
    groups: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    models: Sequence[PanelModel] | None = None,
    near_copies: bool = True,
    n_folds: int = 5,
    repeats: int = 1,
    random_state: int = 0,
    mapper: Mapper | None = None,
    cache: ArrayCache | None = None,
    progress: Progress | None = None,
) -> OutOfSample:
    """Cross-fitted probabilities of a panel of models, shape (n, K).

    Takes a matrix (n, d) of numbers, or a design frame with its `features`. Rows of one of
    `groups` are held out together, and so are near copies (unless `near_copies` is False), which
    would vouch for each other's labels. `extra` rows, which have no label, are predicted in the
    same pass. Each model's probabilities get one temperature, fitted for each fold to the given
    labels of the others; then the mean of their logarithms is taken. Folds differ with each of
    `repeats`. The preparation of features sees all rows, and no label.

    With a `cache`, a fit whose rows, labels and estimator are those of an earlier one is not made
    again: after changes within one fold, four of five fits are. `progress` is told after each fit.

    Raises `DataError` on NaN in a matrix, an unknown label, or too few rows or groups to hold any
    out. Out-of-sample answers of several models, joined: Wolpert 1992, 'Stacked Generalization';
    Genest & Zidek 1986, 'Combining Probability Distributions' (logarithmic pool).

    >>> rng = np.random.default_rng(0)
    >>> X = np.vstack([rng.normal(0, 1, (40, 2)), rng.normal(4, 1, (40, 2))])
    >>> found = out_of_sample_probabilities(X, ["a"] * 40 + ["b"] * 40)
    >>> found.probs.shape, bool(found.probs[0, 0] > 0.9)
    ((80, 2), True)
    """
    names = sorted_classes(labels) if classes is None else tuple(classes)
    codes = encode_labels(labels, names)
    views, n = _views(frame_or_matrix, extra, features)
    if n != codes.size:
        raise DataError(f"{n} rows of features and {codes.size} labels", expected="as many")
    if groups is not None and len(groups) != n:
        raise DataError(f"{len(groups)} groups", expected=f"{n}: a group a row")
    if repeats < 1:
        raise DataError(f"{repeats} repeats", expected="one or more")
    space = neighbour_space(views)
    copies = _copies(frame_or_matrix, space[:n], features) if near_copies else None
    if copies is not None:
        groups, _ = held_together(groups, copies.clusters)
    cuts = [
        assign_folds(codes, groups, n_folds=n_folds, random_state=random_state + repeat)
        for repeat in range(repeats)
    ]
    lean = TABLE_LEAN if models is None and is_table(features) else 0.0
    if models is None:
        n_features = views["dense"].shape[1] if "dense" in views else 0
        models = audit_panel(
            features, n, n_features, random_state, n_classes=len(names), views=views.keys()
        )
    panel = _usable(models, views)
    tasks = [
        _Task(model, folds, fold)
        for folds in cuts
        for model in panel
        for fold in np.unique(folds).tolist()
    ]
    fit = partial(_fit_and_predict, views=views, codes=codes, n_classes=len(names))
    keys = [] if cache is None else _keys(tasks, views, codes, len(names))
    known = _Known(cache, keys)
    results = _results(tasks, fit, known, mapper=mapper or _InProcess(), progress=progress)
    raw = _gathered(tasks, results, codes.size, repeats)
    joined = join_models({m.name: raw[m.name] for m in panel}, codes, cuts[0], lean=lean)
    return OutOfSample(
        probs=joined.probs[:n],
        by_model={name: probs[:n] for name, probs in joined.by_model.items()},
        classes=names,
        disagreement=joined.disagreement[:n],
        extra_probs=joined.probs[n:],
        extra_disagreement=joined.disagreement[n:],
        features=space[:n],
        extra_features=space[n:],
        weights=joined.weights,
        copies=copies,
    )


@dataclass(frozen=True)
class _Task:
    """One model, one fold held out."""

    model: PanelModel
    folds: Codes
    fold: int


class _InProcess:
    """The mapper where none is given: one task after the other."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        return [function(item) for item in items]


def _keys(tasks: Sequence[_Task], views: Views, codes: Codes, n_classes: int) -> list[str]:
    """What each fit depends on: the matrix, who is held out, the other rows' labels, the model."""
    import sklearn

    matrices = {name: content_key(views[name]) for name in {task.model.view for task in tasks}}
    keys: list[str] = []
    for task in tasks:
        train = task.folds != task.fold
        model = f"{type(task.model.estimator)} {task.model.estimator.get_params()}"
        at = (matrices[task.model.view], n_classes, sklearn.__version__, np.__version__, model)
        keys.append(content_key(*at, train, codes[train]))
    return keys


@dataclass(frozen=True)
class _Known:
    """The cache, and the key of each task; without a cache nothing is known."""

    cache: ArrayCache | None
    keys: list[str]

    def get(self, at: int) -> FloatArray | None:
        return None if self.cache is None else self.cache.get(self.keys[at])

    def put(self, at: int, probs: FloatArray) -> None:
        if self.cache is not None:
            self.cache.put(self.keys[at], probs)


def _results(
    tasks: list[_Task],
    fit: Callable[[_Task], FloatArray],
    known: _Known,
    *,
    mapper: Mapper,
    progress: Progress | None,
) -> list[FloatArray]:
    """The answer to each task, from the cache where it has it."""
    found = {at: known.get(at) for at in range(len(tasks))}
    missing = [at for at, probs in found.items() if probs is None]
    tell = progress or (lambda _done, _all: None)
    tell(len(tasks) - len(missing), len(tasks))
    # Another mapper gets all tasks at once, to deal them out as it likes.
    step = 1 if isinstance(mapper, _InProcess) else max(1, len(missing))
    for start in range(0, len(missing), step):
        batch = missing[start : start + step]
        for at, probs in zip(batch, mapper.map(fit, [tasks[at] for at in batch]), strict=True):
            found[at] = probs
            known.put(at, probs)
        tell(len(tasks) - len(missing) + start + len(batch), len(tasks))
    return [probs for probs in found.values() if probs is not None]


def _views(rows: Any, extra: Any, features: Mapping[str, Feature] | None) -> tuple[Views, int]:
    """Views of all rows, those of `extra` last, and the number of rows before them."""
    if features is not None:
        import pandas as pd

        whole = rows if extra is None else pd.concat([rows, extra], ignore_index=True)
        return frame_views(whole, features), len(rows)
    matrix = np.asarray(rows)
    if matrix.dtype.kind not in "fiub":
        raise DataError(
            f"a matrix of type {matrix.dtype}",
            expected="numbers",
            hint="pass `features` with a frame that has categories or text",
        )
    if extra is None:
        return matrix_views(matrix), len(matrix)
    more = np.asarray(extra)
    if more.shape[1:] != matrix.shape[1:]:
        raise DataError(
            f"extra has shape {more.shape}", expected=f"the columns of the rows, {matrix.shape}"
        )
    return matrix_views(np.vstack([matrix, more])), len(matrix)


def _copies(rows: Any, space: FloatArray, features: Mapping[str, Feature] | None) -> Copies:
    return find_copies(space, rows if features is not None else None, features)


def _usable(models: Sequence[PanelModel], views: Views) -> list[PanelModel]:
    panel = [model for model in models if model.view in views]
    if not panel or len({model.name for model in panel}) != len(panel):
        raise DataError(
            f"a panel of {len(panel)} models that fit the data",
            expected="one or more, under different names",
            hint="the views of this data are: " + ", ".join(views),
        )
    return panel


def _fit_and_predict(task: _Task, *, views: Views, codes: Codes, n_classes: int) -> FloatArray:
    """Probabilities of the rows held out, then of the rows without label; all K columns."""
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    X = views[task.model.view]
    train = np.flatnonzero(task.folds != task.fold)
    asked = np.r_[np.flatnonzero(task.folds == task.fold), np.arange(codes.size, X.shape[0])]
    probs = np.zeros((asked.size, n_classes))
    seen = np.unique(codes[train])
    if seen.size == 1:
        probs[:, seen[0]] = 1.0
        return probs
    estimator = _fitting(clone(task.model.estimator), train.size)
    with threadpool_limits(1), warnings.catch_warnings():
        # A class with one row has no spread of its own; the shared one stands in.
        warnings.filterwarnings("ignore", "Only one sample available")
        # Classes of few rows each are classes all the same, and of few rows all are components.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        warnings.filterwarnings("ignore", "n_components > n_samples")
        estimator.fit(X[train], codes[train])
        found = np.asarray(estimator.predict_proba(X[asked]), dtype=np.float64)
    if not np.isfinite(found).all():
        raise DataError(
            f"model {task.model.name!r} gives NaN or infinite probabilities",
            expected="finite probabilities",
        )
    probs[:, np.asarray(estimator.classes_, dtype=np.intp)] = found
    return probs


def _fitting(estimator: Any, n_rows: int) -> Any:
    """Neighbours asked for, but not there in a small fold, are not asked for."""
    wanted = estimator.get_params().get("n_neighbors")
    return estimator.set_params(n_neighbors=n_rows) if wanted and wanted > n_rows else estimator


def _gathered(
    tasks: list[_Task], results: list[FloatArray], n: int, repeats: int
) -> dict[str, FloatArray]:
    """Rows with a label: mean over repeats. Rows without: mean over all fold models."""
    n_fits: dict[str, int] = {}
    total: dict[str, FloatArray] = {}
    for task, probs in zip(tasks, results, strict=True):
        held_out = np.flatnonzero(task.folds == task.fold)
        n_extra = len(probs) - held_out.size
        name = task.model.name
        sums = total.setdefault(name, np.zeros((n + n_extra, probs.shape[1])))
        sums[held_out] += probs[: held_out.size]
        sums[n:] += probs[held_out.size :]
        n_fits[name] = n_fits.get(name, 0) + 1
    for name, sums in total.items():
        sums[:n] /= repeats
        sums[n:] /= n_fits[name]
    return total
