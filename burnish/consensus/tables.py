"""Consensus by a full table an annotator: Dawid and Skene, and the same with kinds of examples.

What belongs here: the variational fit of annotators' confusion tables. What does not: methods
with one number an annotator (`burnish.consensus.methods`), the compiled loops
(`burnish.consensus.kernels`), or the choice between methods (`burnish.consensus.choosing`).

With one kind this is the model of Dawid and Skene (1979, 'Maximum likelihood estimation of
observer error-rates using the EM algorithm') in its Bayesian form (Kim and Ghahramani 2012): each
row of a table has a Dirichlet prior that favours the right answer, so that little is believed of
whoever answered little. With two kinds, the examples of a class may be easy or hard, and on hard
ones annotators err together: Li, Rubinstein and Cohn 2019, 'Exploiting worker correlation for
label aggregation in crowdsourcing' (EBCC). Where answers to an example depend on each other, plain
Dawid-Skene takes the dependence for truth; this one need not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma

from burnish.consensus.answers import Answers, FloatArray
from burnish.consensus.methods import normalised, softmax

RIGHT, WRONG = 4.0, 1.0
"""Prior counts of an annotator's table, on its diagonal and off it."""

_CLASS_COUNT = 1.0
_KIND_COUNT = 0.1
COMPILED_FROM = 100_000
"""Answers from which the compiled loops pay for their start."""


@dataclass(frozen=True)
class TableFit:
    """Probabilities of class and kind, and what each annotator answers to each of them.

    `states` (N, K * M) has the kinds of a class side by side; `counts` (A, K, K * M) are prior and
    expected answers: which label, in which state.
    """

    states: FloatArray
    counts: FloatArray

    @property
    def probabilities(self) -> FloatArray:
        return _classes(self.states, self.counts.shape[1])

    def answer_probability(self, answers: Answers) -> FloatArray:
        mean = self.counts / self.counts.sum(axis=1, keepdims=True)
        return np.einsum(
            "ns,ns->n", self.states[answers.example], mean[answers.annotator, answers.label]
        )

    def without_own(self, answers: Answers) -> FloatArray:
        own = _expected_log(self.counts)[answers.annotator, answers.label]
        return _classes(normalised(self.states[answers.example] * np.exp(-own)), answers.shape[2])


def dawid_skene(
    answers: Answers,
    *,
    kinds: int = 1,
    offset: FloatArray | None = None,
    class_prior: bool = True,
    rounds: int = 200,
    tolerance: float = 1e-4,
) -> TableFit:
    """Variational Bayes for annotators' confusion tables, from the shares of the votes onwards.

    `kinds` is the number of kinds a class has. `offset` (N, K) is added to the log-probabilities
    of the classes; `class_prior` says whether how common a class is counts. Stops after `rounds`,
    or when no probability moves by more than `tolerance` (0: never before the last round).
    """
    _, A, K = answers.shape
    states = _start(answers, kinds, offset)
    prior = np.repeat(np.eye(K) * (RIGHT - WRONG) + WRONG, kinds, axis=1)
    fixed = None if offset is None else np.repeat(offset, kinds, axis=1)
    steps = _steps(answers)
    counts = np.empty((A, K, K * kinds))
    for _ in range(rounds):
        counts = steps.counts(states).reshape(A, K, K * kinds) + prior
        weight = _log_weights(states, kinds, class_prior=class_prior)
        before = states
        states = steps.states(_expected_log(counts).reshape(A * K, K * kinds), weight, fixed)
        if tolerance and np.abs(states - before).max() < tolerance:
            break
    return TableFit(states, counts)


def _start(answers: Answers, kinds: int, offset: FloatArray | None) -> FloatArray:
    """The votes' shares; with kinds, a class is of the first kind as far as people agree on it."""
    N, _, K = answers.shape
    votes = answers.votes()
    total = votes.sum(axis=1, keepdims=True)
    # Without an answer (all of them held out) every class is as good as another.
    share = np.where(total > 0, votes / np.maximum(total, 1.0), 1.0 / K)
    q = share
    if offset is not None:
        q = normalised((share + 1e-3) * np.exp(offset - offset.max(axis=1, keepdims=True)))
    if kinds == 1:
        return np.ascontiguousarray(q)
    agreed = np.clip(share, 1e-3, 1 - 1e-3)
    rest = (1 - agreed) / (kinds - 1)
    parts = np.stack([agreed, *[rest] * (kinds - 1)], axis=2)
    return (parts * q[:, :, None]).reshape(N, K * kinds)


def _log_weights(states: FloatArray, kinds: int, *, class_prior: bool) -> FloatArray:
    """Expected log of how common a class and, within it, a kind is; shape (K * M,)."""
    of_state = states.sum(axis=0).reshape(-1, kinds)
    of_kind = of_state + _KIND_COUNT / kinds
    weight = digamma(of_kind) - digamma(of_kind.sum(axis=1, keepdims=True))
    if class_prior:
        of_class = of_state.sum(axis=1) + _CLASS_COUNT
        weight = weight + (digamma(of_class) - digamma(of_class.sum()))[:, None]
    return weight.ravel()


def _expected_log(counts: FloatArray) -> FloatArray:
    return digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))


def _classes(states: FloatArray, n_classes: int) -> FloatArray:
    return states.reshape(states.shape[0], n_classes, -1).sum(axis=2)


@dataclass(frozen=True)
class _SparseSteps:
    """Both steps as products with a sparse matrix: examples by (annotator, label)."""

    answers: Any
    transposed: Any

    def counts(self, states: FloatArray) -> FloatArray:
        return self.transposed @ states

    def states(self, logs: FloatArray, weight: FloatArray, fixed: FloatArray | None) -> FloatArray:
        scores = self.answers @ logs + weight
        return softmax(scores if fixed is None else scores + fixed)


def _steps(answers: Answers) -> Any:
    from scipy.sparse import csr_matrix

    N, A, K = answers.shape
    cell = answers.annotator * K + answers.label
    ones = np.ones(cell.size)
    rows = np.searchsorted(answers.example, np.arange(N + 1))
    matrix = csr_matrix((ones, cell, rows), shape=(N, A * K))
    return _SparseSteps(matrix, matrix.T.tocsr())
