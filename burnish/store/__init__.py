"""Versioned tables on a file system: write, read a version, diff, tag, pin, vacuum, digest.

What belongs here: `ParquetStore` (a `burnish.typing.TableStore`) and `content_digest`. What does
not: which version readers should see and what a gate made of it (`burnish.versions`), or people's
decisions on labels (`burnish.ledger`).
"""

from burnish.store.digest import content_digest
from burnish.store.parquet import ParquetStore

__all__ = ["ParquetStore", "content_digest"]
