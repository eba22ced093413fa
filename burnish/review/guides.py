"""The versions of a labeling guide: read from its file, kept as they came, never changed.

What belongs here: the file that a spec names, and the rows of `desk_guides`. What does not: when it
is looked at (`burnish.review.guiding`), making a page of Markdown (`burnish.review.markdown`), or
what people find unclear in it (`burnish.review.flags`).

A verdict is worth what its guide was worth: so each content that the file ever had while the desk
looked is a version, and a content that comes back is a new one.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, func, select

from burnish.errors import DataError, SourceUnreadable
from burnish.review.events import taken_back
from burnish.review.schema import desk_events, desk_guides
from burnish.spec import DatasetSpec

MOST_BYTES = 256 * 1024
"""The largest guide: more than anybody reads beside an example, and what a page can hold."""
LARGEST = 2**31 - 1
CATALOG = "catalog"
"""Who notes a version that was found in the folder of the specs."""

_C = desk_guides.c
Mark = tuple[int, int, int]
"""What tells a changed file: when it was changed, when what is kept of it was, and its size."""


@dataclass(frozen=True)
class Guide:
    """A version of the labeling guide of a dataset, numbered from 1.

    `digest` is the SHA-256 of `text`, `at` when the desk noted it, `noted_by` who did.
    """

    dataset: str
    version: int
    digest: str
    text: str
    noted_by: str
    at: datetime


@dataclass(frozen=True)
class GuideNow:
    """The guide that people go by now: None where its file has never been readable.

    `problem` says why the file cannot be used, where it cannot: `guide` is the last one then.
    """

    guide: Guide | None
    problem: str = ""

    @property
    def version(self) -> int | None:
        return self.guide.version if self.guide else None


def path_of(spec: DatasetSpec) -> Path | None:
    """The file of a dataset's guide; None where its spec names none."""
    return None if spec.review.guide is None else spec.folder / spec.review.guide


def mark_of(path: Path) -> Mark | None:
    """What tells whether a file has changed since it was read; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def read_guide(path: Path) -> str:
    """The text of a guide, its lines ended as on Unix.

    Its errors name the file and not where it lies: people at the desk read them, who need not know.
    Raises `SourceUnreadable` for a file that is gone or no file, cannot be opened, is larger than
    `MOST_BYTES`, or is no text in UTF-8; `DataError` for one that says nothing.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SourceUnreadable(f"the guide {path.name} is no file", expected="a Markdown file")
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SourceUnreadable(
            f"the guide {path.name} cannot be read: {why}",
            hint="`review.guide` is taken from the folder of the spec",
        ) from error
    if len(content) > MOST_BYTES:
        raise SourceUnreadable(
            f"the guide {path.name} is larger than {MOST_BYTES // 1024} KB",
            hint="say less, or link to pictures that are larger",
        )
    return _text_of(content, path)


def newest(connection: Connection, dataset: str) -> Guide | None:
    """The newest version of a dataset's guide; None where there is none."""
    query = select(desk_guides).where(_C.dataset == dataset).order_by(_C.version.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else _guide(row)


def versions(connection: Connection, dataset: str) -> list[Guide]:
    """All versions of a dataset's guide, newest first."""
    query = select(desk_guides).where(_C.dataset == dataset).order_by(_C.version.desc())
    return [_guide(row) for row in connection.execute(query).mappings()]


def numbered(connection: Connection, dataset: str, version: int) -> Guide | None:
    """A version of a dataset's guide by its number; None where it has none of it."""
    if not 0 < version <= LARGEST:
        return None
    query = select(desk_guides).where(_C.dataset == dataset, _C.version == version)
    row = connection.execute(query).mappings().first()
    return None if row is None else _guide(row)


def is_known(connection: Connection, dataset: str, version: int) -> bool:
    """Whether there is a version of this number, asked without reading its text."""
    if not 0 < version <= LARGEST:
        return False
    query = select(_C.version).where(_C.dataset == dataset, _C.version == version)
    return connection.scalar(query) is not None


def note(connection: Connection, dataset: str, text: str, *, by: str, at: datetime) -> Guide:
    """Keep a text as the next version of the guide, unless it is the newest already."""
    before = newest(connection, dataset)
    digest = digest_of(text)
    if before is not None and before.digest == digest:
        return before
    made = Guide(dataset, before.version + 1 if before else 1, digest, text, by, at)
    connection.execute(
        desk_guides.insert(),
        {
            "dataset": made.dataset,
            "version": made.version,
            "digest": made.digest,
            "text": made.text,
            "noted_by": made.noted_by,
            "at": made.at,
        },
    )
    return made


def answers_under(
    connection: Connection, dataset: str, *, person: str | None = None
) -> Mapping[int | None, int]:
    """How many answers and decisions that stand were given under each version; None: under none.

    `person` leaves those of one person alone.
    """
    c = desk_events.c
    query = (
        select(c.guide, func.count())
        .where(c.dataset == dataset, c.action.in_(["answer", "decide"]), ~taken_back(desk_events))
        .group_by(c.guide)
    )
    if person is not None:
        query = query.where(c.actor == person)
    return {version: int(count) for version, count in connection.execute(query)}


def digest_of(text: str) -> str:
    """The SHA-256 of a guide's text.

    >>> digest_of("# What a cat is")[:12]
    'c9d5e41db5db'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _text_of(content: bytes, path: Path) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            f"the guide {path.name} is no text in UTF-8 (byte {error.start})",
            expected="Markdown in UTF-8",
        ) from error
    # The same file on another machine is the same guide.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise SourceUnreadable(
            f"the guide {path.name} has a NUL in it", expected="Markdown in UTF-8"
        )
    if not text.strip():
        raise DataError(f"the guide {path.name} is empty", expected="what the classes mean")
    return text


def _guide(row: RowMapping) -> Guide:
    return Guide(**cast("dict[str, Any]", dict(row)))
