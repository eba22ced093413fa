"""How sure agreement is: intervals of Krippendorff's alpha, and of Cohen's kappa of pairs.

What belongs here: drawing items again. What does not: the coefficients themselves
(`burnish.consensus.agreement`).

Items are drawn with replacement, as Zapf, Castell, Morawietz and Karch 2016 ('Measuring inter-rater
reliability for nominal data - which coefficients and confidence intervals are appropriate?', BMC
Medical Research Methodology 16:93) recommend for alpha. Drawn from few items that nearly all agree
on, plain percentiles are far too sure: of ten items with kappa 0.81 they cover it in 61 of 100
samples. So one item in n + 1 is drawn from nothing known, its answers at random among the classes;
then the same samples cover it in 95 of 100. `docs/methods/people.md` has the table.
"""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.consensus.agreement import PAIRS, measure_agreement, pair_agreement
from burnish.consensus.answers import Answers, FloatArray
from burnish.errors import DataError
from burnish.metrics import Interval

DRAWS = 1000
PAIR_INTERVALS = pa.schema([*PAIRS, ("kappa_low", pa.float64()), ("kappa_high", pa.float64())])


def alpha_interval(
    answers: Answers, *, confidence: float = 0.95, draws: int = DRAWS, random_state: int = 0
) -> Interval:
    """Krippendorff's alpha with limits, from `draws` samples of the items with two answers or more.

    With no such item, or one class throughout, the value is NaN, low -1 and high 1. Raises
    `DataError` where `confidence` is not inside (0, 1).

    >>> from burnish.consensus.answers import read_answers
    >>> rows = [(n, who, n % 2) for n in range(40) for who in ("ann", "bob")]
    >>> rows[0] = (0, "ann", 1)
    >>> names = ("example_id", "annotator_id", "label")
    >>> answers = read_answers(dict(zip(names, map(list, zip(*rows)), strict=True)))
    >>> found = alpha_interval(answers)
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.95, 0.8, 1.0)
    """
    _check(confidence)
    value = measure_agreement(answers).alpha
    votes = answers.votes()
    votes = votes[votes.sum(axis=1) > 1]
    if votes.shape[0] == 0 or isnan(value):
        return Interval(nan, -1.0, 1.0)
    rng = np.random.default_rng(random_state)
    return _limits(value, _alphas(_drawn(votes, draws, rng)), confidence)


def pair_intervals(
    answers: Answers,
    *,
    most: int = 100,
    confidence: float = 0.95,
    draws: int = DRAWS,
    random_state: int = 0,
) -> pa.Table:
    """The pairs of `burnish.consensus.agreement.pair_agreement`, with limits of their kappa.

    Those `most` pairs that have most examples in common. The limits are null where kappa is.
    Raises `DataError` where `confidence` is not inside (0, 1).
    """
    _check(confidence)
    pairs = pair_agreement(answers).slice(0, most)
    place = {str(name): at for at, name in enumerate(answers.annotator_ids)}
    low: list[float | None] = []
    high: list[float | None] = []
    rng = np.random.default_rng(random_state)
    for row in pairs.to_pylist():
        counts = _table(answers, place[row["annotator_a"]], place[row["annotator_b"]])
        kappa = row["kappa"]
        found = None if kappa is None else _of_pair(kappa, counts, confidence, draws, rng)
        low.append(found and found.low)
        high.append(found and found.high)
    return pairs.append_column("kappa_low", pa.array(low, pa.float64())).append_column(
        "kappa_high", pa.array(high, pa.float64())
    )


def _of_pair(
    kappa: float, counts: FloatArray, confidence: float, draws: int, rng: np.random.Generator
) -> Interval:
    n, cells = int(counts.sum()), counts.size
    chances = (counts.ravel() + 1.0 / cells) / (n + 1)
    tables = rng.multinomial(n, chances, size=draws).reshape(draws, *counts.shape)
    agreed = np.trace(tables, axis1=1, axis2=2) / n
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    return _limits(kappa, _beyond(agreed, chance), confidence)


def _table(answers: Answers, a: int, b: int) -> FloatArray:
    """How often `a` answered one class where `b` answered another, shape (K, K)."""
    K = answers.shape[2]
    first, second = answers.annotator == a, answers.annotator == b
    _, here, there = np.intersect1d(
        answers.example[first], answers.example[second], assume_unique=True, return_indices=True
    )
    cell = answers.label[first][here] * K + answers.label[second][there]
    return np.bincount(cell, minlength=K * K).reshape(K, K).astype(np.float64)


def _drawn(votes: FloatArray, draws: int, rng: np.random.Generator) -> list[FloatArray]:
    """Sums over the items of each draw that alpha is made of, (draws,) and (draws, K).

    Items with the same votes are one: there are far fewer of these than items.
    """
    kinds, number = np.unique(votes, axis=0, return_counts=True)
    n, K = int(number.sum()), votes.shape[1]
    unknown = rng.binomial(n, 1.0 / (n + 1), size=draws)
    times = np.stack([rng.multinomial(n - out, number / n) for out in unknown.tolist()])
    size = max(2, round(votes.sum() / n))
    extra = rng.multinomial(size, np.full(K, 1.0 / K), size=int(unknown.sum())).astype(np.float64)
    of_draw = np.repeat(np.arange(draws), unknown)
    same = times @ _same(kinds)
    classes = times @ kinds
    np.add.at(same, of_draw, _same(extra))
    np.add.at(classes, of_draw, extra)
    return [same, classes]


def _same(votes: FloatArray) -> FloatArray:
    """Pairs of equal answers of an item, by answer: what it adds to the agreement seen."""
    n = votes.sum(axis=1)
    return (votes * (votes - 1)).sum(axis=1) / np.maximum(n - 1, 1)


def _alphas(sums: list[FloatArray]) -> FloatArray:
    same, classes = sums
    total = classes.sum(axis=1)
    chance = (classes * (classes - 1)).sum(axis=1) / (total * (total - 1))
    return _beyond(same / total, chance)


def _beyond(observed: FloatArray, chance: FloatArray) -> FloatArray:
    """Agreement beyond chance; draws that chance explains wholly are left out."""
    told: NDArray[np.bool_] = chance < 1
    return (observed[told] - chance[told]) / (1 - chance[told])


def _limits(value: float, drawn: FloatArray, confidence: float) -> Interval:
    if drawn.size == 0:
        return Interval(value, -1.0, 1.0)
    tail = (1.0 - confidence) / 2
    low, high = (float(limit) for limit in np.quantile(drawn, [tail, 1.0 - tail]))
    return Interval(value, min(low, value), max(high, value))


def _check(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1), say 0.95")
