"""What the fits say: the gain of each batch and reason, by split and slice, with its interval.

What belongs here: the table of returns, from which rows each arm gets right. What does not: the
fits (`burnish.workflows.returns_fits`), the interval itself (`burnish.metrics`), or words about it
(`burnish.report.return_page`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.metrics import SeededDifference, seeded_difference
from burnish.slices import SliceMask, everything, resolve_slices
from burnish.slices.partitions import by_class
from burnish.spec import DatasetSpec
from burnish.workflows.returns_batches import Effort

Kind = Literal["left out", "as it came", "reason", "together"]
HELD_OUT = "held out"
"""Validation and test rows together: nothing was chosen by them here."""

RETURNS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("iteration", pa.int64()),
        ("reason", pa.string()),
        ("reviews", pa.int64()),
        ("changed", pa.int64()),
        ("hours", pa.float64()),
        ("timed", pa.string()),
        ("split", pa.string()),
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("support", pa.int64()),
        ("without", pa.float64()),
        ("with", pa.float64()),
        ("gain", pa.float64()),
        ("error", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("low_all", pa.float64()),
        ("high_all", pa.float64()),
        ("finding", pa.string()),
    ]
)


@dataclass(frozen=True)
class Contrast:
    """Two arms that differ by some fixes: which, what they cost, and how many labels differ."""

    kind: Kind
    iteration: int | None
    reason: str | None
    effort: Effort
    changed: int
    without: int
    having: int


@dataclass(frozen=True)
class _Cut:
    split: str
    mask: SliceMask
    rows: NDArray[np.intp]


def returns_table(
    correct: NDArray[np.bool_],
    held_out: pa.Table,
    contrasts: Sequence[Contrast],
    spec: DatasetSpec,
    *,
    confidence: float = 0.95,
    min_support: int = 20,
) -> pa.Table:
    """A row for each contrast, split and slice, columns of `RETURNS_SCHEMA`.

    `correct` has shape (seeds, arms, rows of `held_out`). gain = with - without, shares of rows
    that are right. `low` and `high` are the limits of the row alone; `low_all` and `high_all` hold
    for all contrasts of a kind at once on all rows, and for all contrasts and slices at once on
    slices (Bonferroni, among those that changed a label and slices of `min_support` rows). The
    finding is read off the latter: better, worse, not shown, or too few. Where a contrast changed
    no label the gain is exactly zero: there is nothing to train twice.
    """
    cuts = list(_cuts(held_out, spec))
    rows: list[dict[str, Any]] = []
    for one in contrasts:
        family = [other for other in contrasts if other.kind == one.kind and other.changed]
        for cut in cuts:
            alike = [
                other
                for other in cuts
                if other.split == cut.split and _is_whole(other) == _is_whole(cut)
            ]
            tests = len(family) * sum(other.rows.size >= min_support for other in alike)
            level = 1 - (1 - confidence) / max(1, tests)
            rows.append(
                _row(one, cut, correct, levels=(confidence, level), min_support=min_support)
            )
    return pa.Table.from_pylist(rows, schema=RETURNS_SCHEMA)


def _row(
    one: Contrast,
    cut: _Cut,
    correct: NDArray[np.bool_],
    *,
    levels: tuple[float, float],
    min_support: int,
) -> dict[str, Any]:
    a = correct[:, one.having, :][:, cut.rows].astype(np.float64)
    b = correct[:, one.without, :][:, cut.rows].astype(np.float64)
    known = bool(cut.rows.size)
    found = seeded_difference(a - b) if one.changed else SeededDifference(0.0, 0.0, 0.0, 1.0)
    own, wide = found.interval(levels[0]), found.interval(levels[1])
    word = "worse" if wide.high < 0 else "better" if wide.low > 0 else "not shown"
    return {
        "kind": one.kind,
        "iteration": one.iteration,
        "reason": one.reason,
        "reviews": one.effort.reviews,
        "changed": one.changed,
        "hours": one.effort.hours,
        "timed": one.effort.timed,
        "split": cut.split,
        "slice": cut.mask.name,
        "slice_id": cut.mask.slice_id,
        "support": cut.rows.size,
        "without": float(b.mean()) if known else None,
        "with": float(a.mean()) if known else None,
        "gain": found.value if known else None,
        "error": found.error if known else None,
        "low": own.low if known else None,
        "high": own.high if known else None,
        "low_all": wide.low if known else None,
        "high_all": wide.high if known else None,
        "finding": "too few" if cut.rows.size < min_support else word,
    }


def _cuts(held_out: pa.Table, spec: DatasetSpec) -> Iterator[_Cut]:
    """Each slice of each split; slices of the spec and of the classes."""
    splits = np.asarray(held_out["split"].to_pylist())
    parts: dict[str, NDArray[np.bool_]] = {HELD_OUT: np.isin(splits, ["validation", "test"])}
    parts |= {name: splits == name for name in ("validation", "test", "production")}
    declared = resolve_slices(held_out, spec.slices)
    taken = {one.slice_id for one in declared}
    classes = [
        one for one in by_class(held_out["label"].to_pylist()).masks() if one.slice_id not in taken
    ]
    for split, inside in parts.items():
        if inside.any():
            for one in (everything(held_out.num_rows), *declared, *classes):
                yield _Cut(split, one, np.flatnonzero(one.mask & inside))


def _is_whole(cut: _Cut) -> bool:
    return bool(cut.mask.mask.all())
