"""Production rows of several periods together, with what the champion says of them.

What belongs here: reading what is published of a window. What does not: which window
(`burnish.workflows.production_periods`), or measuring it (`burnish.workflows.production_measure`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_answers import (
    Answers,
    Weighed,
    answers_told,
    read_answers,
    weigh,
)
from burnish.workflows.production_reference import PROBABILITY, Champion
from burnish.workflows.production_rows import UNREAD, of_one_type
from burnish.workflows.production_stages import BATCH, LABELS, PREDICTIONS, partition_stage


@dataclass(frozen=True)
class Window:
    """The rows of some periods that passed their gate, and what the champion says of them.

    `probs` (n, K) follow the champion's classes; `labels` (n,) are those that came in by now, None
    where none did; `answers` what people said of rows they were asked about, None: nobody was.
    """

    periods: tuple[str, ...]
    rows: pa.Table
    probs: NDArray[np.float64]
    labels: tuple[str | None, ...]
    answers: Answers | None = None

    def weighed(self, classes: Sequence[str]) -> Weighed:
        """The labels that it is measured by: those that came in, or answers, weighed."""
        return weigh(self.labels, self.answers or Answers.none(len(self.labels)), classes=classes)

    def came_by_themselves(self, classes: Sequence[str]) -> tuple[str | None, ...]:
        """The labels that came in, without those of chosen rows where it is measured by answers."""
        by = self.weighed(classes)
        if self.answers is None or by.weights is None:
            return by.labels
        pairs = zip(self.labels, self.answers.draw.tolist(), strict=True)
        return tuple(label if draw < 0 else None for label, draw in pairs)

    def only(self, kept: NDArray[np.bool_]) -> Window:
        """The rows for which `kept` (n,) is True."""
        return replace(
            self,
            rows=self.rows.filter(pa.array(kept)),
            probs=self.probs[kept],
            labels=tuple(np.asarray(self.labels, dtype=object)[kept].tolist()),
            answers=None if self.answers is None else self.answers.only(kept),
        )


def label_digests(versions: Versions, dataset: str) -> dict[str, str]:
    """By period, a digest of the labels that came in for its rows, and of what people answered."""
    names = ["example_id", "period", "label"]
    came = versions.read_last_good(dataset, LABELS, columns=names)
    told: dict[str, list[str]] = {}
    for row in [] if came is None else came.to_pylist():
        told.setdefault(row["period"], []).append(f"{row['example_id']}={row['label']}")
    for period, line in answers_told(versions, dataset):
        told.setdefault(period, []).append(line)
    return {period: _digest(sorted(lines)) for period, lines in told.items()}


def window_state(
    versions: Versions,
    dataset: str,
    periods: Sequence[str],
    *,
    champion: int,
    labels: Mapping[str, str],
    rebased: tuple[str, str] | None = None,
    batches: Mapping[str, int] | None = None,
) -> str:
    """What a measure of these periods rests on: where it changes, the measure is of another time.

    `labels` are those of `label_digests`, `batches` the numbers of `published_batches` (None: they
    are looked up).
    """
    told = [f"champion {champion}", f"rebased {rebased}"]
    known = published_batches(versions, dataset) if batches is None else batches
    told += [f"{one} {known.get(one, '')} {labels.get(one, '')}" for one in periods]
    return _digest(told)


def published_batches(versions: Versions, dataset: str) -> dict[str, int]:
    """By period, the version of its rows that readers see."""
    under = partition_stage(BATCH, "")
    found = versions.published_numbers(dataset, under=under)
    return {stage.removeprefix(under): number for stage, number in found.items()}


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def read_window(
    spec: DatasetSpec, versions: Versions, champion: Champion, periods: Sequence[str]
) -> Window:
    """What is published of these periods; periods without are left out.

    Where a period was predicted by another model, or by none, the champion predicts it now.
    """
    tables: list[pa.Table] = []
    probs: list[NDArray[np.float64]] = []
    for period in periods:
        rows = versions.read_last_good(spec.name, partition_stage(BATCH, period))
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
        read_answers(versions, spec.name, rows["example_id"].to_pylist()),
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
