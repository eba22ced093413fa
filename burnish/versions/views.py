"""Curated rows as a view: a feature snapshot and a place in the ledger, joined when read.

What belongs here: resolving which snapshot and which place a version is made of. What does not:
the join (`burnish.versions.joining`), or making a version (`burnish.versions.curating`).

Features are large and rarely change, labels are small and change every night. So a version of
`curated_examples` is one row in the store: version and quarantine of the validated rows, version of
the unlabeled ones, watermark and chain of the ledger. A night of corrections writes its events and
this row, and never the features again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from burnish.errors import CorruptTable
from burnish.records import LabelVersion, Watermark
from burnish.store import TableDigest, table_digest
from burnish.versions.joining import curate
from burnish.versions.outputs import Outputs
from burnish.versions.verdicts import QUARANTINE, without_rows

FEATURES, UNLABELED = "validated_examples", "unlabeled_examples"
VIEW = "view"
CURATED = "curated_examples"
# What the join adds to say where a label comes from; the content of a version is all but these.
PROVENANCE = ("given_label", "decision", "event_id")
RECIPE = pa.schema(
    [
        ("features", pa.int64()),
        ("quarantine", pa.int64()),
        ("unlabeled", pa.int64()),
        ("watermark", pa.int64()),
        ("chain", pa.string()),
    ]
)


@dataclass(frozen=True)
class Recipe:
    """What a version of curated rows is joined of; None where there is no such part."""

    features: int
    quarantine: int | None
    unlabeled: int | None
    watermark: int
    chain: str


class Views(Outputs):
    """Versions of any stage, whether stored as rows or as what they are joined of."""

    def read_version(
        self,
        dataset: str,
        stage: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """All rows of a version (None: the newest), published or not; views are joined.

        Raises `CorruptTable` where the ledger no longer has the labels that a view was made with.
        """
        name = f"{dataset}/{stage}"
        if stage != CURATED:
            return self.store.read(name, version=version, columns=columns)
        found = self.store.describe(name, version=version)
        if found.properties.get(VIEW) is None:
            return self.store.read(name, version=found.version, columns=columns)
        joined = self._joined(dataset, self.recipe(dataset, found.version), columns)
        return joined if columns is None else joined.select(list(columns))

    def recipe(self, dataset: str, version: int) -> Recipe:
        """What a version of curated rows is joined of."""
        rows = self.store.read(f"{dataset}/curated_examples", version=version)
        return Recipe(**rows.to_pylist()[0])

    def _joined(self, dataset: str, recipe: Recipe, columns: Sequence[str] | None) -> pa.Table:
        labels = self._labels(dataset, recipe)
        wanted = None if columns is None else {*columns, "example_id", "label"} - {*PROVENANCE}
        if recipe.unlabeled is not None and wanted is not None:
            # Rows that join from the unlabeled ones are held against all cells of the others.
            wanted = None
        return curate(
            self._features(dataset, recipe, wanted), labels, unlabeled=self._extra(dataset, recipe)
        )

    def _labels(self, dataset: str, recipe: Recipe) -> LabelVersion:
        labels = self._ledger.fold(dataset, recipe.watermark)
        if labels.watermark != Watermark(recipe.watermark, recipe.chain):
            raise CorruptTable(
                f"the ledger of {dataset} has another past up to event {recipe.watermark} than "
                "when its curated rows were made",
                expected=f"the chain {recipe.chain[:12]}",
                hint="`burnish verify` says which event does not hold; restore the database",
            )
        return labels

    def _features(self, dataset: str, recipe: Recipe, wanted: set[str] | None) -> pa.Table:
        name = f"{dataset}/{FEATURES}"
        known = self.store.schema(name, version=recipe.features).names
        columns = None if wanted is None else [column for column in known if column in wanted]
        rows = self.store.read(name, version=recipe.features, columns=columns)
        return without_rows(rows, self._turned_away(dataset, recipe))

    def _turned_away(self, dataset: str, recipe: Recipe) -> pa.Table:
        if recipe.quarantine is None:
            return QUARANTINE.empty_table()
        return self.store.read(f"{dataset}/{FEATURES}_quarantine", version=recipe.quarantine)

    def _extra(self, dataset: str, recipe: Recipe) -> pa.Table | None:
        if recipe.unlabeled is None:
            return None
        return self.store.read(f"{dataset}/{UNLABELED}", version=recipe.unlabeled)


def content_of(rows: pa.Table) -> pa.Table:
    """The content of curated rows: ids, features and labels, without where labels come from."""
    return rows.drop_columns([name for name in PROVENANCE if name in rows.column_names])


def digest_of_content(rows: pa.Table) -> TableDigest:
    """The digest of a dataset version, from its rows."""
    return table_digest(content_of(rows))


def parts_of(dataset: str, recipe: Recipe) -> list[tuple[str, int]]:
    """The tables and versions that a recipe joins."""
    named = [
        (f"{dataset}/{FEATURES}", recipe.features),
        (f"{dataset}/{FEATURES}_quarantine", recipe.quarantine),
        (f"{dataset}/{UNLABELED}", recipe.unlabeled),
    ]
    return [(name, version) for name, version in named if version is not None]
