"""Connections: what a reader sees, and those whose server has gone away meanwhile."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from burnish.database import connection as connections
from burnish.database import open_database, read_once, reading, transact

TABLE = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.String(20)))


@pytest.fixture
def engine(database):
    made = open_database(database)
    TABLE.create(made)
    return made


def note(engine, text):
    transact(engine, lambda connection: connection.execute(TABLE.insert(), {"text": text}))


@pytest.mark.parametrize("how", [reading, read_once])
def test_a_reader_sees_what_was_written_before_it_began(engine, how):
    note(engine, "one")
    with how(engine) as connection:
        assert connection.scalars(sa.select(TABLE.c.text)).all() == ["one"]
    note(engine, "two")
    with how(engine) as connection:
        assert connection.scalars(sa.select(TABLE.c.text)).all() == ["one", "two"]


def test_statements_of_one_reader_see_one_moment_on_sqlite(tmp_path):
    engine = open_database(tmp_path / "notes.db")
    TABLE.create(engine)
    note(engine, "one")
    count = sa.select(sa.func.count()).select_from(TABLE)
    with reading(engine) as connection:
        before = connection.scalar(count)
        note(engine, "two")
        assert connection.scalar(count) == before == 1


def test_after_a_reader_a_write_is_a_transaction_again(engine):
    def half(connection):
        connection.execute(TABLE.insert(), {"text": "half"})
        raise RuntimeError("in the middle")

    for how in (read_once, reading):
        with how(engine) as connection:
            connection.scalar(sa.select(1))
        with pytest.raises(RuntimeError):
            transact(engine, half)
        with read_once(engine) as connection:
            assert connection.scalars(sa.select(TABLE.c.text)).all() == []


def test_a_connection_that_was_cut_while_it_lay_idle_is_replaced(postgres_url, monkeypatch):
    monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
    engine, other = open_database(postgres_url), open_database(postgres_url)
    who, cut = sa.func.pg_backend_pid(), sa.func.pg_terminate_backend
    with read_once(engine) as connection:
        first = connection.scalar(sa.select(who))
    with other.connect() as connection:
        assert connection.scalar(sa.select(cut(first)))
    with read_once(engine) as connection:
        assert connection.scalar(sa.select(who)) != first
