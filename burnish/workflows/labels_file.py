"""The labels of a whole dataset as a file with stable ids, and an edited file taken back in.

What belongs here: `export_labels` and `import_labels`, for CSV and Parquet. What does not: the
sheet of an open batch (`burnish.workflows.exchange`), and sources (`burnish.workflows.ingest`).

A file says of each row what it was made from: the event that stood (`event_id`), and the event up
to which the ledger was folded (`watermark`). So it never wins over what was decided later.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError, LedgerError, SourceUnreadable
from burnish.ledger.events import LABELLING, check_verdict
from burnish.records import FINAL_DECISIONS, Decision, LabelVersion, Verdict
from burnish.spec.cells import as_text
from burnish.spec.guess import read_file
from burnish.workflows.exchange import WORDS, whole_number
from burnish.workflows.held_out import held_out_ids, tells_opinion
from burnish.workflows.home import Home

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute
_Numbered: TypeAlias = list[tuple[int, dict[str, str]]]

_READ = ("example_id", "label", "given_label", "decision", "event_id", "watermark")
_OPINION = "opinion"  # of a line: the column of its file that tells what a model thinks
_BARE = ("drop", "unsure")  # decisions without a label
# Text that looks guarded already gets one more apostrophe: each cell has one way back.
_GUARD = (r"^('*[=+\-@\t\r])", r"'\1")
_UNGUARD = (r"^'('*[=+\-@\t\r])", r"\1")
_TEXT, _WHOLE, _TIME = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
_STANDING = {"standing_label": _TEXT, "author": _TEXT, "at": _TIME, "event_id": _WHOLE}
REFUSED = pa.schema(
    {"example_id": _TEXT, "line": _WHOLE, "label": _TEXT} | _STANDING | {"why": _TEXT}
)


@dataclass(frozen=True)
class Imported:
    """What an import did: labels taken, rows known already, blank rows, and those refused.

    `refused`, a row a line: example_id, line, label (of the file), standing_label (null where
    dropped or never given), author, at, event_id (null where nobody decided), why.

    >>> print(Imported(2, 5, 1, REFUSED.empty_table()))
    2 taken, 5 known already, 1 blank, 0 refused
    """

    taken: int
    known: int
    blank: int
    refused: pa.Table

    def __str__(self) -> str:
        count = self.refused.num_rows
        rows = self.refused.slice(0, 20).to_pylist()
        lines = [f"  line {row['line']}, {row['example_id']!r}: {row['why']}" for row in rows]
        lines += [f"  and {count - 20} more"] if count > 20 else []
        told = f"{self.taken} taken, {self.known} known already, {self.blank} blank"
        return "\n".join([f"{told}, {count} refused", *lines])

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; times in ISO 8601."""
        rows = self.refused.to_pylist()
        told = [row | {"at": row["at"] and row["at"].isoformat()} for row in rows]
        return {"taken": self.taken, "known": self.known, "blank": self.blank, "refused": told}


