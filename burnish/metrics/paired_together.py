"""Limits that hold for many overlapping groups at once.

What belongs here: how sure each single interval has to be, so that all of them hold together.
What does not: the intervals (`burnish.metrics.paired`, `burnish.metrics.limits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.limits import normal_quantile


@dataclass(frozen=True)
class Parts:
    """Each row's part in the errors of `size` groups: unit, group and part, all of shape (N,)."""

    units: IntArray
    codes: IntArray
    influence: FloatArray
    size: int


def bonferroni(confidence: float, together: int) -> float:
    """Confidence of one interval out of `together`, so that all hold; they may overlap as they do.

    >>> round(bonferroni(0.95, 10), 4)
    0.995
    """
    return 1 - (1 - confidence) / max(1, together)


def max_t_confidence(
    parts: Sequence[Parts],
    counted: Sequence[np.ndarray],
    *,
    units: int,
    confidence: float,
    draws: int,
    random_state: int,
) -> float:
    """Confidence of one interval, so that those of all counted groups hold together, by max-t.

    The errors of groups that share rows go together. Their correlations follow from the parts of
    the rows, and the greatest of so many correlated normal errors is drawn `draws` times: the
    multiplier bootstrap with normal weights in one step (Chernozhukov, Chetverikov and Kato 2013;
    Montiel Olea and Plagborg-Moller 2019 for the bands). Never wider than Bonferroni. `counted`
    says for each of `parts` which groups belong to the family. A group in which nothing changed
    counts as one that hangs on no other.

    >>> same = Parts(np.arange(4), np.zeros(4, np.int64), np.array([1.0, -1.0, 2.0, -2.0]), 1)
    >>> level = max_t_confidence(
    ...     [same, same], [np.array([True])] * 2, units=4, confidence=0.95, draws=4000,
    ...     random_state=0,
    ... )
    >>> abs(level - 0.95) < 0.01
    True
    """
    if draws < 100:
        raise DataError(f"resamples is {draws}", expected="at least 100; 1000 or more to trust")
    chosen = np.flatnonzero(np.concatenate([np.zeros(0, dtype=bool), *counted]))
    if chosen.size < 2:
        return confidence
    correlation = _correlation(parts, units)[np.ix_(chosen, chosen)]
    np.fill_diagonal(correlation, 1.0 + 1e-8)
    rng = np.random.default_rng(random_state)
    # Groups that are one and the same make the matrix singular but for the 1e-8.
    errors = rng.standard_normal((draws, chosen.size)) @ np.linalg.cholesky(correlation).T
    reach = float(np.quantile(np.abs(errors).max(axis=1), confidence))
    reach = max(reach, normal_quantile(confidence))
    return min(erf(reach / sqrt(2)), bonferroni(confidence, chosen.size))


def _correlation(parts: Sequence[Parts], units: int) -> FloatArray:
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *(one.size for one in parts)])
    columns = [one.codes + start for one, start in zip(parts, starts[:-1], strict=True)]
    where = np.concatenate([one.units for one in parts]), np.concatenate(columns)
    values = np.concatenate([one.influence for one in parts])
    table = csr_array((values, where), shape=(units, int(starts[-1])))
    covariance = (table.T @ table).toarray()
    spread = np.sqrt(np.diag(covariance))
    spread[spread == 0] = np.inf
    return covariance / spread[:, None] / spread[None, :]
