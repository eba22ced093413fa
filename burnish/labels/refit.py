"""Probabilities of error, refitted to what reviewers found.

What belongs here: correcting the level and the slope of a score by verdicts, a small combination of
signals, and whether either is kept. What does not: the score (`burnish.labels.errors`), or which
verdicts and signals there are (`burnish.workflows.refit`).

Two candidates stand against the static probability, with L its log-odds:

- *recalibrated*: logistic(a + b L) with b > 0, which keeps the order of the rows (Platt 1999;
  Cox 1958, 'Two further applications of a model for binary regression'). Priors pull a to 0
  and b to 1, so that few verdicts change little;
- *combined*: the same with a ridge-penalised sum of the signals added.

What is fitted is what reviewers say, so they stand in the likelihood: they call a row wrong with
probability r + (1 - m - r) P, where m and r are how often they miss a wrong label and break a right
one. Both are fitted with a prior of 3 % that weighs as much as 30 rows, to which counts on gold
items are added. Without this, rows that are never wrong would get the reviewers' own error rate.

Verdicts fall on rows of high score. That needs no weights: given the score, which the candidates
condition on, whether a row was picked says nothing more of its label. Weights of 1 / inclusion
probability lay the fit on the few control rows; in our measurements they made it worse.

A candidate is kept where its log-loss in five-fold cross-validation, of verdicts, is below the
static one's by more than one standard error of the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from burnish.labels.rate import ReviewerCounts, checked_counts
from burnish.labels.reviewed import (
    FOLDS,
    FloatArray,
    Kind,
    ReviewerPrior,
    Scale,
    Verdicts,
    checked_probabilities,
    checked_signal,
    fit_verdicts,
    log_odds,
    logistic,
)

Losses = dict[Kind, FloatArray]

FEWEST = 20


@dataclass(frozen=True)
class Candidate:
    """Cross-validated log-loss in nats a verdict; how far below the static one's, and its error."""

    kind: Kind
    log_loss: float
    better_by: float
    standard_error: float


