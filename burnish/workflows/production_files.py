"""The files of production: which there are, which are still being written, and what is in each.

What belongs here: finding and opening files, and saying of one that is not read why it is waited
for. What does not: which rows are of a period (`burnish.workflows.production_rows`).

A file may be looked at while somebody writes it. What cannot be opened, is empty, or ends within a
line and was touched less than a minute ago is not half read: it is waited for, and the next look
takes it. Names that begin with `.` or `_`, or end as unfinished downloads do, are not looked at.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Literal

import pyarrow as pa

from burnish.errors import DataError, SourceUnreadable
from burnish.spec import DatasetSpec, Source, resolve_paths
from burnish.spec.guess import read_file
from burnish.spec.paths import ARROW_ENDINGS, CSV_ENDINGS, JSON_ENDINGS, format_of

SETTLED = timedelta(minutes=1)
"""A text file that ends within a line, and was not touched for so long, is whole."""

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".inprogress", ".filepart", "~")
ENDINGS = (*CSV_ENDINGS, ".parquet", *ARROW_ENDINGS, *JSON_ENDINGS)


@dataclass(frozen=True)
class Delivered:
    """One file that was read whole. `loose` cells are text of unknown kind."""

    name: str
    table: pa.Table
    loose: bool
    at: datetime  # when it was last changed


@dataclass(frozen=True)
class Waited:
    """One file that is not read now, and why; nothing of it is lost."""

    name: str
    why: str


def production_paths(spec: DatasetSpec, source: Source) -> list[Path]:
    """The files of a source that there are by now: none is no mistake, the first may come yet.

    A path may be a folder: its files that have a known ending. Raises `SourceUnreadable` where the
    folder that a path begins with does not exist.
    """
    found: dict[Path, None] = {}
    for pattern in source.files:
        path = spec.folder / pattern
        if path.is_dir() and not (path / "_delta_log").is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.lower().endswith(ENDINGS))
            found.update(dict.fromkeys(inside))
            continue
        found.update(dict.fromkeys(_matching(spec, source, pattern)))
    return [path for path in found if not _unfinished(path.name)]


def _matching(spec: DatasetSpec, source: Source, pattern: str) -> list[Path]:
    one = source.model_copy(update={"path": pattern, "paths": ()})
    parts = Path(pattern).parts
    fixed = list(takewhile(lambda part: not set("*?[") & set(part), parts))
    folder = spec.folder / Path(*fixed[: len(parts) - 1])
    # Without an ending it is the folder itself that is not there.
    absent = len(fixed) == len(parts) and not (spec.folder / pattern).suffix
    if not folder.is_dir() or (absent and not (spec.folder / pattern).exists()):
        folder = folder if not folder.is_dir() else spec.folder / pattern
        raise SourceUnreadable(
            f"there is no folder {folder}",
            expected="the folder that production files come into",
            hint="make it, or mend `production.source`; paths are taken from the spec's folder",
        )
    try:
        return [path for path in resolve_paths(one, spec.folder) if path.exists()]
    except SourceUnreadable:
        return []  # a pattern that matches nothing yet


def _unfinished(name: str) -> bool:
    return name.startswith((".", "_")) or name.lower().endswith(UNFINISHED)


def read_delivered(
    spec: DatasetSpec, source: Source, *, now: datetime
) -> tuple[list[Delivered], list[Waited]]:
    """Every file that can be read whole, oldest first, and those that are waited for."""
    delivered: list[Delivered] = []
    waited: list[Waited] = []
    for path in production_paths(spec, source):
        one = read_one(path, source, name=name_of(spec, path), now=now)
        if isinstance(one, Waited):
            waited.append(one)
        else:
            delivered.append(one)
    return in_order(delivered), waited


def in_order(delivered: Sequence[Delivered]) -> list[Delivered]:
    """Files as they came: of two with the same row, the later counts."""
    return sorted(delivered, key=lambda one: (one.at, one.name))


def name_of(spec: DatasetSpec, path: Path) -> str:
    """What a file is called: its path from the folder of the spec."""
    return Path(os.path.relpath(path, spec.folder)).as_posix()


def read_one(path: Path, source: Source, *, name: str, now: datetime) -> Delivered | Waited:
    """One file, or why it is waited for."""
    try:
        return _read(path, source, name=name, now=now)
    except DataError as error:
        return Waited(name, str(error))
    except OSError as error:
        return Waited(name, f"it cannot be opened: {error.strerror}")


def _read(path: Path, source: Source, *, name: str, now: datetime) -> Delivered:
    before = path.stat()
    changed = datetime.fromtimestamp(before.st_mtime, UTC)
    kind = source.format or format_of(path)
    if kind in {"csv", "jsonl"} and now - changed < SETTLED and not _ends_a_line(path):
        raise SourceUnreadable(
            f"{name} ends within a line, and was changed a moment ago",
            expected="a line end after the last row",
            hint="it is read when it is whole, or was not touched for a minute",
        )
    table = read_file(path, file_format=source.format, options=source.options)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceUnreadable(f"{name} was changed while it was read", expected="a whole file")
    return Delivered(name, table, kind == "csv", changed)


def _ends_a_line(path: Path) -> bool:
    if path.name.lower().endswith(".gz"):
        return True  # a gzip that was cut short cannot be opened
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) in {b"\n", b"\r"}


def bundled_part(source: Source, part: Literal["production", "production_labels"]) -> pa.Table:
    """The stream of a bundled data set; raises `DataError` where it has none."""
    from burnish.datasets import load_bundled

    table = getattr(load_bundled(str(source.bundled), **source.options), part)
    if table is None:
        raise DataError(
            f"the bundled data set {source.bundled!r} has no production rows",
            expected="one that has: digits",
        )
    return table


def fingerprint(spec: DatasetSpec, source: Source) -> str:
    """Names, sizes and times of the files: while it is the same, nothing came in."""
    told = [f"{path}|{mark_of(path)}" for path in production_paths(spec, source)]
    return _digest(told)


def mark_of(path: Path) -> str:
    """Size and time of a file, or of the log of a Delta folder: other once it was changed.

    Empty where it is gone by now.
    """
    try:
        if not path.is_dir():
            return _times([path])
        return _digest([_times([path, *sorted((path / "_delta_log").glob("*"))])])
    except FileNotFoundError:
        return ""


def _times(places: Sequence[Path]) -> str:
    states = [place.stat() for place in places]
    return ",".join(f"{state.st_size}-{state.st_mtime_ns}" for state in states)


def _digest(told: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]
