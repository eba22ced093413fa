"""Arrow and JSON lines are read as they stand, and what is no such file is told."""

import datetime
import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from burnish.errors import SourceUnreadable
from burnish.spec.guess import guess_from_file, read_file

TABLE = pa.table(
    {
        "x": [1.5, None, 3.0],
        "pixels": [[1, 2], [3, 4], [5, 6]],
        "kind": pa.array(["cat", "dog", "cat"]).dictionary_encode(),
        "at": pa.array([datetime.date(2026, 1, day) for day in (1, 2, 3)]),
    }
)


def write(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith(".parquet"):
        parquet.write_table(TABLE, path)
    elif name.endswith(".feather"):
        feather.write_feather(TABLE, path)
    elif name == "stream.arrow":
        with ipc.new_stream(path, TABLE.schema) as sink:
            sink.write_table(TABLE)
    else:
        with ipc.new_file(path, TABLE.schema) as sink:
            sink.write_table(TABLE)
    return path


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.ipc", "a.feather", "stream.arrow"])
def test_types_are_kept_and_categories_are_text(tmp_path, name):
    found = read_file(write(tmp_path, name))
    assert found.to_pydict() == TABLE.to_pydict()
    assert found["kind"].type == pa.string()
    assert found["at"].type == pa.date32()


def test_categories_written_by_pandas_can_be_targets_and_features(tmp_path):
    kinds = pa.array(["cat", "dog"] * 20).dictionary_encode()
    sizes = pa.array(["big", "small", "big", "tiny"] * 10).dictionary_encode()
    feather.write_feather(pa.table({"size": sizes, "kind": kinds}), tmp_path / "a.feather")
    text = guess_from_file(tmp_path / "a.feather", target="kind").text
    assert "  size: categorical" in text
    assert "  - cat  # 20 rows" in text


def test_lines_may_lack_keys_and_mix_texts_with_numbers(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n\n{"a": "two"}\n{"c": [1, 2], "a": 3.5}\n')
    assert read_file(path).to_pydict() == {
        "a": ["1", "two", "3.5"],
        "b": ["x", None, None],
        "c": [None, None, [1, 2]],
    }


def test_lines_may_be_compressed_and_longer_than_a_block(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    long = "word " * 4_000_000
    with gzip.open(path, "wt") as file:
        file.write(f'{{"text": "{long}", "y": "a"}}\n{{"text": "short", "y": "b"}}\n')
    assert read_file(path)["text"].to_pylist() == [long, "short"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"n": st.integers(-(2**53), 2**53), "t": st.text(st.characters(codec="utf-8"))},
            optional={"b": st.booleans()},
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_was_written_as_lines_is_read_back(tmp_path_factory, rows):
    import json

    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = read_file(path).to_pylist()
    assert [{k: v for k, v in row.items() if v is not None} for row in found] == rows


@pytest.mark.parametrize(
    ("name", "content", "found", "hint"),
    [
        ("a.jsonl", b'{"a": 1}\nnonsense\n', "line 2: cannot be read", ""),
        ("a.jsonl", b'[{"a": 1},\n {"a": 2}]\n', "line 1: cannot be read", "a line of its own"),
        ("a.jsonl", b"[1, 2]\n", "line 1: holds a list", "a line of its own"),
        ("a.jsonl", b'{"a": "\xff"}\n', "cannot be read", "UTF-8"),
        ("a.arrow", b"a,b\n1,2\n", "is not Arrow", "format: csv"),
        ("a.arrow", b"PAR1" + b"\0" * 600, "is not Arrow", "format: parquet"),
        ("a.parquet", b"ARROW1" + b"\0" * 600, "is not Parquet", "format: arrow"),
        ("a.parquet", b'{"a": 1}\n', "is not Parquet", "format: jsonl"),
        ("a.json", b"[]", "ends in .json", ".jsonl"),
    ],
)
def test_what_is_no_such_file_is_told_with_what_it_seems_to_be(
    tmp_path, name, content, found, hint
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnreadable) as caught:
        read_file(tmp_path / name)
    assert found in caught.value.found
    assert hint in caught.value.hint


def test_an_arrow_file_whose_text_is_no_text_is_refused(tmp_path):
    bad = pa.array([b"\xff\xfe", b"ok"]).cast(pa.binary()).view(pa.string())
    with ipc.new_file(tmp_path / "a.arrow", pa.schema([("t", pa.string())])) as sink:
        sink.write_table(pa.table({"t": bad}))
    with pytest.raises(SourceUnreadable, match="UTF8"):
        read_file(tmp_path / "a.arrow")
