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

from burnish.consensus.answers import Answers, FloatArray, IntArray
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
        # The table is small beside the answers: take its exponential, not that of every answer.
        unlikely = np.exp(-_expected_log(self.counts))[answers.annotator, answers.label]
        unlikely *= self.states[answers.example]
        return _classes(normalised(unlikely), answers.shape[2])


def dawid_skene(
    answers: Answers,
    *,
    kinds: int = 1,
    offset: FloatArray | None = None,
    class_prior: bool = True,
    rounds: int = 100,
    tolerance: float = 1e-5,
) -> TableFit:
    """Variational Bayes for annotators' confusion tables, from the shares of the votes onwards.

    `kinds` is the number of kinds a class has. `offset` (N, K) is added to the log-probabilities
    of the classes; `class_prior` says whether how common a class is counts. Stops after `rounds`,
    or when the probabilities of an example move by less than `tolerance`
    on average (0: never before the last round).
    """
    _, A, K = answers.shape
    S = K * kinds
    states = _start(answers, kinds, offset)
    prior = np.repeat(np.eye(K) * (RIGHT - WRONG) + WRONG, kinds, axis=1)
    prior = np.broadcast_to(prior, (A, K, S)).reshape(A * K, S)
    fixed = None if offset is None else np.repeat(offset, kinds, axis=1)
    steps = (
        _CompiledSteps(answers) if answers.label.size >= COMPILED_FROM else _SparseSteps(answers)
    )
    counts = before = steps.counts(states) + prior
    for _ in range(rounds):
        before = counts
        weight = _log_weights(states, kinds, class_prior=class_prior)
        states, counts, moved = steps.round(states, before, weight, fixed, prior)
        if moved / states.shape[0] < tolerance:
            break
    return TableFit(states, before.reshape(A, K, S))


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
    kinds = states.shape[1] // n_classes
    return states.reshape(-1, n_classes, kinds).sum(axis=2)


class _SparseSteps:
    """A round as two products with a sparse matrix: examples by (annotator, label)."""

    def __init__(self, answers: Answers) -> None:
        from scipy.sparse import csr_matrix

        N, A, K = answers.shape
        self.n_labels = K
        cell = answers.annotator * K + answers.label
        self.answers: Any = csr_matrix((np.ones(cell.size), cell, _rows(answers)), shape=(N, A * K))
        self.transposed: Any = self.answers.T.tocsr()

    def counts(self, states: FloatArray) -> FloatArray:
        return self.transposed @ states

    def round(
        self,
        states: FloatArray,
        counts: FloatArray,
        weight: FloatArray,
        fixed: FloatArray | None,
        prior: FloatArray,
    ) -> tuple[FloatArray, FloatArray, float]:
        K, S = self.n_labels, states.shape[1]
        logs = _expected_log(counts.reshape(-1, K, S)).reshape(-1, S)
        scores = self.answers @ logs + weight
        new = softmax(scores if fixed is None else scores + fixed)
        return new, self.counts(new) + prior, float(np.abs(new - states).sum())


class _CompiledSteps:
    """A round as one compiled pass over the answers."""

    def __init__(self, answers: Answers) -> None:
        from burnish.consensus import kernels

        self.kernels = kernels
        self.n_labels = answers.shape[2]
        self.rows = _rows(answers)
        self.cell = answers.annotator * self.n_labels + answers.label
        self.n_cells = answers.shape[1] * self.n_labels

    def counts(self, states: FloatArray) -> FloatArray:
        counts = np.zeros((self.n_cells, states.shape[1]))
        self.kernels.add_counts(self.rows, self.cell, states, counts)
        return counts

    def round(
        self,
        states: FloatArray,
        counts: FloatArray,
        weight: FloatArray,
        fixed: FloatArray | None,
        prior: FloatArray,
    ) -> tuple[FloatArray, FloatArray, float]:
        logs, new_counts = np.empty_like(counts), prior.copy()
        self.kernels.expected_logs(counts, self.n_labels, logs)
        base = weight[None, :] if fixed is None else weight + fixed
        moved = self.kernels.next_states(self.rows, self.cell, logs, base, states, new_counts)
        return states, new_counts, float(moved)


def _rows(answers: Answers) -> IntArray:
    """Where the answers of each example begin, and at last where they end; shape (N + 1,)."""
    return np.searchsorted(answers.example, np.arange(answers.shape[0] + 1)).astype(np.int64)
