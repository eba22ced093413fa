"""Versions of tables: what is written can be read, picked, compared, held and let go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from sqlalchemy.exc import IntegrityError

from burnish.database import open_database
from burnish.errors import CorruptTable, StoreError, VersionNotFound, WriteConflict
from burnish.store import DeltaStore, content_digest
from burnish.store.places import LocalPlace
from burnish.typing import TableStore

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
TABLE = "digits/raw_examples"


class Hours:
    """A clock that moves on by an hour each time it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


def rows(*ids: str, label: str = "7") -> pa.Table:
    return pa.table({"example_id": list(ids), "label": [label] * len(ids)})


@pytest.fixture
def store(tmp_path):
    return DeltaStore(tmp_path / "tables", clock=Hours())


def test_it_is_a_table_store(store):
    assert isinstance(store, TableStore)


def test_a_version_is_read_as_it_was_written(store):
    table = pa.table(
        {
            "example_id": ["a", "b"],
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "signal": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2)),
            "seen": pa.array([START, None], pa.timestamp("us", tz="UTC")),
            "nothing": pa.nulls(2),
        }
    )
    written = store.write(TABLE, table, properties={"iteration": "3"})
    assert store.read(TABLE).equals(table)
    assert (written.version, written.rows, written.parent) == (1, 2, None)
    assert written.digest == content_digest(table)
    assert written.properties == {"iteration": "3"}
    assert store.describe(TABLE) == written


def test_only_the_columns_asked_for_come_in_their_order(store):
    table = pa.table({"example_id": ["a"], "p:1": [0.1], "p:1.0": [0.9], "p:1.0.x": [0.5]})
    store.write(TABLE, table)
    assert store.read(TABLE, columns=["p:1.0", "example_id"]).column_names == [
        "p:1.0",
        "example_id",
    ]
    with pytest.raises(StoreError, match="no column p:2"):
        store.read(TABLE, columns=["p:2"])


def test_the_newest_of_many_tables_are_told_by_how_their_names_begin(tmp_path, database):
    store = DeltaStore(tmp_path / "tables", open_database(database), clock=Hours())
    for name in ("raw_rows/a", "raw_rows/a", "raw_rows/b", "rawxrows/a", "others"):
        store.write(f"digits/{name}", rows("a"))
    assert store.newest(under="digits/raw_rows/") == {
        "digits/raw_rows/a": 2,
        "digits/raw_rows/b": 1,
    }
    assert store.newest(under="flowers/") == {}


def test_old_versions_stay_and_time_picks_them(store):
    first = store.write(TABLE, rows("a"))
    second = store.write(TABLE, rows("a", "b"))
    assert second.parent == 1
    assert [version.version for version in store.history(TABLE)] == [1, 2]
    assert store.read(TABLE, version=1).num_rows == 1
    assert store.read(TABLE, as_of=first.created_at).num_rows == 1
    assert store.read(TABLE, as_of=second.created_at + timedelta(days=1)).num_rows == 2
    with pytest.raises(VersionNotFound, match="as of"):
        store.read(TABLE, as_of=START)
    with pytest.raises(StoreError, match="without a time zone"):
        store.read(TABLE, as_of=datetime(2030, 1, 1))  # noqa: DTZ001


def test_a_clock_that_goes_back_does_not_reorder_versions(tmp_path):
    times = [START]
    store = DeltaStore(tmp_path, clock=lambda: times[-1])
    store.write(TABLE, rows("a"))
    times.append(START - timedelta(days=1))
    assert store.write(TABLE, rows("b")).created_at == START


def test_a_conditional_write_is_refused_where_the_head_has_moved(store):
    store.write(TABLE, rows("a"), expected=0)
    with pytest.raises(WriteConflict, match="newest version of digits/raw_examples is 1"):
        store.write(TABLE, rows("b"), expected=0)
    store.write(TABLE, rows("b"), expected=1)
    with pytest.raises(WriteConflict):
        store.append(TABLE, rows("c"), expected=1)
    assert store.read(TABLE)["example_id"].to_pylist() == ["b"]


def test_append_keeps_the_rows_before(store):
    store.append(TABLE, rows("a"))
    store.append(TABLE, rows("b").select(["label", "example_id"]))
    assert store.read(TABLE)["example_id"].to_pylist() == ["a", "b"]
    with pytest.raises(StoreError, match="no column x"):
        store.append(TABLE, rows("c").append_column("x", pa.array([1])))
    with pytest.raises(StoreError, match="cannot be appended"):
        store.append(TABLE, pa.table({"example_id": ["d"], "label": [1]}))
    assert store.describe(TABLE).version == 2


