"""Labels as files: they come back as they went, and never over what was decided since."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from burnish.database import open_database
from burnish.errors import DataError, LedgerError, SourceUnreadable, VersionNotFound
from burnish.ledger import SqlLedger
from burnish.records import Decision, Verdict
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.home import Home
from burnish.workflows.labels_file import REFUSED, Imported, export_labels, import_labels

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


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = open_at(tmp_path)
    validate(made, dict(ROWS))
    return made


@pytest.fixture
def exported(home: Home) -> Path:
    """The labels after bob has decided: a is a 7, b stays, c is unsure."""
    decide(home, "a", "change", "1", "7")
    decide(home, "b", "keep", "7", "7")
    decide(home, "c", "unsure", "9", None)
    version(home)
    file = home.folder / "out" / "toy.csv"
    assert export_labels(home, "toy", file) == 4
    return file


# ---------------------------------------------------------------- export


def test_a_file_says_what_stands_and_what_it_was_made_from(exported: Path):
    rows = {row.pop("example_id"): row for row in lines_of(exported)}
    assert list(rows["a"]) == [
        *("label", "given_label", "decision", "author", "at", "event_id", "watermark")
    ]
    a = list(rows["a"].values())
    assert a[:4] == ["7", "1", "change", "bob"]
    assert datetime.fromisoformat(a[4]) == START
    assert a[5:] == ["1", "3"]
    assert list(rows["c"].values())[:3] == ["9", "9", "unsure"]
    assert list(rows["d"].values()) == ["1", "1", "", "", "", "", "3"]
    assert [file.name for file in exported.parent.iterdir()] == ["toy.csv"]


def test_parquet_has_types(home: Home, exported: Path):
    target = exported.with_suffix(".parquet")
    assert export_labels(home, "toy", target) == 4
    table = pq.read_table(target)
    assert table.schema.field("event_id").type == pa.int64()
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")
    assert table["event_id"].to_pylist() == [1, 2, 3, None]
    assert table["watermark"].to_pylist() == [3] * 4
    assert counts(take(home, target)) == (0, 4, 0, 0)


def test_an_older_version_can_be_written(home: Home, exported: Path):
    decide(home, "d", "drop", "1", None)
    assert version(home) == 2
    assert export_labels(home, "toy", exported) == 3
    assert export_labels(home, "toy", exported, version=1) == 4
    assert {line["watermark"] for line in lines_of(exported)} == {"3"}


def test_what_cannot_be_written_is_refused_and_leaves_what_is_there(home: Home, exported: Path):
    before = exported.read_bytes()
    with pytest.raises(VersionNotFound, match="no dataset version 9"):
        export_labels(home, "toy", exported, version=9)
    with pytest.raises(VersionNotFound, match="no dataset version 0"):
        export_labels(home, "toy", exported, version=0)
    with pytest.raises(VersionNotFound, match="wine has no dataset version"):
        export_labels(home, "wine", exported)
    with pytest.raises(DataError, match="neither CSV nor Parquet"):
        export_labels(home, "toy", exported.with_suffix(".xlsx"))
    assert exported.read_bytes() == before


def test_an_export_that_fails_midway_leaves_the_file_before(
    home: Home, exported: Path, monkeypatch: pytest.MonkeyPatch
):
    before = exported.read_bytes()

    def half(table: pa.Table, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("pyarrow.csv.write_csv", half)
    with pytest.raises(OSError, match="disk full"):
        export_labels(home, "toy", exported)
    assert exported.read_bytes() == before
    assert [file.name for file in exported.parent.iterdir()] == ["toy.csv"]


# ---------------------------------------------------------------- import


def test_a_file_just_exported_takes_nothing(home: Home, exported: Path):
    assert counts(take(home, exported)) == (0, 4, 0, 0)
    assert home.ledger.head("toy").event_id == 3


def test_edited_labels_are_taken_once_with_where_they_come_from(home: Home, exported: Path):
    changes = {"label": "9"}
    file = edited(exported, a=changes, c={"label": "1"}, d={"label": ""})
    found = take(home, file)
    assert counts(found) == (2, 1, 1, 0)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    first, second = home.ledger.events("toy", after=3)
    assert first.verdict == Verdict(
        "a",
        "change",
        "7",
        "9",
        "ann",
        reason="import",
        evidence={"file": "toy.csv", "sha256": digest, "line": 2, "watermark": 3},
    )
    assert (second.verdict.from_label, second.verdict.to_label) == ("9", "1")
    assert counts(take(home, file)) == (0, 3, 1, 0)
    assert home.ledger.head("toy").event_id == 5


def test_decisions_without_labels_are_taken_once(home: Home, exported: Path):
    bare = {"label": ""}
    file = edited(
        exported,
        a={**bare, "decision": "DROP "},
        b={**bare, "decision": "unsure"},
        d={"decision": "keep"},
    )
    assert counts(take(home, file)) == (3, 1, 0, 0)
    assert standing(home) == {
        "a": ("drop", None, "ann"),
        "b": ("unsure", None, "ann"),
        "c": ("unsure", None, "bob"),
        "d": ("keep", "1", "ann"),
    }
    assert counts(take(home, file)) == (0, 4, 0, 0)


def test_a_decision_beside_a_label_is_an_order_unless_the_export_wrote_it(
    home: Home, exported: Path
):
    orders = {"a": "drop", "b": "unsure", "d": "unsure"}
    found = take(home, edited(exported, **{name: {"decision": w} for name, w in orders.items()}))
    assert counts(found) == (0, 1, 0, 3)
    assert "decision 'drop' beside the label '7'" in str(found)
    assert home.ledger.head("toy").event_id == 3


def test_what_was_decided_after_the_file_was_made_stays(home: Home, exported: Path):
    decide(home, "a", "change", "7", "9")
    decide(home, "b", "drop", "7", None)
    decide(home, "c", "change", "9", "1")
    decide(home, "d", "unsure", "1", None)
    found = take(home, edited(exported, c={"label": "1"}, d={"label": "7"}))
    assert counts(found) == (0, 1, 0, 3)
    assert found.refused.schema == REFUSED
    a, b, d = found.refused.to_pylist()
    assert a["why"] == "bob decided 9 on 2026-11-02, after this file was made; export again"
    assert b["why"] == "bob dropped it on 2026-11-02, after this file was made; export again"
    assert d["why"] == "bob was unsure on 2026-11-02, after this file was made; export again"
    assert (a["example_id"], a["line"], a["label"], a["standing_label"]) == ("a", 2, "7", "9")
    assert (a["author"], a["event_id"], a["at"]) == ("bob", 4, START + timedelta(hours=3))
    assert (b["standing_label"], d["standing_label"]) == (None, "1")
    assert home.ledger.head("toy").event_id == 7
    newest = exported.with_name("new.csv")
    version(home)
    export_labels(home, "toy", newest)
    assert counts(take(home, edited(newest, a={"label": "1"}))) == (1, 2, 0, 0)


def test_a_file_that_does_not_say_when_it_was_made_gives_way_to_people(home: Home, exported: Path):
    text = "example_id,label\na,9\nb,9\nc,1\nd,7\n"
    found = take(home, sheet(home, text))
    assert counts(found) == (2, 0, 0, 2)
    assert found.refused["example_id"].to_pylist() == ["a", "b"]
    assert "does not say whether it was made after that" in found.refused["why"][0].as_py()
    assert standing(home)["c"] == ("change", "1", "ann")
    assert counts(take(home, sheet(home, text))) == (0, 2, 0, 2)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("z,1", "no example has this id"),
        (",1", "no example has this id"),
        ("a,5", "label '5' is not a class"),
        ("a,,maybe", "decision 'maybe' is none of keep, change, drop, unsure"),
        ("a,,change", "label '' is not a class"),
        ("a,7,keep", "decision 'keep', but the label '7' makes it a change"),
        ("u,,keep", "label '' is not a class"),
        ("a,7,,x", "no number of an event"),
        ("a,7,,,-2", "no number of an event"),
        ("a,7,,1,1", "not in this ledger"),
        ("a,7,,,900", "not in this ledger"),
    ],
)
def test_a_row_that_is_not_fit_is_refused_alone(home: Home, line: str, why: str):
    unlabeled = pa.table({"example_id": ["u"], "x": [1.5]})
    home.versions.write("toy", "unlabeled_examples", unlabeled, gated=False)
    decide(home, "b", "keep", "7", "7")
    cells = line + "," * (4 - line.count(","))
    head = "example_id,label,decision,event_id,watermark"
    found = take(home, sheet(home, f"{head}\n{cells}\nd,9,,,1\n"))
    assert counts(found) == (1, 0, 0, 1)
    assert why in found.refused["why"][0].as_py()
    assert f"line 2, {line.partition(',')[0]!r}: " in str(found)


def test_lines_that_contradict_each_other_are_all_refused(home: Home):
    found = take(home, sheet(home, "example_id,label\na,7\nb,9\na,9\nb,9\nc,\nc,1\n"))
    assert counts(found) == (2, 1, 1, 2)
    assert set(found.refused["why"].to_pylist()) == {"lines 2, 4 say different things of it"}
    assert set(standing(home)) == {"b", "c"}


def test_the_first_label_of_an_unlabeled_row_and_of_held_out_ones(home: Home):
    unlabeled = pa.table({"example_id": ["u", "v"], "label": ["7", "7"], "x": [8.5, 9.5]})
    home.versions.write("toy", "unlabeled_examples", unlabeled, gated=False)
    assert counts(take(home, sheet(home, "example_id,label\nu,7\nb,9\nc,1\n"))) == (3, 0, 0, 0)
    [first] = home.ledger.blame("toy", "u")
    assert (first.verdict.decision, first.verdict.from_label) == ("change", None)
    version(home)
    export_labels(home, "toy", home.folder / "new.csv")
    [row] = [row for row in lines_of(home.folder / "new.csv") if row["example_id"] == "u"]
    assert (row["label"], row["given_label"], row["event_id"]) == ("7", "", "1")


def test_a_label_that_the_ledger_alone_knows_is_a_class(home: Home):
    decide(home, "a", "change", "1", "4")
    assert counts(take(home, sheet(home, "example_id,label\nb,4\n"))) == (1, 0, 0, 0)


def test_a_dropped_row_can_be_brought_back_by_whoever_knew(home: Home):
    mark = decide(home, "a", "drop", "1", None)
    text = f"example_id,label,watermark\na,1,{mark}\n"
    assert counts(take(home, sheet(home, text))) == (1, 0, 0, 0)
    assert standing(home)["a"] == ("keep", "1", "ann")


def test_a_label_that_the_source_changed_is_not_changed_back_by_a_file_nobody_edited(
    home: Home, exported: Path
):
    validate(home, ROWS | {"d": "9"})
    assert counts(take(home, exported)) == (0, 4, 0, 0)
    assert counts(take(home, edited(exported, d={"label": "7"}))) == (1, 3, 0, 0)


def test_what_spreadsheets_do_to_a_file(home: Home, exported: Path):
    lines = [line | {"label": f"{line['label']} "} for line in lines_of(exported)]
    lines[3] |= {"label": "9", "watermark": "3.0", "example_id": " d"}
    write_lines(exported, lines, delimiter=";")
    exported.write_bytes(b"\xef\xbb\xbf" + exported.read_bytes())
    assert counts(take(home, exported)) == (1, 3, 0, 0)
    assert standing(home)["d"] == ("change", "9", "ann")


def test_parquet_with_numbers_as_pandas_writes_them(home: Home, exported: Path):
    table = pa.table(
        {"example_id": ["a", "d"], "label": [9, 7], "event_id": [1.0, None], "watermark": [3, 3]}
    )
    pq.write_table(table, home.folder / "some.parquet")
    assert counts(take(home, home.folder / "some.parquet")) == (2, 0, 0, 0)
    assert home.ledger.events("toy", after=3)[1].verdict.evidence["line"] == 2


def test_a_file_that_is_none_is_refused_whole(home: Home):
    with pytest.raises(SourceUnreadable, match="cannot read"):
        take(home, home.folder / "none.csv")
    with pytest.raises(SourceUnreadable):
        take(home, sheet(home, "", "empty.csv"))
    with pytest.raises(SourceUnreadable, match="not Parquet"):
        take(home, sheet(home, "example_id,label\n", "text.parquet"))
    with pytest.raises(DataError, match="has the columns example_id, verdict") as caught:
        take(home, sheet(home, "example_id,verdict\na,7\n"))
    assert "example_id and label among them" in str(caught.value)
    with pytest.raises(DataError, match="two columns named 'label'"):
        take(home, sheet(home, "example_id,label,label\na,7,7\n"))
    with pytest.raises(DataError, match="neither CSV nor Parquet"):
        take(home, sheet(home, "x", "labels.xlsx"))
    pq.write_table(pa.table({"example_id": ["a"], "label": [["7"]]}), home.folder / "odd.parquet")
    with pytest.raises(DataError, match="are not text"):
        take(home, home.folder / "odd.parquet")
    good = sheet(home, "example_id,label\na,7\n")
    with pytest.raises(DataError, match="without an author"):
        import_labels(home, "toy", good, author=" ")
    with pytest.raises(DataError, match="wine has no examples"):
        import_labels(home, "wine", good, author="ann")
    assert home.ledger.head("toy").event_id == 0


def test_the_outcome_as_text_and_as_json(home: Home):
    many = "".join(f"z{number},1\n" for number in range(25))
    found = take(home, sheet(home, f"example_id,label\na,7\n{many}"))
    assert str(found).startswith("1 taken, 0 known already, 0 blank, 25 refused\n  line 3, 'z0': ")
    assert str(found).endswith("\n  and 5 more")
    decide(home, "b", "keep", "7", "7")
    told = json.loads(json.dumps(take(home, sheet(home, "example_id,label\nb,9\n")).to_json()))
    assert told["refused"][0]["at"].startswith("2026-11-02T")
    assert (told["taken"], told["refused"][0]["standing_label"]) == (0, "7")


class Racing(SqlLedger):
    """A ledger in which bob decides right after the first time that anybody folds it."""

    raced = False

    def fold(self, dataset: str, watermark: int | None = None):
        labels = super().fold(dataset, watermark)
        if not self.raced:
            self.raced = True
            self.append(dataset, [Verdict("a", "change", "1", "9", author="bob")])
        return labels


def test_who_decides_while_a_file_is_read_is_not_overruled(tmp_path: Path):
    home = open_at(tmp_path, Racing)
    validate(home, dict(ROWS))
    found = take(home, sheet(home, "example_id,label,watermark\na,7,0\nd,9,0\n"))
    assert counts(found) == (1, 0, 0, 1)
    assert standing(home) == {"a": ("change", "9", "bob"), "d": ("change", "9", "ann")}


def test_accepted_rows_are_appended_at_once_or_not_at_all(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    taken: list[int] = []

    def refuse(dataset: str, verdicts: list[Verdict]) -> None:
        taken.append(len(verdicts))
        raise LedgerError("the disk is full")

    monkeypatch.setattr(home.ledger, "append", refuse)
    with pytest.raises(LedgerError):
        take(home, sheet(home, "example_id,label\na,7\nb,9\nz,1\n"))
    assert taken == [2]


# ---------------------------------------------------------------- for any input

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
