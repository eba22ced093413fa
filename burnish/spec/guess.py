"""A look at a data file: opening it, and a first spec guessed from it.

What belongs here: one file into Arrow (CSV here, the others by `burnish.spec.typed_files`), and
YAML text for people to look over. What does not: what a column seems to be (`burnish.spec.looks`),
what people chose beforehand (`burnish.spec.chosen`), reading a spec (`burnish.spec.reading`), or
bringing cells into their declared kind (`burnish.workflows.ingest`, which opens files by
`read_file`, so that both see the same cells).
"""

from __future__ import annotations

import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import yaml

from burnish.errors import DataError, SourceUnreadable, SpecError
from burnish.spec.cells import as_text, infer, whole
from burnish.spec.chosen import NOTHING_CHOSEN, Chosen, check_chosen, chosen_looks
from burnish.spec.keys import near, one_of
from burnish.spec.looks import SPLIT_WORDS, Look, flawed_keys, key_column, look_at, split_words
from burnish.spec.models import Datasheet, Scalar
from burnish.spec.paths import (
    CSV_ENDINGS,
    TAB_ENDINGS,
    FileFormat,
    first_file,
    format_of,
    missing_file,
)
from burnish.spec.typed_files import read_typed

NO_OPTIONS: Mapping[str, Scalar] = MappingProxyType({})

MAX_CLASSES = 1000
MAX_SLICES = 8


