"""The best conjunctions of conditions, found exactly: the SliceLine problem.

What belongs here: the order in which conjunctions are tried and what may be left out. What does
not: conditions (`burnish.slices.coding`), compiled loops (`burnish.slices.kernels`), and what is
said of a slice once it is found (`burnish.slices.discovery`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.slices.coding import Coded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Loading numba takes as long as numpy does with about so many rows and conjunctions of columns.
LARGE = 5_000_000
_SLACK = 1e-12


@dataclass(frozen=True)
class Found:
    """A slice: numbers of its conditions in the order of columns, its rows and their errors."""

    score: float
    path: tuple[int, ...]
    size: int
    total: float


@dataclass(frozen=True)
class _Search:
    """What stays the same during one pass over the lattice.

    `spans` (C, 2) are the first condition of each column and the one after its last; `alive` says
    which conditions may still be part of a slice among the best. `whole` is the size of every error
    that is not 0, and 0 where they differ.
    """

    cells: NDArray[np.integer[Any]]
    errors: FloatArray
    spans: IntArray
    alive: NDArray[np.bool_]
    alpha: float
    mean: float
    min_support: int
    whole: float
    compiled: bool

    def scores(self, sizes: IntArray | FloatArray, sums: FloatArray) -> FloatArray:
        """SliceLine's score of slices of so many rows and so much error; sizes above 0."""
        n = self.errors.size
        return self.alpha * (sums / sizes / self.mean - 1) - (1 - self.alpha) * (n / sizes - 1)

    def bounds(self, sizes: IntArray, sums: FloatArray, tops: FloatArray) -> FloatArray:
        """The best score that any part of each slice with enough rows can have, -inf for none.

        A part of s rows has errors of at most min(sum, s * top). The score of that is monotone in
        s on either side of sum / top, so that three sizes tell the largest.
        """
        possible = self.alive & (sizes >= self.min_support) & (sums > 0)
        sizes = np.maximum(sizes, self.min_support)
        least = np.full(sizes.shape, float(self.min_support))
        turn = np.minimum(sizes, np.maximum(least, sums / np.maximum(tops, np.finfo(float).tiny)))
        probes: list[FloatArray] = [least, turn, sizes.astype(float)]
        best = np.max([self.scores(s, np.minimum(sums, s * tops)) for s in probes], axis=0)
        return np.where(possible, best, -np.inf)


@dataclass(frozen=True)
class _Node:
    """The rows that meet the conditions of `path`, the last of which is on `column`."""

    rows: NDArray[np.int32]
    column: int
    path: tuple[int, ...]


class _Best:
    """The best slices so far; of equal scores the one that came first stays ahead."""

    def __init__(self, k: int, depth: int) -> None:
        self.scores = np.zeros(k)
        self.paths = np.zeros((k, depth), np.int64)
        self.sizes = np.zeros(k, np.int64)
        self.totals = np.zeros(k)

    @property
    def arrays(self) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
        return self.scores, self.paths, self.sizes, self.totals

    @property
    def least(self) -> float:
        """A part whose bound is below this need not be looked at."""
        return float(self.scores[-1]) * (1 - _SLACK)

    def offer(self, score: float, path: tuple[int, ...], size: int, total: float) -> None:
        if not score > self.scores[-1]:
            return
        place = int(np.count_nonzero(self.scores >= score))
        values = (score, (*path, *[0] * (self.paths.shape[1] - len(path))), size, total)
        for kept, value in zip(self.arrays, values, strict=True):
            kept[place + 1 :] = kept[place:-1].copy()
            kept[place] = value

    def found(self) -> list[Found]:
        return [
            Found(
                float(self.scores[i]),
                tuple(cell for cell in self.paths[i].tolist() if cell),
                int(self.sizes[i]),
                float(self.totals[i]),
            )
            for i in range(int(np.count_nonzero(self.scores > 0)))
        ]


