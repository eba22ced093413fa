"""What each annotator is worth, and who answers without looking or turns one class into another.

What belongs here: reliability with intervals, the kind of an annotator in words, confusion
matrices. What does not: agreement between annotators (`burnish.consensus.agreement`).

An answer that stands alone in its example says nothing of anybody, and one whose others are at odds
says little: intervals count what the others' answers can tell, not the answers given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import betaincinv

from burnish.consensus.answers import Answers, FloatArray, IntArray
from burnish.consensus.methods import PULL, Fit

KINDS = ("ok", "few answers", "spammer", "adversary")

FEW = 5
"""Answers to examples that others answered too, under which nobody is judged."""

# An answer that tells nothing of the example has a kappa of 0 with the others' consensus.
_NOTHING, _LITTLE, _SURE = 0.05, 0.3, 10
_FLIP = 0.2
_CELLS = 4_000_000

SCHEMA = pa.schema(
    [
        ("annotator_id", pa.string()),
        ("n", pa.int64()),
        ("n_compared", pa.int64()),
        ("reliability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("kind", pa.string()),
        ("flips_from", pa.string()),
        ("flips_to", pa.string()),
    ]
)


@dataclass(frozen=True)
class Compared:
    """Answers to examples that others answered too, beside what their examples seem to be.

    `truth` (n, K) is the consensus of all, `others` (n, K) that of the others.
    """

    answers: Answers
    truth: FloatArray
    others: FloatArray


def compare(answers: Answers, fit: Fit) -> Compared:
    """The answers whose example somebody else answered too, with the consensus of a fit."""
    several = np.bincount(answers.example, minlength=answers.shape[0])[answers.example] > 1
    seen = answers.only(several)
    return Compared(seen, fit.probabilities[seen.example], fit.without_own(seen))


def describe_annotators(answers: Answers, compared: Compared) -> pa.Table:
    """One row an annotator, in the order of their ids.

    `reliability` is the probability of a right answer, drawn towards the mean of all by four
    answers' worth; `low` and `high` are its 95 % interval (a Beta distribution of as many answers
    as the others can judge). `n_compared` counts answers to examples that others answered too.
    `kind`: 'few answers' under five of these; 'adversary' whoever answers one class by another more
    often than not, and more often than people do (`flips_from`, `flips_to`); 'spammer' whose
    answers tell next to nothing of the example (Cohen's kappa with the consensus about 0); else
    'ok'.
    """
    _, A, K = answers.shape
    seen = compared.answers
    n = np.bincount(seen.annotator, minlength=A)
    right, told = _right(compared)
    mean = (right.sum() + 1) / (n.sum() + 2)
    reliability = (right + PULL * mean) / (n + PULL)
    a, b = reliability * (told + PULL), (1 - reliability) * (told + PULL)
    kind = np.full(A, "ok", dtype=object)
    chance, source, target = _from_tables(compared)
    kind[_spammers(right / np.maximum(n, 1), chance, told)] = "spammer"
    kind[source >= 0] = "adversary"
    kind[n < FEW] = "few answers"
    flips = kind == "adversary"
    names = np.array([str(name) for name in answers.classes] + [None], dtype=object)
    return pa.table(
        {
            "annotator_id": [str(name) for name in answers.annotator_ids],
            "n": np.bincount(answers.annotator, minlength=A),
            "n_compared": n,
            "reliability": reliability,
            "low": np.minimum(betaincinv(a, b, 0.025), reliability),
            "high": np.maximum(betaincinv(a, b, 0.975), reliability),
            "kind": kind.tolist(),
            "flips_from": names[np.where(flips, source, K)].tolist(),
            "flips_to": names[np.where(flips, target, K)].tolist(),
        },
        schema=SCHEMA,
    )


def _right(compared: Compared) -> tuple[FloatArray, FloatArray]:
    """By annotator: answers expected to be right, and how many answers the others can judge.

    The second is the Fisher information of the annotator's accuracy, in units of an answer whose
    truth is known: 1 where the others are sure, 0 where they say nothing.
    """
    seen = compared.answers
    _, A, K = seen.shape
    at = np.arange(seen.label.size)
    own, others = compared.truth[at, seen.label], compared.others[at, seen.label]
    n = np.bincount(seen.annotator, minlength=A)
    right: FloatArray = np.bincount(seen.annotator, weights=own, minlength=A).astype(np.float64)
    p = ((right + 1) / (n + 2))[seen.annotator]
    missed = (1 - others) / max(K - 1, 1)
    slope = (others - missed) / (p * others + (1 - p) * missed)
    told = np.minimum(p * (1 - p) * slope**2, 1.0)
    return right, np.bincount(seen.annotator, weights=told, minlength=A).astype(np.float64)


def _spammers(share: FloatArray, chance: FloatArray, told: FloatArray) -> NDArray[np.bool_]:
    """Whose answers agree with the consensus about as often as chance would have them."""
    a, b = share * told + 0.5, (1 - share) * told + 0.5
    room = np.maximum(1 - chance, 1e-9)
    low = (betaincinv(a, b, 0.025) - chance) / room
    high = (betaincinv(a, b, 0.975) - chance) / room
    # Where all examples seem to be of one class, chance explains a good annotator as well.
    return (told >= _SURE) & (low <= _NOTHING) & (high < _LITTLE) & (chance < 0.95)


def _from_tables(compared: Compared) -> tuple[FloatArray, IntArray, IntArray]:
    """By annotator: agreement by chance, the class that is flipped and into which (-1: none)."""
    seen = compared.answers
    _, A, K = seen.shape
    chance = np.zeros(A)
    source, target = np.full(A, -1, dtype=np.int64), np.full(A, -1, dtype=np.int64)
    everybody = np.zeros(seen.label.size, dtype=np.int64)
    crowd = _counts(seen.label, compared.truth, everybody, 1, K)[0] + 0.5
    crowd /= crowd.sum(axis=1, keepdims=True)
    # As many annotators at a time as keeps their tables small.
    step = max(1, _CELLS // (K * K))
    for start in range(0, A, step):
        stop = min(start + step, A)
        label, truth, who = _of_annotators(compared, start, stop)
        counts = _counts(label, truth, who, stop - start, K)
        n = np.maximum(counts.sum(axis=(1, 2)), 1.0)
        chance[start:stop] = (counts.sum(axis=1) * counts.sum(axis=2)).sum(axis=1) / n**2
        if K > 1:
            source[start:stop], target[start:stop] = _clear_flips(counts, crowd)
    return chance, source, target


def _of_annotators(
    compared: Compared, start: int, stop: int
) -> tuple[IntArray, FloatArray, IntArray]:
    """Labels, consensus and annotators (from 0) of the answers of a range of annotators."""
    seen = compared.answers
    if start == 0 and stop == seen.shape[1]:
        return seen.label, compared.truth, seen.annotator
    rows = (seen.annotator >= start) & (seen.annotator < stop)
    return seen.label[rows], compared.truth[rows], seen.annotator[rows] - start


def _counts(label: IntArray, truth: FloatArray, annotator: IntArray, A: int, K: int) -> FloatArray:
    """Expected answers by annotator, true class and given class, shape (A, K, K)."""
    cell = annotator * K + label
    counts = np.empty((A, K, K))
    for k in range(K):
        counts[:, k] = np.bincount(cell, weights=truth[:, k], minlength=A * K).reshape(A, K)
    return counts


def _clear_flips(counts: FloatArray, crowd: FloatArray) -> tuple[IntArray, IntArray]:
    A, K, _ = counts.shape
    of_truth = counts.sum(axis=2, keepdims=True)
    of_all = np.broadcast_to(of_truth, counts.shape)
    # Every pair of classes of everybody is looked at, so one of them has to be very clear.
    likely = counts > 0.5 * of_all
    low = np.zeros(counts.shape)
    low[likely] = betaincinv(counts[likely] + 0.5, (of_all - counts)[likely] + 0.5, 0.005)
    # Somebody who always answers l also does so for k: a flip needs l to be answered for k
    # clearly more often than for other classes.
    elsewhere = (counts.sum(axis=1, keepdims=True) - counts + 0.5) / (
        counts.sum(axis=(1, 2), keepdims=True) - of_truth + 1.0
    )
    clear = (low > 0.5) & (low > crowd + _FLIP) & (low > elsewhere + _FLIP / 2)
    clear[:, np.arange(K), np.arange(K)] = False
    strength = np.where(clear, low, -1.0).reshape(A, K * K)
    best = strength.argmax(axis=1)
    found = strength[np.arange(A), best] > 0
    return np.where(found, best // K, -1), np.where(found, best % K, -1)


def confusion_counts(compared: Compared, annotator: int) -> FloatArray:
    """Expected answers of one annotator by true class (rows) and given class, shape (K, K)."""
    mine = compared.answers.annotator == annotator
    label = compared.answers.label[mine]
    K = compared.answers.shape[2]
    return _counts(label, compared.truth[mine], np.zeros(label.size, dtype=np.int64), 1, K)[0]
