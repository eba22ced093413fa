"""A look at a data file: opening it, what its cells seem to be, and a first spec guessed from it.

What belongs here: one CSV or Parquet file into Arrow, the type of a column that nothing declares,
and YAML text for people to look over. What does not: reading a spec (`burnish.spec.reading`), or
bringing cells into their declared kind (`burnish.workflows.ingest`, which opens files by
`read_file`, so that both see the same cells).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import yaml
from pyarrow import compute

from burnish.errors import DataError, SourceUnreadable, SpecError
from burnish.spec.models import Datasheet, FeatureKind, Scalar
from burnish.spec.reading import RESERVED, FileFormat, format_of, missing_file, near

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

NO_OPTIONS: Mapping[str, Scalar] = MappingProxyType({})

MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "?")
"""Read as nothing in columns of numbers, booleans and times; in text they are text."""

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}
MAX_CLASSES = 1000
MAX_SLICES = 8


def read_file(
    path: Path,
    *,
    file_format: FileFormat | None = None,
    options: Mapping[str, Scalar] = NO_OPTIONS,
) -> pa.Table:
    """One file with its cells as they stand: text in a CSV (empty is null), typed in the others.

    The format is read off the ending unless given. Options of a CSV: `delimiter` (","), `encoding`
    ("utf8"). Raises `SourceUnreadable` where the file cannot be opened or has no rows, `DataError`
    where two columns have one name, `SpecError` for an unknown option, and for Delta where
    `deltalake` is not installed.
    """
    kind = file_format or format_of(path)
    if not path.exists():
        raise missing_file(path)
    if kind != "delta" and path.is_dir():
        hint = f"name the files, say `path: {path.name}/*.{kind}`"
        raise SourceUnreadable(f"{path} is a folder", expected="a file", hint=hint)
    if kind != "delta" and path.stat().st_size == 0:
        raise SourceUnreadable(f"{path} is empty", expected="rows")
    known = ("delimiter", "encoding") if kind == "csv" else ()
    for name in options:
        if name not in known:
            expected = "one of: " + ", ".join(known) if known else "no options"
            raise SpecError(f"unknown option {name!r} of {kind} files", expected=expected)
    table = _read_csv(path, options) if kind == "csv" else _read_columns(path, kind)
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        found = f"{path.name} has two columns named {twice[0]!r}"
        raise DataError(found, expected="a name for each column", hint="rename one of them")
    if table.num_rows == 0:
        raise SourceUnreadable(f"{path} has columns, but no rows", expected="at least one row")
    return table


def _read_csv(path: Path, options: Mapping[str, Scalar]) -> pa.Table:
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    settings = {"delimiter": ",", "encoding": "utf8", **options}
    with path.open("rb") as file:
        start = file.read(4)
    if start in {b"PAR1", b"PK\x03\x04"}:
        what = "Parquet" if start == b"PAR1" else "a zip archive or an Excel workbook"
        hint = "set `format: parquet`" if start == b"PAR1" else "save it as CSV"
        raise SourceUnreadable(f"{path} is {what}", expected="CSV text", hint=hint)
    convert = ConvertOptions(
        default_column_type=pa.string(), null_values=[""], strings_can_be_null=True
    )
    parse = ParseOptions(delimiter=str(settings["delimiter"]), newlines_in_values=True)
    problem = ""
    # Only one thread alone knows the number of the row that it fails on.
    for threads in (True, False):
        read = ReadOptions(encoding=str(settings["encoding"]), use_threads=threads)
        try:
            return read_csv(path, read_options=read, parse_options=parse, convert_options=convert)
        except (pa.ArrowInvalid, OSError, LookupError, UnicodeError) as error:
            problem = str(error)
    other = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1"
    text = other == "utf-16" or "UTF8" in problem or "decod" in problem
    hint = f"save it as UTF-8, or set `options: {{encoding: {other}}}`" if text else ""
    raise SourceUnreadable(f"{path} cannot be read as CSV: {problem}", expected="CSV", hint=hint)


def _read_columns(path: Path, kind: FileFormat) -> pa.Table:
    if kind == "delta":
        try:
            deltalake = import_module("deltalake")
        except ImportError as error:
            raise SpecError(
                f"{path} is a Delta table, and the package deltalake is not installed",
                expected="CSV or Parquet, or the package",
                hint="pip install deltalake",
            ) from error
        return deltalake.DeltaTable(str(path)).to_pyarrow_table()
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        with path.open("rb") as file:
            text = b"\0" not in file.read(512)
        hint = "it looks like text: set `format: csv` or rename it" if text else "write it again"
        raise SourceUnreadable(
            f"{path} is not Parquet: {error}", expected="a Parquet file", hint=hint
        ) from error


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are text."""
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def as_text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text, "" as null; `pa.ArrowInvalid` where they have none.

    >>> as_text(pa.chunked_array([[3.0, None, 4.0]])).to_pylist()
    ['3', None, '4']
    """
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_floating(cells.type):
        # Pandas makes floats of whole numbers where one is missing: 3.0 is the label "3".
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
        cells = cells.cast(pa.int64()) if _whole(cells) else cells
    if pa.types.is_nested(cells.type):
        raise pa.ArrowInvalid(f"cells of type {cells.type} are not text")
    text = cells.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def without_missing_words(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text without space around it, and null where a word stands for a missing value."""
    trimmed = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    missing = pc.is_in(trimmed, value_set=pa.array(["", *MISSING_WORDS]))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def infer(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text of a CSV column as whole numbers, numbers, booleans or times, where all cells are so.

    Else it stays text; so do numbers that begin with a 0, and those too long for a float, which
    are codes. Columns that are no text come back as they are.
    """
    if not is_text(cells.type):
        return cells
    words = without_missing_words(cells)
    if words.null_count == len(words) or _any(words, r"^[-+]?0[\dxX]"):
        return cells
    for kind, like in _INFERRED:
        if not pc.all(pc.match_substring_regex(words, like)).as_py():
            continue
        try:
            typed = words.cast(kind)
        except pa.ArrowInvalid:
            continue
        if pa.types.is_floating(kind) and not _any(words, r"[^\d+-]"):
            return typed.cast(pa.int64()) if _whole(typed) else cells
        return typed.cast(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(kind) else typed
    return cells


_INFERRED = (
    (pa.float64(), r"^[-+]?(\d|\.\d|inf)"),
    (pa.bool_(), r"^(?i:true|false)$"),
    (pa.timestamp("us", "UTC"), r"^\d{4}-\d\d-\d\d.*:.*([zZ]|[-+]\d\d(:?\d\d)?)$"),
    (pa.timestamp("us"), r"^\d{4}-\d\d-\d\d"),
)


def _whole(numbers: pa.ChunkedArray) -> bool:
    """Whether all are whole, and small enough that 64-bit floats hold them exactly."""
    whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2.0**53))
    return bool(pc.all(whole).as_py())


def _any(cells: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, pattern)).as_py())


# ---------------------------------------------------------------- a first spec


def guess_spec(
    path: Path | str, *, target: str, name: str | None = None, folder: Path | str | None = None
) -> str:
    r"""YAML text of a first spec, from a look at one CSV or Parquet file; comments say why.

    `target` names the column of labels. `folder` is where the YAML will be written (where the file
    lies, unless given): the path in it is taken from there. A column that identifies rows becomes
    `id`; other identifiers, and columns that hold (nearly) one value, are left out of the features.

    Raises `DataError` where there is no such target, where it cannot be one (fewer than two
    values, more than 1000, or a continuous number), or where no feature is left; and what
    `read_file` raises.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "toy.csv"
    ...     _ = file.write_text("height,kind\n1.5,cat\n2.5,dog\n3.5,dog\n")
    ...     text = guess_spec(file, target="kind")
    >>> yaml.safe_load(text)["features"]
    {'height': 'numeric'}
    """
    path = Path(path)
    name = _name_of(path) if name is None else name
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        expected = "at most 40 lower-case letters, digits and _, a letter first"
        raise SpecError(f"{name!r} cannot name a dataset", expected=expected)
    options = _options_of(path)
    table = read_file(path, options=options)
    classes = _classes(table, target)
    columns = {other: infer(table[other]) for other in table.column_names if other != target}
    identity = _identity(columns)
    split = next((other for other in columns if _split_words(columns[other])), None)
    others = {name: columns[name] for name in columns if name not in {identity, split}}
    looks = [_look(other, cells) for other, cells in others.items()]
    if not any(look.kind for look in looks):
        raise DataError(
            f"{path.name} has no column that can be a feature",
            expected="a column that varies beside the target, and does not only name rows",
            hint="; ".join(f"{look.name}: {look.note}" for look in looks),
        )
    base = path.absolute().parent if folder is None else Path(folder).absolute()
    where = Path(os.path.relpath(path.absolute(), base)).as_posix()
    size = f"{table.num_rows:,} rows, {table.num_columns} columns"
    lines = [
        f"# A first spec, guessed from {_scalar(path.name)} ({size}). Look it over: the kinds of",
        "# features, what was left out, the slices; and fill in the datasheet.",
        f"name: {name}",
        'description: ""',
        "source:",
        f"  path: {_scalar(where)}",
        *([f"  options: {{delimiter: {_scalar(str(options['delimiter']))}}}"] if options else []),
        *_role_lines(identity, looks),
        f"target: {_scalar(target)}",
        *_class_lines(classes),
        *_feature_lines(looks),
        *_split_lines(split, columns),
        *_slice_lines(looks),
        "datasheet:",
        *(f'  {key}: ""' for key in Datasheet.model_fields),
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Look:
    """What a column seems to be; no kind where it is left out. `distinct` counts its values."""

    name: str
    kind: FeatureKind | None
    note: str = ""
    distinct: int = 0
    group: bool = False


def _name_of(path: Path) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_")
    return (stem if stem[:1].isalpha() else f"data_{stem}").strip("_")[:40]


def _options_of(path: Path) -> Mapping[str, Scalar]:
    """The delimiter, where the first line has no comma and another one parts it."""
    if not (path.is_file() and path.name.lower().endswith((".csv", ".csv.gz"))):
        return NO_OPTIONS
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            first = stream.read(65536).decode("utf-8", "replace").split("\n")[0]
    except (OSError, pa.ArrowInvalid):  # `read_file` says what is wrong with it
        return NO_OPTIONS
    delimiter = next((mark for mark in ";\t|" if mark in first and "," not in first), None)
    return {"delimiter": delimiter} if delimiter else NO_OPTIONS


def _classes(table: pa.Table, target: str) -> Counter[str | None]:
    if target not in table.column_names:
        raise DataError(
            f"there is no column {target!r} to be the target",
            expected="one of: " + ", ".join(table.column_names),
            hint=near(target, table.column_names),
        )
    try:
        labels = as_text(table[target])
    except pa.ArrowInvalid as error:
        raise DataError(f"target {target!r}: {error}", expected="one label a row") from error
    found = Counter[str | None](labels.to_pylist())
    known = [label for label in found if label is not None]
    numbers = infer(table[target])
    if pa.types.is_floating(numbers.type) and len(known) > 20 and not _whole(numbers):
        problem, hint = "a continuous number", "cut it into classes first, or choose another column"
    elif len(known) > MAX_CLASSES:
        problem, hint = f"{len(known):,} different values", "is this the column of labels?"
    elif len(known) < 2:
        problem = f"the same value, {known[0]!r}, in every row" if known else "no value at all"
        hint = "choose another column"
    else:
        return found
    expected = f"2 to {MAX_CLASSES} classes"
    raise DataError(f"target {target!r} holds {problem}", expected=expected, hint=hint)


def _named_like_id(name: str) -> bool:
    words = r"(^|[^a-z])(id|uuid|guid|key|index|idx|rowid|row_?number)$|^unnamed: ?\d+$|^$"
    return bool(re.search(words, name.lower()) or re.search(r"[a-z]I[dD]$", name))


def _identity(columns: Mapping[str, pa.ChunkedArray]) -> str | None:
    found = [name for name, cells in columns.items() if _named_like_id(name) and _is_key(cells)]
    # The index that pandas writes has no name of its own: another column speaks better.
    rank = {"example_id": 0, "id": 0, "": 2}
    return min(found, key=lambda name: rank.get(name.lower(), 1), default=None)


def _is_key(cells: pa.ChunkedArray) -> bool:
    """Whether whole numbers or texts differ in every row."""
    keyed = pa.types.is_integer(cells.type) or is_text(cells.type)
    return keyed and cells.null_count == 0 and pc.count_distinct(cells).as_py() == len(cells)


def _split_words(cells: pa.ChunkedArray) -> list[str]:
    """The words of a column that says train, validation or test of every row; else none."""
    if not is_text(cells.type) or cells.null_count:
        return []
    words: list[str] = pc.unique(cells).to_pylist() if len(cells) else []
    meant = {SPLIT_WORDS.get(word.lower()) for word in words}
    return sorted(words) if None not in meant and "train" in meant and len(meant) > 1 else []


def _look(name: str, cells: pa.ChunkedArray) -> _Look:
    reason = _unfit(name, cells)
    if reason or pa.types.is_nested(cells.type) or pa.types.is_binary(cells.type):
        return _Look(name, None, reason) if reason else _look_at_signal(name, cells)
    values = pc.unique(cells.drop_null().combine_chunks())
    if is_text(cells.type):
        return _look_at_text(name, cells, values)
    return _look_at_values(name, cells, len(values))


def _unfit(name: str, cells: pa.ChunkedArray) -> str:
    """Why a column can be no feature whatever it holds; empty where it may be one."""
    if name in RESERVED:
        return "the loop writes a column of this name; rename it to use it"
    if cells.null_count == len(cells):
        return "empty"
    if pa.types.is_nested(cells.type):
        return ""
    counts = pc.value_counts(cells.drop_null().combine_chunks()).field("counts")
    often = int(pc.max(counts).as_py())
    if len(counts) == 1:
        return "the same value in every row"
    nearly = len(cells) >= 200 and often >= 0.995 * len(cells)
    return f"nearly the same value in every row ({often:,} times)" if nearly else ""


def _look_at_signal(name: str, cells: pa.ChunkedArray) -> _Look:
    kind, types = cells.type, pa.types
    if types.is_binary(kind):
        return _Look(name, "image", "bytes")
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        picture = re.search(r"ima?ge?|pixel|picture|photo", name.lower())
        return _Look(name, "image") if picture else _Look(name, "sensor", "lists of numbers")
    return _Look(name, None, f"holds {kind}")


def _look_at_values(name: str, cells: pa.ChunkedArray, distinct: int) -> _Look:
    if pa.types.is_boolean(cells.type):
        return _Look(name, "boolean", distinct=2)
    if pa.types.is_temporal(cells.type):
        return _Look(name, "datetime")
    low, high = pc.min(cells).as_py(), pc.max(cells).as_py()
    if pa.types.is_integer(cells.type):
        counter = _is_key(cells) and high - low == len(cells) - 1 and len(cells) >= 20
        if counter or _named_like_id(name):
            return _identifier(name, distinct, len(cells))
        if (low, high) == (0, 1):
            return _Look(name, "boolean", "0 and 1", distinct=2)
    return _Look(name, "numeric")


def _look_at_text(name: str, cells: pa.ChunkedArray, values: pa.Array) -> _Look:
    given, distinct = len(cells) - cells.null_count, len(values)
    if {str(value).lower() for value in values[:3].to_pylist()} in _BOOLEAN_PAIRS:
        return _Look(name, "boolean", distinct=2)
    if pc.all(pc.match_substring_regex(values, r"(?i)\.(png|jpe?g|bmp|gif|tiff?|webp)$")).as_py():
        return _Look(name, "image", "paths of image files")
    long = pc.mean(pc.utf8_length(values)).as_py() >= 25
    spaced = pc.sum(pc.match_substring_regex(values, r"\S\s+\S")).as_py() > distinct / 2
    few = distinct <= 50 and distinct <= max(2, given // 2)
    own = distinct > 0.95 * given and not (few or long or spaced)
    if _named_like_id(name) or own:
        return _identifier(name, distinct, len(cells))
    kind = "text" if (long or spaced) and not few else "categorical"
    return _Look(name, kind, f"{distinct:,} values", distinct=distinct if few else 0)


_BOOLEAN_PAIRS = [{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}]


def _identifier(name: str, distinct: int, rows: int) -> _Look:
    if distinct > 0.95 * rows:
        return _Look(name, None, "names rows rather than describing them")
    note = f"named like an identifier, {distinct:,} values: a group of rows?"
    return _Look(name, None, note, group=True)


def _role_lines(identity: str | None, looks: Sequence[_Look]) -> list[str]:
    lines = ["# No column names the rows: their ids are made from what each row holds."]
    if identity is not None:
        lines = [f"id: {_scalar(identity)}"]
    groups = [look.name for look in looks if look.group]
    because = "uncomment if rows of one value belong in one split"
    return lines + [f"# group: {_scalar(name)}  # {because}" for name in groups[:1]]


def _class_lines(classes: Counter[str | None]) -> list[str]:
    counts = {label: count for label, count in classes.items() if label is not None}
    lines = ["classes:"]
    lines += [f"  - {_scalar(label)}  # {counts[label]:,} rows" for label in _in_order(counts)]
    if classes[None]:
        lines.append(f"  # rows without a label, which the gate turns away: {classes[None]:,}")
    return lines


def _in_order(labels: Iterable[str]) -> list[str]:
    """Numbers by size, before words by letter."""

    def place(label: str) -> tuple[bool, float, str]:
        number = re.fullmatch(r"-?\d+(\.\d+)?", label)
        return (not number, float(label) if number else 0.0, label)

    return sorted(labels, key=place)


def _feature_lines(looks: Sequence[_Look]) -> list[str]:
    lines = ["features:"]
    for look in looks:
        if look.kind:
            note = f"  # {look.note}" if look.note else ""
            lines.append(f"  {_scalar(look.name)}: {look.kind}{note}")
    left_out = [f"#   {_scalar(look.name)}: {look.note}" for look in looks if not look.kind]
    return lines + (["# Left out of the features:", *left_out] if left_out else [])


def _split_lines(split: str | None, columns: Mapping[str, pa.ChunkedArray]) -> list[str]:
    if split is None:
        return []
    words = {word: SPLIT_WORDS[word.lower()] for word in _split_words(columns[split])}
    lines = ["split:", f"  column: {_scalar(split)}"]
    if any(word != meant for word, meant in words.items()):
        lines.append("  values:")
        lines += [f"    {_scalar(word)}: {meant}" for word, meant in words.items()]
    return lines


def _slice_lines(looks: Sequence[_Look]) -> list[str]:
    few = [_scalar(look.name) for look in looks if look.kind and 2 <= look.distinct <= 12]
    lines = ["slices:"] if few else []
    return lines + [f"  - {{name: {name}, column: {name}}}" for name in few[:MAX_SLICES]]


def _scalar(text: str) -> str:
    """Text as YAML, in quotes where it would be read as anything else, on one line."""
    if re.fullmatch(r"[A-Za-z_][\w./-]*( [\w./-]+)*", text, re.ASCII):
        plain: Any = yaml.safe_load(text)
        if plain == text:
            return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9).strip()