def export_labels(home: Home, dataset: str, target: Path, *, version: int | None = None) -> int:
    """Write the labels of a dataset version (None: the newest), by ending as CSV or Parquet.

    A row an example: example_id, label, given_label, decision, author, at, event_id (of the
    decision that stood; empty where nobody decided) and watermark, the same in each row. In a CSV,
    text that a spreadsheet would run gets a leading apostrophe, which the import takes off. A file
    of that name is replaced, whole or not at all. Returns the number of rows.

    Raises `VersionNotFound` where there is no such version, `DataError` for another ending.
    """
    from pyarrow.csv import write_csv
    from pyarrow.parquet import write_table

    is_csv = _is_csv(target)
    number = len(home.versions.dataset_versions(dataset)) if version is None else version
    of = home.versions.dataset_version(dataset, number)
    names = ["example_id", "label", "given_label", "decision", "event_id"]
    rows = home.versions.read_numbered(of, columns=names)
    mark = of.watermark.event_id
    decisions = home.ledger.fold(dataset, mark).decisions.combine_chunks()
    stands = decisions.take(pc.index_in(rows["event_id"], value_set=decisions["event_id"]))
    texts = {name: rows[name] for name in names[:-1]} | {"author": stands["author"]}
    texts = {name: cells.cast(_TEXT) for name, cells in texts.items()}
    if is_csv:
        texts = {name: _rewritten(cells, _GUARD) for name, cells in texts.items()}
    marks = {"event_id": rows["event_id"], "watermark": pa.repeat(mark, rows.num_rows)}
    table = pa.table({**texts, "at": stands["at"], **marks})
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        (write_csv if is_csv else write_table)(table, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return table.num_rows


def import_labels(
    home: Home, dataset: str, file: Path, *, author: str, reason: str = "import"
) -> Imported:
    r"""Take an edited file into the ledger, row by row: what is fit in one append, not the rest.

    A row needs example_id and a `label`, or a `decision` of drop, unsure or keep. With neither it
    is blank; known, where it says what stands already, so a file taken twice changes nothing the
    second time; refused, where no example has its id, its label is no class, another line says
    something else, or what stands was decided after the file was made. A file without event_id
    and watermark does not say when that was: there, all that was finally decided stays.

    A decision that the export wrote is no order: who edits a label need not clear it. Lines of a
    CSV count its header, rows of Parquet from 1. `author` is a person, so validation and test rows
    may be labelled too, and unlabeled rows get their first label. A verdict on a validation or test
    row is marked as not blind, and none is taken of a file with a column that tells what a model
    thinks of its rows (`suggested_label`, `p:<class>` ...).

    Raises `SourceUnreadable` or `DataError` for a file that is no such file, or without an author.

    The ledger has no compare-and-set. Its head is read again right before the append, and if it
    moved, all rows are judged anew. What remains is the moment between the two: a decision that
    falls into it, on an example taken here too, is overruled. `blame` shows both.

    >>> import tempfile
    >>> from burnish.workflows.home import prepare_home
    >>> home = prepare_home(Path(tempfile.mkdtemp()))
    >>> rows = pa.table(
    ...     {"example_id": ["a", "b"], "label": ["cat", "dog"], "split": ["train", "train"]}
    ... )
    >>> _ = home.versions.write("pets", "validated_examples", rows, gated=False)
    >>> _ = home.ledger.append("pets", [Verdict("b", "keep", "dog", "dog", author="bob")])
    >>> _ = (home.folder / "pets.csv").write_text("example_id,label\na,dog\nb,cat\n")
    >>> found = import_labels(home, "pets", home.folder / "pets.csv", author="ann")
    >>> found.taken, found.refused["example_id"].to_pylist()
    (1, ['b'])
    """
    if not author.strip():
        raise DataError("an import without an author", hint="say whose decisions these are")
    lines, digest = _read(file)
    given, held_out = _given(home, dataset), held_out_ids(home.versions, dataset)
    facts = {"file": file.name, "sha256": digest}
    by = Verdict("", "keep", None, None, author.strip(), reason=reason, evidence=facts)
    while True:
        labels = home.ledger.fold(dataset)
        verdicts, imported = _judged(lines, given, labels, by, held_out=held_out)
        if not verdicts or home.ledger.head(dataset) == labels.watermark:
            break
    home.ledger.append(dataset, _marked(verdicts, held_out))
    return imported


def _marked(verdicts: Collection[Verdict], held_out: Collection[str]) -> list[Verdict]:
    """The verdicts, those on held-out rows marked: nobody knows what their author was shown."""
    return [
        replace(one, evidence={**one.evidence, "blind": False})
        if one.example_id in held_out
        else one
        for one in verdicts
    ]


@dataclass(frozen=True)
class _Line:
    """A line of a file, and what stands on its example: the label it came with, and an event."""

    number: int
    cells: Mapping[str, str]
    example_id: str
    label: str
    word: str
    given: str | None
    event: Mapping[str, Any]

    @property
    def stands(self) -> str | None:
        return self.event.get("decision")

    @property
    def before(self) -> str | None:
        """The label that a verdict starts from; of a dropped example the given one."""
        return self.event["label"] if self.stands in LABELLING else self.given

    @property
    def says(self) -> tuple[str, str]:
        return self.label, self.word if self.word in _BARE or not self.label else ""

    def count(self, name: str) -> int:
        """The event that a cell names: 0 where it is empty, -1 where it holds something else."""
        cell = self.cells.get(name, "").strip().removesuffix(".0") or "0"
        return int(cell) if cell.isascii() and cell.isdecimal() and len(cell) < 16 else -1


def _judged(
    lines: _Numbered,
    given: Mapping[str, str | None],
    labels: LabelVersion,
    by: Verdict,
    *,
    held_out: Collection[str],
) -> tuple[list[Verdict], Imported]:
    """The verdicts to append, and what is to be said of all lines."""
    decisions = labels.decisions
    classes = {*given.values(), *decisions["label"].unique().to_pylist()} - {None}
    ids = [_as_known(cells["example_id"], given) for _, cells in lines]
    asked = decisions.filter(pc.is_in(decisions["example_id"], value_set=pa.array(ids, _TEXT)))
    standing = {row["example_id"]: row for row in asked.to_pylist()}
    read: list[_Line] = []
    said: dict[str, dict[tuple[str, str], int]] = {}
    for name, (number, cells) in zip(ids, lines, strict=True):
        label, word = _as_known(cells["label"], classes), cells.get("decision", "").strip().lower()
        line = _Line(number, cells, name, label, word, given.get(name), standing.get(name, {}))
        line = replace(line, word="") if _is_echo(line) else line
        if line.label or line.word:
            read.append(line)
            said.setdefault(name, {}).setdefault(line.says, number)
    taken: dict[str, Verdict] = {}
    refused: list[dict[str, Any]] = []
    for line in read:
        try:
            _check_line(line, given, said[line.example_id].values(), held_out=held_out)
            verdict = _verdict(line, classes, labels.watermark.event_id, by)
        except (DataError, LedgerError) as error:
            current = None if line.stands == "drop" else line.before
            told = {"line": line.number, "label": line.label or None, "standing_label": current}
            refused.append(
                {**line.event, "example_id": line.example_id, **told, "why": error.found}
            )
        else:
            if verdict is not None:
                taken.setdefault(line.example_id, verdict)
    known, blank = len(read) - len(taken) - len(refused), len(lines) - len(read)
    table = pa.Table.from_pylist(refused, schema=REFUSED)
    return [*taken.values()], Imported(len(taken), known, blank, table)


def _is_echo(line: _Line) -> bool:
    """Whether the decision is what the export wrote, and no order of whoever edited the file.

    Where somebody decided since, that is not known: a label beside it is taken at its word.
    """
    made, newest = line.count("event_id"), line.event.get("event_id", 0)
    if line.word == "drop" or not 0 < made <= newest:
        return False
    return line.word == line.stands if made == newest else line.word in WORDS and line.label != ""


def _check_line(
    line: _Line, examples: Collection[str], numbers: Collection[int], *, held_out: Collection[str]
) -> None:
    if line.example_id not in examples:
        raise DataError("no example has this id; it may have left the source")
    if len(numbers) > 1:
        raise DataError(f"lines {', '.join(map(str, numbers))} say different things of it")
    if line.cells.get(_OPINION) and line.example_id in held_out:
        raise DataError(
            "it is a validation or test row, and the column "
            f"{line.cells[_OPINION]!r} of the file tells what a model thinks of it"
        )
    if line.word and line.word not in WORDS:
        raise DataError(f"decision {line.word!r} is none of {', '.join(WORDS)}")
    if line.word in _BARE and line.label:
        raise DataError(f"decision {line.word!r} beside the label {line.label!r}: empty one")


def _verdict(
    line: _Line, classes: Collection[str | None], head: int, by: Verdict
) -> Verdict | None:
    """The verdict of a line, None where it says nothing new."""
    decision, label = _decision(line, classes)
    decided = line.stands in LABELLING or (line.stands != "drop" and line.word != "keep")
    if decision == line.stands if label is None else label == line.before and decided:
        return None
    _check_age(line, head)
    # Nobody decided, and the label is that of the export: it is the source that changed since.
    same = line.cells["label"] == line.cells.get("given_label")
    if same and not line.word and line.stands in {None, "unsure"}:
        return None
    if (line.word, decision) == ("keep", "change"):
        raise DataError(f"decision 'keep', but the label {label!r} makes it a change")
    facts = {"line": line.number, "watermark": line.count("watermark") or None}
    told = {"example_id": line.example_id, "from_label": line.before, "to_label": label}
    verdict = replace(by, decision=decision, evidence={**by.evidence, **facts}, **told)
    check_verdict(verdict)
    return verdict


def _decision(line: _Line, classes: Collection[str | None]) -> tuple[Decision, str | None]:
    if line.word in _BARE:
        return cast("Decision", line.word), None
    label = line.label or (line.word == "keep" and line.before) or ""
    label = whole_number(label, classes)
    if label not in classes:
        raise DataError(f"label {label!r} is not a class of this dataset")
    return "keep" if label == line.before else "change", label


def _check_age(line: _Line, head: int) -> None:
    """Raise `DataError` where what stands is newer than what the line was made from, or may be."""
    made, mark = line.count("event_id"), line.count("watermark")
    newest = line.event.get("event_id", 0)
    if min(made, mark) < 0:
        raise DataError("its event_id or watermark is no number of an event")
    if mark > head or made > newest:
        raise DataError("it was made from an event that is not in this ledger, but in another")
    if newest <= max(made, mark):
        return
    did = {"drop": "dropped it", "unsure": "was unsure"}.get(line.event["decision"])
    who = f"{line.event['author']} {did or f'decided {line.before}'} on {line.event['at']:%Y-%m-%d}"
    if "event_id" in line.cells or line.cells.get("watermark"):
        raise DataError(f"{who}, after this file was made; export again")
    if line.stands in FINAL_DECISIONS:
        raise DataError(f"{who}, and this file does not say whether it was made after that")


def _given(home: Home, dataset: str) -> dict[str, str | None]:
    """The label that each example came with; None for those without."""
    read, ids = home.versions.read_last_good, ["example_id"]
    bare = read(dataset, "unlabeled_examples", columns=ids)
    rows = read(dataset, "validated_examples", columns=[*ids, "label"])
    given: dict[str, str | None] = {}
    given |= {} if bare is None else dict.fromkeys(bare["example_id"].to_pylist())
    given |= {} if rows is None else {row["example_id"]: row["label"] for row in rows.to_pylist()}
    if not given:
        raise DataError(f"{dataset} has no examples here", hint="check the name and the home")
    return given


def _as_known(cell: str, known: Collection[str | None]) -> str:
    return cell if cell in known else cell.strip()


def _is_csv(file: Path) -> bool:
    if file.suffix.lower() not in {".csv", ".parquet"}:
        raise DataError(f"{file} is neither CSV nor Parquet", expected="a name in .csv or .parquet")
    return file.suffix.lower() == ".csv"


def _rewritten(cells: pa.ChunkedArray, rule: tuple[str, str]) -> pa.ChunkedArray:
    return pc.replace_substring_regex(cells, pattern=rule[0], replacement=rule[1])


def _read(file: Path) -> tuple[_Numbered, str]:
    """The numbered lines of a file, and its SHA-256."""
    is_csv = _is_csv(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {file}: {error}", expected="a file") from error
    # Spreadsheets of much of Europe save with semicolons.
    mark = max(",;\t", key=data.partition(b"\n")[0].decode("latin-1").count)
    table = read_file(file, options={"delimiter": mark} if is_csv else {})
    names = [name for name in _READ if name in table.column_names]
    if names[:2] != ["example_id", "label"]:
        raise DataError(
            f"{file} has the columns {', '.join(table.column_names)}",
            expected="example_id and label among them",
            hint="`export_labels` writes such a file",
        )
    try:
        texts = [as_text(table[name]) for name in names]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{file}: {error}", expected="one id and one label a row") from error
    texts = [_rewritten(cells, _UNGUARD) for cells in texts] if is_csv else texts
    columns = [cells.fill_null("").to_pylist() for cells in texts]
    told = {_OPINION: tells_opinion(table.column_names)}
    rows = [told | dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [*enumerate(rows, start=2 if is_csv else 1)], hashlib.sha256(data).hexdigest()