@dataclass(frozen=True)
class Refit:
    """What became of the probability of error after `n` verdicts.

    `kind` is the candidate that was kept, `why` says why in words. The probability is
    logistic(level + slope x log-odds + the weighted signals). `missed` and `broken` are the
    reviewers' error rates as fitted: of wrong labels, of right ones.
    """

    kind: Kind
    why: str
    n: int
    level: float = 0.0
    slope: float = 1.0
    signals: Mapping[str, Scale] = field(default_factory=dict[str, Scale])
    missed: float = 0.0
    broken: float = 0.0
    candidates: tuple[Candidate, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether verdicts changed the probability at all."""
        return self.kind != "static"

    def error_probability(
        self, static: ArrayLike, signals: Mapping[str, ArrayLike] | None = None
    ) -> FloatArray:
        """The probability of any rows, shape (n,) in [0, 1], from their static probability.

        A combination needs the `signals` it was fitted with, each (n,). Raises `DataError` where
        one is missing or not finite, or a probability is outside [0, 1].
        """
        probability = checked_probabilities(static)
        if not self.kept:
            return probability
        score = self.level + self.slope * log_odds(probability)
        for name, scale in self.signals.items():
            values = checked_signal(name, signals or {}, probability.size)
            score = score + scale.weight * scale.scaled(values)
        return logistic(score)

    def to_table(self) -> pa.Table:
        """A row a candidate: kind, log_loss, better_by, standard_error, kept."""
        rows = [
            {
                "kind": one.kind,
                "log_loss": one.log_loss,
                "better_by": one.better_by,
                "standard_error": one.standard_error,
                "kept": one.kind == self.kind,
            }
            for one in self.candidates
        ]
        numbers = [(name, pa.float64()) for name in ("log_loss", "better_by", "standard_error")]
        schema = pa.schema([("kind", pa.string()), *numbers, ("kept", pa.bool_())])
        return pa.Table.from_pylist(rows, schema=schema)


def refit_error_probability(
    error_probability: ArrayLike,
    wrong: ArrayLike,
    *,
    signals: Mapping[str, ArrayLike] | None = None,
    reviewers: ReviewerCounts | tuple[int, int, int, int] | None = None,
    weights: ArrayLike | None = None,
) -> Refit:
    """Fit the probability of error to verdicts; say whether that is kept, and why.

    Row by row of the verdicts, as it was when the row was picked: `error_probability` (m,) in
    [0, 1]; `wrong` (m,) whether reviewers changed or dropped the label; `signals` by name, each
    (m,), any finite numbers. `reviewers` are their counts on gold items. `weights` (m,) multiply
    the verdicts in the likelihood; see the module for why there are none by default. The order of
    the rows has no influence. With fewer than 20 verdicts the static probability stays.

    Raises `DataError` on shapes that differ, NaN, or numbers out of their range.

    >>> rng = np.random.default_rng(0)
    >>> static = rng.random(400)
    >>> wrong = rng.random(400) < 1 / (1 + (1 / static - 1) * np.exp(2))
    >>> found = refit_error_probability(static, wrong)
    >>> found.kind, [float(round(p, 1)) for p in found.error_probability([0.2, 0.5])]
    ('recalibrated', [0.0, 0.1])
    """
    verdicts = Verdicts.read(error_probability, wrong, signals or {}, weights)
    counts = None if reviewers is None else checked_counts(reviewers)
    n = verdicts.wrong.size
    if n < FEWEST:
        return Refit("static", f"{n} verdicts; {FEWEST} are needed to refit anything", n)
    prior = ReviewerPrior.of(counts)
    losses: Losses = {kind: _held_out_loss(verdicts, prior, kind) for kind in _kinds(verdicts)}
    candidates = tuple(_candidate(kind, losses, verdicts.weights) for kind in losses)
    kind = _chosen(losses, verdicts.weights)
    fit = fit_verdicts(verdicts, prior, kind)
    scales = {
        name: Scale(scale.low, scale.high, float(weight))
        for (name, scale), weight in zip(verdicts.scales.items(), fit.weights, strict=True)
        if kind == "combined"
    }
    return Refit(
        kind,
        _why(kind, candidates, n),
        n,
        level=fit.level,
        slope=fit.slope,
        signals=scales,
        missed=fit.missed,
        broken=fit.broken,
        candidates=candidates,
    )


def _kinds(verdicts: Verdicts) -> tuple[Kind, ...]:
    return ("static", "recalibrated", "combined") if verdicts.scales else ("static", "recalibrated")


def _held_out_loss(verdicts: Verdicts, prior: ReviewerPrior, kind: Kind) -> FloatArray:
    """Log-loss of each verdict by a fit to the other folds."""
    folds = verdicts.folds()
    losses = np.empty(folds.size)
    for fold in range(FOLDS):
        out = folds == fold
        rows = verdicts.take(out)
        called = np.clip(
            fit_verdicts(verdicts.take(~out), prior, kind).called(rows), 1e-12, 1 - 1e-12
        )
        losses[out] = -np.where(rows.wrong > 0, np.log(called), np.log1p(-called))
    return losses


def _candidate(kind: Kind, losses: Losses, weights: FloatArray) -> Candidate:
    gain, error = _gain(losses["static"], losses[kind], weights)
    return Candidate(kind, float(np.average(losses[kind], weights=weights)), gain, error)


def _gain(before: FloatArray, after: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Mean of the paired difference, and its standard error."""
    difference = before - after
    mean = float(np.average(difference, weights=weights))
    share = weights / weights.sum()
    return mean, float(np.sqrt((share**2) @ (difference - mean) ** 2))


def _chosen(losses: Losses, weights: FloatArray) -> Kind:
    """The richest candidate that beats each simpler one by more than one standard error."""
    chosen: Kind = "static"
    for kind in losses:
        simpler: set[Kind] = {"static", chosen}
        gains = [_gain(losses[other], losses[kind], weights) for other in simpler]
        if kind != "static" and all(gain > error for gain, error in gains):
            chosen = kind
    return chosen


def _why(kind: Kind, candidates: tuple[Candidate, ...], n: int) -> str:
    told = "; ".join(
        f"{one.kind} {one.better_by:+.4f} (standard error {one.standard_error:.4f})"
        for one in candidates
        if one.kind != "static"
    )
    return (
        f"{kind} after {n} verdicts. Nats a verdict gained over the static probability, "
        f"cross-validated: {told}. A candidate must gain more than one standard error"
    )
