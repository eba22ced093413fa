"""Flags: somebody says of an item which classes they cannot tell apart, or find unclear.

What belongs here: rows of `desk_flags`, which of them stand, and counting those. What does not: who
may flag which item (`burnish.review.guiding`), or the guide that is mended by it
(`burnish.review.guides`).

A flag answers nothing. It is kept apart from what was said of the item: it is no hint for others
who are asked about it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select

from burnish.review.schema import desk_flags

MOST_LABELS = 3
_C = desk_flags.c
# Made once: every card asks it, and to put it together takes longer than to run it.
_LAST = (
    select(desk_flags)
    .where(_C.dataset == bindparam("of_dataset"), _C.iteration == bindparam("of_iteration"))
    .where(_C.example_id == bindparam("of_example"), _C.person == bindparam("of_person"))
    .order_by(_C.seq.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Flag:
    """What one person finds unclear of one item; without `labels` the flag is taken back.

    `labels` are the classes in the order of the batch, one to three, `guide` the version of the
    guide that the person had before them. Of a person and an item the last flag counts.
    """

    seq: int
    dataset: str
    iteration: int
    example_id: str
    person: str
    labels: tuple[str, ...]
    comment: str
    guide: int | None
    at: datetime


@dataclass(frozen=True)
class FlagCounts:
    """How many flags stand: in all, on how many items, by class, pair and version of the guide.

    Most first. A flag with three classes counts for each, and for each of their pairs.
    """

    total: int
    items: int
    by_class: tuple[tuple[str, int], ...]
    by_pair: tuple[tuple[tuple[str, str], int], ...]
    by_guide: tuple[tuple[int | None, int], ...]


def standing(
    connection: Connection, dataset: str, *, iteration: int | None = None, person: str | None = None
) -> list[Flag]:
    """The flags of a dataset that stand, newest first: the last of each person and item.

    `iteration` and `person` leave those of one batch or one person alone.
    """
    last = select(func.max(_C.seq)).where(_C.dataset == dataset)
    if iteration is not None:
        last = last.where(_C.iteration == iteration)
    if person is not None:
        last = last.where(_C.person == person)
    last = last.group_by(_C.iteration, _C.example_id, _C.person)
    query = select(desk_flags).where(_C.seq.in_(last)).order_by(_C.seq.desc())
    return [flag for flag in _read(connection, query) if flag.labels]


def last_of(
    connection: Connection, dataset: str, iteration: int, example_id: str, person: str
) -> Flag | None:
    """The last flag of a person on an item, also one that takes theirs back; None: never one."""
    of = {"of_dataset": dataset, "of_iteration": iteration}
    row = connection.execute(_LAST, of | {"of_example": example_id, "of_person": person})
    found = row.mappings().first()
    return None if found is None else _flag(found)


def next_seq(connection: Connection) -> int:
    """The number of the next flag."""
    return (connection.scalar(select(func.max(_C.seq))) or 0) + 1


def add(connection: Connection, flag: Flag, *, after: int) -> None:
    """Store a flag that follows the person's flag `after` on the item (0: their first)."""
    # What follows the same flag twice is refused by the database: two tabs, or two programs.
    seen = json.dumps([flag.dataset, flag.iteration, flag.example_id, flag.person, after])
    connection.execute(
        desk_flags.insert(),
        {
            "seq": flag.seq,
            "dataset": flag.dataset,
            "iteration": flag.iteration,
            "example_id": flag.example_id,
            "person": flag.person,
            "labels": json.dumps(list(flag.labels), ensure_ascii=False),
            "comment": flag.comment,
            "guide": flag.guide,
            "request_key": f"flag:{hashlib.sha256(seen.encode()).hexdigest()}",
            "at": flag.at,
        },
    )


def counted(flags: Sequence[Flag]) -> FlagCounts:
    """How many flags there are of what.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 26, tzinfo=UTC)
    >>> flags = [Flag(n, "pets", 1, f"p{n}", "ann", ("cat", "dog"), "", 1, at) for n in (1, 2)]
    >>> counted(flags).by_pair
    ((('cat', 'dog'), 2),)
    """
    pairs = (pair for flag in flags for pair in combinations(flag.labels, 2))
    return FlagCounts(
        total=len(flags),
        items=len({(flag.iteration, flag.example_id) for flag in flags}),
        by_class=tuple(Counter(label for flag in flags for label in flag.labels).most_common()),
        by_pair=tuple(Counter(pairs).most_common()),
        by_guide=tuple(Counter(flag.guide for flag in flags).most_common()),
    )


def _read(connection: Connection, query: Select[Any]) -> list[Flag]:
    return [_flag(row) for row in connection.execute(query).mappings()]


def _flag(row: RowMapping) -> Flag:
    return Flag(
        seq=row["seq"],
        dataset=row["dataset"],
        iteration=row["iteration"],
        example_id=row["example_id"],
        person=row["person"],
        labels=tuple(json.loads(row["labels"])),
        comment=row["comment"],
        guide=row["guide"],
        at=row["at"],
    )
