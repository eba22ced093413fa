"""Rows met in production, wherever they are kept: found by id, and appended to a growing table.

What belongs here: looking ids up in the batches that were published, and adding rows to a table
once. What does not: reading a source into batches (`burnish.workflows.production_rows`), or who
asks for rows and why (`burnish.workflows.production_asking`, `.production_adopting`).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc

from burnish.errors import DataError, WriteConflict
from burnish.records import TableVersion
from burnish.versions import Versions
from burnish.workflows.production_stages import BATCH, partition_stage

PATIENCE = 60.0
"""Seconds to wait for somebody else who appends to the same table."""


def published_periods(versions: Versions, dataset: str, stage: str = BATCH) -> list[str]:
    """The periods of which a stage was published, oldest first."""
    under = partition_stage(stage, "")
    found = versions.published_stages(dataset, under=under)
    return [name.removeprefix(under) for name in found]


def rows_met(
    versions: Versions, dataset: str, example_ids: Collection[str], *, until: str | None = None
) -> pa.Table | None:
    """The rows of published batches with these ids, each once; those in quarantine are left out.

    A row that stands in two periods is that of the later one. Periods after `until` are not looked
    at. None where no batch was published, which is not the same as no row.
    """
    wanted, found, seen = set(example_ids), list[pa.Table](), False
    for period in reversed(published_periods(versions, dataset)):
        if until is not None and period > until:
            continue
        seen = True
        stage = partition_stage(BATCH, period)
        ids = versions.read_last_good(dataset, stage, columns=["example_id"])
        if not wanted or ids is None or wanted.isdisjoint(ids["example_id"].to_pylist()):
            continue
        rows = versions.read_last_good(dataset, stage)
        assert rows is not None
        own = rows.filter(among(wanted))
        found.append(own)
        wanted -= set(own["example_id"].to_pylist())
    if not seen:
        return None
    if not found:
        return pa.table({"example_id": pa.array([], pa.string())})
    return pa.concat_tables(found, promote_options="permissive")


def append_once(
    versions: Versions, dataset: str, stage: str, rows: pa.Table
) -> tuple[TableVersion | None, pa.Table]:
    """Append the rows whose id the table has not yet; the version, and the rows that were added.

    Columns that one side lacks are null there. To be called inside of `alone_with`.
    """
    known = versions.read_last_good(dataset, stage)
    if known is not None:
        rows = rows.filter(~among(known["example_id"].to_pylist()))
    if not rows.num_rows:
        return versions.published(dataset, stage), rows
    parts = [rows] if known is None else [known, rows]
    together = pa.concat_tables(parts, promote_options="permissive")
    return versions.write(dataset, stage, together, gated=False), rows


@contextmanager
def alone_with(versions: Versions, dataset: str, stage: str) -> Generator[None]:
    """Be the only one who appends to a table for a `with` block.

    Raises `WriteConflict` where somebody else holds it for a minute.
    """
    with versions.exclusive(f"{dataset}/{stage}", wait=PATIENCE) as ours:
        if not ours:
            raise WriteConflict(
                f"{dataset}/{stage} is being appended to by somebody else",
                hint="try again in a moment",
            )
        yield


def ids_of(versions: Versions, dataset: str, stage: str) -> set[str]:
    """The example_ids of a table that was published; none where it never was."""
    table = versions.read_last_good(dataset, stage, columns=["example_id"])
    return set() if table is None else set(table["example_id"].to_pylist())


def among(example_ids: Collection[str]) -> pc.Expression:
    """Whether a row is one of these."""
    return pc.field("example_id").isin(pa.array(sorted(example_ids), pa.string()))


def shown_ids(example_ids: Sequence[str]) -> str:
    """Some ids for a sentence.

    >>> shown_ids(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    named = ", ".join(repr(name) for name in example_ids[:3])
    return named + (f" and {len(example_ids) - 3} more" if len(example_ids) > 3 else "")


def in_fields(
    rows: pa.Table, fields: Iterable[pa.Field], *, what: str, like: str
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """The columns of rows of production as other rows have them; null where they have none such.

    `what` names the rows, `like` the others. Raises `DataError` where a column does not fit.
    """
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    for field in fields:
        if field.name not in rows.column_names:
            columns[field.name] = pa.nulls(rows.num_rows, field.type)
            continue
        try:
            columns[field.name] = rows[field.name].cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column {field.name!r} of {what} does not fit: {error}",
                expected=f"{field.type}, as {like}",
                hint="write the column in production as it is in the source",
            ) from error
    return columns
