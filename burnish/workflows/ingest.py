"""Ingest: from the source that a spec names to the tables the loop starts with.

What belongs here: opening a source, bringing columns into their declared kinds, ids, and labels by
majority. What does not: judging values. Labels outside the class set, missing values and ids that
stand twice pass through here, because a gate shows and quarantines them; only what cannot be read
as declared is refused.

A column is kept by its kind: numeric as float64, boolean as bool, categorical and text as string
(empty is null), datetime as timestamp[us, UTC] (a time without zone is taken as UTC), image and
sensor as they are (lists of numbers or bytes), but for paths of image files, which are looked for
(`burnish.workflows.cell_paths`). In columns of numbers, booleans and times
of text files, NA, N/A, NaN, null, None and ? count as missing. Columns that a spec does not speak
of keep their type; those of a CSV become numbers, booleans or times where every cell is one.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.quality import duplicate_groups
from burnish.spec import DatasetSpec, FeatureKind, Source, resolve_paths
from burnish.spec.cells import as_text, infer, is_text, without_missing_words
from burnish.spec.guess import read_file
from burnish.spec.keys import near
from burnish.spec.known import RESERVED
from burnish.spec.paths import format_of
from burnish.workflows.cell_paths import RowsOfFile, found_files

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

INSTANT = pa.timestamp("us", "UTC")
TRUE_WORDS, FALSE_WORDS = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
NATURE: dict[FeatureKind, str] = {
    "numeric": "a number",
    "boolean": "a boolean",
    "datetime": "a time",
    "categorical": "text",
    "text": "text",
}
HINTS: dict[FeatureKind, str] = {
    "numeric": "mend the value in the source, or declare the column categorical",
    "boolean": f"write one of {', '.join(TRUE_WORDS + FALSE_WORDS)}, or declare it categorical",
    "datetime": "write times as 2026-03-01 or 2026-03-01T12:30:00Z",
}


def read_examples(spec: DatasetSpec) -> pa.Table:
    r"""The labelled rows of the source: raw_examples.

    Columns: example_id, label, the features in the order of the spec, every other column of the
    source, and source_file (path from the folder of the spec) where several files are read or the
    spec splits by files. Another column that has a name the loop writes itself (`label` where the
    target is called otherwise, say) is kept as `source_<name>`.

    Without an `id` in the spec, a column called example_id names the rows; else the id is made of
    the sha256 of all cells of the row, 20 hex digits, and repeats of a row have -2, -3, ... after
    it. Such an id does not depend on the order of rows or columns, nor, for declared columns, on
    the file format; it does change when any cell does, so declare an `id` where there is one.

    Without a target, the label is the one that most answers of `annotations` gave. Of labels with
    equally many answers, a hash of the example_id and `random_state` picks one, whatever the order
    of answers. An example without an answer has no label.

    Raises `SourceUnreadable` where a file cannot be opened or is empty, `DataError` where a column
    is missing, a cell is not of its kind, or an image file is not there, naming column, value and
    row.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "toy.csv").write_text("id,height,kind\n7,1.5,cat\n8,,dog\n")
    ...     spec = DatasetSpec.model_validate(
    ...         {"name": "toy", "source": {"path": "toy.csv"}, "folder": folder, "id": "id",
    ...          "target": "kind", "features": {"height": "numeric"}})
    ...     read_examples(spec).to_pylist()[1]
    {'example_id': '8', 'label': 'dog', 'height': None}
    """
    kinds = _kinds(spec)
    rows = _read_source(spec, spec.source, "examples", kinds, needed=kinds)
    raw = found_files(_shaped(spec, rows.table, labelled=True), spec, rows.files)
    if spec.target is None:
        answers = read_annotations(spec)
        assert answers is not None  # the spec's own check: a target, or annotations
        labels = _majority(raw["example_id"].to_pylist(), answers, spec.random_state)
        raw = raw.set_column(1, "label", pa.array(labels, pa.string()))
    for cut in spec.slices:
        for column in [cut.column] if cut.column else cut.where:
            if column not in {*raw.column_names, *RESERVED}:
                raise _absent(column, f"slice {cut.name!r}", raw.column_names)
    return raw


def read_unlabeled(spec: DatasetSpec) -> pa.Table | None:
    """Rows nobody has labelled yet, with the columns of raw_examples; label is null throughout.

    None where the spec has no such source. What stands in a column called as the target is left
    out. Where the spec names a group and these rows have it, it stands in `fold_group` as well.
    Of the columns declared, only id and features must be there. Raises as `read_examples` does.
    """
    if spec.unlabeled is None:
        return None
    kinds = _kinds(spec)
    if spec.target is not None:
        del kinds[spec.target]
    needed = [*spec.features, *([spec.id] if spec.id is not None else [])]
    read = _read_source(spec, spec.unlabeled, "unlabeled", kinds, needed=needed)
    rows = found_files(_shaped(spec, read.table, labelled=False), spec, read.files)
    if spec.group is not None and spec.group in read.table.column_names:
        return rows.append_column("fold_group", as_text(read.table[spec.group]))
    return rows


def read_annotations(spec: DatasetSpec) -> pa.Table | None:
    """Answers of annotators: example_id, annotator_id, label (strings), time (timestamp, UTC).

    None where the spec has no annotations; time is null where it names no such column. Raises as
    `read_examples` does.
    """
    wanted = spec.annotations
    if wanted is None:
        return None
    columns = {
        "example_id": wanted.example_id,
        "annotator_id": wanted.annotator_id,
        "label": wanted.label,
    }
    kinds: dict[str, FeatureKind] = dict.fromkeys(columns.values(), "categorical")
    if wanted.time is not None:
        kinds[wanted.time] = "datetime"
    table = _read_source(spec, wanted.source, "annotations", kinds, needed=kinds).table
    answers = {name: table[column] for name, column in columns.items()}
    answers["time"] = table[wanted.time] if wanted.time else pa.nulls(len(table), INSTANT)
    return pa.table(answers)


def datasheet(spec: DatasetSpec, raw: pa.Table) -> pa.Table:
    """What a reader must know of the data: the spec's datasheet, and what the rows show.

    Columns: field, value (strings). After 'Datasheets for Datasets' (Gebru et al., 2021).

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "kind", "features": {"x": "numeric"}, "datasheet": {"licence": "CC0"}})
    >>> raw = pa.table({"example_id": ["a", "b"], "label": ["cat", None], "x": [1.0, 2.0]})
    >>> sheet = datasheet(spec, raw)
    >>> dict(zip(*sheet.to_pydict().values()))["class cat"]
    '1 rows (50.0 %)'
    """
    rows = raw.num_rows
    fields = {"name": spec.name, "description": spec.description, "owner": spec.owner or ""}
    fields |= {key: str(value) for key, value in spec.datasheet.model_dump().items()}
    fields["files"] = ", ".join(spec.source.files) or f"bundled: {spec.source.bundled}"
    fields["rows"] = str(rows)
    fields["columns"] = ", ".join(f"{field.name} ({field.type})" for field in raw.schema)
    counts = Counter[str | None](raw["label"].to_pylist())
    for label, count in sorted(counts.items(), key=lambda item: (item[0] is None, str(item[0]))):
        name = "no label" if label is None else f"class {label}"
        fields[name] = f"{count} rows ({count / max(rows, 1):.1%})".replace("%", " %")
    for name in raw.column_names:
        missing = raw[name].null_count
        if missing:
            fields[f"missing {name}"] = f"{missing / rows:.1%}".replace("%", " %")
    return pa.table({"field": list(fields), "value": list(fields.values())})


# ---------------------------------------------------------------- columns


def _kinds(spec: DatasetSpec) -> dict[str, FeatureKind]:
    """The columns that the spec speaks of, each with the kind it is kept as."""
    kinds: dict[str, FeatureKind] = {}
    for role in (spec.id, spec.target, spec.group, spec.split.column):
        if role is not None and role != "source_file":
            kinds[role] = "categorical"
    for name, feature in spec.features.items():
        kinds[name] = feature.kind
    return kinds


def _shaped(spec: DatasetSpec, table: pa.Table, *, labelled: bool) -> pa.Table:
    """Columns under the names of the loop and in its order."""
    identity = spec.id
    if identity is None and "example_id" in table.column_names:
        identity = "example_id"
    nothing = pa.nulls(len(table), pa.string())
    columns = {
        "example_id": content_ids(table) if identity is None else as_text(table[identity]),
        "label": table[spec.target] if labelled and spec.target is not None else nothing,
    }
    columns |= {name: table[name] for name in spec.features}
    kept = {"source_file", spec.split.column}
    for name in table.column_names:
        if name not in {identity, spec.target, *spec.features}:
            free = name or "unnamed"
            while free in columns or free in RESERVED - kept:
                free = f"source_{free}"
            columns[free] = table[name]
    return pa.table(columns)


def content_ids(table: pa.Table) -> pa.Array:
    """An id a row, made of all its cells, as `read_examples` says."""
    cells = sorted(name for name in table.column_names if name != "source_file")
    seen = Counter[str]()
    ids: list[str] = []
    for digest in duplicate_groups(table, cells).to_pylist():
        name = digest[:20]
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return pa.array(ids, pa.string())


def _majority(ids: Iterable[str | None], answers: pa.Table, seed: int) -> list[str | None]:
    votes: dict[str, Counter[str]] = {}
    pairs = zip(answers["example_id"].to_pylist(), answers["label"].to_pylist(), strict=True)
    for example_id, label in pairs:
        if label is not None:
            votes.setdefault(example_id, Counter())[label] += 1
    labels = [_winner(example_id, votes.get(example_id or ""), seed) for example_id in ids]
    if not any(labels):
        raise DataError(
            "no annotation belongs to any example",
            expected="example_id of the annotations among the ids of the examples",
            hint="check `id` of the spec and `annotations.example_id`",
        )
    return labels


def _winner(example_id: str | None, votes: Counter[str] | None, seed: int) -> str | None:
    if not votes:
        return None
    best = max(votes.values())
    tied = sorted(label for label, count in votes.items() if count == best)
    draw = hashlib.sha256(f"{seed}:{example_id}".encode()).digest()
    return tied[int.from_bytes(draw[:8], "big") % len(tied)]


# ---------------------------------------------------------------- sources


@dataclass(frozen=True)
class _Piece:
    """One file of a source, or all of a bundled one. `loose` cells are text of unknown kind."""

    name: str
    table: pa.Table
    loose: bool = False
    file: str | None = None
    path: Path | None = None


@dataclass(frozen=True)
class _Rows:
    """All rows of a source, and the files that they came from, in order."""

    table: pa.Table
    files: tuple[RowsOfFile, ...]


def _read_source(
    spec: DatasetSpec,
    source: Source,
    part: str,
    kinds: Mapping[str, FeatureKind],
    *,
    needed: Iterable[str],
) -> _Rows:
    """All rows of a source: `kinds` brings columns into their kinds, the others are as they are."""
    pieces = _bundled(source, part) if source.bundled else _files(spec, source)
    for piece in pieces:
        for name in needed:
            if name not in piece.table.column_names:
                raise _absent(name, piece.name, piece.table.column_names)
    tables = [_declared(piece, kinds) for piece in pieces]
    try:
        rows = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"the files of {spec.name} do not fit together: {error}",
            expected="one type for each column in all files",
        ) from error
    if any(piece.loose for piece in pieces):
        for place, name in enumerate(rows.column_names):
            if name not in {*kinds, "source_file"}:
                rows = rows.set_column(place, name, infer(rows[name]))
    return _Rows(rows, tuple(RowsOfFile(piece.path, len(piece.table)) for piece in pieces))


def _files(spec: DatasetSpec, source: Source) -> list[_Piece]:
    paths = resolve_paths(source, spec.folder)
    asked = spec.split.files or "source_file" in {spec.group, spec.split.column}
    several = len(paths) > 1 or asked
    pieces: list[_Piece] = []
    for path in paths:
        table = read_file(path, file_format=source.format, options=source.options)
        loose = bool(table.num_columns) and _is_csv(path, source)
        file = Path(os.path.relpath(path, spec.folder)).as_posix() if several else None
        pieces.append(_Piece(path.name, table, loose, file, path))
    return pieces


def _is_csv(path: Path, source: Source) -> bool:
    return (source.format or format_of(path)) == "csv"


def _bundled(source: Source, part: str) -> list[_Piece]:
    from burnish.datasets import load_bundled

    table: pa.Table | None = getattr(load_bundled(str(source.bundled), **source.options), part)
    if table is None or table.num_rows == 0:
        raise DataError(
            f"the bundled data set {source.bundled!r} has no {part} with these options",
            expected="rows",
            hint="see `burnish.datasets.load_bundled` for what its options give",
        )
    return [_Piece(str(source.bundled), table)]


def _declared(piece: _Piece, kinds: Mapping[str, FeatureKind]) -> pa.Table:
    table = piece.table.replace_schema_metadata(None)
    columns: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        kind = kinds.get(name)
        cells = decoded(table[name])
        columns[name] = _converted(cells, kind, f"{name!r} of {piece.name}") if kind else cells
    if piece.file is not None:
        if "source_file" in columns:
            columns["source_source_file"] = columns.pop("source_file")
        columns["source_file"] = pa.chunked_array([pa.repeat(piece.file, len(table))])
    return pa.table(columns)


def _absent(name: str, where: str, known: list[str]) -> DataError:
    expected = "one of: " + ", ".join(known)
    return DataError(f"{where}: no column {name!r}", expected=expected, hint=near(name, known))


# ---------------------------------------------------------------- kinds


def _converted(cells: pa.ChunkedArray, kind: FeatureKind, column: str) -> pa.ChunkedArray:
    if kind in {"image", "sensor", "embedding"}:
        return cells
    convert = CONVERTERS[kind]
    try:
        return convert(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        row = _first_refused(cells, convert)
        value = repr(cells[row].as_py())
        shown = value if len(value) <= 60 else value[:57] + "..."
        raise DataError(
            f"column {column}: {shown} in row {row + 1} is not {NATURE[kind]}",
            expected=f"{kind} values, or none (rows count from 1, without a header)",
            hint=HINTS.get(kind, "declare another kind"),
        ) from error


def _first_refused(
    cells: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> int:
    """Position of the first cell that cannot be converted, by halving."""
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(cells.slice(low, middle - low))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
        else:
            low = middle
    return low


def decoded(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without a dictionary; text as `string`, however it was kept."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    return cells.cast(pa.string()) if is_text(cells.type) else cells


def _numbers(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    kind, types = cells.type, pa.types
    if is_text(kind):
        cells = without_missing_words(cells)
    elif types.is_boolean(kind):
        cells = cells.cast(pa.uint8())
    elif types.is_temporal(kind) or types.is_nested(kind) or types.is_binary(kind):
        raise pa.ArrowInvalid(f"cells of type {kind} are not numbers")
    return cells.cast(pa.float64(), safe=False)


def _booleans(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    if is_text(cells.type):
        cells = pc.utf8_lower(without_missing_words(cells))
        known = pa.array([*TRUE_WORDS, *FALSE_WORDS])
    else:
        cells, known = _numbers(cells), pa.array([1.0, 0.0])
    place = pc.index_in(cells, value_set=known)
    if place.null_count > cells.null_count:
        raise pa.ArrowInvalid("not booleans")
    return pc.less(place, len(known) // 2)


def _times(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    kind, types = cells.type, pa.types
    if is_text(kind):
        # Arrow reads times with a zone and times without one in two ways, and no nanoseconds.
        cells = without_missing_words(cells)
        cells = pc.replace_substring_regex(cells, r"(\.\d{6})\d+", r"\1")
        zoned = pc.match_substring_regex(cells, r":.*([zZ]|[-+]\d\d(:?\d\d)?)$")
        nothing = pa.scalar(None, pa.string())
        without = pc.if_else(zoned, nothing, cells).cast(pa.timestamp("us"))
        return pc.coalesce(pc.if_else(zoned, cells, nothing).cast(INSTANT), without.cast(INSTANT))
    if not (types.is_timestamp(kind) or types.is_date(kind) or types.is_null(kind)):
        raise pa.ArrowInvalid(f"cells of type {kind} are not times")
    zone = kind.tz if types.is_timestamp(kind) else None
    return cells.cast(pa.timestamp("us", zone), safe=False).cast(INSTANT)


CONVERTERS: dict[FeatureKind, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "numeric": _numbers,
    "boolean": _booleans,
    "datetime": _times,
    "categorical": as_text,
    "text": as_text,
}
