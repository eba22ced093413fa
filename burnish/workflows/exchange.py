"""Taking a batch out as a file, and people's decisions back in.

What belongs here: `burnish queue export` and `burnish verdicts import`. What does not: the review
desk (`burnish.review`) and the formats of other labeling tools.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import pyarrow as pa

from burnish.errors import DataError, LedgerMoved, ReviewError, SourceUnreadable
from burnish.records import HELD_OUT, Decision, Iteration, Verdict
from burnish.workflows.batch import open_batch, undecided
from burnish.workflows.gold import is_restated, known_answers, with_known_answers
from burnish.workflows.held_out import tells_opinion
from burnish.workflows.home import Home

HIDDEN = frozenset(
    {"label", "given_label", "decision", "event_id", "split", "fold_group", "source_file"}
)
WORDS = get_args(Decision)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Taken:
    """What an import did: verdicts taken, rows left blank, rows that said nothing new.

    `gone` rows were in the batch when the sheet was written, and have left the source since.
    `others` are the examples that somebody else has decided otherwise meanwhile: they stay so.
    """

    taken: int
    blank: int
    known: int
    left: int
    gone: int = 0
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        gone = f" {self.gone} rows have left the source and were passed over." if self.gone else ""
        others = ""
        if self.others:
            named = ", ".join(self.others[:10]) + (" ..." if len(self.others) > 10 else "")
            others = (
                f" {len(self.others)} rows were decided otherwise by somebody else since, and stay "
                f"so: {named}."
            )
        return (
            f"{self.taken} verdicts taken; {self.blank} rows were blank, {self.known} were "
            f"known already.{gone}{others} {self.left} items of the batch are still undecided."
        )


def export_items(home: Home, dataset: str, target: Path) -> int:
    """Write the undecided items with their features and empty columns to fill in.

    The label as it stands and everything the model thinks are left out. Cells that a spreadsheet
    would run as a formula get a leading apostrophe. Returns the number of items.
    """
    iteration, queue = open_batch(home.versions, dataset)
    items = undecided(home.ledger, iteration, queue)
    if not items:
        raise ReviewError(
            f"every item of {dataset}'s open batch is decided",
            hint=f"go on with `burnish loop --dataset {dataset} --iterations 1 --reviewer file`",
        )
    rows = _features(home, dataset)
    # A row that has left the source since leaves the batch with its next queue.
    asked = [rows[item["example_id"]] for item in items if item["example_id"] in rows]
    if not asked:
        raise ReviewError(
            f"the {len(items)} undecided items of {dataset}'s open batch have left the source",
            hint=f"make the queue again: `burnish loop --dataset {dataset} --iterations 1`",
        )
    # What one source alone has would tell its rows from the others.
    columns = [n for n in asked[0] if n not in HIDDEN and all(n in row for row in asked)]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["example_id", "decision", "label", "author", "comment", *columns[1:]])
        for row in asked:
            cells = [_cell(row[name]) for name in columns[1:]]
            writer.writerow([row["example_id"], "", "", "", "", *cells])
    return len(asked)


def handed_out(folder: Path, iteration: Iteration, examples: AbstractSet[str]) -> Path | None:
    """The sheet of this iteration that holds just these undecided rows, if people have it."""
    for sheet in _sheets(folder, iteration):
        if examples <= {line.get("example_id", "") for line in _read(sheet)}:
            return sheet
    return None


def next_sheet(folder: Path, iteration: Iteration) -> Path:
    """A name that no sheet of this iteration has yet: a sheet handed out is never overwritten."""
    count = len(_sheets(folder, iteration))
    suffix = f"-{count + 1}" if count else ""
    return folder / f"{iteration.dataset}-iter{iteration.number}{suffix}.csv"


def _sheets(folder: Path, iteration: Iteration) -> list[Path]:
    return sorted(folder.glob(f"{iteration.dataset}-iter{iteration.number}*.csv"))


def import_file(home: Home, dataset: str, file: Path, *, author: str = "") -> Taken:
    """Take a filled-in CSV into the ledger, all rows or none.

    A row needs example_id and either a `label` (the label the example has: keep; another one:
    change) or a `decision` of drop or unsure. Rows left blank are skipped; a row that repeats
    what the ledger says already is not taken twice. Raises `DataError` that lists every bad row.
    """
    iteration, queue = open_batch(home.versions, dataset)
    items = {item["example_id"]: item for item in queue.to_pylist()}
    classes = _classes(home, dataset)
    lines = _read(file)
    gone = _gone(home, iteration) - items.keys()
    read = _Reading(items, classes, author, iteration.number)
    for number, line in enumerate(lines, start=2):
        if (line.get("example_id") or "").strip() not in gone:
            read.take(number, line)
    if read.faults:
        raise DataError(
            f"{len(read.faults)} rows of {file} cannot be taken:\n  "
            + "\n  ".join(read.faults[:20]),
            expected=f"items of the open batch, labels among {', '.join(sorted(classes))}",
            hint="nothing was imported; mend these rows and import the file again",
        )
    fresh, others = _appended(home, dataset, list(read.verdicts.values()))
    return Taken(
        taken=len(fresh),
        blank=read.blank,
        known=len(read.verdicts) - len(fresh) - len(others),
        others=tuple(others),
        left=len(undecided(home.ledger, iteration, queue)),
        gone=sum((line.get("example_id") or "").strip() in gone for line in lines),
    )


def _appended(
    home: Home, dataset: str, verdicts: Sequence[Verdict]
) -> tuple[list[Verdict], list[str]]:
    """Verdicts that say something new, appended; and examples somebody else decided otherwise.

    A sheet does not say when its rows were decided, so it never wins over another person.
    """
    answers = known_answers(home.versions, dataset)
    while True:
        head, standing = home.ledger.head(dataset), _standing(home, dataset)
        stands = [standing.get(verdict.example_id) for verdict in verdicts]
        new = [
            (verdict, before)
            for verdict, before in zip(verdicts, stands, strict=True)
            if before is None or _says(before) != _says(verdict)
        ]
        fresh = [v for v, before in new if before is None or before.author == v.author]
        others = [v.example_id for v, before in new if before and before.author != v.author]
        try:
            if fresh:
                ready = with_known_answers(fresh, answers, after=head.event_id)
                home.ledger.append(dataset, ready, expected=head)
        except LedgerMoved:
            continue
        return fresh, others


@dataclass
class _Reading:
    """The lines of one sheet as verdicts, by example and author; and what is wrong with some."""

    items: Mapping[str, Mapping[str, Any]]
    classes: frozenset[str]
    author: str
    iteration: int
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    blank: int = 0

    def take(self, number: int, line: Mapping[str, str]) -> None:
        try:
            verdict = _verdict(
                line, self.items, self.classes, author=self.author, iteration=self.iteration
            )
        except DataError as error:
            self.faults.append(f"line {number}: {error.found}")
            return
        if verdict is None:
            self.blank += 1
            return
        key = (verdict.example_id, verdict.author)
        before = self.verdicts.setdefault(key, verdict)
        first = self.lines.setdefault(key, number)
        if _says(before) != _says(verdict):
            self.faults.append(
                f"line {number}: {verdict.author} says something else of example "
                f"{verdict.example_id!r} in line {first}"
            )


def _gone(home: Home, iteration: Iteration) -> set[str]:
    """Rows that were in this iteration's batch at some time."""
    name = f"{iteration.dataset}/relabel_queue"
    made = home.versions.outputs(iteration.dataset, "relabel_queue")
    versions = [version for number, version in made if number == iteration.number]
    return {
        example_id
        for version in versions
        for example_id in home.versions.store.read(name, version=version)["example_id"].to_pylist()
    }


