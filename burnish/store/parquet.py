"""A store of versioned tables on a local folder: Parquet files under sealed manifests.

What belongs here: `ParquetStore`, what a caller may ask of its tables. What does not: how the
folder of a table is kept (`burnish.store.folder`) and its bytes made durable
(`burnish.store.files`), digests and diffs (`burnish.store.digest`, `burnish.store.difference`).

A version comes to be in one step: its Parquet file is written and synced under a name nobody
else has, and then the manifest that names it takes the version's number by a hard link, which
fails if the number is taken. A kill at any moment leaves a whole version, or none and a stray
file that `vacuum` sweeps away. Readers and writers share the lock of the table's folder and
`vacuum` holds it alone: it never takes what somebody reads, or is still about to name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from burnish.errors import StoreError, VersionNotFound, WriteConflict
from burnish.records import TableDiff, TableVersion
from burnish.store import marks
from burnish.store.difference import changed_cells, row_ids
from burnish.store.files import locked, make_folder, sync_folder
from burnish.store.folder import TableFolder, corrupt
from burnish.store.manifest import Manifest
from burnish.typing import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ParquetStore:
    """Versioned tables below `root`, one folder a table; a `burnish.typing.TableStore`.

    Versions are numbered from 1. Reading verifies the checksum of the file first. `clock` gives
    the time a version is created, which never falls behind that of the version before.

    >>> import tempfile
    >>> store = ParquetStore(tempfile.mkdtemp())
    >>> print(store.write("digits/raw_examples", pa.table({"example_id": ["a", "b"]})))
    digits/raw_examples@1
    >>> print(store.append("digits/raw_examples", pa.table({"example_id": ["c"]})))
    digits/raw_examples@2
    >>> store.diff("digits/raw_examples", 1, 2).added
    ('c',)
    """

    def __init__(self, root: str | Path, *, clock: Clock = _utc_now) -> None:
        self._root = Path(root).absolute()
        self._clock = clock

    def write(
        self,
        table: str,
        data: pa.Table,
        *,
        expected: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """Store `data` as the next version.

        Raises `WriteConflict` where the newest version is not `expected` (0: there is none), and
        `StoreError` for a bad name or a table that cannot be stored.
        """
        folder = TableFolder(self._root, table)
        facts = _checked_properties(properties)
        folder.expect(expected, head=folder.head())
        make_folder(self._root, folder.path)
        with locked(folder.path, alone=False):
            snapshot = folder.snapshot(data)
            try:
                manifest = folder.claim_next(snapshot, facts, expected=expected, now=self._clock())
            except WriteConflict:
                (folder.path / snapshot.file).unlink()
                raise
            return manifest.to_version()

    def append(
        self,
        table: str,
        data: pa.Table,
        *,
        expected: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """Store the rows of the newest version and, below them, `data`, as the next version.

        Columns are matched by name. Raises as `write` does, and `StoreError` for other columns.
        """
        folder = TableFolder(self._root, table)
        while True:
            head = folder.head()
            folder.expect(expected, head=head)
            try:
                joined = (
                    _joined(self.read(table, version=head), data, table=table) if head else data
                )
                return self.write(table, joined, expected=head, properties=properties)
            except (WriteConflict, VersionNotFound):
                # Another writer moved the head (and a vacuum may have taken the old one away).
                if folder.head() == head:
                    raise

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        tag: str | None = None,
        as_of: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One version: the newest, or that picked by `version`, `tag`, or the time `as_of`.

        Raises `VersionNotFound`, `CorruptTable` where bytes are not those written, and
        `StoreError` for unknown `columns`.
        """
        folder = TableFolder(self._root, table)
        with folder.held():
            manifest = _pick(folder, version=version, tag=tag, as_of=as_of)
            data = folder.verified(manifest)
        try:
            file = pq.ParquetFile(pa.BufferReader(data))
            if columns is None:
                return file.read()
            _check_columns(file.schema_arrow.names, columns, what=f"{table}@{manifest.version}")
            # The reader takes a name with a dot for a path, and may bring its neighbours along.
            return file.read(columns=list(columns)).select(list(columns))
        except (pa.ArrowException, OSError) as error:
            raise corrupt(manifest, f"cannot be read as Parquet: {error}") from error

    def describe(
        self, table: str, *, version: int | None = None, tag: str | None = None
    ) -> TableVersion:
        """The newest version, or that picked, without its rows; raises `VersionNotFound`."""
        folder = TableFolder(self._root, table)
        with folder.held():
            return _pick(folder, version=version, tag=tag, as_of=None).to_version()

    def history(self, table: str) -> list[TableVersion]:
        """All versions that can be read, oldest first; empty for an unknown table."""
        folder = TableFolder(self._root, table)
        if not folder.path.is_dir():
            return []
        with folder.held():
            return [folder.manifest(number).to_version() for number in folder.numbers()]

    def diff(self, table: str, before: int, after: int) -> TableDiff:
        """Rows added and removed, and cells changed, matched by example_id.

        Cells are compared as `content_digest` sees them. Raises `StoreError` for a table without
        example_id, or with an id that is null or stands twice.
        """
        old, new = self.read(table, version=before), self.read(table, version=after)
        old_ids = row_ids(old, what=f"{table}@{before}")
        new_ids = row_ids(new, what=f"{table}@{after}")
        return TableDiff(
            table=table,
            before=before,
            after=after,
            added=tuple(sorted(set(new_ids) - set(old_ids))),
            removed=tuple(sorted(set(old_ids) - set(new_ids))),
            changed=changed_cells(old, new, sorted(set(old_ids) & set(new_ids))),
        )

    def tag(self, table: str, name: str, version: int) -> None:
        """Let `name` mean `version` from now on, whatever it meant; raises `VersionNotFound`."""
        folder = TableFolder(self._root, table)
        with folder.held():
            marks.set_tag(folder.path, name, folder.manifest(version).version)

    def pin(self, table: str, version: int, reason: str) -> None:
        """Keep `version` for good, and say why; raises `VersionNotFound`."""
        folder = TableFolder(self._root, table)
        with folder.held():
            marks.set_pin(folder.path, folder.manifest(version).version, reason)

    def vacuum(self, table: str, *, keep_last: int) -> list[int]:
        """Remove all but the newest `keep_last` versions and those tagged or pinned.

        Returns the numbers removed. Also sweeps away what killed writers left behind.
        """
        if keep_last < 1:
            raise StoreError(f"keep_last is {keep_last}", expected="1 or more")
        folder = TableFolder(self._root, table)
        if not folder.path.is_dir():
            return []
        with locked(folder.path, alone=True):
            numbers = folder.numbers()
            kept = {*numbers[-keep_last:], *marks.held(folder.path)} & set(numbers)
            named = {folder.manifest(number).file for number in kept}
            removed = [number for number in numbers if number not in kept]
            # Manifests go first: a kill in between leaves stray files, no version without rows.
            for number in removed:
                folder.manifest_path(number).unlink()
            sync_folder(folder.path)
            for path in folder.path.iterdir():
                stray = path.suffix == ".parquet" and path.name not in named
                if stray or path.suffix == ".draft":
                    path.unlink()
            return removed


