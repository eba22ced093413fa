"""Where rows became more frequent, in words: parts found on some rows and judged on others.

What belongs here: conditions and the shares of rows that meet them. What does not: the features
(`burnish.drift.domain_rows`), or how well rows can be told apart (`burnish.drift.domain`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.drift.domain_rows import Feature
from burnish.drift.limits import share_gap, share_limits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DEPTH = 3
MOST_PARTS = 6
MOST_VALUES = 12
LEAST_ROWS = 20
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class _Test:
    """One column of the tree: what is said where its value is over a threshold, and where not."""

    over: str
    under: str
    values: FloatArray
    counted: bool = False  # whether the threshold itself is told


def conditions_of(
    features: list[Feature],
    truth: IntArray,
    drawn: IntArray,
    folds: IntArray,
    *,
    confidence: float,
    random_state: int,
) -> tuple[str, ...]:
    """The parts of the data that surely gained rows, the greatest gain first.

    A shallow tree finds them on the rows of all folds but one; whether they gained is judged on
    that one, with limits that hold for all leaves of the tree together.
    """
    from sklearn.tree import DecisionTreeClassifier

    tests = [test for feature in features for test in _tests(feature)]
    matrix = np.column_stack([test.values[drawn] for test in tests])
    learned = folds[drawn] != 0
    own = truth[drawn]
    share = np.where(own == 1, own.mean(), 1 - own.mean())
    tree = DecisionTreeClassifier(
        max_depth=DEPTH,
        max_leaf_nodes=MOST_PARTS,
        min_samples_leaf=max(LEAST_ROWS, int(LEAST_SHARE * learned.sum())),
        random_state=random_state,
    ).fit(matrix[learned], own[learned], sample_weight=(0.5 / share)[learned])
    leaves = tree.apply(matrix[~learned])
    ways = _ways(tree.tree_, tests)
    alpha = (1.0 - confidence) / max(1, len(ways))
    said: list[tuple[float, str]] = []
    for leaf, words in ways.items():
        limits = [
            share_limits(
                float((inside := leaves[own[~learned] == side] == leaf).sum()), inside.size, alpha
            )
            for side in (0, 1)
        ]
        gap = share_gap(*limits)
        if words and gap.low > 0:
            before, after = (f"{100 * one.value:.0f} %" for one in limits)
            said.append(
                (gap.value, f"{words} ({after} of the current rows, {before} of the reference)")
            )
    return tuple(words for _, words in sorted(said, key=lambda pair: -pair[0]))


def _tests(feature: Feature) -> list[_Test]:
    title, values = feature.title, feature.values
    missing = np.isnan(values)
    found: list[_Test] = []
    if missing.any():
        found.append(_Test(f"{title} is missing", f"{title} is there", missing.astype(np.float64)))
    if feature.names:
        for code, name in enumerate(feature.names[:MOST_VALUES]):
            inside = (values == code).astype(np.float64)
            found.append(_Test(f"{title} is {name}", f"{title} is not {name}", inside))
        return found
    middle = float(np.median(values[~missing])) if not missing.all() else 0.0
    filled = np.where(missing, middle, values)
    found.append(_Test(f"{title} > ", f"{title} <= ", filled, counted=True))
    return found


def _ways(tree: Any, tests: list[_Test]) -> dict[int, str]:
    """The condition of each leaf, in words; a later test of a column stands for earlier ones."""
    found: dict[int, str] = {}

    def walk(node: int, said: dict[str, str]) -> None:
        if tree.children_left[node] < 0:
            found[node] = " and ".join(said.values())
            return
        test, edge = tests[tree.feature[node]], tree.threshold[node]
        told = f"{edge:.4g}" if test.counted else ""
        walk(tree.children_left[node], said | {test.under: test.under + told})
        walk(tree.children_right[node], said | {test.over: test.over + told})

    walk(0, {})
    return found
