"""Out-of-sample class probabilities: each row judged by models that never saw its label.

What belongs here: cross-fitting a panel, calibrating each model, and putting them together. What
does not: which models there are (`burnish.modeling.estimators`), what they look at
(`burnish.modeling.views`), or what the probabilities say of a label (`burnish.labels`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.labels import check_pred_probs, encode_labels
from burnish.labels.checks import sorted_classes
from burnish.modeling.estimators import PanelModel, audit_panel
from burnish.modeling.folds import assign_folds
from burnish.modeling.views import Views, frame_views, matrix_views
from burnish.spec import Feature
from burnish.typing import Labels, Mapper

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutOfSample", "check_pred_probs", "out_of_sample_probabilities"]

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]
A = TypeVar("A")
B = TypeVar("B")

# What a probability of zero stands for while models are calibrated.
_FLOOR = 1e-3
_CALIBRATION_ROWS = 20_000


@dataclass(frozen=True)
class OutOfSample:
    """Probabilities of rows by models that did not see their labels; columns follow `classes`.

    `probs` (n, K) is the mean of `by_model` (each (n, K), calibrated). `disagreement` (n,) in
    [0, 1] is the mean total variation distance of a model from that mean. The `extra_` fields say
    the same of the rows passed as `extra`, by the mean over the models of all folds.
    """

    probs: FloatArray
    by_model: Mapping[str, FloatArray]
    classes: tuple[Any, ...]
    disagreement: FloatArray
    extra_probs: FloatArray
    extra_disagreement: FloatArray


def out_of_sample_probabilities(
    frame_or_matrix: pd.DataFrame | ArrayLike,
    labels: Labels,
    *,
    features: Mapping[str, Feature] | None = None,
    extra: pd.DataFrame | ArrayLike | None = None,
    groups: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    models: Sequence[PanelModel] | None = None,
    n_folds: int = 5,
    repeats: int = 1,
    random_state: int = 0,
    mapper: Mapper | None = None,
) -> OutOfSample:
    """Cross-fitted probabilities of a panel of models, shape (n, K).

    Takes a matrix (n, d) of numbers, or a design frame with its `features`. Rows of one of
    `groups` are held out together. `extra` rows, which have no label, are predicted in the same
    pass. Each model's probabilities get one temperature, fitted to the given labels out-of-sample,
    before their arithmetic mean is taken: without it the least modest model rules. Folds differ
    with each of `repeats`. The preparation of features sees all rows, and no label.

    Raises `DataError` on NaN in a matrix, an unknown label, or too few rows or groups to hold any
    out. Stacking by means of held-out rows: Wolpert 1992, 'Stacked Generalization'; temperature:
    Guo et al. 2017, 'On Calibration of Modern Neural Networks'.

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
    if repeats < 1:
        raise DataError(f"{repeats} repeats", expected="one or more")
    cuts = [
        assign_folds(codes, groups, n_folds=n_folds, random_state=random_state + repeat)
        for repeat in range(repeats)
    ]
    if models is None:
        n_features = views["dense"].shape[1] if "dense" in views else 0
        models = audit_panel(features, n, n_features, random_state, n_classes=len(names))
    panel = _usable(models, views)
    tasks = [
        _Task(model, folds, fold)
        for folds in cuts
        for model in panel
        for fold in np.unique(folds).tolist()
    ]
    fit = partial(_fit_and_predict, views=views, codes=codes, n_classes=len(names))
    results = (mapper or _InProcess()).map(fit, tasks)
    raw = _gathered(tasks, results, codes.size, repeats)
    return _combined({m.name: raw[m.name] for m in panel}, codes, names)


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
    whole = matrix if extra is None else np.vstack([matrix, np.asarray(extra)])
    return matrix_views(whole), len(matrix)


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


def _combined(raw: Mapping[str, FloatArray], codes: Codes, classes: tuple[Any, ...]) -> OutOfSample:
    n = codes.size
    calibrated = {name: _tempered(probs, codes) for name, probs in raw.items()}
    mean = np.mean(list(calibrated.values()), axis=0)
    distance = [0.5 * np.abs(probs - mean).sum(axis=1) for probs in calibrated.values()]
    disagreement = np.clip(np.mean(distance, axis=0), 0.0, 1.0)
    return OutOfSample(
        probs=mean[:n],
        by_model={name: probs[:n] for name, probs in calibrated.items()},
        classes=classes,
        disagreement=disagreement[:n],
        extra_probs=mean[n:],
        extra_disagreement=disagreement[n:],
    )


def _tempered(probs: FloatArray, codes: Codes) -> FloatArray:
    """`probs` to the power that makes the given labels likeliest, renormalised."""
    from scipy.optimize import minimize_scalar

    K = probs.shape[1]
    logs = np.log((probs + _FLOOR) / (1.0 + K * _FLOOR))
    some = np.arange(codes.size)[:: max(1, codes.size // _CALIBRATION_ROWS)]
    sample, own = logs[some], codes[some]

    def loss(log_power: float) -> float:
        fitted = _softmax(np.exp(log_power) * sample)
        return -float(np.log(fitted[np.arange(own.size), own] + 1e-12).mean())

    best = minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded")
    return _softmax(np.exp(float(best.x)) * logs)


def _softmax(z: FloatArray) -> FloatArray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
