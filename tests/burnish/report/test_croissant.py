"""Croissant metadata: mlcroissant takes it and reads the same rows, and nothing is made up."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import absl.logging
import mlcroissant as mlc
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.report.croissant import FileFacts, croissant
from burnish.report.datasheet import VersionSheet

# mlcroissant brings absl, whose log handler closes the stream it found at import, which is the
# capture of all tests, once any library sets up logging anew. The real stream it leaves alone.
absl.logging.get_absl_handler().python_handler.setStream(sys.__stderr__)


FULL = VersionSheet(
    dataset="digits",
    number=7,
    description='Handwritten "digits".\n\nFrom three <scanners>, é.',
    source="UCI repository",
    collection="Thirteen people wrote them",
    preprocessing="A third is blurred",
    licence="https://creativecommons.org/licenses/by/4.0/",
    contact="data@example.org",
    code_sha="6c98351",
    run="run-41",
    parents=("digits/validated_examples@3", "digits@6"),
    watermark=1041,
    digest="ab" * 32,
    rows=3,
    class_counts={"zero, or: none": 2, "one": 1},
    split_counts={"train": 2, "test": 1},
    columns={},
    iteration=5,
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    models=("model-a", "model-b"),
)
EMPTY = VersionSheet(
    "pets", 1, "", "", "", "", "", "", "", "", (), 0, "0" * 64, 0, {}, {}, {}, 1,
    datetime(2026, 1, 1, tzinfo=UTC), (),
)  # fmt: skip
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ROWS: dict[str, pa.Array] = {
    "example_id": pa.array(["a", "b/ü", "c d"]),
    "label": pa.array(['say "hi"\nand <b> | go', "", None]),
    "p:a b": pa.array([1.5, float("-inf"), None]),
    "a.b": pa.array([1, -(2**62), 3]),
    "a_b": pa.array([True, False, True]),
    "größe ~/%#?": pa.array([[0.5, 1.5], [], [2.5]], pa.list_(pa.float32())),
    "pixels": pa.array([[[1, 2]], [[3, 4], [5, 6]], []], pa.list_(pa.list_(pa.int64(), 2))),
    "..": pa.array([AT, AT, None], pa.timestamp("us", "UTC")),
    "day": pa.array([date(2026, 1, 2)] * 3),
    "hour": pa.array([time(3, 4, 5)] * 3),
    "raw": pa.array([b"\x00\xff", b"", b"x"]),
    "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
    "nothing": pa.array([None] * 3, pa.null()),
    "filename": pa.array(["f"] * 3),
}
CITE_AS = 'Property "http://mlcommons.org/croissant/citeAs" is recommended, but does not exist.'
LICENCE = 'Property "https://schema.org/license" is recommended, but does not exist.'


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def publish(
    folder: Path, sheet: VersionSheet, table: pa.Table, name: str = "examples.parquet"
) -> tuple[dict[str, Any], mlc.Dataset]:
    """The file and its metadata on disk, and the data set as mlcroissant reads it."""
    pq.write_table(table, folder / name)
    content = (folder / name).read_bytes()
    facts = FileFacts(name, hashlib.sha256(content).hexdigest(), len(content))
    made = croissant(sheet, table.schema, facts)
    path = folder / "croissant.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    return made, mlc.Dataset(jsonld=path)


def warned(dataset: mlc.Dataset) -> list[str]:
    return sorted(text.split("] ")[-1] for text in dataset.metadata.ctx.issues.warnings)


def plain(value: Any) -> Any:
    """A value as Arrow would give it: mlcroissant makes text bytes, and times pandas' own."""
    if isinstance(value, list | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value


def expected(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    return value


def read(dataset: mlc.Dataset) -> list[dict[str, Any]]:
    """Records by column name, which is the name of the field."""
    (records,) = dataset.metadata.record_sets
    names = {field.id: field.name for field in records.fields}
    return [
        {names[key]: plain(value) for key, value in record.items()}
        for record in dataset.records("examples")
    ]


@pytest.mark.parametrize("sheet", [FULL, EMPTY], ids=["full", "empty"])
def test_mlcroissant_reads_the_same_rows(sheet: VersionSheet, tmp_path: Path):
    table = pa.table(ROWS)
    _, dataset = publish(tmp_path, sheet, table)
    wanted = [{name: expected(value) for name, value in row.items()} for row in table.to_pylist()]
    assert read(dataset) == wanted


def test_a_full_sheet_lacks_a_citation_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        _, dataset = publish(tmp_path, FULL, pa.table(ROWS))
    assert not dataset.metadata.ctx.issues.errors
    assert warned(dataset) == [CITE_AS]
    # The warning is logged too, and nothing else is: the @context is the standard one.
    assert [record.getMessage().count("\n") for record in caplog.records] == [1]


def test_an_empty_sheet_lacks_a_licence_too(tmp_path: Path):
    made, dataset = publish(tmp_path, EMPTY, pa.table({"example_id": ["a"]}))
    assert not dataset.metadata.ctx.issues.errors
    assert warned(dataset) == [CITE_AS, LICENCE]
    assert set(made) == {
        "@context", "@type", "name", "description", "conformsTo", "version", "datePublished",
        "isLiveDataset", "prov:wasGeneratedBy", "distribution", "recordSet",
    }  # fmt: skip
    assert made["description"] == (
        f"Dataset version pets@1: 0 rows, label events folded: 0, content digest: {'0' * 64}."
    )
    assert made["recordSet"][0]["description"] == "A record an example."
    assert made["conformsTo"] == "http://mlcommons.org/croissant/1.1"


def test_nothing_is_written_empty():
    def hollow(node: Any) -> bool:
        within = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return node in ("", None, [], {}) or any(hollow(part) for part in within)

    for sheet in (FULL, EMPTY):
        made = croissant(sheet, pa.schema({"example_id": pa.string()}), facts_of("f"))
        assert not hollow(made)


def test_every_stated_value_survives_reading_and_writing_by_mlcroissant(tmp_path: Path):
    made, dataset = publish(tmp_path, FULL, pa.table(ROWS))
    metadata = dataset.metadata
    assert metadata.name == "digits"
    assert metadata.version == "7.0.0"
    assert metadata.description == made["description"]
    assert made["description"].startswith(FULL.description + "\n\n")
    assert metadata.license == [FULL.licence]
    assert metadata.date_published == FULL.created_at
    assert metadata.data_collection_raw_data == FULL.source
    assert metadata.data_collection == FULL.collection
    assert metadata.data_preprocessing_protocol == [FULL.preprocessing]
    assert metadata.creators == []  # a contact did not say that it made the data
    assert metadata.record_sets[0].key == ["examples/example_id"]
    again = json.dumps(dataset.metadata.to_json(), ensure_ascii=False)
    said = ["digits@7", "data@example.org", "code 6c98351", "run-41", *FULL.parents, "digits@iter5"]
    said += [FULL.digest, "3 rows", "events folded: 1041", *FULL.models]
    said += [
        json.dumps(json.dumps(dict(FULL.class_counts)))[1:-1],
        '{\\"train\\": 2, \\"test\\": 1}',
    ]
    assert [value for value in said if value not in again] == []


def test_the_checksum_and_size_are_those_of_the_file(tmp_path: Path):
    _, dataset = publish(tmp_path, FULL, pa.table(ROWS), name="data v7.parquet")
    (file,) = dataset.metadata.file_objects
    content = (tmp_path / file.content_url).read_bytes()
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.content_size == f"{len(content)} B"


@pytest.mark.parametrize(("contact", "email"), [("team:ml", {}), ("a@b.c", {"email": "a@b.c"})])
def test_a_contact_is_the_maintainer(contact: str, email: dict[str, str]):
    schema = pa.schema({"example_id": pa.string()})
    made = croissant(replace(EMPTY, contact=contact), schema, facts_of("f"))
    assert made["maintainer"] == {"@type": "sc:ContactPoint", "name": contact, **email}


def test_columns_without_a_croissant_type_are_named_and_the_rest_can_be_read(tmp_path: Path):
    odd = {
        "example_id": pa.array(["a"]),
        "box": pa.array([{"x": 1}]),
        "boxes": pa.array([[{"x": 1}]]),
        "took": pa.array([timedelta(seconds=1)]),
    }
    made, dataset = publish(tmp_path, EMPTY, pa.table(odd))
    assert read(dataset) == [{"example_id": b"a"}]
    for name, column in odd.items():
        assert name == "example_id" or f'"{name}": "{column.type}"' in str(made["recordSet"])


@given(st.lists(st.text("ab.~/:_2E é#", min_size=1, max_size=4), unique=True))
def test_ids_are_safe_unique_and_do_not_depend_on_other_columns(names: list[str]):
    def ids(columns: list[str]) -> list[str]:
        schema = pa.schema([(name, pa.string()) for name in ["example_id", *columns]])
        made = croissant(EMPTY, schema, facts_of("examples.parquet"))
        return [field["@id"] for field in made["recordSet"][0]["field"]]

    made = ids(names)
    assert len(set(made)) == len(names) + 1
    assert all(set(name.removeprefix("examples/").strip(".")) for name in made)
    assert all(name.isascii() and not set(name.split("/", 1)[1]) & set(" /:#?%") for name in made)
    assert made == [ids([])[0]] + [ids([name])[1] for name in names]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["label"], "no column 'example_id'"),
        (["example_id", "x", "x"], "column 'x' is there 2 times"),
        (["example_id", ""], "a column has no name"),
    ],
)
def test_a_schema_that_croissant_cannot_tell_is_refused(names: list[str], message: str):
    with pytest.raises(DataError, match=message):
        croissant(EMPTY, pa.schema([(name, pa.string()) for name in names]), facts_of("f"))


def facts_of(name: str) -> FileFacts:
    return FileFacts(name, "0" * 64, 1)
