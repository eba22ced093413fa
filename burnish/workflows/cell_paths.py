"""Paths in cells: from what a source says to files that every later stage finds.

What belongs here: looking for the files that image columns name. What does not: reading them
(`burnish.modeling.images`), or opening the source itself (`burnish.workflows.ingest`).

A path is taken from the folder of the source's file, where people who wrote that file mean it to
be, else from the folder of the spec. What is kept is the path from the folder of the spec, from
which all later stages take it; an absolute path stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from burnish.errors import DataError
from burnish.spec import DatasetSpec
from burnish.spec.cells import is_text
from burnish.spec.paths import first_file


@dataclass(frozen=True)
class RowsOfFile:
    """How many rows, one after the other, came from a file; no path where it is bundled data."""

    path: Path | None
    rows: int


def found_files(table: pa.Table, spec: DatasetSpec, files: Sequence[RowsOfFile]) -> pa.Table:
    """The table with the paths in its image columns taken from the folder of the spec.

    `files` tells where the rows came from, in their order. Cells that are no text, or missing,
    stay as they are. The files are looked for, not opened. Raises `DataError` on the first that is
    not there, naming column, row and path.
    """
    for name in spec.of_kind("image"):
        if not is_text(table.schema.field(name).type):
            continue
        cells: list[str | None] = table[name].to_pylist()
        start, found = 0, list[str | None]()
        for file in files:
            found += _found_of(cells[start : start + file.rows], name, file.path, spec.folder)
            start += file.rows
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array(found, pa.string()))
    return table


def _found_of(
    cells: Sequence[str | None], name: str, source: Path | None, base: Path
) -> list[str | None]:
    folders = [base] if source is None else [source.parent, base]
    kept: dict[str | None, str | None] = {None: None}
    for cell in dict.fromkeys(cells):
        if cell is not None:
            path = first_file(cell, folders)
            if path is None:
                raise _no_such_file(cells, cell, name, source, folders)
            kept[cell] = cell if Path(cell).is_absolute() else _from(base, path)
    return [kept[cell] for cell in cells]


def _from(base: Path, path: Path) -> str:
    return Path(os.path.relpath(path.absolute(), base.absolute())).as_posix()


def _no_such_file(
    cells: Sequence[str | None], cell: str, name: str, source: Path | None, folders: Sequence[Path]
) -> DataError:
    of = f" of {source.name}" if source else ""
    looked = dict.fromkeys(os.path.normpath(folder.absolute()) for folder in folders)
    shown = repr(cell if len(cell) <= 200 else cell[:197] + "...")
    return DataError(
        f"column {name!r}{of}: the image {shown} in row {cells.index(cell) + 1} is not there",
        expected="a file, by its path from " + " or ".join(looked),
        hint="mend the path, bring the file back, or take the row out of the source",
    )
