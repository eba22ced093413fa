"""A set of rows in words: the conjunction of conditions that a small decision tree finds for it.

What belongs here: from rows to conditions on named columns. What does not: how the set came about
(`burnish.slices.clusters`), nor how a spec writes a condition (`burnish.slices.coding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.slices.coding import (
    Basic,
    code_table,
    is_measured,
    range_of,
    written_edge,
)
from burnish.slices.edges import shortest_number, shortest_time
from burnish.slices.predicates import as_numbers, is_temporal, value_text

Mask = NDArray[np.bool_]

_MOST_VALUES = 10
"""A list of more values than this is no description; numbers of more values than this are cut."""


@dataclass(frozen=True)
class _Measure:
    """A column of numbers as the tree sees it: the rank of a row's value among the distinct ones.

    Ranks, as the tree keeps 24 bits of a number, which are too few for times. A missing value has
    the rank -1.
    """

    column: str
    values: NDArray[np.float64]
    distinct: NDArray[np.float64]
    temporal: bool

    def edge(self, threshold: float) -> Any:
        """The number, easy to read, that cuts the values where the tree cuts their ranks."""
        if threshold < 0:
            return written_edge(float(self.distinct[0]), self.temporal)
        low, high = self.distinct[int(threshold) : int(threshold) + 2].tolist()
        shorten = shortest_time if self.temporal else shortest_number
        return written_edge(shorten(low, high), self.temporal)


@dataclass(frozen=True)
class _Value:
    """A value as the tree sees it: whether a row has it. `others` are those of the same column."""

    basic: Basic
    values: NDArray[np.float64]
    others: Sequence[Basic]


def describe(
    examples: pa.Table, members: Mask, *, max_conditions: int, min_support: int, random_state: int
) -> list[Basic]:
    """Conditions that hold for the rows in `members` (n,) and for few others; maybe none.

    A decision tree of depth `max_conditions` is fitted to membership; of its nodes with at least
    `min_support` rows, the one with the highest F1 is written out as conditions, one a column.
    """
    inputs = _inputs(examples, min_support)
    if not inputs or members.all() or not members.any():
        return []
    from sklearn.tree import DecisionTreeClassifier

    fitted = DecisionTreeClassifier(
        max_depth=max_conditions, min_samples_leaf=min_support, random_state=random_state
    ).fit(np.column_stack([one.values for one in inputs]), members)
    tree: Any = fitted.tree_
    if tree.node_count == 1:
        return []
    hits = tree.value[:, 0, 1] * tree.n_node_samples
    f1 = 2 * hits / (tree.n_node_samples + np.count_nonzero(members))
    # The root, all rows, is no description.
    return _conditions(inputs, _path(tree, 1 + int(np.argmax(f1[1:]))))


def _inputs(examples: pa.Table, min_support: int) -> list[_Measure | _Value]:
    inputs: list[_Measure | _Value] = []
    by_value: list[str] = []
    for name in examples.column_names:
        cells = examples.column(name)
        if not is_measured(cells, _MOST_VALUES):
            by_value.append(name)
            continue
        distinct, ranks = np.unique(as_numbers(cells), return_inverse=True)
        known = distinct[~np.isnan(distinct)]
        values = np.where(ranks < known.size, ranks, -1.0)
        inputs.append(_Measure(name, values, known, is_temporal(cells.type)))
    if by_value:
        coded = code_table(examples.select(by_value), min_support=min_support, bins=_MOST_VALUES)
        for column, span in enumerate(pairwise(coded.offsets.tolist())):
            basics = [coded.basics[cell - 1] for cell in range(*span)]
            for cell, basic in zip(range(*span), basics, strict=True):
                others = [other for other in basics if other is not basic]
                values = (coded.cells[:, column] == cell).astype(float)
                inputs.append(_Value(basic, values, others))
    return inputs


def _path(tree: Any, node: int) -> list[tuple[int, float, bool]]:
    """The splits that lead to a node: input, threshold, and whether it is above."""
    path: list[tuple[int, float, bool]] = []
    while node:
        above = node in tree.children_right
        parent = int(
            np.flatnonzero((tree.children_left == node) | (tree.children_right == node))[0]
        )
        path.append((int(tree.feature[parent]), float(tree.threshold[parent]), above))
        node = parent
    return path[::-1]


def _conditions(
    inputs: Sequence[_Measure | _Value], path: Sequence[tuple[int, float, bool]]
) -> list[Basic]:
    """One condition a column: ranges cut at each other, values taken from those left."""
    ranges: dict[str, tuple[Any, Any]] = {}
    values: dict[str, list[Basic]] = {}
    for position, threshold, above in path:
        one = inputs[position]
        if isinstance(one, _Measure) and threshold < 0 and not above:
            values[one.column] = [Basic(one.column, None, f"{one.column} is missing")]
        elif isinstance(one, _Measure):
            low, high = ranges.get(one.column, (None, None))
            # Along a path the splits of a column only get narrower.
            edge = one.edge(threshold)
            ranges[one.column] = (edge, high) if above else (low, edge)
        else:
            column = one.basic.column
            left = [one.basic] if above else values.get(column, list(one.others))
            values[column] = [basic for basic in left if above or basic is not one.basic]
    # Missing values are in no range, whatever the tree did with them.
    found = [range_of(c, low, high) for c, (low, high) in ranges.items() if c not in values]
    lists = [_one_of(basics) for basics in values.values() if 0 < len(basics) <= _MOST_VALUES]
    return [*found, *lists]


def _one_of(basics: Sequence[Basic]) -> Basic:
    if len(basics) == 1:
        return basics[0]
    column = basics[0].column
    texts = ", ".join(value_text(basic.wanted) or "missing" for basic in basics)
    return Basic(column, [basic.wanted for basic in basics], f"{column} in {texts}")