@pytest.mark.parametrize("name", ["", "/etc", "../up", "a//b", "A", "a.b", "a/", "a b"])
def test_a_name_that_is_no_table_is_refused(store, name):
    with pytest.raises(StoreError, match="cannot be the name of a table"):
        store.write(name, rows("a"))


def test_a_table_may_lie_inside_the_folder_of_another(store):
    store.write("digits", rows("a"))
    store.write("digits/raw", rows("b", "c"))
    assert store.vacuum("digits", keep_last=1) == []
    assert (store.read("digits").num_rows, store.read("digits/raw").num_rows) == (1, 2)


def test_what_is_not_there_is_said(store):
    assert store.history(TABLE) == []
    assert store.vacuum(TABLE, keep_last=1) == []
    for ask in (store.read, store.describe):
        with pytest.raises(VersionNotFound, match="no version yet"):
            ask(TABLE)
    for mark in (lambda: store.tag(TABLE, "x", 1), lambda: store.pin(TABLE, 1, "why")):
        with pytest.raises(VersionNotFound):
            mark()
    store.write(TABLE, rows("a"))
    with pytest.raises(VersionNotFound, match="has no version 2"):
        store.read(TABLE, version=2)
    with pytest.raises(VersionNotFound, match="no tag 'champion'"):
        store.read(TABLE, tag="champion")
    with pytest.raises(StoreError, match="in two ways"):
        store.read(TABLE, version=1, tag="champion")


def test_properties_are_text(store):
    with pytest.raises(StoreError, match="'iteration' is 3"):
        store.write(TABLE, rows("a"), properties={"iteration": 3})


def test_a_tag_moves(store):
    store.write(TABLE, rows("a"))
    store.write(TABLE, rows("a", "b"))
    store.tag(TABLE, "champion", 1)
    assert store.describe(TABLE, tag="champion").version == 1
    store.tag(TABLE, "champion", 2)
    assert store.read(TABLE, tag="champion").num_rows == 2
    with pytest.raises(StoreError, match="cannot be a tag"):
        store.tag(TABLE, "../x", 1)


def test_vacuum_leaves_what_is_tagged_pinned_or_newest(store, tmp_path):
    for number in range(1, 7):
        store.write(TABLE, rows(str(number)))
    store.tag(TABLE, "champion", 2)
    store.pin(TABLE, 4, "dataset version 1")
    folder = tmp_path / "tables" / TABLE
    (folder / "0123.parquet").write_bytes(b"left by a killed writer")
    (folder / "0123.draft").write_bytes(b"")
    assert store.vacuum(TABLE, keep_last=1) == [1, 3, 5]
    assert [version.version for version in store.history(TABLE)] == [2, 4, 6]
    assert [store.read(TABLE, version=n)["example_id"][0].as_py() for n in (2, 4, 6)] == [
        "2",
        "4",
        "6",
    ]
    assert len(list(folder.glob("*.parquet"))) == 3
    assert not list(folder.glob("*.draft"))
    assert store.write(TABLE, rows("7")).version == 7
    with pytest.raises(StoreError, match="keep_last is 0"):
        store.vacuum(TABLE, keep_last=0)


@pytest.mark.parametrize("change", ["UPDATE pins SET version = 2", "DELETE FROM pins"])
def test_the_database_itself_refuses_to_let_a_pin_go(store, tmp_path, change):
    for number in range(3):
        store.write(TABLE, rows(str(number)))
    store.pin(TABLE, 1, "dataset version 1")
    engine = open_database(tmp_path / "tables" / "store.db")
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(change)
    assert store.vacuum(TABLE, keep_last=1) == [2]
    assert store.pins(TABLE) == [(1, "dataset version 1")]


