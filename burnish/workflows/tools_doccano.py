"""doccano's files: lines of JSON to import, and its exports of them.

What belongs here: the format of text classification, as doccano imports and exports it. What does
not: the batch (`burnish.workflows.tool_exchange`).

doccano keeps what it does not know of a line (our `burnish`) as metadata and exports it again. It
tells neither when something was said nor, within one file, by whom: its zip has a file a person,
where annotations are not shared.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast

from burnish.errors import DataError, SourceUnreadable
from burnish.workflows.tools import (
    WORD_LABELS,
    Handout,
    ReadBack,
    Task,
    ToolAnswer,
    check_words,
    meant,
    name_of,
    parsed_name,
    write_labels,
)

NAMELESS = frozenset({"all", "unknown"})
MOST_BYTES = 500_000_000
"""How large a file within a zip may be once it is unpacked."""


class Doccano:
    """doccano, by its JSONL of text classification."""

    name = "doccano"
    suffix = ".jsonl"

    def write(self, handout: Handout, target: Path) -> tuple[Path, ...]:
        """Write lines to import (column text `text`), and `NAME.labels.json` for its labels."""
        check_words(handout)
        lines = [_line(handout, task) for task in handout.tasks]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        names = [{"text": one} for one in (*handout.classes, *WORD_LABELS)]
        return target, write_labels(target, names)

    def read(self, file: Path, *, author: str = "") -> ReadBack:
        """The labels of a JSONL, or of the zip of them that doccano sends."""
        answers, faults, blank = list[ToolAnswer](), list[str](), 0
        for place, by, line in _lines(file, author):
            if not isinstance(line, dict):
                raise _no_export(file, f"{place} is no task")
            found = cast("Mapping[str, Any]", line)
            name = parsed_name(str(found.get("burnish") or ""))
            if name is None:
                continue
            labels: list[Any] = found.get("label") or []
            if len(labels) > 1:
                faults.append(f"{place}: {', '.join(map(str, labels))} at once")
            elif not labels:
                blank += 1
            else:
                label, word = meant(str(labels[0]))
                comment = "\n".join(str(one) for one in found.get("Comments") or ())
                number = str(found.get("id") or "")
                answers.append(ToolAnswer(*name, by, label, word, comment, task=number))
        return ReadBack(tuple(answers), blank, tuple(faults))


def _line(handout: Handout, task: Task) -> str:
    parts = [*task.texts.values(), *(f"{name}: {value}" for name, value in task.values.items())]
    if not any(part.strip() for part in parts):
        raise DataError(
            f"example {task.example_id!r} has neither text nor values, and doccano shows text",
            hint="use --to label-studio or --to cvat for pictures",
        )
    line = {"text": "\n".join(parts), "label": [], "burnish": name_of(handout, task)}
    return json.dumps(line, ensure_ascii=False)


def _lines(file: Path, author: str) -> Iterator[tuple[str, str, Any]]:
    """Where each line is, whose it is, and what it holds."""
    try:
        for name, by, text in _files(file, author):
            # A text may hold what Python counts as the end of a line, and JSON does not.
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield f"{name} line {number}", by, json.loads(line)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise _no_export(file, str(error)) from error


def _files(file: Path, author: str) -> Iterator[tuple[str, str, str]]:
    if not zipfile.is_zipfile(file):
        yield file.name, author, file.read_text(encoding="utf-8-sig")
        return
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            path = PurePosixPath(info.filename)
            if path.suffix not in {".jsonl", ".json"}:
                continue
            if info.file_size > MOST_BYTES:
                raise _no_export(file, f"{path.name} has {info.file_size:,} bytes")
            by = author if path.stem in NAMELESS else path.stem
            yield path.name, by, packed.read(info).decode("utf-8-sig")


def _no_export(file: Path, why: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"cannot read {file}: {why[:200]}",
        expected="an export of doccano as JSONL, or the zip of them",
    )
