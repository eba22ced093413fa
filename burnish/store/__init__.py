"""Versioned tables over Delta Lake: write, read a version, diff, tag, pin, vacuum, digest, verify.

What belongs here: `DeltaStore` (a `burnish.typing.TableStore`) and `content_digest`. What does
not: which version readers should see and what a gate made of it (`burnish.versions`), or people's
decisions on labels (`burnish.ledger`).

    delta.py       what a caller may ask of tables
    log.py         the commits of one table: found, read, made
    commits.py     what a commit says
    parts.py       files with a checksum for each column chunk
    layout.py      types that Delta Lake knows, and back
    places.py      a local folder, or an object store
    marks.py       acknowledged commits, tags, pins, in the database
    digest.py      from cells to the digest of a table, and its arithmetic
    difference.py  which cells differ
"""

from burnish.store.delta import DeltaStore
from burnish.store.digest import TableDigest, content_digest, table_digest

__all__ = ["DeltaStore", "TableDigest", "content_digest", "table_digest"]
