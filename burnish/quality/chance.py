"""Whether equal rows are more than chance gives: columns of few values repeat by themselves.

What belongs here: that one judgement. What does not: which rows are equal
(`burnish.quality.duplicates`), or what is said of them (`burnish.quality.copies`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Checked
from burnish.quality.duplicates import duplicate_groups

FEWEST = 0.25
"""Below this share of copies among equal pairs, these are by chance."""
MOST_ALIKE = 0.5
"""A column in which more pairs agree tells copies from chance too badly."""
MOST_COLUMNS = 60
"""With more, no row is equal to another by chance in all of them."""


def by_chance(checked: Checked, names: Sequence[str]) -> bool:
    """Whether most pairs of rows that are equal in the columns `names` are so by chance.

    Of a copy each column is equal. Of two rows that are equal in all columns but one by chance,
    that one is equal as often as in any two rows: q. So of P pairs equal in all and R equal in all
    others, P = copies + q (R - copies). The columns are left out by turns, and the fewest copies
    count; by chance are the pairs where these are less than a quarter of them. Columns that go
    with each other make chance agree more often than q, so that this errs towards copies.

    >>> import pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> dice = pa.table({"one": rng.integers(6, size=500), "two": rng.integers(6, size=500)})
    >>> sizes = rng.normal(size=500)
    >>> copies = pa.table({"one": [*sizes, *sizes[:9]], "two": [*sizes, *sizes[:9]]})
    >>> by_chance(Checked.of(dice), ["one", "two"]), by_chance(Checked.of(copies), ["one", "two"])
    (True, False)
    """
    if not 1 < len(names) <= MOST_COLUMNS or checked.rows < 2:  # one column has no other to ask
        return False
    codes = [_codes(checked, name) for name in names]
    nothing: NDArray[np.int64] = np.zeros(checked.rows, dtype=np.int64)
    after = [nothing]  # the columns behind each place taken together, from the last on
    for column in reversed(codes[1:]):
        after.append(_both(after[-1], column))
    before, all_pairs = nothing, checked.rows * (checked.rows - 1) / 2
    equal = _pairs(_both(codes[0], after[-1]))
    fewest = equal
    for column, rest in zip(codes, reversed(after), strict=True):
        q = _pairs(column) / all_pairs
        if q <= MOST_ALIKE:
            fewest = min(fewest, (equal - q * _pairs(_both(before, rest))) / (1 - q))
        before = _both(before, column)
    return equal > 0 and fewest < FEWEST * equal


def _codes(checked: Checked, name: str) -> NDArray[np.int64]:
    groups = duplicate_groups(checked.table, [name])
    return groups.dictionary_encode().indices.to_numpy().astype(np.int64)


def _both(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    pair = one * (int(other.max(initial=0)) + 1) + other
    return np.unique(pair, return_inverse=True)[1].astype(np.int64).ravel()


def _pairs(codes: NDArray[np.int64]) -> float:
    """How many pairs of rows have one code."""
    counts = np.bincount(codes).astype(np.float64)
    return float(np.sum(counts * (counts - 1)) / 2)
