"""What the review desk asks of a home: the open batches, read off the record and the catalog.

What belongs here: answering `burnish.review.ports.Batches`. What does not: the desk itself
(`burnish.review`), what its pages show of examples (`burnish.workflows.desk_examples`), or serving
it (`burnish.workflows.serve_desk`).

The desk asks for the open batch at each call, so that is SQL alone; tables are read once a version.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from burnish.errors import ReviewError, SpecError
from burnish.review.records import OpenBatch, Policy
from burnish.review.skill import Tallies
from burnish.spec import DatasetSpec, load_spec_named
from burnish.versions import Versions
from burnish.workflows.gold import STAGE as GOLD_STAGE
from burnish.workflows.gold import known_answers
from burnish.workflows.home import Home
from burnish.workflows.skills import tallies

T = TypeVar("T")


class Newest(Generic[T]):
    """The last value made for each name, kept as long as its key stays; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Hashable, T]] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `name` for `key`, made where the one that is kept has another key."""
        # Made inside the lock: two threads that both read a large table would need it twice.
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept[0] != key:
                kept = key, make()
                self._kept[name] = kept
            return kept[1]


class CatalogSpecs:
    """The specs of a catalog, each read again when its file has changed.

    A spec that somebody is just mending does not take the desk away from those who label: the last
    good one stands until the file can be read again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: dict[str, tuple[object, DatasetSpec]] = {}

    def spec(self, dataset: str) -> DatasetSpec:
        """The spec of a dataset. Raises `SpecError` where it was never readable."""
        marks = self._marks(dataset)
        with self._lock:
            known = self._read.get(dataset)
            if known is not None and known[0] == marks:
                return known[1]
            try:
                spec = load_spec_named(self._folder, dataset)
            except SpecError:
                if known is None:
                    raise
                spec = known[1]
            self._read[dataset] = marks, spec
            return spec

    def _marks(self, dataset: str) -> object:
        """What tells a changed file: its time and size, by ending; None where there is none."""
        return tuple(_mark(self._folder / f"{dataset}{end}") for end in (".yaml", ".yml"))


class Specs(Protocol):
    """Where specs are read."""

    def spec(self, dataset: str) -> DatasetSpec: ...


class OneSpec:
    """One spec that was read already, where nothing else is asked for."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec

    def spec(self, dataset: str) -> DatasetSpec:
        """The spec. Raises `SpecError` for another dataset's."""
        if dataset != self._spec.name:
            raise SpecError(f"this is the spec of {self._spec.name}, and not of {dataset}")
        return self._spec


class RecordBatches:
    """The open batches of a record; a `burnish.review.ports.Batches`.

    Datasets without a spec are left out: nobody could say how they are reviewed.
    """

    def __init__(self, versions: Versions, specs: Specs) -> None:
        self._versions = versions
        self._specs = specs
        self._queues: Newest[list[dict[str, Any]]] = Newest()
        self._classes: Newest[tuple[str, ...]] = Newest()
        self._gold: Newest[Mapping[str, str]] = Newest()

    def datasets(self) -> list[str]:
        """The datasets that have a batch open, by name."""
        return [name for name in self._versions.datasets() if self.open(name) is not None]

    def open(self, dataset: str) -> OpenBatch | None:
        """The batch of the open iteration, once its gate has let the queue through; else None."""
        waiting = self._versions.waiting(dataset, "relabel_queue")
        if waiting is None:
            return None
        iteration, version = waiting
        try:
            spec = self.spec(dataset)
        except SpecError:
            return None
        answers, agree = spec.review.people
        return OpenBatch(
            dataset=dataset,
            iteration=iteration.number,
            watermark=iteration.watermark,
            queue_version=version,
            policy=Policy(answers=answers, agree=agree, approval=spec.review.approval),
            classes=self._classes_of(spec),
            owner=spec.owner or "",
            shown_share=spec.review.shown_share,
            assign=spec.review.assign,
            promises=spec.review.promises,
        )

    def queue(self, batch: OpenBatch) -> list[dict[str, Any]]:
        """The rows of a batch that its gate let through, by position."""
        key = batch.iteration, batch.queue_version
        return self._queues.get(batch.dataset, key, lambda: self._rows(batch))

    def known_answers(self, dataset: str) -> Mapping[str, str]:
        """The known label of each gold item, as it was kept last."""
        key = newest_published(self._versions, dataset, GOLD_STAGE)
        return self._gold.get(dataset, key, lambda: known_answers(self._versions, dataset))

    def tallies(self, dataset: str) -> Tallies:
        """How often each person was right on each pair of classes, in all batches so far."""
        return tallies(self._versions.ledger.events(dataset), self.known_answers(dataset))

    def spec(self, dataset: str) -> DatasetSpec:
        """The spec of a dataset in the catalog. Raises `SpecError` where there is none to use."""
        return self._specs.spec(dataset)

    def _rows(self, batch: OpenBatch) -> list[dict[str, Any]]:
        table = self._versions.let_through(batch.dataset, "relabel_queue", batch.queue_version)
        rows = table.sort_by("position").to_pylist()
        if any(row["iteration"] != batch.iteration for row in rows):
            raise ReviewError(
                f"queue {batch.queue_version} of {batch.dataset} is of another iteration",
                expected=f"rows of iteration {batch.iteration}",
            )
        return rows

    def _classes_of(self, spec: DatasetSpec) -> tuple[str, ...]:
        """The classes of the spec, else all labels that were collected."""
        if spec.classes:
            return spec.classes
        key = newest_published(self._versions, spec.name, "validated_examples")
        return self._classes.get(spec.name, key, lambda: self._collected(spec.name))

    def _collected(self, dataset: str) -> tuple[str, ...]:
        rows = self._versions.read_last_good(dataset, "validated_examples", columns=["label"])
        labels = [] if rows is None else rows["label"].drop_null().unique().to_pylist()
        return tuple(sorted(labels))


class HomeBatches(RecordBatches):
    """The open batches of a home, by the specs of a catalog."""

    def __init__(self, home: Home, catalog: Path) -> None:
        super().__init__(home.versions, CatalogSpecs(catalog))


def newest_published(versions: Versions, dataset: str, stage: str) -> int | None:
    """The version of a stage that readers see, asked of SQL alone."""
    published = versions.published_versions(dataset, stage)
    return published[-1] if published else None


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
