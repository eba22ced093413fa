"""What a commit of a table says: sealed facts inside a commit of Delta Lake.

What belongs here: the facts, and reading them back from a commit file. What does not: making a
commit (`burnish.store.delta`), or whether it was acknowledged (`burnish.store.marks`).

Version n of a table is version n - 1 of the Delta table. Any engine that reads Delta Lake sees the
same rows; the facts beside them are what Burnish needs on top: the content digest, the checksums of
each file of the version, and the exact Arrow schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from burnish.errors import CorruptTable
from burnish.records import TableVersion
from burnish.store.digest import TableDigest
from burnish.store.parts import Part
from burnish.store.sealing import sealed, unsealed

LOG = "_delta_log"
COMMIT_NAME = re.compile(r"(\d{20})\.json")
FACTS = "burnish"


@dataclass(frozen=True)
class Commit:
    """A version as its commit describes it; `schema` is text of `burnish.store.layout`."""

    table: str
    version: int
    digest: TableDigest
    schema: str
    parts: tuple[Part, ...]
    created_at: datetime
    properties: Mapping[str, str]

    @property
    def parent(self) -> int | None:
        return self.version - 1 or None

    def to_version(self) -> TableVersion:
        """The record that the rest of the house knows."""
        return TableVersion(
            table=self.table,
            version=self.version,
            rows=self.digest.rows,
            digest=self.digest.hex,
            created_at=self.created_at,
            parent=self.parent,
            properties=dict(self.properties),
        )

    def to_facts(self) -> str:
        """The sealed text that goes into the commit."""
        return sealed(
            {
                "table": self.table,
                "version": self.version,
                "digest": self.digest.to_json(),
                "schema": self.schema,
                "parts": [part.to_json() for part in self.parts],
                "created_at": self.created_at.isoformat(timespec="microseconds"),
                "properties": dict(self.properties),
            }
        )


def commit_file(version: int) -> str:
    """The name of a version's commit, below the table."""
    return f"{LOG}/{version - 1:020d}.json"


def version_of(name: str) -> int | None:
    """The version whose commit a file of the log is; None for other files."""
    match = COMMIT_NAME.fullmatch(name)
    return int(match[1]) + 1 if match else None


def commit_from(data: bytes, *, table: str, version: int) -> Commit:
    """Read a commit file back; raises `CorruptTable` where it is not what was written."""
    what = f"the commit of {table}@{version}"
    facts = unsealed(_facts(data, what), what=what)
    found = (facts["table"], facts["version"])
    if found != (table, version):
        raise CorruptTable(
            f"the commit of {table}@{version} is that of {found[0]}@{found[1]}",
            hint="restore the folder of the table from a backup",
        )
    return Commit(
        table=table,
        version=version,
        digest=TableDigest.from_json(facts["digest"]),
        schema=facts["schema"],
        parts=tuple(Part.from_json(part) for part in facts["parts"]),
        created_at=datetime.fromisoformat(facts["created_at"]),
        properties=facts["properties"],
    )


def _facts(data: bytes, what: str) -> str:
    """The facts in a commit of Delta Lake: one line of it says who made it."""
    for line in data.splitlines():
        try:
            action: Any = json.loads(line)
        except ValueError:
            break
        info = action.get("commitInfo") if isinstance(action, dict) else None
        if isinstance(info, dict) and FACTS in info:
            return str(info[FACTS])
    raise CorruptTable(
        f"{what} is not what was written ({len(data)} bytes)",
        expected="a commit that Burnish made",
        hint="restore the file from a backup; other writers must not commit to these tables",
    )
