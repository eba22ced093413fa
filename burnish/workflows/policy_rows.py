"""Which rows of a window are asked about, for the signal that asks.

What belongs here: the rows that may be asked about, and the choice among them. What does not: the
asking (`burnish.workflows.production_asking`), or how many rows (`burnish.policy`).

Most rows are those that the model is most likely to be wrong on, where the signal is: in its slice,
where it has one. Some are drawn at random of the whole window, so that what their labels say of the
window has no bias of ours. How likely an error is, and which rows have become frequent, is
estimated anew, as `burnish.drift.choose_rows` takes it; where no model serves any more, the
confidence that was recorded has to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.drift import choose_rows
from burnish.errors import SpecError
from burnish.policy import Signal
from burnish.slices import SliceMask, resolve_slices
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_answers import Chance
from burnish.workflows.production_estimate import performance_table, unlearned_window
from burnish.workflows.production_periods import required_production, window_of
from burnish.workflows.production_reference import load_champion
from burnish.workflows.production_stages import (
    ADOPTED,
    ASKED,
    BATCH,
    LABELS,
    PREDICTIONS,
    partition_stage,
)

CONTROL_SHARE = 0.2


@dataclass(frozen=True)
class Rows:
    """Ids to ask about, in order: `doubted` where the signal is, `drawn` at random.

    `stands` is how many rows each drawn one stands for, None where the chances are not known.
    """

    doubted: tuple[str, ...]
    drawn: tuple[str, ...]
    where: str
    stands: float | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        return (*self.doubted, *self.drawn)

    @property
    def chances(self) -> dict[str, Chance]:
        """By which chance each was chosen: one that was picked stands for itself."""
        if self.stands is None:
            return {}
        picked = {name: Chance(False, 1.0) for name in self.doubted}
        return picked | {name: Chance(True, self.stands) for name in self.drawn}


def rows_to_ask(
    spec: DatasetSpec, versions: Versions, signal: Signal, period: str, *, most: int
) -> Rows:
    """At most so many rows of the window that ends with `period`, none asked about or labelled.

    The rows that users reported, where the signal is of reports. The same tables give the same
    rows.
    """
    if signal.name == "reports":
        # Asked about as they were reported: what is wanted here is that they are queued.
        known = _known(spec, versions, (ADOPTED,))
        told = [one for one in signal.where.get("example_ids", []) if one not in known]
        return Rows(tuple(told[:most]), (), "rows that users reported")
    known = _known(spec, versions, (ASKED, ADOPTED))
    if versions.champion(spec.name) is not None:
        return _by_estimate(spec, versions, signal, period, most=most, known=known)
    return _by_confidence(spec, versions, signal, period, most=most, known=known)


def _by_estimate(
    spec: DatasetSpec,
    versions: Versions,
    signal: Signal,
    period: str,
    *,
    most: int,
    known: set[str],
) -> Rows:
    """The choice by the estimate of the window; first those of the signal's slice."""
    champion = load_champion(spec, versions)
    window, _ = unlearned_window(spec, versions, champion, period)
    if not window.rows.num_rows:
        return Rows((), (), "")
    _, estimate = performance_table(spec, champion, window)
    names = window.rows["example_id"].to_pylist()
    taken = np.asarray([one in known for one in names], dtype=bool)
    masks = {one.name: one.mask for one in masks_of(spec, window.rows)}
    inside, where = _inside(spec, versions, signal, period)
    features = champion.matrix(window.rows)
    seed = crc32(f"{spec.name}/{period}/{spec.random_state}".encode())
    choose = partial(choose_rows, features=features, slices=masks, random_state=seed)
    doubted: list[str] = []
    if inside is not None:
        outside = np.asarray([one not in inside for one in names], dtype=bool)
        first = most - round(most * CONTROL_SHARE)
        found = choose(estimate, first, taken=taken | outside, control_share=0.0)
        doubted = [names[row] for row in found.rows.tolist()]
        taken = taken | np.isin(np.asarray(names, dtype=object), doubted)
    rest = most - len(doubted)
    # Rows drawn at random stay one in five of all, however many the slice held.
    share = min(1.0, round(most * CONTROL_SHARE) / rest) if rest else 0.0
    found = choose(estimate, rest, taken=taken, control_share=share)
    pairs = list(zip(found.rows.tolist(), found.control.tolist(), strict=True))
    doubted += [names[row] for row, drawn in pairs if not drawn]
    random = tuple(names[row] for row, drawn in pairs if drawn)
    stands = float(found.weights[found.control][0]) if random else 1.0
    return Rows(tuple(doubted), random, where, stands)


