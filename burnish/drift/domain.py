"""Drift of whole rows: a classifier that tells current rows from reference rows, out of sample.

What belongs here: the door `tell_apart`, which also says how much more frequent each row is now.
What does not: the features (`burnish.drift.domain_rows`), conditions in words
(`burnish.drift.describing`), drift of single columns (`burnish.drift.detecting`), or the ratio that
estimates of performance weight rows by (`burnish.drift.performance_density`, which says why that is
another classifier).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift.blocks import block_codes
from burnish.drift.cells import Kind, kind_of
from burnish.drift.describing import conditions_of
from burnish.drift.domain_rows import Feature, features_of
from burnish.drift.records import Where
from burnish.metrics import Interval
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import bounded_limits
from burnish.metrics.ranking import grouped_auroc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEWEST_ROWS = 50
MOST_ROWS = 10_000
FOLDS = 3
MOST_RATIO = 20.0
MOST_COLUMNS = 5
LEAST_PART = 0.005
MOST_PERMUTED = 2_000


@dataclass(frozen=True)
class Apart:
    """Where current rows differ, and the density ratio of every row, current over reference.

    `reference_ratio` (m,) are the weights with which the reference rows look like the current
    ones; `where.ratio` (n,) are those of the current rows.
    """

    where: Where
    reference_ratio: FloatArray


def tell_apart(
    reference: pa.Table,
    current: pa.Table,
    *,
    kinds: Mapping[str, Kind] | None = None,
    reference_blocks: Sequence[object] | None = None,
    current_blocks: Sequence[object] | None = None,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Apart | None:
    """What a classifier learns that is to tell current rows from reference rows; None if too few.

    Gradient boosting over all columns, on at most 10,000 rows a side drawn by `random_state`, in
    three folds: every score is of a model that never saw the row (Lopez-Paz and Oquab 2017,
    'Revisiting classifier two-sample tests'). Rows of one block stay in one fold where a side has
    three blocks or more. The AUROC has DeLong's limits, over blocks where there are any, widened as
    the models of the folds share most of their rows (Nadeau and Bengio 2003). Ratios
    are the odds of the scores, recalibrated out of sample and held to [1/20, 20].

    >>> rng = np.random.default_rng(0)
    >>> before = pa.table({"x": rng.normal(size=500), "y": rng.normal(size=500)})
    >>> after = pa.table({"x": rng.normal(2, 1, size=500), "y": rng.normal(size=500)})
    >>> found = tell_apart(before, after)
    >>> found.where.columns, found.where.low > 0.8
    (('x',), True)
    """
    if min(reference.num_rows, current.num_rows) < FEWEST_ROWS:
        return None
    names = [name for name in reference.column_names if name in current.column_names]
    found = kinds or {name: kind_of(name, reference[name], current[name]) for name in names}
    rng = np.random.default_rng(random_state)
    blocks = (
        block_codes(reference_blocks, reference.num_rows, "reference"),
        block_codes(current_blocks, current.num_rows, "current"),
    )
    features = features_of(reference, current, found)
    if not features:
        return None
    sizes = (reference.num_rows, current.num_rows)
    drawn, folds = _drawn(sizes, blocks, rng)
    truth = (np.arange(sum(sizes)) >= sizes[0]).astype(np.int64)
    scores, parts = _cross_fitted(features, truth, drawn, folds, rng)
    blocked = _joined(blocks, sizes)
    own = None if blocked is None else blocked[drawn]
    area = _area(truth[drawn], scores[drawn], folds[drawn], own, confidence=confidence)
    ratio = _ratios(truth, scores, drawn)
    where = Where(
        auroc=area.value,
        low=area.low,
        high=area.high,
        ratio=ratio[sizes[0] :],
        columns=_leading(parts),
        conditions=conditions_of(
            features, truth, drawn, folds, confidence=confidence, random_state=random_state
        ),
    )
    return Apart(where, ratio[: sizes[0]])


def _drawn(
    sizes: tuple[int, int],
    blocks: tuple[IntArray | None, IntArray | None],
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Which rows are learned from, and the fold of every row."""
    drawn: list[IntArray] = []
    folds: list[IntArray] = []
    for size, own, start in zip(sizes, blocks, (0, sizes[0]), strict=True):
        drawn.append(start + np.sort(rng.permutation(size)[:MOST_ROWS]))
        count = 0 if own is None else int(own.max()) + 1
        if own is not None and count >= FOLDS:
            folds.append((rng.permutation(count) % FOLDS)[own])
        else:
            folds.append(rng.permutation(size) % FOLDS)
    return np.concatenate(drawn), np.concatenate(folds).astype(np.int64)


