"""Slices found on one half of the rows and judged on the other, so that what is said of them holds.

What belongs here: the split, and the verdict on each slice. What does not: the search
(`burnish.slices.discovery`), nor the test of one slice (`burnish.slices.significance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.slices.coding import as_table
from burnish.slices.discovery import (
    Discovered,
    DiscoveredSlice,
    checked_errors,
    discover_slices,
)
from burnish.slices.resolving import resolve_slices
from burnish.slices.significance import Control, Raised, adjusted, against_rest, group_codes
from burnish.spec import Slice

SCORED_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("predicate", pa.string()),
        ("support", pa.int64()),
        ("mean_error", pa.float64()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p_value", pa.float64()),
        ("adjusted_p", pa.float64()),
        ("holds", pa.bool_()),
        ("found_support", pa.int64()),
        ("found_mean_error", pa.float64()),
    ]
)


@dataclass(frozen=True)
class ScoredSlice:
    """A slice on rows it was not found on.

    `raised` has the mean error in it minus that of the rest of those rows, with its interval, and
    the p-value of 'not larger'; `adjusted_p` is corrected for all slices that were found.
    """

    found: DiscoveredSlice
    support: int
    mean_error: float
    raised: Raised
    adjusted_p: float
    holds: bool


@dataclass(frozen=True)
class Scored:
    """Every slice that was found, in the order of the search, with what held of it.

    Of the slices that hold, at most the share `level` is false in the long run. `scored_rows` are
    the positions of the rows that the slices were judged on, rising.
    """

    slices: tuple[ScoredSlice, ...]
    discovered: Discovered
    scored_rows: NDArray[np.intp]
    level: float
    control: Control

    @property
    def holding(self) -> list[Slice]:
        """The slices that hold, as a spec declares them."""
        return [one.found.slice for one in self.slices if one.holds]

    def to_table(self) -> pa.Table:
        """A row a slice; what is not known of one without rows is null, never zero."""
        rows = [
            {
                "slice": one.found.slice.name,
                "slice_id": one.found.slice_id,
                "predicate": one.found.predicate,
                "support": one.support,
                "mean_error": _known(one.mean_error),
                "effect": _known(one.raised.effect.value),
                "low": _known(one.raised.effect.low),
                "high": _known(one.raised.effect.high),
                "p_value": one.raised.p_value,
                "adjusted_p": one.adjusted_p,
                "holds": one.holds,
                "found_support": one.found.support,
                "found_mean_error": one.found.mean_error,
            }
            for one in self.slices
        ]
        return pa.Table.from_pylist(rows, schema=SCORED_SCHEMA)


def discover_and_score(
    features: Any,
    errors: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    k: int = 10,
    max_depth: int = 2,
    min_support: int | None = None,
    alpha: float = 0.95,
    bins: int = 10,
    max_overlap: float = 1.0,
    control: Control = "benjamini_yekutieli",
    level: float = 0.05,
    confidence: float = 0.95,
    random_state: int,
) -> Scored:
    """Find slices on a random half of the rows, and tell on the other half which of them hold.

    Slices are found as `discover_slices` does (`min_support` is that of one half). Each is then
    compared, on rows that had no part in choosing it, with the rest of those rows: difference of
    the mean errors with its interval, and a one-sided test. A slice `holds` where its p-value,
    corrected for all slices found by `control`, is at most `level`.

    `groups` (n,) names for each row what it belongs to: a patient, a page, a batch. The rows of a
    group stay in one half, and the test counts groups rather than rows. A significant slice is one
    with more errors than the rest; part or all of that may be due to another slice that overlaps
    with it.

    Raises `DataError` as `discover_slices` does, where there are fewer than 4 rows (or groups), and
    where a group is missing.

    >>> rng = np.random.default_rng(0)
    >>> site = rng.choice(["a", "b", "c", "d"], 2000)
    >>> wrong = rng.random(2000) < np.where(site == "c", 0.3, 0.1)
    >>> scored = discover_and_score({"site": site.tolist()}, wrong, random_state=0)
    >>> [(one.found.slice.where, one.holds) for one in scored.slices]
    [({'site': 'c'}, True)]
    """
    table = as_table(features)
    values = checked_errors(errors, table.num_rows)
    _check(level, control, confidence)
    codes = group_codes(groups, values.size)
    scored = _second_half(codes, random_state)
    first, second = np.flatnonzero(~scored), np.flatnonzero(scored)
    discovered = discover_slices(
        table.take(first),
        values[first],
        k=k,
        max_depth=max_depth,
        min_support=min_support,
        alpha=alpha,
        bins=bins,
        max_overlap=max_overlap,
    )
    judged = _judge(
        discovered.specs,
        table.take(second),
        values[second],
        groups=None if groups is None else np.unique(codes[second], return_inverse=True)[1],
        confidence=confidence,
    )
    corrected = adjusted([raised.p_value for _, _, raised in judged], control)
    slices = tuple(
        ScoredSlice(found, size, mean, raised, p_value, p_value <= level)
        for found, (size, mean, raised), p_value in zip(
            discovered.slices, judged, corrected, strict=True
        )
    )
    return Scored(slices, discovered, second, level, control)


def _judge(
    specs: Sequence[Slice],
    table: pa.Table,
    errors: NDArray[np.float64],
    *,
    groups: NDArray[np.intp] | None,
    confidence: float,
) -> list[tuple[int, float, Raised]]:
    """Rows, mean error and test of each slice."""
    judged: list[tuple[int, float, Raised]] = []
    for part in resolve_slices(table, specs):
        mean = float(errors[part.mask].mean()) if part.support else float("nan")
        raised = against_rest(errors, part.mask, groups=groups, confidence=confidence)
        judged.append((part.support, mean, raised))
    return judged


def _second_half(codes: NDArray[np.intp], random_state: int) -> NDArray[np.bool_]:
    """Which rows are judged: those of a random half of the groups, about half of the rows."""
    number = int(codes.max(initial=-1)) + 1
    if number < 4:
        raise DataError(
            f"{number} rows or groups",
            expected="at least 4, to find slices on some and to judge them on others",
        )
    order = np.random.default_rng(random_state).permutation(number)
    second = np.zeros(number, dtype=bool)
    second[order[: number // 2]] = True
    return second[codes]


def _check(level: float, control: Control, confidence: float) -> None:
    for name, value in (("level", level), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise DataError(f"{name} is {value}", expected="a number inside (0, 1)")
    adjusted([], control)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
