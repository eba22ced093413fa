"""Consensus by counting, and by one number an annotator: the two methods of few parameters.

What belongs here: majority and worker reliability, and what any fit has to answer. What does not:
full confusion matrices (`burnish.consensus.tables`) and the choice between methods
(`burnish.consensus.choosing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from burnish.consensus.answers import Answers, FloatArray

SMOOTHING = 1.0
"""Answers' worth of doubt that majority shares out evenly over the classes."""

PULL = 4.0
"""Answers' worth by which an annotator is drawn towards all annotators together."""


class Fit(Protocol):
    """What every method gives: probabilities (N, K), and two questions about single answers.

    `answer_probability` is how probable the fit holds the given answers, shape (n,);
    `without_own` is what the probabilities of their examples would be without each of them,
    shape (n, K), all else being equal. Both are asked of any `Answers` over the same ids.
    """

    @property
    def probabilities(self) -> FloatArray: ...

    def answer_probability(self, answers: Answers) -> FloatArray: ...

    def without_own(self, answers: Answers) -> FloatArray: ...


@dataclass(frozen=True)
class MajorityFit:
    """Shares of the votes, and how often an answer agrees with them."""

    probabilities: FloatArray
    votes: FloatArray
    accuracy: float

    def answer_probability(self, answers: Answers) -> FloatArray:
        own = self.probabilities[answers.example, answers.label]
        return _coin(own, np.full(own.size, self.accuracy), answers.shape[2])

    def without_own(self, answers: Answers) -> FloatArray:
        votes = self.votes[answers.example]
        votes[np.arange(votes.shape[0]), answers.label] -= 1.0
        return _shares(votes)


@dataclass(frozen=True)
class ReliabilityFit:
    """Probabilities, and for each annotator the probability of a right answer, shape (A,)."""

    probabilities: FloatArray
    accuracy: FloatArray

    def answer_probability(self, answers: Answers) -> FloatArray:
        own = self.probabilities[answers.example, answers.label]
        return _coin(own, self.accuracy[answers.annotator], answers.shape[2])

    def without_own(self, answers: Answers) -> FloatArray:
        K = answers.shape[2]
        right = self.accuracy[answers.annotator]
        likelihood = np.repeat(((1 - right) / max(K - 1, 1))[:, None], K, axis=1)
        likelihood[np.arange(right.size), answers.label] = right
        return normalised(self.probabilities[answers.example] / likelihood)


def majority(answers: Answers, *, offset: FloatArray | None = None) -> MajorityFit:
    """Smoothed shares of the votes.

    `offset` (N, K) is added to the logarithm of the shares: what is known of an example besides
    its answers (a gold label, a model).
    """
    votes = answers.votes()
    q = _shares(votes)
    if offset is not None:
        q = normalised(q * np.exp(offset - offset.max(axis=1, keepdims=True)))
    agreed = q[answers.example, answers.label].sum()
    return MajorityFit(q, votes, float((agreed + 1) / (answers.label.size + 2)))


def reliability(
    answers: Answers,
    *,
    offset: FloatArray | None = None,
    class_prior: bool = True,
    start: FloatArray | None = None,
    rounds: int = 100,
    tolerance: float = 1e-5,
) -> ReliabilityFit:
    """Every annotator is right with a probability of their own, wrong classes being alike.

    The 'one coin' variant of Dawid and Skene (1979), with each annotator drawn towards the mean
    of all by four answers' worth, so that three answers do not make an expert. `offset` (N, K) is
    added to the log-probabilities; `class_prior` says whether how common a class is counts.
    It begins at `start` (N, K), by default the shares of the votes, and stops when the
    probabilities of an example move by less than `tolerance` on average.
    """
    N, A, K = answers.shape
    given = np.bincount(answers.annotator, minlength=A)
    cell = answers.example * K + answers.label
    fixed = np.zeros((N, K)) if offset is None else offset
    q = majority(answers, offset=offset).probabilities if start is None else start
    accuracy = np.full(A, 0.5)
    for _ in range(rounds):
        right = np.bincount(answers.annotator, weights=q.ravel()[cell], minlength=A)
        mean = (right.sum() + 1) / (given.sum() + 2)
        accuracy = (right + PULL * mean) / (given + PULL)
        evidence = np.log(accuracy * max(K - 1, 1) / (1 - accuracy))
        score = fixed + np.bincount(
            cell, weights=evidence[answers.annotator], minlength=N * K
        ).reshape(N, K)
        if class_prior:
            score = score + np.log(q.sum(axis=0) + 1.0)
        before, q = q, softmax(score)
        if np.abs(q - before).sum() < tolerance * N:
            break
    return ReliabilityFit(q, accuracy)


def softmax(scores: FloatArray) -> FloatArray:
    """Rows of log-scores as probabilities."""
    return normalised(np.exp(scores - scores.max(axis=1, keepdims=True)))


def normalised(weights: FloatArray) -> FloatArray:
    """Rows scaled to sum to 1."""
    # A product with ones sums short rows several times as fast as a reduction along them.
    return weights / (weights @ np.ones(weights.shape[1]))[:, None]


def _shares(votes: FloatArray) -> FloatArray:
    return normalised(votes + SMOOTHING / votes.shape[1])


def _coin(own: FloatArray, right: FloatArray, n_classes: int) -> FloatArray:
    if n_classes == 1:
        return np.ones(own.size)
    return own * right + (1 - own) * (1 - right) / (n_classes - 1)
