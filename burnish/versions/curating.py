"""Making curated rows: a night's labels over the features that are there, and what is in them.

What belongs here: storing a version of curated rows as a view, and its digest and counts, kept up
to date by the labels that changed. What does not: reading a view (`burnish.versions.views`), or
numbering a dataset version (`burnish.versions.commits`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.database import reading
from burnish.errors import GateError
from burnish.records import DatasetVersion, LabelVersion, TableVersion
from burnish.store import DeltaStore, TableDigest
from burnish.versions.ground import first
from burnish.versions.joining import curate
from burnish.versions.reading import Reading
from burnish.versions.schema import gate_verdicts
from burnish.versions.verdicts import (
    QUARANTINE,
    publications_of,
    quarantine_version,
    verdicts_of,
    without_rows,
)
from burnish.versions.views import (
    CURATED,
    FEATURES,
    RECIPE,
    UNLABELED,
    VIEW,
    Recipe,
    digest_of_content,
    parts_of,
)

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute


@dataclass(frozen=True)
class Content:
    """What is in a version of curated rows: digest in its parts, and rows by label."""

    digest: TableDigest
    class_counts: Mapping[str, int]

    @property
    def rows(self) -> int:
        return self.digest.rows


class Curating(Reading):
    """Versions of curated rows, made of what is there already."""

    def write_curated(
        self, dataset: str, labels: LabelVersion, *, iteration: int | None = None
    ) -> TableVersion:
        """Store a candidate of `curated_examples`: the published rows with these labels.

        Where the newest candidate is the same, that one is returned. What is in it is pinned, so
        that it can be joined again for as long as it is kept. Raises `GateError` where no validated
        rows were published.
        """
        recipe = self._recipe(dataset, labels)
        written = self.write(
            dataset,
            CURATED,
            pa.Table.from_pylist([asdict(recipe)], schema=RECIPE),
            iteration=iteration,
            properties={
                VIEW: "labels",
                "watermark": str(recipe.watermark),
                "chain": recipe.chain,
            },
        )
        for table, version in parts_of(dataset, recipe):
            self.store.pin(table, version, str(written))
        return written

    def read_numbered(
        self, version: DatasetVersion, *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The rows of a dataset version: those of its table that its gate let through."""
        rows = self.read_version(
            version.dataset, CURATED, version=version.table_version, columns=columns
        )
        return without_rows(rows, self.turned_away(version))

    def turned_away(self, version: DatasetVersion) -> pa.Table:
        """The rows of its table that a gate kept out of a dataset version, as `QUARANTINE`."""
        return self._turned_away_by_gate(version.dataset, CURATED, version.table_version)

    def let_through(self, dataset: str, stage: str, version: int) -> pa.Table:
        """The rows of a version that its gate let through, whatever came later."""
        rows = self.read_version(dataset, stage, version=version)
        return without_rows(rows, self._turned_away_by_gate(dataset, stage, version))

    def _turned_away_by_gate(self, dataset: str, stage: str, version: int) -> pa.Table:
        table = gate_verdicts.c
        query = verdicts_of(dataset, stage).where(table.version == version, table.passed.is_(True))
        for verdict in self._rows(query):
            if verdict["quarantine_version"]:
                name = f"{dataset}/{stage}_quarantine"
                return self.store.read(name, version=verdict["quarantine_version"])
        return QUARANTINE.empty_table()

    def content(self, dataset: str, version: int) -> Content:
        """What is in a version of curated rows, without reading its features where that can be.

        The digest of the features was made when they were written. Where people changed labels
        alone, the old labels are taken out of it and the new ones put in.
        """
        recipe = self.recipe(dataset, version)
        simple = recipe.quarantine is None and recipe.unlabeled is None
        if simple and isinstance(self.store, DeltaStore):
            kept = self._kept_up(dataset, recipe, self.store)
            if kept is not None:
                return kept
        rows = self.read_version(dataset, CURATED, version=version)
        return Content(digest_of_content(rows), _counts(rows["label"]))

    def _kept_up(self, dataset: str, recipe: Recipe, store: DeltaStore) -> Content | None:
        """The content by its changes; None where only a look at all of it will do."""
        name = f"{dataset}/{FEATURES}"
        digest = store.digest(name, version=recipe.features)
        decisions = self._labels(dataset, recipe).decisions
        if not digest.by_id or pc.any(pc.equal(decisions["decision"], "drop")).as_py():
            return None
        columns = ["example_id", "label"]
        given = store.read(name, version=recipe.features, columns=columns)
        asked = pc.is_in(given["example_id"], value_set=decisions["example_id"].combine_chunks())
        before = given.filter(asked)
        labels = self._labels(dataset, recipe)
        after = curate(before, labels).select(columns) if before.num_rows else before
        counts = Counter(_counts(given["label"]))
        counts.subtract(_counts(before["label"]))
        counts.update(_counts(after["label"]))
        return Content(
            digest.with_cells(before, after) if before.num_rows else digest,
            {label: count for label, count in sorted(counts.items()) if count},
        )

    def _recipe(self, dataset: str, labels: LabelVersion) -> Recipe:
        with reading(self._engine) as connection:
            features = first(connection, publications_of(dataset, FEATURES))
            unlabeled = first(connection, publications_of(dataset, UNLABELED))
            quarantine = quarantine_version(connection, features) if features else None
        if features is None:
            raise GateError(
                f"{dataset}/{FEATURES} was never published",
                expected="validated rows that passed their gate",
                hint=f"materialize {FEATURES} together with its check",
            )
        return Recipe(
            features=features["version"],
            quarantine=quarantine,
            unlabeled=unlabeled["version"] if unlabeled else None,
            watermark=labels.watermark.event_id,
            chain=labels.watermark.chain,
        )


def content_without(rows: pa.Table, turned_away: pa.Table) -> Content:
    """What is left of curated rows behind a gate that turned some of them away."""
    kept = without_rows(rows, turned_away)
    return Content(digest_of_content(kept), _counts(kept["label"]))


def _counts(labels: pa.ChunkedArray) -> dict[str, int]:
    pairs = pc.value_counts(labels.cast(pa.string())).to_pylist()
    return {pair["values"]: pair["counts"] for pair in pairs if pair["values"] is not None}
