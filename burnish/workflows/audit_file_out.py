"""The folder that an audit of a file is written to: which files are ours, and writing them.

What belongs here: names, ownership, and writing all files or none. What does not: what stands in
them (`burnish.workflows.audit_file`).

Each file is written under a temporary name and all are renamed at the end, so that an audit that
is stopped leaves what was there before. A table or page of somebody else's is never overwritten,
nor a spec that a person has changed since it was written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from burnish.errors import DataError

MARK = b"burnish.audit"
PAGE_MARK = "Written by Burnish"


@dataclass(frozen=True)
class AuditFiles:
    """Where the parts of an audit lie. `kept_spec`: a spec that people changed was left alone."""

    table: Path
    page: Path
    spec: Path
    kept_spec: bool = False


def audit_files(folder: Path, name: str) -> AuditFiles:
    """The files of an audit called `name` in `folder`.

    Raises `DataError` where the folder is a file, or a file of that name is somebody else's.
    """
    files = AuditFiles(folder / "audit.parquet", folder / "report.html", folder / f"{name}.yaml")
    above = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not above.is_dir():
        raise DataError(
            f"{above} is a file", expected="a folder, or nothing yet", hint="choose another --out"
        )
    digest = _spec_digest(files.table)
    theirs = [path for path, ours in _ours(files, digest).items() if path.exists() and not ours()]
    if theirs:
        raise DataError(
            f"{theirs[0]} is there, and no audit wrote it",
            expected="a folder without such a file",
            hint="choose another --out, or move the file away",
        )
    kept = files.spec.exists() and _digest(files.spec.read_bytes()) != digest
    return AuditFiles(files.table, files.page, files.spec, kept)


def write_audit_files(files: AuditFiles, *, table: pa.Table, page: str, spec_text: str) -> None:
    """Write all parts, or none of them. Raises `DataError` where the folder cannot be written."""
    from pyarrow.parquet import write_table

    spec = spec_text.encode()
    mark = _spec_digest(files.table) if files.kept_spec else _digest(spec)
    marked = table.replace_schema_metadata({MARK: mark.encode()})
    writers: dict[Path, Callable[[Path], object]] = {
        files.table: lambda draft: write_table(marked, draft),
        files.page: lambda draft: draft.write_text(page, encoding="utf-8"),
    }
    if not files.kept_spec:
        writers[files.spec] = lambda draft: draft.write_bytes(spec)
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in writers}
    try:
        files.table.parent.mkdir(parents=True, exist_ok=True)
        for path, write in writers.items():
            write(drafts[path])
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise DataError(
            f"{files.table.parent} cannot be written: {error.strerror or error}",
            expected="a folder to write to",
            hint="choose another --out",
        ) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _ours(files: AuditFiles, digest: str) -> Mapping[Path, Callable[[], bool]]:
    return {
        files.table: lambda: bool(digest),
        files.page: lambda: PAGE_MARK in files.page.read_text(encoding="utf-8", errors="replace"),
    }


def _spec_digest(table: Path) -> str:
    """The digest of the spec beside a table of ours; empty where it is none."""
    from pyarrow.parquet import read_schema

    try:
        metadata: Mapping[bytes, bytes] = read_schema(table).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return ""
    return metadata.get(MARK, b"").decode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