def _cross_fitted(
    features: list[Feature],
    truth: IntArray,
    drawn: IntArray,
    folds: IntArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, dict[str, float]]:
    """The score of every row by a model of other folds, and what each column adds to the area."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    boosting: Any = HistGradientBoostingClassifier
    make = partial(
        boosting,
        max_iter=60,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        early_stopping=False,
        categorical_features=[bool(feature.names) for feature in features],
    )
    whole = np.column_stack([feature.values for feature in features])
    scores = np.zeros(truth.size)
    parts = {feature.column: 0.0 for feature in features}
    with threadpool_limits(1):
        for fold in range(FOLDS):
            known = drawn[folds[drawn] != fold]
            # Boosting cannot bin a column of which it is shown no value at all.
            matrix = np.where(np.isnan(whole[known]).all(axis=0), 0.0, whole)
            weights = _balanced(truth[known])
            model = make(random_state=int(rng.integers(2**31)))
            model.fit(matrix[known], truth[known], sample_weight=weights)
            left = np.flatnonzero(folds == fold)
            scores[left] = model.predict_proba(matrix[left])[:, 1]
            judged = rng.permutation(drawn[folds[drawn] == fold])[:MOST_PERMUTED]
            plain = _rank_area(truth[judged], scores[judged])
            for column in parts:
                moved = matrix[judged]
                own = [at for at, feature in enumerate(features) if feature.column == column]
                moved[:, own] = moved[rng.permutation(judged.size)][:, own]
                without = model.predict_proba(moved)[:, 1]
                parts[column] += (plain - _rank_area(truth[judged], without)) / FOLDS
    return scores, parts


def _balanced(truth: IntArray) -> FloatArray:
    return 0.5 / np.where(truth == 1, truth.mean(), 1.0 - truth.mean())


def _leading(parts: Mapping[str, float]) -> tuple[str, ...]:
    order = sorted(parts, key=lambda column: -parts[column])
    return tuple(column for column in order if parts[column] > LEAST_PART)[:MOST_COLUMNS]


def _rank_area(truth: IntArray, scores: FloatArray) -> float:
    whole = Groups(np.zeros(truth.size, dtype=np.int64), 1)
    return float(grouped_auroc(truth, scores[:, None] * [[-1.0, 1.0]], whole, columns=[1]).value[0])


def _joined(
    blocks: tuple[IntArray | None, IntArray | None], sizes: tuple[int, int]
) -> IntArray | None:
    if blocks[0] is None and blocks[1] is None:
        return None
    first, second = (
        np.arange(size, dtype=np.int64) if own is None else own
        for own, size in zip(blocks, sizes, strict=True)
    )
    return np.concatenate([first, second + int(first.max()) + 1])


def _area(
    truth: IntArray,
    scores: FloatArray,
    folds: IntArray,
    blocks: IntArray | None,
    *,
    confidence: float,
) -> Interval:
    """The mean area over folds; within each alone, since scores of two models do not compare."""
    found = grouped_auroc(truth, scores[:, None] * [[-1.0, 1.0]], Groups(folds, FOLDS), columns=[1])
    influence = found.influence / FOLDS
    count = int(np.bincount(truth, minlength=2).min())
    if blocks is not None:
        influence = np.bincount(blocks, weights=influence)
        count = min(np.unique(blocks[truth == side]).size for side in (0, 1))
    # The folds share most of what their models learned from (Nadeau and Bengio 2003).
    shared = 1.0 + FOLDS / (FOLDS - 1)
    few = 1.0 if blocks is None else count / max(1, count - 1)
    variance = shared * few * float((influence**2).sum())
    limits = bounded_limits(
        np.array([found.value.mean()]),
        np.array([variance]),
        np.array([count]),
        confidence=confidence,
        freedom=np.array([max(1, count - 1)]),
    )
    return Interval(float(limits.value[0]), float(limits.low[0]), float(limits.high[0]))


def _ratios(truth: IntArray, scores: FloatArray, drawn: IntArray) -> FloatArray:
    """Odds of the scores, their spread brought to what it is worth out of sample (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    odds = np.log(clipped / (1 - clipped))[:, None]
    weights = _balanced(truth[drawn])
    fitted = LogisticRegression(C=1e6).fit(odds[drawn], truth[drawn], sample_weight=weights)
    slope = max(0.0, float(fitted.coef_[0, 0]))
    # Where the scores say nothing, every row is as frequent as it was.
    shift = float(fitted.intercept_[0]) if slope > 0 else 0.0
    return np.clip(np.exp(odds[:, 0] * slope + shift), 1 / MOST_RATIO, MOST_RATIO)
