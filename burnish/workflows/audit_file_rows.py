"""The rows of a file that is audited from cold: its spec, its examples, and what people chose.

What belongs here: from a file and choices to tables that an audit can judge, with errors a newcomer
can act on. What does not: guessing the spec (`burnish.spec.guess`), opening the source
(`burnish.workflows.ingest`), or judging labels (`burnish.workflows.audit`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError
from burnish.spec import Chosen, DatasetSpec, guess_from_file, load_spec
from burnish.spec.keys import near
from burnish.workflows.audit_file_answers import Answers, read_answers, strange_answers
from burnish.workflows.ingest import read_examples
from burnish.workflows.init import default_name
from burnish.workflows.validate import validate_examples

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

# The squares of larger numbers are infinite.
_LARGEST = 1e150


@dataclass(frozen=True)
class FileRows:
    """A file as it is audited.

    spec: the spec by which the file is read, from where it lies. spec_text: the same as YAML, with
    paths from the folder that it is to be written to. examples: all rows in the order of the
    file, with `label`, `fold_group`, and `split`, which is train for each of them: all are judged.
    declared: the split that a column of the file names, null where none does.
    """

    file: Path
    spec: DatasetSpec
    spec_text: str
    examples: pa.Table
    declared: pa.ChunkedArray
    answers: Answers | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def labeled(self) -> int:
        """How many rows have a label."""
        return len(self.examples) - self.examples["label"].null_count


def read_rows(file: Path, *, target: str | None, folder: Path, chosen: Chosen) -> FileRows:
    """Read `file` as a spec guessed from it says; the spec will lie in `folder`.

    Raises `DataError` where too few rows have a label, no label occurs twice, an id is missing or
    repeated, or one group holds all rows; and what `guess_from_file` and `read_examples` raise.
    """
    guess = guess_from_file(
        file, target=target, name=default_name(file), folder=folder, chosen=chosen
    )
    spec = _read_in_place(_loaded(guess.text, default_name(file)), file, chosen)
    raw = read_examples(spec)
    _check_ids(raw, chosen)
    for column in spec.of_kind("numeric", "sensor"):
        _check_finite(column, raw[column])
    answers = read_answers(spec, raw)
    if answers is not None and spec.target is None:
        at = raw.column_names.index("label")
        raw = raw.set_column(at, "label", answers.labels)
    labels: list[str | None] = raw["label"].to_pylist()
    _check_labels(labels, spec)
    heard = () if answers is None else (*answers.notes, *strange_answers(answers, labels))
    examples = validate_examples(raw, spec)
    at = examples.column_names.index("split")
    everyone = pa.repeat("train", examples.num_rows)
    rows = FileRows(
        file=file,
        spec=spec,
        spec_text=guess.text,
        examples=examples.set_column(at, "split", everyone),
        declared=_declared(raw, spec),
        answers=answers,
        notes=(*guess.notes, *heard),
    )
    _check_groups(rows)
    return rows


def _loaded(text: str, name: str) -> DatasetSpec:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(path)


def _read_in_place(spec: DatasetSpec, file: Path, chosen: Chosen) -> DatasetSpec:
    """The spec with absolute paths: the folder that it will lie in need not be there yet."""
    changes: dict[str, Any] = {
        "folder": file.absolute().parent,
        "source": spec.source.model_copy(update={"path": str(file.absolute())}),
    }
    if spec.annotations is not None and chosen.annotations is not None:
        path = {"path": str(chosen.annotations.absolute())}
        source = spec.annotations.source.model_copy(update=path)
        changes["annotations"] = spec.annotations.model_copy(update={"source": source})
    return spec.model_copy(update=changes)


def _check_ids(raw: pa.Table, chosen: Chosen) -> None:
    ids: list[str | None] = raw["example_id"].to_pylist()
    column = repr(chosen.identity or "example_id")
    if None in ids:
        raise DataError(
            f"the id {column} is missing in row {ids.index(None) + 1}",
            expected="an id in every row (counted from 1, without a header)",
            hint="fill it in, or choose another column with --id",
        )
    name, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"the id {name!r} stands in {count} rows of {column}",
            expected="every id once",
            hint="choose another column with --id; where it names groups of rows, use --group",
        )


def _check_finite(column: str, cells: pa.ChunkedArray) -> None:
    """Here, since models meet the rows in another order, and cannot name them as the file does."""
    odd = _odd_numbers(cells.combine_chunks())
    if odd.any():
        signals = pa.types.is_nested(cells.type)
        fault = (
            "has no reading, or one that is not finite,"
            if signals
            else "is infinite, or as good as,"
        )
        raise DataError(
            f"{column!r} {fault} in row {int(np.argmax(odd)) + 1:,}",
            expected=f"{'lists of ' if signals else ''}finite numbers, or none at all "
            "(rows count from 1, without a header)",
            hint="leave the cell empty where nothing was measured",
        )


def _odd_numbers(cells: pa.Array) -> NDArray[np.bool_]:
    """Mask of the cells that are infinite, or lists that are empty or hold what is not finite."""
    if pa.types.is_floating(cells.type):
        return np.abs(cells.to_numpy(zero_copy_only=False)) > _LARGEST
    if not pa.types.is_nested(cells.type):
        return np.zeros(len(cells), dtype=bool)
    odd = np.asarray(pc.fill_null(pc.equal(pc.list_value_length(cells), 0), False))
    items = pc.list_flatten(cells)
    if pa.types.is_floating(items.type) or pa.types.is_integer(items.type):
        # A missing reading comes out as NaN.
        finite = np.isfinite(items.to_numpy(zero_copy_only=False))
        odd[np.asarray(pc.list_parent_indices(cells))[~finite]] = True
    return odd


def _check_labels(labels: Sequence[str | None], spec: DatasetSpec) -> None:
    counts = Counter(label for label in labels if label is not None)
    name = repr(spec.target or "label")
    if len(counts) < 2:
        raise DataError(
            f"every row of {name} has the same label, {next(iter(counts), None)!r}",
            expected="two classes or more",
            hint="choose another column with --target",
        )
    if max(counts.values()) == 1:
        raise DataError(
            f"no two rows of {name} have the same label",
            expected="classes that several rows share",
            hint="is this the column of labels? choose it with --target",
        )


def _check_groups(rows: FileRows) -> None:
    if rows.spec.group is None:
        return
    groups = rows.examples.filter(pc.is_valid(rows.examples["label"]))["fold_group"]
    if len(pc.unique(groups)) < 2:
        raise DataError(
            f"the group {rows.spec.group!r} leaves one group of all {rows.labeled:,} rows",
            expected="two groups or more, so that one can be held out",
            hint="choose another column with --group, or leave it out; rows with equal features "
            "belong to one group too",
        )


def _declared(raw: pa.Table, spec: DatasetSpec) -> pa.ChunkedArray:
    """train, validation or test as the file says it; null where it says nothing."""
    nothing = pa.chunked_array([pa.nulls(raw.num_rows, pa.string())])
    if spec.split.column is None:
        return nothing
    words: list[str] = raw[spec.split.column].to_pylist()
    meant = {word: spec.split.values.get(word, word) for word in set(words)}
    return pa.chunked_array([pa.array([meant[word] for word in words], pa.string())])


def require_file(path: Path) -> None:
    """Raise `DataError` with the closest name where a file that was named is not there."""
    if path.is_dir():
        raise DataError(
            f"{path} is a folder", expected="a file", hint="name one of the files in it"
        )
    if not path.is_file():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(
            f"{path} is not there", expected="a file", hint=near(path.name, sorted(beside))
        )
