"""Picking rows for a batch: what there is room for, and a greedy walk that spreads over clusters.

What belongs here: the picks so far, and the walk down a pool. What does not: which kinds of rows a
batch is made of (`burnish.acquisition.batch`), or the pools (`burnish.acquisition.pools`).

The k-th row of one cluster counts for its value over k, so that fifty near-copies do not fill a
batch: the first tells most of what they have to tell. That gain is submodular, so the greedy walk
reaches at least 1 - 1/e of the best batch (Nemhauser, Wolsey & Fisher 1978). Rows wait in a line by
cluster, and only the first of each line is in a heap: each row is looked at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from burnish.acquisition.order import FloatArray
from burnish.acquisition.pools import ALONE, Pool

# What a sum of seconds may be off by.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Pick:
    """One row of a batch: its pool, its place there, and why it was picked."""

    pool: Pool
    place: int
    reason: str
    why: str = ""


@dataclass
class Picks:
    """The rows picked so far, in order, and what room there is for more."""

    capacity: float
    rows: list[Pick] = field(default_factory=list[Pick])
    groups: set[int] = field(default_factory=set[int])
    clusters: dict[int, int] = field(default_factory=dict[int, int])
    used: float = 0.0

    @property
    def room(self) -> float:
        return self.capacity - self.used

    def fits(self, pool: Pool, place: int) -> bool:
        """Whether a row is still to be had, and there is room for it."""
        return not pool.taken[place] and float(pool.charge[place]) <= self.room + _TOLERANCE

    def add(self, pool: Pool, place: int, reason: str, why: str = "") -> None:
        """Take a row, whatever the room."""
        self.rows.append(Pick(pool, place, reason, why))
        pool.taken[place] = True
        self.used += float(pool.charge[place])
        if pool.groups[place] != ALONE:
            self.groups.add(int(pool.groups[place]))
        cluster = int(pool.clusters[place])
        if cluster != ALONE:
            self.clusters[cluster] = self.clusters.get(cluster, 0) + 1

    def fill(self, pool: Pool, reason: str, *, most: float, copies: bool = False) -> None:
        """Take the most valuable rows that fit, for at most `most`.

        Copies of rows that were picked are passed over, but for `copies`.
        """
        if len(pool) == 0:
            return
        cheapest, until = float(pool.charge.min()), self.used + min(most, self.room)
        for place in _spread(pool, self.clusters):
            left = until - self.used + _TOLERANCE
            if left < cheapest:
                return
            if not copies and int(pool.groups[place]) in self.groups:
                continue
            free = not pool.taken[place] and not pool.barred[place]
            if free and float(pool.charge[place]) <= left:
                self.add(pool, place, reason)


def _spread(pool: Pool, counts: Mapping[int, int]) -> Iterator[int]:
    """Rows by falling gain, where a row gains its value / (1 + rows picked of its cluster).

    `counts` tells how many were picked of each cluster; it is read again after each row handed out.
    """
    lines = _Lines(pool.value, counts)
    for rank, place in enumerate(pool.walk()):
        while lines.best >= pool.value[place]:
            yield lines.first()
            lines.close_up()
        cluster = int(pool.clusters[place])
        if cluster == ALONE or (cluster not in counts and cluster not in lines.waiting):
            yield place
        else:
            lines.join(cluster, rank, place)
    while lines.heap:
        yield lines.first()
        lines.close_up()


@dataclass
class _Lines:
    """Rows of clusters of which some were picked, waiting in a line each; the first are in a heap.

    A gain in the heap is never out of date: only picking its own cluster's first row changes it.
    """

    value: FloatArray
    counts: Mapping[int, int]
    waiting: dict[int, deque[tuple[int, int]]] = field(
        default_factory=dict[int, deque[tuple[int, int]]]
    )
    heap: list[tuple[float, int, int]] = field(default_factory=list[tuple[float, int, int]])

    @property
    def best(self) -> float:
        return -self.heap[0][0] if self.heap else float("-inf")

    def join(self, cluster: int, rank: int, place: int) -> None:
        line = self.waiting.setdefault(cluster, deque())
        line.append((rank, place))
        if len(line) == 1:
            self._show(cluster)

    def first(self) -> int:
        return self.waiting[self.heap[0][2]][0][1]

    def close_up(self) -> None:
        """The first row has been handed out: the next of its line steps forward."""
        cluster = heappop(self.heap)[2]
        self.waiting[cluster].popleft()
        if self.waiting[cluster]:
            self._show(cluster)
        else:
            del self.waiting[cluster]

    def _show(self, cluster: int) -> None:
        rank, place = self.waiting[cluster][0]
        gain = float(self.value[place]) / (1 + self.counts.get(cluster, 0))
        heappush(self.heap, (-gain, rank, cluster))
