"""Slices that the loop discovered: what is kept of them, and where they lie in a table.

What belongs here: the record of a found slice, its row in `discovered_slices`, and its mask. What
does not: the search (`burnish.workflows.discovered_search`), nor when it is made and what is
written of it (`burnish.workflows.discovered_iteration`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from burnish.errors import SpecError
from burnish.slices import ScoredSlice, SliceMask, resolve_slices
from burnish.spec import Slice

Ground = Literal["validation", "training"]
GROUNDS: dict[Ground, str] = {
    "validation": "the model fails here",
    "training": "labels and models disagree here",
}
"""What a slice says that was found on rows of this kind."""

DISCOVERED_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("predicate", pa.string()),
        ("where", pa.string()),
        ("iteration", pa.int64()),
        ("ground", pa.string()),
        ("support", pa.int64()),
        ("mean_error", pa.float64()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p_value", pa.float64()),
        ("adjusted_p", pa.float64()),
        ("found_support", pa.int64()),
        ("found_mean_error", pa.float64()),
    ]
)


@dataclass(frozen=True)
class FoundSlice:
    """A slice that was discovered: its predicate, and the iteration and rows it was found on.

    `withheld` are the example_ids that had a part in choosing it, in the iteration that found it:
    they say nothing about it there. In later iterations it is empty.
    """

    slice: Slice
    slice_id: str
    iteration: int
    ground: Ground
    withheld: frozenset[str] = frozenset()


def discovered_row(one: ScoredSlice, *, iteration: int, ground: Ground) -> dict[str, Any]:
    """The row of a slice that held, with the figures of the rows that it was judged on."""
    found, effect = one.found, one.raised.effect
    return {
        "slice": found.slice.name,
        "slice_id": found.slice_id,
        "predicate": found.predicate,
        "where": json.dumps(found.slice.where, sort_keys=True),
        "iteration": iteration,
        "ground": ground,
        "support": one.support,
        "mean_error": one.mean_error,
        "effect": effect.value,
        "low": effect.low,
        "high": effect.high,
        "p_value": one.raised.p_value,
        "adjusted_p": one.adjusted_p,
        "found_support": found.support,
        "found_mean_error": found.mean_error,
    }


def found_slices(table: pa.Table) -> tuple[FoundSlice, ...]:
    """The slices of a table `discovered_slices`, in its order.

    >>> found_slices(DISCOVERED_SCHEMA.empty_table())
    ()
    """
    return tuple(
        FoundSlice(
            Slice(name=row["slice"], where=json.loads(row["where"])),
            row["slice_id"],
            row["iteration"],
            row["ground"],
        )
        for row in table.to_pylist()
    )


def withholding(
    found: Iterable[FoundSlice], withheld: frozenset[str], *, iteration: int
) -> list[FoundSlice]:
    """The slices, those found on validation rows in `iteration` without the rows `withheld`."""
    return [
        replace(one, withheld=withheld)
        if (one.iteration, one.ground) == (iteration, "validation")
        else one
        for one in found
    ]


def found_masks(examples: pa.Table, found: Sequence[FoundSlice]) -> list[SliceMask]:
    """The masks of found slices over rows with an example_id, without the rows withheld.

    A slice that speaks of a column which the rows no longer have is left out: what it meant cannot
    be told any more.
    """
    masks: list[SliceMask] = []
    ids: list[str] = examples["example_id"].to_pylist()
    for one in found:
        try:
            (mask,) = resolve_slices(examples, [one.slice])
        except SpecError:
            continue
        seen = np.array([name in one.withheld for name in ids], dtype=bool)
        masks.append(replace(mask, mask=mask.mask & ~seen))
    return masks
