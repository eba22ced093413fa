"""The order of a batch: groups of rows that are alike to look at, without a word on why.

What belongs here: review groups and positions. What does not: which rows are in a batch
(`burnish.acquisition.batch`).

It is quicker to tell 3 from 8 ten times in a row than ten times among other questions. But an order
must not tell a reviewer which rows were drawn at random, or have a known answer: people look less
closely where nothing seems to be at stake. So one rule places rows of every kind, and it reads
label and suggestion alone, never the reason. Groups stand in a random order, and so do the rows in
a group; a group is a number, which names no class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from burnish.acquisition.order import seeded_keys

FEWEST = 3
"""Groups of fewer rows are thrown together: a row by itself would stand out."""

Pair = tuple[str, ...]
MIXED: Pair = ()


def arrange(
    ids: Sequence[str],
    labels: Sequence[str | None],
    suggested: Sequence[str | None],
    *,
    random_state: int,
) -> tuple[list[int], list[int]]:
    """The order of rows, and their groups in that order, numbered from 1.

    A row on which label and suggestion differ belongs to that pair of classes, either way round.
    Any other row joins the pair of a random one of these rows that has its class, or of any where
    its class is in none: so it is in a group as often as they are. Where no two classes are taken
    for each other, rows are grouped by class. Groups of fewer than `FEWEST` rows make one group
    together.

    >>> order, groups = arrange(list("abcdef"), list("383800"), list("838300"), random_state=0)
    >>> groups
    [1, 1, 1, 1, 1, 1]
    """
    own = [_own(label, said) for label, said in zip(labels, suggested, strict=True)]
    pairs = _placed(ids, own, random_state)
    sizes = Counter(pairs)
    pairs = [pair if sizes[pair] >= FEWEST else MIXED for pair in pairs]
    names = sorted(set(pairs))
    drawn = seeded_keys([" ".join(name) for name in names], salt="group", random_state=random_state)
    turn = {names[at]: number for number, at in enumerate(np.argsort(drawn).tolist(), start=1)}
    groups = np.array([turn[pair] for pair in pairs], dtype=np.int64)
    keys = seeded_keys(ids, salt="position", random_state=random_state)
    order = np.lexsort((keys, groups))
    return order.tolist(), groups[order].tolist()


def _own(label: str | None, suggested: str | None) -> Pair:
    return tuple(sorted({name for name in (label, suggested) if name is not None}))


def _placed(ids: Sequence[str], own: Sequence[Pair], random_state: int) -> list[Pair]:
    """The pair of each row; rows that are of one class join a pair."""
    # Sorted, so that the order of the rows has no influence.
    two = sorted(pair for pair in own if len(pair) == 2)
    if not two:
        return list(own)
    having: dict[Pair, list[Pair]] = {}
    for pair in two:
        for name in pair:
            having.setdefault((name,), []).append(pair)
    keys = seeded_keys(ids, salt="scattered", random_state=random_state).tolist()
    choices = [[pair] if len(pair) == 2 else having.get(pair, two) for pair in own]
    return [pairs[key % len(pairs)] for pairs, key in zip(choices, keys, strict=True)]
