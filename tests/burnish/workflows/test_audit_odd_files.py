"""Odd cells, odd answers and columns that give the label away, in a file that is audited."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import DataError
from burnish.spec import load_spec
from burnish.workflows.audit_file import audit_file
from tests.burnish.workflows.files_to_audit import found_first, numbers, save


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, outside of any project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def quality(audit, title: str):
    return next(one for one in audit.summary.findings if one.title == title)


def answers_to(table: pa.Table, **changed: str) -> list[dict[str, str]]:
    """Two answers a row, as its label says; those of `changed` ids differ."""
    pairs = zip(table["plant_id"].to_pylist(), table["kind"].to_pylist(), strict=True)
    return [
        {"example_id": name, "annotator_id": who, "label": changed.get(name, kind)}
        for name, kind in pairs
        for who in ("ann", "bob")
    ]


def test_an_answer_that_is_no_label_does_not_stop_the_audit(here):
    table, wrong = numbers()
    save(table, here / "plants.csv")
    save(pa.Table.from_pylist(answers_to(table, p0003="unsure")), here / "said.jsonl")
    audit = audit_file(here / "plants.csv", target="kind", annotations=here / "said.jsonl")
    assert "2 answers are the label of no row, such as 'unsure'" in " ".join(audit.summary.notes)
    assert "unsure" not in audit.to_table()["suggested_label"].to_pylist()
    assert found_first(audit.to_table(), wrong) > 0.5


def test_answers_written_in_other_words_than_the_labels_are_refused(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    lines = [{**one, "label": one["label"].upper()} for one in answers_to(table)]
    save(pa.Table.from_pylist(lines), here / "said.jsonl")
    with pytest.raises(DataError, match="is the label of any row") as caught:
        audit_file(here / "plants.csv", target="kind", annotations=here / "said.jsonl")
    assert "iris" in str(caught.value.expected)


def test_times_of_day_and_durations_are_left_out_and_said_so(here):
    table, wrong = numbers()
    seconds = pa.array([at % 90 for at in range(300)], pa.int32())
    table = table.append_column("opens", seconds.cast(pa.time32("s")))
    table = table.append_column("lasts", seconds.cast(pa.int64()).cast(pa.duration("s")))
    save(table, here / "plants.parquet")
    audit = audit_file(here / "plants.parquet", target="kind")
    assert found_first(audit.to_table(), wrong) >= 0.9
    assert {"opens", "lasts"}.isdisjoint(load_spec(audit.files.spec).features)
    assert "opens: holds time32" in audit.files.spec.read_text()


@pytest.mark.parametrize("value", [float("inf"), -1e300, [], [1.0, float("nan")], [1, None]])
def test_what_is_no_number_is_named_by_its_row_in_the_file(here, value):
    table, _ = numbers()
    cells = [[1.0, 2.0] if isinstance(value, list) else 1.5 + at for at in range(300)]
    cells[6] = value
    # The third row has no label: models would meet the seventh as the sixth.
    kinds = [None if at == 2 else kind for at, kind in enumerate(table["kind"].to_pylist())]
    table = table.drop_columns(["kind"]).append_column("kind", pa.array(kinds))
    save(table.append_column("wave", pa.array(cells)), here / "plants.parquet")
    with pytest.raises(DataError, match=r"'wave' .* in row 7") as caught:
        audit_file(here / "plants.parquet", target="kind")
    assert "count from 1" in str(caught.value.expected)
    assert "empty" in caught.value.hint


def test_rows_in_conflict_are_shown_with_the_labels_that_differ(here):
    table = pa.table({"a": [1, 1, 1, 1, 2, 3] * 10, "kind": ["x", "x", "x", "y", "y", "x"] * 10})
    save(table, here / "plants.csv")
    conflicts = quality(audit_file(here / "plants.csv", target="kind"), "Conflicting labels")
    assert conflicts.examples == ("row 1 x, row 4 y",)


def test_classes_of_few_rows_raise_no_warnings(tmp_path):
    rng = np.random.default_rng(0)
    kinds = [f"c{at // 2 if at < 60 else at}" for at in range(80)]
    save(pa.table({"x": rng.normal(size=80), "kind": kinds}), tmp_path / "plants.csv")
    command = [sys.executable, "-m", "burnish.cli", "audit", "plants.csv", "--target", "kind"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_says_that_hard_rows_are_not_wrong_labels(here):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 600)
    table = pa.table({"x": rng.normal(size=600) + 1.5 * kind, "y": rng.normal(size=600)})
    save(table.append_column("kind", pa.array(np.array(["a", "b"])[kind])), here / "clouds.csv")
    audit = audit_file(here / "clouds.csv", target="kind")
    # No label is wrong, and the models think that a tenth and more are.
    assert audit.summary.share.low > 0.05
    assert "cannot tell a wrong label from a hard row" in " ".join(audit.summary.doubts)
    assert "cannot tell a wrong label from a hard row" in audit.files.page.read_text()


def test_answers_that_agree_as_by_chance_are_called_that(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    rng = np.random.default_rng(0)
    lines = answers_to(table)
    chance = [{**one, "label": str(rng.choice(["iris", "rose", "tulip"]))} for one in lines]
    title = "Annotators who stand out"
    for answers, said in (
        (lines, "Everybody's answers tell"),
        (chance, "than by chance"),
        (lines[::2], "no row has two answers"),
    ):
        save(pa.Table.from_pylist(answers), here / "said.jsonl")
        audit = audit_file(here / "plants.csv", target="kind", annotations=here / "said.jsonl")
        assert said in quality(audit, title).said


def test_a_column_made_from_the_label_is_doubted(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    assert audit_file(here / "plants.csv", target="kind").summary.doubts == ()
    codes = pc.index_in(table["kind"], value_set=pa.array(["iris", "rose", "tulip"]))
    save(table.append_column("kind_code", codes), here / "coded.csv")
    (doubt,) = audit_file(here / "coded.csv", target="kind").summary.doubts
    assert "'kind_code' alone tells 100 % of the labels" in doubt


@pytest.mark.parametrize("cell", [[[1.0, 2.0], [3.0, 4.0]], ["up", "down"]])
def test_lists_of_what_is_no_number_are_left_out(here, cell):
    table, wrong = numbers()
    save(table.append_column("wave", pa.array([cell] * 300)), here / "plants.parquet")
    audit = audit_file(here / "plants.parquet", target="kind")
    assert found_first(audit.to_table(), wrong) >= 0.9
    assert "no lists of numbers" in audit.files.spec.read_text()


def test_lists_that_are_no_square_are_no_pictures_whatever_their_name(here):
    table, _ = numbers()
    cells = [[at % 7, at % 5, 1] for at in range(300)]
    save(table.append_column("pixel", pa.array(cells)), here / "plants.parquet")
    audit = audit_file(here / "plants.parquet", target="kind")
    assert load_spec(audit.files.spec).features["pixel"].kind == "sensor"


def test_annotators_are_heard_beside_the_models(here):
    # Two of three annotators go wrong together on some rows: models see it, and so does the third.
    table, _ = numbers(rows=300, noise=0.0)
    ids, true = table["plant_id"].to_pylist(), table["kind"].to_pylist()
    kinds = sorted(set(true))
    rng = np.random.default_rng(0)
    torn = set(rng.choice(300, 30, replace=False).tolist())
    lines = []
    for at, (name, kind) in enumerate(zip(ids, true, strict=True)):
        other = kinds[(kinds.index(kind) + 1) % len(kinds)]
        said = [other, other, kind] if at in torn else [kind, kind, kind]
        lines += [
            {"example_id": name, "annotator_id": who, "label": label}
            for who, label in zip(("Ada", "Bo", "Cy"), said, strict=True)
        ]
    save(pa.Table.from_pylist(lines), here / "answers.parquet")
    save(table.drop_columns(["kind"]), here / "plants.csv")
    audit = audit_file(
        here / "plants.csv", identity="plant_id", annotations=here / "answers.parquet"
    )
    first = audit.to_table().slice(0, 30).to_pylist()
    right = dict(zip(ids, true, strict=True))
    wrong = [row for row in first if row["given_label"] != right[row["example_id"]]]
    assert len(wrong) >= 20
    mended = [row["suggested_label"] == right[row["example_id"]] for row in wrong]
    assert sum(mended) >= 0.8 * len(mended)
    chances = audit.to_table()["error_probability"].to_pylist()
    assert chances == sorted(chances, reverse=True)


def test_rows_that_rare_categories_set_apart_are_no_outliers(here):
    rng = np.random.default_rng(0)
    n = 900
    common = rng.random(n) < 0.8
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    columns = {f"c{at}": np.where(common, "a", rng.choice(letters, n)) for at in range(2)}
    x = rng.normal(0, 0.1, n)
    x[7] = 50.0
    kind = np.where(rng.random(n) < 0.5, "yes", "no")
    save(pa.table({**columns, "x": x, "kind": kind}), here / "plants.csv")
    outliers = quality(audit_file(here / "plants.csv", target="kind"), "Outliers")
    assert 1 <= outliers.count <= 20
    assert outliers.examples[0] == "row 8"
