"""Composing a batch: random control, requests, the most suspicious labels, unlabeled rows.

What belongs here: how many rows of each kind, and which. What does not: priorities and chance
(`burnish.acquisition.order`), wording (`burnish.acquisition.reasons`), and which rows are still
open (`burnish.workflows.queue`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from burnish.acquisition.order import (
    audit_priority,
    descending,
    seeded_keys,
    unlabeled_priority,
)
from burnish.acquisition.reasons import CONTROL, why_audit, why_requested, why_unlabeled
from burnish.errors import DataError
from burnish.records import LabelRequest

BATCH_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("position", pa.int64()),
        ("reason", pa.string()),
        ("why", pa.string()),
        ("label", pa.string()),
        ("suggested_label", pa.string()),
        ("error_probability", pa.float64()),
        ("inclusion_probability", pa.float64()),
        ("pool_size", pa.int64()),
    ]
)
NEEDED = ("example_id", "label", "suggested_label", "error_probability")
NEEDED_UNLABELED = ("example_id", "suggested_label", "model_disagreement")


@dataclass
class _Pool:
    """Rows of one kind, most urgent first, and the fold groups they belong to."""

    rows: pa.Table
    order: list[int]
    ids: list[str] = field(init=False)
    place: dict[str, int] = field(init=False)
    groups: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = self.rows["example_id"].to_pylist()
        self.place = {example_id: row for row, example_id in enumerate(self.ids)}
        grouped = "copy_group" in self.rows.column_names
        groups = self.rows["copy_group"].to_pylist() if grouped else self.ids
        self.groups = [group or own for group, own in zip(groups, self.ids, strict=True)]
        if len(self.place) != len(self.ids):
            twice = next(name for row, name in enumerate(self.ids) if self.place[name] != row)
            raise DataError(f"{twice!r} is in the pool twice", expected="each example once")


@dataclass
class _Batch:
    """The picks so far, in order: example_id -> (reason, why)."""

    size: int
    picks: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    groups: set[str] = field(default_factory=set[str])

    @property
    def room(self) -> int:
        return self.size - len(self.picks)

    def add(self, pool: _Pool, row: int, reason: str, why: str) -> None:
        self.picks[pool.ids[row]] = (reason, why)
        self.groups.add(pool.groups[row])

    def fill(self, pool: _Pool, reason: str, *, most: int, copies: bool = False) -> None:
        """Take the most urgent rows, at most `most`; near-copies of picks only with `copies`."""
        wording = why_audit if reason == "audit" else why_unlabeled
        left = min(most, self.room)
        for row in pool.order:
            if left <= 0:
                return
            if pool.ids[row] in self.picks or (not copies and pool.groups[row] in self.groups):
                continue
            self.add(pool, row, reason, wording(_row(pool.rows, row)))
            left -= 1


def compose_batch(
    candidates: pa.Table,
    *,
    budget: int,
    control_share: float,
    requested: Sequence[LabelRequest] = (),
    unlabeled: pa.Table | None = None,
    unlabeled_share: float = 0.0,
    slice_weight: Mapping[str, float] | None = None,
    random_state: int,
) -> pa.Table:
    """At most `budget` rows for people to look at, as a table of `BATCH_SCHEMA`.

    `candidates` are the eligible training rows: example_id, label, suggested_label,
    error_probability; self_confidence, margin and copy_group are used where present. `unlabeled`
    needs example_id, suggested_label and model_disagreement, and may have margin and copy_group.
    `slice_weight` multiplies error_probability by example_id.

    The control arm comes first: c rows drawn uniformly from all N candidates, the suspicious
    ones among them, so that what people find there estimates noise without bias. Its rows carry
    inclusion_probability c/N; nothing else was drawn, so it is null elsewhere. Then, while the
    budget lasts: rows asked for, in the order of the requests (ids that are not eligible are
    passed over); the labels most probably wrong; `unlabeled_share` of the budget of unlabeled
    rows. Of one copy_group one row is picked, and its copies only if nothing else is left.
    `position` is a random order, so that it does not tell why a row is there. `pool_size` is the
    number of rows the row's kind was picked from. Ties fall by a seeded hash of the id; the order
    of the input rows has no influence.

    Raises `DataError` for a missing column, a repeated id, or a number out of its range.

    >>> rows = pa.table({"example_id": ["a", "b", "c"], "label": ["8", "8", "3"],
    ...     "suggested_label": ["3", "8", "3"], "error_probability": [0.9, 0.1, 0.2]})
    >>> batch = compose_batch(rows, budget=2, control_share=0.1, random_state=0)
    >>> sorted(batch["reason"].to_pylist())
    ['audit', 'control']
    """
    _check_choices(budget, control_share, unlabeled_share)
    labeled = _pool(candidates, NEEDED, "audit", slice_weight, random_state)
    extra = _pool(
        _none_like() if unlabeled is None else unlabeled,
        NEEDED_UNLABELED,
        "unlabeled",
        None,
        random_state,
    )
    _check_apart(labeled, extra)
    batch = _Batch(min(budget, len(labeled.ids) + len(extra.ids)))
    drawn = _draw_control(batch, labeled, control_share, random_state)
    _take_requested(batch, (labeled, extra), requested)
    reserved = min(_rounded(unlabeled_share * batch.size), len(extra.ids), batch.room)
    batch.fill(labeled, "audit", most=batch.room - reserved)
    batch.fill(extra, "unlabeled", most=reserved)
    for copies in (False, True):
        batch.fill(labeled, "audit", most=batch.room, copies=copies)
        batch.fill(extra, "unlabeled", most=batch.room, copies=copies)
    return _table(batch, labeled, extra, drawn, random_state)


def control_rows(size: int, share: float, pool: int) -> int:
    """How many rows of a batch are drawn at random: the share, rounded, and at least one.

    None where the share is 0 or the pool is empty.

    >>> control_rows(60, 0.1, 1000), control_rows(3, 0.1, 1000), control_rows(60, 0.0, 1000)
    (6, 1, 0)
    """
    if share == 0 or size == 0:
        return 0
    return min(pool, max(1, _rounded(share * size)))


def _pool(
    rows: pa.Table,
    needed: Iterable[str],
    kind: str,
    slice_weight: Mapping[str, float] | None,
    random_state: int,
) -> _Pool:
    missing = [name for name in needed if name not in rows.column_names]
    if missing:
        raise DataError(
            f"the {kind} rows have no column {missing[0]!r}", expected=", ".join(needed)
        )
    urgent = audit_priority(rows, slice_weight) if kind == "audit" else unlabeled_priority(rows)
    ties = seeded_keys(rows["example_id"].to_pylist(), salt=kind, random_state=random_state)
    return _Pool(rows, descending(urgent, ties).tolist())


def _draw_control(batch: _Batch, pool: _Pool, share: float, random_state: int) -> int:
    count = control_rows(batch.size, share, len(pool.ids))
    keys = seeded_keys(pool.ids, salt="control", random_state=random_state)
    for row in np.argsort(keys, kind="stable")[:count].tolist():
        batch.add(pool, row, "control", CONTROL)
    return count


def _take_requested(
    batch: _Batch, pools: Sequence[_Pool], requested: Sequence[LabelRequest]
) -> None:
    for request in requested:
        why = why_requested(request)
        for example_id in request.example_ids:
            pool = next((pool for pool in pools if example_id in pool.place), None)
            if batch.room and pool is not None and example_id not in batch.picks:
                batch.add(pool, pool.place[example_id], "requested", why)


def _table(batch: _Batch, labeled: _Pool, extra: _Pool, drawn: int, random_state: int) -> pa.Table:
    ids = list(batch.picks)
    keys = seeded_keys(ids, salt="position", random_state=random_state)
    lines: list[dict[str, Any]] = []
    for position, row in enumerate(np.argsort(keys, kind="stable").tolist(), start=1):
        reason, why = batch.picks[ids[row]]
        pool = labeled if ids[row] in labeled.place else extra
        found = _row(pool.rows, pool.place[ids[row]])
        chance = drawn / len(labeled.ids) if reason == "control" else None
        lines.append(
            {name: found.get(name) for name in BATCH_SCHEMA.names}
            | {"position": position, "reason": reason, "why": why}
            | {"inclusion_probability": chance, "pool_size": len(pool.ids)}
        )
    return pa.Table.from_pylist(lines, schema=BATCH_SCHEMA)


def _row(rows: pa.Table, row: int) -> dict[str, Any]:
    return rows.slice(row, 1).to_pylist()[0]


def _rounded(number: float) -> int:
    return math.floor(number + 0.5)


def _none_like() -> pa.Table:
    columns = {name: pa.array([], pa.string()) for name in ("example_id", "suggested_label")}
    return pa.table(columns | {"model_disagreement": pa.array([], pa.float64())})


def _check_choices(budget: int, control_share: float, unlabeled_share: float) -> None:
    if budget < 1:
        raise DataError(f"the budget is {budget}", expected="one row or more")
    for name, share in (("control_share", control_share), ("unlabeled_share", unlabeled_share)):
        if not 0.0 <= share <= 1.0:
            raise DataError(f"{name} is {share}", expected="a number from 0 to 1")


def _check_apart(labeled: _Pool, extra: _Pool) -> None:
    both = next((name for name in extra.ids if name in labeled.place), None)
    if both is not None:
        raise DataError(f"{both!r} is a candidate and unlabeled at once", expected="one of the two")
