"""What changed between two classifiers, for all slices of one slicing at once.

What belongs here: one function a metric of classes from the rows of a slicing to a `Change`.
What does not: limits of a change (`burnish.slices.comparing_limits`), metrics of numbers
(`burnish.slices.comparing_numbers`), nor metrics of one model (`burnish.slices.measures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.binning import grouped_equal_mass_bins
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, ratio
from burnish.metrics.ranking import grouped_auroc
from burnish.slices.comparing_changes import Change, of_folded, of_means, where_few

MIN_RARER = 10
BINS = 15


@dataclass(frozen=True)
class Pairs:
    """Rows of a slicing with true label and two predictions as codes, as `Classified` has one."""

    groups: Groups
    true: IntArray
    before: IntArray
    after: IntArray
    labels: int
    positive: int | None
    truth: IntArray | None
    probs: tuple[FloatArray, FloatArray] | None
    positive_column: int | None
    support: IntArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "support", self.groups.count())

    @cached_property
    def relabelled(self) -> IntArray:
        """Rows predicted otherwise after than before, by slice."""
        return self.groups.total(self.before != self.after).astype(np.int64)

    @cached_property
    def rescored(self) -> IntArray:
        """Rows with other probabilities after than before, by slice."""
        _, before, after = self.scored
        return self.groups.total((before != after).any(axis=1)).astype(np.int64)

    @property
    def scored(self) -> tuple[IntArray, FloatArray, FloatArray]:
        assert self.truth is not None
        assert self.probs is not None
        return self.truth, *self.probs


@dataclass(frozen=True)
class _Share:
    """A ratio of counts of one model: value, each row's part in its error, rows it rests on."""

    value: FloatArray
    influence: FloatArray
    rests: FloatArray


def _accuracy(rows: Pairs) -> Change:
    return _proportion(rows, np.ones(rows.true.size, dtype=bool))


def _recall(rows: Pairs) -> Change:
    if rows.positive is None:
        return _of_shares(rows, partial(_mean_share, by_prediction=False), rows.support)
    return _proportion(rows, rows.true == rows.positive)


def _proportion(rows: Pairs, among: NDArray[np.bool_]) -> Change:
    """Share predicted right among some rows: the same rows for both models."""
    right = (rows.before == rows.true) & among, (rows.after == rows.true) & among
    n = rows.groups.total(among).astype(np.int64)
    before, after = (ratio(rows.groups.total(one), n) for one in right)
    gained, lost = right[1] & ~right[0], right[0] & ~right[1]
    code = rows.groups.codes
    step = gained.astype(np.float64) - lost - (after - before)[code]
    influence = np.where(among, step * ratio(np.ones(n.size), n)[code], 0.0)
    return Change(
        before, after, influence, n, n, rows.relabelled, np.ones(n.size), gained=gained, lost=lost
    )


def _precision(rows: Pairs) -> Change:
    if rows.positive is None:
        return _of_shares(rows, partial(_mean_share, by_prediction=True), rows.support)
    called = (rows.before == rows.positive) | (rows.after == rows.positive)
    return _of_shares(rows, _called_right, rows.groups.total(called).astype(np.int64))


def _f1(rows: Pairs) -> Change:
    if rows.positive is None:
        return _f1_macro(rows)
    at = rows.positive
    either = (rows.true == at) | (rows.before == at) | (rows.after == at)
    return _of_shares(rows, _f1_of_positive, rows.groups.total(either).astype(np.int64))


def _f1_macro(rows: Pairs) -> Change:
    return _of_shares(rows, _f1_mean, rows.support)


def _of_shares(rows: Pairs, share: Callable[[Pairs, IntArray], _Share], asked: IntArray) -> Change:
    before, after = share(rows, rows.before), share(rows, rows.after)
    return Change(
        before.value,
        after.value,
        np.nan_to_num(after.influence - before.influence),
        asked,
        np.minimum(before.rests, after.rests),
        rows.relabelled,
        np.ones(rows.groups.size),
    )


def _called_right(rows: Pairs, predicted: IntArray) -> _Share:
    called = predicted == rows.positive
    n = rows.groups.total(called)
    value = ratio(rows.groups.total(called & (rows.true == predicted)), n)
    code = rows.groups.codes
    part = ratio((rows.true == predicted) - value[code], n[code])
    return _Share(value, np.where(called, part, 0.0), n)


