"""Folds for cross-fitting: every class spread over them, no group cut in two.

What belongs here: giving each row a fold. What does not: fitting (`burnish.modeling.probabilities`)
or the split into train, validation and test (`burnish.workflows`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError

Folds = NDArray[np.intp]


def assign_folds(
    codes: NDArray[np.intp], groups: Sequence[Any] | None, *, n_folds: int, random_state: int
) -> Folds:
    """The fold of each row, shape (n,), values 0 .. n_folds - 1; fewer folds for fewer groups.

    `codes` are positions of labels. Rows of one group share a fold. A class with fewer rows than
    folds is spread as far as it goes: its rows are predicted by models that saw the others, and a
    single row by models that never saw the class. Raises `DataError` where less than two rows or
    two groups leave nothing to hold out.

    >>> folds = assign_folds(np.array([0, 0, 0, 1, 1, 1]), None, n_folds=3, random_state=0)
    >>> sorted(folds[:3].tolist()), sorted(folds[3:].tolist())
    ([0, 1, 2], [0, 1, 2])
    """
    if n_folds < 2:
        raise DataError(f"{n_folds} folds", expected="two or more")
    members = np.arange(codes.size) if groups is None else _group_codes(groups, codes.size)
    n_groups = int(members.max()) + 1
    if n_groups < 2:
        raise DataError(
            f"{codes.size} labeled rows in {n_groups} group",
            expected="two groups or more, so that one can be held out",
            hint="check the spec's `group`: out-of-sample needs rows that do not belong together",
        )
    n_folds = min(n_folds, n_groups)
    if n_groups == codes.size:
        return _stratified(codes, n_folds, random_state)
    return _grouped(codes, members, n_folds, random_state)


def joined_groups(*groupings: Sequence[Any]) -> NDArray[np.intp]:
    """One grouping in which rows are together that any of `groupings` puts together, shape (n,).

    Say a declared group and near-duplicate clusters: chains of the two are one group.

    >>> joined_groups(["a", "a", "b", "c"], [1, 2, 2, 3]).tolist()
    [0, 0, 0, 1]
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(groupings[0])
    rows = np.arange(n)
    links: Any = csr_array((n, n), dtype=np.int8)
    for grouping in groupings:
        codes = _group_codes(grouping, n)
        first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
        # Backwards, so that the first row of each group is what stays.
        first[codes[::-1]] = rows[::-1]
        links = links + csr_array((np.ones(n, np.int8), (rows, first[codes])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


def _group_codes(groups: Sequence[Any], n: int) -> NDArray[np.intp]:
    if len(groups) != n:
        raise DataError(f"{len(groups)} groups", expected=f"{n}: a group a row")
    place: dict[Any, int] = {}
    return np.array([place.setdefault(group, len(place)) for group in groups], dtype=np.intp)


def _stratified(codes: NDArray[np.intp], n_folds: int, random_state: int) -> Folds:
    # Dealt like cards, class after class without starting over: folds differ by one row at most.
    shuffled = np.random.default_rng(random_state).permutation(codes.size)
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    folds = np.empty(codes.size, dtype=np.intp)
    folds[order] = np.arange(codes.size) % n_folds
    return folds


def _grouped(
    codes: NDArray[np.intp], members: NDArray[np.intp], n_folds: int, random_state: int
) -> Folds:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    # With no class as large as the number of folds, stratifying is refused and means nothing.
    stratify = np.bincount(codes).max() >= n_folds
    splitter: Any = StratifiedGroupKFold if stratify else GroupKFold
    cut = splitter(n_splits=n_folds, shuffle=True, random_state=random_state)
    folds = np.empty(codes.size, dtype=np.intp)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        for fold, (_, held_out) in enumerate(cut.split(np.zeros(codes.size), codes, members)):
            folds[held_out] = fold
    return folds
