"""Readable edges that cut numbers and times into bins of about equal size.

What belongs here: where to cut, and how an edge is written. What does not: which columns are cut
(`burnish.slices.coding`), nor bins that a spec declares (`burnish.slices.resolving`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SLACK = 0.2
"""How far an edge may move from its quantile, in widths of a bin, to be easier to read."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def quantile_edges(
    values: FloatArray, bins: int, *, readable: Callable[[float, float], float] | None = None
) -> FloatArray:
    """Inner edges of about `bins` bins of `values`, shape (n,), finite; bin i is [e_i, e_i+1).

    A value that fills a bin by itself gets one, so that a column which is mostly 0 is cut into 0
    and what is below and above it. Other edges lie within a fifth of a bin of their quantile, at
    the number there that is shortest to write (or where `readable(low, high)` puts them: above
    low, at most high). No bin is empty. Rising, at most `2 * bins + 1` of them, none where all
    values are equal.

    >>> quantile_edges(np.arange(1000.0), 4).tolist()
    [200.0, 500.0, 700.0]
    >>> quantile_edges(np.array([0.0] * 80 + list(range(1, 21))), 5).tolist()
    [1.0]
    """
    if not values.size:
        return np.zeros(0)
    shorten = readable or shortest_number
    ordered = np.sort(values)
    starts = np.append(0, np.flatnonzero(np.diff(ordered)) + 1)
    stops = np.append(starts[1:], ordered.size)
    distinct = ordered[starts]
    heavy = (stops - starts) * bins >= ordered.size
    edges: set[float] = set()
    for first, last in _runs(heavy):
        run = ordered[starts[first] : stops[last]]
        if first > 0:
            edges.add(shorten(float(distinct[first - 1]), float(distinct[first])))
        if not heavy[first]:
            edges.update(_cuts(run, max(1, round(run.size * bins / ordered.size)), shorten))
    rising = np.array(sorted(edges))
    # Of edges between the same two values one is enough.
    places, kept = np.unique(np.searchsorted(distinct, rising), return_index=True)
    return rising[kept[places > 0]]


def _runs(heavy: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last position of each heavy value, and of each stretch of others."""
    first = 0
    for position in range(1, heavy.size + 1):
        if position == heavy.size or heavy[position] or heavy[first]:
            yield first, position - 1
            first = position


def _cuts(run: FloatArray, parts: int, shorten: Callable[[float, float], float]) -> Iterator[float]:
    """Edges that cut an ordered run of values into so many parts of about equal size."""
    width = run.size / parts
    for part in range(1, parts):
        low = run[max(0, floor((part - _SLACK) * width) - 1)]
        high = run[min(run.size - 1, floor((part + _SLACK) * width))]
        edge = shorten(float(low), float(high)) if low < high else float(low)
        if edge > run[0]:
            yield edge


def shortest_number(low: float, high: float) -> float:
    """The number with the fewest digits in (low, high], the one nearest to the middle.

    >>> shortest_number(37, 42), shortest_number(0.1234, 0.1312), shortest_number(-3, 4)
    (40.0, 0.13, 0.0)
    """
    largest = max(abs(low), abs(high))
    if low < 0.0 <= high:
        return 0.0
    exponent = floor(log10(largest))
    for digits in range(17):
        step = 10.0 ** (exponent - digits)
        nearest = round((low / 2 + high / 2) / step)
        # Through text, so that 3 * 0.1 is 0.3.
        for candidate in (nearest, nearest + 1):
            number = float(f"{candidate * step:.{digits + 2}g}")
            if low < number <= high:
                return number
    return high


def shortest_time(low: float, high: float) -> float:
    """Like `shortest_number` for microseconds since 1970 (UTC): the start of a year, month, day...

    >>> day = 86_400e6
    >>> as_time(shortest_time(10 * day, 50 * day)).isoformat()
    '1970-02-01T00:00:00+00:00'
    """
    top = as_time(high)
    starts = [
        top.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0),
        top.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
        top.replace(hour=0, minute=0, second=0, microsecond=0),
        top.replace(minute=0, second=0, microsecond=0),
        top.replace(second=0, microsecond=0),
        top.replace(microsecond=0),
    ]
    for start in starts:
        number = float((start - _EPOCH) // timedelta(microseconds=1))
        if low < number <= high:
            return number
    return high


def as_time(microseconds: float) -> datetime:
    """The time so many microseconds after 1970 began, in UTC."""
    return _EPOCH + timedelta(microseconds=int(microseconds))
