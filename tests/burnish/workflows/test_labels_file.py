"""Labels as files: they come back as they went, and never over what was decided since."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.errors import DataError, LedgerError, SourceUnreadable, VersionNotFound
from burnish.ledger import SqlLedger
from burnish.records import Verdict
from burnish.workflows.home import Home
from burnish.workflows.labels_file import REFUSED, export_labels, import_labels
from tests.burnish.workflows.label_sheets import (
    ROWS,
    START,
    counts,
    decide,
    edited,
    lines_of,
    open_at,
    sheet,
    standing,
    take,
    validate,
    version,
    write_lines,
)


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
