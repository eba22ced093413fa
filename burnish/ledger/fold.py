"""Folding events into the decisions that stand, in columns and in steps.

What belongs here: reading the few columns that a fold needs, and merging a fold with the events
that came since. What does not: events one by one (`burnish.ledger.sql`).

A million rows as Python objects take seconds. So the database joins the columns into one text, with
separators that no event may hold, and the text is cut up in columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute
from sqlalchemy import Connection, String, cast, func, literal, select

from burnish.ledger.events import LABELLING, NOTHING, SEPARATOR
from burnish.ledger.schema import label_events
from burnish.records import LabelVersion, Watermark

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

_WORDS = pa.dictionary(pa.int32(), pa.string())
DECISION_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("decision", _WORDS),
        ("label", _WORDS),
        ("author", _WORDS),
        ("at", pa.timestamp("us", tz="UTC")),
        ("event_id", pa.int64()),
    ]
)
EVENTS_PER_TEXT = 100_000
_COLUMNS = ("event_id", "example_id", "decision", "to_label", "author", "at")


@dataclass(frozen=True)
class Fold:
    """The decisions that stand up to a watermark, in the order of their events."""

    watermark: Watermark
    decisions: pa.Table

    def then(self, events: pa.Table, watermark: Watermark) -> Fold:
        """The fold a few events later; `events` are those in between, in order."""
        if events.num_rows == 0:
            return Fold(watermark, self.decisions)
        newest = _last_of_each(events)
        if self.decisions.num_rows == 0:
            return Fold(watermark, newest)
        overruled = pc.is_in(
            self.decisions["example_id"], value_set=newest["example_id"].combine_chunks()
        )
        kept = self.decisions.filter(pc.invert(overruled))
        return Fold(watermark, pa.concat_tables([kept, newest]).unify_dictionaries())

    def to_version(self, dataset: str) -> LabelVersion:
        """The record that the rest of the house knows.

        A fold is a function of its events, and the chain at its watermark names them all: so the
        chain is its digest.
        """
        return LabelVersion(dataset, self.watermark, self.decisions, self.watermark.chain)


def empty_fold(watermark: Watermark) -> Fold:
    """The fold of no events."""
    return Fold(watermark, DECISION_SCHEMA.empty_table())


def read_events(connection: Connection, dataset: str, *, after: int, until: int) -> pa.Table:
    """Events with `after` < event_id <= `until`, in order, as columns of `DECISION_SCHEMA`."""
    starts = range(after, until, EVENTS_PER_TEXT)
    parts = [
        _columns(_joined(connection, dataset, start, min(start + EVENTS_PER_TEXT, until)))
        for start in starts
    ]
    return pa.concat_tables([DECISION_SCHEMA.empty_table(), *parts]).unify_dictionaries()


def _joined(connection: Connection, dataset: str, after: int, until: int) -> str:
    event = label_events.c
    rows = (
        select(*(event[name] for name in _COLUMNS))
        .where(event.dataset == dataset, event.event_id > after, event.event_id <= until)
        .order_by(event.event_id)
        .subquery()
    )
    cells: list[Any] = [
        func.coalesce(cast(rows.c[name], String), literal(NOTHING)) for name in _COLUMNS
    ]
    text = cells[0]
    for cell in cells[1:]:
        text = text.concat(literal(SEPARATOR)).concat(cell)
    together = func.group_concat if connection.dialect.name == "sqlite" else func.string_agg
    return connection.scalar(select(together(text, literal(SEPARATOR)))) or ""


def _columns(text: str) -> pa.Table:
    """The cells of a text in columns; rows in the order of their events."""
    if not text:
        return DECISION_SCHEMA.empty_table()
    data = np.frombuffer(f"{text}{SEPARATOR}".encode(), np.uint8)
    ends = np.flatnonzero(data == ord(SEPARATOR)).reshape(-1, len(_COLUMNS))
    starts = np.concatenate([[0], ends.ravel()[:-1] + 1]).reshape(ends.shape)
    event_id, example_id, decision, label, author, at = (
        _cut(data, starts[:, place], ends[:, place]) for place in range(len(_COLUMNS))
    )
    labelling = pc.is_in(decision, value_set=pa.array(sorted(LABELLING)))
    told = pc.and_(labelling, pc.not_equal(label, NOTHING))
    table = pa.table(
        {
            "example_id": example_id,
            "decision": decision.dictionary_encode(),
            "label": pc.if_else(told, label, pa.scalar(None, pa.string())).dictionary_encode(),
            "author": author.dictionary_encode(),
            "at": at.cast(pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "event_id": event_id.cast(pa.int64()),
        },
        schema=DECISION_SCHEMA,
    )
    # A database may join rows in another order than it was asked to.
    numbers = table["event_id"].to_numpy()
    return table if (np.diff(numbers) > 0).all() else table.sort_by("event_id")


def _cut(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> pa.StringArray:
    sizes = ends - starts
    bounds = np.zeros(sizes.size + 1, np.int32)
    np.cumsum(sizes, out=bounds[1:])
    picked = data[np.repeat(starts - bounds[:-1], sizes) + np.arange(bounds[-1])]
    return pa.StringArray.from_buffers(sizes.size, pa.py_buffer(bounds), pa.py_buffer(picked))


def _last_of_each(events: pa.Table) -> pa.Table:
    """The latest event of each example, in the order of events."""
    coded = events["example_id"].combine_chunks().dictionary_encode()
    last = np.zeros(len(coded.dictionary), np.int64)
    # Of equal places the last assignment stays.
    last[coded.indices.to_numpy()] = np.arange(len(coded))
    return events if last.size == len(coded) else events.take(pa.array(np.sort(last)))
