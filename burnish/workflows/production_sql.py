"""Rows of production from a SQL database, which is only read.

What belongs here: one table or query, bounded by time, into an Arrow table. What does not: which
rows are of a period (`burnish.workflows.production_rows`), or our own databases
(`burnish.database`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from burnish.errors import SourceUnreadable
from burnish.spec import SqlSource

MARGIN = timedelta(days=2)
"""What a database makes of a time without a zone may lie hours aside; the rest is ours."""


def read_sql(
    source: SqlSource,
    environ: Mapping[str, str],
    *,
    time: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pa.Table:
    """The rows of the table or query; those whose `time` lies around since..until, where given.

    Both bounds are widened by two days: the caller picks exactly. The session may not write.
    Raises `SourceUnreadable` where the variable is not set, or the database says no.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    url = environ.get(source.url_variable, "")
    if not url:
        raise SourceUnreadable(
            f"the variable {source.url_variable} is not set",
            expected="the address of a database: postgresql+psycopg://user@host/name",
            hint="set it where Burnish runs; an address never stands in a spec",
        )
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return _rows(connection, source, time, since, until)
    except ValueError:
        # The reason of this one quotes the address, which may hold a password.
        raise SourceUnreadable(
            f"the address in {source.url_variable} cannot be read",
            expected="as postgresql+psycopg://user@host:5432/name",
            hint="characters as / : @ in a password are written as %2F %3A %40",
        ) from None
    except (SQLAlchemyError, ImportError) as error:
        # The address may hold a password: only the first line of the reason is told.
        first = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise SourceUnreadable(
            f"{source.table or 'the query'} ({source.url_variable}) cannot be read: {first}",
            expected="a table or a query that gives rows",
        ) from error


def _rows(
    connection: Any,
    source: SqlSource,
    time: str | None,
    since: datetime | None,
    until: datetime | None,
) -> pa.Table:
    import sqlalchemy as sa

    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("PRAGMA query_only = ON"))
    else:
        connection = connection.execution_options(postgresql_readonly=True)
    if source.table is not None:
        schema, _, name = source.table.rpartition(".")
        rows: Any = sa.table(name, schema=schema or None)
        query = sa.select(sa.text("*")).select_from(rows)
    else:
        query = sa.select(sa.text("*")).select_from(
            sa.text(f"({(source.query or '').strip().rstrip(';')}) AS met")
        )
    if time is not None and since is not None and until is not None:
        moment = sa.column(time)
        low = (since - MARGIN).replace(tzinfo=None)
        query = query.where(moment >= low, moment < (until + MARGIN).replace(tzinfo=None))
    result = connection.execute(query)
    names = list(result.keys())
    cells = list(zip(*result.fetchall(), strict=True)) or [()] * len(names)
    return pa.table({name: _column(list(cell)) for name, cell in zip(names, cells, strict=True)})


def _column(cells: list[Any]) -> pa.Array:
    from decimal import Decimal

    if any(isinstance(cell, Decimal) for cell in cells):
        cells = [float(cell) if isinstance(cell, Decimal) else cell for cell in cells]
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
