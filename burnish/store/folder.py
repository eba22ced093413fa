"""The folder of one table: its manifests by number, and the Parquet files they name.

What belongs here: finding, verifying and claiming versions of one table. What does not: what a
caller may ask of a table (`burnish.store.parquet`), or its tags and pins (`burnish.store.marks`).

    v00000001.json            manifest of version 1, under a seal
    <random>.parquet          the rows, named by exactly one manifest
    tag.<name>.json, pin.<version>.<reason's hash>.json
    <random>.draft            a file on its way; a stray one was left by a killed writer

Names of tables hold no dot and all these do, so a table may lie inside the folder of another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from burnish.errors import CorruptTable, StoreError, VersionNotFound, WriteConflict
from burnish.store.digest import content_digest
from burnish.store.files import claim, fresh_name, locked, sync_folder, write_new
from burnish.store.manifest import Manifest, manifest_from

TABLE_NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")
MANIFEST_NAME = re.compile(r"v(\d{8,})\.json")


@dataclass(frozen=True)
class Snapshot:
    """A Parquet file on the disk that no manifest names yet."""

    file: str
    sha256: str
    rows: int
    digest: str


class TableFolder:
    """The versions of one table, by number. `root` is that of the store."""

    def __init__(self, root: Path, table: str) -> None:
        if not TABLE_NAME.fullmatch(table):
            raise StoreError(
                f"{table!r} cannot be the name of a table",
                expected="lower-case letters, digits and _, in parts joined by /",
            )
        self.table = table
        self.path = root / table

    @contextmanager
    def held(self) -> Generator[None]:
        """Share the lock, so that no vacuum takes a version away; the table must exist."""
        if not self.path.is_dir():
            raise self.not_found("version")
        with locked(self.path, alone=False):
            yield

    def numbers(self) -> list[int]:
        """Numbers of all versions, rising."""
        if not self.path.is_dir():
            return []
        found = (MANIFEST_NAME.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def head(self) -> int:
        """Number of the newest version, 0 where there is none."""
        return max(self.numbers(), default=0)

    def expect(self, expected: int | None, *, head: int) -> None:
        """Raise `WriteConflict` unless the newest version is the one a writer counts on."""
        if expected is not None and head != expected:
            raise WriteConflict(
                f"the newest version of {self.table} is {head or 'none yet'}",
                expected=str(expected or "none yet"),
                hint="read the newest version and write again",
            )

    def manifest(self, number: int) -> Manifest:
        """The manifest of a version; raises `VersionNotFound` or `CorruptTable`."""
        try:
            data = self.manifest_path(number).read_bytes()
        except FileNotFoundError:
            raise self.not_found(f"version {number}") from None
        return manifest_from(data, table=self.table, version=number)

    def as_of(self, moment: datetime) -> Manifest:
        """The newest version created by `moment`; raises `VersionNotFound`."""
        if moment.tzinfo is None:
            raise StoreError(f"as_of is {moment}, without a time zone", hint="pass a time in UTC")
        for number in reversed(self.numbers()):
            manifest = self.manifest(number)
            if datetime.fromisoformat(manifest.created_at) <= moment:
                return manifest
        raise self.not_found(f"version as of {moment.isoformat()}")

    def verified(self, manifest: Manifest) -> bytes:
        """The bytes of a version's Parquet file; raises `CorruptTable` unless they are its own."""
        try:
            data = (self.path / manifest.file).read_bytes()
        except FileNotFoundError:
            raise corrupt(manifest, "has lost its file") from None
        if hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise corrupt(manifest, "does not have the checksum it was written with")
        return data

    def snapshot(self, data: pa.Table) -> Snapshot:
        """Write a table to the disk under a name nobody else has."""
        digest = content_digest(data)
        sink = pa.BufferOutputStream()
        try:
            pq.write_table(data, sink, compression="zstd")
        except pa.ArrowException as error:
            raise StoreError(
                f"a table for {self.table} cannot be written as Parquet: {error}",
                hint="cast the columns that Parquet does not know",
            ) from error
        parquet = sink.getvalue().to_pybytes()
        file = fresh_name("parquet")
        write_new(self.path / file, parquet)
        sync_folder(self.path)
        return Snapshot(file, hashlib.sha256(parquet).hexdigest(), data.num_rows, digest)

    def claim_next(
        self,
        snapshot: Snapshot,
        properties: Mapping[str, str],
        *,
        expected: int | None,
        now: datetime,
    ) -> Manifest:
        """Make a snapshot the next version; raises `WriteConflict` where `expected` is past."""
        while True:
            head = self.head()
            self.expect(expected, head=head)
            manifest = Manifest(
                table=self.table,
                version=head + 1,
                rows=snapshot.rows,
                digest=snapshot.digest,
                file=snapshot.file,
                sha256=snapshot.sha256,
                created_at=self._not_before(head, now).isoformat(timespec="microseconds"),
                parent=head or None,
                properties=properties,
            )
            if claim(self.manifest_path(manifest.version), manifest.to_bytes()):
                return manifest

    def manifest_path(self, number: int) -> Path:
        return self.path / f"v{number:08d}.json"

    def not_found(self, what: str) -> VersionNotFound:
        numbers = self.numbers()
        known = f"versions {numbers[0]} to {numbers[-1]}" if numbers else "no version yet"
        return VersionNotFound(f"{self.table} has no {what}", expected=f"there is {known}")

    def _not_before(self, head: int, now: datetime) -> datetime:
        """`now`, or the time of the head where a clock went back: `as_of` needs rising times."""
        if now.tzinfo is None:
            raise StoreError(f"the clock gives {now}, without a time zone", expected="UTC")
        now = now.astimezone(UTC)
        return max(now, datetime.fromisoformat(self.manifest(head).created_at)) if head else now


def corrupt(manifest: Manifest, what: str) -> CorruptTable:
    """The error for a version whose bytes are not those that were written."""
    return CorruptTable(
        f"{manifest.table}@{manifest.version} {what}",
        expected=f"{manifest.file} with sha256 {manifest.sha256[:12]}...",
        hint="restore the file from a backup, or read another version",
    )
