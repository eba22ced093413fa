"""A file is checked from cold: findings, exit code, page and table, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import csv, parquet

from burnish.errors import DataError, SourceUnreadable
from burnish.workflows.check_file import check_file

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script>"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from burnish.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def clean(n: int = 400) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "x": rng.normal(size=n),
            "c": rng.choice(["p", "q", "r"], n).tolist(),
            "label": rng.choice(["a", "b"], n).tolist(),
            "split": rng.choice(["train", "test"], n).tolist(),
        }
    )


def saved(table: pa.Table, path: Path) -> Path:
    csv.write_csv(table, path)
    return path


def leaking() -> pa.Table:
    table = clean()
    coded = [{"a": 3, "b": 5}[one] for one in table["label"].to_pylist()]
    return table.append_column(HOSTILE, pa.array(coded))


def test_a_leak_is_an_error_and_the_exit_code_says_so(tmp_path: Path) -> None:
    saved(leaking(), tmp_path / "rows.csv")
    done = run("rows.csv", "--target", "label", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "is the target in other words" in done.stdout
    assert not list(tmp_path.glob("*.html"))


def test_without_errors_the_exit_code_is_0_and_json_is_one_object(tmp_path: Path) -> None:
    saved(clean(), tmp_path / "rows.csv")
    done = run("rows.csv", "--target", "label", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["rows"] == 400
    assert not facts["failed"]
    assert not [one for one in facts["findings"] if one["severity"] == "error"]


@pytest.mark.parametrize("arguments", [("none.csv",), ("rows.csv", "--target", "lable")])
def test_what_cannot_be_checked_exits_with_2_and_says_why(tmp_path: Path, arguments) -> None:
    saved(clean(), tmp_path / "rows.csv")
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "expected" in done.stderr
    assert "Traceback" not in done.stderr


def test_page_and_table_are_written_and_everything_is_escaped(tmp_path: Path) -> None:
    file = saved(leaking(), tmp_path / "rows.csv")
    found = check_file(file, target="label", out=tmp_path / "out", now=NOW)
    assert found.failed
    page = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "http-equiv" in page
    table = parquet.read_table(tmp_path / "out" / "findings.parquet")
    assert table["kind"].to_pylist() == [one.kind for one in found.report.findings]
    check_file(file, target="label", out=tmp_path / "out", now=NOW)  # its own files are replaced


def test_a_page_of_somebody_else_is_never_overwritten(tmp_path: Path) -> None:
    file = saved(clean(), tmp_path / "rows.csv")
    (tmp_path / "check.html").write_text("my page")
    with pytest.raises(DataError, match="no check wrote it"):
        check_file(file, target="label", out=tmp_path, now=NOW)
    assert (tmp_path / "check.html").read_text() == "my page"
    assert not list(tmp_path.glob("findings*"))


def test_rows_are_counted_from_1_and_an_id_names_them(tmp_path: Path) -> None:
    table = pa.concat_tables([clean(), clean().slice(4, 1)])
    table = table.append_column("row_id", pa.array([f"r{at}" for at in range(401)]))
    found = check_file(saved(table, tmp_path / "rows.csv"), target="label", out=tmp_path, now=NOW)
    at = [one.kind for one in found.report.findings].index("exact_duplicates")
    assert found.to_table()["rows"].to_pylist()[at] == [401]
    assert "row r400" in (tmp_path / "check.html").read_text(encoding="utf-8")


def test_copied_images_are_found_behind_their_paths(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    names = []
    for at in range(12):
        rough = Image.fromarray(rng.integers(0, 256, (9, 9)).astype(np.uint8))
        rough.resize((64, 64), Image.Resampling.BICUBIC).save(tmp_path / f"{at}.png")
        names.append(f"{at}.png")
    with Image.open(tmp_path / "3.png") as picture:
        picture.save(tmp_path / "again.jpg", quality=50)
    table = pa.table({"photo": [*names, "again.jpg"], "label": ["a", "b"] * 6 + ["a"]})
    found = check_file(saved(table, tmp_path / "photos.csv"), target="label", now=NOW)
    near = [one for one in found.report.findings if one.kind == "near_duplicates"]
    assert [one.rows for one in near] == [(12,)]
    (tmp_path / "5.png").unlink()
    with pytest.raises(DataError, match=r"5\.png"):
        check_file(tmp_path / "photos.csv", target="label", now=NOW)


def test_a_file_that_is_empty_or_a_column_used_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SourceUnreadable):
        check_file(tmp_path / "empty.csv", now=NOW)
    file = saved(clean(), tmp_path / "rows.csv")
    with pytest.raises(DataError, match="at once"):
        check_file(file, target="label", exclude=["label"], now=NOW)


@pytest.mark.data
def test_adult_has_52_copies_and_23_of_them_cross_into_its_test_part(real_data: Path) -> None:
    file = real_data / "adult_slices" / "adult.csv.gz"
    found = {one.kind: one for one in check_file(file, target="income", now=NOW).report.findings}
    assert found["exact_duplicates"].count == 52
    assert found["crossing_duplicates"].count == 23


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_cells_parted_by_another_mark_are_read_as_such_and_it_is_said(
    mark: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    options = csv.WriteOptions(delimiter=mark)
    csv.write_csv(clean(), path, options)
    found = check_file(path, target="label", now=NOW)
    assert found.summary.columns == 4
    assert any(repr(mark) in note for note in found.summary.notes)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        check_file(tmp_path, now=NOW)