def best_conjunctions(
    coded: Coded, errors: FloatArray, *, k: int, max_depth: int, min_support: int, alpha: float
) -> list[Found]:
    """The at most `k` conjunctions with the highest score above 0, best first.

    Of equal scores the one with fewer conditions is first, then the one whose columns, and then
    conditions, are. Each level is walked depth first, with the best of the levels above known, so
    that memory does not grow with the number of conjunctions. `errors` (n,) are 0 or more.
    """
    best = _Best(k, max_depth)
    if not coded.basics or not errors.any():
        return []
    spans = np.column_stack([coded.offsets[:-1], coded.offsets[1:]])
    search = _Search(
        coded.cells,
        errors,
        spans,
        np.ones(len(coded.basics) + 1, dtype=bool),
        alpha,
        float(errors.mean()),
        min_support,
        # Errors of 0 and 1 have one size: no part's largest needs to be counted.
        whole=float(errors.max()) if np.ptp(errors[errors > 0]) == 0 else 0.0,
        compiled=errors.size * comb(len(spans), min(max_depth, len(spans))) >= LARGE,
    )
    everything = _Node(np.arange(errors.size, dtype=np.int32), -1, ())
    bounds = search.bounds(*_count(search, everything))
    _offer_parts(search, everything, best)
    for depth in range(2, 1 + max_depth):
        here = _narrowed(search, bounds >= best.least)
        if len(here.spans) < depth:
            break
        _walk(here, everything, depth, best)
    return best.found()


def _narrowed(search: _Search, alive: NDArray[np.bool_]) -> _Search:
    """The same without conditions that cannot help, and without columns that have no other."""
    useful = np.array([bool(alive[first:end].any()) for first, end in search.spans.tolist()])
    cells = search.cells if useful.all() else np.ascontiguousarray(search.cells[:, useful])
    return replace(search, cells=cells, spans=search.spans[useful], alive=alive)


def _walk(search: _Search, node: _Node, depth: int, best: _Best) -> None:
    """Offer every part of `node` with `depth` conditions in all that may be among the best."""
    left = depth - len(node.path)
    if left == 1:
        _offer_parts(search, node, best)
        return
    sizes, sums, tops = _count(search, node)
    bounds = search.bounds(sizes, sums, tops)
    if search.compiled and left == 2:
        _walk_two(search, node, bounds, best)
        return
    for column in range(node.column + 1, len(search.spans)):
        codes = search.cells[node.rows, column]
        for cell in range(*search.spans[column].tolist()):
            # The least that is of use rises on the way.
            if bounds[cell] >= best.least:
                part = _Node(node.rows[codes == cell], column, (*node.path, cell))
                _walk(search, part, depth, best)


def _offer_parts(search: _Search, node: _Node, best: _Best) -> None:
    sizes, sums, _ = _count(search, node, tops=False)
    scores = search.scores(np.maximum(sizes, 1), sums)
    good = search.alive & (sizes >= search.min_support) & (scores > best.scores[-1])
    for cell in np.flatnonzero(good).tolist():
        best.offer(float(scores[cell]), (*node.path, cell), int(sizes[cell]), float(sums[cell]))


def _count(
    search: _Search, node: _Node, *, tops: bool = True
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows, sum and largest of the errors of each part that one more condition makes."""
    width = search.alive.size
    sizes, sums, largest = np.zeros(width, np.int64), np.zeros(width), np.zeros(width)
    one_by_one = tops and not search.whole
    if search.compiled:
        from burnish.slices.kernels import count

        first = node.column + 1
        count(search.cells, search.errors, node.rows, first, sizes, sums, largest, one_by_one)
    else:
        later = search.cells[node.rows, node.column + 1 :]
        errors = search.errors[node.rows]
        wrong = np.flatnonzero(errors)
        cells, errors = later[wrong].ravel(), np.repeat(errors[wrong], later.shape[1])
        sizes[:] = np.bincount(later.ravel(), minlength=width)
        sums[:] = np.bincount(cells, errors, minlength=width)
        if one_by_one:
            np.maximum.at(largest, cells, errors)
    # Condition 0 stands for none.
    sizes[0] = 0
    return sizes, sums, largest if one_by_one else np.full(width, search.whole)


def _walk_two(search: _Search, node: _Node, bounds: FloatArray, best: _Best) -> None:
    from burnish.slices.kernels import walk_two

    walk_two(
        search.cells,
        search.errors,
        node.rows,
        node.column,
        search.spans,
        search.alive,
        np.array([*node.path, 0, 0], dtype=np.int64),
        bounds,
        (search.alpha, search.mean, search.errors.size, search.min_support),
        best.arrays,
    )
