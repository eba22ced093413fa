"""The SQL database that store, ledger and versions share: opening it, writing to it, its times.

What belongs here: engines, transactions that hold under concurrency, locks that outlast one, the
column types all tables use, and the migrations that make the tables. What does not: the tables as
code uses them (`burnish.store`, `burnish.ledger`, `burnish.versions` have their own), or any
meaning of a row.
"""

from burnish.database.connection import (
    UtcTime,
    open_database,
    read_once,
    reading,
    transact,
    utc_text,
)
from burnish.database.locking import exclusive
from burnish.database.migrating import migrate

__all__ = [
    "UtcTime",
    "exclusive",
    "migrate",
    "open_database",
    "read_once",
    "reading",
    "transact",
    "utc_text",
]
