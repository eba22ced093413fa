"""Rows of production: assigned by their time, once each, and nothing half read or lost."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.errors import DataError, SourceUnreadable
from burnish.spec import SqlSource
from burnish.store import content_digest
from burnish.workflows.production_rows import AHEAD, NO_TIME, OUTSIDE, REPLACED, read_production
from burnish.workflows.production_sql import read_sql
from tests.burnish.workflows.production_days import (
    HEADER,
    NOW,
    START,
    day_lines,
    with_production,
    write_day,
    write_lines,
)

TWO = (START, START + timedelta(days=1))


@pytest.fixture
def spec(planted):
    return with_production(planted)


@pytest.fixture
def arrivals(planted, spec):
    return planted.catalog / "arrivals"


def digest(spec, period="2026-03-01", *, now=NOW) -> str:
    return content_digest(read_production(spec, now=now).of(period))


def age(path, seconds: float, *, now=NOW) -> None:
    at = (now - timedelta(seconds=seconds)).timestamp()
    os.utime(path, (at, at))


def test_rows_are_of_the_day_they_were_met_whatever_file_they_lie_in(spec, arrivals):
    first, second = (day_lines(day)[0] for day in TWO)
    write_lines(arrivals / "a.csv", [*first[:10], *second])
    write_lines(arrivals / "b.csv", first[10:])
    met = read_production(spec, now=NOW)
    assert met.counts == {"2026-03-01": 40, "2026-03-02": 40}
    rows = met.of("2026-03-01")
    assert rows.column_names[:7] == [
        "example_id", "met_at", "period", "petal", "sepal", "leaf", "colour",
    ]  # fmt: skip
    assert rows.schema.field("met_at").type == pa.timestamp("us", "UTC")
    assert rows.schema.field("petal").type == pa.float64()
    assert set(rows["example_id"].to_pylist()) == {line.split(",")[0] for line in first}


def test_a_file_that_came_twice_changes_nothing(spec, arrivals):
    write_day(arrivals, START)
    before = digest(spec)
    write_day(arrivals, START, name="again.csv")
    met = read_production(spec, now=NOW)
    assert met.twice == 40
    assert met.counts == {"2026-03-01": 40}
    assert content_digest(met.of("2026-03-01")) == before


def test_what_comes_for_another_day_leaves_a_day_as_it_was(spec, arrivals):
    write_day(arrivals, START)
    before = digest(spec)
    write_lines(
        arrivals / "b.csv", ["p9,2026-03-02 10:00:00,wide,1"], header="flower,met,petal,new"
    )
    assert digest(spec) == before


def test_a_late_row_makes_its_day_another_one(spec, arrivals):
    lines, _ = day_lines(START)
    write_lines(arrivals / "a.csv", lines[:30])
    before = digest(spec)
    write_lines(arrivals / "late.csv", lines[30:])
    assert digest(spec) != before
    assert read_production(spec, now=NOW).counts["2026-03-01"] == 40


def test_of_one_id_with_other_content_the_newer_file_stays_and_the_older_is_told(spec, arrivals):
    lines, _ = day_lines(START)
    age(write_lines(arrivals / "z_first.csv", lines), 7200)
    changed = lines[3].replace("red", "blue").replace("white", "blue")
    age(write_lines(arrivals / "a_mended.csv", [changed]), 3600)
    met = read_production(spec, now=NOW)
    rows = {row["example_id"]: row for row in met.of("2026-03-01").to_pylist()}
    assert len(rows) == 40
    assert rows[lines[3].split(",")[0]]["colour"] == "blue"
    [told] = met.aside.to_pylist()
    assert (told["source_file"], told["reason"]) == ("arrivals/z_first.csv", REPLACED)


def test_rows_of_no_period_are_kept_aside_with_the_reason(spec, arrivals):
    values = "1.0,2.0,3.0,red"
    write_lines(
        arrivals / "a.csv",
        [
            f"ok,2026-03-01 10:00:00,{values}",
            f"none,,{values}",
            f"odd,last Tuesday,{values}",
            f"early,2026-02-28 23:59:59,{values}",
            f"ahead,2026-03-20 12:00:01,{values}",
            f"far,9999-01-01 00:00:00,{values}",
        ],
    )
    met = read_production(spec, now=NOW)
    assert met.counts == {"2026-03-01": 1}
    reasons = {row["example_id"]: row["reason"] for row in met.aside.to_pylist()}
    assert reasons == {
        "none": NO_TIME, "odd": NO_TIME, "early": OUTSIDE, "ahead": AHEAD, "far": AHEAD,
    }  # fmt: skip
    assert [r["time"] for r in met.aside.to_pylist() if r["example_id"] == "odd"] == [
        "last Tuesday"
    ]
    # A clock that was ahead: once the hour has come, the row is like any other.
    later = read_production(spec, now=NOW + timedelta(hours=1))
    assert later.counts == {"2026-03-01": 1, "2026-03-20": 1}


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.999])
def test_half_a_parquet_file_is_waited_for_and_nothing_of_others_is_lost(spec, arrivals, cut):
    write_day(arrivals, START)
    rows = pa.table(
        {
            "flower": ["q1"],
            "met": [datetime(2026, 3, 1, 5, tzinfo=UTC)],
            **{name: [1.0] for name in ("petal", "sepal", "leaf")},
            "colour": ["red"],
        }
    )
    pq.write_table(rows, arrivals / "more.parquet")
    whole = (arrivals / "more.parquet").read_bytes()
    (arrivals / "more.parquet").write_bytes(whole[: int(len(whole) * cut)])
    met = read_production(spec, now=NOW)
    assert [one.name for one in met.waited] == ["arrivals/more.parquet"]
    assert met.counts == {"2026-03-01": 40}
    (arrivals / "more.parquet").write_bytes(whole)
    met = read_production(spec, now=NOW)
    assert met.waited == ()
    assert met.counts == {"2026-03-01": 41}


def test_a_csv_that_ends_within_a_line_is_waited_for_until_it_settles(spec, arrivals):
    file = write_day(arrivals, START)
    file.write_text(file.read_text().rstrip("\n")[:-2])
    age(file, 5)
    assert [one.name for one in read_production(spec, now=NOW).waited] == [
        "arrivals/2026-03-01.csv"
    ]
    age(file, 90)
    # A writer who never ends a line is believed in the end.
    assert read_production(spec, now=NOW).counts == {"2026-03-01": 40}


def test_names_of_unfinished_files_are_not_looked_at(spec, arrivals):
    for name in (".a.csv", "_b.csv", "c.csv.tmp", "d.csv.part"):
        write_day(arrivals, START, name=name)
    met = read_production(spec, now=NOW)
    assert (met.counts, met.waited) == ({}, ())


def test_cells_of_another_kind_are_named_and_a_column_of_another_kind_stays_as_it_came(
    spec, arrivals
):
    lines, _ = day_lines(START)
    spoilt = lines[0].split(",")
    spoilt[2] = "lots"
    write_lines(arrivals / "a.csv", [",".join(spoilt), *lines[1:]])
    text = [line.split(",") for line in day_lines(TWO[1])[0]]
    write_lines(arrivals / "b.csv", [",".join([*one[:2], "wide", *one[3:]]) for one in text])
    met = read_production(spec, now=NOW)
    first = {row["example_id"]: row for row in met.of("2026-03-01").to_pylist()}
    name = lines[0].split(",")[0]
    assert (first[name]["petal"], first[name]["unread_columns"]) == (None, "petal")
    assert sum(row["unread_columns"] is not None for row in first.values()) == 1
    assert met.of("2026-03-02").schema.field("petal").type == pa.string()


def test_a_column_that_did_not_come_is_not_there(spec, arrivals):
    write_lines(arrivals / "a.csv", ["p1,2026-03-01 10:00:00,1.0"], header="flower,met,petal")
    assert read_production(spec, now=NOW).of("2026-03-01").column_names == [
        "example_id", "met_at", "period", "petal", "met", "unread_columns",
    ]  # fmt: skip


def test_days_begin_by_the_clock_of_the_spec_also_where_it_is_changed(planted):
    spec = with_production(planted, **{"window: 3": "timezone: Europe/Berlin\n  window: 3"})
    now = datetime(2026, 11, 1, tzinfo=UTC)
    values = "1.0,2.0,3.0,red"
    times = {
        "spring_first": "2026-03-28T23:00:00Z",  # midnight in Berlin
        "spring_lost_hour": "2026-03-29 02:30:00",  # which no clock showed
        "spring_last": "2026-03-29T21:59:59Z",
        "next": "2026-03-29T22:00:00Z",
        "autumn_first": "2026-10-24T22:00:00Z",
        "autumn_twice": "2026-10-25 02:30:00",
        "autumn_last": "2026-10-25T22:59:59Z",
        "naive_evening": "2026-10-25 23:59:59",
    }
    lines = [f"{name},{time},{values}" for name, time in times.items()]
    write_lines(planted.catalog / "arrivals" / "a.csv", lines)
    met = read_production(spec, now=now)
    assert met.counts == {"2026-03-29": 3, "2026-03-30": 1, "2026-10-25": 4}


@pytest.mark.parametrize(("period", "wanted"), [("week", "2026-03-08"), ("month", "2026-03-01")])
def test_weeks_begin_on_the_weekday_of_the_start_and_months_on_the_first(planted, period, wanted):
    spec = with_production(planted, **{"window: 3": f"period: {period}\n  window: 3"})
    write_day(planted.catalog / "arrivals", date(2026, 3, 14))
    assert read_production(spec, now=NOW).counts == {wanted: 40}


@pytest.mark.parametrize("how", ["table: met", "query: select * from met where leaf < 100"])
def test_a_database_is_read_around_the_periods_that_are_asked_for(planted, how):
    spec = with_production(
        planted, **{"source: {path: arrivals}": f"sql: {{url_variable: MET_URL, {how}}}"}
    )
    file = planted.catalog / "met.db"
    base = sqlite3.connect(file)
    base.execute(
        "create table met (flower text, met timestamp, petal real, sepal real, leaf real,"
        " colour text)"
    )
    for day in (START + timedelta(days=n) for n in range(12)):
        rows = [line.split(",") for line in day_lines(day)[0]]
        base.executemany("insert into met values (?, ?, ?, ?, ?, ?)", rows)
    base.commit()
    environ = {"MET_URL": f"sqlite:///{file}"}
    met = read_production(spec, now=NOW, periods=["2026-03-06"], environ=environ)
    assert met.counts["2026-03-06"] == 40
    assert "2026-03-01" not in met.counts
    assert read_production(spec, now=NOW, environ=environ).counts.keys() >= {"2026-03-12"}


def test_a_database_is_never_written_to(planted):
    query = "query: delete from met returning *"
    spec = with_production(
        planted, **{"source: {path: arrivals}": f"sql: {{url_variable: MET_URL, {query}}}"}
    )
    file = planted.catalog / "met.db"
    base = sqlite3.connect(file)
    base.execute("create table met (flower text, met timestamp)")
    base.execute("insert into met values ('a', '2026-03-01')")
    base.commit()
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        read_production(spec, now=NOW, environ={"MET_URL": f"sqlite:///{file}"})
    assert base.execute("select count(*) from met").fetchone() == (1,)


def test_an_address_that_is_missing_is_told_by_its_variable_alone(planted):
    spec = with_production(
        planted, **{"source: {path: arrivals}": "sql: {url_variable: MET_URL, table: met}"}
    )
    with pytest.raises(SourceUnreadable, match="MET_URL is not set"):
        read_production(spec, now=NOW, environ={})


def test_a_password_in_an_address_is_never_told(planted):
    spec = with_production(
        planted, **{"source: {path: arrivals}": "sql: {url_variable: MET_URL, table: met}"}
    )
    environ = {"MET_URL": "postgresql+psycopg://ada:s3cret@127.0.0.1:1/none"}
    with pytest.raises(SourceUnreadable) as told:
        read_production(spec, now=NOW, environ=environ)
    assert "s3cret" not in str(told.value)


def test_a_folder_that_is_not_there_is_a_mistake_and_an_empty_one_is_none(planted, spec, arrivals):
    assert read_production(spec, now=NOW).counts == {}
    arrivals.rmdir()
    with pytest.raises(SourceUnreadable, match="no folder"):
        read_production(with_production_at(planted), now=NOW)


def with_production_at(planted):
    return with_production(planted, **{"{path: arrivals}": "{path: nowhere/*.csv}"})


def test_without_the_column_of_the_time_a_near_name_is_offered(spec, arrivals):
    write_lines(arrivals / "a.csv", ["p1,2026-03-01 10:00:00"], header="flower,meet")
    with pytest.raises(DataError, match="meet"):
        read_production(spec, now=NOW)


def test_rows_without_an_id_are_known_by_their_cells(planted):
    spec = with_production(planted)
    file = planted.catalog / "flowers.yaml"
    file.write_text(file.read_text().replace("id: flower\n", "", 1).replace(", id: flower", ""))
    spec = spec.model_copy(update={"id": None})
    header = HEADER.partition(",")[2]
    line = "2026-03-01 10:00:00,1.0,2.0,3.0,red"
    write_lines(planted.catalog / "arrivals" / "a.csv", [line, line], header=header)
    assert read_production(spec, now=NOW).counts == {"2026-03-01": 2}
    write_lines(planted.catalog / "arrivals" / "b.csv", [line, line], header=header)
    met = read_production(spec, now=NOW)
    assert (met.counts, met.twice) == ({"2026-03-01": 2}, 2)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://ada:s3cret/w0rd@db/x", "postgresql+psycopg://ada:s3cret@db:x/y"]
)
def test_an_address_that_cannot_be_read_is_told_without_its_password(url):
    source = SqlSource(url_variable="MET_URL", table="met")
    with pytest.raises(SourceUnreadable) as caught:
        read_sql(source, {"MET_URL": url})
    shown = f"{caught.value} {caught.value.__cause__} {caught.value.__suppress_context__}"
    assert "MET_URL" in shown
    assert "s3cret" not in shown
    assert "w0rd" not in shown
