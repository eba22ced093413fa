"""A store of versioned tables over Delta Lake: on a local folder, or in an object store.

What belongs here: `DeltaStore`, what a caller may ask of its tables. What does not: the log of one
table (`burnish.store.log`), its files (`burnish.store.parts`), digests and diffs
(`burnish.store.digest`, `burnish.store.difference`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from burnish.database import open_database
from burnish.errors import CorruptTable, StoreError, VersionNotFound, WriteConflict
from burnish.records import TableDiff, TableVersion
from burnish.store.commits import Commit
from burnish.store.difference import changed_cells, pc, row_ids
from burnish.store.digest import TableDigest, content_digest, table_digest
from burnish.store.hashing import canonical_type
from burnish.store.layout import (
    check_storable,
    from_storage,
    schema_from,
    schema_text,
    stored_names,
    to_storage,
)
from burnish.store.log import TableLog
from burnish.store.marks import Marks
from burnish.store.parts import decode_part, encode_part, leaves_of, ranges_of
from burnish.store.places import LocalPlace, ObjectPlace
from burnish.typing import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DeltaStore:
    """Versioned tables below `root`, one Delta table each; a `burnish.typing.TableStore`.

    `root` is a folder, or the URL of an object store with its `storage_options` (the keys that
    Delta Lake's own clients take). `engine` is the database that holds pins, tags and what was
    acknowledged; without one, a SQLite file in the folder. Versions are numbered from 1. `clock`
    gives the time a version is created, which never falls behind that of the version before.

    Every byte that is decoded was verified against the checksum it was written with. Other engines
    may read the Delta tables; only Burnish may write them.

    >>> import tempfile
    >>> store = DeltaStore(tempfile.mkdtemp())
    >>> print(store.write("digits/raw_examples", pa.table({"example_id": ["a", "b"]})))
    digits/raw_examples@1
    >>> print(store.append("digits/raw_examples", pa.table({"example_id": ["c"]})))
    digits/raw_examples@2
    >>> store.diff("digits/raw_examples", 1, 2).added
    ('c',)
    """

    def __init__(
        self,
        root: str | Path,
        engine: Engine | None = None,
        *,
        storage_options: Mapping[str, str] | None = None,
        clock: Clock = _utc_now,
    ) -> None:
        self._url = str(root) if "://" in str(root) else ""
        self._folder = Path(root).absolute()
        if engine is None and self._url:
            raise StoreError(
                f"the tables at {self._url} need a database beside them",
                expected="an engine: `burnish.database.open_database(url)`",
            )
        self._options = dict(storage_options or {})
        self._clock = clock
        self._marks = Marks(engine or open_database(self._folder / "store.db"), clock=clock)

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
        log = self._log(table)
        facts = _checked_properties(properties)
        log.expect(expected, head=log.head())
        check_storable(data)
        digest = table_digest(data)
        log.check_schema(to_storage(data.slice(0, 0)).schema)
        log.place.create()
        with log.place.held(alone=False):
            part, parquet = encode_part(log.fresh_name(), to_storage(data), what=table)
            log.place.write(part.name, parquet)
            while True:
                head = log.head()
                try:
                    log.expect(expected, head=head)
                    return log.commit(
                        Commit(
                            table=table,
                            version=head + 1,
                            digest=digest,
                            schema=schema_text(data.schema),
                            parts=(part,),
                            created_at=log.not_before(head, self._clock()),
                            properties=facts,
                        ),
                        new=part,
                        arrow=to_storage(data.slice(0, 0)).schema,
                        append=False,
                    ).to_version()
                except WriteConflict:
                    if expected is not None:
                        log.place.remove(part.name)
                        raise

    def append(
        self,
        table: str,
        data: pa.Table,
        *,
        expected: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """Store the rows of the newest version and, below them, `data`, as the next version.

        Only `data` is written. Columns are matched by name. Raises as `write` does, and
        `StoreError` for other columns.
        """
        log = self._log(table)
        facts = _checked_properties(properties)
        while True:
            head = log.head()
            log.expect(expected, head=head)
            try:
                if head == 0:
                    return self.write(table, data, expected=0, properties=facts)
                with log.place.held(alone=False):
                    return self._append(log, log.read(head), data, facts).to_version()
            except (WriteConflict, VersionNotFound):
                # Another writer moved the head (and a vacuum may have taken the old one away).
                if log.head() == head:
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

        Of a wide table only the `columns` asked for are read. Raises `VersionNotFound`,
        `CorruptTable` where bytes are not those written, and `StoreError` for unknown `columns`.
        """
        log = self._log(table)
        with log.held():
            return self._rows(log, self._pick(log, version=version, tag=tag, as_of=as_of), columns)

    def describe(
        self, table: str, *, version: int | None = None, tag: str | None = None
    ) -> TableVersion:
        """The newest version, or that picked, without its rows; raises `VersionNotFound`."""
        log = self._log(table)
        with log.held():
            return self._pick(log, version=version, tag=tag, as_of=None).to_version()

    def newest(self, *, under: str) -> dict[str, int]:
        """The number of the newest version of every table whose name begins with `under`."""
        return self._marks.newest_of(under=under)

    def schema(self, table: str, *, version: int | None = None) -> pa.Schema:
        """Names and types of the columns of a version, without its rows."""
        log = self._log(table)
        with log.held():
            return schema_from(self._pick(log, version=version, tag=None, as_of=None).schema)

    def digest(self, table: str, *, version: int | None = None) -> TableDigest:
        """The content digest of a version in its parts, as it was written."""
        log = self._log(table)
        with log.held():
            return self._pick(log, version=version, tag=None, as_of=None).digest

    def files(self, table: str, *, version: int | None = None) -> list[str]:
        """The Parquet files of a version, verified from end to end, for engines that scan lazily.

        `polars.scan_parquet(store.files("digits/raw_examples"))`, say. On a local folder these are
        paths, in an object store URLs. Types are those of Delta Lake. Raises as `read` does.
        """
        log = self._log(table)
        with log.held():
            commit = self._pick(log, version=version, tag=None, as_of=None)
            self._rows(log, commit, None)
        return [f"{log.place.uri}/{part.name}" for part in commit.parts]

    def history(self, table: str) -> list[TableVersion]:
        """All versions that can be read, oldest first; empty for an unknown table."""
        log = self._log(table)
        if not log.place.exists() and log.head() == 0:
            return []
        with log.held():
            return [log.read(number).to_version() for number in log.numbers()]

    def diff(self, table: str, before: int, after: int) -> TableDiff:
        """Rows added and removed, and cells changed, matched by example_id.

        Cells are compared as `content_digest` sees them; columns whose digest is the same on both
        sides are not read. Raises `StoreError` for a table without example_id, or with an id that
        is null or stands twice.
        """
        log = self._log(table)
        with log.held():
            old, new = log.read(before), log.read(after)
            columns = _may_differ(old, new)
            sides = [
                self._rows(log, one, [n for n in one.digest.types if not columns or n in columns])
                for one in (old, new)
            ]
        old_ids = row_ids(sides[0], what=f"{table}@{before}")
        new_ids = row_ids(sides[1], what=f"{table}@{after}")
        added = new_ids.filter(pc.invert(pc.is_in(new_ids, value_set=old_ids)))
        removed = old_ids.filter(pc.invert(pc.is_in(old_ids, value_set=new_ids)))
        common = old_ids.filter(pc.is_in(old_ids, value_set=new_ids)) if len(removed) else old_ids
        return TableDiff(
            table=table,
            before=before,
            after=after,
            added=tuple(sorted(added.to_pylist())),
            removed=tuple(sorted(removed.to_pylist())),
            changed=changed_cells(sides[0], sides[1], common),
        )

    def tag(self, table: str, name: str, version: int) -> None:
        """Let `name` mean `version` from now on, whatever it meant; raises `VersionNotFound`."""
        log = self._log(table)
        with log.held():
            self._marks.set_tag(table, name, log.settled(version).version)

    def pin(self, table: str, version: int, reason: str) -> None:
        """Keep `version` for good, and say why; raises `VersionNotFound`."""
        log = self._log(table)
        # Under the lock that a vacuum holds alone: a pin is never set on what is just let go.
        with log.held():
            self._marks.pin(table, log.settled(version).version, reason)

    def pins(self, table: str) -> list[tuple[int, str]]:
        """Every (version, reason) for which a version of a table is kept."""
        return self._marks.pins(table)

    def vacuum(self, table: str, *, keep_last: int) -> list[int]:
        """Remove all but the newest `keep_last` versions and those tagged or pinned.

        Returns the numbers removed. Also sweeps away what killed writers left behind.
        """
        if keep_last < 1:
            raise StoreError(f"keep_last is {keep_last}", expected="1 or more")
        log = self._log(table)
        if not log.place.exists():
            return []
        with log.place.held(alone=True):
            return log.vacuum(keep_last=keep_last)

    def tables(self) -> list[str]:
        """Every table of this store, by name."""
        return self._marks.tables()

    def verify(self, table: str, *, version: int | None = None) -> TableVersion:
        """Read a whole version and hold its content against the digest it was written with.

        Raises `CorruptTable` naming table and version.
        """
        log = self._log(table)
        with log.held():
            commit = self._pick(log, version=version, tag=None, as_of=None)
            log.check_files(commit)
            found = content_digest(self._rows(log, commit, None))
        if found != commit.digest.hex:
            raise CorruptTable(
                f"{table}@{commit.version} holds other content than was written: {found[:12]}",
                expected=f"the digest {commit.digest.hex[:12]}",
                hint="restore the folder of the table from a backup",
            )
        return commit.to_version()

    def _append(
        self, log: TableLog, head: Commit, data: pa.Table, facts: Mapping[str, str]
    ) -> Commit:
        schema = schema_from(head.schema)
        rows = _fitted(data, schema, table=log.table)
        part, parquet = encode_part(log.fresh_name(), to_storage(rows), what=log.table)
        log.place.write(part.name, parquet)
        try:
            return log.commit(
                Commit(
                    table=log.table,
                    version=head.version + 1,
                    digest=self._joined_digest(log, head, rows),
                    schema=head.schema,
                    parts=(*head.parts, part),
                    created_at=log.not_before(head.version, self._clock()),
                    properties=dict(facts),
                ),
                new=part,
                arrow=to_storage(rows.slice(0, 0)).schema,
                append=True,
            )
        except WriteConflict:
            log.place.remove(part.name)
            raise

    def _joined_digest(self, log: TableLog, head: Commit, rows: pa.Table) -> Any:
        """The digest of the rows of a version and more below them, without reading the former.

        Where ids are, or become, repeated, there is no way around reading.
        """
        if head.digest.by_id and rows["example_id"].null_count == 0:
            known = self._rows(log, head, ["example_id"])["example_id"]
            ids = rows["example_id"]
            fresh = not pc.any(pc.is_in(ids, value_set=known.combine_chunks())).as_py()
            if fresh and pc.count_distinct(ids).as_py() == len(ids):
                return head.digest.with_rows(added=rows, removed=None)
        return table_digest(pa.concat_tables([self._rows(log, head, None), rows]))

    def _rows(self, log: TableLog, commit: Commit, columns: Sequence[str] | None) -> pa.Table:
        what = f"{commit.table}@{commit.version}"
        schema = schema_from(commit.schema)
        names = schema.names if columns is None else list(columns)
        _check_columns(schema.names, names, what=what)
        wanted = pa.schema([schema.field(name) for name in names], metadata=schema.metadata)
        kept = dict(zip(schema.names, stored_names(schema.names), strict=True))
        columns = [kept[name] for name in names]
        leaves = leaves_of(to_storage(schema.empty_table()).schema, columns)
        tables: list[pa.Table] = []
        for part in commit.parts:
            image = log.place.image(part.name, part.size, ranges_of(part, leaves))
            if image is None:
                raise CorruptTable(
                    f"{what} has lost its file {part.name}, or part of it",
                    hint="restore the folder of the table from a backup",
                )
            tables.append(decode_part(part, image, leaves, columns, what=what))
        return from_storage(pa.concat_tables(tables), wanted, what=what)

    def _pick(
        self, log: TableLog, *, version: int | None, tag: str | None, as_of: datetime | None
    ) -> Commit:
        if sum(choice is not None for choice in (version, tag, as_of)) > 1:
            raise StoreError(
                f"{log.table} is asked for in two ways", expected="one of version, tag, as_of"
            )
        if as_of is not None:
            return log.as_of(as_of)
        if tag is not None:
            version = self._marks.tagged(log.table, tag)
        number = log.head() if version is None else version
        if number < 1:
            raise log.not_found("version" if version is None else f"version {version}")
        return log.read(number)

    def _log(self, table: str) -> TableLog:
        TableLog.check_name(table)
        place = (
            ObjectPlace(self._url, table, self._options)
            if self._url
            else LocalPlace(self._folder, table)
        )
        return TableLog(table, place, self._marks, self._options)


def _may_differ(old: Commit, new: Commit) -> set[str] | None:
    """The columns whose cells may differ, with the key; None where only a look can tell."""
    before, after = old.digest, new.digest
    same_ids = before.columns.get("example_id") == after.columns.get("example_id")
    if not (before.by_id and after.by_id and same_ids and before.rows == after.rows):
        return None
    names = {*before.types, *after.types}
    return {"example_id"} | {
        name
        for name in names
        if (before.types.get(name), before.columns.get(name))
        != (after.types.get(name), after.columns.get(name))
    }


def _fitted(below: pa.Table, schema: pa.Schema, *, table: str) -> pa.Table:
    _check_columns(below.column_names, schema.names, what="what is appended")
    _check_columns(schema.names, below.column_names, what=table)
    for field in schema:
        kind = below.schema.field(field.name).type
        if not pa.types.is_null(kind) and canonical_type(kind) != canonical_type(field.type):
            raise StoreError(
                f"rows cannot be appended to {table}: its column {field.name!r} is {field.type}, "
                f"theirs is {kind}",
                hint="cast to the types of the table",
            )
    return below.select(schema.names).cast(schema)


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
