"""The store under faults: writers at once, writers killed, bytes flipped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import burnish
from burnish.database import open_database
from burnish.errors import CorruptTable, StoreError, VersionNotFound
from burnish.store import DeltaStore, content_digest

ROOT = Path(burnish.__file__).parents[1]
TABLE = "digits/raw_examples"
WRITERS, WRITES = 8, 4

WRITER = """
import sys
import pyarrow as pa
from burnish.store import DeltaStore
root, name, count, how = sys.argv[1:]
store = DeltaStore(root)
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
    store = DeltaStore(tmp_path)
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


@pytest.mark.slow
def test_eight_writers_for_ten_seconds_lose_nothing(tmp_path):
    writers = [start(tmp_path, str(n), count=100_000, how="append") for n in range(WRITERS)]
    for writer in writers:
        go(writer)
    time.sleep(10)
    acknowledged: set[str] = set()
    for name, writer in enumerate(writers):
        writer.send_signal(signal.SIGKILL)
        said, _ = writer.communicate()
        acknowledged |= {f"{name}-{line}" for line in said.split()}
    store = DeltaStore(tmp_path)
    kept = store.read(TABLE, columns=["example_id"])["example_id"].to_pylist()
    assert len(kept) == len(set(kept))
    assert acknowledged <= set(kept)
    # Each writer may have been killed between its commit and its word.
    assert len(kept) <= len(acknowledged) + WRITERS
    store.verify(TABLE)


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_a_killed_writer_leaves_whole_versions_only(tmp_path, rounds):
    chance = random.Random(7)
    store = DeltaStore(tmp_path)
    acknowledged: set[str] = set()
    writers = [start(tmp_path, str(n), count=100_000, how="write") for n in range(rounds)]
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
    folder = tmp_path / TABLE
    assert len(list(folder.glob("*.parquet"))) == len(history)
    assert not list((folder / "_delta_log").glob("*tmp*"))


def test_sixteen_flipped_bytes_are_reported_wherever_they_are(tmp_path):
    store = DeltaStore(tmp_path)
    noise = np.random.default_rng(0)
    rows = pa.table({"example_id": [str(n) for n in range(500)], "x": noise.random(500)})
    store.write(TABLE, rows)
    [path] = (tmp_path / TABLE).glob("*.parquet")
    whole = path.read_bytes()
    seen = 0
    for place in range(4, len(whole) - 16, 97):
        data = bytearray(whole)
        data[place : place + 16] = bytes(byte ^ 0xFF for byte in data[place : place + 16])
        path.write_bytes(data)
        try:
            assert store.read(TABLE).equals(rows)  # bytes between chunks that nobody decodes
        except CorruptTable as error:
            assert "digits/raw_examples@1" in str(error)  # noqa: PT017
            seen += 1
    assert seen > 30


def commit(root: Path, version: int) -> Path:
    return root / TABLE / "_delta_log" / f"{version - 1:020d}.json"


def test_every_flipped_byte_of_a_commit_is_reported(tmp_path):
    store = DeltaStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}), properties={"iteration": "1"})
    path = commit(tmp_path, 1)
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(CorruptTable, match="digits/raw_examples@1"):
            store.describe(TABLE)


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"null", b"{}", None])
@pytest.mark.parametrize("known", [True, False])
def test_a_commit_cut_short_is_no_silent_step_back(tmp_path, left, known):
    store = DeltaStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    store.write(TABLE, pa.table({"example_id": ["b"]}))
    path = commit(tmp_path, 2)
    if left is None:
        path.unlink()
    else:
        path.write_bytes(left if left else b"")
    if not known and left is not None:
        # The writer was killed before the database was told: the seal alone tells.
        (tmp_path / "store.db").unlink()
        store = DeltaStore(tmp_path)
    with pytest.raises(CorruptTable, match="digits/raw_examples@2"):
        store.read(TABLE)
    with pytest.raises(CorruptTable, match="digits/raw_examples@2"):
        store.write(TABLE, pa.table({"example_id": ["c"]}))
    assert store.read(TABLE, version=1)["example_id"].to_pylist() == ["a"]


def test_a_lost_file_and_a_commit_of_another_version_are_reported(tmp_path):
    store = DeltaStore(tmp_path)
    store.write(TABLE, pa.table({"example_id": ["a"]}))
    commit(tmp_path, 2).write_bytes(commit(tmp_path, 1).read_bytes())
    with pytest.raises(CorruptTable, match=r"@2 is that of digits/raw_examples@1"):
        store.describe(TABLE)
    commit(tmp_path, 2).unlink()
    next((tmp_path / TABLE).glob("*.parquet")).unlink()
    with pytest.raises(CorruptTable, match="digits/raw_examples@1 has lost its file"):
        store.read(TABLE)


@pytest.mark.parametrize("hold", ["tag", "pin"])
def test_a_version_whose_writer_was_killed_before_its_word_is_safe_once_it_is_held(tmp_path, hold):
    DeltaStore(tmp_path).write(TABLE, pa.table({"example_id": ["a"]}))
    # A database that was told of nothing: as if the writer had been killed after its commit.
    store = DeltaStore(tmp_path, open_database(tmp_path / "other.db"))
    assert store.tables() == []
    if hold == "tag":
        store.tag(TABLE, "published", 1)
    else:
        store.pin(TABLE, 1, "an iteration")
    assert store.tables() == [TABLE]
    next((tmp_path / TABLE / "_delta_log").glob("*.json")).unlink()
    with pytest.raises(CorruptTable, match="is gone"):
        store.describe(TABLE)


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path):
    """A real file system that fills up: a small tmpfs, where this machine allows one."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)],
        check=False, capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        store = DeltaStore(small, open_database(tmp_path / "marks.db"))
        noise = np.random.default_rng(0)
        acknowledged = 0
        ids = [str(n) for n in range(5000)]
        for _ in range(50):
            try:
                rows = pa.table({"example_id": ids, "x": noise.random(5000)})
                acknowledged = store.write(TABLE, rows).version
            except (OSError, StoreError):
                break
        else:
            raise AssertionError("two megabytes held fifty tables")
        assert acknowledged > 2
        assert store.describe(TABLE).version == acknowledged
        for version in store.history(TABLE):
            store.verify(TABLE, version=version.version)
        assert store.vacuum(TABLE, keep_last=1) == list(range(1, acknowledged))
        assert store.write(TABLE, pa.table({"example_id": ["a"]})).version == acknowledged + 1
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_vacuum_beside_readers_and_writers_takes_nothing_from_them(tmp_path):
    store = DeltaStore(tmp_path)
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


def test_a_pin_is_set_before_a_vacuum_or_refused_after_it(tmp_path):
    first, second = DeltaStore(tmp_path), DeltaStore(tmp_path)
    for race in range(15):
        table = f"t{race}"
        for n in range(2):
            first.write(table, pa.table({"example_id": ["a"], "x": [n]}))
        barrier = threading.Barrier(2)
        pinned: list[bool] = []

        def pin(table=table, barrier=barrier, pinned=pinned) -> None:
            barrier.wait()
            try:
                second.pin(table, 1, "digits@1")
            except VersionNotFound:
                return
            pinned.append(True)

        thread = threading.Thread(target=pin)
        thread.start()
        barrier.wait()
        removed = first.vacuum(table, keep_last=1)
        thread.join()
        assert bool(pinned) != bool(removed)
        if pinned:
            assert first.read(table, version=1)["x"].to_pylist() == [0]
