"""How far annotators agree, before anybody is believed more than others.

What belongs here: Krippendorff's alpha, Fleiss' kappa, Cohen's kappa of pairs, and disagreement
by example. What does not: agreement with the consensus (`burnish.consensus.annotators`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.consensus.answers import Answers, FloatArray

PAIRS = pa.schema(
    [
        ("annotator_a", pa.string()),
        ("annotator_b", pa.string()),
        ("n_common", pa.int64()),
        ("agreement", pa.float64()),
        ("kappa", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Agreement:
    """Agreement beyond chance: 1 is perfect, 0 is chance; NaN where there is nothing to compare.

    `alpha` is Krippendorff's for nominal labels (Krippendorff 2004, 'Content Analysis'), `fleiss`
    is Fleiss' kappa (Fleiss 1971) for a number of answers that may differ by example.
    """

    alpha: float
    fleiss: float
    answers: Answers = field(repr=False)

    @cached_property
    def pairs(self) -> pa.Table:
        """Cohen's kappa (Cohen 1960) of all pairs with a common example, most in common first."""
        return pair_agreement(self.answers)


def measure_agreement(answers: Answers) -> Agreement:
    """Alpha and kappa of all answers to examples that have two or more."""
    votes = answers.votes()
    n = votes.sum(axis=1)
    votes, n = votes[n > 1], n[n > 1]
    if n.size == 0:
        return Agreement(nan, nan, answers)
    same = (votes * (votes - 1)).sum(axis=1)
    total, of_class = n.sum(), votes.sum(axis=0)
    by_chance = (of_class * (of_class - 1)).sum() / (total * (total - 1))
    alpha = _beyond((same / (n - 1)).sum() / total, by_chance)
    fleiss = _beyond((same / (n * (n - 1))).mean(), ((of_class / total) ** 2).sum())
    return Agreement(alpha, fleiss, answers)


def disagreement(answers: Answers) -> FloatArray:
    """Share of the pairs of an example's answers that differ, shape (N,); NaN with one answer."""
    votes = answers.votes()
    n = votes.sum(axis=1)
    pairs = n * (n - 1)
    same = (votes * (votes - 1)).sum(axis=1)
    return np.where(pairs > 0, 1 - same / np.maximum(pairs, 1), nan)


def pair_agreement(answers: Answers) -> pa.Table:
    """Pairs of annotators with a common example: n_common, share that agrees, Cohen's kappa.

    Kappa is null where chance explains everything: both gave one and the same label throughout.
    """
    from scipy.sparse import csr_matrix, triu

    N, A, K = answers.shape
    gave = [
        csr_matrix(
            (np.ones(here.sum()), (answers.annotator[here], answers.example[here])), shape=(A, N)
        )
        for here in (answers.label == k for k in range(K))
    ]
    anything = csr_matrix(
        (np.ones(answers.label.size), (answers.annotator, answers.example)), shape=(A, N)
    )
    common = triu(anything @ anything.T, k=1).tocoo()
    a, b, n = common.row, common.col, common.data
    agreed, chance = np.zeros(n.size), np.zeros(n.size)
    for block in gave:
        agreed += _at(block @ block.T, a, b)
        of_pair = block @ anything.T
        chance += _at(of_pair, a, b) * _at(of_pair, b, a) / (n * n)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(chance < 1, (agreed / n - chance) / (1 - chance), nan)
    order = np.lexsort((b, a, -n))
    names = np.array([str(name) for name in answers.annotator_ids], dtype=object)
    return pa.table(
        {
            "annotator_a": names[a[order]],
            "annotator_b": names[b[order]],
            "n_common": n[order].astype(np.int64),
            "agreement": (agreed / np.maximum(n, 1))[order],
            "kappa": pa.array(kappa[order], from_pandas=True),
        },
        schema=PAIRS,
    )


def _at(matrix: Any, rows: NDArray[Any], columns: NDArray[Any]) -> FloatArray:
    # Of no cells a sparse matrix gives one of its own kind instead of numbers.
    if rows.size == 0:
        return np.zeros(0)
    return np.asarray(matrix[rows, columns], dtype=np.float64).ravel()


def _beyond(observed: float, by_chance: float) -> float:
    return float((observed - by_chance) / (1 - by_chance)) if by_chance < 1 else nan
