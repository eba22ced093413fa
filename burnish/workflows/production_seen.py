"""What looks at the files of production found, kept in the database between looks.

What belongs here: the two tables, and reading and writing their rows. What does not: what is in a
file, and when it is looked at again (`burnish.workflows.production_index`).

Nothing here is a record: all of it can be found again by reading the files.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    select,
)

from burnish.database import transact

metadata = MetaData()

arrivals_files = Table(
    "arrivals_files",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("file", String(1000), primary_key=True),
    Column("reading", String(32), nullable=False),
    Column("mark", String(64), nullable=False),
    Column("periods", Text, nullable=False),  # JSON list
    Column("ids", LargeBinary, nullable=False),
)

arrivals_periods = Table(
    "arrivals_periods",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("period", String(40), primary_key=True),
    Column("state", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
)


@dataclass(frozen=True)
class SeenFile:
    """A file as it was read: `mark` is other where it was changed since.

    `periods` are those that its rows lie in, whether or not another file has them as well; `ids`
    are hashes of its example_ids, uint64, sorted, empty where ids follow from the content.
    """

    mark: str
    periods: tuple[str, ...]
    ids: NDArray[np.uint64]


@dataclass(frozen=True)
class SeenPeriod:
    """The content digest of a period, "" where it has no row, as files in `state` made it."""

    state: str
    digest: str


def seen_files(engine: Engine, dataset: str, *, reading: str) -> dict[str, SeenFile]:
    """Files by name, of those that were read as a spec says now."""
    chosen = select(arrivals_files).where(
        arrivals_files.c.dataset == dataset, arrivals_files.c.reading == reading
    )
    with engine.connect() as connection:
        return {
            row.file: SeenFile(
                row.mark, tuple(json.loads(row.periods)), np.frombuffer(row.ids, np.uint64)
            )
            for row in connection.execute(chosen)
        }


def seen_periods(engine: Engine, dataset: str) -> dict[str, SeenPeriod]:
    """Periods by name."""
    chosen = select(arrivals_periods).where(arrivals_periods.c.dataset == dataset)
    with engine.connect() as connection:
        return {row.period: SeenPeriod(row.state, row.digest) for row in connection.execute(chosen)}


def keep_files(
    engine: Engine,
    dataset: str,
    found: Mapping[str, SeenFile],
    *,
    gone: Collection[str],
    reading: str,
) -> None:
    """Keep what was found in files; forget those that are gone, or were read in another way."""
    rows = [
        {
            "dataset": dataset,
            "file": name,
            "reading": reading,
            "mark": one.mark,
            "periods": json.dumps(one.periods),
            "ids": one.ids.tobytes(),
        }
        for name, one in found.items()
    ]
    other = delete(arrivals_files).where(
        arrivals_files.c.dataset == dataset, arrivals_files.c.reading != reading
    )
    if found:
        transact(engine, lambda connection: connection.execute(other), lasting=False)
    _replace(engine, arrivals_files, dataset, [*found, *gone], rows)


def keep_periods(engine: Engine, dataset: str, found: Mapping[str, SeenPeriod]) -> None:
    """Keep the digests of periods."""
    rows = [
        {"dataset": dataset, "period": name, "state": one.state, "digest": one.digest}
        for name, one in found.items()
    ]
    _replace(engine, arrivals_periods, dataset, list(found), rows)


def _replace(
    engine: Engine, table: Table, dataset: str, names: list[str], rows: list[dict[str, Any]]
) -> None:
    if not names:
        return
    _, key = table.primary_key.columns
    old = delete(table).where(table.c.dataset == dataset, key == bindparam("name"))

    def work(connection: Connection) -> None:
        connection.execute(old, [{"name": name} for name in names])
        if rows:
            connection.execute(table.insert(), rows)

    # A power cut may take it back: the files are read again then.
    transact(engine, work, lasting=False)