def _pick(
    folder: TableFolder, *, version: int | None, tag: str | None, as_of: datetime | None
) -> Manifest:
    if sum(choice is not None for choice in (version, tag, as_of)) > 1:
        raise StoreError(
            f"{folder.table} is asked for in two ways", expected="one of version, tag, as_of"
        )
    if as_of is not None:
        return folder.as_of(as_of)
    if tag is not None:
        version = marks.tagged(folder.path, tag, table=folder.table)
    number = folder.head() if version is None else version
    if number < 1:
        raise folder.not_found("version" if version is None else f"version {version}")
    return folder.manifest(number)


def _joined(above: pa.Table, below: pa.Table, *, table: str) -> pa.Table:
    _check_columns(above.column_names, below.column_names, what=table)
    _check_columns(below.column_names, above.column_names, what="what is appended")
    try:
        below = below.select(above.column_names)
        return pa.concat_tables([above, below], promote_options="default")
    except pa.ArrowException as error:
        raise StoreError(
            f"rows cannot be appended to {table}: {error}", hint="cast to the types of the table"
        ) from error


def _check_columns(present: Sequence[str], asked: Sequence[str], *, what: str) -> None:
    missing = [name for name in asked if name not in present]
    if missing:
        raise StoreError(
            f"{what} has no column {', '.join(missing)}", expected=f"among: {', '.join(present)}"
        )


def _checked_properties(properties: Mapping[str, str] | None) -> dict[str, str]:
    facts: dict[Any, Any] = dict(properties or {})
    for name, value in facts.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise StoreError(f"the property {name!r} is {value!r}", expected="text for text")
    return facts
