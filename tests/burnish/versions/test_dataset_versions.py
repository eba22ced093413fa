"""Dataset versions: dense numbers, one for each content, and rows that stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from burnish.database import open_database
from burnish.errors import VersionNotFound
from burnish.ledger import SqlLedger
from burnish.records import Watermark
from burnish.store import DeltaStore
from burnish.versions import Versions

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MARK = Watermark(3, "c" * 64)
TABLE = "digits/curated_examples"


@pytest.fixture
def store(tmp_path):
    return DeltaStore(tmp_path / "tables", clock=lambda: NOW)


@pytest.fixture
def versions(tmp_path, store):
    engine = open_database(tmp_path / "burnish.db")
    return Versions(engine, store, SqlLedger(engine), clock=lambda: NOW)


def commit(versions, table_version, *, watermark=MARK, digest="d"):
    return versions.commit(
        "digits",
        table_version=table_version,
        watermark=watermark,
        digest=digest,
        rows=2,
        class_counts={"7": 1, "1": 1},
        iteration=4,
    )


def test_numbers_are_dense_and_the_same_content_has_one(versions, store):
    for name in "ab":
        store.write(TABLE, pa.table({"example_id": [name]}))
    first = commit(versions, 1)
    second = commit(versions, 2)
    third = commit(versions, 2, watermark=Watermark(4, "d" * 64))
    assert [str(version) for version in (first, second, third)] == [
        "digits@1",
        "digits@2",
        "digits@3",
    ]
    assert commit(versions, 1) == first
    assert versions.dataset_versions("digits") == [first, second, third]
    assert (first.watermark, first.class_counts, first.created_at) == (MARK, {"7": 1, "1": 1}, NOW)
    assert versions.dataset_versions("wine") == []


def test_a_committed_table_is_pinned(versions, store):
    for name in "abc":
        store.write(TABLE, pa.table({"example_id": [name]}))
    commit(versions, 1)
    assert store.vacuum(TABLE, keep_last=1) == [2]
    assert store.read(TABLE, version=1)["example_id"].to_pylist() == ["a"]


def test_a_version_that_is_not_there_gets_no_number(versions):
    with pytest.raises(VersionNotFound):
        commit(versions, 1)
    assert versions.dataset_versions("digits") == []


def test_commits_at_once_of_the_same_content_get_one_number(versions, store):
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: commit(versions, 1, digest=str(n % 3)), range(24)))
    assert {version.number for version in made} == {1, 2, 3}
    assert len(versions.dataset_versions("digits")) == 3
