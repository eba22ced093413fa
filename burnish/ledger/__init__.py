"""The ledger: append-only label events and label requests in a SQL database, and their fold.

What belongs here: `SqlLedger` (a `burnish.typing.LabelLedger`), `open_database`, and how a write
is made to hold under concurrency (`transact`). What does not: which rows people are asked about
(`burnish.acquisition`), iterations and dataset versions (`burnish.versions`).
"""

from burnish.ledger.database import UtcTime, create_tables, open_database, refuse_changes, transact
from burnish.ledger.sql import SqlLedger

__all__ = [
    "SqlLedger",
    "UtcTime",
    "create_tables",
    "open_database",
    "refuse_changes",
    "transact",
]
