"""A small home whose labels go out to files and come back, for the tests of both."""

from __future__ import annotations

import csv
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.records import Decision, Verdict
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.home import Home
from burnish.workflows.labels_file import Imported, import_labels

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
CLASSES = ("1", "7", "9")
ROWS = {"a": "1", "b": "7", "c": "9", "d": "1"}


def open_at(folder: Path, ledger_of: type[SqlLedger] = SqlLedger) -> Home:
    """A home whose clock goes on by an hour each time that it is asked."""
    hours = itertools.count()
    engine = open_database(folder / "burnish.db")
    ledger = ledger_of(engine, clock=lambda: START + timedelta(hours=next(hours)))
    store = DeltaStore(folder / "tables", engine)
    return Home(folder, Versions(engine, store, ledger), ledger)


def validate(home: Home, labels: dict[str, str | None], dataset: str = "toy") -> None:
    count = len(labels)
    rows = pa.table(
        {
            "example_id": pa.array(list(labels), pa.string()),
            "label": pa.array(list(labels.values()), pa.string()),
            "x": [float(place) for place in range(count)],
            "split": ["train", "validation", "test", "train"][:count]
            + ["train"] * max(count - 4, 0),
            "fold_group": list(labels),
        }
    )
    home.versions.write(dataset, "validated_examples", rows, gated=False)


def version(home: Home, dataset: str = "toy") -> int:
    """Make a dataset version with the labels as they stand."""
    labels = home.ledger.fold(dataset)
    written = home.versions.write_curated(dataset, labels)
    content = home.versions.content(dataset, written.version)
    return home.versions.commit(
        dataset,
        table_version=written.version,
        watermark=labels.watermark,
        digest=content.digest.hex,
        rows=content.rows,
        class_counts=content.class_counts,
        iteration=0,
    ).number


def decide(home: Home, example: str, decision: Decision, before: str | None, to: str | None) -> int:
    verdict = Verdict(example, decision, before, to, author="bob")
    return home.ledger.append("toy", [verdict])[0].event_id


def lines_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def write_lines(file: Path, lines: list[dict[str, str]], **how: Any) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(lines[0]), **how)
        writer.writeheader()
        writer.writerows(lines)
    return file


def edited(file: Path, **cells: dict[str, str]) -> Path:
    """The file with some cells of some examples changed."""
    lines = [line | cells.get(line["example_id"], {}) for line in lines_of(file)]
    return write_lines(file, lines)


def sheet(home: Home, text: str, name: str = "labels.csv") -> Path:
    file = home.folder / name
    file.write_text(text, encoding="utf-8")
    return file


def take(home: Home, file: Path) -> Imported:
    return import_labels(home, "toy", file, author="ann")


def counts(found: Imported) -> tuple[int, int, int, int]:
    return found.taken, found.known, found.blank, found.refused.num_rows


def standing(home: Home, dataset: str = "toy") -> dict[str, tuple[str, str | None, str]]:
    rows = home.ledger.fold(dataset).decisions.to_pylist()
    return {row["example_id"]: (row["decision"], row["label"], row["author"]) for row in rows}
