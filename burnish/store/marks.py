"""Tags and pins: the marks that hold a version, each a small sealed file in the table's folder.

What belongs here: setting and reading marks. What does not: what a mark protects against
(`ParquetStore.vacuum`), or which version readers should see (`burnish.versions`).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from burnish.errors import CorruptTable, StoreError, VersionNotFound
from burnish.store.files import replace
from burnish.store.manifest import sealed, unsealed

TAG_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def set_tag(folder: Path, name: str, version: int) -> None:
    """Let a tag mean a version; atomic, so that a reader sees the old meaning or the new."""
    replace(_tag_path(folder, name), sealed({"version": version}))


def tagged(folder: Path, name: str, *, table: str) -> int:
    """The version that a tag means; raises `VersionNotFound` for an unknown tag."""
    path = _tag_path(folder, name)
    if not path.exists():
        known = sorted(other.stem.removeprefix("tag.") for other in folder.glob("tag.*.json"))
        raise VersionNotFound(
            f"{table} has no tag {name!r}", expected=f"one of: {', '.join(known) or 'none yet'}"
        )
    return _version_in(path)


def set_pin(folder: Path, version: int, reason: str) -> None:
    """Hold a version for good; the same reason twice is one pin."""
    if not reason.strip():
        raise StoreError("a pin without a reason", hint="say who needs the version")
    mark = hashlib.sha256(reason.encode()).hexdigest()[:16]
    path = folder / f"pin.{version:08d}.{mark}.json"
    replace(path, sealed({"version": version, "reason": reason}))


def held(folder: Path) -> set[int]:
    """The versions that a tag or a pin holds; raises `CorruptTable` for a mark that is broken."""
    marks = [*folder.glob("tag.*.json"), *folder.glob("pin.*.json")]
    return {_version_in(path) for path in marks}


def _tag_path(folder: Path, name: str) -> Path:
    if not TAG_NAME.fullmatch(name):
        raise StoreError(
            f"{name!r} cannot be a tag", expected="letters, digits and _ . - (100 at most)"
        )
    return folder / f"tag.{name}.json"


def _version_in(path: Path) -> int:
    version = unsealed(path.read_bytes(), what=f"the mark {path.name} of {path.parent}")["version"]
    if not isinstance(version, int):
        raise CorruptTable(f"the mark {path.name} names no version")
    return version
