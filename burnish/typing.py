"""The types every room shares: arrays by their meaning, and the doors behind which parts change.

What belongs here: aliases and protocols. What does not: any implementation. A store, a ledger,
a gate runner, a tracker or a mapper of your own enters by satisfying the protocol; the resources
of the Dagster project build exactly one of each from configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.patience import Patience
from burnish.records import (
    GateReport,
    LabelEvent,
    LabelRequest,
    LabelVersion,
    Suite,
    TableDiff,
    TableVersion,
    TrackedIteration,
    TrackedRun,
    Verdict,
    Watermark,
)

Labels: TypeAlias = ArrayLike
"""One label an example, shape (n,); strings in every table, any hashable in the pure functions."""

PredProbs: TypeAlias = NDArray[np.floating[Any]]
"""Out-of-sample class probabilities, shape (n, K); rows sum to 1, columns follow `classes`."""

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present in UTC. An argument everywhere, so that tests own the time."""

A = TypeVar("A")
B = TypeVar("B")


@runtime_checkable
class Mapper(Protocol):
    """Fans a function out over items: in this process, over processes, or over a cluster."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]: ...


@runtime_checkable
class ArrayCache(Protocol):
    """Keeps arrays by key; `get` gives None for what it does not have. It is never the record."""

    def get(self, key: str) -> NDArray[Any] | None: ...

    def put(self, key: str, array: NDArray[Any]) -> None: ...


@runtime_checkable
class TableStore(Protocol):
    """Versioned tables, Arrow in and Arrow out. A reader sees a whole version or the one before.

    At most one of `version`, `tag` and `as_of` picks what is read; none means the newest.
    `expected` makes a write conditional: it is refused with `WriteConflict` where the newest
    version is another one (0 expects that there is none).
    """

    def write(
        self,
        table: str,
        data: pa.Table,
        *,
        expected: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableVersion: ...

    def append(
        self,
        table: str,
        data: pa.Table,
        *,
        expected: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableVersion: ...

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        tag: str | None = None,
        as_of: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table: ...

    def describe(
        self, table: str, *, version: int | None = None, tag: str | None = None
    ) -> TableVersion: ...

    def newest(self, *, under: str) -> dict[str, int]: ...

    def schema(self, table: str, *, version: int | None = None) -> pa.Schema: ...

    def history(self, table: str) -> list[TableVersion]: ...

    def diff(self, table: str, before: int, after: int) -> TableDiff: ...

    def tag(self, table: str, name: str, version: int) -> None: ...

    def pin(self, table: str, version: int, reason: str) -> None: ...

    def vacuum(self, table: str, *, keep_last: int) -> list[int]: ...

    def verify(self, table: str, *, version: int | None = None) -> TableVersion: ...


@runtime_checkable
class LabelLedger(Protocol):
    """Append-only label events and label requests of every dataset."""

    def append(
        self, dataset: str, verdicts: Sequence[Verdict], *, expected: Watermark | None = None
    ) -> list[LabelEvent]: ...

    def events(
        self, dataset: str, *, after: int = 0, until: int | None = None
    ) -> list[LabelEvent]: ...

    def head(self, dataset: str) -> Watermark: ...

    def fold(self, dataset: str, watermark: int | None = None) -> LabelVersion: ...

    def request(self, dataset: str, request: LabelRequest) -> LabelRequest: ...

    def requests(self, dataset: str, *, now: datetime | None = None) -> list[LabelRequest]: ...

    def verify(self, dataset: str) -> Watermark: ...


@runtime_checkable
class GateRunner(Protocol):
    """Holds a table against a suite. `key` names the column that identifies a row."""

    def run(
        self, suite: Suite, data: pa.Table, *, key: str | None = "example_id"
    ) -> GateReport: ...


@runtime_checkable
class Tracker(Protocol):
    """Keeps every iteration. Logging one twice leaves one run.

    `log_iteration` takes off `patience` what it waits for the server (None: as long as it takes).
    It raises `TrackingUnavailable` where that is used up or no server answers, so that later is as
    good, and `TrackingError` where the server, or the tracker itself, will not have the iteration.
    `reach` raises the same within two seconds, before anybody has prepared anything; `answers`
    says no instead. Neither changes anything. `set_champion` moves the alias `champion` to the
    model of a run that was logged, and raises as `log_iteration` does.
    """

    def log_iteration(
        self, iteration: TrackedIteration, *, patience: Patience | None = None
    ) -> TrackedRun: ...

    def set_champion(
        self, dataset: str, run_id: str, *, patience: Patience | None = None
    ) -> None: ...

    def reach(self, *, patience: Patience | None = None) -> None: ...

    def answers(self) -> bool: ...
