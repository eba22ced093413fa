"""Labels that come in later, joined to the rows they are of, whenever they come.

What belongs here: reading them, and the table production_labels. What does not: the rows
(`burnish.workflows.production_rows`), or what becomes of rows with a label
(`burnish.workflows.production_adopting`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from burnish.errors import DataError
from burnish.records import TableVersion
from burnish.spec import Arrivals, DatasetSpec
from burnish.spec.cells import as_text
from burnish.spec.keys import near
from burnish.versions import Versions
from burnish.workflows.ingest import INSTANT
from burnish.workflows.production_files import Delivered, Waited, bundled_part, read_delivered
from burnish.workflows.production_kinds import instants
from burnish.workflows.production_periods import periods_over, required_production
from burnish.workflows.production_reference import joined_by_id
from burnish.workflows.production_rows import UNREAD, of_one_type
from burnish.workflows.production_sql import read_sql
from burnish.workflows.production_stages import BATCH, LABELS, PREDICTIONS, partition_stage

CAME = pa.schema([("example_id", pa.string()), ("label", pa.string()), ("labelled_at", INSTANT)])

NOT_TAKEN = frozenset({UNREAD, "label", "labelled_at", "predicted"})
"""Columns of the rows that the table does not take over: what their gate read, and names of its
own."""

NOTHING = pa.schema(
    [
        ("example_id", pa.string()),
        ("met_at", INSTANT),
        ("period", pa.string()),
        ("label", pa.string()),
        ("labelled_at", INSTANT),
        ("predicted", pa.string()),
    ]
)
"""The columns that the table has before the first label came in."""


@dataclass(frozen=True)
class Came:
    """Labels that came in by now, one an example_id: the latest, or of equally late the last.

    `rows`: example_id, label, labelled_at (null where the spec names no time). `changed` is how
    many ids came with several labels.
    """

    rows: pa.Table
    changed: int
    waited: tuple[Waited, ...] = ()


@dataclass(frozen=True)
class Joined:
    """Rows met in production that have a label by now, and what could not be joined."""

    written: TableVersion
    rows: pa.Table
    unknown: int
    changed: int
    waited: tuple[Waited, ...]


def read_labels(
    spec: DatasetSpec, *, now: datetime, environ: Mapping[str, str] = os.environ
) -> Came:
    """The labels that came in by now; none where the spec says of no such source.

    Raises `DataError` where a column is not there, `SourceUnreadable` as `read_production`.
    """
    production = required_production(spec)
    if production.labels is None:
        return Came(CAME.empty_table(), 0)
    delivered, waited = _arrived(spec, production.labels, now=now, environ=environ)
    tables = [_shaped(production.labels, one, production.timezone) for one in delivered]
    return _latest(pa.concat_tables([CAME.empty_table(), *tables]), tuple(waited))


def _arrived(
    spec: DatasetSpec, arrivals: Arrivals, *, now: datetime, environ: Mapping[str, str]
) -> tuple[list[Delivered], list[Waited]]:
    if arrivals.sql is not None:
        name = arrivals.sql.table or "query"
        return [Delivered(name, read_sql(arrivals.sql, environ), False, now)], []
    assert arrivals.source is not None  # the spec's own check: exactly one of source, sql
    if arrivals.source.bundled:
        table = bundled_part(arrivals.source, "production_labels")
        return [Delivered(arrivals.source.bundled, table, False, now)], []
    return read_delivered(spec, arrivals.source, now=now)


def _shaped(arrivals: Arrivals, one: Delivered, timezone: str) -> pa.Table:
    known = one.table.column_names
    for name in (arrivals.example_id, arrivals.label, arrivals.time):
        if name is not None and name not in known:
            raise DataError(
                f"{one.name}: no column {name!r}",
                expected="one of: " + ", ".join(known),
                hint=near(name, known) or "name the columns in `production.labels`",
            )
    rows = one.table.num_rows
    at = instants(one.table[arrivals.time], timezone) if arrivals.time else pa.nulls(rows, INSTANT)
    return pa.table(
        [as_text(one.table[arrivals.example_id]), as_text(one.table[arrivals.label]), at],
        schema=CAME,
    )


def _latest(rows: pa.Table, waited: tuple[Waited, ...]) -> Came:
    newest: dict[str, dict[str, object]] = {}
    several: set[str] = set()
    for row in rows.to_pylist():
        name, before = row["example_id"], newest.get(row["example_id"])
        if name is None or row["label"] is None:
            continue
        if before is not None and before["label"] != row["label"]:
            several.add(name)
        if before is None or _key(row) >= _key(before):
            newest[name] = row
    kept = [newest[name] for name in sorted(newest)]
    return Came(pa.Table.from_pylist(kept, CAME), len(several), waited)


def _key(row: Mapping[str, object]) -> str:
    return str(row["labelled_at"] or "")


def join_labels(
    spec: DatasetSpec,
    versions: Versions,
    *,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
) -> Joined:
    """Join the labels that came in to the rows that passed their gate, and keep the table.

    A label may come before its row, or a year after it: all that came is joined to all that was
    met, each time. Columns: example_id, met_at, period, features and other columns of the rows,
    label, labelled_at, predicted (what the champion of then said).
    """
    came = read_labels(spec, now=now, environ=environ)
    parts = _labelled(spec, versions, came.rows, now=now)
    under = partition_stage(PREDICTIONS, "")
    names = ["example_id", "predicted"]
    for period, said in versions.each_last_good(spec.name, list(parts), under=under, columns=names):
        parts[period] = joined_by_id(parts[period], said)
    rows = NOTHING.empty_table()
    if parts:
        whole = [_with_prediction(part) for part in parts.values()]
        rows = pa.concat_tables(of_one_type(whole), promote_options="permissive")
    written = versions.write(spec.name, LABELS, rows, gated=False)
    unknown = came.rows.num_rows - len(rows["example_id"].unique())
    return Joined(written, rows, unknown, came.changed, came.waited)


def _labelled(
    spec: DatasetSpec, versions: Versions, came: pa.Table, *, now: datetime
) -> dict[str, pa.Table]:
    """By period, the rows that passed their gate and have a label, with label and labelled_at."""
    place = {name: at for at, name in enumerate(came["example_id"].to_pylist())}
    over, under = periods_over(required_production(spec), now), partition_stage(BATCH, "")
    found: dict[str, pa.Table] = {}
    for period, rows in versions.each_last_good(spec.name, over, under=under):
        at = pa.array([place.get(name) for name in rows["example_id"].to_pylist()], pa.int64())
        if at.null_count == len(at):
            continue
        own = [name for name in rows.column_names if name not in NOT_TAKEN]
        labels = came.select(["label", "labelled_at"]).take(at.drop_null())
        kept = rows.select(own).filter(at.is_valid())
        columns = [*kept.columns, *labels.columns]
        found[period] = pa.table(columns, names=[*own, *labels.column_names])
    return found


def _with_prediction(rows: pa.Table) -> pa.Table:
    if "predicted" in rows.column_names:
        return rows
    return rows.append_column("predicted", pa.nulls(rows.num_rows, pa.string()))
