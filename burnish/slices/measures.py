"""Each metric, for all slices of one slicing at once.

What belongs here: the rows of a slicing as integer codes, and one function a metric from them to
values with limits. What does not: arithmetic by group (`burnish.metrics`), nor the table that
comes of it (`burnish.slices.measuring`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from burnish.metrics import expected_calibration_error
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, ratio
from burnish.metrics.limits import Estimates, bounded_limits, mean_limits, wilson_limits
from burnish.metrics.ranking import grouped_auroc


@dataclass(frozen=True)
class Classified:
    """Rows of a slicing with their labels as codes.

    `true` and `predicted` are positions among `labels` labels in all, `positive` one of them or
    None. `truth` is the true column of `probs`; both are None where no probabilities were given.
    """

    groups: Groups
    true: IntArray
    predicted: IntArray
    labels: int
    positive: int | None
    truth: IntArray | None
    probs: FloatArray | None
    positive_column: int | None
    confidence: float

    @cached_property
    def _counts(self) -> IntArray:
        """Rows by slice, true label, and whether predicted right: one pass gives all below."""
        right = self.true == self.predicted
        marked = 2 * (self.groups.codes * self.labels + self.true) + right
        shape = (self.groups.size, self.labels, 2)
        return np.bincount(marked, minlength=prod(shape)).astype(np.int64).reshape(shape)

    @cached_property
    def rows(self) -> IntArray:
        return self.support.sum(axis=1)

    @cached_property
    def right(self) -> IntArray:
        """Rows predicted right, by slice."""
        return self.hits.sum(axis=1)

    @cached_property
    def rarer(self) -> IntArray:
        """Rows of the rarer of right and wrong, by slice."""
        return np.minimum(self.right, self.rows - self.right)

    @cached_property
    def support(self) -> IntArray:
        """Rows by slice and true label, shape (G, labels)."""
        return self._counts.sum(axis=2)

    @cached_property
    def guessed(self) -> IntArray:
        """Rows by slice and predicted label."""
        return self.groups.table(self.predicted, self.labels)

    @cached_property
    def hits(self) -> IntArray:
        """Rows predicted right, by slice and label."""
        return self._counts[:, :, 1]


@dataclass(frozen=True)
class Measured:
    """A metric of every slice; `rarer` counts the rarer outcome where the limits rest on it."""

    found: Estimates
    rarer: IntArray | None = None


def _accuracy(rows: Classified) -> Measured:
    return Measured(wilson_limits(rows.right, rows.rows, confidence=rows.confidence), rows.rarer)


def _precision(rows: Classified) -> Measured:
    return _of_positive(rows, rows.guessed)


def _recall(rows: Classified) -> Measured:
    return _of_positive(rows, rows.support)


def _of_positive(rows: Classified, asked: IntArray) -> Measured:
    """Hits out of `asked`: a proportion for a positive class, else its mean over the classes."""
    if rows.positive is None:
        own = rows.true if asked is rows.support else rows.predicted
        right = (rows.true == rows.predicted).astype(np.float64)
        cell = rows.groups.codes * rows.labels + own
        shares = ratio(rows.hits, asked)
        return _mean_over_labels(
            rows, shares, (right - shares.ravel()[cell]) / asked.ravel()[cell], asked
        )
    hits, n = rows.hits[:, rows.positive], asked[:, rows.positive]
    found = wilson_limits(hits, n, confidence=rows.confidence)
    return Measured(found, np.minimum(hits, n - hits))


def _f1(rows: Classified) -> Measured:
    """F1 of the positive class: 2 j / (1 + j), j the hits among the rows that are not both other.

    It rises with j, a plain proportion, so that Wilson's limits of j turn into limits of F1.
    """
    if rows.positive is None:
        return _f1_macro(rows)
    at = rows.positive
    hits = rows.hits[:, at]
    n = rows.support[:, at] + rows.guessed[:, at] - hits
    found = wilson_limits(hits, n, confidence=rows.confidence)
    value, low, high = (2 * j / (1 + j) for j in (found.value, found.low, found.high))
    return Measured(Estimates(value, low, high), np.minimum(hits, n - hits))


def _f1_macro(rows: Classified) -> Measured:
    both = rows.support + rows.guessed
    shares = ratio(2 * rows.hits, both)
    base = rows.groups.codes * rows.labels
    true, predicted = base + rows.true, base + rows.predicted
    each, total = shares.ravel(), both.ravel()
    right = (rows.true == rows.predicted).astype(np.float64)
    influence = (2 * right - each[true]) / total[true] - each[predicted] / total[predicted]
    return _mean_over_labels(rows, shares, influence, both)


def _mean_over_labels(
    rows: Classified, shares: FloatArray, influence: FloatArray, asked: IntArray
) -> Measured:
    """Mean over the labels that occur, its variance by the influence of each row (delta method)."""
    occurring = (asked > 0).sum(axis=1)
    value = ratio(np.nansum(shares, axis=1), occurring)
    variance = rows.groups.total(influence**2) * ratio(np.ones(occurring.size), occurring) ** 2
    fewest = np.where(asked > 0, asked, np.iinfo(np.int64).max).min(axis=1)
    # The mean can be no surer than if every label had as few rows as the rarest.
    sure = np.minimum(rows.rows, fewest.astype(np.float64) * occurring)
    found = bounded_limits(value, variance, sure, confidence=rows.confidence)
    return Measured(found, np.minimum(rows.rarer, fewest))


def _auroc(rows: Classified) -> Measured:
    truth, probs = _probabilities(rows)
    chosen = range(probs.shape[1]) if rows.positive_column is None else [rows.positive_column]
    area = grouped_auroc(truth, probs, rows.groups, columns=chosen)
    return Measured(area.limits(rows.confidence), area.rarer)


def _log_loss(rows: Classified) -> Measured:
    truth, probs = _probabilities(rows)
    own = np.clip(probs[np.arange(truth.size), truth], np.finfo(np.float64).eps, 1.0)
    return _of_mean(rows, -np.log(own))


def _brier(rows: Classified) -> Measured:
    truth, probs = _probabilities(rows)
    own = probs[np.arange(truth.size), truth]
    return _of_mean(rows, (probs**2).sum(axis=1) - 2 * own + 1)


def _of_mean(rows: Classified, losses: FloatArray) -> Measured:
    found = mean_limits(losses, rows.groups, confidence=rows.confidence)
    return Measured(Estimates(found.value, np.maximum(0.0, found.low), found.high), rows.rarer)


def _ece(rows: Classified) -> Measured:
    truth, probs = _probabilities(rows)
    columns = range(probs.shape[1])
    value = by_slice(
        rows.groups,
        lambda chosen: expected_calibration_error(truth[chosen], probs[chosen], classes=columns),
    )
    unknown = np.full(value.size, np.nan)
    return Measured(Estimates(value, unknown, unknown))


def _support(rows: Classified) -> Measured:
    unknown = np.full(rows.groups.size, np.nan)
    return Measured(Estimates(rows.rows.astype(np.float64), unknown, unknown))


def by_slice(groups: Groups, measure: Callable[[NDArray[np.intp]], float]) -> FloatArray:
    """A number of the rows of each slice, for what cannot be had in one pass; NaN where empty."""
    order = np.argsort(groups.codes, kind="stable")
    ends = np.cumsum(groups.count())
    parts: Sequence[NDArray[np.intp]] = np.split(order, ends)[: groups.size]
    return np.array([measure(part) if part.size else np.nan for part in parts], dtype=np.float64)


def _probabilities(rows: Classified) -> tuple[IntArray, FloatArray]:
    assert rows.truth is not None
    assert rows.probs is not None
    return rows.truth, rows.probs


CLASSIFIED: Mapping[str, Callable[[Classified], Measured]] = {
    "support": _support,
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
NEED_PROBS = frozenset({"auroc", "log_loss", "brier", "ece"})
