"""Paths that a spec or a cell names: into files that are there, and the format of each.

What belongs here: patterns, endings, and where a relative path is taken from. What does not:
opening a file (`burnish.spec.guess`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Literal, TypeAlias

from burnish.errors import SourceUnreadable
from burnish.spec.keys import near
from burnish.spec.models import Source

FileFormat: TypeAlias = Literal["csv", "parquet", "arrow", "jsonl", "delta"]
TAB_ENDINGS = (".tsv", ".tsv.gz")
CSV_ENDINGS = (".csv", ".csv.gz", *TAB_ENDINGS)
ARROW_ENDINGS = (".arrow", ".feather", ".ipc")
JSON_ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def resolve_paths(source: Source, folder: Path) -> list[Path]:
    """The files of a source, taken from `folder`: as declared, and sorted within a glob.

    A bundled source has none. A path need not exist, but a glob that finds nothing raises
    `SourceUnreadable`.

    >>> resolve_paths(Source(paths=("b.csv", "../a.csv")), Path("catalog"))
    [PosixPath('catalog/b.csv'), PosixPath('catalog/../a.csv')]
    """
    found: dict[Path, None] = {}
    for pattern in source.files:
        path = folder / pattern
        if path.exists() or not set("*?[") & set(pattern):
            found[path] = None
            continue
        # Path.glob refuses an absolute pattern, so the fixed folders of a pattern go first.
        fixed = Path(*takewhile(lambda part: not set("*?[") & set(part), path.parts))
        matches = sorted(fixed.glob(str(path.relative_to(fixed))))
        if not matches:
            raise SourceUnreadable(
                f"no file matches {pattern!r} in {folder}", expected="one file or more"
            )
        found.update(dict.fromkeys(matches))
    return list(found)


def format_of(path: Path) -> FileFormat:
    """The format of a file by its ending; `SourceUnreadable` where that says nothing."""
    name = path.name.lower()
    if name.endswith(CSV_ENDINGS):
        return "csv"
    typed: dict[tuple[str, ...], FileFormat] = {
        (".parquet",): "parquet",
        ARROW_ENDINGS: "arrow",
        JSON_ENDINGS: "jsonl",
    }
    for endings, kind in typed.items():
        if name.endswith(endings):
            return kind
    if path.is_dir() and (path / "_delta_log").is_dir():
        return "delta"
    if not path.exists():
        raise missing_file(path)
    what, hint = "is a folder", "name the files, say `path: folder/*.csv`"
    if not path.is_dir():
        what = f"ends in {path.suffix or 'nothing'}"
        hint = "rename it after what it holds, or save it as CSV; a spec may also say `format: csv`"
        if name.endswith(".json"):
            hint = "write one object a line and call it .jsonl"
    raise SourceUnreadable(
        f"{path} {what}",
        expected=", ".join((*CSV_ENDINGS, ".parquet", *ARROW_ENDINGS, *JSON_ENDINGS))
        + ", or a folder with a _delta_log",
        hint=hint,
    )


def missing_file(path: Path) -> SourceUnreadable:
    """The error for a file that is not there, with the closest name beside it."""
    if path.parent.is_dir():
        beside = sorted(file.name for file in path.parent.iterdir())
        hint = near(path.name, beside) or "is the path right, and the file there?"
    else:
        hint = f"there is no folder {path.parent}; a spec's paths are taken from its own folder"
    return SourceUnreadable(f"{path} does not exist", expected="a file with rows", hint=hint)


def first_file(cell: str, folders: Iterable[Path]) -> Path | None:
    """The file that a path in a cell means: in the first of `folders` that has it, else none.

    >>> first_file("no/such/scan.png", [Path("."), Path("..")]) is None
    True
    """
    for folder in folders:
        path = folder / cell
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):  # a text too long, or with a NUL, is the path of nothing
            return None
    return None
