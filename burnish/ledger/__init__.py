"""The ledger: append-only label events and label requests in a SQL database, and their fold.

What belongs here: `SqlLedger` (a `burnish.typing.LabelLedger`). What does not: how a database is
opened and written to (`burnish.database`), which rows people are asked about
(`burnish.acquisition`), iterations and dataset versions (`burnish.versions`).
"""

from burnish.ledger.sql import SqlLedger

__all__ = ["SqlLedger"]
