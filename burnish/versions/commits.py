"""Dataset versions: a feature snapshot and a label version under one number.

What belongs here: committing one, and listing them. What does not: building the curated table
(`burnish.workflows`), or storing it (`Versions.write`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, select

from burnish.database import transact
from burnish.errors import VersionNotFound
from burnish.records import DatasetVersion, Watermark
from burnish.versions.ground import Ground, Row, first
from burnish.versions.schema import dataset_versions

STAGE = "curated_examples"


class Commits(Ground):
    """Dataset versions of every dataset."""

    def commit(
        self,
        dataset: str,
        *,
        table_version: int,
        watermark: Watermark,
        digest: str,
        rows: int,
        class_counts: Mapping[str, int],
        iteration: int,
        sheet: Mapping[str, Any] | None = None,
    ) -> DatasetVersion:
        """Give the next number to a version of "dataset/curated_examples" and its labels.

        The same table version, watermark and digest have one number, however often committed.
        The table version is pinned first: a number never points at what a vacuum took. Raises
        `VersionNotFound` where the store has no such version.
        """
        return transact(
            self._engine,
            self.committing(
                dataset,
                table_version=table_version,
                watermark=watermark,
                digest=digest,
                rows=rows,
                class_counts=class_counts,
                iteration=iteration,
                sheet=sheet,
            ),
        )

    def committing(
        self,
        dataset: str,
        *,
        table_version: int,
        watermark: Watermark,
        digest: str,
        rows: int,
        class_counts: Mapping[str, int],
        iteration: int,
        sheet: Mapping[str, Any] | None = None,
    ) -> Callable[[Connection], DatasetVersion]:
        """What `commit` does, as a part of somebody else's transaction; the pin is set at once."""
        self.store.pin(f"{dataset}/{STAGE}", table_version, f"dataset version of {dataset}")
        counts = json.dumps({name: int(count) for name, count in class_counts.items()})
        told = json.dumps(dict(sheet or {}))

        def add(connection: Connection) -> DatasetVersion:
            table = dataset_versions.c
            same = _of(dataset).where(
                table.table_version == table_version,
                table.digest == digest,
                table.watermark == watermark.event_id,
                table.watermark_chain == watermark.chain,
            )
            row = first(connection, same)
            if row is None:
                newest = first(connection, _of(dataset).order_by(table.number.desc()))
                row = {
                    "dataset": dataset,
                    "number": newest["number"] + 1 if newest else 1,
                    "table_version": table_version,
                    "watermark": watermark.event_id,
                    "watermark_chain": watermark.chain,
                    "digest": digest,
                    "rows": rows,
                    "sheet": told,
                    "class_counts": counts,
                    "iteration": iteration,
                    "created_at": self._now(),
                }
                connection.execute(dataset_versions.insert(), row)
            return _version_from(row)

        return add

    def dataset_version(self, dataset: str, number: int) -> DatasetVersion:
        """One dataset version; raises `VersionNotFound` where there is none of that number."""
        rows = self._rows(_of(dataset).where(dataset_versions.c.number == number))
        if not rows:
            newest = len(self.dataset_versions(dataset))
            raise VersionNotFound(
                f"{dataset} has no dataset version {number}",
                expected=f"one of 1 to {newest}" if newest else "none was made yet",
            )
        return _version_from(rows[0])

    def dataset_versions(self, dataset: str) -> list[DatasetVersion]:
        """Every dataset version, oldest first."""
        rows = self._rows(_of(dataset).order_by(dataset_versions.c.number))
        return [_version_from(row) for row in rows]


def _of(dataset: str) -> Select[Any]:
    return select(dataset_versions).where(dataset_versions.c.dataset == dataset)


def _version_from(row: Row) -> DatasetVersion:
    return DatasetVersion(
        dataset=row["dataset"],
        number=row["number"],
        table_version=row["table_version"],
        watermark=Watermark(row["watermark"], row["watermark_chain"]),
        digest=row["digest"],
        rows=row["rows"],
        class_counts=json.loads(row["class_counts"]),
        iteration=row["iteration"],
        created_at=row["created_at"],
        sheet=json.loads(row["sheet"]),
    )
