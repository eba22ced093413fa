"""Checking a file from cold: what is wrong with its rows and columns, whatever its labels are.

What belongs here: from a file and choices to a report, a page and a table. What does not: the
checks (`burnish.quality`), the page (`burnish.report.check_page`), printing
(`burnish.workflows.check_file_print`), or labels that are probably wrong
(`burnish.workflows.audit_file`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.quality import CHECKS, QualityReport, check_table, identifier_leak
from burnish.report.check_page import CheckSummary, render_check_page
from burnish.spec import Chosen, FeatureKind
from burnish.spec.cells import infer, is_text
from burnish.spec.chosen import check_chosen
from burnish.spec.guess import options_of, read_file
from burnish.spec.looks import IMAGE_FILES, key_column, split_words
from burnish.workflows.audit_file_rows import require_file

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

MARK = b"burnish.check"
PAGE_MARK = "Written by Burnish"


@dataclass(frozen=True)
class FileCheck:
    """What a check of a file found. `page` and `table` are where it was written, if anywhere."""

    report: QualityReport
    summary: CheckSummary
    page: Path | None = None
    table: Path | None = None

    @property
    def failed(self) -> bool:
        """Whether a finding is an error."""
        return any(one.severity == "error" for one in self.report.findings)

    def to_table(self) -> pa.Table:
        """One row a finding, as `QualityReport.to_table`, and `rows`: its rows, from 1."""
        rows = [[row + 1 for row in one.rows] for one in self.report.findings]
        return self.report.to_table().append_column("rows", pa.array(rows, pa.list_(pa.int64())))


def check_file(
    file: Path,
    *,
    target: str | None = None,
    split: str | None = None,
    time: str | None = None,
    group: str | None = None,
    identity: str | None = None,
    text: Sequence[str] = (),
    image: Sequence[str] = (),
    exclude: Sequence[str] = (),
    out: Path | None = None,
    now: datetime | None = None,
) -> FileCheck:
    """Check the rows and columns of a file; with `out`, write a page and a table to that folder.

    `file` is CSV, Parquet, Arrow or JSON lines, and only read. `target` names the column of
    labels, `split` that of the parts (looked for where it is not named), `time` when a row was
    to be judged, `group` rows that belong together, `identity` the rows' names (looked for as
    well). `text` and `image` say what columns hold; those of `exclude` are not looked at. Written
    are findings.parquet and check.html. Raises `DataError` where the file cannot be read, a column
    is not there or has two uses, or the folder holds such files of somebody else.
    """
    require_file(file)
    options = options_of(file)
    raw = read_file(file, options=options)
    kinds: dict[str, FeatureKind] = {**dict.fromkeys(text, "text"), **dict.fromkeys(image, "image")}
    check_chosen(Chosen(identity, group, kinds, tuple(exclude)), raw.column_names, target)
    columns = {name: infer(raw[name]) for name in raw.column_names}
    parts, notes = _guessed(columns, target, {"id": identity, "split": split}, {*exclude, *kinds})
    if options:
        notes = (*notes, f"Its cells are parted by {options['delimiter']!r}, not by commas.")
    identity, split = parts["id"], parts["split"]
    table, kinds = _with_images(pa.table(columns), kinds, file.absolute().parent)
    aside = [*exclude, *([] if identity is None else [identity])]
    checks = CHECKS if identity is None else (*CHECKS, identifier_leak(identity))
    report = check_table(
        table, target=target, kinds=kinds, split=split, time=time, group=group,
        exclude=aside, checks=checks,
    )  # fmt: skip
    ids: list[str | None] | None = None
    if identity is not None:
        ids = [None if one is None else str(one) for one in columns[identity].to_pylist()]
    summary = CheckSummary(
        file.name, raw.num_rows, raw.num_columns, report.findings, report.looked_for, notes,
        now or datetime.now(UTC), ids,
    )  # fmt: skip
    found = FileCheck(report, summary)
    return found if out is None else _written(found, out)


def _guessed(
    columns: Mapping[str, pa.ChunkedArray],
    target: str | None,
    named: Mapping[str, str | None],
    taken: set[str],
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The columns of ids and of the split: those that are named, else those that look like it."""
    free = {name: cells for name, cells in columns.items() if name not in {target, *taken}}
    looks = {
        "id": key_column(free),
        "split": next((name for name, cells in free.items() if split_words(cells)), None),
    }
    parts = {role: named[role] or looks[role] for role in looks}
    notes = [
        f"{parts[role]} is taken as the {role}; name another with --{role}."
        for role in looks
        if parts[role] is not None and named[role] is None
    ]
    if target is None:
        notes.append("Without --target nothing was looked for that needs labels.")
    return parts, tuple(notes)


def _with_images(
    table: pa.Table, kinds: Mapping[str, FeatureKind], folder: Path
) -> tuple[pa.Table, dict[str, FeatureKind]]:
    """The table with the files that its cells name read into it."""
    known = dict(kinds)
    for at, name in enumerate(table.column_names):
        cells = table[name]
        if known.get(name, "image") != "image" or not is_text(cells.type):
            continue
        values = cells.drop_null()
        if not len(values) or not pc.all(pc.match_substring_regex(values, IMAGE_FILES)).as_py():
            continue
        known[name] = "image"
        files = [None if one is None else _file(folder / one, name) for one in cells.to_pylist()]
        table = table.set_column(at, name, pa.array(files, pa.large_binary()))
    return table, known


def _file(path: Path, column: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}, which column {column!r} names, cannot be read",
            expected="image files, found from the folder of the file",
            hint=f"leave the column out: --exclude {column}",
        ) from error


def _written(found: FileCheck, folder: Path) -> FileCheck:
    from pyarrow.parquet import write_table

    table, page = folder / "findings.parquet", folder / "check.html"
    _require_ours(table, page)
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in (table, page)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(found.to_table().replace_schema_metadata({MARK: b"1"}), drafts[table])
        drafts[page].write_text(render_check_page(found.summary), encoding="utf-8")
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written: {error.strerror or error}",
            expected="a folder to write to",
            hint="choose another --out",
        ) from error
    finally:
        for draft in drafts.values():
            if draft.parent.is_dir():
                draft.unlink(missing_ok=True)
    return FileCheck(found.report, found.summary, page, table)


def _require_ours(table: Path, page: Path) -> None:
    from pyarrow.parquet import read_schema

    def marked() -> bool:
        try:
            return MARK in (read_schema(table).metadata or {})
        except (OSError, pa.ArrowInvalid):
            return False

    said = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else PAGE_MARK
    for path, ours in ((table, not table.exists() or marked()), (page, PAGE_MARK in said)):
        if not ours:
            raise DataError(
                f"{path} is there, and no check wrote it",
                expected="a folder without such a file",
                hint="choose another --out, or move the file away",
            )
