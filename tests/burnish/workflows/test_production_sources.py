"""Where rows of production come from: every kind of file, and a real PostgreSQL server."""

from __future__ import annotations

import json
import shutil
import uuid
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyarrow import feather

from burnish.errors import SourceUnreadable
from burnish.spec.production import SqlSource
from burnish.workflows.production_rows import read_production
from tests.burnish.workflows.production_days import (
    HEADER,
    NOW,
    START,
    day_lines,
    with_production,
    write_day,
)

TWO = (START, START + timedelta(days=1))
NUMBERS = ("petal", "sepal", "leaf")


def day_table(day) -> pa.Table:
    """A day of flowers, its cells in their kinds."""
    cells = [line.split(",") for line in day_lines(day)[0]]
    columns = dict(zip(HEADER.split(","), zip(*cells, strict=True), strict=True))
    numbers = {name: pa.array([float(cell) for cell in columns[name]]) for name in NUMBERS}
    met = [datetime.fromisoformat(cell) for cell in columns["met"]]
    return pa.table(columns | numbers | {"met": pa.array(met, pa.timestamp("us"))})


def write_kind(folder, kind: str, day, table: pa.Table) -> None:
    if kind == "jsonl":
        lines = [json.dumps(row, default=str) for row in table.to_pylist()]
        (folder / f"{day}.jsonl").write_text("\n".join(lines) + "\n")
    elif kind == "arrow":
        with pa.ipc.new_file(folder / f"{day}.arrow", table.schema) as writer:
            writer.write_table(table)
    elif kind == "feather":
        feather.write_feather(table, str(folder / f"{day}.feather"))
    else:
        write_deltalake(str(folder), table, mode="append")


@pytest.mark.parametrize("kind", ["jsonl", "arrow", "feather", "delta"])
def test_every_kind_of_file_gives_the_rows_that_csv_gives(planted, kind):
    spec = with_production(planted)
    folder = planted.catalog / "arrivals"
    for day in TWO:
        write_day(folder, day)
    wanted = read_production(spec, now=NOW)
    shutil.rmtree(folder)
    folder.mkdir()
    for day in TWO:
        write_kind(folder, kind, day, day_table(day))
    found = read_production(spec, now=NOW)
    assert found.aside.num_rows == 0
    assert found.counts == wanted.counts
    for day in TWO:
        names = ["example_id", "met_at", "period", *NUMBERS, "colour"]
        sides = [one.of(day.isoformat()).select(names) for one in (found, wanted)]
        rows = [side.sort_by("example_id").to_pylist() for side in sides]
        assert rows[0] == rows[1]


def test_a_table_in_postgresql_gives_its_rows_by_day_and_the_session_may_not_write(
    planted, postgres_url
):
    import sqlalchemy as sa

    schema = f"met_{uuid.uuid4().hex[:8]}"
    spec = with_production(
        planted,
        **{"source: {path: arrivals}": f"sql: {{url_variable: MET_URL, table: {schema}.met}}"},
    )
    engine = sa.create_engine(postgres_url)
    try:
        with engine.begin() as base:
            base.execute(sa.text(f"create schema {schema}"))
            columns = ", ".join(f"{name} double precision" for name in NUMBERS)
            base.execute(
                sa.text(
                    f"create table {schema}.met "
                    f"(flower text, met timestamptz, {columns}, colour text)"
                )
            )
            marks = ", ".join(f":{name}" for name in HEADER.split(","))
            for day in (START + timedelta(days=n) for n in range(12)):
                rows = day_table(day).set_column(1, "met", utc(day_table(day)["met"])).to_pylist()
                base.execute(sa.text(f"insert into {schema}.met ({HEADER}) values ({marks})"), rows)
        environ = {"MET_URL": postgres_url}
        periods = [(START + timedelta(days=n)).isoformat() for n in (5, 6)]
        met = read_production(spec, now=NOW, periods=periods, environ=environ)
        assert [met.counts[one] for one in periods] == [40, 40]
        assert "2026-03-12" not in met.counts, "only what is asked for is read, and a day around it"
        assert met.of(periods[0])["petal"].null_count == 0
        gone = f"with gone as (delete from {schema}.met returning *) select * from gone"
        sql = SqlSource(url_variable="MET_URL", query=gone)
        asks = spec.production.model_copy(update={"sql": sql})
        writes = spec.model_copy(update={"production": asks})
        with pytest.raises(SourceUnreadable):
            read_production(writes, now=NOW, periods=periods, environ=environ)
        with engine.connect() as base:
            assert base.execute(sa.text(f"select count(*) from {schema}.met")).scalar() == 480
    finally:
        with engine.begin() as base:
            base.execute(sa.text(f"drop schema if exists {schema} cascade"))
        engine.dispose()


def utc(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("us", "UTC"))