def left_since(home: Home, dataset: str, number: int) -> set[str]:
    """Rows that were in the batch of an iteration at some time, whether or not they still are."""
    return _gone(home, home.versions.iteration(dataset, number))


def _verdict(
    line: Mapping[str, str],
    items: Mapping[str, Mapping[str, Any]],
    classes: frozenset[str],
    *,
    author: str,
    iteration: int,
) -> Verdict | None:
    label, word = (line.get("label") or "").strip(), (line.get("decision") or "").strip().lower()
    if not label and not word:
        return None
    example_id = (line.get("example_id") or "").strip()
    if example_id not in items:
        raise DataError(f"example {example_id!r} is not in the open batch")
    if items[example_id]["reason"] == HELD_OUT and (column := tells_opinion(line)):
        raise DataError(
            f"example {example_id!r} is held out and judged blind, and the column {column!r} of "
            "this sheet tells what a model thinks"
        )
    current = items[example_id]["label"]
    by = (line.get("author") or "").strip() or author
    decision, to_label = _decision(word, label, current, classes)
    if not by:
        raise DataError(f"example {example_id!r} has no author (fill it in, or give --author)")
    return Verdict(
        example_id=example_id,
        decision=decision,
        from_label=current,
        to_label=to_label,
        author=by,
        reason=str(items[example_id]["reason"]),
        comment=(line.get("comment") or "").strip(),
        evidence=item_evidence(items[example_id], iteration),
    )