TYPES = [
    pa.array([1, None], pa.uint8()), pa.array([2**64 - 1, None], pa.uint64()),
    pa.array([1, None], pa.int8()), pa.array([1.5, None], pa.float16()),
    pa.array([1.5, None], pa.float32()), pa.array(["a", None], pa.large_string()),
    pa.array(["a", None], pa.string_view()), pa.array([b"ab", None], pa.binary(2)),
    pa.array([b"a", None], pa.large_binary()), pa.array([1, None], pa.date32()),
    pa.array([86_400_000, None], pa.date64()), pa.array([1, None], pa.time32("s")),
    pa.array([1, None], pa.time64("ns")), pa.array([1, None], pa.duration("us")),
    pa.array([1, None], pa.timestamp("ns")), pa.array([1, None], pa.timestamp("s")),
    pa.array([1, None], pa.timestamp("ms", "Europe/Berlin")), pa.nulls(2),
    pa.array([1, None], pa.decimal128(10, 2)), pa.array([True, None]),
    pa.array(["a", None]).dictionary_encode(), pa.array([[1.0], None], pa.list_(pa.float32())),
    pa.array([[1, 2], None], pa.list_(pa.int16(), 2)),
    pa.array([[1], None], pa.large_list(pa.uint8())), pa.array([{"a": 1, "b": "x"}, None]),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
]  # fmt: skip


@pytest.mark.parametrize("values", TYPES, ids=lambda values: str(values.type))
def test_every_type_comes_back_as_it_was(store, values):
    table = pa.table({"example_id": ["a", "b"], "x": values})
    written = store.write(TABLE, table)
    read = store.read(TABLE)
    assert read.schema.equals(table.schema)
    assert read.equals(table)
    assert store.verify(TABLE) == written
    assert store.append(TABLE, table.slice(1)).digest == content_digest(
        pa.concat_tables([table, table.slice(1)])
    )


ODD_NAMES = ["p:a b", "p:a.b", "p:x (y), z=1;{}", "Ä ö", "a", "A", "`q`", "tab\tname", "", "日本"]


def test_a_column_may_be_called_anything(store):
    table = pa.table({"example_id": ["a"], **{name: [at] for at, name in enumerate(ODD_NAMES)}})
    store.write(TABLE, table)
    store.append(TABLE, table.set_column(0, "example_id", pa.array(["b"])))
    assert store.read(TABLE).column_names == table.column_names
    assert store.read(TABLE, columns=ODD_NAMES[::-1]).column_names == ODD_NAMES[::-1]


def test_two_columns_of_a_wide_table_are_all_that_is_read(store, monkeypatch):
    wide = pa.table({"example_id": ["a", "b"], **{f"x{n}": [n, n] for n in range(200)}})
    store.write(TABLE, wide)
    looked_at: list[tuple[int, int]] = []
    original = LocalPlace.image

    def seen(self, name, size, ranges):
        looked_at.extend(ranges)
        return original(self, name, size, ranges)

    monkeypatch.setattr(LocalPlace, "image", seen)
    assert store.read(TABLE, columns=["x7", "x9"]).to_pydict() == {"x7": [7, 7], "x9": [9, 9]}
    assert len(looked_at) == 3  # the footer, and a chunk for each column


def test_other_engines_read_the_same_rows(store, tmp_path):
    from deltalake import DeltaTable

    store.write(TABLE, rows("a", "b"))
    store.append(TABLE, rows("c"))
    store.write(TABLE, rows("d"))
    where = str(tmp_path / "tables" / TABLE)
    for version, ids in ((0, {"a", "b"}), (1, {"a", "b", "c"}), (2, {"d"})):
        seen = DeltaTable(where, version=version).to_pyarrow_table()
        assert set(seen["example_id"].to_pylist()) == ids


def test_a_version_has_files_for_engines_that_scan_lazily(store):
    import pyarrow.dataset as ds

    store.write(TABLE, rows("a", "b"))
    store.append(TABLE, rows("c", label="8"))
    seen = ds.dataset(store.files(TABLE), format="parquet")
    found = seen.to_table(columns=["example_id"], filter=ds.field("label") == "8")
    assert found.to_pydict() == {"example_id": ["c"]}
    assert len(store.files(TABLE, version=1)) == 1


def test_an_append_writes_its_own_rows_alone(store, tmp_path):
    ids = [f"row-{n}" for n in range(50_000)]
    store.write(TABLE, pa.table({"example_id": ids, "x": list(range(50_000))}))
    before = sum(p.stat().st_size for p in (tmp_path / "tables" / TABLE).glob("*.parquet"))
    version = store.append(TABLE, pa.table({"example_id": ["new"], "x": [1]}))
    after = sum(p.stat().st_size for p in (tmp_path / "tables" / TABLE).glob("*.parquet"))
    assert after - before < 2_000 < before
    assert version.digest == content_digest(store.read(TABLE))


