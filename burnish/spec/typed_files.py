"""Files whose cells have types of their own: Parquet, Arrow, JSON lines, Delta.

What belongs here: one such file into an Arrow table, and what is wrong where it cannot be read.
What does not: CSV and everything that holds for all formats (`burnish.spec.guess.read_file`).

Dictionaries come back as the values they stand for, so that a category written by pandas is text
like any other.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from burnish.errors import SourceUnreadable
from burnish.spec.paths import FileFormat

_BLOCK = 16 << 20


def read_typed(path: Path, kind: FileFormat) -> pa.Table:
    """The table in a file of one of these formats.

    Raises `SourceUnreadable`, saying what the file seems to be instead.
    """
    table = _READERS[kind](path)
    for place, name in enumerate(table.column_names):
        cells = table.column(place)
        if pa.types.is_dictionary(cells.type):
            table = table.set_column(place, name, cells.cast(cells.type.value_type))
    return table


def _parquet(path: Path) -> pa.Table:
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{path} is not Parquet: {error}", expected="a Parquet file", hint=_instead(path)
        ) from error


def _arrow(path: Path) -> pa.Table:
    """An Arrow file, an Arrow stream, or Feather of either version."""
    from pyarrow import feather, ipc

    problem = ""
    readers: tuple[Callable[[], pa.Table], ...] = (
        lambda: ipc.open_file(path.read_bytes()).read_all(),
        lambda: ipc.open_stream(path.read_bytes()).read_all(),
        lambda: pa.table(feather.read_table(str(path))),
    )
    for read in readers:
        try:
            return _sound(read())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            problem = problem or str(error)
    raise SourceUnreadable(
        f"{path} is not Arrow: {problem}",
        expected="an Arrow IPC file or stream, or Feather",
        hint=_instead(path),
    )


def _json_lines(path: Path) -> pa.Table:
    from pyarrow import json as arrow_json

    options = arrow_json.ReadOptions(block_size=_BLOCK)
    try:
        return _sound(arrow_json.read_json(str(path), read_options=options))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        # Arrow gives up where a column holds texts and numbers, and knows no lines.
        return _by_line(path)


def _sound(table: pa.Table) -> pa.Table:
    """The table, if its bytes are what its types say: Arrow takes both on trust."""
    table.validate(full=True)
    return table


def _by_line(path: Path) -> pa.Table:
    rows = list(_objects(path))
    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(cells)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = pa.array([_written(cell) for cell in cells], pa.string())
    return pa.table(columns)


def _written(cell: Any) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


def _objects(path: Path) -> Iterator[Mapping[str, Any]]:
    expected = "one JSON object a line"
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise _bad_line(path, number, f"cannot be read: {error}", line) from error
                if not isinstance(row, dict):
                    raise _bad_line(path, number, f"holds a {type(row).__name__}", line)
                yield cast("Mapping[str, Any]", row)
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise SourceUnreadable(
            f"{path} cannot be read: {error}", expected=expected, hint="save it as UTF-8"
        ) from error


def _bad_line(path: Path, number: int, found: str, line: str) -> SourceUnreadable:
    whole = number == 1 and line.lstrip().startswith(("[", "{"))
    return SourceUnreadable(
        f"{path}, line {number}: {found}",
        expected="one JSON object a line",
        hint="write each row on a line of its own, not one list of all" if whole else "",
    )


def _opened(path: Path) -> Any:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _delta(path: Path) -> pa.Table:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return pa.table(DeltaTable(str(path)).to_pyarrow_table())
    except DeltaError as error:
        raise SourceUnreadable(
            f"{path} cannot be read as a Delta table: {error}",
            expected="a folder with a Delta log and its files",
        ) from error


def _instead(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PAR1"):
        return "it is Parquet: set `format: parquet` or rename it"
    if start.startswith((b"ARROW1", b"FEA1")):
        return "it is Arrow: set `format: arrow` or rename it"
    if start.lstrip().startswith(b"{"):
        return "it looks like JSON lines: set `format: jsonl` or rename it"
    return (
        "write it again" if b"\0" in start else "it looks like text: set `format: csv` or rename it"
    )


_READERS: Mapping[FileFormat, Callable[[Path], pa.Table]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "jsonl": _json_lines,
    "delta": _delta,
}
