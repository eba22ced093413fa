"""Whether near rows are more than chance gives: tables of few values hold them by themselves.

What belongs here: that one judgement. What does not: which rows are near
(`burnish.quality.near_rows`), the like of equal rows (`burnish.quality.chance`), or what is said of
them (`burnish.quality.copies`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from burnish.quality.chance import MOST_ALIKE
from burnish.quality.near import NEAREST_SHARE
from burnish.quality.near_rows import Compared, Numbers, both

FEWEST = 0.5
"""Below this share of copies among near pairs, these are by chance."""
MOST_COLUMNS = 20
"""With more categories, hardly a row is near another by chance in all of them."""
FEWEST_OTHERS = 20
_SHELL = 4 * NEAREST_SHARE
_NUMBERS = "(numbers)"

Codes = NDArray[np.intp]
Count = Callable[[Collection[str]], float]


def near_by_chance(compared: Compared) -> bool:
    """Whether most pairs of rows that are near, and not equal, are so by chance.

    Each column of categories is left out by turns. Of P pairs near in all columns and R near in all
    others, a copy has this one equal, and a pair by chance as often as it is equal in pairs that
    are no copies: q. So P = copies + q (R - copies), and the fewest copies over the columns count;
    by chance are the pairs where these are less than half of them. q is how often any two rows are
    equal in the column, or how often those are that are like near ones but for one thing, if that
    is more: texts near and another column different, or numbers further apart than those of copies.
    Pairs that differ in texts and those that differ in numbers are counted each by themselves.

    >>> import pyarrow as pa
    >>> from burnish.quality.near_rows import search
    >>> rng = np.random.default_rng(0)
    >>> tasks = [f"Which of these towns is the capital of country {at}?" for at in range(40)]
    >>> answers = pa.table({"task": rng.choice(tasks, 500), "who": rng.choice(list("abcd"), 500)})
    >>> near_by_chance(search(answers, {"task": "text", "who": "categorical"}))
    True
    """
    if len(compared.same) + len(compared.alike) > MOST_COLUMNS:
        return False
    texts, fewest_texts = _moved_texts(compared)
    numbers, fewest_numbers = _moved_numbers(compared)
    pairs = texts + numbers
    return pairs > 0 and fewest_texts + fewest_numbers < FEWEST * pairs


def _moved_texts(compared: Compared) -> tuple[float, float]:
    """Pairs whose texts or images are near and not equal, all else equal; the fewest copies."""
    own = {**compared.same, _NUMBERS: compared.point}
    nothing: Codes = np.zeros(compared.point.size, dtype=np.intp)
    near, equal = nothing, nothing
    for by_near, by_equal in compared.alike.values():
        near, equal = both(near, by_near), both(equal, by_equal)
    first = np.full(int(near.max(initial=0)) + 1, -1, dtype=np.intp)
    first[near] = equal  # any row of the group speaks for it
    moved = np.unique(near[first[near] != equal])
    rows = np.flatnonzero(np.isin(near, moved))  # no other row is near one that is not equal
    mixed = {name: _mixed(codes[rows], at) for at, (name, codes) in enumerate(own.items())}
    by_near, by_equal = (_mixed(codes[rows], len(own)) for codes in (near, equal))

    def count(without: Collection[str]) -> float:
        kept = [cells for name, cells in mixed.items() if name not in without]
        return _alike([*kept, by_near]) - _alike([*kept, by_equal])

    pairs = count(()) if compared.alike else 0.0
    if not pairs:
        return 0.0, 0.0

    def agreeing(left_out: str) -> float:
        shares = [0.0]
        rest = count({left_out})
        for other in own:
            different = count({left_out, other}) - rest
            if other != left_out and different >= FEWEST_OTHERS:
                shares.append((count({other}) - pairs) / different)
        return max(shares)

    return pairs, _fewest(pairs, own, count, agreeing)


def _moved_numbers(compared: Compared) -> tuple[float, float]:
    """Pairs whose numbers are near and not equal, all else equal or near; the fewest copies."""
    if compared.numbers is None:
        return 0.0, 0.0
    own = {**compared.same, **{name: near for name, (near, _) in compared.alike.items()}}
    left, right, part = _row_pairs(compared.numbers)
    differs = {name: codes[left] != codes[right] for name, codes in own.items()}
    often = np.sum([*differs.values()], axis=0)
    near, shell = part <= compared.numbers.share, part > NEAREST_SHARE

    def count(without: Collection[str], among: NDArray[np.bool_] = near) -> float:
        left_out = sum((differs[name].astype(np.intp) for name in without), start=np.intp(0))
        return float(np.count_nonzero(among & (often == left_out)))

    def agreeing(left_out: str) -> float:
        further = count({left_out}, shell)
        return count((), shell) / further if further >= FEWEST_OTHERS else 0.0

    pairs = count(())
    return pairs, _fewest(pairs, own, count, agreeing) if pairs else 0.0


def _fewest(
    pairs: float, own: Mapping[str, Codes], count: Count, agreeing: Callable[[str], float]
) -> float:
    """The fewest copies that there are among pairs, each column being left out by turns."""
    fewest = pairs
    for name, codes in own.items():
        alike = _pairs(codes) / (codes.size * (codes.size - 1) / 2)
        if alike <= MOST_ALIKE:
            q = max(alike, agreeing(name))
            fewest = min(fewest, (pairs - q * count({name})) / (1 - q) if q < 1 else 0.0)
    return max(0.0, fewest)


def _row_pairs(numbers: Numbers) -> tuple[Codes, Codes, NDArray[np.float64]]:
    """Each two rows at different points up to four tenths apart, and how far apart they are.

    So near, a point has no more than 32 rows around it.
    """
    at, places = np.nonzero(numbers.part <= _SHELL)
    other = numbers.indices[at, places]
    once = (at < other) | ~_mutual(at, other)
    at, other, part = at[once], other[once], numbers.part[at, places][once]
    order = np.argsort(numbers.point, kind="stable")
    size = np.bincount(numbers.point)
    start = np.cumsum(size) - size
    each = size[at] * size[other]
    pair = np.repeat(np.arange(at.size), each)
    within = np.arange(pair.size) - np.repeat(np.cumsum(each) - each, each)
    left = order[start[at[pair]] + within // size[other[pair]]]
    right = order[start[other[pair]] + within % size[other[pair]]]
    return left.astype(np.intp), right.astype(np.intp), part[pair]


def _mutual(at: Codes, other: Codes) -> NDArray[np.bool_]:
    """Whether a pair of points stands there from the other side as well."""
    most = int(max(at.max(initial=0), other.max(initial=0))) + 1
    return np.isin(at * most + other, other * most + at)


def _mixed(codes: Codes, column: int) -> NDArray[np.uint64]:
    """A number of 64 bits for each value of a column, sums of which stand for whole rows."""
    bits = codes.astype(np.uint64) + (np.uint64(column + 1) << np.uint64(40))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)  # splitmix64
    return bits


def _alike(columns: list[NDArray[np.uint64]]) -> float:
    """How many pairs of rows are equal in all of the columns."""
    _, counts = np.unique(np.sum(columns, axis=0, dtype=np.uint64), return_counts=True)
    return float(np.sum(counts * (counts - 1.0)) / 2)


def _pairs(codes: Codes) -> float:
    """How many pairs of rows have one code."""
    counts = np.bincount(codes).astype(np.float64)
    return float(np.sum(counts * (counts - 1)) / 2)