def _by_confidence(
    spec: DatasetSpec,
    versions: Versions,
    signal: Signal,
    period: str,
    *,
    most: int,
    known: set[str],
) -> Rows:
    """The choice by the confidence that was recorded: the lowest, first those of the slice."""
    said = _said(spec, versions, period)
    if said is None:
        return Rows((), (), "")
    said = said.filter(~pc.field("example_id").isin(pa.array(sorted(known), pa.string())))
    inside, where = _inside(spec, versions, signal, period)
    control = round(most * CONTROL_SHARE)
    order = [("confidence", "ascending"), ("example_id", "ascending")]
    doubtful = said.sort_by(order)["example_id"].to_pylist()
    if inside is not None:
        # Those of the slice first; it may hold fewer rows than are asked for.
        doubtful = sorted(doubtful, key=lambda one: one not in inside)
    doubted = doubtful[: most - control]
    rest = sorted(set(doubtful) - set(doubted))
    seed = crc32(f"{spec.name}/{period}/{spec.random_state}".encode())
    draw = np.random.default_rng(seed).permutation(len(rest))[:control]
    stands = len(rest) / max(1, draw.size)
    return Rows(tuple(doubted), tuple(rest[place] for place in draw), where, stands)


def masks_of(spec: DatasetSpec, rows: pa.Table) -> list[SliceMask]:
    """The slices of the spec that rows of production have the columns for."""
    found: list[SliceMask] = []
    for cut in spec.slices:
        try:
            found += resolve_slices(rows, [cut])
        except SpecError:
            # A slice by a column that production has not says nothing of production.
            continue
    return found


def _known(spec: DatasetSpec, versions: Versions, stages: Sequence[str]) -> set[str]:
    """Rows of these tables, and those that have a label."""
    found: set[str] = set()
    for stage in stages:
        table = versions.read_last_good(spec.name, stage, columns=["example_id"])
        found |= set() if table is None else set(table["example_id"].to_pylist())
    came = versions.read_last_good(spec.name, LABELS, columns=["example_id", "label"])
    if came is not None:
        known = came.filter(pc.field("label").is_valid())
        found |= set(known["example_id"].to_pylist())
    return found


def _said(spec: DatasetSpec, versions: Versions, period: str) -> pa.Table | None:
    """What the champion said of the rows of the window; a row that stands twice, once."""
    parts: dict[str, float] = {}
    for one in window_of(required_production(spec), period):
        stage = partition_stage(PREDICTIONS, one)
        said = versions.read_last_good(spec.name, stage, columns=["example_id", "confidence"])
        if said is not None:
            pairs = zip(said["example_id"].to_pylist(), said["confidence"].to_pylist(), strict=True)
            parts |= dict(pairs)
    if not parts:
        return None
    return pa.table({"example_id": list(parts), "confidence": list(parts.values())})


def _inside(
    spec: DatasetSpec, versions: Versions, signal: Signal, period: str
) -> tuple[set[str] | None, str]:
    """The rows of the signal's slice, None for all; and where that is, in words."""
    identity = signal.where.get("slice_id")
    if not identity or identity == "overall":
        return None, "all rows of the window"
    inside: set[str] = set()
    for one in window_of(required_production(spec), period):
        rows = versions.read_last_good(spec.name, partition_stage(BATCH, one))
        if rows is None:
            continue
        names = np.asarray(rows["example_id"].to_pylist(), dtype=object)
        for mask in masks_of(spec, rows):
            if mask.slice_id == identity:
                inside |= set(names[mask.mask].tolist())
    return inside, f"the slice {signal.where.get('slice', identity)}"
