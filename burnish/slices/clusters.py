"""Slices that columns do not tell: clusters in feature space, with a description in columns.

What belongs here: clusters, their errors, and how well words describe them. What does not: the
words (`burnish.slices.describing`), nor slices made of conditions from the start
(`burnish.slices.discovery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.slices.coding import as_table
from burnish.slices.describing import describe
from burnish.slices.discovery import checked_errors, conjunction
from burnish.slices.resolving import resolve_slices
from burnish.slices.significance import Control, Raised, adjusted, against_rest, group_codes
from burnish.spec import Slice

_STARTS: Any = 3

CLUSTERS_SCHEMA = pa.schema(
    [
        ("cluster", pa.int64()),
        ("support", pa.int64()),
        ("mean_error", pa.float64()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p_value", pa.float64()),
        ("adjusted_p", pa.float64()),
        ("holds", pa.bool_()),
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("predicate", pa.string()),
        ("precision", pa.float64()),
        ("recall", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Description:
    """A cluster in words: a slice that can be declared, and how well it tells the cluster.

    `precision` is the share of its rows that are in the cluster, `recall` the share of the cluster
    that is in it, both on rows that the words were not found on; NaN where there are none.
    """

    slice: Slice
    slice_id: str
    predicate: str
    precision: float
    recall: float


@dataclass(frozen=True)
class ClusterSlice:
    """A cluster with more errors than the rest: its rows, the test, and its description, if any.

    `raised` has its mean error minus that of the rest, and the p-value of 'not larger';
    `adjusted_p` is corrected for all clusters.
    """

    cluster: int
    support: int
    mean_error: float
    raised: Raised
    adjusted_p: float
    holds: bool
    description: Description | None


@dataclass(frozen=True)
class Clustered:
    """The clusters with raised errors, those with the highest score first.

    `assignments` (n,) is the cluster of every row, also of those that are not listed.
    """

    slices: tuple[ClusterSlice, ...]
    assignments: NDArray[np.int32]
    overall_error: float

    def to_table(self) -> pa.Table:
        """A row a cluster; what is not known is null."""
        return pa.Table.from_pylist([_row(one) for one in self.slices], schema=CLUSTERS_SCHEMA)


def cluster_slices(
    features: ArrayLike,
    errors: ArrayLike,
    examples: Any,
    *,
    n_clusters: int = 10,
    k: int = 10,
    max_conditions: int = 3,
    min_support: int | None = None,
    alpha: float = 0.95,
    groups: ArrayLike | None = None,
    control: Control = "benjamini_yekutieli",
    level: float = 0.05,
    confidence: float = 0.95,
    random_state: int,
) -> Clustered:
    """The at most `k` clusters of `features` (n, d) with the highest score, described in words.

    k-means cuts the rows into `n_clusters` by the features, each scaled to unit variance; clusters
    of fewer than `min_support` rows (by default a hundredth, at least 32) are left out. As it sees
    no errors, every cluster is tested against the rest on all rows; it `holds` where its p-value,
    corrected for all clusters by `control`, is at most `level`. The score is that of
    `discover_slices`, and those of 0 or less are not listed.

    The columns of `examples` (a table, a data frame or a mapping, n rows) give the words: a
    decision tree is fitted to membership on a random half of the rows, and its best node is
    written as a conjunction of at most `max_conditions` conditions; precision and recall of that
    are counted on the other half. Where they are low, the words are not the cluster, and the errors
    in them need not be raised.

    Raises `DataError` where shapes differ, or features or errors are not finite.

    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat([[0.0, 0.0], [5.0, 5.0]], 200, axis=0) + rng.normal(0, 0.1, (400, 2))
    >>> wrong = rng.random(400) < np.repeat([0.1, 0.5], 200)
    >>> found = cluster_slices(x, wrong, {"width": x[:, 0]}, n_clusters=2, random_state=0)
    >>> [(one.support, one.holds, one.description.slice.name) for one in found.slices]
    [(200, True, 'width >= 2')]
    """
    table = as_table(examples)
    values = checked_errors(errors, table.num_rows)
    matrix = _checked_matrix(features, values.size, n_clusters)
    codes = None if groups is None else group_codes(groups, values.size)
    support = max(32, ceil(values.size / 100)) if min_support is None else min_support
    assignments = _assign(matrix, n_clusters, random_state)
    sizes = np.bincount(assignments, minlength=n_clusters)
    large = np.flatnonzero(sizes >= max(support, 1)).tolist()
    tests = [
        against_rest(values, assignments == cluster, groups=codes, confidence=confidence)
        for cluster in large
    ]
    corrected = dict(zip(large, adjusted([one.p_value for one in tests], control), strict=True))
    tested = dict(zip(large, tests, strict=True))
    return Clustered(
        tuple(
            ClusterSlice(
                cluster,
                int(sizes[cluster]),
                float(values[assignments == cluster].mean()),
                tested[cluster],
                corrected[cluster],
                corrected[cluster] <= level,
                _description(table, assignments == cluster, max_conditions, random_state),
            )
            for cluster in _ranked(values, assignments, large, alpha)[:k]
        ),
        assignments,
        float(values.mean()),
    )


def _ranked(
    errors: NDArray[np.float64],
    assignments: NDArray[np.int32],
    clusters: Sequence[int],
    alpha: float,
) -> list[int]:
    """Clusters with a score above 0, the highest first."""
    mean, n = float(errors.mean()), errors.size
    if mean == 0.0:
        return []
    scores: dict[int, float] = {}
    for cluster in clusters:
        inside = errors[assignments == cluster]
        penalty = (1 - alpha) * (n / inside.size - 1)
        scores[cluster] = alpha * (float(inside.mean()) / mean - 1) - penalty
    return sorted((c for c in clusters if scores[c] > 0), key=lambda c: -scores[c])


def _description(
    table: pa.Table, members: NDArray[np.bool_], max_conditions: int, random_state: int
) -> Description | None:
    order = np.random.default_rng(random_state).permutation(members.size)
    first, second = np.sort(order[::2]), np.sort(order[1::2])
    conditions = describe(
        table.take(first),
        members[first],
        max_conditions=max_conditions,
        min_support=max(5, int(np.count_nonzero(members)) // 10),
        random_state=random_state,
    )
    if not conditions:
        return None
    spec = conjunction(conditions)
    (part,) = resolve_slices(table.take(second), [spec])
    inside = members[second]
    both = float(np.count_nonzero(part.mask & inside))
    return Description(
        spec,
        part.slice_id,
        part.predicate,
        precision=both / part.support if part.support else float("nan"),
        recall=both / int(inside.sum()) if inside.any() else float("nan"),
    )


def _assign(matrix: NDArray[np.float64], n_clusters: int, random_state: int) -> NDArray[np.int32]:
    from sklearn.cluster import k_means

    spread = matrix.std(axis=0)
    scaled = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    _, labels, *_ = k_means(scaled, n_clusters, n_init=_STARTS, random_state=random_state)
    return np.asarray(labels, dtype=np.int32)


def _checked_matrix(features: ArrayLike, rows: int, n_clusters: int) -> NDArray[np.float64]:
    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != rows or not np.isfinite(matrix).all():
        raise DataError(
            f"features have shape {matrix.shape}",
            expected=f"finite numbers of shape ({rows}, d)",
            hint="fill in missing values first; examples may have them",
        )
    if not 2 <= n_clusters <= rows:
        raise DataError(
            f"{n_clusters} clusters of {rows} rows",
            expected="2 clusters or more, at most a row each",
        )
    return matrix


def _row(one: ClusterSlice) -> dict[str, object]:
    words = one.description
    numbers = {
        "mean_error": one.mean_error,
        "effect": one.raised.effect.value,
        "low": one.raised.effect.low,
        "high": one.raised.effect.high,
        "precision": words.precision if words else float("nan"),
        "recall": words.recall if words else float("nan"),
    }
    return {
        "cluster": one.cluster,
        "support": one.support,
        "p_value": one.raised.p_value,
        "adjusted_p": one.adjusted_p,
        "holds": one.holds,
        "slice": words.slice.name if words else None,
        "slice_id": words.slice_id if words else None,
        "predicate": words.predicate if words else None,
        **{name: None if np.isnan(value) else value for name, value in numbers.items()},
    }
