"""The SQL database that store, ledger and versions share: opening it, writing to it, its times.

What belongs here: engines, transactions that hold under concurrency, the column types all tables
use, triggers that keep a table append-only. What does not: any table (`burnish.store`,
`burnish.ledger`, `burnish.versions` have their own), or any meaning of a row.
"""

from burnish.database.connection import (
    UtcTime,
    create_tables,
    open_database,
    refuse_changes,
    transact,
    utc_text,
)

__all__ = [
    "UtcTime",
    "create_tables",
    "open_database",
    "refuse_changes",
    "transact",
    "utc_text",
]
