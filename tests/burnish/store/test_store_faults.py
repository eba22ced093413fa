"""The store under faults: writers at once, writers killed, bytes flipped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

import burnish
from burnish.errors import CorruptTable, VersionNotFound
from burnish.store import ParquetStore, content_digest

ROOT = Path(burnish.__file__).parents[1]
TABLE = "digits/raw_examples"
WRITERS, WRITES = 8, 4

WRITER = """
import sys
import pyarrow as pa
from burnish.store import ParquetStore
root, name, count, how = sys.argv[1:]
store = ParquetStore(root)
store.write("warm_up", pa.table({"example_id": [name]}))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    row = pa.table({"example_id": [f"{name}-{number}"], "x": pa.array([[0.5] * 2000])})
    getattr(store, how)("digits/raw_examples", row)
    print(number, flush=True)
"""


def start(root: Path, name: str, *, count: int, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(count), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("how", ["write", "append"])
def test_writers_at_once_lose_nothing(tmp_path, how):
    writers = [start(tmp_path, str(n), count=WRITES, how=how) for n in range(WRITERS)]
    for writer in writers:
        go(writer)
    assert [(writer.communicate(), writer.returncode)[1] for writer in writers] == [0] * WRITERS
    store = ParquetStore(tmp_path)
    assert [version.version for version in store.history(TABLE)] == list(
        range(1, WRITERS * WRITES + 1)
    )
    everything = {f"{name}-{number}" for name in range(WRITERS) for number in range(WRITES)}
    if how == "append":
        kept = store.read(TABLE, columns=["example_id"])["example_id"].to_pylist()
    else:
        kept = [
            store.read(TABLE, version=n, columns=["example_id"])["example_id"][0].as_py()
            for n in range(1, WRITERS * WRITES + 1)
        ]
    assert len(kept) == len(everything)
    assert set(kept) == everything


def test_a_killed_writer_leaves_whole_versions_only(tmp_path):
    chance = random.Random(7)
    store = ParquetStore(tmp_path)
    acknowledged: set[str] = set()
    writers = [start(tmp_path, str(n), count=100_000, how="write") for n in range(10)]
    for name, writer in enumerate(writers):
        go(writer)
        time.sleep(chance.uniform(0.0, 0.06))
        writer.send_signal(signal.SIGKILL)
        said, _ = writer.communicate()
        acknowledged |= {f"{name}-{line}" for line in said.split()}
    history = store.history(TABLE)
    assert acknowledged
    assert [version.version for version in history] == list(range(1, len(history) + 1))
    found: set[str] = set()
    for version in history:
        rows = store.read(TABLE, version=version.version)
        assert content_digest(rows) == version.digest
        found.add(rows["example_id"][0].as_py())
    assert acknowledged <= found
    assert len(found) == len(history)
    assert store.vacuum(TABLE, keep_last=len(history)) == []
    files = list((tmp_path / TABLE).iterdir())
    assert len(files) == 2 * len(history)


def test_flipped_bytes_are_reported_with_table_and_version(tmp_path):
    store = ParquetStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    store.write(TABLE, pa.table({"example_id": ["b"]}))
    folder = tmp_path / TABLE
    for path in folder.glob("*.parquet"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    for version in (1, 2):
        with pytest.raises(CorruptTable, match=f"digits/raw_examples@{version} does not have"):
            store.read(TABLE, version=version)


def test_every_flipped_byte_of_a_manifest_is_reported(tmp_path):
    store = ParquetStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}), properties={"iteration": "1"})
    path = tmp_path / TABLE / "v00000001.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(CorruptTable, match="digits/raw_examples@1"):
            store.describe(TABLE)


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"null", b"{}"])
def test_a_manifest_cut_short_is_no_silent_step_back(tmp_path, left):
    store = ParquetStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    store.write(TABLE, pa.table({"example_id": ["b"]}))
    (tmp_path / TABLE / "v00000002.json").write_bytes(left)
    with pytest.raises(CorruptTable, match="digits/raw_examples@2"):
        store.read(TABLE)


def test_a_lost_file_and_a_manifest_of_another_version_are_reported(tmp_path):
    store = ParquetStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    folder = tmp_path / TABLE
    (folder / "v00000002.json").write_bytes((folder / "v00000001.json").read_bytes())
    with pytest.raises(CorruptTable, match=r"@2 is that of digits/raw_examples@1"):
        store.describe(TABLE)
    (folder / "v00000002.json").unlink()
    next(folder.glob("*.parquet")).unlink()
    with pytest.raises(CorruptTable, match="digits/raw_examples@1 has lost its file"):
        store.read(TABLE)


def test_vacuum_beside_readers_and_writers_takes_nothing_from_them(tmp_path):
    store = ParquetStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["0"]}))
    failures: list[BaseException] = []
    done = threading.Event()

    def keep(work) -> None:
        try:
            while not done.is_set():
                work()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    jobs = [
        lambda: store.read(TABLE),
        lambda: store.append(TABLE, pa.table({"example_id": ["x"]})),
        lambda: store.vacuum(TABLE, keep_last=1),
        lambda: store.history(TABLE),
    ]
    threads = [threading.Thread(target=keep, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    head = store.describe(TABLE)
    assert head.rows == head.version
    store.vacuum(TABLE, keep_last=1)
    with pytest.raises(VersionNotFound):
        store.read(TABLE, version=1)