def test_a_hundred_versions_stay_readable_by_number(store):
    for number in range(1, 131):
        store.write(TABLE, rows(str(number)))
    assert store.read(TABLE, version=1)["example_id"].to_pylist() == ["1"]
    assert store.read(TABLE, version=130)["example_id"].to_pylist() == ["130"]
    assert len(store.history(TABLE)) == 130


def test_the_same_store_in_an_object_store(tmp_path):
    # The object store here is a folder behind the client that also speaks to S3, GCS and Azure.
    engine = open_database(tmp_path / "marks.db")
    store = DeltaStore(f"file://{tmp_path}/bucket", engine, clock=Hours())
    first = store.write(TABLE, rows("a"), expected=0)
    store.append(TABLE, rows("b"))
    with pytest.raises(WriteConflict):
        store.write(TABLE, rows("c"), expected=1)
    store.tag(TABLE, "good", 1)
    assert store.read(TABLE, columns=["example_id"])["example_id"].to_pylist() == ["a", "b"]
    assert store.describe(TABLE, tag="good") == first
    assert store.write(TABLE, rows("c")).version == 3
    assert store.vacuum(TABLE, keep_last=1) == [2]
    # What is younger than a day may be a writer's, so its files are spared.
    assert len(list((tmp_path / "bucket" / TABLE).glob("*.parquet"))) == 3
    for part in (tmp_path / "bucket" / TABLE).glob("*.parquet"):
        part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(CorruptTable):
        [store.verify(TABLE, version=n) for n in (1, 3)]
    with pytest.raises(VersionNotFound, match="no version yet"):
        store.read("digits/other")


def test_an_object_store_needs_a_database_beside_it():
    with pytest.raises(StoreError, match="need a database beside them"):
        DeltaStore("s3://bucket/tables")


def test_a_diff_names_rows_and_cells(store):
    store.write(
        TABLE,
        pa.table(
            {
                "example_id": ["a", "b", "c"],
                "label": ["1", "2", None],
                "x": [0.0, float("nan"), 1.0],
            }
        ),
    )
    store.write(
        TABLE,
        pa.table(
            {
                "x": [1.0, float("nan"), -0.0],
                "label": ["", "7", "1"],
                "example_id": ["c", "b", "a"],
                "new": [None, "n", None],
            }
        ),
    )
    store.append(TABLE, store.read(TABLE).slice(0, 1).set_column(2, "example_id", pa.array(["d"])))
    diff = store.diff(TABLE, 1, 2)
    assert (diff.added, diff.removed) == ((), ())
    assert diff.changed.to_pylist() == [
        {"example_id": "b", "column": "label", "before": "2", "after": "7"},
        {"example_id": "b", "column": "new", "before": None, "after": "n"},
        {"example_id": "c", "column": "label", "before": None, "after": ""},
    ]
    assert store.diff(TABLE, 2, 3).added == ("d",)
    assert store.diff(TABLE, 3, 2).removed == ("d",)
    assert store.diff(TABLE, 1, 1).changed.num_rows == 0


def test_a_diff_needs_one_row_an_example(store):
    store.write(TABLE, rows("a", "a"))
    store.write(TABLE, pa.table({"example_id": ["a", None]}))
    store.write(TABLE, pa.table({"x": [1]}))
    with pytest.raises(StoreError, match=r"row 1 of digits/raw_examples@1 .*'a', which stands"):
        store.diff(TABLE, 1, 2)
    with pytest.raises(StoreError, match=r"row 1 of digits/raw_examples@2 .* null"):
        store.diff(TABLE, 2, 1)
    with pytest.raises(StoreError, match="no column example_id"):
        store.diff(TABLE, 3, 3)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[], None], pa.list_(pa.null())),
        pa.array([{"a": None}, {"a": None}], pa.struct([("a", pa.null())])),
    ],
)
def test_what_would_not_come_back_is_refused_before_it_is_written(store, values):
    with pytest.raises(StoreError, match="'x'"):
        store.write(TABLE, pa.table({"example_id": ["a", "b"], "x": values}))
    assert store.history(TABLE) == []


def test_more_categories_than_their_codes_can_count_are_read_with_wider_codes(store):
    kind = pa.dictionary(pa.int8(), pa.string())
    for part in range(2):
        cells = pa.array([f"{part}-{n}" for n in range(100)])
        table = pa.table({"example_id": cells, "c": cells.cast(kind)})
        store.append(TABLE, table)
    read = store.read(TABLE)
    assert read["c"].cast(pa.string()).to_pylist() == read["example_id"].to_pylist()
