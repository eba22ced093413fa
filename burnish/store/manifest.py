"""The manifest of one version: what was written, when, after which version, and its checksums.

What belongs here: the record beside each Parquet file, and its JSON with a seal over its own
words, so that a flipped bit in the manifest is found as surely as one in the data. What does not:
where manifests lie and how one is claimed (`burnish.store.parquet`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from burnish.errors import CorruptTable
from burnish.records import TableVersion


@dataclass(frozen=True)
class Manifest:
    """One version as its folder keeps it. `file` names the Parquet file, `sha256` its bytes."""

    table: str
    version: int
    rows: int
    digest: str
    file: str
    sha256: str
    created_at: str
    parent: int | None
    properties: Mapping[str, str]

    def to_version(self) -> TableVersion:
        return TableVersion(
            table=self.table,
            version=self.version,
            rows=self.rows,
            digest=self.digest,
            created_at=datetime.fromisoformat(self.created_at).astimezone(UTC),
            parent=self.parent,
            properties=dict(self.properties),
        )

    def to_bytes(self) -> bytes:
        return sealed({"format": 1, **asdict(self)})


def manifest_from(data: bytes, *, table: str, version: int) -> Manifest:
    """Read a manifest back; raises `CorruptTable` where it is not what was written."""
    facts = unsealed(data, what=f"the manifest of {table}@{version}")
    del facts["format"]
    manifest = Manifest(**facts)
    if (manifest.table, manifest.version) != (table, version):
        raise CorruptTable(
            f"the manifest of {table}@{version} is that of {manifest.table}@{manifest.version}",
            hint="restore the folder of the table from a backup",
        )
    return manifest


def sealed(facts: Mapping[str, object]) -> bytes:
    """JSON of some facts and, under `seal`, the sha256 of all the others."""
    seal = hashlib.sha256(_canonical(facts)).hexdigest()
    return json.dumps({**facts, "seal": seal}, indent=1).encode() + b"\n"


def unsealed(data: bytes, *, what: str) -> dict[str, Any]:
    """The facts under an unbroken seal; raises `CorruptTable`, naming `what`, otherwise."""
    try:
        facts: dict[str, Any] = json.loads(data)
        seal = facts.pop("seal")
        whole = seal == hashlib.sha256(_canonical(facts)).hexdigest()
    except (ValueError, KeyError, AttributeError, TypeError):
        whole, facts = False, {}
    if not whole:
        raise CorruptTable(
            f"{what} is not what was written ({len(data)} bytes)",
            expected="JSON under an unbroken seal",
            hint="restore the file from a backup",
        )
    return facts


def _canonical(facts: Mapping[str, object]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