def item_evidence(item: Mapping[str, Any], iteration: int) -> dict[str, Any]:
    """What was known of an item when it was asked about, for the ledger."""
    keys = ("reason", "suggested_label", "error_probability", "inclusion_probability")
    blind = {"blind": True} if item["reason"] == HELD_OUT else {}
    return {"iteration": iteration, **blind} | {
        key: item[key] for key in keys if item[key] is not None
    }


def _decision(
    word: str, label: str, current: str | None, classes: frozenset[str]
) -> tuple[Decision, str | None]:
    if word and word not in WORDS:
        raise DataError(f"decision {word!r} is none of {', '.join(WORDS)}")
    if word == "change" and not label:
        raise DataError("decision 'change' without a label")
    if word in {"drop", "unsure"}:
        if label:
            raise DataError(f"decision {word!r} together with the label {label!r}")
        return cast("Decision", word), None
    label = whole_number(label or (current or "" if word == "keep" else ""), classes)
    if label not in classes:
        raise DataError(f"label {label!r} is not a class of this dataset")
    decision: Decision = "keep" if label == current else "change"
    if word and word != decision:
        raise DataError(f"decision {word!r}, but the label {label!r} makes it a {decision}")
    return decision, label


def whole_number(label: str, classes: Collection[str | None]) -> str:
    """A label as it was before a spreadsheet made `1.0` of `1`.

    >>> whole_number("1.0", {"1", "2"}), whole_number("1.0", {"1.0"})
    ('1', '1.0')
    """
    match = re.fullmatch(r"(-?\d+)[.,]0+", label)
    return match[1] if match and label not in classes and match[1] in classes else label


def _says(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.decision, verdict.to_label


def _standing(home: Home, dataset: str) -> dict[str, Verdict]:
    """What people said last of each example since the batch opened."""
    iteration = home.versions.current(dataset)
    since = 0 if iteration is None else iteration.watermark.event_id
    events = home.ledger.events(dataset, after=since)
    said = [one.verdict for one in events if not is_restated(one.verdict)]
    return {verdict.example_id: verdict for verdict in said}


def _classes(home: Home, dataset: str) -> frozenset[str]:
    rows = home.versions.read_last_good(dataset, "validated_examples", columns=["label"])
    return frozenset() if rows is None else frozenset(rows["label"].to_pylist())


def _features(home: Home, dataset: str) -> dict[str, dict[str, Any]]:
    tables: Iterable[pa.Table | None] = (
        home.versions.read_last_good(dataset, "unlabeled_examples"),
        home.versions.read_last_good(dataset, "validated_examples"),
    )
    return {row["example_id"]: row for t in tables if t is not None for row in t.to_pylist()}


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(f"{number:g}" for number in cast("list[float]", value))
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def _read(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            head = lines.readline()
            lines.seek(0)
            # Spreadsheets of much of Europe save with semicolons.
            marks = max((",", ";", "\t"), key=head.count)
            reader = csv.DictReader(lines, delimiter=marks)
            missing = {"example_id", "label"} - set(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadable(
            f"cannot read {file}: {error}", expected="a CSV made by `burnish queue export`"
        ) from error
    if missing:
        raise DataError(
            f"{file} lacks the columns {', '.join(sorted(missing))}",
            expected="the columns that `burnish queue export` wrote",
        )
    return rows
