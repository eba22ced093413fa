"""Picking: which rows are varied, and which near rows lend them something.

What belongs here: draws over row positions. What does not: what a slice is
(`burnish.workflows.augment` brings the masks).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

Positions = NDArray[np.int64]


def error_rates(slice_ids: Sequence[str], report: pa.Table | None) -> list[float]:
    """The validation error rate of each slice, in [0, 1], by a slice report.

    Each is drawn to the overall rate as if by ten more rows, so that a slice of two unlucky rows
    does not count as the weakest; a slice that the report does not know has the overall rate.
    Without a report all are 1.

    >>> error_rates(["overall", "1f3a9c02"], None)
    [1.0, 1.0]
    """
    if report is None:
        return [1.0] * len(slice_ids)
    wrong: dict[str, tuple[int, float]] = {
        row["slice_id"]: (row["support"], 1 - row["value"])
        for row in report.to_pylist()
        if row["split"] == "validation" and row["metric"] == "accuracy" and row["support"]
    }
    overall = wrong.get("overall", (0, 1.0))[1]
    rates: list[float] = []
    for name in slice_ids:
        support, error = wrong.get(name, (0, 0.0))
        rates.append((support * error + 10 * overall) / (support + 10))
    return rates


def pick_origins(
    masks: Sequence[NDArray[np.bool_]],
    errors: Sequence[float],
    *,
    n: int,
    rng: np.random.Generator,
) -> Positions:
    """Positions of `n` rows to vary, shape (n,): weak slices first.

    A slice is drawn with a probability in proportion to its error rate (0.01 at least), then one
    of its rows. A row is taken at most three times, or twice its even share where that is more,
    so that a slice of a few rows is not varied without end. `masks` are (n_rows,) each; raises
    `DataError` where a row is in none of them.

    >>> weak = np.array([True] * 5 + [False] * 95)
    >>> drawn = pick_origins(
    ...     [weak, ~weak], [0.5, 0.01], n=20, rng=np.random.default_rng(0)
    ... )
    >>> int((drawn < 5).sum())
    15
    """
    weights = np.zeros(masks[0].size)
    for mask, error in zip(masks, errors, strict=True):
        if mask.any():
            weights[mask] += max(error, 0.01) / np.count_nonzero(mask)
    if not (weights > 0).all():
        raise DataError(
            f"row {int(np.argmin(weights))} is in no slice", expected="slices that hold every row"
        )
    most = max(3, ceil(2 * n / weights.size))
    chances = np.tile(weights / (weights.sum() * most), most)
    drawn = rng.choice(chances.size, size=n, replace=False, p=chances / chances.sum())
    return (drawn % weights.size).astype(np.int64)


def near_partners(
    rows: Positions,
    points: Any,
    groups: Sequence[Hashable],
    *,
    eligible: NDArray[np.bool_],
    rng: np.random.Generator,
    neighbours: int = 5,
) -> Positions:
    """For each of `rows` the position of a near row of its group, shape as `rows`.

    One of the `neighbours` nearest others in `points` (n, d) among the eligible rows of the same
    group, drawn at random; the row itself where there is none.

    >>> points = np.array([[0.0], [1.0], [1.2], [9.0]])
    >>> near_partners(
    ...     np.array([0, 3]), points, ["a", "a", "b", "b"],
    ...     eligible=np.array([True, True, False, True]), rng=np.random.default_rng(0),
    ... ).tolist()
    [1, 3]
    """
    from sklearn.neighbors import NearestNeighbors

    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for position in np.flatnonzero(eligible).tolist():
        members[groups[position]].append(position)
    wanted: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows.tolist()):
        wanted[groups[row]].append(place)
    partners = rows.copy()
    for group, places in wanted.items():
        pool = np.array(members[group], dtype=np.int64)
        if pool.size == 0:
            continue
        search = NearestNeighbors(n_neighbors=min(neighbours + 1, pool.size)).fit(points[pool])
        near = pool[search.kneighbors(points[rows[places]], return_distance=False)]
        for place, candidates in zip(places, near, strict=True):
            others = candidates[candidates != rows[place]][:neighbours]
            if others.size:
                partners[place] = rng.choice(others)
    return partners
