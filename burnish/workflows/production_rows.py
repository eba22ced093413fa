"""The rows that a model meets in production, assigned to periods; and those kept aside, with why.

What belongs here: all sources of `production` in one shape, and what becomes of rows that came
twice, late, ahead of the clock or without a time. What does not: opening files
(`burnish.workflows.production_files`), judging rows (the gate of `production_batch`), or when
somebody looks (`pipelines.arrivals`).

Nothing is remembered from one look to the next: what a source holds now is what counts. So a file
that came twice changes nothing, and a row that came late makes its period another one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError
from burnish.spec import DatasetSpec, FeatureKind, Production
from burnish.spec.cells import as_text, infer
from burnish.spec.keys import near
from burnish.spec.known import RESERVED
from burnish.workflows.ingest import INSTANT, content_ids, decoded
from burnish.workflows.production_files import Delivered, Waited, bundled_part, read_delivered
from burnish.workflows.production_kinds import in_kind, instants
from burnish.workflows.production_periods import bounds, periods_of, required_production
from burnish.workflows.production_sql import read_sql

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

UNREAD = "unread_columns"
"""Names the columns whose cell in a row is of another kind than the spec says; else null."""

OURS = ("met_at", "period", UNREAD)
ASIDE = pa.schema(
    [
        ("example_id", pa.string()),
        ("source_file", pa.string()),
        ("time", pa.string()),
        ("reason", pa.string()),
    ]
)
KEYS = pa.schema(
    [
        ("example_id", pa.string()),
        ("digest", pa.string()),
        ("met_at", INSTANT),
        ("time", pa.string()),
        ("file", pa.string()),
        ("order", pa.int64()),  # of the file, the oldest first
    ]
)
NO_TIME = "no time, or one that cannot be read"
OUTSIDE = "before the start of production, or after its end"
AHEAD = "later than now: the clock that wrote it is ahead"
REPLACED = "a newer file has the row with other content"


@dataclass(frozen=True)
class Piece:
    """The rows of one file, or of a database: their cells, and of which period each is.

    `table` has example_id and the columns of the source, under the names of the loop. `period` is
    null for a row that is kept aside, or came before as it is.
    """

    file: str
    table: pa.Table
    met_at: pa.ChunkedArray
    period: pa.Array

    def of(self, period: str) -> pa.Table:
        """Its rows of one period, with met_at and period."""
        chosen = pc.equal(self.period, period)
        rows = self.table.append_column("met_at", self.met_at)
        return rows.append_column("period", self.period).filter(chosen)


@dataclass(frozen=True)
class Met:
    """All rows that a source holds now.

    `aside`: example_id, source_file, time, reason, of rows that are of no period. `waited` are the
    files that could not be read whole. `twice` is how many rows came again as they were.
    """

    spec: DatasetSpec
    pieces: tuple[Piece, ...]
    aside: pa.Table
    waited: tuple[Waited, ...]
    twice: int

    def of(self, period: str) -> pa.Table:
        """The rows of one period, each column in its kind as far as can be.

        Columns: example_id, met_at (timestamp[us, UTC]), period, the features that came, every
        other column of the source, and `unread_columns`. What other files are like makes no
        difference to it.
        """
        found = [rows for piece in self.pieces if (rows := piece.of(period)).num_rows]
        if not found:
            return empty_batch()
        rows = pa.concat_tables(of_one_type(found), promote_options="permissive")
        first = ["example_id", "met_at", "period"]
        features = [name for name in self.spec.features if name in rows.column_names]
        rest = [name for name in rows.column_names if name not in {*first, *features}]
        return _kinds_told(self.spec, rows.select([*first, *features, *rest]))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows each period has that has any, oldest first."""
        told: Counter[str] = Counter()
        for piece in self.pieces:
            told.update(name for name in piece.period.to_pylist() if name is not None)
        return dict(sorted(told.items()))


def empty_batch() -> pa.Table:
    """A period of which no row came."""
    text = [(name, pa.string()) for name in ("period", UNREAD)]
    return pa.schema([("example_id", pa.string()), ("met_at", INSTANT), *text]).empty_table()


