"""Any labels come back as they went, and no file ever wins over a newer verdict."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from burnish.records import Verdict
from burnish.workflows.home import Home
from burnish.workflows.labels_file import Imported, export_labels, import_labels
from tests.burnish.workflows.label_sheets import (
    CLASSES,
    ROWS,
    counts,
    edited,
    lines_of,
    open_at,
    standing,
    validate,
    version,
)

TEXT = st.text(
    st.one_of(st.sampled_from("'=+-@\t\r\n\",; a1"), st.characters(codec="utf-8")),
    min_size=1,
    max_size=6,
).filter(lambda text: not set(text) & set("\0\x1c\x1d\x1e\x1f") and text.strip())
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for many datasets: to open one takes longest."""
    return open_at(tmp_path_factory.mktemp("shared"))


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    labels=st.dictionaries(TEXT, TEXT, min_size=1, max_size=4),
    ending=st.sampled_from(["csv", "parquet"]),
)
@example(labels={"'=a": "''-1", "=a": "-1"}, ending="csv")
def test_any_ids_and_labels_come_back_as_they_went(
    shared: Home, labels: dict[str, str], ending: str
):
    dataset = f"any{next(NUMBERS)}"
    validate(shared, dict(labels), dataset)
    version(shared, dataset)
    file = shared.folder / f"{dataset}.{ending}"
    export_labels(shared, dataset, file)
    if ending == "csv":
        starts = [cell[:1] for line in lines_of(file) for cell in line.values()]
        assert not {"=", "+", "-", "@", "\t", "\r"} & set(starts)
    found = import_labels(shared, dataset, file, author="ann")
    assert counts(found) == (0, len(labels), 0, 0), str(found)


NAMES = st.sampled_from(sorted(ROWS))
STEP = st.one_of(
    st.tuples(st.just("verdict"), NAMES, st.sampled_from([*CLASSES, "drop", "unsure"])),
    st.tuples(st.just("export"), st.sampled_from(["csv", "parquet"])),
    st.tuples(
        st.just("import"), st.integers(0, 9), st.dictionaries(NAMES, st.sampled_from(CLASSES))
    ),
)


class Model:
    """What should stand: of each example what was said of it last, and by which event."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[str, int]] = {}
        self.head = 0

    def label(self, name: str) -> str | None:
        said = self.events.get(name, ("unsure", 0))[0]
        return {"drop": None, "unsure": ROWS[name]}.get(said, said)

    def says(self, name: str, word: str) -> None:
        self.head += 1
        self.events[name] = (word, self.head)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=14))
def test_no_file_ever_wins_over_a_newer_verdict(shared: Home, steps: list[tuple[Any, ...]]):
    dataset, model = f"steps{next(NUMBERS)}", Model()
    validate(shared, dict(ROWS), dataset)
    files: list[tuple[Path, int, dict[str, str]]] = []
    for step in steps:
        if step[0] == "verdict":
            _, name, word = step
            before = model.label(name) or ROWS[name]
            bare = word in {"drop", "unsure"}
            decision: Any = word if bare else "keep" if word == before else "change"
            verdict = Verdict(name, decision, before, None if bare else word, author="bob")
            shared.ledger.append(dataset, [verdict])
            model.says(name, word)
        elif step[0] == "export":
            number = version(shared, dataset)
            file = shared.folder / f"{dataset}-{len(files)}.{step[1]}"
            export_labels(shared, dataset, file, version=number)
            written = {name: label for name in ROWS if (label := model.label(name)) is not None}
            files.append((file, model.head, written))
        elif files:
            file, mark, written = files[step[1] % len(files)]
            edits = {name: label for name, label in step[2].items() if name in written}
            found = import_labels(shared, dataset, _with_labels(file, edits), author="ann")
            _hold(model, found, {**written, **edits}, mark)
    stands = {name: (label or how) for name, (how, label, _) in standing(shared, dataset).items()}
    assert stands == {name: word for name, (word, _) in model.events.items()}
    assert shared.ledger.head(dataset).event_id == model.head


def _hold(model: Model, found: Imported, labels: dict[str, str], mark: int) -> None:
    """Bring the model on by an import, and hold the outcome against it."""
    other = {name: label for name, label in labels.items() if label != model.label(name)}
    newer = {name for name in other if model.events.get(name, ("", 0))[1] > mark}
    assert set(found.refused["example_id"].to_pylist()) == newer
    assert found.taken == len(other) - len(newer)
    assert found.known == len(labels) - len(other)
    for name in ROWS:
        if name in other and name not in newer:
            model.says(name, other[name])


def _with_labels(file: Path, edits: dict[str, str]) -> Path:
    if file.suffix == ".csv":
        copy = file.with_name(f"edited-{file.name}")
        copy.write_bytes(file.read_bytes())
        return edited(copy, **{name: {"label": label} for name, label in edits.items()})
    table = pq.read_table(file)
    rows = [
        row | {"label": edits.get(row["example_id"], row["label"])} for row in table.to_pylist()
    ]
    copy = file.with_name(f"edited-{file.name}")
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), copy)
    return copy
