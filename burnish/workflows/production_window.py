"""Production rows of several periods together, with what the champion says of them.

What belongs here: reading what is published of a window. What does not: which window
(`burnish.workflows.production_periods`), or measuring it (`burnish.workflows.production_measure`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_reference import PROBABILITY, Champion
from burnish.workflows.production_rows import UNREAD, of_one_type
from burnish.workflows.production_stages import BATCH, LABELS, PREDICTIONS, partition_stage


@dataclass(frozen=True)
class Window:
    """The rows of some periods that passed their gate, and what the champion says of them.

    `probs` (n, K) follow the champion's classes; `labels` (n,) are those that came in by now, None
    where none did. `versions` says which version of each period this is, "" for one without.
    """

    periods: tuple[str, ...]
    rows: pa.Table
    probs: NDArray[np.float64]
    labels: tuple[str | None, ...]
    versions: tuple[str, ...]

    def digest(self, *more: object) -> str:
        """What a measure of this window rests on, in a few letters."""
        told = "|".join(map(str, [*self.periods, *self.versions, *self.labels, *more]))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def read_window(
    spec: DatasetSpec, versions: Versions, champion: Champion, periods: Sequence[str]
) -> Window:
    """What is published of these periods; periods without are left out.

    Where a period was predicted by another model, or by none, the champion predicts it now.
    """
    tables: list[pa.Table] = []
    probs: list[NDArray[np.float64]] = []
    told: list[str] = []
    for period in periods:
        stage = partition_stage(BATCH, period)
        published = versions.published(spec.name, stage)
        told.append("" if published is None else str(published.version))
        rows = versions.read_last_good(spec.name, stage)
        if rows is None or rows.num_rows == 0:
            continue
        tables.append(rows.drop_columns([UNREAD]))
        probs.append(_probs(spec, versions, champion, period, rows))
    rows = pa.table({"example_id": pa.array([], pa.string())})
    if tables:
        rows = pa.concat_tables(of_one_type(tables), promote_options="permissive")
    return Window(
        tuple(periods),
        rows,
        np.vstack([np.zeros((0, len(champion.classes))), *probs]),
        _labels(spec, versions, rows),
        tuple(told),
    )


def _probs(
    spec: DatasetSpec, versions: Versions, champion: Champion, period: str, rows: pa.Table
) -> NDArray[np.float64]:
    said = versions.read_last_good(spec.name, partition_stage(PREDICTIONS, period))
    names = [f"{PROBABILITY}{name}" for name in champion.classes]
    if said is not None and set(names) <= set(said.column_names):
        mine = said.num_rows and set(said["champion"].to_pylist()) == {champion.number}
        if mine and said["example_id"].to_pylist() == rows["example_id"].to_pylist():
            return np.column_stack([said[name].to_numpy() for name in names])
    return champion.probs(rows)


def _labels(spec: DatasetSpec, versions: Versions, rows: pa.Table) -> tuple[str | None, ...]:
    names = ["example_id", "label"]
    came = versions.read_last_good(spec.name, LABELS, columns=names)
    if came is None:
        return (None,) * rows.num_rows
    known = dict(zip(*(came[name].to_pylist() for name in names), strict=True))
    return tuple(known.get(name) for name in rows["example_id"].to_pylist())
