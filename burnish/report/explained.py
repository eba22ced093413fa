"""Why a label is doubted, as plain records: signals, near rows, and what would change the matter.

What belongs here: what an explanation holds. What does not: finding it out
(`burnish.workflows.explain`), or laying it out (`burnish.report.explanation_page`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa

from burnish.report.looking import Looked

Side = Literal["against", "for", "neither"]

SIGNALS_SCHEMA = pa.schema(
    [
        ("signal", pa.string()),
        ("value", pa.float64()),
        ("side", pa.string()),
        ("rank", pa.int64()),
        ("of", pa.int64()),
        ("says", pa.string()),
    ]
)


@dataclass(frozen=True)
class Signal:
    """One thing that is known of a row's label, and what it says.

    side: whether it speaks against the label, for it, or neither. rank: 1 where of all judged rows
    it speaks most against the label (or, of a signal that takes no side, is highest), out of `of`;
    None where rows are not ranked by it. says: one plain sentence.
    """

    signal: str
    value: float
    side: Side
    says: str
    rank: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class NearRow:
    """A row that is like the one explained: its label in the audit, and how far it lies.

    decision: what people said of it, in words; empty where nobody looked. near_copy: whether it is
    so alike that the audit held both out together.
    """

    example_id: str
    label: str
    distance: float
    decision: str
    near_copy: bool
    looked: Looked

    @property
    def is_decided(self) -> bool:
        return bool(self.decision)


@dataclass(frozen=True)
class WhatIf:
    """Which labels of near rows, if they are wrong, would account for the doubt.

    Of the `nearest` rows, `own` have the label explained and `other` the suggested one;
    `unlooked` of these nobody has decided. With `needed` of them wrong, the nearest rows would
    side with the label; 0 where they do as it is. `possible` says whether so many are undecided.
    """

    nearest: int
    own: int
    other: int
    unlooked: tuple[str, ...]
    needed: int

    @property
    def possible(self) -> bool:
        return self.needed <= len(self.unlooked)


@dataclass(frozen=True)
class Explanation:
    """What speaks against the label of one row and what for it, as the audit of an iteration saw.

    label: the label that was judged; suggested: what the models would say; decision: what people
    have said of the row, in words, empty where nobody has. probability: that the label is wrong.
    nearest: the rows most like it; like_label and like_suggested: the nearest of either label.
    waiting: whether people are still asked about the row.
    """

    dataset: str
    iteration: int
    example_id: str
    label: str
    suggested: str
    probability: float
    decision: str
    looked: Looked
    signals: tuple[Signal, ...]
    nearest: tuple[NearRow, ...]
    like_label: tuple[NearRow, ...]
    like_suggested: tuple[NearRow, ...]
    what_if: WhatIf
    waiting: bool = False

    def of_side(self, side: Side) -> tuple[Signal, ...]:
        """The signals of one side, in order."""
        return tuple(one for one in self.signals if one.side == side)

    def to_table(self) -> pa.Table:
        """A row a signal: signal, value, side, rank, of, says."""
        return pa.Table.from_pylist([asdict(one) for one in self.signals], SIGNALS_SCHEMA)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON can hold it, without pictures."""
        near = {
            name: [_near(row) for row in getattr(self, name)]
            for name in ("nearest", "like_label", "like_suggested")
        }
        what_if = {**asdict(self.what_if), "possible": self.what_if.possible}
        return {
            "dataset": self.dataset,
            "iteration": self.iteration,
            "example_id": self.example_id,
            "label": self.label,
            "suggested": self.suggested,
            "error_probability": self.probability,
            "decision": self.decision,
            "waiting": self.waiting,
            "signals": [asdict(one) for one in self.signals],
            **near,
            "what_if": {**what_if, "unlooked": list(self.what_if.unlooked)},
        }


def _near(row: NearRow) -> dict[str, Any]:
    names = ("example_id", "label", "distance", "decision", "near_copy")
    return {name: getattr(row, name) for name in names}
