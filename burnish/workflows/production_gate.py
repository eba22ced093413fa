"""What the gate of a production batch is told of it: its period, what did not come, usual scales.

What belongs here: those facts, read off the candidate and the record. What does not: the
expectations (data of the project), or running them (behind `burnish.typing.GateRunner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_periods import bounds, required_production
from burnish.workflows.production_rows import UNREAD
from burnish.workflows.production_stages import BATCH, partition_stage

FACTOR = 7.0
"""Units differ by a factor of 10 or more; the rest is room for chance."""

INSIDE = 0.9
"""Of a column with a usual size so many values lie within `FACTOR` of it.

Where a half of them did, a day of forty rows would be stopped by chance.
"""

OPPOSITE = 0.005
"""Where more of a column than this has the other sign, its zero is a place like any other.

Degrees are such: a month of frost lies at a seventh of the usual warmth, and is in no other unit.
"""

FEWEST = 20
"""A scale is judged on so many rows or more."""

ZEROS = 0.1
"""Where more of a column than this is 0, a day of zeros alone is an ordinary one."""


Scale = tuple[float, float]
"""Between what at least half of the values of a column must lie."""


@dataclass(frozen=True)
class BatchFacts:
    """What the suite of a production batch is fitted to.

    `instead` has, by feature that did not come, a sentence on what came in its place (or "").
    `scales` are those of numeric features that have a scale, by name.
    """

    period: str
    begins: datetime
    ends: datetime
    instead: Mapping[str, str]
    scales: Mapping[str, Scale]


def batch_facts(spec: DatasetSpec, versions: Versions, period: str) -> BatchFacts:
    """The facts of the candidate of a period.

    Raises `GateError` where there is none, `DataError` for a period that is none.
    """
    production = required_production(spec)
    begins, ends = bounds(production, period)
    rows = versions.read_candidate(spec.name, partition_stage(BATCH, period))
    return BatchFacts(
        period,
        begins,
        ends,
        _instead(spec, rows.column_names),
        _scales(spec, rows, usual_rows(spec, versions)),
    )


def usual_rows(spec: DatasetSpec, versions: Versions) -> pa.Table | None:
    """The champion's training rows; without a champion, those that were validated last, if any."""
    champion = versions.champion(spec.name)
    if champion is not None:
        version = int(champion.summary["curated_version"])
        rows = versions.let_through(spec.name, "curated_examples", version)
    else:
        rows = versions.read_last_good(spec.name, "validated_examples")
    return None if rows is None else rows.filter(pc.field("split") == "train")


def _instead(spec: DatasetSpec, came: Sequence[str]) -> dict[str, str]:
    production = required_production(spec)
    known = {"example_id", "met_at", "period", UNREAD, production.time, *spec.features}
    strangers = [name for name in came if name not in known]
    lacking = [name for name in spec.features if name not in came]
    told: dict[str, str] = {}
    for name in lacking:
        close = get_close_matches(name, strangers, n=1, cutoff=0.5)
        told[name] = f" A column {close[0]!r} came: is it that one, renamed?" if close else ""
    return told


def _scales(spec: DatasetSpec, rows: pa.Table, usual: pa.Table | None) -> dict[str, Scale]:
    if usual is None:
        return {}
    found: dict[str, Scale] = {}
    for name, feature in spec.features.items():
        if feature.kind != "numeric" or name not in rows.column_names:
            continue
        cells = rows[name]
        enough = len(cells) - cells.null_count >= FEWEST
        if not enough or not pa.types.is_floating(cells.type) or name not in usual.column_names:
            continue
        scale = scale_of(usual[name])
        if scale is not None:
            found[name] = scale
    return found


def scale_of(column: pa.ChunkedArray) -> Scale | None:
    """Between what half of the values of another batch must lie; None for one without a scale.

    A seventh to seven times the usual median, where nearly all usual values lie there and have one
    sign. Where they do not, nothing says how small they may be: seven times the wider quartile to
    either side.

    >>> scale_of(pa.chunked_array([[63.0, 70.0, 70.0, 90.0] * 10]))
    (10.0, 490.0)
    >>> scale_of(pa.chunked_array([[0.0, 0.0, 0.0, 90.0] * 10])) is None
    True
    """
    values = column.drop_null().to_numpy().astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size < FEWEST or float(np.mean(values == 0.0)) > ZEROS:
        return None
    low, middle, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    widest = FACTOR * max(abs(low), abs(high))
    near = tuple(sorted((middle / FACTOR, middle * FACTOR)))
    one_sign = float(np.mean(values * middle < 0.0)) <= OPPOSITE
    for first, last in (near, (-widest, widest)) if one_sign else ((-widest, widest),):
        if first < last and float(np.mean((values >= first) & (values <= last))) >= INSIDE:
            return first, last
    return None
