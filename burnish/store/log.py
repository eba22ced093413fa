"""The log of one table: finding its versions, reading their commits, and making the next one.

What belongs here: the way of a commit into Delta Lake and out of it. What does not: what a caller
may ask of a table (`burnish.store.delta`).

A version comes to be in one step: its file lies in the table under a name nobody else has, and
then a commit of Delta Lake that names it takes the next number, which fails if the number is
taken. A kill at any moment leaves a whole version, or none and a stray file that `vacuum` sweeps
away. The database then notes the sha256 of the commit file. From there on, a commit that is cut
short, changed or gone is told from one that never was: Delta Lake alone would step back silently.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa

from burnish.errors import CorruptTable, StoreError, VersionNotFound, WriteConflict
from burnish.store.commits import FACTS, LOG, Commit, commit_file, commit_from, version_of
from burnish.store.files import fresh_name
from burnish.store.marks import Marks
from burnish.store.parts import Part
from burnish.store.places import Place

TABLE_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]*(/[a-z0-9_][a-z0-9_-]*)*")
# Old commits are read by name, so Delta Lake must never clean them away.
CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}


class TableLog:
    """The versions of one table by number, in its place."""

    def __init__(self, table: str, place: Place, marks: Marks, options: Mapping[str, str]) -> None:
        self.table = table
        self.place = place
        self._marks = marks
        self._options = dict(options) or None

    @staticmethod
    def check_name(table: str) -> None:
        """Raise `StoreError` for what cannot be the name of a table."""
        if not TABLE_NAME.fullmatch(table):
            raise StoreError(
                f"{table!r} cannot be the name of a table",
                expected="lower-case letters, digits, _ and - (not first), in parts joined by /",
            )

    def fresh_name(self) -> str:
        """A name for a Parquet file that no other has."""
        return fresh_name("parquet")

    def numbers(self) -> list[int]:
        """Numbers of all versions that are kept, rising."""
        gone = self._marks.gone(self.table)
        return [number for number in self._committed() if number not in gone]

    def head(self) -> int:
        """Number of the newest version, 0 where there is none.

        Raises `CorruptTable` where the file of an acknowledged commit is gone.
        """
        # In this order: a commit made in between is found, and not taken for one that is gone.
        acknowledged = self._marks.newest(self.table)
        found = max(self._committed(), default=0)
        if found < acknowledged:
            raise CorruptTable(
                f"the commit of {self.table}@{acknowledged} is gone",
                expected=f"{commit_file(acknowledged)} in {self.place.uri}",
                hint="restore the folder of the table from a backup",
            )
        return found

    def expect(self, expected: int | None, *, head: int) -> None:
        """Raise `WriteConflict` unless the newest version is the one a writer counts on."""
        if expected is not None and head != expected:
            raise WriteConflict(
                f"the newest version of {self.table} is {head or 'none yet'}",
                expected=str(expected or "none yet"),
                hint="read the newest version and write again",
            )

    def read(self, number: int) -> Commit:
        """The commit of a version; raises `VersionNotFound` or `CorruptTable`."""
        data = self.place.read(commit_file(number)) if number > 0 else None
        acknowledged, gone = self._marks.state(self.table, number)
        if data is None and acknowledged is None:
            raise self.not_found(f"version {number}")
        if data is None or (acknowledged and hashlib.sha256(data).hexdigest() != acknowledged):
            size = "gone" if data is None else f"{len(data)} bytes"
            raise CorruptTable(
                f"the commit of {self.table}@{number} is not what was written ({size})",
                expected=f"{commit_file(number)} as it was acknowledged",
                hint="restore the folder of the table from a backup",
            )
        if gone:
            raise self.not_found(f"version {number} any more")
        return commit_from(data, table=self.table, version=number)

    def settled(self, number: int) -> Commit:
        """The commit of a version that is about to be counted on, acknowledged by now.

        A writer that was killed between its commit and its word to the database leaves the word to
        whoever holds the version.
        """
        commit = self.read(number)
        if self._marks.acknowledged(self.table, number) is None:
            self._acknowledge(number)
        return commit

    def check_schema(self, arrow: pa.Schema) -> None:
        """Raise `StoreError` for types that Delta Lake has no name for."""
        from deltalake import Schema

        try:
            Schema.from_arrow(arrow)
        except Exception as error:
            raise StoreError(
                f"{self.table} cannot be a Delta table: {str(error).splitlines()[0]}",
                hint="cast the column before it is stored",
            ) from error

    def check_files(self, commit: Commit) -> None:
        """Raise `CorruptTable` where a file of a version is not the one written, byte for byte."""
        for part in commit.parts:
            data = self.place.read(part.name)
            if data is None or hashlib.sha256(data).hexdigest() != part.sha256:
                raise CorruptTable(
                    f"{commit.table}@{commit.version} has lost its file {part.name}, or it changed",
                    hint="restore the folder of the table from a backup",
                )

    def as_of(self, moment: datetime) -> Commit:
        """The newest version created by `moment`; raises `VersionNotFound`."""
        if moment.tzinfo is None:
            raise StoreError(f"as_of is {moment}, without a time zone", hint="pass a time in UTC")
        for number in reversed(self.numbers()):
            commit = self.read(number)
            if commit.created_at <= moment:
                return commit
        raise self.not_found(f"version as of {moment.isoformat()}")

    def not_before(self, head: int, now: datetime) -> datetime:
        """The time of the next version: now, unless the clock has gone back."""
        if head < 1:
            return now
        data = self.place.read(commit_file(head))
        before = commit_from(data or b"", table=self.table, version=head).created_at
        return max(now, before)

    def commit(self, commit: Commit, *, new: Part, arrow: pa.Schema, append: bool) -> Commit:
        """Make a commit the next version; raises `WriteConflict` where its number is taken."""
        from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

        try:
            self._into_delta(commit, new, arrow, append=append)
        except (CommitFailedError, TableNotFoundError) as error:
            raise self._conflict(commit.version) from error
        except DeltaError as error:
            if "already exists" in str(error).lower():
                raise self._conflict(commit.version) from error
            raise StoreError(
                f"{self.table}@{commit.version} cannot be committed: {error}"
            ) from error
        return commit_from(
            self._acknowledge(commit.version), table=self.table, version=commit.version
        )

    def vacuum(self, *, keep_last: int) -> list[int]:
        """Let go of all but the newest versions and those held; the caller has the lock."""
        numbers = self.numbers()
        kept = {*numbers[-keep_last:], *self._marks.held(self.table)} & set(numbers)
        named = {part.name for number in kept for part in self.read(number).parts}
        removed = [number for number in numbers if number not in kept]
        # The record goes first: a kill in between leaves stray files, no version without rows.
        self._marks.let_go(self.table, removed, f"vacuum that kept {keep_last}")
        for name in self.place.sweepable():
            if name.endswith((".parquet", ".draft")) and name not in named:
                self.place.remove(name)
        for name in self.place.sweepable(LOG):
            if ".tmp" in name:
                self.place.remove(f"{LOG}/{name}")
        return removed

    def not_found(self, what: str) -> VersionNotFound:
        """The error for something this table does not have."""
        numbers = self.numbers()
        known = ", ".join(map(str, numbers[-5:]))
        if not numbers:
            return VersionNotFound(f"{self.table} has no version yet", expected="a table with rows")
        return VersionNotFound(f"{self.table} has no {what}", expected=f"among: {known}")

    @contextmanager
    def held(self) -> Generator[None]:
        """Share the lock, so that no vacuum takes a version away; the table must exist.

        Raises `VersionNotFound`, or `CorruptTable` where there was a table.
        """
        if not self.place.exists():
            self.head()
            raise self.not_found("version")
        with self.place.held(alone=False):
            yield

    def _acknowledge(self, number: int) -> bytes:
        """Note in the database what the file of a commit holds, once that is on the disk."""
        name = commit_file(number)
        self.place.settle(name)
        data = self.place.read(name) or b""
        self._marks.acknowledge(self.table, number, hashlib.sha256(data).hexdigest())
        return data

    def _committed(self) -> list[int]:
        found = (version_of(name) for name in self.place.names(LOG))
        return sorted(number for number in found if number is not None)

    def _conflict(self, version: int) -> WriteConflict:
        return WriteConflict(
            f"somebody else made {self.table}@{version}",
            hint="read the newest version and write again",
        )

    def _into_delta(self, commit: Commit, new: Part, arrow: pa.Schema, *, append: bool) -> None:
        from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema
        from deltalake.transaction import AddAction, create_table_with_add_actions

        now = int(time.time() * 1000)
        stats = f'{{"numRecords": {new.rows}}}'
        add = AddAction(new.name, new.size, {}, now, True, stats)
        how: dict[str, Any] = {
            # No retry: it would commit under a later number than the facts say.
            "commit_properties": CommitProperties(
                custom_metadata={FACTS: commit.to_facts()}, max_commit_retries=0
            ),
            "post_commithook_properties": PostCommitHookProperties(
                create_checkpoint=True, cleanup_expired_logs=False
            ),
        }
        schema = Schema.from_arrow(arrow)
        if commit.version == 1:
            create_table_with_add_actions(
                self.place.uri,
                schema,
                [add],
                mode="error",
                configuration=CONFIGURATION,
                storage_options=self._options,
                **how,
            )
            return
        table = DeltaTable(self.place.uri, storage_options=self._options)
        if table.version() != commit.version - 2:
            raise self._conflict(commit.version)
        table.create_write_transaction([add], "append" if append else "overwrite", schema, **how)