def read_file(
    path: Path,
    *,
    file_format: FileFormat | None = None,
    options: Mapping[str, Scalar] = NO_OPTIONS,
) -> pa.Table:
    """One file with its cells as they stand: text in a CSV (empty is null), typed in the others.

    The format is read off the ending unless given. Options of a CSV: `delimiter` (","; a tab where
    the ending is .tsv), `encoding` ("utf8").

    Raises `SourceUnreadable` where the file cannot be opened or has no rows, `DataError` where two
    columns have one name, `SpecError` for an unknown option.
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
    table = _read_csv(path, options) if kind == "csv" else read_typed(path, kind)
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        found = f"{path.name} has two columns named {twice[0]!r}"
        raise DataError(found, expected="a name for each column", hint="rename one of them")
    if table.num_rows == 0:
        raise SourceUnreadable(f"{path} has columns, but no rows", expected="at least one row")
    return table


def _read_csv(path: Path, options: Mapping[str, Scalar]) -> pa.Table:
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    tabs = path.name.lower().endswith(TAB_ENDINGS)
    settings = {"delimiter": "\t" if tabs else ",", "encoding": "utf8", **options}
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


# ---------------------------------------------------------------- a first spec


@dataclass(frozen=True)
class Guess:
    """YAML text of a first spec, and `notes`: what was found that people should know at once."""

    text: str
    notes: tuple[str, ...] = ()


def guess_spec(
    path: Path | str, *, target: str, name: str | None = None, folder: Path | str | None = None
) -> str:
    r"""YAML text of a first spec, from a look at one file of data; comments say why.

    As `guess_from_file`, without the notes, which stand in the comments too.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "toy.csv"
    ...     _ = file.write_text("height,kind\n1.5,cat\n2.5,dog\n3.5,dog\n")
    ...     text = guess_spec(file, target="kind")
    >>> yaml.safe_load(text)["features"]
    {'height': 'numeric'}
    """
    return guess_from_file(path, target=target, name=name, folder=folder).text


def guess_from_file(
    path: Path | str,
    *,
    target: str | None,
    name: str | None = None,
    folder: Path | str | None = None,
    chosen: Chosen = NOTHING_CHOSEN,
) -> Guess:
    r"""A first spec, from a look at one file of any format that `read_file` knows.

    `target` names the column of labels; it may be None where `chosen` names a file of annotations.
    `folder` is where the YAML will be written (where the file lies, unless given): the paths in it
    are taken from there. A column that identifies rows becomes `id`, and a note tells of one that
    would but for a few rows; other identifiers, and columns that hold (nearly) one value, are left
    out of the features. A note tells of image files that are not there. What is `chosen` goes
    before what a column looks like.

    Raises `DataError` where there is no such target, where it cannot be one (fewer than two
    values, more than 1000, or a continuous number), where a choice does not fit the file, or where
    no feature is left; and what `read_file` raises.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "toy.csv"
    ...     _ = file.write_text("row_id,x,kind\n1,5,cat\n2,7,dog\n2,4,dog\n")
    ...     print(guess_from_file(file, target="kind").notes[0])
    row_id is not taken as the id: 1 row repeats an earlier value. Mend that and write `id: row_id`
    """
    path = Path(path)
    name = _name_of(path) if name is None else name
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        expected = "at most 40 lower-case letters, digits and _, a letter first"
        raise SpecError(f"{name!r} cannot name a dataset", expected=expected)
    options = options_of(path)
    table = read_file(path, options=options)
    base = path.absolute().parent if folder is None else Path(folder).absolute()
    answers, classes = _labels_of(table, target, chosen, base)
    check_chosen(chosen, table.column_names, target)
    columns = {other: infer(table[other]) for other in table.column_names if other != target}
    identity, flawed = _identity_of(columns, chosen)
    split = next((other for other in columns if split_words(columns[other])), None)
    roles = {identity, split, chosen.group} - set(chosen.kinds)
    others = {name: columns[name] for name in columns if name not in roles}
    looks = chosen_looks((look_at(other, cells) for other, cells in others.items()), chosen, others)
    _require_a_feature(looks, path)
    looks, absent = _looked_for(looks, others, chosen, [path.absolute().parent, base])
    size = f"{table.num_rows:,} rows, {table.num_columns} columns"
    lines = [
        f"# A first spec, guessed from {_scalar(path.name)} ({size}). Look it over: the kinds of",
        "# features, what was left out, the slices; and fill in the datasheet.",
        f"name: {name}",
        'description: ""',
        "source:",
        f"  path: {_scalar(_from(base, path))}",
        *([f"  options: {{delimiter: {_scalar(str(options['delimiter']))}}}"] if options else []),
        *_role_lines(identity, flawed, looks, chosen.group),
        *([] if target is None else [f"target: {_scalar(target)}"]),
        *_class_lines(classes),
        *answers,
        *_feature_lines(looks),
        *(f"# {note}" for note in absent),
        *_split_lines(split, columns),
        *_slice_lines(looks),
        *_review_lines(chosen.budget),
        "datasheet:",
        *(f'  {key}: ""' for key in Datasheet.model_fields),
    ]
    notes = [
        f"{_scalar(key)} is not taken as the id: {fault}. Mend that and write `id: {_scalar(key)}`"
        for key, fault in flawed.items()
    ]
    return Guess("\n".join(lines) + "\n", (*notes, *absent))


def _labels_of(
    table: pa.Table, target: str | None, chosen: Chosen, base: Path
) -> tuple[list[str], Counter[str | None]]:
    """The lines of the annotations, and the classes: of the target, else of the annotations."""
    if chosen.annotations is None:
        if target is None:
            raise DataError("no column of labels is named", expected="a target, or annotations")
        return [], _classes(table, target)
    options = options_of(chosen.annotations)
    answers = read_file(chosen.annotations, options=options)
    for name in ("example_id", "annotator_id", "label"):
        if name not in answers.column_names:
            raise DataError(
                f"{chosen.annotations.name} has no column {name!r}",
                expected="the columns example_id, annotator_id, label: one row an answer",
                hint=near(name, answers.column_names),
            )
    lines = ["annotations:", "  source:", f"    path: {_scalar(_from(base, chosen.annotations))}"]
    if options:
        lines.append(f"    options: {{delimiter: {_scalar(str(options['delimiter']))}}}")
    return lines, _classes(*((answers, "label") if target is None else (table, target)))


def _identity_of(
    columns: Mapping[str, pa.ChunkedArray], chosen: Chosen
) -> tuple[str | None, Mapping[str, str]]:
    """The column that names the rows, and those that would but for a few rows."""
    if chosen.identity is not None:
        return chosen.identity, {}
    open_ones = {
        name: cells
        for name, cells in columns.items()
        if name not in chosen.kinds and name != chosen.group
    }
    identity = key_column(open_ones)
    return identity, flawed_keys(open_ones) if identity is None else {}


def _from(base: Path, path: Path) -> str:
    return Path(os.path.relpath(path.absolute(), base)).as_posix()


def _review_lines(budget: int | None) -> list[str]:
    if budget is None:
        return []
    # Of one row none can be drawn at random.
    return ["review:", f"  budget: {budget}", *(["  control_share: 0"] if budget == 1 else [])]


def _require_a_feature(looks: Sequence[Look], path: Path) -> None:
    if not any(look.kind for look in looks):
        raise DataError(
            f"{path.name} has no column that can be a feature",
            expected="a column that varies beside the target, and does not only name rows",
            hint="; ".join(f"{look.name}: {look.note}" for look in looks),
        )


def _looked_for(
    looks: Sequence[Look],
    columns: Mapping[str, pa.ChunkedArray],
    chosen: Chosen,
    folders: Sequence[Path],
) -> tuple[list[Look], list[str]]:
    """The looks and a note for each column whose cells name files that are not there.

    A column none of whose files is there is left out, unless somebody chose it, or it is all there
    is.
    """
    kept, notes = list(looks), list[str]()
    for look in looks:
        if not look.paths:
            continue
        cells = [str(cell) for cell in columns[look.name].drop_null().unique().to_pylist()]
        lost = [cell for cell in cells if first_file(cell, folders) is None]
        if not lost:
            continue
        notes.append(
            f"{len(lost):,} of {len(cells):,} files that {_scalar(look.name)} names are not in the "
            f"folder of the file, say {_scalar(lost[0])}"
        )
        others = any(other.kind for other in kept if other.name != look.name)
        if len(lost) == len(cells) and look.name not in chosen.kinds and others:
            nothing = "paths of image files, none of which is there"
            kept[looks.index(look)] = replace(look, kind=None, note=nothing)
    return kept, notes


def _name_of(path: Path) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_")
    return (stem if stem[:1].isalpha() else f"data_{stem}").strip("_")[:40]


def options_of(path: Path) -> Mapping[str, Scalar]:
    """The delimiter of a CSV, where its first line has no comma and `;`, tab or `|` parts it."""
    ending = path.name.lower()
    if not path.is_file() or not ending.endswith(CSV_ENDINGS) or ending.endswith(TAB_ENDINGS):
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
            expected=one_of(table.column_names),
            hint=near(target, table.column_names),
        )
    try:
        labels = as_text(table[target])
    except pa.ArrowInvalid as error:
        raise DataError(f"target {target!r}: {error}", expected="one label a row") from error
    found = Counter[str | None](labels.to_pylist())
    known = [label for label in found if label is not None]
    numbers = infer(table[target])
    if pa.types.is_floating(numbers.type) and len(known) > 20 and not whole(numbers):
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


def _role_lines(
    identity: str | None,
    flawed: Mapping[str, str],
    looks: Sequence[Look],
    group: str | None,
) -> list[str]:
    lines = [line for name, fault in flawed.items() for line in _flaw_lines(_scalar(name), fault)]
    lines.append("# No column names the rows: their ids are made from what each row holds.")
    if identity is not None:
        lines = [f"id: {_scalar(identity)}"]
    if group is not None:
        return [*lines, f"group: {_scalar(group)}"]
    groups = [look.name for look in looks if look.group]
    because = "uncomment if rows of one value belong in one split"
    return lines + [f"# group: {_scalar(name)}  # {because}" for name in groups[:1]]


def _flaw_lines(name: str, fault: str) -> list[str]:
    text = (
        f"{name} looks like the id of the rows, but it is not taken, since {fault}. Mend that in "
        f"the file and write `id: {name}` here; until then, a row whose cells change is a new row, "
        f"and loses its verdicts. Where rows of one {name} belong together, write `group: {name}`."
    )
    return [f"# {line}" for line in textwrap.wrap(text, 96, break_long_words=False)]


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


def _feature_lines(looks: Sequence[Look]) -> list[str]:
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
    words = {word: SPLIT_WORDS[word.lower()] for word in split_words(columns[split])}
    lines = ["split:", f"  column: {_scalar(split)}"]
    if any(word != meant for word, meant in words.items()):
        lines.append("  values:")
        lines += [f"    {_scalar(word)}: {meant}" for word, meant in words.items()]
    return lines


def _slice_lines(looks: Sequence[Look]) -> list[str]:
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