def read_production(
    spec: DatasetSpec,
    *,
    now: datetime,
    periods: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Met:
    """Everything that the source of production holds now; of a database, around `periods` alone.

    Rows are assigned by their time, whatever file they lie in. The same row in two files is one
    row. A row of the same example_id with other content in a newer file takes the place of the
    older one, which is kept aside; within one file both stay, and the gate turns them away.
    Columns of the spec are brought into their kind as far as can be (`unread_columns` names what
    could not); a column that did not come is not there.

    Raises `SourceUnreadable` where there is no such folder or database, `DataError` where no
    column of the source is the time.
    """
    production = required_production(spec)
    if production.source is not None and not production.source.bundled:
        delivered, waited = read_delivered(spec, production.source, now=now)
    else:
        delivered, waited = [_one(production, periods, now, environ)], []
    return met_of(spec, delivered, now=now, waited=waited)


@dataclass(frozen=True)
class Contents:
    """Which periods the rows of one file lie in, and their ids, none where cells make them."""

    periods: tuple[str, ...]
    ids: tuple[str, ...]


def contents_of(spec: DatasetSpec, one: Delivered) -> Contents:
    """What one file holds, whatever others do; raises `DataError` as `read_production`."""
    if one.table.num_rows == 0:
        return Contents((), ())
    production = required_production(spec)
    shaped = _shaped(spec, production, one)
    found = periods_of(production, shaped.met_at).unique().to_pylist()
    ids = shaped.table["example_id"].combine_chunks()
    own = [] if ids.equals(_whole(shaped.digests)) else ids.unique().to_pylist()
    named = tuple(name for name in own if name is not None)
    return Contents(tuple(sorted(name for name in found if name is not None)), named)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def met_of(
    spec: DatasetSpec,
    delivered: Sequence[Delivered],
    *,
    now: datetime,
    waited: Sequence[Waited] = (),
) -> Met:
    """The rows of these files, the oldest first; raises `DataError` as `read_production`."""
    production = required_production(spec)
    shaped = [_shaped(spec, production, one) for one in delivered if one.table.num_rows]
    keys = pa.concat_tables(
        [KEYS.empty_table(), *(_keys(one, at) for at, one in enumerate(shaped))]
    )
    again, older = _repeated(keys)
    stays = ~(again | older)
    period, unplaced = _placed(production, keys, stays, now)
    ends = np.cumsum([0, *[one.table.num_rows for one in shaped]]).tolist()
    pieces = tuple(
        Piece(one.file, one.table, one.met_at, period.slice(start, one.table.num_rows))
        for one, start in zip(shaped, ends, strict=False)
    )
    aside = pa.concat_tables([_aside(keys, older, REPLACED), unplaced])
    return Met(spec, pieces, aside, tuple(waited), int(again.sum()))


def _one(
    production: Production,
    periods: Collection[str],
    now: datetime,
    environ: Mapping[str, str],
) -> Delivered:
    """What is no file: a database, or a bundled stream."""
    if production.sql is not None:
        since, until = None, None
        if periods:
            since = bounds(production, min(periods))[0]
            until = bounds(production, max(periods))[1]
        table = read_sql(production.sql, environ, time=production.time, since=since, until=until)
        return Delivered(production.sql.table or "query", table, False, now)
    assert production.source is not None  # the spec's own check: exactly one of source, sql
    table = bundled_part(production.source, "production")
    return Delivered(str(production.source.bundled), table, False, now)


# ---------------------------------------------------------------- one shape


@dataclass(frozen=True)
class _Shaped:
    file: str
    table: pa.Table
    digests: pa.Array
    met_at: pa.ChunkedArray
    time: pa.ChunkedArray


def _shaped(spec: DatasetSpec, production: Production, one: Delivered) -> _Shaped:
    """Columns under the names of the loop, cells as they came."""
    table = one.table.replace_schema_metadata(None)
    known = table.column_names
    if production.time not in known:
        raise DataError(
            f"{one.name}: no column {production.time!r} with the time",
            expected="one of: " + ", ".join(known),
            hint=near(production.time, known) or "name the column in `production.time`",
        )
    cells = {name: decoded(table[name]) for name in known}
    digests = content_ids(pa.table(cells))
    identity = spec.id if spec.id is not None else "example_id"
    columns: dict[str, Any] = {
        "example_id": as_text(cells[identity]) if identity in cells else digests
    }
    columns |= {name: cells[name] for name in spec.features if name in cells}
    for name, cell in cells.items():
        if name not in {identity, *spec.features}:
            columns[_free(name, columns)] = infer(cell) if one.loose else cell
    time = cells[production.time]
    met_at = instants(time, production.timezone)
    return _Shaped(one.name, pa.table(columns), digests, met_at, _text(time))


def _keys(one: _Shaped, order: int) -> pa.Table:
    rows = one.table.num_rows
    return pa.table(
        {
            "example_id": one.table["example_id"],
            "digest": one.digests,
            "met_at": one.met_at,
            "time": one.time,
            "file": pa.array([one.file] * rows, pa.string()),
            "order": pa.array([order] * rows, pa.int64()),
        },
        schema=KEYS,
    )


def _free(name: str, taken: Collection[str]) -> str:
    free = name or "unnamed"
    while free in taken or free in {*RESERVED, *OURS, "predicted", "confidence", "champion"}:
        free = f"source_{free}"
    return free


def of_one_type(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """A column that came as numbers in one file and as text in another is text in both."""
    clashing: set[str] = set()
    for name in {name for table in tables for name in table.column_names}:
        kinds = [table[name].slice(0, 0) for table in tables if name in table.column_names]
        try:
            pa.concat_tables(
                [pa.table({name: kind}) for kind in kinds], promote_options="permissive"
            )
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            clashing.add(name)
    if not clashing:
        return list(tables)
    return [
        pa.table(
            {
                name: _text(table[name]) if name in clashing else table[name]
                for name in table.column_names
            }
        )
        for table in tables
    ]


def _text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return as_text(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array(
            [pa.array([None if c is None else str(c) for c in cells.to_pylist()], pa.string())]
        )


# ---------------------------------------------------------------- once, and in a period


def _repeated(keys: pa.Table) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows that came before as they are; and rows whose id a newer file has with other content."""
    ids, digests = keys["example_id"].to_pylist(), keys["digest"].to_pylist()
    orders = keys["order"].to_pylist()
    seen: set[tuple[str | None, str]] = set()
    newest: dict[str, int] = {}
    again = np.zeros(keys.num_rows, bool)
    for place, (name, digest, order) in enumerate(zip(ids, digests, orders, strict=True)):
        again[place] = (name, digest) in seen or _repeats(name, digest, seen)
        seen.add((name, digest))
        if name is not None and not again[place]:
            newest[name] = order
    older = np.array(
        [n is not None and newest.get(n, o) > o for n, o in zip(ids, orders, strict=True)], bool
    )
    return again, older & ~again


def _repeats(name: str | None, digest: str, seen: Collection[tuple[str | None, str]]) -> bool:
    """Whether a row with an id of its own stands twice in one file, all cells the same."""
    return name != digest and (name, digest.partition("-")[0]) in seen


def _placed(
    production: Production, keys: pa.Table, stays: NDArray[np.bool_], now: datetime
) -> tuple[pa.Array, pa.Table]:
    """The period of each row, null for those that do not stay; and why some are of none."""
    met_at = keys["met_at"].combine_chunks()
    known = met_at.is_valid().to_numpy(zero_copy_only=False)
    moments = met_at.cast(pa.int64()).fill_null(0).to_numpy()
    ahead = known & (moments > int(now.astimezone(UTC).timestamp() * 1e6))
    dated = pc.if_else(pa.array(known & ~ahead & stays), met_at, pa.scalar(None, INSTANT))
    period = periods_of(production, pa.chunked_array([dated]))
    placed = period.is_valid().to_numpy(zero_copy_only=False)
    aside = [
        _aside(keys, ~known & stays, NO_TIME),
        _aside(keys, ahead & stays, AHEAD),
        _aside(keys, known & ~ahead & ~placed & stays, OUTSIDE),
    ]
    return period, pa.concat_tables(aside)


def _aside(keys: pa.Table, mask: NDArray[np.bool_], reason: str) -> pa.Table:
    found = keys.filter(pa.array(mask))
    told = pa.array([reason] * found.num_rows, pa.string())
    return pa.table([found["example_id"], found["file"], found["time"], told], schema=ASIDE)


def _kinds_told(spec: DatasetSpec, rows: pa.Table) -> pa.Table:
    """Features in their kind; which cells of a row are not, in `unread_columns`."""
    kinds: dict[str, FeatureKind] = {
        name: feature.kind for name, feature in spec.features.items() if name in rows.column_names
    }
    wrong: list[list[str]] = [[] for _ in range(rows.num_rows)]
    for name, kind in kinds.items():
        found = in_kind(rows[name], kind)
        for place in np.flatnonzero(found.wrong).tolist():
            wrong[place].append(name)
        if not found.retyped:
            rows = rows.set_column(rows.schema.get_field_index(name), name, found.values)
    unread = pa.array([", ".join(names) or None for names in wrong], pa.string())
    return rows.append_column(UNREAD, unread)