def _f1_of_positive(rows: Pairs, predicted: IntArray) -> _Share:
    inside, called = rows.true == rows.positive, predicted == rows.positive
    both = rows.groups.total(inside) + rows.groups.total(called)
    value = ratio(2 * rows.groups.total(inside & called), both)
    code = rows.groups.codes
    part = 2.0 * (inside & called) - value[code] * (inside.astype(np.float64) + called)
    return _Share(value, ratio(part, both[code]), both / 2)


def _mean_share(rows: Pairs, predicted: IntArray, *, by_prediction: bool) -> _Share:
    """Hits out of each label's rows, true or predicted, as a mean over the labels that occur."""
    own = predicted if by_prediction else rows.true
    right = rows.true == predicted
    asked = rows.groups.table(own, rows.labels)
    hits = rows.groups.take(right).table(rows.true[right], rows.labels)
    shares = ratio(hits, asked)
    cell = rows.groups.codes * rows.labels + own
    return _over_labels(rows, shares, (right - shares.ravel()[cell]) / asked.ravel()[cell], asked)


def _f1_mean(rows: Pairs, predicted: IntArray) -> _Share:
    right = rows.true == predicted
    hits = rows.groups.take(right).table(rows.true[right], rows.labels)
    both = rows.groups.table(rows.true, rows.labels) + rows.groups.table(predicted, rows.labels)
    shares = ratio(2 * hits, both)
    base = rows.groups.codes * rows.labels
    of_true, of_called = base + rows.true, base + predicted
    each, total = shares.ravel(), both.ravel()
    part = (2.0 * right - each[of_true]) / total[of_true] - each[of_called] / total[of_called]
    return _over_labels(rows, shares, part, both / 2)


def _over_labels(
    rows: Pairs, shares: FloatArray, influence: FloatArray, asked: FloatArray | IntArray
) -> _Share:
    occurring = (asked > 0).sum(axis=1)
    weight = ratio(np.ones(occurring.size), occurring)
    fewest = np.where(asked > 0, asked, np.inf).min(axis=1)
    return _Share(
        ratio(np.nansum(shares, axis=1), occurring),
        influence * weight[rows.groups.codes],
        # The mean is no surer than if every label had as few rows as the rarest.
        np.minimum(rows.support, np.where(occurring > 0, fewest, 0) * occurring),
    )


def _auroc(rows: Pairs) -> Change:
    truth, *both = rows.scored
    column = rows.positive_column
    chosen = range(both[0].shape[1]) if column is None else [column]
    before, after = (grouped_auroc(truth, one, rows.groups, columns=chosen) for one in both)
    rarer = before.rarer
    return Change(
        before.value,
        after.value,
        after.influence - before.influence,
        rows.support,
        rarer,
        rows.rescored,
        where_few(rows.rescored, np.ones(rows.groups.size)),
        few=rarer < MIN_RARER,
    )


def _log_loss(rows: Pairs) -> Change:
    truth, *both = rows.scored
    own = (np.clip(one[np.arange(truth.size), truth], np.finfo(float).eps, 1) for one in both)
    before, after = (-np.log(one) for one in own)
    return of_means(rows.groups, before, after, rows.rescored)


def _brier(rows: Pairs) -> Change:
    truth, *both = rows.scored
    before, after = (
        (one**2).sum(axis=1) - 2 * one[np.arange(truth.size), truth] + 1 for one in both
    )
    return of_means(rows.groups, before, after, rows.rescored)


def _ece(rows: Pairs) -> Change:
    truth, *both = rows.scored
    gaps: list[FloatArray] = []
    cells: list[Groups] = []
    for one in both:
        sure = one.max(axis=1)
        gaps.append((one.argmax(axis=1) == truth) - sure)
        bins = grouped_equal_mass_bins(sure, rows.groups, BINS)
        cells.append(Groups(rows.groups.codes * BINS + bins, rows.groups.size * BINS))
    return of_folded(rows.groups, gaps, cells, rows.rescored, np.ones(rows.groups.size))


CHANGES_OF_CLASSES: Mapping[str, Callable[[Pairs], Change]] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "f1_macro": _f1_macro,
    "auroc": _auroc,
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
}
